"""Which questions may be given an answer that was written for another one, and how soon a repeated one is answered.

    python -m benchmarks.cache              how many repeats are found, and what is confused, by each way to compare
    python -m benchmarks.cache --speed      the first byte and the end of a repeated answer, through the WSGI handler

The first prints CACHE.md's tables, by the local model. questions/repeats.json has real questions in other words:
`close` ones say the same in nearly the same words, `free` ones as another visitor would; and near misses, pairs that
differ in a word or in its place and have different answers. Every pair of different questions about a package must be
told apart. The second indexes Docent's own rag/ in a PostgreSQL of its own, of which nothing is kept.
"""

import argparse
import io
import itertools
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from benchmarks import corpora, machine

THRESHOLDS = (0.7, 0.8, 0.85, 0.9, 0.95, 0.97, 0.98, 0.99, 0.998)
TELLING = frozenset(
    ["not", "no", "without", "never", "before", "after", "first", "last", "on", "off", "up", "down", "only", "above"]
)
REPEATS = 200  # questions of --speed
Compare = Callable[[str, str], bool]


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Two questions each: `close` and `free` mean the same, `different` do not; `hard` are those written to mislead."""

    close: list[tuple[str, str]]
    free: list[tuple[str, str]]
    different: list[tuple[str, str]]
    hard: list[tuple[str, str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speed", action="store_true", help="how soon a repeated question is answered")
    options = parser.parse_args()
    if options.speed:
        with tempfile.TemporaryDirectory(prefix="docent-cache-") as name:
            Path(name).chmod(0o711)
            print("\n".join(_speed(Path(name))))
    else:
        print("\n".join(_compared()))


def pairs() -> Pairs:
    told = json.loads((corpora.QUESTIONS / "repeats.json").read_text())
    visitors = json.loads((corpora.QUESTIONS / "visitors.json").read_text())
    close = [(each["question"], text) for each in told["repeats"] for text in each["close"]]
    free = [(each["question"], text) for each in told["repeats"] for text in each["free"]]
    meant = {text: question for question, text in [*close, *free]}
    different = []
    for name in corpora.names():
        about = {question.text for question in corpora.questions(name)}
        about |= {text for kind in ("answered", "absent") for text in visitors.get(name, {}).get(kind, [])}
        about |= {text for each in told["repeats"] if each["corpus"] == name for text in each["close"] + each["free"]}
        about |= {text for each in told["near_misses"] if each["corpus"] == name for text in each["questions"]}
        two = itertools.combinations(sorted(about), 2)
        different += [(a, b) for a, b in two if meant.get(a, a) != meant.get(b, b)]
    hard = [(each["questions"][0], each["questions"][1]) for each in told["near_misses"]]
    return Pairs(close=close, free=free, different=different, hard=hard)


def _compared() -> Iterator[str]:
    _set_up({"DATABASE_URL": "postgresql://localhost/none"})
    from rag import embeddings, lexical
    from rag.answers import wording

    asked = pairs()
    near = _nearness(embeddings.for_model(embeddings.LOCAL_MODEL), asked)

    def same_words(a: str, b: str) -> bool:
        return sorted(wording.same(a).split()) == sorted(wording.same(b).split())

    def same_terms(a: str, b: str) -> bool:
        return set(lexical.terms_of(a)) == set(lexical.terms_of(b)) and _telling(a) == _telling(b)

    yield f"{len(asked.close)} close repeats, {len(asked.free)} free ones, {len(asked.hard)} near misses among"
    yield f"{len(asked.different):,} pairs of different questions about the same package; {machine.describe()}"
    yield from ("", "| compared by | close | free | precision | confused |", "|---|---|---|---|---|")
    yield _row("the text as it is", asked, lambda a, b: a == b)
    yield _row("rag/answers/wording.py", asked, lambda a, b: wording.same(a) == wording.same(b))
    guards: dict[str, Compare] = {"": lambda a, b: True, " and the same words": same_words}
    for guard, holds in (guards | {" and the same terms": same_terms}).items():
        for least in THRESHOLDS:
            yield _row(f"cosine ≥ {least}{guard}", asked, lambda a, b: near(a, b) >= least and holds(a, b))  # noqa: B023
    yield from ("", "The nearest that mean something else:", "")
    for a, b in sorted(asked.different, key=lambda pair: -near(*pair))[:12]:
        yield f"- {near(a, b):.3f} {a} · {b}"


def _nearness(model: Any, asked: Pairs) -> Callable[[str, str], float]:
    texts = sorted({text for pair in [*asked.close, *asked.free, *asked.different] for text in pair})
    vectors = dict(zip(texts, model.embed_documents(texts), strict=True))
    return lambda a, b: sum(x * y for x, y in zip(vectors[a], vectors[b], strict=True))


def _telling(question: str) -> set[str]:
    """Numbers, and words that turn a question into its opposite."""
    words = set(question.lower().rstrip("?").split())
    return (words & TELLING) | {word for word in words if any(letter.isdigit() for letter in word)}


def _row(name: str, asked: Pairs, alike: Compare) -> str:
    close, free, confused = (sum(itertools.starmap(alike, two)) for two in (asked.close, asked.free, asked.different))
    precision = f"{(close + free) / (close + free + confused):.3f}" if close + free + confused else "–"
    return f"| {name} | {close} | {free} | {precision} | {confused} |"


def _set_up(extra: dict[str, str]) -> None:
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "config.settings", "ENV_FILE": os.devnull, "DEBUG": "true", "LOG_LEVEL": "WARNING",
        **extra,
    }  # fmt: skip
    import django

    django.setup()


def _speed(folder: Path) -> Iterator[str]:
    _set_up({
        "DATABASE_URL": "", "LOCAL_POSTGRES_DIR": str(folder / "postgres"), "EMBEDDING_PROVIDER": "local",
        "LLM_PROVIDER": "fake", "RAG_ASK_RATE": "1000000/min", "RAG_ALLOW_LOCAL_REPOSITORIES": "true",
    })  # fmt: skip
    from django.conf import settings
    from django.core.management import call_command

    from config import local_postgres
    from portfolio.models import Project

    settings.DEBUG = False  # or Django would note every statement
    with local_postgres.running(settings.LOCAL_POSTGRES_DIR):
        call_command("migrate", verbosity=0)
        repository = corpora.commit(settings.BASE_DIR / "rag", folder / "rag.git")
        call_command("add_project", str(repository), "--slug=rag", "--publish", verbosity=0)
        call_command("process_rag_async", stdout=io.StringIO())
        assert Project.objects.get().rag.live_revision_id
        new = [_asked(f"How does `budgets` hold what call number {number} costs?") for number in range(REPEATS // 4)]
        again = [_asked("How does `budgets` hold what a call costs?") for _ in range(REPEATS + 1)][1:]
    yield f"{REPEATS} repeated questions, each by a new visitor; {machine.describe()}"
    yield from (
        "",
        "| ms, p50 / p95 / most | first byte | sources | end | own work |",
        "|---|---|---|---|---|",
    )
    yield f"| asked for the first time, by a model that takes no time | {_times(new)} |"
    yield f"| answered before | {_times(again)} |"


def _asked(question: str) -> list[float]:
    """Milliseconds to the first byte, to the event with the sources, to the end of the stream; this process's own."""
    from django.core.handlers.wsgi import WSGIHandler
    from django.test import Client, RequestFactory
    from django.urls import reverse

    from rag import models

    visitor = Client(HTTP_HOST="localhost")
    visitor.post(reverse("chat", args=["rag"]), {"question": question}, headers={"HX-Request": "true"})
    message = models.Message.objects.latest("created_at")
    cookies = "; ".join(f"{name}={cookie.value}" for name, cookie in visitor.cookies.items())
    request = RequestFactory(HTTP_HOST="localhost", HTTP_COOKIE=cookies).get(
        reverse("stream", args=["rag", message.pk])
    )
    seen: dict[str, float] = {}
    started, used = time.perf_counter(), time.process_time()
    handler: Any = WSGIHandler()
    response = handler(request.environ, lambda *_: None)
    for piece in response:
        at = 1_000 * (time.perf_counter() - started)
        seen.setdefault("first", at)
        if piece.startswith(b"event: sources"):
            seen.setdefault("sources", at)
    response.close()
    ended = (time.perf_counter() - started, time.process_time() - used)
    return [seen["first"], seen["sources"], *(1_000 * seconds for seconds in ended)]


def _times(asked: Sequence[Sequence[float]]) -> str:
    columns = zip(*asked, strict=True)
    return " | ".join(f"{median(each):.1f} / {quantiles(each, n=20)[-1]:.1f} / {max(each):.1f}" for each in columns)


if __name__ == "__main__":
    main()
