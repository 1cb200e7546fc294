"""Without scripts, without a mouse, on a telephone, in the dark, and under the content security policy."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from portfolio.models import Project, ProjectRAG
from tests.browser.conftest import QUESTION
from tests.factories import make_project, set_state

pytestmark = pytest.mark.browser

PAGES = ("/", "/projects/queue/", "/projects/queue/chat/", "/nowhere")


@pytest.fixture
def plain_page(browser: Browser) -> Iterator[Page]:
    """A browser without scripts."""
    context = browser.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


def answered(page: Page, site: str) -> None:
    page.goto(f"{site}/projects/queue/chat/")
    page.get_by_role("textbox").fill(QUESTION)
    page.keyboard.press("Enter")
    expect(page.locator(".message.complete")).to_be_visible()


def test_without_scripts_a_question_is_answered(plain_page: Page, live_server: LiveServer, project: Project) -> None:
    plain_page.goto(f"{live_server.url}/projects/queue/")
    plain_page.get_by_role("link", name="Start Conversation").click()
    plain_page.get_by_role("textbox").fill(QUESTION)
    plain_page.get_by_role("button", name="Ask", exact=True).click()

    expect(plain_page.locator(".message.complete")).to_contain_text("queue.py")
    expect(plain_page.get_by_role("button", name="Copy")).to_have_count(0)
    plain_page.locator(".source summary").first.click()
    plain_page.get_by_role("link", name="Show these lines").first.click()
    expect(plain_page.locator(".line").first).to_be_visible()
    plain_page.get_by_role("link", name="Back to the answer").click()
    expect(plain_page.locator(".message.complete")).to_be_visible()


def test_without_scripts_the_panel_works(plain_page: Page, live_server: LiveServer, pending: Project) -> None:
    plain_page.goto(f"{live_server.url}/projects/queue/")

    plain_page.get_by_role("button", name="Initialize AI").click()

    expect(plain_page.locator("#assistant")).to_contain_text("Waiting for its turn")
    assert ProjectRAG.objects.get().requested_at is not None


def test_without_scripts_a_starting_question_is_answered(
    plain_page: Page, live_server: LiveServer, project: Project
) -> None:
    plain_page.goto(f"{live_server.url}/projects/queue/")

    plain_page.get_by_role("button", name="How does claim_job work?").click()

    expect(plain_page.locator(".message.complete")).to_be_visible()


def tab_to(page: Page, name: str) -> None:
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText || document.activeElement.name || ''").strip() == name:
            return
    raise AssertionError(f"{name} cannot be reached with the Tab key")


def test_by_keyboard_alone_from_the_list_to_the_lines(page: Page, site: str, project: Project) -> None:
    page.goto(site)
    tab_to(page, "Queue")
    page.keyboard.press("Enter")
    page.wait_for_url("**/projects/queue/")
    tab_to(page, "Start Conversation")
    page.keyboard.press("Enter")
    page.wait_for_url("**/chat/")
    expect(page.get_by_role("textbox")).to_be_focused()
    page.keyboard.type("First line")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    expect(page.locator(".message.complete .question")).to_contain_text("First line")

    page.locator("a.citation").first.focus()
    page.keyboard.press("Enter")

    expect(page.locator(".source.shown summary")).to_be_focused()
    expect(page.locator(".source.shown .line").first).to_be_visible()


def test_the_first_stop_of_the_tab_key_skips_to_the_content(page: Page, site: str, project: Project) -> None:
    page.goto(f"{site}/projects/queue/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()

    page.keyboard.press("Enter")

    expect(page.locator("#content")).to_be_focused()


def test_after_initialize_the_focus_stays_in_the_panel(page: Page, site: str, pending: Project) -> None:
    page.goto(f"{site}/projects/queue/")

    page.get_by_role("button", name="Initialize AI").press("Enter")

    expect(page.locator("#assistant-title")).to_be_focused()


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_no_page_is_wider_than_the_window(page: Page, site: str, project: Project, width: int) -> None:
    make_project("A" * 100, summary="B" * 200, tags=f"{'C' * 60}, D", slug="wide")
    page.set_viewport_size({"width": width, "height": 844})
    answered(page, site)
    page.locator(".source summary").first.click()

    too_wide = {}
    for path in (*PAGES[:2], "/projects/wide/", PAGES[2]):
        page.goto(f"{site}{path}")
        too_wide[path] = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")

    assert all(excess <= 0 for excess in too_wide.values()), too_wide


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_on_any_page_is_against_the_policy(
    page: Page, site: str, complaints: list[str], project: Project, scheme: Any
) -> None:
    page.emulate_media(color_scheme=scheme)
    answered(page, site)
    for path in PAGES:
        page.goto(f"{site}{path}")
        page.wait_for_load_state("networkidle")

    complaints[:] = [each for each in complaints if "404 (Not Found)" not in each]
    assert complaints == []


@pytest.mark.parametrize("status", ["pending", "processing", "failed"])
def test_no_state_of_the_panel_is_against_the_policy(page: Page, site: str, pending: Project, status: str) -> None:
    set_state(pending, status)

    page.goto(f"{site}/projects/queue/")

    expect(page.locator(f".panel.{status}")).to_be_visible()


def test_the_admin_works_under_the_policy(page: Page, site: str, project: Project) -> None:
    User.objects.create_superuser("owner", password="correct horse")
    page.goto(f"{site}/admin/")
    page.get_by_label("Username").fill("owner")
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Log in").click()

    for path in ("", "portfolio/project/", f"portfolio/project/{project.pk}/change/", "portfolio/owner/"):
        page.goto(f"{site}/admin/{path}")
        page.wait_for_load_state("networkidle")
    page.goto(f"{site}/admin/portfolio/project/add/")
    page.get_by_label("Title").press_sequentially("New thing")
    expect(page.get_by_label("Slug")).to_have_value("new-thing")


def test_text_is_easy_to_read(page: Page, site: str, project: Project) -> None:
    """Contrast of every text on its ground, as WCAG's AA asks, in both schemes."""
    answered(page, site)
    page.locator(".source summary").first.click()
    poor: dict[str, Any] = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for path in ("/projects/queue/chat/", "/projects/queue/", "/"):
            page.goto(f"{site}{path}")
            poor |= {f"{scheme} {path} {each}": 1 for each in page.evaluate(CONTRAST)}

    assert poor == {}


CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (c) => c.slice(0, 3).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (e) => { for (; e; e = e.parentElement) {
    const c = rgba(getComputedStyle(e).backgroundColor); if (c[3] > 250) return c; } return [255, 255, 255, 255]; };
  const poor = new Set();
  for (const e of document.body.querySelectorAll("*")) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!own || !e.checkVisibility() || e.closest(".unseen, .skip, button[disabled], svg")) continue;
    const style = getComputedStyle(e), a = light(rgba(style.color)), b = light(ground(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) poor.add(`${e.tagName}.${e.className} ${ratio.toFixed(2)}`);
  }
  return [...poor];
}"""
