"""What can go wrong while texts are embedded: each error says what to do, and whether it can pass by itself."""

from rag import throttle
from rag.providers.errors import ProviderError


class EmbeddingError(ProviderError):
    """The texts could not be embedded."""

    code = "embedding"
    permanent = True
    quota: throttle.Quota | None = None  # what is left of it, set by who was told


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
