"""The order of the stages: imports run down this list and never back, and every module has its place in it."""

import ast
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from django.conf import settings

# Later ones may import earlier ones.
ORDER = [
    # Read and cut
    "sources", "files", "chunks", "lexical", "tokens",
    # Embed
    "throttle", "interruption", "providers", "embeddings",
    # Store
    "models", "spending", "packing", "search_index", "revisions",
    # Run the stages
    "ingest", "failures", "worker", "reporting",
    # Take along
    "backups",
    # Find and answer
    "retrieval", "prompts", "routing", "llm", "citations", "suggestions", "answers", "evaluation",
    # See at a glance
    "overview",
    # Doors
    "questions", "limits", "admission", "visitors", "templatetags", "streaming", "views", "urls", "api", "admin",
    "checks", "probes", "apps", "management",
]  # fmt: skip
Function = ast.FunctionDef | ast.AsyncFunctionDef
NO_STAGE = {"__init__", "migrations", "__pycache__"}
NETWORK = {"socket", "http", "urllib.request", "httpx", "requests", "openai", "groq", "subprocess"}
ALLOWED = {"holders.py": {"socket"}}  # for this machine's name
MAY_REACH_OUT = {"sources", "embeddings", "llm"}


def modules(package: str) -> list[Path]:
    return sorted((settings.BASE_DIR / package).rglob("*.py"))


def stage(path: Path) -> str:
    return path.relative_to(settings.BASE_DIR / "rag").parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """Full names of what a module imports: `from rag import chunks` is rag.chunks."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_every_module_has_a_place_and_every_place_a_module() -> None:
    present = {path.name.removesuffix(".py") for path in (settings.BASE_DIR / "rag").iterdir()} - NO_STAGE

    assert present == set(ORDER)


@pytest.mark.parametrize("path", modules("rag"), ids=str)
def test_imports_run_down_the_list(path: Path) -> None:
    if stage(path) in NO_STAGE:
        return
    allowed = set(ORDER[: ORDER.index(stage(path)) + 1])
    used = {name.split(".")[1] for name in imports(path) if name.startswith("rag.")}

    assert used <= allowed


def test_the_portfolio_knows_nothing_of_its_assistants() -> None:
    used = set(chain.from_iterable(imports(path) for path in modules("portfolio")))

    assert not [name for name in used if name.split(".")[0] == "rag"]


@pytest.mark.parametrize("path", [*modules("rag"), *modules("portfolio")], ids=str)
def test_the_network_is_touched_in_three_places_only(path: Path) -> None:
    if path.is_relative_to(settings.BASE_DIR / "rag") and stage(path) in MAY_REACH_OUT:
        return
    reaching = {name for name in imports(path) for network in NETWORK if f"{name}.".startswith(f"{network}.")}

    assert reaching <= ALLOWED.get(path.name, set())


def test_functions_and_modules_stay_short() -> None:
    long = []
    for path in chain(modules("rag"), modules("portfolio"), modules("config")):
        if "migrations" in path.parts:
            continue
        text = path.read_text()
        long += [f"{path}: {text.count(chr(10))} lines"] if text.count("\n") > 250 else []
        long += [f"{path}:{node.lineno} {node.name}" for node in functions(text) if lines(node) > 40]

    assert long == []


def functions(text: str) -> Iterator[Function]:
    return (node for node in ast.walk(ast.parse(text)) if isinstance(node, Function))


def lines(node: Function) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1
