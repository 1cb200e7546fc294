"""Real chunks with real and with mixed vectors, as many as are wanted.

The chunks are those of the Python packages that are installed beside Docent. The local model embeds some of them and
the questions of benchmarks/questions; the other vectors are mixed of those, with noise. There is no model of 1,536
dimensions at hand: those vectors are a random projection of the others.
"""

import random
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import corpora
from rag import chunks, embeddings, files

KEPT = Path(__file__).parent.parent / "results" / "search.npz"
EMBEDDED = 3_000  # texts
NOISE = 0.018  # a dimension: what keeps mixed vectors about as far from each other as real ones are
SEED = 7
Array = Any  # of numpy


@dataclass(frozen=True, kw_only=True)
class Text:
    """A chunk and where it is."""

    path: str
    symbol: str
    start_line: int
    end_line: int
    text: str


def read(most: int) -> list[Text]:
    """So many chunks, of files in an order of their own."""
    found: list[Text] = []
    for file in _files():
        spans = chunks.split(file, chunks.Sizes.from_settings()).chunks
        found += [
            Text(
                path=file.path, symbol=span.symbol, start_line=span.start_line, end_line=span.end_line,
                text=file.text[span.start : span.end],
            )
            for span in spans
        ]  # fmt: skip
        if len(found) >= most:
            break
    if len(found) < most:  # the rest once more, as a project has its copies and generated files
        found += [replace(text, path=f"copy/{text.path}") for text in found[: most - len(found)]]
    assert len(found) >= most, f"There are {len(found):,} chunks in the packages that are installed here."
    return found[:most]


def _files() -> Iterator[files.SourceFile]:
    root = Path(sysconfig.get_path("purelib"))
    paths = sorted(root.rglob("*.py"))
    random.Random(SEED).shuffle(paths)
    for path in paths:
        if 200 < path.stat().st_size < 100_000:
            text = path.read_text(errors="replace").replace("\0", "")
            yield files.SourceFile(
                path=str(path.relative_to(root)), blob_sha=str(path), size=len(text), language="python", kind="code",
                text=text,
            )  # fmt: skip


def questions() -> list[str]:
    return [question.text for name in corpora.names() for question in corpora.questions(name)]


class Vectors:
    """Of chunks, drawn; of questions, real."""

    def __init__(self, texts: list[Text]) -> None:
        self._rng = np.random.default_rng(SEED)
        some = random.Random(SEED).sample(texts, EMBEDDED)
        self._real, self._questions = _embedded([text.text for text in some], questions())
        self._projection = self._rng.normal(0, 384**-0.5, (384, 1536))

    def draw(self, count: int, dimensions: int) -> Array:
        """Of length 1, each near one or two real ones."""
        first, second = (self._real[self._rng.integers(0, len(self._real), count)] for _ in range(2))
        share = self._rng.uniform(0, 0.35, (count, 1))
        mixed = first * (1 - share) + second * share + self._rng.normal(0, NOISE, (count, 384))
        return _unit(mixed if dimensions == 384 else mixed @ self._projection)

    def questions(self, dimensions: int) -> Array:
        return _unit(self._questions if dimensions == 384 else self._questions @ self._projection)


def _embedded(texts: list[str], asked: list[str]) -> tuple[Array, Array]:
    """Kept from run to run: it takes a minute or two."""
    if KEPT.exists() and len((kept := np.load(KEPT))["texts"]) == len(texts):
        return kept["texts"], kept["questions"]
    model = embeddings.for_model(embeddings.LOCAL_MODEL)
    step = model.max_batch
    made = [np.array(model.embed_documents(texts[n : n + step])) for n in range(0, len(texts), step)]
    both = {"texts": np.concatenate(made), "questions": np.array([model.embed_query(each) for each in asked])}
    KEPT.parent.mkdir(exist_ok=True)
    np.savez(KEPT, **both)
    return both["texts"], both["questions"]


def _unit(vectors: Array) -> Array:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
