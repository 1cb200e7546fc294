"""The same question about the same revision has the same answer, which is paid for once."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from portfolio.models import Project, ProjectRAG
from rag import answers, llm, models, prompts
from rag.answers import drafts, remembered
from rag.llm import errors
from tests import factories
from tests.rag.answers.test_answers import FILES, Stub, ask, kinds, use
from tests.rag.test_streaming import body, parse

__all__ = ["use"]

pytestmark = pytest.mark.django_db
QUESTION = "What does claim_job pop from the queue?"
Use = Callable[..., Stub]


@pytest.fixture
def revision() -> models.Revision:
    return factories.make_live_revision(factories.make_project(), FILES)


def answered(revision: models.Revision, question: str = QUESTION) -> models.Message:
    return answers.complete(ask(revision, question))


def next_revision(revision: models.Revision) -> models.Revision:
    """A newer one goes live; the old one stays for a moment."""
    files = {path: f"{text}\n" for path, text in FILES.items()}
    return factories.make_live_revision(Project.objects.get(pk=revision.rag.project_id), files)


def test_the_same_question_is_answered_from_the_store(revision: models.Revision, use: Use) -> None:
    stub = use("It pops it [1].", llm.Usage(tokens_in=5, tokens_out=3))
    first = answered(revision)
    again = answered(revision, "what does claim_job pop from the queue ?!")

    assert len(stub.prompts) == 1
    assert (again.status, again.answer, again.found) == ("complete", "It pops it [1].", True)
    assert (again.repeats, again.first_answered_at) == (first, first.started_at)
    assert (again.provider, again.model, again.revision) == ("stub", "stub-1", revision)
    assert (again.cost_usd, again.tokens_in, again.tokens_out) == (Decimal(0), 0, 0)


def test_it_has_the_same_sources(revision: models.Revision, use: Use) -> None:
    use("It pops it [1].")
    first, again = answered(revision), answered(revision)

    def shown(message: models.Message) -> list[Any]:
        return list(message.sources.values_list("number", "path", "start_line", "text", "url", "score", "cited"))

    assert shown(first) == shown(again) != []
    assert [source.cited for source in again.sources.all()].count(True) == 1


def test_it_is_streamed_as_any_other(revision: models.Revision, use: Use) -> None:
    use("It pops", " it [1].")
    answered(revision)

    assert kinds(list(answers.answer(ask(revision)))) == ["Sources", "Text", "Finished"]


def test_neither_the_model_nor_the_embedder_is_asked(
    revision: models.Revision, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    use("It pops it [1].")
    answered(revision)
    monkeypatch.setattr("rag.retrieval.search", None)

    assert answered(revision).first_answered_at


def test_the_page_and_the_api_say_so(client: Client, revision: models.Revision, use: Use) -> None:
    use("It pops it [1].")
    answered(revision)
    slug = revision.rag.project.slug
    client.post(reverse("chat", args=[slug]), {"question": QUESTION}, headers={"HX-Request": "true"})
    message = models.Message.objects.latest("created_at")
    events = parse(body(client.get(reverse("stream", args=[slug, message.pk]))))
    asked = {"question": QUESTION}
    told = client.post(reverse("api-ask", args=[slug]), asked, content_type="application/json").json()

    assert [name for name, _ in events] == ["sources", "text", "message", "done"]
    assert "Answered before, on " in events[2][1] and "from the same commit" in events[2][1]
    assert told["first_answered_at"] and told["answer"] == "It pops it [1]."


def test_another_visitors_wording_is_not_shown(client: Client, revision: models.Revision, use: Use) -> None:
    use("It pops it [1].")
    answered(revision, "WHAT does claim_job   pop from the queue ???")
    slug = revision.rag.project.slug
    client.post(reverse("chat", args=[slug]), {"question": QUESTION})
    page = client.get(reverse("chat", args=[slug])).content.decode()

    assert "Answered before" in page and "???" not in page and "WHAT" not in page


def test_a_newer_revision_is_answered_anew(revision: models.Revision, use: Use) -> None:
    use("Old [1].")
    answered(revision)
    newer = next_revision(revision)
    use("New [1].")

    assert (answered(newer).answer, answered(newer).answer) == ("New [1].", "New [1].")


@pytest.mark.django_db(transaction=True)
def test_an_answer_is_not_given_again_when_a_revision_goes_live_meanwhile(
    use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    use("Old [1].")
    revision = factories.make_live_revision(factories.make_project(), FILES)
    answered(revision)
    use("New [1].")
    repeat = drafts.Draft.repeat

    def late(draft: drafts.Draft, first: models.Message) -> tuple[models.MessageSource, ...]:
        given = repeat(draft, first)
        monkeypatch.setattr(drafts.Draft, "repeat", repeat)
        elsewhere(lambda: next_revision(revision))
        return given

    monkeypatch.setattr(drafts.Draft, "repeat", late)
    message = answered(revision)

    assert (message.answer, message.first_answered_at, message.repeats) == ("New [1].", None, None)


def elsewhere(work: Callable[[], object]) -> None:
    """In another process, as far as the database can tell."""

    def alone() -> None:
        work()
        connection.close()

    with ThreadPoolExecutor(1) as other:
        other.submit(alone).result()


@pytest.mark.django_db(transaction=True)
def test_while_revisions_come_and_go_nobody_gets_an_older_answer(use: Use) -> None:
    use("So [1].")
    project = factories.make_project()
    done, again = threading.Event(), threading.Event()
    older: list[tuple[int, int | None]] = []

    def ask_on() -> None:
        while not done.is_set():
            live = ProjectRAG.objects.get(project=project).live_revision
            assert live is not None
            message = answered(live)
            if message.first_answered_at:
                again.set()
                older.extend([(live.pk, message.revision_id)] if (message.revision_id or 0) < live.pk else [])
        connection.close()

    factories.make_live_revision(project, FILES)
    with ThreadPoolExecutor(3) as threads:
        asking = [threads.submit(ask_on) for _ in range(3)]
        for number in range(5):
            assert again.wait(20)
            again.clear()
            factories.make_live_revision(project, {"queue.py": f"{FILES['queue.py']}  # {number}"})
        done.set()

    assert [future.result() for future in asking] == [None] * 3
    assert older == []


@pytest.mark.parametrize(
    "script",
    [
        ("Half of", errors.ChatTimeout()),
        (errors.ChatTimeout(),),
        ("It cites nothing.",),
    ],
    ids=["interrupted", "failed", "cites nothing"],
)
def test_what_is_no_whole_cited_answer_is_not_given_again(
    revision: models.Revision, use: Use, script: tuple[Any, ...]
) -> None:
    use(*script)
    answered(revision)
    stub = use("It pops it [1].")

    assert answered(revision).answer == "It pops it [1]." and len(stub.prompts) == 1
    assert models.RememberedAnswer.objects.count() == 1


def test_what_is_not_found_is_looked_for_again(revision: models.Revision, use: Use) -> None:
    use("It [1].")

    assert answered(revision, "Where do a zebra and a giraffe eat hippopotamus salad?").found is False
    assert not models.RememberedAnswer.objects.exists()


def test_a_substitute_for_a_spent_budget_is_not_given_again(
    revision: models.Revision, use: Use, settings: Settings
) -> None:
    use("It pops it [1].")
    settings.RAG_DAILY_BUDGET_USD = Decimal("0.000001")

    assert answered(revision).provider == "extractive"
    assert not models.RememberedAnswer.objects.exists()


def test_what_was_searched_without_the_questions_vector_is_not_given_again(
    revision: models.Revision, use: Use, settings: Settings
) -> None:
    use("It pops it [1].")
    settings.RAG_PRICES, settings.RAG_DAILY_BUDGET_USD = ["fake/*=9000", "stub/*=0"], Decimal("0.000001")
    short = answered(revision)
    assert (short.provider, short.detour) == ("stub", "fake for the search: budget")
    assert not models.RememberedAnswer.objects.exists()

    settings.RAG_DAILY_BUDGET_USD = Decimal(0)
    assert answered(revision).detour == "" and answered(revision).first_answered_at


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> dict[str, Stub]:
    """The provider that is asked first, and its fallback."""
    stubs = {name: Stub(f"By {name} [1].") for name in ("groq", "openai")}
    for name, stub in stubs.items():
        stub.provider = name
    monkeypatch.setattr(llm, "named", lambda name: stubs[name])
    settings.LLM_PROVIDER, settings.LLM_FALLBACKS = "groq", ["openai"]
    return stubs


def test_the_answer_of_a_fallback_is_not_kept(revision: models.Revision, two: dict[str, Stub]) -> None:
    works, two["groq"].script = two["groq"].script, (errors.ChatTimeout(),)
    assert answered(revision).answer == "By openai [1]."
    assert not models.RememberedAnswer.objects.exists()
    two["groq"].script = works

    assert [answered(revision).answer for _ in range(2)] == ["By groq [1]."] * 2
    assert (len(two["groq"].prompts), len(two["openai"].prompts)) == (2, 1)


def test_what_was_answered_is_served_while_its_provider_is_down(
    revision: models.Revision, two: dict[str, Stub]
) -> None:
    answered(revision)
    two["groq"].script = (errors.ChatTimeout(),)
    again = answered(revision)

    assert (again.answer, again.provider, again.detour, two["openai"].prompts) == ("By groq [1].", "groq", "", [])


def test_an_answer_from_half_of_the_passages_is_not_kept(revision: models.Revision, two: dict[str, Stub]) -> None:
    def too_large() -> None:
        two["groq"].before = lambda: None
        raise errors.ChatTooLarge

    two["groq"].before = too_large
    done = answered(revision)

    assert (done.provider, done.detour) == ("groq", "groq: too_large")
    assert not models.RememberedAnswer.objects.exists()


def test_each_share_of_the_conversations_has_its_own(
    revision: models.Revision, two: dict[str, Stub], settings: Settings
) -> None:
    answered(revision)
    settings.LLM_ROLLOUT = ["openai=100"]

    assert [answered(revision).answer for _ in range(2)] == ["By openai [1]."] * 2
    settings.LLM_ROLLOUT = []
    assert answered(revision).answer == "By groq [1]."
    assert (len(two["groq"].prompts), len(two["openai"].prompts)) == (1, 1)


def test_a_spent_budget_still_serves_what_was_answered(revision: models.Revision, use: Use, settings: Settings) -> None:
    use("It pops it [1].")
    answered(revision)
    settings.RAG_DAILY_BUDGET_USD = Decimal("0.000001")

    assert answered(revision).answer == "It pops it [1]."


def test_another_model_answers_anew(revision: models.Revision, use: Use) -> None:
    use("It pops it [1].")
    answered(revision)
    other = use("So [1].")
    other.model = "stub-2"

    assert answered(revision).answer == "So [1]."


def test_other_limits_answer_anew(revision: models.Revision, use: Use, settings: Settings) -> None:
    stub = use("It pops it [1].")
    answered(revision)
    settings.RAG_PROMPT_TOKENS += 1
    answered(revision)

    assert len(stub.prompts) == 2


def test_another_prompt_answers_anew(revision: models.Revision, use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = use("It pops it [1].")
    answered(revision)
    monkeypatch.setattr(remembered, "_code", lambda: "another")
    answered(revision)

    assert len(stub.prompts) == 2


def test_another_project_answers_by_itself(revision: models.Revision, use: Use) -> None:
    stub = use("It pops it [1].")
    answered(revision)
    answered(factories.make_live_revision(factories.make_project(), FILES))

    assert len(stub.prompts) == 2


def test_it_can_be_switched_off(revision: models.Revision, use: Use, settings: Settings) -> None:
    settings.RAG_ANSWER_CACHE = False
    stub = use("It pops it [1].")
    answered(revision)

    assert (answered(revision).first_answered_at, len(stub.prompts)) == (None, 2)


def follow_up(message: models.Message, question: str) -> models.Message:
    return answers.complete(models.Message.objects.create(conversation=message.conversation, question=question))


def test_a_follow_up_that_stands_alone_gets_what_is_known(revision: models.Revision, use: Use) -> None:
    stub = use("It pops it [1].")
    answered(revision)
    other = answered(revision, "What does send_mail do in the file mail.py?")

    assert follow_up(other, QUESTION).first_answered_at and len(stub.prompts) == 2


def test_a_follow_up_that_leans_on_others_does_not(revision: models.Revision, use: Use) -> None:
    use("It pops it [1].")
    question = "And what does claim_job do with it in the queue?"
    answered(revision, question)

    assert follow_up(answered(revision), question).first_answered_at is None


def test_the_answer_to_a_follow_up_is_not_kept(revision: models.Revision, use: Use) -> None:
    use("As you asked before [1].")
    first = answered(revision, "What does send_mail do in the file mail.py?")
    follow_up(first, QUESTION)

    assert answered(revision).first_answered_at is None


def test_it_goes_with_the_conversation_that_it_was_given_in(revision: models.Revision, use: Use) -> None:
    use("It pops it [1].")
    first, again = answered(revision), answered(revision)
    first.conversation.delete()
    again.refresh_from_db()

    assert not models.RememberedAnswer.objects.exists()
    assert (again.answer, again.repeats, again.sources.count() > 0) == ("It pops it [1].", None, True)


def test_it_goes_with_its_revision_and_with_its_project(revision: models.Revision, use: Use) -> None:
    use("It pops it [1].")
    answered(revision)
    newer = next_revision(revision)
    models.Revision.objects.exclude(pk=newer.pk).delete()
    assert not models.RememberedAnswer.objects.exists()
    answered(newer)
    Project.objects.all().delete()

    assert not models.RememberedAnswer.objects.exists()


def test_a_claim_of_a_dead_process_is_taken_over(revision: models.Revision, use: Use) -> None:
    use("It pops it [1].")
    dead = ask(revision)
    asked = remembered.asked_as(QUESTION, revision, [], "fake")
    assert asked and remembered._claimed(asked, dead)
    models.Message.objects.filter(pk=dead.pk).update(status="streaming", started_at=Now())
    assert not remembered._claimed(asked, ask(revision))
    models.RememberedAnswer.objects.update(claimed_at=Now() - timedelta(seconds=remembered.PATIENCE + 1))
    answered(revision)

    assert answered(revision).first_answered_at


def test_every_question_is_counted_with_what_it_saved(revision: models.Revision, use: Use) -> None:
    use("It pops it [1].")
    first = answered(revision)
    models.Message.objects.filter(pk=first.pk).update(cost_usd=Decimal("0.25"))
    for _ in range(2):
        answered(revision)
    counted = models.Saving.objects.get(project=revision.rag.project)

    assert (counted.questions, counted.repeated, counted.saved_usd) == (3, 2, Decimal("0.5"))
    assert models.RememberedAnswer.objects.get().times == 2


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    """A model that everybody shares and that takes a moment."""
    monkeypatch.setattr(remembered, "POLL", 0.02)
    stub = Stub("It pops it [1].")
    lock = threading.Lock()

    def stream(prompt: prompts.Prompt, *, max_tokens: int) -> Stub:
        with lock:
            stub.prompts.append(prompt)
        own = Stub(*stub.script)
        own.before = stub.before
        own._pieces = own._played()
        return own

    monkeypatch.setattr(stub, "stream", stream)
    monkeypatch.setattr(llm, "named", lambda _: stub)
    stub.before = lambda: threading.Event().wait(0.5)
    yield stub


def at_once(asked: list[models.Message]) -> list[models.Message]:
    barrier = threading.Barrier(len(asked))

    def one(message: models.Message) -> models.Message:
        barrier.wait()
        try:
            return answers.complete(message)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(asked)) as threads:
        return list(threads.map(one, asked))


@pytest.mark.django_db(transaction=True)
def test_of_twenty_at_once_one_asks_the_model(slow: Stub) -> None:
    revision = factories.make_live_revision(factories.make_project(), FILES)
    done = at_once([ask(revision) for _ in range(20)])

    assert len(slow.prompts) == 1
    assert {message.answer for message in done} == {"It pops it [1]."}
    assert sum(message.first_answered_at is not None for message in done) == 19


@pytest.mark.django_db(transaction=True)
def test_when_the_first_fails_the_others_ask(slow: Stub) -> None:
    slow.script = (errors.ChatTimeout(),)
    revision = factories.make_live_revision(factories.make_project(), FILES)
    done = at_once([ask(revision) for _ in range(4)])

    assert {message.status for message in done} == {"failed"} and len(slow.prompts) == 4
    assert not models.RememberedAnswer.objects.exists()


def test_whoever_waits_too_long_asks_the_model(
    revision: models.Revision, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "PATIENCE", 0.3)
    monkeypatch.setattr(remembered, "POLL", 0.05)
    use("It pops it [1].")
    slow = ask(revision)
    asked = remembered.asked_as(QUESTION, revision, [], "fake")
    models.Message.objects.filter(pk=slow.pk).update(status="streaming", started_at=Now())
    assert asked and remembered._claimed(asked, slow)
    monkeypatch.setattr(remembered, "_claimed", lambda asked, message: False)

    assert answered(revision).answer == "It pops it [1]."
