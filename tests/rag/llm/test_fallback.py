"""When one cannot answer the next one does, through the real SDKs against servers of this computer."""

import contextlib
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

import pytest
from pytest_django import Settings

from rag import prompts, tokens
from rag.llm import completion, errors, extractive, fallback, pump
from rag.providers import breaker
from rag.providers.breaker import FAILURES
from tests.providers import Chat, Drop, Hang, Plan, Provider, Refusal, dialects, serving
from tests.rag.passages import passage

PASSAGES = [passage(path=f"{number}.py", text="one two three four\n" * 30) for number in range(8)]
PROMPT = prompts.build("How?", PASSAGES, [], 6_000)


@pytest.fixture
def first(settings: Settings) -> Iterator[Provider]:
    with serving(dialects.GROQ) as running:
        yield set_up(settings, running)


@pytest.fixture
def second(settings: Settings) -> Iterator[Provider]:
    with serving(dialects.TOGETHER) as running:
        yield set_up(settings, running)


def set_up(settings: Settings, provider: Provider) -> Provider:
    provider.lead(settings)
    settings.LLM_FIRST_TOKEN_TIMEOUT, settings.RAG_TIMEOUT = 1.5, 3.0
    return provider


def ask(*names: str, prompt: prompts.Prompt = PROMPT) -> tuple[str, str, str]:
    """Who answered, what, and the detour."""
    attempts = fallback.Attempts(names, limit=20)
    for attempt in attempts:
        said = ""
        try:
            for piece in attempt.pieces(attempt.fitted(prompt, []), beat=0.05):
                said += piece if isinstance(piece, str) else ""
        except errors.ChatError as error:
            if said or not attempts.goes_on(error):
                raise
            continue
        return attempt.model.provider, said, attempts.detour
    raise AssertionError


def test_the_first_answers_as_long_as_it_can(first: Provider, second: Provider) -> None:
    assert ask("groq", "together") == ("groq", "Hello [1]", "")
    assert second.requests == []


@pytest.mark.parametrize(
    ("plans", "code"),
    [
        ([Refusal(401)], "key_refused"),
        ([Refusal(402)], "quota"),
        ([Refusal(404, code="model_decommissioned")], "model_missing"),
        ([Refusal(429, headers={"Retry-After": "30"})], "rate_limited"),
        ([Refusal(503), Refusal(503)], "unavailable"),
        ([Drop(), Drop()], "unreachable"),
        ([Hang(5)], "timeout"),
        ([Chat([], finish="stop")], "garbled"),
        ([Chat([], finish=None, cut=True)], "unreachable"),
        ([Refusal(422)], "refused"),
    ],
)
def test_the_next_answers_when_it_cannot(first: Provider, second: Provider, plans: list[Plan], code: str) -> None:
    first.plan(*plans)
    assert ask("groq", "together") == ("together", "Hello [1]", f"groq: {code}")


def test_one_that_is_not_set_up_is_no_obstacle(second: Provider, settings: Settings) -> None:
    settings.GROQ_API_KEY = ""
    assert ask("groq", "together") == ("together", "Hello [1]", "groq: not_set_up")


def test_the_last_resort_says_why_it_quotes(first: Provider, second: Provider) -> None:
    first.plan(Refusal(402))
    second.plan(Refusal(401))
    name, said, detour = ask("groq", "together", "extractive")
    assert (name, detour) == ("extractive", "groq: quota; together: key_refused")
    assert said.startswith(extractive.INSTEAD)


def test_whoever_was_chosen_without_a_model_is_told_so() -> None:
    assert ask("extractive")[1].startswith(extractive.INTRODUCTION)


def test_what_was_begun_is_never_begun_again_elsewhere(first: Provider, second: Provider) -> None:
    first.plan(Chat(["Half"], cut=True))
    with pytest.raises(errors.ChatCut):
        ask("groq", "together")
    assert second.requests == []


def test_a_filter_is_not_gone_round(first: Provider, second: Provider) -> None:
    first.plan(first.dialect.filtered())
    with pytest.raises(errors.ChatFiltered):
        ask("groq", "together")


def test_when_nobody_is_left_the_last_error_comes_out(first: Provider, second: Provider) -> None:
    first.plan(Refusal(402))
    second.plan(Refusal(401))
    with pytest.raises(errors.ChatKeyRefused):
        ask("groq", "together")


def test_one_that_is_down_is_not_asked_again(first: Provider, second: Provider, settings: Settings) -> None:
    settings.LLM_FIRST_TOKEN_TIMEOUT = 0.2
    first.plan(*[Hang(5)] * FAILURES)
    for _ in range(FAILURES):
        ask("groq", "together")
    started = time.monotonic()
    assert ask("groq", "together") == ("together", "Hello [1]", "groq: passed over")
    assert time.monotonic() - started < 0.3
    assert len(first.requests) == FAILURES


