"""The pace that keeps several batches in flight, as close to the provider's limits as they allow."""

from collections.abc import Callable
from dataclasses import dataclass, field

from rag.throttle import waits
from rag.throttle.bucket import NEVER, Bucket, Left
from rag.throttle.flow import Flow
from rag.throttle.latency import SMOOTHING, Latency
from rag.throttle.pace import Departure, Limits
from rag.throttle.quota import MINUTE, Allowance, Quota

# A provider may count in windows of five seconds and not say so. They hold what leaves evenly and a little below the
# limit, in batches not much larger than that little: those are sent once something was refused.
SHARE = 0.99
GRAIN, FINEST_GRAIN = 0.2, 0.05  # seconds of the quota in one batch
COARSE_GRAIN = 0.5  # the same where nothing is known of the requests that are allowed
BURST = 0.1  # seconds' worth that may follow a pause at once
LONGEST_ANSWER = 5.0  # seconds that a batch is made large for: RAG_TIMEOUT is not far

AT_ONCE = 1e-4  # seconds that are not worth a wait

# Without a word about limits.
FIRST_GUESS = 5_000.0  # tokens a second: what the guide's defaults send
GROWTH = 0.07  # a second: doubles in ten
AHEAD = 2.0  # times what comes back, no more: the limit is elsewhere then
SLOW_GROWTH = 0.005  # a second, once something was refused

CUT, DEEPEST_CUT = 0.02, 0.25  # of the speed, after a refusal: twice as much after another one soon
SOON = 10.0  # seconds
MOST_CUTS = 2  # of a guess, one after the other with nothing let through: it is no longer the speed then
RECOVERY = 0.002  # of the full speed, a second
LEAST_SHARE = 0.02


