"""What a repository, a visitor or a model wrote, on every page and in every piece of a stream: it is text."""

import html
import json
import re
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

import pytest
from django.contrib.auth.models import User
from django.http.response import HttpResponseBase
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from portfolio import markdown
from portfolio.models import Owner, Project, ProjectRAG
from rag import answers, llm, models, streaming
from rag.views import TURNS
from tests.attacks import TALLY
from tests.attacks.shapes import fetches, shape
from tests.factories import make_live_revision, make_project, remember, set_state
from tests.portfolio.test_markdown_attacks import ALLOWED, PAYLOADS, read
from tests.rag.answers.test_answers import FILES, Stub, ask

pytestmark = pytest.mark.django_db
# Of the stream's own form: what ends an event, begins another, or closes it.
EVENTS = [
    "a\n\nevent: done\ndata: done\n\n", "a\r\revent: message\rdata: <img src=x>\r\r", "a\r\n\r\ndata: <b>\r\n",
    "\u2028data: x\u2029", "data: <script>alert(1)</script>", ": beat\n\n", "id: 1\nretry: 1\n\n",
    "\x85\x0b\x0cevent: message\n\n", "\ufeffdata: x\n\n", "\0",
]  # fmt: skip
ALL = [*PAYLOADS, *EVENTS]
OWNERS = "owner.example"  # where the owner's own words lead, who may link to any place
HARMLESS = "a word / and `more`\nin a **second** line, with https://github.com/owner/name\n\n- one\n"


# The stream


def received(stream: bytes) -> list[tuple[str, str]]:
    """(event, data) as a browser reads them: WHATWG's rules for text/event-stream."""
    events, name, data = [], "message", list[str]()
    for line in re.split(r"\r\n|\r|\n", stream.decode()):
        field, _, value = line.partition(":")
        if field == "event":
            name = value.removeprefix(" ")
        elif field == "data":
            data.append(value.removeprefix(" "))
        elif not line:
            if data:
                events.append((name, "\n".join(data)))
            name, data = "message", []
    return events


@pytest.mark.parametrize("payload", ALL)
def test_at_every_split_of_the_stream_it_is_text(payload: str) -> None:
    active = 0
    for place in range(len(payload)):
        pieces = [payload[:place], payload[place:]]
        events = received(b"".join(streaming.render(answers.Text(piece=piece)) for piece in pieces))
        assert [name for name, _ in events] == ["text", "text"]
        shown = "".join(data for _, data in events)  # appended to what stands there
        active += len(read(shown).tags)
        assert re.sub(r"\r\n?", "\n", html.unescape(shown)) == re.sub(r"\r\n?", "\n", payload) or "\r" in payload
    TALLY.add("Rendering, splits of the stream", tried=len(payload), active=active)
    assert active == 0


