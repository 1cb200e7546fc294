"""System checks of the embedding models against what is installed and stored."""

import importlib.util
from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import DatabaseError, transaction

from portfolio.models import ProjectRAG
from rag import embeddings, providers

LOCAL_PACKAGES = ("onnxruntime", "onnx", "tokenizers", "safetensors", "numpy")


@register
def local_packages(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """That the local model can run, where new indexes are made by it: without a key it is who embeds."""
    missing = [name for name in LOCAL_PACKAGES if importlib.util.find_spec(name) is None]
    if providers.chosen_embedding() != "local" or not missing:
        return []
    what = f"The local model makes the embeddings, and its packages are not installed: {', '.join(missing)}."
    hint = "Set OPENAI_API_KEY or another EMBEDDING_PROVIDER, or install requirements-local.txt."
    return [Warning(what, hint=hint, id="rag.W021")]


@register(Tags.database)
def live_models(app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any) -> Sequence[CheckMessage]:
    """With `--database`, as migrate has it: that questions can be embedded by the models of the live indexes."""
    found: list[CheckMessage] = []
    for model, provider in _live_models() if databases else ():
        try:
            embeddings.reached(model, provider)
        except embeddings.EmbedderMissing as error:
            what = f"No question fits the vectors of live indexes that {model} made."
            found.append(Warning(what, hint=str(error), id="rag.W022"))
    return found


def _live_models() -> list[tuple[str, str]]:
    """(model, provider) of the indexes that visitors are answered from."""
    live = ProjectRAG.objects.filter(live_revision__isnull=False).order_by()
    try:
        with transaction.atomic():
            return sorted(
                live.values_list("live_revision__embedding_model", "live_revision__embedding_provider").distinct()
            )
    except DatabaseError:
        return []  # before the first migration, or without a database; others say so
