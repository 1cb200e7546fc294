"""What can go wrong while a model answers. `str(error)` is for the owner: what happened and what to do, no secrets.

Each says whether it is `permanent` (asking again will not help until somebody acts), and a `code` that is stored with
the message. What a visitor reads is chosen by the code, never taken from here.
"""


class ChatError(Exception):
    """The model could not answer. Ask again in a minute."""

    code = "unavailable"
    permanent = False

    def __init__(self, detail: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(" ".join(filter(None, [self.__class__.__doc__, detail])))
        self.retry_after = retry_after


class ChatUnreachable(ChatError):
    """The model's provider could not be reached. Check the network and the provider's base URL."""

    code = "unreachable"


class ChatTimeout(ChatError):
    """The model was silent for too long. Ask again; RAG_TIMEOUT is how long it may be silent."""

    code = "timeout"


class ChatRateLimited(ChatError):
    """The provider's rate limit is reached. Ask again later, or raise the limit of the account."""

    code = "rate_limited"


class ChatQuotaExhausted(ChatError):
    """The provider's account has no credit left. Add credit, or set LLM_PROVIDER to another provider."""

    code = "quota"
    permanent = True


class ChatKeyRefused(ChatError):
    """The provider refused the key. Check GROQ_API_KEY or OPENAI_API_KEY, and what the key may do."""

    code = "key_refused"
    permanent = True


class ChatModelMissing(ChatError):
    """The provider has no such model for this key. Set GROQ_MODEL or OPENAI_MODEL to one that it offers."""

    code = "model_missing"
    permanent = True


class ChatRequestRefused(ChatError):
    """The provider refused the request. Lower RAG_PROMPT_TOKENS if it was too large, or choose another model."""

    code = "refused"
    permanent = True


class ChatGarbled(ChatError):
    """The provider answered with something that is not an answer. Check the provider's base URL."""

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


BY_STATUS: dict[int, type[ChatError]] = {
    401: ChatKeyRefused,
    402: ChatQuotaExhausted,
    403: ChatKeyRefused,
    404: ChatModelMissing,
    408: ChatTimeout,
    409: ChatError,
    429: ChatRateLimited,
}


def by_status(status: int, said: str, retry_after: float | None) -> ChatError:
    """`said`: the provider's own words, used to tell cases apart and never repeated."""
    if "insufficient_quota" in said or "exceeded your current quota" in said:
        return ChatQuotaExhausted()
    if "decommissioned" in said:
        return ChatModelMissing()
    fallback = ChatError if status >= 500 else ChatRequestRefused
    return BY_STATUS.get(status, fallback)(f"(It answered {status}.)", retry_after=retry_after)