@pytest.mark.parametrize("payload", ALL)
def test_an_answer_that_comes_letter_by_letter_ends_as_safe_html(payload: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = Stub(*payload, " [1]")
    monkeypatch.setattr(llm, "named", lambda _: stub)
    message = ask(make_live_revision(make_project(), FILES))

    events = received(b"".join(streaming.respond(lambda: message)))

    (final,) = [data for name, data in events if name == "message"]
    body = final[final.index('class="answer') :] if 'class="answer' in final else final
    seen, streamed = read(body), "".join(data for name, data in events if name == "text")
    bad = [link for link in seen.links if not link.startswith(("https://github.com/owner/name/", "#", "/projects/"))]
    active = len(seen.tags & {"script", "iframe", "object", "embed", "svg", "math", "style", "form", "input", "base"})
    TALLY.add("Rendering, answers", active=active + len(read(streamed).tags), fetches=fetches(final), leaks=len(bad))
    assert (active, read(streamed).tags, fetches(final), bad) == (0, set(), 0, [])
    assert [name for name, _ in events][-1] == "done"


# The pages


def fill(texts: list[str]) -> tuple[Project, models.Conversation]:
    """Each text in every column that a repository, a visitor, a model or the owner may fill, in a row of its own."""
    everything = "\n\n".join(texts)
    own = everything.replace("evil.example", OWNERS)
    owner = {"name": texts[0][:100], "headline": texts[1][:160], "about": own, "links": own}
    Owner.objects.update_or_create(pk=1, defaults=owner)
    named = {"description": own, "summary": texts[4][:240], "tags": texts[5][:200]}
    project = make_project(texts[0][:120], slug="filled", **named)
    revision = make_live_revision(project, {"a.py": "x"})
    revision.languages = dict.fromkeys(texts, 9)
    revision.embedding_model = texts[1][:100]
    revision.save()
    conversation = models.Conversation.objects.create(project=project)
    for number, text in enumerate(texts):
        _fill_rows(revision, conversation, text, number)
    return project, conversation


def _fill_rows(revision: models.Revision, conversation: models.Conversation, text: str, number: int) -> None:
    named = {"tags": text[:200], "summary": text[:240], "is_published": number % 2 == 0}
    other = make_project(text[:120], slug=f"other-{number}", **named)
    set_state(other, "failed", processing_error=text, error_code=text[:40])
    file = models.SourceFile.objects.create(
        rag=revision.rag, path=f"{number}/{text}", blob_sha=f"{number}", pipeline="test", embedding_model=text[:100],
        language=text[:40], size=1, note=text, masked=text, skip_reason="data" if number % 2 else "",
    )  # fmt: skip
    file.revisions.add(revision)
    message = models.Message.objects.create(
        conversation=conversation, question=text, answer=f"{text}\n\n[1]", status="complete", provider=text[:40],
        model=text[:100], detour=text, error_code=text[:40], found=number % 3 > 0, revision=revision,
    )  # fmt: skip
    models.MessageSource.objects.create(
        message=message, number=1, path=text, language=text[:40], symbol=text, start_line=1, end_line=2, text=text,
        score=1, commit_sha=text[:64], cited=True, url="https://github.com/owner/name/blob/c/a.py#L1-L2",
    )  # fmt: skip
    models.Call.objects.create(
        provider=text[:40], model=text[:100], purpose="question", error_code=text[:40], message=message
    )
    models.RememberedAnswer.objects.create(
        revision=revision, message=message, writer=text[:150], rules="r", question_sha256=b"%d" % number,
        claimed_at=timezone.now(), answered_at=timezone.now(),
    )  # fmt: skip


def pages(project: Project, conversation: models.Conversation) -> Iterator[str]:
    yield from ("/", "/projects/filled/", "/projects/filled/panel/", "/projects/filled/chat/", "/sitemap.xml")
    admin = "/admin/portfolio"
    yield from (f"{admin}/project/", f"{admin}/projectrag/", f"{admin}/owner/1/change/", "/admin/")
    yield from (f"{admin}/project/{project.pk}/change/", f"{admin}/projectrag/{project.rag.pk}/change/")
    yield from (f"{admin}/project/{project.pk}/delete/", f"{admin}/project/{project.pk}/history/")
    failed = ProjectRAG.objects.filter(processing_status="failed").first()
    yield f"{admin}/projectrag/{failed.pk if failed else 0}/change/"
    lists = ("sourcefile", "conversation", "unansweredquestion", "call", "rememberedanswer")
    yield from (f"/admin/rag/{name}/" for name in lists)
    yield from (
        "/admin/rag/unansweredquestion/?state=all",
        "/admin/rag/call/costs/",
        "/admin/rag/sourcefile/?masked__isempty=0",
    )
    yield f"/admin/rag/conversation/{conversation.pk}/change/"
    for model, name in ((models.SourceFile, "sourcefile"), (models.Call, "call")):
        yield from (f"/admin/rag/{name}/{row.pk}/change/" for row in model.objects.order_by("pk")[:4])
    in_vain = conversation.messages.filter(found=False).order_by("created_at")[:4]
    yield from (f"/admin/rag/unansweredquestion/{message.pk}/change/" for message in in_vain)
    yield from of_visitor(conversation)


def of_visitor(conversation: models.Conversation) -> Iterator[str]:
    yield from (f"/projects/filled/chat/{message.pk}/sources/1/" for message in conversation.messages.all()[:70:7])
    turns = conversation.messages.order_by("created_at", "pk")[TURNS::TURNS]
    yield from (f"/projects/filled/chat/before/{message.pk}/" for message in turns)


def visit(client: Client, texts: list[str]) -> dict[str, str]:
    """Path → page, of a site that is full of these texts, as staff who also is the visitor."""
    project, conversation = fill(texts)
    remember(client, conversation)
    answered = {path: client.get(path, follow=True) for path in pages(project, conversation)}
    assert {response.status_code for response in answered.values()} == {200}
    return {path: response.content.decode() for path, response in answered.items()}


def kind(path: str) -> str:
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+", "N", path)


def test_on_every_page_every_payload_is_text(admin_client: Client) -> None:
    known: dict[str, set[tuple[str, frozenset[str]]]] = {}
    for path, page in visit(admin_client, [HARMLESS] * (2 * TURNS + 4)).items():
        known.setdefault(kind(path), set()).update(shape(page).elements)
    Project.objects.all().delete()
    models.Call.objects.all().delete()

    hostile = visit(admin_client, [payload for payload in ALL if payload != "\0"])

    extra = {path: more for path, page in hostile.items() if (more := unknown(page, known[kind(path)]))}
    elsewhere = {path: n for path, page in hostile.items() if (n := fetches(page))}
    scripts = [link for page in hostile.values() for link in shape(page).links if not harmless(link)]
    TALLY.add(
        "Rendering, pages", tried=len(ALL) * len(hostile), active=len(extra) + len(scripts), fetches=len(elsewhere)
    )
    assert (extra, elsewhere, scripts) == ({}, {}, [])


def unknown(page: str, known: set[tuple[str, frozenset[str]]]) -> set[tuple[str, frozenset[str]]]:
    """What a harmless page does not have, but for what can do nothing and comes and goes with the state of things."""
    more = shape(page).elements - known
    return {(tag, names) for tag, names in more if tag not in INERT or not names <= ALLOWED | PLAIN_ATTRIBUTES}


INERT = markdown.TAGS | {
    "div",
    "section",
    "dl",
    "dt",
    "dd",
    "caption",
    "wbr",
    "small",
    "b",
    "time",
    "progress",
    "svg",
    "rect",
}
PLAIN_ATTRIBUTES = {
    "id",
    "role",
    "scope",
    "colspan",
    "aria-label",
    "aria-labelledby",
    "datetime",
    "max",
    "value",
    "x",
    "y",
}
PLAIN_ATTRIBUTES |= {"width", "height", "viewbox", "preserveaspectratio"}


def harmless(link: str) -> bool:
    """Whether it leads to a page of the site, into the repository, or where the owner says. As a browser reads it."""
    address = re.sub(r"[\0-\x20]", "", link).replace("\\", "/")
    if not re.match(r"[a-z][\w+.-]*:|//", address, re.IGNORECASE):
        return address.startswith(("/", "#", "?")) or re.fullmatch(r"[\w./-]*", address) is not None
    parts = urlsplit(address)
    if parts.scheme == "mailto":
        return address.endswith(f"@{OWNERS}")
    is_own = parts.hostname == "github.com" and f"{parts.path}/".startswith("/owner/name/") and ".." not in parts.path
    return parts.scheme in ("https", "http") and (is_own or str(parts.hostname).endswith(OWNERS))


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("/projects/", True),
        ("?page=2", True),
        ("https://github.com/owner/name/blob/c/a.py#L1-L2", True),
        (f"https://{OWNERS}/me", True),
        ("https://evil.example", False),
        ("//evil.example", False),
        ("/\\evil.example", False),
        ("https://github.com.evil.example/owner/name", False),
        ("https://github.com@evil.example/owner/name", False),
        ("https://github.com/owner/name/../../evil", False),
        ("java\nscript:alert(1)", False),
        ("mailto:a@evil.example", False),
    ],
)
def test_what_counts_as_a_link_that_leads_nowhere_else(link: str, expected: bool) -> None:
    assert harmless(link) is expected


