"""The pace that learns: decided from numbers, without a second of waiting."""

from collections.abc import Callable

import pytest

from rag.ingest import flights
from rag.throttle import Adaptive, Allowance, Limits, Quota
from rag.throttle.adaptive import FIRST_GUESS, SHARE

TOLD = Quota(
    requests=Allowance(limit=3_000, remaining=2_999, reset=0.02),
    tokens=Allowance(limit=1_200_000, remaining=1_199_000, reset=0.05),
)  # 20,000 tokens and 50 requests a second


def pace(**limits: int) -> Adaptive:
    return Adaptive(limits=Limits(**({"items": 2_048, "tokens": 300_000, "flights": 8} | limits)), jitter=lambda: 1.0)


def told(quota: Quota | None = TOLD, answers: int = 1, latency: float = 0.3) -> Adaptive:
    """One that has had some answers, the last of them at the time 100."""
    made = pace()
    for answer in range(answers):
        landed_at = 100 - (answers - 1 - answer)
        departure = made.sent(1_000, landed_at - latency)
        made.landed(departure, 1_000, quota, landed_at)
    return made


def sends(made: Adaptive, seconds: float) -> float:
    """Tokens that leave in that time from 100 on, a thousand at once, when every answer comes at once."""
    now, tokens = 100.0, 0
    while now < 100 + seconds:
        if wait := made.wait(1_000, now):
            now += wait
            continue
        made.landed(made.sent(1_000, now), 1_000, None, now)
        tokens += 1_000
    return tokens


def test_the_first_flies_alone() -> None:
    assert pace().flights == 1
    assert pace().wait(1_000, 0) == 0


def test_the_limits_that_are_told_are_used_up_but_a_little() -> None:
    assert sends(told(), 60) == pytest.approx(SHARE * 1_200_000, rel=0.01)


def test_requests_may_be_what_is_scarce() -> None:
    few = Quota(requests=Allowance(limit=60, remaining=59, reset=1), tokens=TOLD.tokens)

    assert sends(told(few), 60) == pytest.approx(60_000, rel=0.05)
    assert told(few).tokens >= 20_000  # so each takes as much as there is for it


def test_more_fly_at_once_answer_by_answer_up_to_the_limit() -> None:
    assert [told(answers=n).flights for n in (1, 2, 5, 50)] == [2, 3, 6, 8]


def test_batches_are_a_fraction_of_a_second_and_finer_after_a_refusal() -> None:
    made = told(answers=2)
    before = made.tokens
    made.failed(made.sent(1_000, 101), None, 1.0, 101.1, refused=True)

    assert before == pytest.approx(0.2 * SHARE * 20_000)
    assert made.tokens == pytest.approx(before / 2, rel=0.05)


def answered(made: Adaptive, latency: Callable[[float], float], answers: int = 300) -> Adaptive:
    """One after the other, as large as it wants them, from 100 on; `latency`: seconds for so many tokens."""
    for second in range(100, 100 + answers):
        tokens = int(made.tokens)
        made.landed(made.sent(tokens, second), tokens, TOLD, second + latency(tokens))
    return made


def test_a_slow_provider_is_sent_larger_ones() -> None:
    assert answered(told(), lambda tokens: 3.0).tokens == pytest.approx(1.1 * SHARE * 20_000 * 3 / 8, rel=0.01)


def test_larger_ones_are_no_help_where_each_token_takes_its_time() -> None:
    made = pace()
    made.landed(made.sent(100, 99), 100, None, 99.05)
    answered(made, lambda tokens: tokens / 2_000)  # eight at once make four fifths of the quota

    assert made.tokens == pytest.approx(5 * 2_000, rel=0.01)


def test_larger_ones_that_take_longer_are_not_too_many_at_once() -> None:
    made = pace()
    made.landed(made.sent(50, 99), 50, None, 99.06)

    assert answered(made, lambda tokens: 0.05 + tokens / 4_000).flights == 8


def test_texts_that_are_not_taken_tell_nothing_of_how_long_answers_take() -> None:
    made = pace()
    made.landed(made.sent(1_000, 99), 0, None, 99.001)

    assert answered(made, lambda tokens: 0.3).flights == 8


def test_the_providers_limits_of_one_call_hold() -> None:
    huge = Quota(tokens=Allowance(limit=10**9, remaining=10**9, reset=0))

    assert (told(huge).tokens, told(huge).items) == (300_000, 2_048)


def test_tokens_are_counted_as_they_are_billed() -> None:
    made = pace()
    for second in range(60):
        made.landed(made.sent(1_500, second), 1_000, TOLD, second)

    assert made.tokens == pytest.approx(1.5 * 0.2 * SHARE * 20_000, rel=0.01)


def test_what_somebody_else_used_up_is_waited_for() -> None:
    used_up = Quota(tokens=Allowance(limit=1_200_000, remaining=0, reset=60))

    assert told(used_up).wait(10_000, 100) == pytest.approx(0.5)


