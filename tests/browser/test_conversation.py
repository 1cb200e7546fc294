"""A visitor's way from a project that nobody read yet to an answer that is still there after a reload."""

import re

import pytest
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from portfolio.models import Project
from rag import admission
from rag.models import Conversation, Message
from tests.browser.conftest import FILES, QUESTION
from tests.factories import make_live_revision, remember, set_state

pytestmark = pytest.mark.browser


DONE = "event: done\ndata: done\n\n"
REMOVED = 'event: message\ndata: <article class="message gone" data-announce="Removed."></article>\n\n'


def visit(page: Page, site: str, conversation: Conversation) -> None:
    """The chat page, as the visitor whose conversation it is."""
    client = Client()
    remember(client, conversation)
    page.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site}])
    page.goto(f"{site}/projects/queue/chat/")


def ask(page: Page, question: str = QUESTION) -> None:
    page.get_by_role("textbox").fill(question)
    page.get_by_role("button", name="Ask", exact=True).click()


def test_from_initialize_to_an_answer_that_survives_a_reload(page: Page, site: str, pending: Project) -> None:
    page.goto(f"{site}/projects/queue/")
    page.get_by_role("button", name="Initialize AI").click()
    panel = page.locator("#assistant")
    expect(panel).to_contain_text("Waiting for its turn")

    set_state(pending, "processing", processing_stage="embedding", progress_percentage=42)
    expect(panel).to_contain_text("42 %", timeout=8000)
    set_state(pending, "processing", processing_stage="validating", progress_percentage=97)
    expect(panel.locator("progress")).to_have_attribute("value", "97", timeout=8000)
    make_live_revision(pending, FILES)
    expect(page.locator("#announcer")).to_contain_text("The assistant is ready", timeout=8000)

    page.get_by_role("link", name="Start Conversation").click()
    ask(page)
    expect(page.locator(".message.complete")).to_contain_text("queue.py")
    ask(page, "And who calls it?")
    expect(page.locator(".message.complete")).to_have_count(2)
    page.reload()
    expect(page.locator(".message.complete")).to_have_count(2)
    expect(page.locator(".question")).to_have_text([QUESTION, "And who calls it?"])


def test_the_answer_is_seen_while_it_is_written(page: Page, site: str, project: Project) -> None:
    page.goto(f"{site}/projects/queue/chat/")

    ask(page)

    expect(page.locator("[data-live] .source").first).to_be_visible()
    expect(page.locator("[data-live] .streaming")).to_contain_text("You asked")
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_disabled()
    expect(page.locator(".message.complete")).to_be_visible()
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_enabled()


def test_a_number_unfolds_its_lines_beside_the_answer(page: Page, site: str, project: Project) -> None:
    page.goto(f"{site}/projects/queue/chat/")
    ask(page)
    number = page.locator("a.citation").first

    number.click()

    expect(page.locator(".source.shown .line").first).to_be_visible()
    expect(page.locator(".source.shown")).to_contain_text("Open these lines on github.com")
    assert page.url.endswith("/chat/")
    expect(number).to_have_attribute("href", re.compile(r"^https://github.com/owner/name/blob/\w+/.+#L\d+"))


def test_stopping_keeps_what_was_written_and_asks_again(page: Page, site: str, project: Project) -> None:
    page.goto(f"{site}/projects/queue/chat/")
    ask(page, "Tell me about claim_job, " + "please " * 100)
    expect(page.locator(".streaming")).to_contain_text("You asked")

    page.get_by_role("button", name="Stop").click()

    expect(page.locator(".message")).to_contain_text("Stopped.")
    expect(page.locator(".streaming")).to_contain_text("You asked")
    page.get_by_role("button", name="Ask again").click()
    expect(page.locator(".message.complete")).to_be_visible(timeout=15_000)
    expect(page.locator(".message")).to_have_count(1)


def test_asked_again_it_stays_where_it_was(page: Page, site: str, project: Project) -> None:
    conversation = Conversation.objects.create(project=project)
    for question, status in (("One?", "interrupted"), ("Two?", "complete")):
        Message.objects.create(conversation=conversation, question=question, status=status, error_code="cut")
    visit(page, site, conversation)
    page.get_by_role("textbox").fill("Half a quest")

    page.get_by_role("button", name="Ask again").click()

    expect(page.locator(".message.complete")).to_have_count(2)
    expect(page.locator(".question")).to_have_text(["One?", "Two?"])
    expect(page.get_by_role("textbox")).to_have_value("Half a quest")


def test_earlier_questions_come_in_front_of_the_others(page: Page, site: str, project: Project) -> None:
    conversation = Conversation.objects.create(project=project)
    for number in range(45):
        Message.objects.create(conversation=conversation, question=f"Number {number}?", status="complete")
    visit(page, site, conversation)
    expect(page.locator(".question").first).to_have_text("Number 25?")

    for first in ("Number 5?", "Number 0?"):
        page.get_by_role("link", name="Earlier questions").click()
        expect(page.locator(".question").first).to_have_text(first)

    expect(page.locator(".question")).to_have_text([f"Number {number}?" for number in range(45)])
    expect(page.get_by_role("link", name="Earlier questions")).to_have_count(0)
    expect(page.locator("#announcer")).to_be_empty()


