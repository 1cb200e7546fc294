"""Money from end to end: questions and runs that are paid for, and what happens when nothing may be."""

import contextlib
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.db.models.functions import Now
from django.test import Client
from pytest_django import Settings

from portfolio.models import Project, ProjectRAG
from rag import answers, embeddings, llm, models, prompts
from rag.answers import drafts
from rag.embeddings import fake
from rag.ingest import estimate
from rag.llm import errors, families
from rag.spending import budgets, prices
from rag.worker import Outcome, summary
from tests import factories

pytestmark = pytest.mark.django_db

FILES = {
    "greet.py": 'def greet(name):\n    """Say hello to somebody."""\n    return f"Hello {name}"\n',
    "part.py": 'def part(name):\n    """Say goodbye."""\n    return f"Goodbye {name}"\n',
}
QUESTION = "How does greet say hello to somebody?"


@pytest.fixture(autouse=True)
def _the_fakes_cost(settings: Settings) -> None:
    """A thousandth of a dollar a token sent, two for one that comes back."""
    cache.clear()
    settings.RAG_PRICES = ["fake/fake=1000:2000"]
    settings.RAG_ANSWER_CACHE = False  # the same question is paid for each time


@pytest.fixture
def thing() -> Project:
    project = factories.make_project("Thing")
    factories.make_live_revision(project, FILES)
    return project


def asked(project: Project, question: str = QUESTION) -> models.Message:
    conversation = models.Conversation.objects.create(project=project)
    return models.Message.objects.create(conversation=conversation, question=question)


def spent(scope: str = "all") -> Decimal:
    return models.Allowance.objects.get(scope=scope).spent_usd


def test_a_question_pays_for_its_search_and_its_answer(thing: Project) -> None:
    message = answers.complete(asked(thing))

    search, answer = models.Call.objects.order_by("pk")
    assert {search.purpose, answer.purpose} == {"question"} and {search.project, answer.project} == {thing}
    assert (answer.message, answer.tokens_in, answer.tokens_out) == (message, message.tokens_in, message.tokens_out)
    assert message.cost_usd == answer.cost_usd > 0
    assert spent() == spent(f"project:{thing.pk}") == search.cost_usd + answer.cost_usd
    assert not models.Hold.objects.exists()


def test_with_the_budget_gone_the_answer_quotes_with_citations_and_says_why(thing: Project, settings: Settings) -> None:
    settings.RAG_DAILY_BUDGET_USD = Decimal("0.01")
    message = answers.complete(asked(thing))

    assert (message.status, message.provider) == ("complete", "extractive") and message.cost_usd == 0
    assert message.answer.startswith("Today's budget") and "[1]" in message.answer
    assert "greet.py" in message.sources.filter(cited=True).values_list("path", flat=True)
    assert not models.Call.objects.exists()


def test_the_budget_of_another_project_is_its_own(thing: Project, settings: Settings) -> None:
    other = factories.make_project("Other")
    factories.make_live_revision(other, FILES)
    settings.RAG_PROJECT_DAILY_BUDGET_USD, settings.RAG_ANSWER_TOKENS = Decimal(5), 50
    while answers.complete(asked(thing)).provider == "fake":
        pass

    assert 0 < spent(f"project:{thing.pk}") <= 5
    assert answers.complete(asked(other)).provider == "fake"


def test_a_question_whose_words_are_nowhere_is_not_found_without_a_vector(thing: Project, settings: Settings) -> None:
    settings.RAG_DAILY_BUDGET_USD = Decimal("0.01")
    message = answers.complete(asked(thing, "Quetzalcoatl?"))

    assert (message.status, message.found) == ("complete", False)


def test_the_switch_acts_with_the_next_question_and_back(thing: Project) -> None:
    models.Switches(answers_by_models=False).save()
    off = answers.complete(asked(thing))
    models.Switches(answers_by_models=True).save()
    on = answers.complete(asked(thing))

    assert (off.provider, on.provider) == ("extractive", "fake")
    assert "switched off" in off.answer


