"""A server on this computer that speaks the providers' dialects, so that the real SDKs can be tried against it.

    with providers.serving(dialects.AZURE) as provider:
        provider.plan(Chat(["Hello", " [1]"]), Refusal(429, headers={"Retry-After": "1"}))
        ... with the settings that provider.settings names ...
        provider.requests[0].body["messages"]

Plans are used one a request, whatever its path; without any, a chat answers "Hello [1]" and embeddings are made of the
texts. `python -m tests.providers` prints what comes of everything that can go wrong, for every provider.
"""

from tests.providers.plans import (
    FAST,
    Altered,
    Chat,
    Drop,
    Embeddings,
    Flood,
    Half,
    Hang,
    Plan,
    Raw,
    Refusal,
    Silence,
    Trickle,
)
from tests.providers.server import Provider, Request, serving

__all__ = [
    "FAST",
    "Altered",
    "Chat",
    "Drop",
    "Embeddings",
    "Flood",
    "Half",
    "Hang",
    "Plan",
    "Provider",
    "Raw",
    "Refusal",
    "Request",
    "Silence",
    "Trickle",
    "serving",
]
