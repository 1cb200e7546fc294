"""How well questions find their code, by the size of a chunk.

    python -m benchmarks.chunking [--sizes 800 1000 1500 2000] [--corpora click koa …]

Plain cosine by the local model, nothing ranked after it. MRR@10 and R@5 by file (the best chunk of a file stands for
it) and by lines (a chunk hits when it shares a line with the answer: larger chunks hit more easily). A row for windows
of 1,000 characters with 200 in common, whatever the syntax, is the baseline.
"""

import argparse
import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import mean

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("DEBUG", "true")

import django
import numpy as np

django.setup()

from benchmarks import corpora  # noqa: E402
from rag import chunks, embeddings, files  # noqa: E402
from rag.evaluation import measures  # noqa: E402
from rag.evaluation.questions import Lines, Question  # noqa: E402

TESTS = re.compile(r"(^|/)(tests?|integration)/")  # left out: they rank lower later, and would be most of the time here
DEEP = 400  # chunks looked at to find ten files


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Of one question, 0…1."""

    file_mrr: float
    file_recall: float
    line_mrr: float
    line_recall: float


def scores(question: Question, ranked: Sequence[Lines]) -> Scores:
    paths = measures.ranked_files(ranked)
    right = [str(any(hit.overlaps(each) for each in question.gold)) for hit in ranked]
    return Scores(
        file_mrr=measures.reciprocal_rank(paths, question.files),
        file_recall=measures.recall(paths[:5], question.files),
        line_mrr=measures.reciprocal_rank(right, {"True"}),
        line_recall=measures.lines_recall(ranked[:5], question.gold),
    )


def vectors(texts: Sequence[str], known: dict[str, np.ndarray]) -> np.ndarray:
    embedder = embeddings.for_model(embeddings.LOCAL_MODEL)
    missing = list(dict.fromkeys(text for text in texts if text not in known))
    for start in range(0, len(missing), 64):
        batch = missing[start : start + 64]
        known.update(zip(batch, map(np.array, embedder.embed_documents(batch)), strict=True))
    return np.stack([known[text] for text in texts])


def measure(name: str, sizes: chunks.Sizes, known: dict[str, np.ndarray], *, syntax: bool) -> tuple[int, list[Scores]]:
    """Chunks of a corpus, and the scores of its questions."""
    read = [file for file in corpora.read(name) if not TESTS.search(file.path)]
    known_as = read if syntax else [replace(file, language="", kind="code") for file in read]
    cut = [(file, chunk) for file in known_as for chunk in chunks.split(file, sizes).chunks]
    places = [Lines(path=file.path, start=chunk.start_line, end=chunk.end_line) for file, chunk in cut]
    documents = vectors([chunks.embedded_text(file, chunk) for file, chunk in cut], known)
    asked = corpora.answered(name)
    found = vectors([question.text for question in asked], known) @ documents.T
    ranked = ([places[index] for index in np.argsort(-row)[:DEEP]] for row in found)
    return len(cut), [scores(question, hits) for question, hits in zip(asked, ranked, strict=True)]


def rows(names: Sequence[str], code_sizes: Sequence[int], known: dict[str, np.ndarray]) -> Iterator[str]:
    yield "| cut | chunks | file MRR@10 | file R@5 | lines MRR@10 | lines R@5 |\n|---|---|---|---|---|---|"
    for size in (0, *code_sizes):
        sizes = chunks.Sizes(prose=1_000, overlap=200, code=size or 1_000)
        measured = [measure(name, sizes, known, syntax=size > 0) for name in names]
        every = [score for _, scored in measured for score in scored]
        cells = [
            mean(getattr(score, name) for score in every)
            for name in ("file_mrr", "file_recall", "line_mrr", "line_recall")
        ]
        cut = f"syntax, {size:,}" if size else "windows, 1,000/200"
        yield (
            f"| {cut} | {sum(count for count, _ in measured):,} | " + " | ".join(f"{cell:.3f}" for cell in cells) + " |"
        )


def speed(texts: Sequence[files.SourceFile]) -> float:
    """Megabytes of code a second of processor time."""
    sizes = chunks.Sizes.from_settings()
    start = time.process_time()
    for file in texts:
        chunks.split(file, sizes)
    return sum(file.size for file in texts) / 1e6 / (time.process_time() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[800, 1000, 1500, 2000])
    parser.add_argument("--corpora", nargs="+")
    options = parser.parse_args()
    known: dict[str, np.ndarray] = {}
    for names in [options.corpora] if options.corpora else [corpora.TUNED_ON, corpora.HELD_OUT]:
        print(f"\n{', '.join(names)}\n")
        for row in rows(names, options.sizes, known):
            print(row, flush=True)
    code = [file for name in corpora.TUNED_ON for file in corpora.read(name) if file.kind == "code"]
    print(f"\nCut at {speed(code):.1f} MB of code a second of processor time.")


if __name__ == "__main__":
    main()