@dataclass(kw_only=True)
class Adaptive:
    """Learns from each answer: the limits and what is left of them, how tokens are counted, and what is too much."""

    limits: Limits
    jitter: Callable[[], float]
    _tokens: Bucket = field(init=False)
    _requests: Bucket | None = field(default=None, init=False)
    _tokens_limit: Allowance = field(default=Allowance(), init=False)
    _requests_limit: Allowance = field(default=Allowance(), init=False)
    _left: dict[str, Left] = field(init=False)
    _sent: tuple[int, float] = field(default=(0, 0.0), init=False)  # requests and tokens so far
    _newest: int = field(default=-1, init=False)  # of the departures whose answer told of the quota
    _share: float = field(default=SHARE, init=False)
    _grain: float = field(default=GRAIN, init=False)
    _guess: float = field(default=FIRST_GUESS, init=False)
    _growth: float = field(default=GROWTH, init=False)
    _window: float = field(default=1.0, init=False)
    _ratio: float = field(default=1.0, init=False)  # tokens billed of one estimated
    _latency: Latency = field(default_factory=Latency, init=False)
    _landing: Flow = field(default_factory=Flow, init=False)  # tokens
    _failures: int = field(default=0, init=False)  # in a row
    _failed_at: float = field(default=NEVER, init=False)
    _cut_at: float = field(default=NEVER, init=False)
    _streak: int = field(default=0, init=False)  # of cuts, each soon after the other
    _hold_until: float = field(default=NEVER, init=False)
    _at: float = field(default=0.0, init=False)  # when it was last adjusted

    def __post_init__(self) -> None:
        self._tokens = Bucket(rate=self._guess, burst=BURST)
        self._left = {name: Left() for name in ("requests", "tokens", "requests_a_day", "tokens_a_day")}

    # How large, how many

    @property
    def items(self) -> int:
        return self.limits.items

    @property
    def tokens(self) -> float:
        return min(self.limits.tokens, self._wanted / self._ratio)

    @property
    def _wanted(self) -> float:
        """Small ones keep the pace even, and little is lost by a kill; but as large as the requests allow, and as it
        takes to use the quota with the flights there are. Where a token takes its time, larger ones only take longer.
        """
        known, requests = self._tokens_limit.rate, self._requests_limit.rate
        grain = (self._grain if requests else COARSE_GRAIN) * self._rate
        longest = self._latency.tokens_in(LONGEST_ANSWER)
        if not known:
            return min(grain, longest)
        needed = 1.1 * self._rate * self._latency.seconds / self.limits.flights
        return max(grain, min(needed, longest), 1.1 * self._rate / requests if requests else 0.0)

    @property
    def flights(self) -> int:
        return int(self._window)

    @property
    def _rate(self) -> float:
        """Tokens a second."""
        known = self._tokens_limit.rate
        return known * self._share if known else self._guess

    # When

    def wait(self, tokens: int, now: float) -> float:
        units = tokens * self._ratio
        paced = max(self._tokens.wait(now), self._requests.wait(now) if self._requests else 0.0)
        left = max(self._left[name].wait(1 if "requests" in name else units, now) for name in self._left)
        seconds = max(self._hold_until - now, paced, min(left, MINUTE))
        return seconds if seconds > AT_ONCE else 0.0

    def sent(self, tokens: int, now: float) -> Departure:
        self._adjust(now)
        units = tokens * self._ratio
        departure = Departure(tokens=tokens, at=now, requests_before=self._sent[0] + 1, tokens_before=self._sent[1])
        departure.tokens_before += units
        self._sent = departure.requests_before, departure.tokens_before
        self._tokens.take(units, now)
        if self._requests:
            self._requests.take(1, now)
        for name, left in self._left.items():
            left.take(1 if "requests" in name else units)
        return departure

    # What is learned

    def landed(self, departure: Departure, billed: int, quota: Quota | None, now: float) -> None:
        self._failures = 0
        if billed and departure.tokens:
            self._tokens.correct(billed - departure.tokens * self._ratio)
            first = not self._latency.seconds
            self._ratio += (billed / departure.tokens - self._ratio) * (1.0 if first else SMOOTHING)
            self._landing.add(billed, now)
            self._latency.add(now - departure.at, billed)
            self._open()
        self._learn(departure, quota, now)

    def failed(
        self, departure: Departure, quota: Quota | None, retry_after: float | None, now: float, *, refused: bool
    ) -> float | None:
        self._learn(departure, quota, now)
        if departure.at > self._failed_at:  # those that left together fail together, and count once
            self._failed_at = now
            self._failures += 1
            self._window = max(1.0, self._window / 2)
            if refused:  # what else fails has nothing to do with the speed
                self._slow_down(now)
            seconds = self._hold(retry_after, refused=refused)
        else:
            seconds = retry_after or 0.0
        held = self._hold_until - now
        self._hold_until = max(self._hold_until, now + seconds)
        return seconds if seconds > max(held, BURST) else None

    def _hold(self, retry_after: float | None, *, refused: bool) -> float:
        """Seconds. The provider's word is taken once; refused again, it is only the least."""
        if refused and self._failures == 1 and (retry_after is not None or self._tokens_limit.rate):
            return retry_after or BURST
        return waits.backoff(self._failures, retry_after, self.jitter())

    def _slow_down(self, now: float) -> None:
        self._streak = self._streak + 1 if now - self._cut_at < SOON else 0
        known = self._tokens_limit.rate is not None
        cut = min(DEEPEST_CUT, CUT * 2**self._streak) if known else DEEPEST_CUT
        self._share = max(LEAST_SHARE, self._share * (1 - cut))
        if self._failures <= MOST_CUTS:
            self._guess *= 1 - cut
        self._growth = SLOW_GROWTH
        self._grain = max(FINEST_GRAIN, self._grain / 2)
        self._cut_at = now
        self._tokens.change(self._rate, now)

    def _adjust(self, now: float) -> None:
        """Faster again, little by little."""
        seconds, self._at = min(1.0, now - self._at), now
        self._share = min(SHARE, self._share + RECOVERY * seconds)
        if not self._tokens_limit.rate and self._guess < AHEAD * self._landing.rate(now):
            self._guess *= 1 + self._growth * seconds
        self._tokens.change(self._rate, now)

    def _learn(self, departure: Departure, quota: Quota | None, now: float) -> None:
        if quota is None or departure.requests_before <= self._newest:
            return
        self._newest = departure.requests_before
        since = {
            "requests": self._sent[0] - departure.requests_before,
            "tokens": self._sent[1] - departure.tokens_before,
        }
        for name, left in self._left.items():
            left.learn(getattr(quota, name), since[name.partition("_")[0]], now)
        if quota.tokens.rate and quota.tokens.per == MINUTE:
            self._tokens_limit = quota.tokens
        if quota.requests.rate and quota.requests.per == MINUTE:
            self._requests_limit = quota.requests
            rate = quota.requests.rate * SHARE
            self._requests = self._requests or Bucket(rate=rate, burst=BURST)
            self._requests.change(rate, now)
        self._tokens.change(self._rate, now)

    def _open(self) -> None:
        """One more at once, or one fewer when answers take much longer than usual."""
        more = 1.0 if self._tokens_limit.rate else 1 / self._window  # one that nobody knows may have one at a time
        more = -1.0 if self._latency.is_slow else more
        self._window = min(float(self.limits.flights), max(1.0, self._window + more))
