"""The providers: what each one's settings are called, and what is particular about it."""

from dataclasses import dataclass
from typing import Literal

LOCAL_MODEL = "all-MiniLM-L6-v2-int8"
Protocol = Literal["openai", "azure", "groq", "here"]  # "here": in this process


@dataclass(frozen=True, kw_only=True)
class Reach:
    """The names of the settings by which a model is reached, "" for what it has no setting for.

    `fixed`: the name of a model that no setting changes. `really`: the setting that tells which model a deployment is.
    """

    key: str = ""
    address: str = ""
    model: str = ""
    really: str = ""
    fixed: str = ""


@dataclass(frozen=True, kw_only=True)
class Provider:
    """`own_names`: what it calls a model is its own business, so that its vectors are not another server's.

    `packs`: knows vectors in base64. `counts_unasked`: tells the tokens of a stream without being asked to, and need
    not know the question. `waits`: RAG_DELAY is for it. `version`: the setting with the version of its protocol.
    """

    name: str
    protocol: Protocol = "openai"
    chat: Reach | None = None
    embedding: Reach | None = None
    version: str = ""
    needs_key: bool = True
    own_names: bool = False
    packs: bool = False
    counts_unasked: bool = False
    tokens_a_minute: int = 0
    waits: bool = True
    max_batch: int = 2_048
    is_free: bool = False


PROVIDERS = (
    Provider(
        name="groq", protocol="groq", counts_unasked=True, tokens_a_minute=8_000,
        chat=Reach(key="GROQ_API_KEY", address="GROQ_BASE_URL", model="GROQ_MODEL"),
    ),
    Provider(
        name="openai", packs=True,
        chat=Reach(key="OPENAI_API_KEY", address="OPENAI_BASE_URL", model="OPENAI_MODEL"),
        embedding=Reach(key="OPENAI_API_KEY", address="OPENAI_BASE_URL", model="OPENAI_EMBEDDING_MODEL"),
    ),
    Provider(
        name="azure", protocol="azure", packs=True, version="AZURE_OPENAI_API_VERSION",
        chat=Reach(
            key="AZURE_OPENAI_KEY", address="AZURE_OPENAI_ENDPOINT", model="AZURE_OPENAI_DEPLOYMENT",
            really="AZURE_OPENAI_MODEL",
        ),
        embedding=Reach(
            key="AZURE_OPENAI_KEY", address="AZURE_OPENAI_ENDPOINT", model="AZURE_OPENAI_EMBEDDING_DEPLOYMENT",
            really="AZURE_OPENAI_EMBEDDING_MODEL",
        ),
    ),
    Provider(
        name="together", counts_unasked=True, max_batch=128,
        chat=Reach(key="TOGETHER_API_KEY", address="TOGETHER_BASE_URL", model="TOGETHER_MODEL"),
        embedding=Reach(key="TOGETHER_API_KEY", address="TOGETHER_BASE_URL", model="TOGETHER_EMBEDDING_MODEL"),
    ),
    Provider(
        name="lmstudio", needs_key=False, own_names=True, waits=False, max_batch=128, is_free=True,
        chat=Reach(key="LMSTUDIO_API_KEY", address="LMSTUDIO_BASE_URL", model="LMSTUDIO_MODEL"),
        embedding=Reach(key="LMSTUDIO_API_KEY", address="LMSTUDIO_BASE_URL", model="LMSTUDIO_EMBEDDING_MODEL"),
    ),
    Provider(
        name="compatible", needs_key=False, own_names=True, max_batch=128,
        chat=Reach(key="LLM_API_KEY", address="LLM_BASE_URL", model="LLM_MODEL"),
        embedding=Reach(key="EMBEDDING_API_KEY", address="EMBEDDING_BASE_URL", model="EMBEDDING_MODEL"),
    ),
    Provider(name="local", protocol="here", embedding=Reach(fixed=LOCAL_MODEL), waits=False, is_free=True),
    Provider(name="extractive", protocol="here", chat=Reach(fixed="none"), is_free=True),
    Provider(
        name="fake", protocol="here", chat=Reach(fixed="fake"), embedding=Reach(fixed="fake"), waits=False,
        is_free=True,
    ),
)  # fmt: skip
BY_NAME = {provider.name: provider for provider in PROVIDERS}
CHAT = tuple(provider.name for provider in PROVIDERS if provider.chat)
EMBEDDING = tuple(provider.name for provider in PROVIDERS if provider.embedding)
MAY_DEFAULT = ("OPENAI_BASE_URL", "GROQ_BASE_URL")  # addresses that their SDK knows
