"""What can go wrong while texts are embedded: each error says what to do, and whether it can pass by itself."""

from inspect import cleandoc
from typing import ClassVar

from rag import providers, throttle


class EmbeddingError(Exception):
    """The texts could not be embedded."""

    code: ClassVar[str] = "embedding"
    permanent: ClassVar[bool] = True

    def __init__(self, detail: str = "", *, retry_after: float | None = None) -> None:
        """`retry_after`: seconds the provider asks to wait."""
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after
        # Who knows the provider sets these: the settings to change, and what is left of its quota.
        self.names = providers.UNNAMED
        self.quota: throttle.Quota | None = None

    def __str__(self) -> str:
        """The class's docstring, with the settings' names, then the detail."""
        sentence = " ".join(cleandoc(self.__doc__ or "").split())
        return f"{sentence.format_map(self.names)} {self.detail}".strip()


class ProviderUnavailable(EmbeddingError):
    """The embedding provider could not be reached or did not answer. It is tried again; if this lasts, check
    {address}, RAG_TIMEOUT and the provider's status page."""

    code = "embedding_unavailable"
    permanent = False


class RateLimited(EmbeddingError):
    """The embedding provider refuses more requests for now. It is tried again; if this is frequent, raise
    RAG_DELAY or set it to auto."""

    code = "embedding_rate_limited"
    permanent = False


class QuotaExhausted(EmbeddingError):
    """The embedding provider's quota is used up. Add credit to the account of {key}, then process again."""

    code = "embedding_quota"


class KeyRefused(EmbeddingError):
    """The embedding provider refuses the key. Check {key}, and that it may use {model}."""

    code = "embedding_key"


class ModelMissing(EmbeddingError):
    """The embedding provider has no such model. Check {model} and {address}."""

    code = "embedding_model"


class InputRefused(EmbeddingError):
    """These texts cannot be embedded."""

    code = "embedding_input"


class RequestRefused(EmbeddingError):
    """The embedding provider does not take requests like ours. Check {address} and {model}."""

    code = "embedding_request"


class BadVectors(EmbeddingError):
    """The embedding provider answered with vectors that cannot be right, and none was stored. Check {model} and
    {address}."""

    code = "embedding_vectors"


class EmbedderMissing(EmbeddingError):
    """There is no embedding model to use here."""

    code = "embedding_missing"