@pytest.mark.parametrize("events", [DONE, REMOVED + DONE])
def test_a_stream_that_brings_no_answer_frees_the_box(page: Page, site: str, project: Project, events: str) -> None:
    page.route("**/stream", lambda route: route.fulfill(content_type="text/event-stream", body=events))
    page.goto(f"{site}/projects/queue/chat/")

    ask(page)

    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_enabled()
    expect(page.locator("[data-live]")).to_have_count(0)
    expect(page.get_by_text("ended before it was complete")).to_have_count(0 if REMOVED in events else 1)


def test_a_stream_that_is_not_there_is_not_asked_for_for_ever(
    page: Page, live_server: LiveServer, project: Project
) -> None:
    page.clock.install()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/stream") else None)
    page.route("**/stream", lambda route: route.fulfill(status=404))
    page.goto(f"{live_server.url}/projects/queue/chat/")
    ask(page)
    expect(page.locator("[data-thinking]")).to_contain_text("Trying again")

    for _ in range(30):
        page.clock.run_for(10_000)
        page.wait_for_timeout(20)

    expect(page.locator(".message")).to_contain_text("cannot be reached")
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_enabled()
    assert len(asked) == 9


def test_what_was_asked_again_in_another_tab_is_shown_as_it_is(
    page: Page, live_server: LiveServer, project: Project
) -> None:
    conversation = Conversation.objects.create(project=project)
    old = Message.objects.create(conversation=conversation, question="One?", status="failed", error_code="cut")
    visit(page, live_server.url, conversation)
    old.delete()
    Message.objects.create(conversation=conversation, question="One?", status="complete", answer="Elsewhere.")

    page.get_by_role("button", name="Ask again").click()

    expect(page.locator(".message.complete")).to_contain_text("Elsewhere.")


def test_too_many_questions_are_asked_to_wait(
    page: Page, live_server: LiveServer, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.visitors.QuestionThrottle.THROTTLE_RATES", {"ask": "1/min"})
    page.goto(f"{live_server.url}/projects/queue/chat/")
    ask(page)
    expect(page.locator(".message.complete")).to_be_visible()

    ask(page, "One more?")

    expect(page.get_by_role("alert")).to_contain_text("Please wait a moment")
    expect(page.get_by_role("textbox")).to_have_value("One more?")


def test_a_question_of_the_projects_page_is_answered_with_one_click(page: Page, site: str, project: Project) -> None:
    page.goto(f"{site}/projects/queue/")

    page.get_by_role("button", name="How does claim_job work?").click()

    expect(page.locator("[data-live]")).to_be_visible()
    expect(page.locator(".message.complete .question")).to_have_text("How does claim_job work?")


def test_clearing_starts_anew(page: Page, site: str, project: Project) -> None:
    page.goto(f"{site}/projects/queue/chat/")
    ask(page)
    expect(page.locator(".message.complete")).to_be_visible()

    page.locator(".clear summary").click()
    page.get_by_role("button", name="Clear the conversation").click()

    expect(page.get_by_text("What would you like to know?")).to_be_visible()
    assert not Message.objects.exists()


def test_what_was_asked_and_answered_cannot_run(page: Page, site: str, project: Project) -> None:
    page.goto(f"{site}/projects/queue/chat/")

    ask(
        page,
        '<img src="https://evil.example/x.png" onerror="document.title=1"> <script>document.title=2</script> claim',
    )

    expect(page.locator(".message.complete")).to_contain_text("<script>")
    assert page.title().startswith("Ask Queue")
    assert page.locator(".message img, .message script").count() == 0


def test_copying_gives_the_answer_as_it_was_written(page: Page, site: str, project: Project) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{site}/projects/queue/chat/")
    ask(page)

    page.get_by_role("button", name="Copy").first.click()

    expect(page.locator("#announcer")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == Message.objects.get().answer


def test_the_end_of_an_answer_is_announced_once(page: Page, site: str, project: Project) -> None:
    page.goto(f"{site}/projects/queue/chat/")
    page.evaluate(
        "window.said = []; new MutationObserver(() => said.push(document.getElementById('announcer').textContent))"
        ".observe(document.getElementById('announcer'), {childList: true})"
    )

    ask(page)
    expect(page.locator(".message.complete")).to_be_visible()

    expect(page.locator("#announcer")).to_contain_text("The answer is complete")
    assert len(page.evaluate("said")) == 2  # that it looks, and that it is done


def test_a_full_house_is_told_and_waited_for(page: Page, live_server: LiveServer, project: Project) -> None:
    places, taken = admission.places(), 0
    while places.acquire(blocking=False):
        taken += 1
    page.goto(f"{live_server.url}/projects/queue/chat/")

    ask(page)
    expect(page.locator("[data-thinking]")).to_contain_text("Trying again")
    places.release(taken)

    expect(page.locator(".message.complete")).to_be_visible(timeout=15_000)
