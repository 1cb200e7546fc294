"""How much to send at once, how much at the same time, and how long to wait: functions of numbers.

    waits      the guide's fixed delay, and waits after failures
    batches    texts packed within limits that may change from one batch to the next
    quota      what a provider says of its limits
    bucket     a rate that is kept, and what is left of an allowance
    flow       how much comes through
    latency    how long answers take, and whether that is longer than usual
    pace       when the next batch may leave, and how large it is
    adaptive   the same with several in flight, learned from every answer
    speed      how fast it goes, and how long it still takes

Nothing here waits, asks for the time or knows a network: whoever calls does.
"""

from rag.throttle.adaptive import Adaptive
from rag.throttle.batches import Packer, batches, halves
from rag.throttle.pace import Departure, Limits, Pace, Steady
from rag.throttle.quota import DAY, MINUTE, Allowance, Answer, Quota
from rag.throttle.speed import Speed
from rag.throttle.waits import backoff, pause

__all__ = [
    "DAY",
    "MINUTE",
    "Adaptive",
    "Allowance",
    "Answer",
    "Departure",
    "Limits",
    "Pace",
    "Packer",
    "Quota",
    "Speed",
    "Steady",
    "backoff",
    "batches",
    "halves",
    "pause",
]
