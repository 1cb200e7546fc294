"""System checks for mistakes in the settings that would otherwise be found by a visitor."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured

from config import gunicorn
from rag import visitors

EMBEDDERS = ("auto", "openai", "local", "fake")
CHAT_MODELS = ("auto", "groq", "openai", "extractive", "fake")


@register(Tags.security, deploy=False)
def local_repositories(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    if settings.RAG_ALLOW_LOCAL_REPOSITORIES and not settings.DEBUG:
        hint = "It lets whoever may add a project read folders of this server. Unset RAG_ALLOW_LOCAL_REPOSITORIES."
        return [Error("Repositories from this computer's paths are allowed without DEBUG.", hint=hint, id="rag.E001")]
    return []


@register(Tags.security)
def fakes(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    chosen = [
        n for n in ("EMBEDDING_PROVIDER", "LLM_PROVIDER") if getattr(settings, n) == "fake" and not settings.DEBUG
    ]
    return [Error(f"{name} is a fake without DEBUG.", hint=f"Unset {name}.", id="rag.E002") for name in chosen]


@register
def providers(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    return [*_known("EMBEDDING_PROVIDER", EMBEDDERS), *_known("LLM_PROVIDER", CHAT_MODELS), *_keys()]


@register
def git_tokens(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    hosts = [entry.partition("=")[0] for entry in settings.RAG_GIT_TOKENS]
    strange = [host for host in hosts if host not in settings.RAG_ALLOWED_HOSTS]
    hint = "Write RAG_GIT_TOKENS as host=token, separated by commas, with hosts that RAG_ALLOWED_HOSTS names."
    return [Error("RAG_GIT_TOKENS has an entry for no allowed host.", hint=hint, id="rag.E005")] if strange else []


@register
def chunk_sizes(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    if settings.RAG_CHUNK_OVERLAP * 2 <= settings.RAG_CHUNK_SIZE:
        return []
    hint = "Keep RAG_CHUNK_OVERLAP at most half of RAG_CHUNK_SIZE."
    return [Error("Chunks would be mostly overlap.", hint=hint, id="rag.E006")]


@register
def answers_at_once(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    if gunicorn.threads > settings.RAG_MAX_STREAMS:
        return []
    hint = f"Keep RAG_MAX_STREAMS well below {gunicorn.threads}, the threads of config/gunicorn.py."
    return [Error("Answers could take every thread, and no page would be served.", hint=hint, id="rag.E007")]


@register
def asking_rate(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    try:
        visitors.QuestionThrottle()
    except (ValueError, KeyError, IndexError, ImproperlyConfigured):
        hint = "Write a number, a slash and second, minute, hour or day: 20/minute."
        return [Error("RAG_ASK_RATE cannot be used.", hint=hint, id="rag.E008")]
    return []


@register
def proxies(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    if settings.NUM_PROXIES or not settings.SECURE_PROXY_SSL_HEADER:
        return []
    hint = "Set NUM_PROXIES to the number of proxies in front of the site, which is mostly 1."
    return [Warning("There is a proxy, so all visitors count as one when they ask.", hint=hint, id="rag.W009")]


def _known(name: str, choices: tuple[str, ...]) -> list[CheckMessage]:
    if getattr(settings, name) in choices:
        return []
    return [Error(f"{name} is not a known provider.", hint=f"It takes one of: {', '.join(choices)}.", id="rag.E003")]


def _keys() -> list[CheckMessage]:
    needed = {
        "OPENAI_API_KEY": "openai" in (settings.EMBEDDING_PROVIDER, settings.LLM_PROVIDER),
        "GROQ_API_KEY": settings.LLM_PROVIDER == "groq",
    }
    missing = [key for key, is_needed in needed.items() if is_needed and not getattr(settings, key)]
    return [
        Error(f"{key} is not set, and a chosen provider needs it.", hint=f"Set {key}.", id="rag.E004")
        for key in missing
    ]
