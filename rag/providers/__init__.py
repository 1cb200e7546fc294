"""Who writes answers and who embeds: a row of settings for each provider, read by everything that reaches one.

    providers.chat("azure")            how its chat model is reached, as the settings say now
    providers.embedding("azure")       the same for its embedding model

A provider is a protocol and the names of its settings. What is particular about one is a field of its row, so that no
adapter asks who it talks to.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.conf import settings

from rag.providers.rows import BY_NAME, CHAT, EMBEDDING, LOCAL_MODEL, MAY_DEFAULT, PROVIDERS, Provider, Reach

__all__ = ["BY_NAME", "CHAT", "EMBEDDING", "LOCAL_MODEL", "PROVIDERS", "Access", "Problem", "Provider", "Reach"]

NAME_LENGTH = 100  # of a model, as it is stored
NOT_IN_KEYS = set(" \"'")
LOCALHOSTS = ("localhost", "127.0.0.1", "::1")
# For sentences about a provider that is not known where they are written.
UNNAMED: Mapping[str, str] = {
    "key": "its key",
    "model": "its model's name",
    "address": "its address",
    "choice": "the provider",
}


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Why a model cannot be reached as the settings are, and what to do. `is_absence`: something is not set."""

    what: str
    remedy: str
    is_absence: bool = False

    def __str__(self) -> str:
        return f"{self.what} {self.remedy}"


@dataclass(frozen=True, kw_only=True)
class Access:
    """How one model is reached, as the settings were when it was asked for. Equal ones reach the same.

    `model` is what is sent. `key` is never shown.
    """

    provider: Provider
    reach: Reach
    choice: str
    model: str
    key: str = field(default="", repr=False)
    address: str = ""
    version: str = ""
    really: str = ""

    @property
    def shown(self) -> str:
        """The model's name for people and prices."""
        return self.really or self.model

    @property
    def identity(self) -> str:
        """The model's name for its vectors: those of equal ones can be compared.

        A deployment has whatever name its owner likes, and a server of one's own calls a model as it pleases. They are
        told apart from the published model of that name, unless the settings say that it is that one.
        """
        if self.really:
            return self.really
        mark = self.provider.own_names or self.provider.protocol == "azure"
        return f"{self.provider.name}:{self.model}" if mark else self.model

    @property
    def names(self) -> Mapping[str, str]:
        """What its settings are called, for sentences that say which one to change."""
        reach = self.reach
        named = {"key": reach.key, "model": reach.model, "address": reach.address, "choice": self.choice}
        return dict(UNNAMED) | {what: setting for what, setting in named.items() if setting}

    @property
    def asks_for_usage(self) -> bool:
        """Azure's protocol refuses the question before this version."""
        return not self.provider.counts_unasked and (not self.version or self.version[:10] >= "2024-09-01")

    def problem(self) -> Problem | None:
        """The first reason why no request can be made with it."""
        if self.provider.protocol == "here":
            return None
        return self._absence() or self._nonsense()

    def _absence(self) -> Problem | None:
        needed = {self.reach.key: self.key} if self.provider.needs_key else {}
        needed |= {} if self.reach.address in MAY_DEFAULT else {self.reach.address: self.address}
        for setting, value in (needed | {self.reach.model: self.model}).items():
            if not value:
                what = f"{setting} is not set, and {self.choice}={self.provider.name} needs it."
                return Problem(what=what, remedy=f"Set {setting}.", is_absence=True)
        return None

    def _nonsense(self) -> Problem | None:
        if not self.key.isascii() or not self.key.isprintable() or set(self.key) & NOT_IN_KEYS:
            what = f"{self.reach.key} holds characters that no key has, such as quotes or spaces."
            return Problem(what=what, remedy=f"Copy {self.reach.key} again.")
        if self.address and not is_address(self.address):
            what = f"{self.reach.address} is not an address."
            return Problem(what=what, remedy="It begins with https:// (or http:// for a server of your own).")
        if len(self.identity) > NAME_LENGTH:
            remedy = f"{NAME_LENGTH - len(self.provider.name) - 1} characters are the most."
            return Problem(what=f"{self.reach.model} is too long to be stored.", remedy=remedy)
        return None

    @property
    def is_in_clear(self) -> bool:
        """Whether what is sent can be read on its way, beyond this computer."""
        parts = urlsplit(self.address)
        return parts.scheme == "http" and parts.hostname not in LOCALHOSTS


def chat(name: str = "") -> Access:
    """How the chat model of that provider, or of the chosen one, is reached. Raises KeyError for an unknown one."""
    provider = BY_NAME[name or chosen_chat()]
    if provider.chat is None:
        raise KeyError(provider.name)
    return _access(provider, provider.chat, "LLM_PROVIDER")


def embedding(name: str = "") -> Access:
    """How the embedding model of that provider, or of the chosen one, is reached. Raises KeyError."""
    provider = BY_NAME[name or chosen_embedding()]
    if provider.embedding is None:
        raise KeyError(provider.name)
    return _access(provider, provider.embedding, "EMBEDDING_PROVIDER")


def chosen_chat() -> str:
    """The provider that is named, else the first whose key is set, else none; `choices` says who "conditional" is."""
    name: str = settings.LLM_PROVIDER.lower()
    if name != "auto":
        return name
    if settings.GROQ_API_KEY:
        return "groq"
    return "openai" if settings.OPENAI_API_KEY else "extractive"


def chosen_embedding() -> str:
    name: str = settings.EMBEDDING_PROVIDER.lower()
    if name != "auto":
        return name
    return "openai" if settings.OPENAI_API_KEY else "local"


def is_address(text: str) -> bool:
    """Whether it is a base URL without a name and a password in it, which would end up in errors."""
    try:
        parts = urlsplit(text)
        _port = parts.port  # raises for one that is no number
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc


def _access(provider: Provider, reach: Reach, choice: str) -> Access:
    def setting(name: str) -> str:
        value: str = getattr(settings, name) if name else ""
        return value

    address = setting(reach.address)
    if provider.protocol == "azure":  # the portal also shows longer ones, with the path of one call
        address = re.sub(r"(?<!/)/openai(/.*)?$", "", address.rstrip("/"))
    return Access(
        provider=provider, reach=reach, choice=choice, model=reach.fixed or setting(reach.model),
        key=setting(reach.key), address=address, version=setting(provider.version), really=setting(reach.really),
    )  # fmt: skip