def test_off_nothing_of_a_question_is_sent_to_a_free_provider_either(
    thing: Project, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RAG_PRICES = []
    monkeypatch.setattr("rag.embeddings.fake.FakeEmbedder.provider", "lmstudio", raising=False)
    sent: list[str] = []
    embed = fake.FakeEmbedder.embed_query

    def counted(self: fake.FakeEmbedder, text: str) -> embeddings.Vector:
        sent.append(text)
        return embed(self, text)

    monkeypatch.setattr(fake.FakeEmbedder, "embed_query", counted)
    models.Switches(answers_by_models=False).save()
    off = answers.complete(asked(thing))
    assert (off.provider, sent) == ("extractive", []) and off.found

    models.Switches(answers_by_models=True).save()
    answers.complete(asked(thing))
    assert models.Call.objects.get(provider="lmstudio").cost_usd == 0 and len(sent) == 1


def test_an_interrupted_answer_is_charged_for_what_it_used(thing: Project) -> None:
    message = asked(thing)
    events = answers.answer(message)
    with contextlib.closing(events):
        next(event for event in events if isinstance(event, answers.Text))
    message.refresh_from_db()

    call = models.Call.objects.get(message=message)
    assert (message.status, call.error_code) == ("interrupted", "left")
    assert call.tokens_in == message.tokens_in > 0
    assert call.cost_usd == message.cost_usd > 0
    assert not models.Hold.objects.exists()


@pytest.mark.parametrize(
    "error",
    [errors.ChatGarbled(), errors.ChatTooLong(), errors.ChatCut(), errors.ChatTimeout(), ZeroDivisionError()],
    ids=lambda error: type(error).__name__,
)
def test_in_doubt_a_silent_model_has_thought_and_is_paid(
    thing: Project, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(prompt: prompts.Prompt) -> str:
        raise error

    monkeypatch.setattr("rag.llm.fake.answer", fail)
    message = answers.complete(asked(thing))

    assert (message.status, message.answer) == ("failed", "")
    assert models.Call.objects.get(message=message).cost_usd == message.cost_usd > 0


@pytest.mark.parametrize("error", [errors.ChatRateLimited(), errors.ChatKeyRefused(), errors.ChatUnreachable()])
def test_who_refuses_is_paid_nothing(thing: Project, monkeypatch: pytest.MonkeyPatch, error: errors.ChatError) -> None:
    def fail(prompt: prompts.Prompt) -> str:
        raise error

    monkeypatch.setattr("rag.llm.fake.answer", fail)
    message = answers.complete(asked(thing))

    assert models.Call.objects.get(message=message).cost_usd == message.cost_usd == 0


def test_an_answer_that_was_removed_meanwhile_is_paid_all_the_same(thing: Project) -> None:
    message = asked(thing)
    events = answers.answer(message)
    next(event for event in events if isinstance(event, answers.Text))
    models.Conversation.objects.all().delete()
    list(events)

    call = models.Call.objects.order_by("pk").last()
    assert call and call.message is None and call.cost_usd > 0
    assert not models.Hold.objects.exists()


def test_two_models_of_one_question_are_two_calls_and_one_price(thing: Project) -> None:
    draft, prompt = drafts.Draft(asked(thing)), prompts.build(QUESTION, [], [], 1_000)
    for code in ("timeout", ""):
        draft.ask(llm.configured(), prompt)
        draft.usage = llm.Usage(tokens_in=10, tokens_out=1)
        if code:
            draft.give_up(code)
    draft.save()

    assert [call.error_code for call in models.Call.objects.order_by("pk")] == ["timeout", ""]
    assert draft.message.cost_usd == sum(call.cost_usd for call in models.Call.objects.all()) == Decimal("0.024")


def test_what_is_held_is_more_than_an_answer_can_cost(thing: Project, settings: Settings) -> None:
    draft, prompt = drafts.Draft(asked(thing)), prompts.build(QUESTION, [], [], 1_000)
    draft.ask(llm.configured(), prompt)

    most_out = settings.RAG_ANSWER_TOKENS + families.REASONING_TOKENS
    most = prices.of("fake", "fake").cost(prompts.cost(prompt.messages), most_out)
    assert models.Hold.objects.get().amount_usd >= most


def test_the_page_of_a_question_says_it_kindly(thing: Project, settings: Settings, client: Client) -> None:
    settings.RAG_DAILY_BUDGET_USD = Decimal("0.01")
    page = client.post(f"/projects/{thing.slug}/chat/", {"question": QUESTION}, follow=True)

    assert page.status_code == 200
    assert "budget for answers by a language model is used up" in page.content.decode()


def test_a_run_pays_batch_by_batch_in_the_transaction_that_stores_it(
    project: Project, run: Callable[..., Outcome]
) -> None:
    run(project, batch_size=1)

    revision = project.rag.live_revision
    assert revision and models.Call.objects.filter(purpose="index").count() == models.Chunk.objects.count() > 1
    assert spent(f"project:{project.pk}") == revision.cost_usd > 0


def test_at_the_cap_a_run_stops_keeps_what_it_has_and_goes_on_after_midnight(
    project: Project, run: Callable[..., Outcome], settings: Settings, calls: list[list[str]]
) -> None:
    settings.RAG_DAILY_BUDGET_USD = Decimal("0.37")
    stopped = run(project, batch_size=1)

    rag = project.rag
    assert "RAG_DAILY_BUDGET_USD" in stopped.sentence and "after midnight UTC" in rag.processing_error
    assert (rag.processing_status, rag.error_code, rag.attempts) == ("failed", "budget", 0)
    assert 0 < spent() <= Decimal("0.37") and models.Chunk.objects.count() == len(calls) > 0
    assert ProjectRAG.objects.filter(pk=rag.pk, next_attempt_at__gt=Now()).exists()
    assert not ProjectRAG.objects.due().exists()

    settings.RAG_DAILY_BUDGET_USD = Decimal(100)
    run(project, batch_size=1)
    texts = [text for batch in calls for text in batch]
    assert project.rag.processing_status == "ready" and len(texts) == len(set(texts))


def test_with_nothing_left_a_run_does_not_even_look_at_the_repository(
    project: Project, run: Callable[..., Outcome], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RAG_DAILY_BUDGET_USD = Decimal("0.000001")
    held = budgets.hold(budgets.Purchase(purpose="index", provider="x", model="y", amount=Decimal("0.000001")))
    assert held and budgets.settle(held, held.amount_usd)
    monkeypatch.setattr("rag.sources.fetch", lambda *_, **__: pytest.fail("looked"))

    assert "used up" in run(project).sentence


def test_a_run_that_was_switched_off_is_due_as_soon_as_it_is_on(project: Project, run: Callable[..., Outcome]) -> None:
    models.Switches(indexing_that_costs=False).save()
    assert "switched off" in run(project).sentence
    assert not ProjectRAG.objects.due().exists()

    models.Switches(indexing_that_costs=True).save()
    assert ProjectRAG.objects.due().exists()


def test_a_free_run_minds_no_switch_and_no_budget(
    project: Project, run: Callable[..., Outcome], settings: Settings
) -> None:
    settings.RAG_PRICES, settings.RAG_DAILY_BUDGET_USD = [], Decimal("0.000001")
    models.Switches(indexing_that_costs=False).save()
    run(project)

    assert project.rag.processing_status == "ready"
    assert set(models.Call.objects.values_list("cost_usd", flat=True)) == {0}


def test_an_estimate_tells_files_tokens_price_and_minutes(project: Project) -> None:
    made = estimate.of(project.rag, estimate.Pace(batch_size=1, delay=60))

    assert made.possible
    assert "3 of 3 files" in made.sentence and "tokens and $" in made.sentence
    assert "Nothing" not in made.sentence and models.Call.objects.count() == 0


def test_minutes_are_those_of_the_calls_and_the_delays(project: Project, run: Callable[..., Outcome]) -> None:
    run(project, batch_size=1)
    texts = models.Chunk.objects.count()
    models.Call.objects.update(latency_ms=30_000)
    factories.set_state(project, "pending", live_revision=None)
    models.SourceFile.objects.all().delete()

    assert f"about {texts} minutes" in estimate.of(project.rag, estimate.Pace(batch_size=1, delay=30)).sentence


def test_with_auto_the_provider_says_how_long_it_takes(
    project: Project, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    assert "provider allows" not in estimate.of(project.rag, estimate.Pace(delay="auto")).sentence  # it needs no wait
    monkeypatch.setattr("rag.embeddings.fake.FakeEmbedder.waits", True)

    settings.RAG_DELAY = "auto"
    assert "as fast as the provider allows" in estimate.of(project.rag).sentence
    assert "less than a minute" in estimate.of(project.rag, estimate.Pace(delay=0.0)).sentence


def test_an_unknown_price_is_said_before_anything_is_paid(project: Project, settings: Settings) -> None:
    settings.RAG_PRICES = []
    unknown = estimate.Bill(model="x", provider="y", texts=1, tokens=1_000, price=prices.assumed(), minutes=None)

    assert "its price is not known" in unknown.sentence and "$0.0200" in unknown.sentence


def test_a_run_says_what_it_paid_and_by_which_price(project: Project, run: Callable[..., Outcome]) -> None:
    assert "RAG_ASSUMED_PRICE" not in run(project).sentence
    revision = project.rag.live_revision
    assert revision is not None
    revision.embedding_provider, revision.cost_usd = "compatible", Decimal("0.00002")

    assert "tokens, under $0.0001 (its price is not known: by RAG_ASSUMED_PRICE" in summary(revision)


def test_an_estimate_that_was_asked_for_is_made_before_processing(
    project: Project, run: Callable[..., Outcome]
) -> None:
    estimate.request(project.rag)
    assert [rag.pk for rag in estimate.requested()] == [project.rag.pk]

    estimate.record(project.rag, estimate.of(project.rag))
    assert estimate.requested() == []
    assert "3 of 3 files" in models.Estimate.objects.get().sentence
