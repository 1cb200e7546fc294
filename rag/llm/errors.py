"""What can go wrong while a model answers. What a visitor reads is chosen by the code, never taken from here."""

from rag.providers.errors import ProviderError
from rag.providers.faults import Fault


class ChatError(ProviderError):
    """The model could not answer. Ask again in a minute."""

    code = "unavailable"
    permanent = False


class ChatNotSetUp(ChatError):
    """There is no model to ask."""

    code = "not_set_up"
    permanent = True


class ChatUnreachable(ChatError):
    """The model's provider could not be reached. Check the network and {address}."""

    code = "unreachable"


class ChatTimeout(ChatError):
    """The model was silent for too long. Ask again; RAG_TIMEOUT is how long it may be silent."""

    code = "timeout"


class ChatRateLimited(ChatError):
    """The provider's rate limit is reached. Ask again later, or raise the limit of the account."""

    code = "rate_limited"


class ChatQuotaExhausted(ChatError):
    """The provider's account has no credit left. Add credit, or set {choice} to another provider."""

    code = "quota"
    permanent = True


class ChatKeyRefused(ChatError):
    """The provider refused the key. Check {key}, and what it may do."""

    code = "key_refused"
    permanent = True


class ChatModelMissing(ChatError):
    """The provider has no such model for this key. Set {model} to one that it offers, and check {address}."""

    code = "model_missing"
    permanent = True


class ChatRequestRefused(ChatError):
    """The provider refused the request. Lower RAG_PROMPT_TOKENS if it was too large, or set {model} to another one."""

    code = "refused"
    permanent = True


class ChatTooLarge(ChatRequestRefused):
    """The prompt is larger than the provider takes for {model}. Lower RAG_PROMPT_TOKENS, or say in
    LLM_CONTEXT_TOKENS and LLM_TOKENS_PER_MINUTE how much it takes."""


class ChatGarbled(ChatError):
    """The provider answered with something that is not an answer. Check {address}."""

    code = "garbled"


class ChatCut(ChatError):
    """The provider ended the answer before it was complete. Ask again."""

    code = "cut"


class ChatTooLong(ChatError):
    """The answer reached its limit. RAG_ANSWER_TOKENS is how long it may be."""

    code = "length"


class ChatFiltered(ChatError):
    """The provider's content filter stopped the answer. Ask in other words."""

    code = "content_filter"
    permanent = True


BY_FAULT: dict[Fault, type[ChatError]] = {
    Fault.KEY: ChatKeyRefused,
    Fault.QUOTA: ChatQuotaExhausted,
    Fault.RATE: ChatRateLimited,
    Fault.MODEL: ChatModelMissing,
    Fault.FILTERED: ChatFiltered,
    Fault.CONTENT: ChatRequestRefused,
    Fault.TOO_LARGE: ChatTooLarge,
    Fault.REQUEST: ChatRequestRefused,
    Fault.TIMEOUT: ChatTimeout,
    Fault.PASSING: ChatError,
}
