"""System checks for mistakes in the settings that would otherwise be found by a visitor."""

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured

from config import faults, gunicorn
from rag import providers, visitors
from rag.embeddings import known
from rag.llm import windows
from rag.providers import choices
from rag.spending import prices

BYTES_A_TOKEN = 4  # of usual text; what is held for a prompt counts its bytes


@register(Tags.security, deploy=False)
def local_repositories(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    if settings.RAG_ALLOW_LOCAL_REPOSITORIES and not settings.DEBUG:
        hint = "It lets whoever may add a project read folders of this server. Unset RAG_ALLOW_LOCAL_REPOSITORIES."
        return [Error("Repositories from this computer's paths are allowed without DEBUG.", hint=hint, id="rag.E001")]
    return []


@register(Tags.security)
def fakes(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    chosen = [setting for setting, name, _ in _in_use() if name == "fake" and not settings.DEBUG]
    return [Error(f"{setting} is a fake without DEBUG.", hint=f"Unset {setting}.", id="rag.E002") for setting in chosen]


@register(Tags.security)
def planned_faults(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    if not faults.is_refused():
        return []
    hint = "It makes the program fail on purpose, for tests. Unset FAULT."
    return [Error("FAULT is set outside of a test.", hint=hint, id="rag.E030")]


@register
def models(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """That the models that may be asked can be reached with what is set; check_providers asks them."""
    found: list[CheckMessage] = []
    for setting, name, reached in _in_use():
        try:
            found += _mistakes(dataclasses.replace(reached(name), choice=setting))
        except KeyError:
            found.append(_unknown(setting))
    return found


@register
def routes(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """That what is said about several providers makes sense."""
    found: list[CheckMessage] = []
    for read, hint in (
        (choices.shares, "Write LLM_ROLLOUT as name=per cent, separated by commas: azure=10."),
        (windows.stated_rates, "Write LLM_TOKENS_PER_MINUTE as name=tokens, separated by commas: groq=8000."),
    ):
        try:
            read()
        except ValueError as error:
            found.append(Error(str(error), hint=hint, id="rag.E017"))
    found += _rates_of_nobody()
    if not 0 < settings.COMPLEXITY_THRESHOLD <= 1:
        hint = "It is from 0 to 1; with 0.7 about a third of the questions are complex."
        found.append(Error("COMPLEXITY_THRESHOLD can tell no question from another.", hint=hint, id="rag.E018"))
    if choices.LAST_RESORT in choices.fallbacks()[:-1]:
        hint = "Put extractive last in LLM_FALLBACKS: it always answers."
        found.append(Warning("Some of LLM_FALLBACKS are never asked.", hint=hint, id="rag.W019"))
    return found


@register
def prompts_fit(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """That the answer leaves some of what a model takes to the prompt, or every question would be refused."""
    found: list[CheckMessage] = []
    for _, name, reach in _in_use():
        with contextlib.suppress(KeyError, ValueError):  # other checks say so
            left = windows.room(reach(name)) if reach is providers.chat else None
            if left is not None and left < windows.LEAST:
                what = f"{name} leaves {max(0, left)} tokens to a prompt, which needs {windows.LEAST}."
                hint = "Lower RAG_ANSWER_TOKENS, or say in LLM_CONTEXT_TOKENS and LLM_TOKENS_PER_MINUTE what it takes."
                found.append(Warning(what, hint=hint, id="rag.W020"))
    return found


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
    if settings.NUM_PROXIES or not (settings.SECURE_PROXY_SSL_HEADER or settings.RENDER_HOST):
        return []
    hint = "Set NUM_PROXIES to the number of proxies in front of the site, which is mostly 1."
    return [Warning("There is a proxy, so all visitors count as one when they ask.", hint=hint, id="rag.W009")]


@register
def price_settings(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    hint = "Write provider/model=in:out in US dollars for a million tokens, separated by commas: groq/my-model=0.1:0.4."
    try:
        prices.parsed(settings.RAG_PRICES)
    except ValueError:
        return [Error("RAG_PRICES cannot be used.", hint=hint, id="rag.E013")]
    try:
        prices.assumed()
    except ValueError:
        hint = "Write in:out in US dollars for a million tokens: 20:100."
        return [Error("RAG_ASSUMED_PRICE cannot be used.", hint=hint, id="rag.E014")]
    return []


@register(deploy=True)  # it reads the whole list of prices
def known_prices(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Of the models that may be asked, those that RAG_ASSUMED_PRICE counts for."""
    hint = f"State it in RAG_PRICES; until then RAG_ASSUMED_PRICE counts, {settings.RAG_ASSUMED_PRICE}."
    if price_settings(app_configs):
        return []
    return [
        Warning(f"What {provider}/{model} costs is not known.", hint=hint, id="rag.W015")
        for provider, model in [*_models(providers.chat), *_models(providers.embedding)]
        if prices.known(provider, model) is None
    ]


@register(deploy=True)
def budgets_suffice(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """A budget below what one question is held for would refuse all of them to a model."""
    caps = [cap for cap in (settings.RAG_DAILY_BUDGET_USD, settings.RAG_PROJECT_DAILY_BUDGET_USD) if cap]
    if not caps or price_settings(app_configs):
        return []
    asked = [prices.of(*model) for model in _models(providers.chat)] or [prices.assumed()]
    most = max(price.cost(settings.RAG_PROMPT_TOKENS * BYTES_A_TOKEN, settings.RAG_ANSWER_TOKENS) for price in asked)
    if most <= min(caps):
        return []
    hint = "Raise the budget, lower RAG_PROMPT_TOKENS and RAG_ANSWER_TOKENS, or state the model's price in RAG_PRICES."
    return [
        Warning(f"One question may cost ${most}, more than a day's budget of ${min(caps)}.", hint=hint, id="rag.W016")
    ]


def _models(reached: Callable[[str], providers.Access]) -> list[tuple[str, str]]:
    """(provider, model) as calls name them, of those that are reached in this way."""
    found = []
    for _, name, reach in _in_use():
        with contextlib.suppress(KeyError):  # another check says so
            if reach is reached:
                access = reach(name)
                found.append((name, access.identity if reach is providers.embedding else access.shown))
    return found


def _mistakes(access: providers.Access) -> list[CheckMessage]:
    problem = access.problem()
    if problem:
        return [Error(problem.what, hint=problem.remedy, id="rag.E004" if problem.is_absence else "rag.E010")]
    found: list[CheckMessage] = []
    problem = known.dimensions_problem(access) if access.choice == "EMBEDDING_PROVIDER" else None
    if problem:
        found.append(Error(problem.what, hint=problem.remedy, id="rag.E011"))
    if access.is_in_clear:
        what = f"{access.reach.address} begins with http://, so that questions and code can be read on their way."
        found.append(Warning(what, hint="Use https:// for a server that is not on this computer.", id="rag.W012"))
    return found


def _in_use() -> list[tuple[str, str, Callable[[str], providers.Access]]]:
    """The setting, the provider that it names, and what says how that is reached."""
    uses: list[choices.Use] = []
    with contextlib.suppress(ValueError):  # which `routes` tells
        uses += choices.in_use()
    embedding = ("EMBEDDING_PROVIDER", providers.chosen_embedding(), providers.embedding)
    return [*((use.setting, use.name, providers.chat) for use in uses), embedding]


def _rates_of_nobody() -> list[CheckMessage]:
    rates: dict[str, int] = {}
    with contextlib.suppress(ValueError):  # which `routes` tells
        rates = windows.stated_rates()
    hint = f"LLM_TOKENS_PER_MINUTE takes the names: {', '.join(providers.CHAT)}."
    return [
        Error(f"LLM_TOKENS_PER_MINUTE speaks of {name!r}, which is no known provider.", hint=hint, id="rag.E003")
        for name in rates
        if name not in providers.CHAT
    ]


def _unknown(choice: str) -> CheckMessage:
    also = {"LLM_PROVIDER": ("auto", choices.CONDITIONAL), "EMBEDDING_PROVIDER": ("auto",)}.get(choice, ())
    names = providers.EMBEDDING if choice == "EMBEDDING_PROVIDER" else providers.CHAT
    hint = f"It takes one of: {', '.join([*also, *names])}."
    return Error(f"{choice} does not name a known provider.", hint=hint, id="rag.E003")