def test_one_that_has_recovered_is_asked_again(
    first: Provider, second: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(fallback, "breakers", breaker.Breakers(lambda: now))
    first.plan(Refusal(402))
    assert [ask("groq", "together")[0] for _ in range(2)] == ["together", "together"]
    now += 60
    assert [ask("groq", "together")[0] for _ in range(2)] == ["groq", "groq"]


def test_a_changed_key_is_tried_at_once(first: Provider, second: Provider, settings: Settings) -> None:
    settings.GROQ_API_KEY = "wrong"
    assert ask("groq", "together")[0] == "together"
    settings.GROQ_API_KEY = dialects.KEY
    assert ask("groq", "together")[0] == "groq"


def test_where_nobody_is_left_it_is_tried_all_the_same(first: Provider) -> None:
    first.plan(Refusal(402))
    with contextlib.suppress(errors.ChatQuotaExhausted):
        ask("groq")
    assert ask("groq")[0] == "groq"


def test_a_question_that_is_refused_says_nothing_of_the_provider(first: Provider, second: Provider) -> None:
    first.plan(*[Refusal(422)] * 5)
    assert [ask("groq", "together")[0] for _ in range(6)] == ["together"] * 5 + ["groq"]


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal(413, "Request too large for model on tokens per minute (TPM)", "rate_limit_exceeded"),
        Refusal(
            429, "Request too large for model on tokens per min (TPM): Limit 3, Requested 4", "rate_limit_exceeded"
        ),
        Refusal(400, "This model's maximum context length is 4096 tokens.", "context_length_exceeded"),
        Refusal(400, "Trying to keep the first 5000 tokens but it is greater than the context length"),
    ],
)
def test_what_is_too_large_is_asked_once_more_with_half_of_it(first: Provider, refusal: Refusal) -> None:
    first.plan(refusal)
    assert ask("groq", "extractive") == ("groq", "Hello [1]", "groq: too_large")
    whole, half = (request.body["messages"][-1]["content"] for request in first.requests)
    assert (whole.count("number="), half.count("number=")) == (len(PROMPT.passages), len(PROMPT.passages) // 2)


def test_what_is_still_too_large_goes_to_the_next(first: Provider, second: Provider) -> None:
    first.plan(Refusal(413), Refusal(413))
    assert ask("groq", "together") == ("together", "Hello [1]", "groq: too_large; groq: refused")


def test_a_prompt_is_cut_to_what_its_model_takes(first: Provider, settings: Settings) -> None:
    settings.LLM_TOKENS_PER_MINUTE = ["groq=4000"]
    ask("groq")
    body: dict[str, Any] = first.requests[0].body
    sent = sum(tokens.count(message["content"]) for message in body["messages"])
    assert 1_000 < sent + body["max_completion_tokens"] <= 4_000


def test_a_provider_dies_under_load_and_no_question_is_lost(
    first: Provider, second: Provider, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty questions a second; benchmarks/fallback.py has it longer, with the database."""
    settings.LLM_FIRST_TOKEN_TIMEOUT = 0.4
    monkeypatch.setattr(breaker, "FIRST_COOLING", 0.4)
    monkeypatch.setattr(breaker, "LONGEST_COOLING", 0.8)
    settings.LLM_PROVIDER, settings.LLM_FALLBACKS = "groq", ["together"]
    fallback.warm()
    dead, seen = threading.Event(), []

    def question(at: float) -> None:
        who, _, detour = ask("groq", "together")
        seen.append((at, who, detour, time.monotonic() - at))

    monkeypatch.setattr(first, "next_plan", lambda: Hang(3) if dead.is_set() else None)
    with ThreadPoolExecutor(60) as pool:
        for number in range(80):
            if number in (20, 50):
                dead.set() if number == 20 else dead.clear()
            pool.submit(question, time.monotonic())
            time.sleep(0.05)
    passed_over = sorted(seconds for _, _, detour, seconds in seen if "passed over" in detour)
    usual = statistics.median(seconds for _, _, detour, seconds in seen if not detour)
    by_time = [who for _, who, _, _ in sorted(seen)]
    assert (len(seen), by_time[0], by_time[-1]) == (80, "groq", "groq")
    assert len(passed_over) > 10
    assert passed_over[int(0.95 * len(passed_over))] - usual < 0.3


def test_the_sdks_are_loaded_beforehand(settings: Settings) -> None:
    settings.LLM_PROVIDER, settings.LLM_FALLBACKS = "groq", ["openai", "extractive", "nobody"]
    with mock.patch.object(completion, "load") as load:
        fallback.warm()
    assert [call.args[0].name for call in load.call_args_list] == ["groq", "openai"]


def test_a_visitor_who_leaves_does_not_count(first: Provider) -> None:
    first.plan(*[Hang(5)] * FAILURES)
    for _ in range(FAILURES):
        (attempt,) = fallback.Attempts(["groq"], limit=20)
        pieces = attempt.pieces(PROMPT, beat=0.01)
        assert isinstance(next(pieces), pump.Silence)
        pieces.close()
    assert not fallback.breakers.of(attempt.model).is_open