def test_a_used_up_day_is_asked_about_every_minute_at_most() -> None:
    day = Allowance(limit=200, remaining=0, reset=86_400, per=86_400)

    assert told(Quota(requests_a_day=day)).wait(1_000, 100) == 60


def test_retry_after_holds_everything() -> None:
    made = told(answers=5)
    departures = [made.sent(1_000, 101), made.sent(1_000, 101)]
    waits = [made.failed(departure, None, 7.0, 101.1, refused=True) for departure in departures]

    assert waits == [7, None]  # told once
    assert made.wait(1, 101.1) == pytest.approx(7)


@pytest.mark.parametrize("retry_after", [0.0, 0.02, 1.0, None])
def test_refusals_in_a_row_are_waited_out_for_a_minute_whatever_each_asks_for(retry_after: float | None) -> None:
    made, now = told(answers=5), 101.0
    for _ in range(flights.REFUSED_TRIES - 1):
        made.failed(made.sent(1_000, now), None, retry_after, now + 0.1, refused=True)
        now += 0.1 + made.wait(1, now + 0.1)

    assert now - 101 >= 60


def test_those_that_left_together_and_are_refused_count_once() -> None:
    one, several = told(answers=8), told(answers=8)
    one.failed(one.sent(1_000, 101), None, 1.0, 101.1, refused=True)
    for departure in [several.sent(1_000, 101) for _ in range(5)]:
        several.failed(departure, None, 1.0, 101.1, refused=True)

    assert one.flights == several.flights == 4
    assert one.tokens == pytest.approx(several.tokens)


def test_a_refusal_slows_down_and_time_makes_up_for_it() -> None:
    made = told(answers=5)
    for at in (101.0, 102.0, 103.0, 104.0, 105.0, 106.0):
        made.failed(made.sent(1_000, at), None, 0.0, at + 0.1, refused=True)
    slow = made._rate
    for second in range(107, 707):
        made.landed(made.sent(1_000, second), 1_000, TOLD, second)

    assert slow < 0.6 * 20_000
    assert made._rate == pytest.approx(SHARE * 20_000)


@pytest.mark.parametrize("quota", [TOLD, None], ids=["told", "not told"])
def test_what_fails_in_passing_does_not_slow_down(quota: Quota | None) -> None:
    made = told(quota, answers=8)
    speed = made._rate
    for second in range(101, 131):
        made.failed(made.sent(1_000, second), None, None, second + 0.1, refused=False)
        made.landed(made.sent(1_000, second + 0.5), 1_000, quota, second + 0.6)

    assert made._rate >= speed


def test_failures_without_a_word_wait_longer_and_longer() -> None:
    made, now, waits = pace(), 0.0, list[float]()
    for _ in range(4):
        waits.append(made.failed(made.sent(1_000, now), None, None, now, refused=False) or 0.0)
        now += waits[-1] + 0.1

    assert waits == [1, 2, 4, 8]


def test_without_limits_it_starts_carefully_and_grows_until_it_is_refused() -> None:
    made = told(None)
    first, later = sends(made, 5), sends(made, 60)
    made.failed(made.sent(1_000, 160), None, None, 160, refused=True)
    after = made._guess

    assert first < 5 * 10_000
    assert later > 10 * first
    made.sent(1, 161)
    assert made._guess == pytest.approx(after, rel=0.01)  # and then slowly


def test_answers_that_take_much_longer_than_usual_are_fewer_at_once() -> None:
    made = told(answers=30)
    for second in range(100, 130):
        made.landed(made.sent(1_000, second), 1_000, TOLD, second + 3)

    assert made.flights == 1


def test_it_does_not_grow_beyond_twice_what_comes_back() -> None:
    made, now = pace(), 100.0
    for _ in range(100):  # two seconds for what would be sent in a quarter of a second
        made.landed(made.sent(1_250, now), 1_250, None, now + 2)
        now += 2

    assert made._guess == FIRST_GUESS


def test_refusals_in_a_row_say_no_more_of_the_speed_than_two() -> None:
    two, many = told(None), told(None)
    for made, count in ((two, 2), (many, 6)):
        for second in range(101, 101 + count):
            made.failed(made.sent(1_000, second), None, None, second + 0.1, refused=True)

    assert many._guess == pytest.approx(two._guess, rel=0.05)


def test_where_nothing_is_told_no_batch_usually_takes_longer_than_five_seconds() -> None:
    made = pace()
    for second in range(0, 300, 30):
        tokens = int(made.tokens)
        made.landed(made.sent(tokens, second), tokens, None, second + tokens / 250)

    assert made.tokens == pytest.approx(5 * 250, rel=0.02)


def test_an_older_answer_does_not_undo_a_newer_one() -> None:
    made = told()
    older, newer = made.sent(1_000, 101), made.sent(1_000, 101)
    made.landed(newer, 1_000, Quota(tokens=Allowance(limit=1_200_000, remaining=0, reset=60)), 102)
    made.landed(older, 1_000, TOLD, 102)

    assert made.wait(20_000, 102) == pytest.approx(1)
