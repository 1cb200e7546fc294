"""The embedding models whose figures are published. Of others they are learned from what comes back."""

from dataclasses import dataclass

from django.conf import settings

from rag import providers


@dataclass(frozen=True, kw_only=True)
class Model:
    """`shortens`: takes `dimensions`, and gives the first so many, scaled."""

    dimensions: int
    shortens: bool = False


MODELS = {
    "text-embedding-3-small": Model(dimensions=1_536, shortens=True),
    "text-embedding-3-large": Model(dimensions=3_072, shortens=True),
    "text-embedding-ada-002": Model(dimensions=1_536),
}


def of(access: providers.Access) -> Model | None:
    """By its name, which proxies lead with the maker's: openai/text-embedding-3-small."""
    return MODELS.get(access.shown.rpartition("/")[2])


def dimensions(access: providers.Access) -> int:
    """How many it has unless told otherwise; 0 when that is to be learned."""
    model = of(access)
    return model.dimensions if model else 0


def dimensions_problem(access: providers.Access) -> providers.Problem | None:
    """Why the model cannot have as many dimensions as the settings want."""
    wanted, model = settings.EMBEDDING_DIMENSIONS, of(access)
    if not wanted:
        return None
    if model is None or not model.shortens:
        what = f"EMBEDDING_DIMENSIONS={wanted} cannot be had: {access.shown} is not known to give other than its own."
        named = f" (say with {access.reach.really} that it is one)" if access.reach.really else ""
        remedy = f"Unset it, or use text-embedding-3-small or text-embedding-3-large{named}."
        return providers.Problem(what=what, remedy=remedy)
    if wanted > model.dimensions:
        what = f"EMBEDDING_DIMENSIONS={wanted} cannot be had: {access.shown} has {model.dimensions}."
        return providers.Problem(what=what, remedy="Set a smaller one, or unset it.")
    return None
