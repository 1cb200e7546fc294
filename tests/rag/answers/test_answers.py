"""A question from pending to its end."""

import dataclasses
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from unittest import mock

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django import Settings

from rag import answers, llm, models, prompts, retrieval, tokens
from rag.answers import drafts
from rag.embeddings import ProviderUnavailable
from rag.llm import errors, extractive, fallback
from rag.retrieval import confidence
from tests import factories, providers

pytestmark = pytest.mark.django_db
Status = models.Message.Status

FILES = {"queue.py": "def claim_job(queue):\n    return queue.pop()", "mail.py": "def send_mail():\n    ..."}


class Stub:
    """A model that follows a script and remembers what it was asked. `before` is called before each piece."""

    provider = "stub"
    model = "stub-1"

    def __init__(self, *script: str | llm.Usage | Exception) -> None:
        self.script = script
        self.prompts: list[prompts.Prompt] = []
        self.closed = threading.Event()
        self.before: Callable[[], object] = lambda: None

    def stream(self, prompt: prompts.Prompt, *, max_tokens: int) -> "Stub":
        self.prompts.append(prompt)
        self._pieces = self._played()
        return self

    def __iter__(self) -> Iterator[str | llm.Usage]:
        return self

    def __next__(self) -> str | llm.Usage:
        return next(self._pieces)

    def close(self) -> None:
        self.closed.set()

    def _played(self) -> Iterator[str | llm.Usage]:
        for piece in self.script:
            self.before()
            if isinstance(piece, Exception):
                raise piece
            yield piece


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Stub]:
    def model(*script: str | llm.Usage | Exception) -> Stub:
        stub = Stub(*script)
        monkeypatch.setattr(llm, "named", lambda _: stub)
        return stub

    return model


@pytest.fixture
def message() -> models.Message:
    return ask(factories.make_live_revision(factories.make_project(), FILES))


def ask(revision: models.Revision, question: str = "What does claim_job pop from the queue?") -> models.Message:
    conversation = models.Conversation.objects.create(project=revision.rag.project)
    return models.Message.objects.create(conversation=conversation, question=question)


def kinds(events: Sequence[answers.Event]) -> list[str]:
    return [type(event).__name__ for event in events if not isinstance(event, answers.Beat)]


def test_sources_come_first_then_text_then_the_end(message: models.Message, use: Callable[..., Stub]) -> None:
    use("It pops", " it [1].")
    assert kinds(list(answers.answer(message))) == ["Sources", "Text", "Text", "Finished"]


def test_the_answer_is_stored_with_what_it_took(message: models.Message, use: Callable[..., Stub]) -> None:
    use("It pops", " it [1].", llm.Usage(tokens_in=5, tokens_out=3))
    done = answers.complete(message)
    assert (done.status, done.answer, done.found) == (Status.COMPLETE, "It pops it [1].", True)
    assert (done.provider, done.model, done.tokens_in, done.tokens_out) == ("stub", "stub-1", 5, 3)
    assert done.revision == done.conversation.project.rag.live_revision
    assert None not in (done.started_at, done.retrieval_ms, done.first_token_ms, done.total_ms)


def test_the_sources_are_copies_with_their_lines_and_address(message: models.Message, use: Callable[..., Stub]) -> None:
    use("So [1].")
    first, *_ = answers.complete(message).sources.all()
    assert (first.number, first.path, first.start_line, first.end_line) == (1, "queue.py", 1, 2)
    assert first.text == FILES["queue.py"]
    assert first.url == f"https://github.com/owner/name/blob/{factories.COMMIT}/queue.py#L1-L2"


def test_only_what_was_cited_is_marked_so(message: models.Message, use: Callable[..., Stub]) -> None:
    use("So [2], not [7].")
    done = answers.complete(message)
    assert done.answer == "So [2], not."
    assert [source.number for source in done.sources.filter(cited=True)] == [2]


def test_the_model_sees_the_passages_and_the_turns_before(message: models.Message, use: Callable[..., Stub]) -> None:
    use("First answer [1].")
    answers.complete(message)
    stub = use("Second.")
    follow_up = models.Message.objects.create(conversation=message.conversation, question="And then?")
    answers.complete(follow_up)
    contents = [each.content for each in stub.prompts[0].messages]
    assert contents[1:3] == ["What does claim_job pop from the queue?", "First answer."]
    assert FILES["queue.py"] in contents[3]


