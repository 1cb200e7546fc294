"""Everything an attacker may get into a page at once, in a real browser: nothing runs, nothing is fetched unclicked."""

import uuid

import pytest
from django.contrib.sessions.backends.db import SessionStore
from playwright.sync_api import Page, expect

from portfolio.models import Project
from rag import visitors
from rag.models import Conversation, Message, MessageSource
from tests.browser.conftest import QUESTION
from tests.portfolio.test_markdown_attacks import PAYLOADS

pytestmark = pytest.mark.browser

ALARM = """
window.alarms = [];
for (const name of ["alert", "confirm", "prompt", "msgbox"]) window[name] = () => alarms.push(name);
"""
EVERYTHING = (
    "a[href^='javascript:'], a[href^='data:'], form[action^='http'], "
    "#messages :is(img, script, iframe, style, link, object, embed, video)"
)


def attack(project: Project) -> str:
    """A conversation in which every payload stands in every place; returns the key of its session."""
    visitor = uuid.uuid4()
    conversation = Conversation.objects.create(project=project, visitor=visitor)
    for payload in PAYLOADS:
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
