"""Questions to begin with, made from what a repository holds: the same ones for the same index."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.core.cache import cache
from django.db.models import F, Sum

from portfolio.models import Project
from rag import models

SHOWN = 3
LONGEST_TITLE = 30  # characters that still read well inside a question
LARGEST = 500  # groups of lines that are looked at
KEPT_SECONDS = 3600

MARKUP = (
    "css",
    "dockerfile",
    "hcl",
    "html",
    "ini",
    "json",
    "json5",
    "jsonc",
    "make",
    "properties",
    "scss",
    "toml",
    "xml",
    "yaml",
)
_NAME = re.compile(r"[A-Za-z_$][\w$]*(?:(?:\.|::|#)[A-Za-z_$][\w$]*)*")
_DULL = re.compile(r"__\w+__|main|init|new|setup|get|set|run_tests?|Meta|Config|index|default|[a-zA-Z]|_.*")
_ASIDE = re.compile(
    r"(^|/)(tests?|testing|specs?|__tests__|examples?|samples?|demos?|benchmarks?|docs?|migrations|scripts?)/"
    r"|(^|/)(test_|conftest)|[._-](test|spec)s?\.",
    re.IGNORECASE,
)
_STARTS = re.compile(r"(^|/)(__main__|main|manage|cli|app|server|index)\.\w+$|^(bin|cmd)/")
# What a heading of the README is about, the most telling first, and the question that it answers.
_TOPICS = {
    "How does {title} work inside?": re.compile(r"architecture|how it works|design|internals|overview", re.IGNORECASE),
    "How do I get {title} running?": re.compile(r"install|getting started|quick ?start|usage|set ?up", re.IGNORECASE),
    "How is {title} configured?": re.compile(r"config|settings|options|environment", re.IGNORECASE),
}


@dataclass(frozen=True, kw_only=True)
class Definition:
    """Something that the code defines: its name (`Consumer.run`), the file, and about how many lines it has."""

    symbol: str
    path: str
    lines: float


def for_project(project: Project) -> list[str]:
    """At most SHOWN questions; none before the project can answer."""
    revision_id = project.rag.live_revision_id
    if revision_id is None:
        return []
    key = f"suggestions:{revision_id}:{project.updated_at.timestamp()}"
    return cache.get_or_set(key, lambda: _read(project.title, revision_id), KEPT_SECONDS) or []


def questions(title: str, headings: Sequence[str], found: Sequence[Definition], paths: Iterable[str]) -> list[str]:
    """The questions that fit: one about the whole, then about what is largest in two different files."""
    title = title if len(title) <= LONGEST_TITLE else "this project"
    chosen = [*_about_readme(title, headings), *_about_code(found), *_about_start(title, paths)]
    return [*chosen, f"What is {title} for?"][:SHOWN]


def definitions(rows: Iterable[tuple[str, str, int]]) -> list[Definition]:
    """From (symbols of a chunk, path, lines), the largest first. A class has the lines of its methods as well."""
    sizes: defaultdict[tuple[str, str], float] = defaultdict(float)
    for symbols, path, lines in rows:
        names = [name for name in symbols.split(", ") if _NAME.fullmatch(name)]
        for name in names:
            parts = _parts(name)
            sizes[name, path] += lines / len(names)
            if len(parts) > 1:
                sizes[parts[0], path] += lines / len(names)
    return [
        Definition(symbol=symbol, path=path, lines=size)
        for (symbol, path), size in sorted(sizes.items(), key=lambda item: (-item[1], item[0]))
    ]


def _about_readme(title: str, headings: Sequence[str]) -> list[str]:
    asked = (question for question, topic in _TOPICS.items() if any(map(topic.search, headings)))
    return [question.format(title=title) for question in asked][:1]


def _about_code(found: Sequence[Definition]) -> Iterator[str]:
    telling = [each for each in found if _is_telling(each)]
    owners = {_parts(each.symbol)[0] for each in telling if len(_parts(each.symbol)) > 1}
    whole = next((each for each in telling if each.symbol in owners), None)
    if whole:
        yield f"What does `{whole.symbol}` do?"
    rest = [each for each in telling if each.symbol not in owners and (whole is None or each.path != whole.path)]
    # Something that runs rather than something that only holds values.
    chosen = next((each for each in rest if _parts(each.symbol)[-1][0].islower()), None) or next(iter(rest), None)
    if chosen:
        yield f"How does `{chosen.symbol}` work?"


def _about_start(title: str, paths: Iterable[str]) -> list[str]:
    starts = any(_STARTS.search(path) and not _ASIDE.search(path) for path in paths)
    return [f"What happens when {title} starts?"] if starts else []


def _is_telling(definition: Definition) -> bool:
    last = _parts(definition.symbol)[-1]
    return len(definition.symbol) <= 60 and not _DULL.fullmatch(last) and not _ASIDE.search(definition.path)


def _parts(symbol: str) -> list[str]:
    return re.split(r"\.|::|#", symbol)


def _read(title: str, revision_id: int) -> list[str]:
    chunks = models.Chunk.objects.filter(file__revisions=revision_id).exclude(symbol="")
    programs = chunks.filter(file__kind=models.SourceFile.Kind.CODE).exclude(file__language__in=MARKUP)
    code = programs.values_list("symbol", "file__path")
    largest = code.annotate(lines=Sum(F("end_line") - F("start_line") + 1)).order_by("-lines", "symbol")[:LARGEST]
    headings = chunks.filter(file__kind=models.SourceFile.Kind.README).values_list("symbol", flat=True)
    found = definitions(largest)
    return questions(title, list(headings), found, {each.path for each in found})
