"""The local embedding model beside sentence-transformers: same weights, same texts, one run.

    python -m venv ~/embedding-reference
    ~/embedding-reference/bin/pip install -r benchmarks/requirements-embedding.txt
    python -m benchmarks.embedding --reference ~/embedding-reference/bin/python

The texts are the chunks of published packages, as they would be indexed. Speed: rounds on some of them, one model after
the other in changing order; ratios are taken within a round, so that what else the computer does weighs on all of them.
Retrieval: plain cosine, for the questions about those packages.
"""

import argparse
import base64
import importlib.util
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Protocol

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("DEBUG", "true")

import django
import numpy as np

django.setup()

from benchmarks import corpora, machine  # noqa: E402
from rag import chunks, embeddings  # noqa: E402
from rag.embeddings import cores, local  # noqa: E402
from rag.evaluation import measures  # noqa: E402
from rag.evaluation.questions import Lines, Question  # noqa: E402

OURS, THEIRS = "local model", "sentence-transformers"
FASTER = {"bfloat16": f"{THEIRS}, 16 bits", "int8": f"{THEIRS}, 8 bits"}
FIGURES = ("MRR@10", "files R@5", "lines R@5")


class Model(Protocol):
    def encode(self, texts: Sequence[str]) -> tuple[float, np.ndarray]:
        """Seconds, and (texts, 384) vectors."""

    def peak(self) -> int:
        """Most memory of its process so far, MB."""


class Ours:
    def __init__(self) -> None:
        self._embedder = embeddings.for_model(embeddings.LOCAL_MODEL)

    def encode(self, texts: Sequence[str]) -> tuple[float, np.ndarray]:
        start, size = time.perf_counter(), self._embedder.max_batch
        batches = (texts[place : place + size] for place in range(0, len(texts), size))
        vectors = [vector for batch in batches for vector in self._embedder.embed_documents(batch)]
        return time.perf_counter() - start, np.array(vectors)

    def peak(self) -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


