"""Markdown and code to HTML that can neither run nor load anything.

Whoever wrote the Markdown, the owner or a model that was talked into something, what comes out is text, a few
structural tags, and links to the places the caller allows. The allow-list has no image: a page asks nobody for
anything until somebody clicks.
"""

import re
from collections.abc import Callable, Mapping, MutableMapping, Sequence, Set
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import nh3
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from pygments.token import STANDARD_TYPES

from portfolio import colours

MAX_CHARACTERS = 50_000
MAX_NESTING = 20

TAGS = {"p", "br", "hr", "h2", "h3", "h4", "h5", "h6", "strong", "em", "s", "code", "pre", "span", "blockquote"}
TAGS |= {"ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td", "a"}
ATTRIBUTES = {"a": {"href", "title", "data-source"}, "ol": {"start"}, "pre": {"tabindex"}}
CLASSES = {"span": {name for name in STANDARD_TYPES.values() if name}, "pre": {"code"}, "a": {"citation"}}
CITATION = re.compile(r"\[(\d{1,3})\]")


@dataclass(frozen=True, kw_only=True)
class Citation:
    """Where `[n]` leads: an address, the id of the passage on the page, and a title such as "queue.py, lines 3–9"."""

    href: str
    source: str
    title: str


def render(
    markdown: str, *, links: Sequence[str] | None = None, citations: Mapping[int, Citation] | None = None
) -> SafeString:
    """HTML of the first MAX_CHARACTERS of `markdown`.

    links: addresses at or below which a link may point, as "https://host/owner/name"; None: any http, https, mailto.
    citations: what `[n]` becomes a link to; any other number in brackets stays text. A link may also lead exactly
    where one of them leads.
    """
    known = citations or {}
    text = markdown if len(markdown) <= MAX_CHARACTERS else markdown[:MAX_CHARACTERS] + "…"
    exact = {citation.href for citation in known.values()}
    parser = _parser()
    if known:  # a line `[1]: queue.py` is a citation with words behind it, not a definition that vanishes
        parser.disable("reference")
    html = nh3.clean(
        parser.render(text, {"citations": known}),
        tags=TAGS,
        attributes=ATTRIBUTES,
        allowed_classes=CLASSES,
        attribute_filter=_attribute_filter(links, exact),
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noopener noreferrer",
    )
    return mark_safe(html)  # noqa: S308 — nothing but the allow-list is left


def highlight(text: str, language: str = "", start_line: int = 1) -> SafeString:
    """A `<pre>` of `text`, a `<span class="line" data-line="n">` for each line, numbered from `start_line`.

    `language` is a name that Pygments knows, or a file's path; code of an unknown one stays plain.
    """
    lines = colours.html(text, language).removesuffix("\n").split("\n")
    numbered = "\n".join(
        f'<span class="line" data-line="{number}">{line}</span>' for number, line in enumerate(lines, start_line)
    )
    return mark_safe(f'<pre class="code numbered" tabindex="0"><code>{numbered}</code></pre>')  # noqa: S308 — escaped by colours


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": MAX_NESTING}).enable(["table", "strikethrough"])
    # Before links, so that no `[3]: address` further down can take a citation over.
    parser.inline.ruler.before("link", "citation", _citation)
    for rule, function in {
        "fence": _code,
        "code_block": _code,
        "image": _image,
        "heading_open": _heading,
        "heading_close": _heading,
    }.items():
        parser.add_render_rule(rule, function)
    return parser


def _citation(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 — markdown-it calls it so
    match = CITATION.match(state.src, state.pos, state.posMax)
    citation = state.env["citations"].get(int(match[1])) if match else None
    if match is None or citation is None:
        return False
    if not silent:
        state.push("link_open", "a", 1).attrs = {
            "href": citation.href,
            "title": citation.title,
            "data-source": citation.source,
            "class": "citation",
        }
        state.push("text", "", 0).content = match[1]
        state.push("link_close", "a", -1)
    state.pos = match.end()
    return True


def _code(_: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: MutableMapping[str, Any]) -> str:
    language = tokens[index].info.strip().partition(" ")[0]
    return f'<pre class="code" tabindex="0"><code>{colours.html(tokens[index].content, language)}</code></pre>\n'


def _image(it: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: MutableMapping[str, Any]) -> str:
    """What the picture shows, in words."""
    return escape(it.renderInlineAsText(tokens[index].children, options, env))


def _heading(it: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: MutableMapping[str, Any]) -> str:
    """One level down: the page has its own h1."""
    tokens[index].tag = f"h{min(int(tokens[index].tag[1]) + 1, 6)}"
    return it.renderToken(tokens, index, options, env)


def _attribute_filter(links: Sequence[str] | None, exact: Set[str]) -> Callable[[str, str, str], str | None]:
    def keep(tag: str, attribute: str, value: str) -> str | None:
        if attribute != "href" or links is None or value in exact or any(_is_below(value, link) for link in links):
            return value
        return None

    return keep


def _is_below(address: str, allowed: str) -> bool:
    """Whether a browser would end up at `allowed`, which names a host, or a page below it."""
    try:
        parts, base = urlsplit(address), urlsplit(allowed)
    except ValueError:
        return False
    climbs = ".." in unquote(unquote(parts.path)) or "\\" in address
    same_host = (parts.scheme, parts.netloc.lower()) == (base.scheme, base.netloc.lower())
    return bool(base.netloc) and same_host and not climbs and f"{parts.path}/".startswith(f"{base.path.rstrip('/')}/")
