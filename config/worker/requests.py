"""What has come of a request, as far as the loop must know that collects it."""

import re
from dataclasses import dataclass

SHORT = (
    16 * 1024
)  # bytes of a body that the loop waits for; a longer one, such as a picture, a thread reads as it comes
END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_EXPECTS = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Head:
    """`size` and `body` in bytes: of the head with its end, and of what it says will follow.

    `is_long`: the body is more than SHORT, or comes in chunks and may be anything.
    """

    size: int
    body: int
    is_long: bool
    is_asking: bool  # whether to send the body


def head(received: bytes) -> Head | None:
    """None as long as its end has not come."""
    lines, end, _ = received.partition(END)
    if not end:
        return None
    length = _LENGTH.search(lines + b"\r\n")
    body = int(length[1][:20]) if length else 0
    return Head(
        size=len(lines) + len(END), body=body, is_long=body > SHORT or bool(_CHUNKED.search(lines)),
        is_asking=bool(_EXPECTS.search(lines + b"\r\n")),
    )  # fmt: skip


def is_whole(received: bytes) -> bool:
    """Whether a thread can begin: everything has come, or a long body is on its way."""
    about = head(received)
    return about is not None and (about.is_long or len(received) - about.size >= about.body)


def without_asking(received: bytes) -> bytes:
    """The same for whoever need not answer it any more."""
    lines, end, body = received.partition(END)
    return _EXPECTS.sub(b"\r\n", lines + b"\r\n").removesuffix(b"\r\n") + end + body