def test_follow_ups_are_searched_with_the_question_that_they_are_about(
    message: models.Message, use: Callable[..., Stub], monkeypatch: pytest.MonkeyPatch
) -> None:
    use("First.")
    answers.complete(message)
    asked: list[str] = []
    search = retrieval.search

    def recorded(revision: models.Revision, question: str, **more: Any) -> retrieval.Found:
        asked.append(question)
        return search(revision, question, **more)

    monkeypatch.setattr(retrieval, "search", recorded)
    for _ in range(4):
        answers.complete(models.Message.objects.create(conversation=message.conversation, question="And then?"))
    assert [searched.splitlines()[0] for searched in asked] == ["What does claim_job pop from the queue?"] * 4
    assert asked[0] == "What does claim_job pop from the queue?\nAnd then?"


def test_what_is_not_in_the_code_is_said_without_asking_the_model(
    message: models.Message, use: Callable[..., Stub], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confidence, "THRESHOLD", 1.1)
    stub = use("I guess.")
    done = answers.complete(message)
    assert (done.status, done.found, stub.prompts) == (Status.COMPLETE, False, [])
    assert done.answer.startswith("I did not find an answer to this in the code.")
    assert "`queue.py`, lines 1–2 [1]: `claim_job`" in done.answer


def test_how_likely_the_code_answers_it_is_stored(message: models.Message, use: Callable[..., Stub]) -> None:
    use("It pops it [1].")
    stored = answers.complete(message).confidence
    assert stored is not None and 0 < stored < 1


def test_a_model_that_fails_midway_leaves_its_part_as_interrupted(
    message: models.Message, use: Callable[..., Stub]
) -> None:
    use("It pops [1]", errors.ChatCut())
    events = list(answers.answer(message))
    message.refresh_from_db()
    assert (message.status, message.answer, message.error_code) == (Status.INTERRUPTED, "It pops [1]", "cut")
    assert isinstance(events[-1], answers.Failed)
    assert (
        answers.sentence(events[-1].message) == "This answer was interrupted before it was complete. You can ask again."
    )


def test_a_model_that_fails_at_once_leaves_a_failure(message: models.Message, use: Callable[..., Stub]) -> None:
    use(errors.ChatKeyRefused("canary"))
    events = list(answers.answer(message))
    message.refresh_from_db()
    assert (message.status, message.answer, message.error_code) == (Status.FAILED, "", "key_refused")
    assert isinstance(events[-1], answers.Failed)
    assert "canary" not in answers.sentence(message)
    assert "KEY" not in answers.sentence(message)


def test_when_a_model_fails_at_once_the_next_answers_and_the_owner_sees_why(
    message: models.Message, use: Callable[..., Stub], settings: Settings
) -> None:
    use(errors.ChatQuotaExhausted("canary"))
    settings.LLM_FALLBACKS = ["extractive"]
    events = list(answers.answer(message))
    message.refresh_from_db()
    assert kinds(events)[-1] == "Finished"
    assert (message.status, message.error_code, message.detour) == (Status.COMPLETE, "", "stub: quota")
    assert (message.provider, answers.sentence(message)) == ("extractive", "")
    assert message.answer.startswith(extractive.INSTEAD)
    assert message.sources.filter(cited=True).exists()


def test_a_model_that_has_begun_is_not_replaced(
    message: models.Message, use: Callable[..., Stub], settings: Settings
) -> None:
    use("It pops [1]", errors.ChatCut())
    settings.LLM_FALLBACKS = ["extractive"]
    done = answers.complete(message)
    assert (done.status, done.answer, done.detour) == (Status.INTERRUPTED, "It pops [1]", "")


def test_a_mistake_of_ours_is_not_hidden_by_the_next(
    message: models.Message, use: Callable[..., Stub], settings: Settings
) -> None:
    use(ZeroDivisionError())
    settings.LLM_FALLBACKS = ["extractive"]
    assert answers.complete(message).error_code == "internal"


