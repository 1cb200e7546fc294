"""What the server does with one request."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

# Headers of a provider with room for everything.
FAST = {
    "x-ratelimit-limit-requests": "60000", "x-ratelimit-remaining-requests": "59999",
    "x-ratelimit-reset-requests": "1ms", "x-ratelimit-limit-tokens": "600000", "x-ratelimit-remaining-tokens": "599000",
    "x-ratelimit-reset-tokens": "100ms",
}  # fmt: skip


@dataclass(frozen=True)
class Chat:
    """A streamed completion. `finish` None: no reason is given; `cut`: the connection ends without one, in mid-air;
    `hang`: seconds of silence after the pieces; `pause`: seconds before each piece."""

    pieces: list[str] = field(default_factory=lambda: ["Hello", " [1]"])
    finish: str | None = "stop"
    usage: tuple[int, int] | None = (11, 7)
    cut: bool = False
    done: bool = True
    hang: float = 0.0
    pause: float = 0.0
    reasoning: str = ""


@dataclass(frozen=True)
class Raw:
    """These bytes as the body, as they are."""

    content: bytes
    content_type: str = "text/event-stream"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Refusal:
    """An error by its status, with `message` and `code` in the dialect's form."""

    status: int
    message: str = "refused"
    code: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Embeddings:
    """Vectors as given instead of those made of the texts."""

    vectors: list[list[float]]


@dataclass(frozen=True)
class Altered:
    """The right vectors' items, and then this done to them."""

    alter: Callable[[list[dict[str, Any]]], Any]


@dataclass(frozen=True)
class Hang:
    """Accepts and never answers."""

    seconds: float


@dataclass(frozen=True)
class Silence:
    """The headers, and then nothing."""

    seconds: float
    status: int = 200


@dataclass(frozen=True)
class Trickle:
    """A byte every `pause` seconds, after the headers or in the middle of them."""

    pause: float
    status: int = 200
    in_headers: bool = False


@dataclass(frozen=True)
class Drop:
    """The connection is reset before any answer, or after its headers."""

    after_headers: bool = False
    status: int = 200


@dataclass(frozen=True)
class Half:
    """Half of a right answer, and the connection ends."""


@dataclass(frozen=True)
class Flood:
    """So many megabytes without an end of a line."""

    megabytes: int
    content_type: str = "text/event-stream"
    status: int = 200


Plan = Chat | Raw | Refusal | Embeddings | Altered | Hang | Silence | Trickle | Drop | Half | Flood
