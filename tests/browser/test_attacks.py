"""Everything an attacker may get into a page at once, in a real browser: nothing runs, nothing is fetched unclicked."""

import threading
import uuid
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.utils.safestring import mark_safe
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from portfolio import markdown
from portfolio.models import Project
from rag import visitors
from rag.models import Conversation, Message, MessageSource
from tests.attacks import TALLY
from tests.browser.conftest import QUESTION
from tests.portfolio.test_markdown_attacks import EVIL, PAYLOADS

pytestmark = pytest.mark.browser

ALARM = """
window.alarms = [];
for (const name of ["alert", "confirm", "prompt", "msgbox"]) window[name] = () => alarms.push(name);
"""
EVERYTHING = (
    "a[href^='javascript:'], a[href^='data:'], form[action^='http'], "
    "#messages :is(img, script, iframe, style, link, object, embed, video)"
)


class Canary:
    """A host that should never hear of anything. `heard` are the paths that it was asked for."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        heard = self.heard

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                heard.append(self.path)
                self.send_response(204)
                self.end_headers()

            do_POST = do_GET

            def log_message(self, *args: Any) -> None:
                """Nothing: it is recorded."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def canary() -> Iterator[Canary]:
    host = Canary()
    yield host
    host.stop()


def attack(project: Project, payloads: Sequence[str] = PAYLOADS) -> str:
    """A conversation in which every payload stands in every place; returns the key of its session."""
    visitor = uuid.uuid4()
    conversation = Conversation.objects.create(project=project, visitor=visitor)
    for payload in payloads:
        message = Message.objects.create(
            conversation=conversation,
            question=payload,
            answer=f"{payload}\n\n[1]",
            status="complete",
            model=payload[:90],
        )
        MessageSource.objects.create(
            message=message, number=1, path=f"{payload}.html", language=payload[:40], symbol=payload, start_line=1,
            end_line=1 + payload.count("\n"), commit_sha="c0ffee", text=payload, score=1, cited=True,
        )  # fmt: skip
    session = SessionStore()
    session[visitors.SESSION_KEY] = str(visitor)
    session.create()
    return str(session.session_key)


def test_no_payload_in_a_conversation_runs_or_fetches(page: Page, site: str, project: Project) -> None:
    Project.objects.update(title=PAYLOADS[0], summary=PAYLOADS[4], tags=PAYLOADS[5], description="\n\n".join(PAYLOADS))
    page.context.add_cookies([{"name": "sessionid", "value": attack(project), "url": site}])
    page.add_init_script(ALARM)

    for path in ("/projects/queue/chat/", "/projects/queue/", "/"):
        page.goto(f"{site}{path}")
        page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("alarms") == []
        assert page.locator(EVERYTHING).count() == 0
    # The fixture `site` also heard of no error, no violation and no request elsewhere.


@pytest.mark.parametrize("first", range(0, len(PAYLOADS), 12))
def test_no_payload_runs_while_it_streams(page: Page, site: str, project: Project, first: int) -> None:
    page.add_init_script(ALARM)
    page.goto(f"{site}/projects/queue/chat/")
    payloads = "\n".join(PAYLOADS[first : first + 12])[: 990 - len(QUESTION)]

    page.get_by_role("textbox").fill(f"{QUESTION} {payloads}")
    page.get_by_role("textbox").press("Enter")
    expect(page.locator("[data-live] .streaming")).to_contain_text("You asked")
    expect(page.locator(".message.complete")).to_be_visible(timeout=20_000)

    assert page.evaluate("alarms") == []
    assert page.locator(EVERYTHING).count() == 0


PAGES = ("/projects/queue/chat/", "/projects/queue/", "/")


def look_at(page: Page, address: str) -> None:
    page.goto(address)
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    page.wait_for_load_state("networkidle")


def test_a_canary_hears_nothing(page: Page, site: str, project: Project, canary: Canary) -> None:
    payloads = [payload.replace(EVIL, canary.url) for payload in PAYLOADS]
    everything = "\n\n".join(payloads)
    Project.objects.update(title=payloads[1], summary=payloads[4], tags=payloads[5], description=everything)
    page.context.add_cookies([{"name": "sessionid", "value": attack(project, payloads), "url": site}])

    for path in PAGES:
        look_at(page, f"{site}{path}")

    TALLY.add("Browser, canary", tried=len(payloads) * len(PAGES), fetches=len(canary.heard))
    assert canary.heard == []


def test_with_the_policy_alone_a_canary_hears_nothing_either(
    page: Page, live_server: LiveServer, project: Project, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if Markdown were shown as it is written. A policy stops every way but one: a refresh is a navigation."""
    payloads = [payload.replace(EVIL, canary.url) for payload in PAYLOADS if "refresh" not in payload]
    monkeypatch.setattr(markdown, "render", lambda text, **_: mark_safe(text))
    Project.objects.update(description="\n\n".join(payloads))
    page.context.add_cookies([{"name": "sessionid", "value": attack(project, payloads), "url": live_server.url}])
    violations: list[str] = []
    page.on("console", lambda message: violations.append(message.text))
    page.add_init_script(ALARM)

    for path in PAGES[:2]:
        look_at(page, f"{live_server.url}{path}")
        assert page.evaluate("alarms") == []

    TALLY.add("Browser, the policy alone", tried=len(payloads) * 2, fetches=len(canary.heard))
    assert canary.heard == []
    assert len([text for text in violations if "Content Security Policy" in text]) > 10


def test_the_canary_would_hear(page: Page, canary: Canary) -> None:
    page.set_content(f"<img src={canary.url}/seen.png>")
    page.wait_for_load_state("networkidle")

    assert canary.heard == ["/seen.png"]