def test_what_a_model_took_that_gave_up_is_counted(
    message: models.Message, use: Callable[..., Stub], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = use(errors.ChatTimeout())
    monkeypatch.setattr(stub, "provider", "groq")
    monkeypatch.setattr(stub, "model", "openai/gpt-oss-120b")
    settings.LLM_FALLBACKS = ["extractive"]
    done = answers.complete(message)
    assert (done.provider, done.tokens_in) == ("extractive", 0)
    assert done.cost_usd > 0


def test_a_question_goes_where_its_kind_leads(message: models.Message, settings: Settings) -> None:
    settings.LLM_PROVIDER, settings.LLM_PROVIDER_SIMPLE, settings.LLM_PROVIDER_COMPLEX = (
        "conditional",
        "extractive",
        "fake",
    )
    simple = answers.complete(message)
    settings.COMPLEXITY_THRESHOLD = simple.complexity
    again = models.Message.objects.create(conversation=message.conversation, question=message.question)
    other = answers.complete(again)
    assert (simple.provider, other.provider) == ("extractive", "fake")
    assert simple.complexity == other.complexity


def test_a_number_that_the_model_was_not_given_is_no_citation(
    message: models.Message, use: Callable[..., Stub], settings: Settings
) -> None:
    use("See [1] and [2].")
    fitted = fallback.Attempt.fitted

    def smaller(attempt: fallback.Attempt, prompt: prompts.Prompt, history: Sequence[prompts.Turn]) -> prompts.Prompt:
        return fitted(dataclasses.replace(attempt, halved=True), prompt, history)

    with mock.patch.object(fallback.Attempt, "fitted", smaller):
        done = answers.complete(message)
    assert done.answer == "See [1] and."


def test_a_provider_that_cannot_embed_the_question_is_a_failure(
    message: models.Message, use: Callable[..., Stub], monkeypatch: pytest.MonkeyPatch
) -> None:
    def search(*_: object, **__: object) -> retrieval.Found:
        raise ProviderUnavailable

    monkeypatch.setattr(retrieval, "search", search)
    stub = use("x")
    done = answers.complete(message)
    assert (done.status, done.error_code, stub.prompts) == (Status.FAILED, "embedding_unavailable", [])


def test_a_mistake_of_ours_is_logged_and_told_without_details(
    message: models.Message, use: Callable[..., Stub], caplog: pytest.LogCaptureFixture
) -> None:
    use(ZeroDivisionError("canary"))
    with caplog.at_level(logging.ERROR):
        done = answers.complete(message)
    assert (done.status, done.error_code) == (Status.FAILED, "internal")
    assert "canary" in caplog.text
    assert "canary" not in answers.sentence(done)


def test_a_log_never_holds_the_question(
    message: models.Message, use: Callable[..., Stub], caplog: pytest.LogCaptureFixture
) -> None:
    use(errors.ChatCut())
    with caplog.at_level(logging.DEBUG):
        answers.complete(message)
    assert str(message.pk) in caplog.text
    assert message.question not in caplog.text


def test_a_project_without_an_index_says_so(use: Callable[..., Stub]) -> None:
    use("x")
    conversation = models.Conversation.objects.create(project=factories.make_project())
    message = models.Message.objects.create(conversation=conversation, question="How?")
    done = answers.complete(message)
    assert (done.status, answers.sentence(done)) == (Status.FAILED, "This project is not ready to answer yet.")


def test_a_visitor_who_leaves_keeps_the_part_and_frees_the_model(
    message: models.Message, use: Callable[..., Stub]
) -> None:
    stub = use("It pops [1]", " and", " goes")
    events = answers.answer(message)
    while not isinstance(next(events), answers.Text):
        pass
    events.close()
    message.refresh_from_db()
    assert (message.status, message.answer, message.error_code) == (Status.INTERRUPTED, "It pops [1]", "left")
    assert stub.closed.is_set()


def test_a_visitor_who_leaves_during_silence_frees_the_model(
    message: models.Message, use: Callable[..., Stub], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "BEAT", 0.02)
    stub = use("late")
    stub.before = lambda: stub.closed.wait(10)
    events = answers.answer(message)
    beats = [next(events) for _ in range(4)]
    assert kinds(beats) == ["Sources"]
    events.close()
    assert stub.closed.is_set()
    message.refresh_from_db()
    assert (message.status, message.answer) == (Status.INTERRUPTED, "")


def test_an_answer_without_a_model_may_be_as_long_as_its_quotes(settings: Settings) -> None:
    settings.LLM_PROVIDER, settings.RAG_ANSWER_TOKENS = "extractive", 50
    files = {f"{n}.py": f"def claim_job_{n}(queue):  # pops the oldest job of the queue\n" * 20 for n in range(3)}
    done = answers.complete(ask(factories.make_live_revision(factories.make_project(), files)))
    assert (done.status, done.error_code) == (Status.COMPLETE, "")
    assert len(done.answer) > 1_000


def test_what_no_database_can_hold_is_left_out(message: models.Message, use: Callable[..., Stub]) -> None:
    use("a\0b", "c\ud800d")
    assert answers.complete(message).answer == "abc?d"


def test_only_one_of_two_answers(message: models.Message, use: Callable[..., Stub]) -> None:
    stub = use("Once [1].")
    answers.complete(message)
    again = list(answers.answer(models.Message.objects.get(pk=message.pk)))
    assert kinds(again) == ["Sources", "Finished"]
    assert len(stub.prompts) == 1


def test_the_second_waits_for_the_first_and_tells_its_end(
    message: models.Message, use: Callable[..., Stub], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "POLL", 0)
    use("One ", "two.")
    first, second = answers.answer(message), answers.answer(models.Message.objects.get(pk=message.pk))
    next(first)
    assert isinstance(next(second), answers.Beat)
    list(first)
    assert kinds(list(second)) == ["Sources", "Finished"]


def test_one_whose_process_died_is_interrupted(message: models.Message) -> None:
    long_ago = timezone.now() - answers.STUCK_AFTER - timedelta(seconds=1)
    models.Message.objects.filter(pk=message.pk).update(status=Status.STREAMING, started_at=long_ago)
    assert kinds(list(answers.answer(message))) == ["Sources", "Failed"]
    message.refresh_from_db()
    assert message.status == Status.INTERRUPTED


def test_a_conversation_that_is_cleared_meanwhile_stays_cleared(
    message: models.Message, use: Callable[..., Stub]
) -> None:
    use("One ", "two.")
    events = answers.answer(message)
    while not isinstance(next(events), answers.Text):
        pass
    models.Conversation.objects.all().delete()
    assert kinds(list(events)) == ["Text", "Gone"]
    assert models.Message.objects.count() == 0


@pytest.mark.parametrize("stage", ["live_revision", "use"])
def test_a_question_that_is_removed_before_it_is_asked_is_no_mistake_of_ours(
    message: models.Message,
    use: Callable[..., Stub],
    stage: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    original = getattr(drafts.Draft, stage)

    def removed(*given: object) -> object:
        models.Conversation.objects.all().delete()
        return original(*given)

    monkeypatch.setattr(drafts.Draft, stage, removed)
    stub = use("So.")
    assert kinds(list(answers.answer(message))) == ["Gone"]
    assert (stub.prompts, caplog.records, models.MessageSource.objects.count()) == ([], [], 0)


def test_a_question_that_is_removed_before_anybody_answers_is_left_as_it_was(message: models.Message) -> None:
    models.Conversation.objects.all().delete()
    assert answers.complete(message).status == Status.PENDING


def test_a_watcher_of_a_cleared_conversation_is_told(message: models.Message, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "POLL", 0)
    models.Message.objects.update(status=Status.STREAMING, started_at=timezone.now())
    events = answers.answer(message)
    next(events)
    models.Conversation.objects.all().delete()
    assert kinds(list(events)) == ["Gone"]


@pytest.fixture
def stopping() -> Iterator[threading.Event]:
    yield answers.stopping
    answers.stopping.clear()


def test_a_server_that_stops_ends_what_is_written_and_keeps_it(
    message: models.Message, use: Callable[..., Stub], stopping: threading.Event
) -> None:
    stub = use("It pops [1]", " and", " goes", " on")
    events = answers.answer(message)
    while not isinstance(next(events), answers.Text):
        pass
    stopping.set()
    assert kinds(list(events)) == ["Failed"]
    message.refresh_from_db()
    assert (message.status, message.answer, message.error_code) == (Status.INTERRUPTED, "It pops [1]", "stopped")
    assert stub.closed.is_set()


def test_a_server_that_stops_does_not_wait_for_a_silent_model(
    message: models.Message, use: Callable[..., Stub], stopping: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "BEAT", 0.02)
    stub = use("late")
    stub.before = lambda: stub.closed.wait(10)
    stopping.set()
    done = answers.complete(message)
    assert (done.status, answers.sentence(done)) == (Status.INTERRUPTED, drafts.SENTENCES["left"])


def test_a_server_that_stops_does_not_go_on_watching_what_somebody_else_writes(
    message: models.Message, stopping: threading.Event
) -> None:
    models.Message.objects.filter(pk=message.pk).update(status=Status.STREAMING, started_at=Now())
    events = answers.answer(message)
    assert isinstance(next(events), answers.Beat)
    stopping.set()
    with pytest.raises(answers.Stopped):
        next(events)
    assert answers.complete(message).status == Status.STREAMING


def test_the_price_of_an_answer_is_stored_with_it(
    message: models.Message, use: Callable[..., Stub], monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = use("So.", llm.Usage(tokens_in=6_000, tokens_out=1_000))
    monkeypatch.setattr(stub, "provider", "groq")
    monkeypatch.setattr(stub, "model", "openai/gpt-oss-120b")
    assert answers.complete(message).cost_usd == Decimal("0.001500")


def test_what_an_interrupted_answer_took_is_estimated(message: models.Message, use: Callable[..., Stub]) -> None:
    stub = use("It pops [1]", errors.ChatCut())
    done = answers.complete(message)
    assert done.tokens_in == prompts.cost(stub.prompts[0].messages)
    assert done.tokens_out == tokens.count("It pops [1]")


def test_what_was_refused_took_nothing(message: models.Message, use: Callable[..., Stub]) -> None:
    use(errors.ChatKeyRefused())
    done = answers.complete(message)
    assert (done.tokens_in, done.tokens_out, done.cost_usd) == (0, 0, Decimal(0))


def test_what_no_model_wrote_took_nothing(message: models.Message, settings: Settings) -> None:
    settings.LLM_PROVIDER = "extractive"
    done = answers.complete(message)
    assert (done.status, done.tokens_in, done.tokens_out) == (Status.COMPLETE, 0, 0)


def test_a_revision_that_goes_before_the_sources_are_stored_does_no_harm(
    message: models.Message, use: Callable[..., Stub], monkeypatch: pytest.MonkeyPatch
) -> None:
    search = retrieval.search

    def search_then_flip(*given: Any, **more: Any) -> retrieval.Found:
        found = search(*given, **more)
        models.Revision.objects.filter(pk=found.revision.pk).delete()
        return found

    monkeypatch.setattr(retrieval, "search", search_then_flip)
    use("So [1].")
    done = answers.complete(message)
    assert (done.status, done.revision) == (Status.COMPLETE, None)


@pytest.mark.django_db(transaction=True)
def test_no_connection_is_held_while_the_model_writes(message: models.Message, use: Callable[..., Stub]) -> None:
    use("One ", "two.")
    events = answers.answer(message)
    held = [connection.connection is not None for event in events if isinstance(event, answers.Text)]
    assert held == [False, False]


@pytest.mark.parametrize("name", ["groq", "openai"])
class TestThroughTheRealClients:
    """From the question to the stored answer, with a server in the provider's place."""

    @pytest.fixture
    def provider(self, name: str, settings: Settings) -> Iterator[providers.Provider]:
        with providers.serving() as running:
            settings.LLM_PROVIDER = name
            settings.GROQ_API_KEY = settings.OPENAI_API_KEY = "key"
            settings.GROQ_BASE_URL = settings.OPENAI_BASE_URL = running.url
            yield running

    def test_the_answer_is_streamed_cited_and_counted(
        self, provider: providers.Provider, message: models.Message, name: str
    ) -> None:
        provider.plan(providers.Chat(["It ", "pops ", "it [1]."]))
        assert kinds(list(answers.answer(message))) == ["Sources", "Text", "Text", "Text", "Finished"]
        message.refresh_from_db()
        assert (message.provider, message.answer) == (name, "It pops it [1].")
        assert (message.tokens_in, message.tokens_out) == (11, 7)

    def test_a_cut_stream_is_kept_as_interrupted(self, provider: providers.Provider, message: models.Message) -> None:
        provider.plan(providers.Chat(["It ", "pops"], cut=True))
        done = answers.complete(message)
        assert (done.status, done.answer, done.error_code) == (Status.INTERRUPTED, "It pops", "cut")

    def test_a_limit_that_passes_soon_is_waited_for(
        self, provider: providers.Provider, message: models.Message
    ) -> None:
        provider.plan(providers.Refusal(429, headers={"Retry-After": "1"}))
        assert answers.complete(message).status == Status.COMPLETE
        assert provider.requests[1].at - provider.requests[0].at >= 1

    def test_a_limit_that_lasts_is_told(self, provider: providers.Provider, message: models.Message) -> None:
        provider.plan(providers.Refusal(429, headers={"Retry-After": "3600"}))
        done = answers.complete(message)
        assert (done.status, answers.sentence(done)) == (
            Status.FAILED, "Too many questions at once. Please ask again in a minute.",
        )  # fmt: skip

    def test_a_visitor_who_leaves_hangs_up_on_the_provider(
        self, provider: providers.Provider, message: models.Message
    ) -> None:
        provider.plan(providers.Chat(["It "], hang=20))
        events = answers.answer(message)
        while not isinstance(next(events), answers.Text):
            pass
        events.close()
        assert provider.left.wait(2)