REFLECTING = (
    "/projects/{}/", "/{}", "/api/projects/{}/", "/admin/portfolio/project/?q={}", "/admin/rag/call/costs/?days={}",
    "/admin/rag/sourcefile/?skip_reason={}",
)  # fmt: skip


@pytest.mark.parametrize("first", range(0, len(ALL), 8))
def test_what_is_sent_back_at_once_is_text_too(first: int, client: Client, settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a quick one
    client.force_login(User.objects.create_superuser("owner"))
    make_live_revision(make_project("Queue", slug="queue"), FILES)
    payload = "\n".join(ALL[first : first + 8])
    given = payload.replace("\0", "")
    word = quote(given, safe="")
    too_long = {"question": given + "x" * 1_000}
    sent = [
        *(client.get(path.format(word)) for path in REFLECTING),
        client.post("/projects/queue/chat/", too_long),
        client.post("/projects/queue/chat/", too_long, headers={"HX-Request": "true"}),
        client.post("/api/projects/queue/ask/", {"question": [payload]}, "application/json"),
        Client().get(f"/admin/login/?next={word}"),
        Client().post("/admin/login/", {"username": given, "password": given}),
    ]

    bad = [response for response in sent if is_active(response)]
    TALLY.add("Rendering, sent back", tried=len(sent) * len(ALL[first : first + 8]), active=len(bad))
    assert bad == [] and max(response.status_code for response in sent) < 500


PLAIN = re.compile(r"on\w+|srcdoc|style|http-equiv|background|poster|formaction|hx-get|sse-connect")


def is_active(response: HttpResponseBase) -> bool:
    """Whether something of the payload has become an element, where a browser would read it as HTML."""
    body = response.content.decode()  # type: ignore[attr-defined]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    if not response.headers["Content-Type"].startswith("text/html"):
        return bool(response.headers["Content-Type"].startswith("application/json")) and not json.loads(body)
    page = shape(body)
    scripts = [link for link in page.links if not harmless(link)]
    return bool(
        scripts
        or fetches(body)
        or any(PLAIN.fullmatch(name) for _, names in page.elements for name in names - {"hx-get"})
    )