class Reference:
    def __init__(self, python: str, numbers: str) -> None:
        package = importlib.util.find_spec(local.PACKAGE)
        assert package and package.submodule_search_locations
        folder = Path(package.submodule_search_locations[0]) / "model"
        program = Path(__file__).with_name("embedding_reference.py")
        self._process = subprocess.Popen(
            [python, program, folder, str(cores.count()), numbers],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._peak = 0

    def encode(self, texts: Sequence[str]) -> tuple[float, np.ndarray]:
        assert self._process.stdin and self._process.stdout
        print(json.dumps(texts), file=self._process.stdin, flush=True)
        answer = json.loads(self._process.stdout.readline())
        self._peak = answer["peak"]
        vectors = np.frombuffer(base64.b64decode(answer["vectors"]), "<f4")
        return answer["seconds"], vectors.reshape(len(texts), -1)

    def peak(self) -> int:
        return self._peak

    def close(self) -> None:
        self._process.communicate()


def speed(models: Mapping[str, Model], texts: Sequence[str], rounds: int) -> None:
    """Prints chunks a second of each, and how many times the others' ours are."""
    seconds: dict[str, list[float]] = {name: [] for name in models}
    for number in range(rounds):
        for name in list(models)[:: 1 if number % 2 else -1]:
            seconds[name].append(models[name].encode(texts)[0])
    print(f"\n| {len(texts)} texts, {rounds} rounds | chunks/s: median | lowest – highest | peak | ratio to ours |")
    print("|---|---|---|---|---|")
    for name, model in models.items():
        rates = sorted(len(texts) / each for each in seconds[name])
        ratios = sorted(theirs / mine for mine, theirs in zip(seconds[OURS], seconds[name], strict=True))
        times = "" if name == OURS else f"{median(ratios):.1f} ({ratios[0]:.1f} – {ratios[-1]:.1f})"
        print(f"| {name} | {median(rates):.1f} | {rates[0]:.1f} – {rates[-1]:.1f} | {model.peak()} MB | {times} |")


def found(question: Question, places: Sequence[Lines], similarities: np.ndarray) -> tuple[float, ...]:
    """FIGURES of one question."""
    ranked = [places[place] for place in np.argsort(-similarities)]
    paths = measures.ranked_files(ranked)
    return (
        measures.reciprocal_rank(paths, question.files),
        measures.recall(paths[:5], question.files),
        measures.lines_recall(ranked[:5], question.gold),
    )


def retrieval(models: Mapping[str, Model], names: Sequence[str]) -> None:
    """Prints what the models find, and how their vectors agree."""
    told: dict[str, dict[str, list[tuple[float, ...]]]] = {model: {} for model in models}
    cosines: list[float] = []
    for name in names:
        places, texts = cut(name)
        asked = corpora.answered(name)
        encoded = {
            title: model.encode([*texts, *(question.text for question in asked)])[1] for title, model in models.items()
        }
        cosines += np.sum(encoded[OURS] * encoded[THEIRS], axis=1).tolist()
        for title, vectors in encoded.items():
            similar = vectors[len(texts) :] @ vectors[: len(texts)].T
            told[title][name] = [found(*each) for each in zip(asked, [places] * len(asked), similar, strict=True)]
    tables(told, names)
    print(
        f"\nOver {len(cosines):,} texts, cosine of both: {fmean(cosines):.4f} in the mean, {min(cosines):.4f} at least."
    )


def tables(told: Mapping[str, Mapping[str, list[tuple[float, ...]]]], names: Sequence[str]) -> None:
    groups = {name: [name] for name in names} | {
        "tuned on": [name for name in names if name in corpora.TUNED_ON],
        "held out": [name for name in names if name in corpora.HELD_OUT],
    }
    print(f"\n| | questions | {' | '.join(f'{figure}: {title}' for figure in FIGURES for title in told)} |")
    print(f"|---|---|{'---|' * len(FIGURES) * len(told)}")
    for group, members in groups.items():
        if members:
            scores = [[score for name in members for score in rows[name]] for rows in told.values()]
            columns = [[score[place] for score in each] for place in range(len(FIGURES)) for each in scores]
            print(f"| {group} | {len(scores[0])} | {' | '.join(f'{fmean(column):.3f}' for column in columns)} |")
            if len(members) > 1:
                differences(group, scores)


def differences(group: str, scores: Sequence[Sequence[tuple[float, ...]]]) -> None:
    """What ours have more than theirs, question by question, with the interval of 95 %."""
    cells = []
    for place in range(len(FIGURES)):
        more = [mine[place] - other[place] for mine, other in zip(*scores, strict=True)]
        between = measures.interval(more)
        cells += [f"{between.value:+.3f}", f"{between.low:+.3f} … {between.high:+.3f}"]
    print(f"| {group}: difference | | {' | '.join(cells)} |")


def cut(name: str) -> tuple[list[Lines], list[str]]:
    """The lines and the embedded texts of a package's chunks."""
    sizes = chunks.Sizes.from_settings()
    pairs = [
        (Lines(path=file.path, start=chunk.start_line, end=chunk.end_line), chunks.embedded_text(file, chunk))
        for file in corpora.read(name)
        for chunk in chunks.split(file, sizes).chunks
    ]
    return [lines for lines, _ in pairs], [text for _, text in pairs]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", required=True, help="a Python that has sentence-transformers")
    parser.add_argument("--corpora", nargs="+", default=[*corpora.TUNED_ON, *corpora.HELD_OUT])
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(machine.describe())
    theirs = Reference(options.reference, "float32")
    faster = {title: Reference(options.reference, numbers) for numbers, title in FASTER.items()}
    models: dict[str, Model] = {OURS: Ours(), THEIRS: theirs}
    every = [text for name in options.corpora for text in cut(name)[1]]
    some = every[:: max(1, len(every) // options.texts)][: options.texts]
    for model in (*models.values(), *faster.values()):
        model.encode(some[:8])
    speed(models | faster, some, options.rounds)
    retrieval(models, options.corpora)
    for reference in (theirs, *faster.values()):
        reference.close()


if __name__ == "__main__":
    sys.exit(main())
