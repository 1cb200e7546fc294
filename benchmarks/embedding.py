"""The local embedding model beside sentence-transformers: same weights, same texts, one run.

    python -m venv ~/embedding-reference
    ~/embedding-reference/bin/pip install -r benchmarks/requirements-embedding.txt
    python -m benchmarks.embedding --reference ~/embedding-reference/bin/python

The texts are the chunks of published packages, as they would be indexed. Speed: rounds on some of them, first the one
and then the other, turn about; the ratio is taken within a round, so that what else the computer does weighs on both.
Retrieval: plain cosine by file, for the questions about those packages.
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
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median
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
from rag.evaluation.questions import Question  # noqa: E402


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
    def __init__(self, python: str, threads: int) -> None:
        package = importlib.util.find_spec(local.PACKAGE)
        assert package and package.submodule_search_locations
        folder = Path(package.submodule_search_locations[0]) / "model"
        program = Path(__file__).with_name("embedding_reference.py")
        self._process = subprocess.Popen(
            [python, program, folder, str(threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
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


def speed(ours: Model, reference: Model, texts: Sequence[str], rounds: int) -> None:
    seconds: dict[Model, list[float]] = {ours: [], reference: []}
    for number in range(rounds):
        for model in (ours, reference) if number % 2 else (reference, ours):
            seconds[model].append(model.encode(texts)[0])
    ratios = [theirs / mine for mine, theirs in zip(seconds[ours], seconds[reference], strict=True)]
    print(
        f"\n| {len(texts)} texts, {rounds} rounds | chunks/s: median | lowest – highest | peak memory of the process |"
    )
    print("|---|---|---|---|")
    for name, model in (("local model", ours), ("sentence-transformers", reference)):
        rates = sorted(len(texts) / each for each in seconds[model])
        print(f"| {name} | {median(rates):.1f} | {rates[0]:.1f} – {rates[-1]:.1f} | {model.peak()} MB |")
    print(f"\nRatio: median {median(ratios):.2f}, {min(ratios):.2f} – {max(ratios):.2f}.")


def first_right(question: Question, paths: Sequence[str], similarities: np.ndarray) -> float:
    """Reciprocal rank, among ten files, of the first that answers."""
    ranked = list(dict.fromkeys(paths[place] for place in np.argsort(-similarities)))
    return measures.reciprocal_rank(ranked, question.files)


def retrieval(models: Sequence[Model], names: Sequence[str]) -> None:
    """Prints what both models find, and how their vectors agree."""
    print("\n| | questions | chunks | MRR@10 local model | MRR@10 sentence-transformers |\n|---|---|---|---|---|")
    scores: list[tuple[float, ...]] = []
    cosines: list[float] = []
    for name in names:
        paths, texts = cut(name)
        asked = corpora.answered(name)
        encoded = [model.encode([*texts, *(question.text for question in asked)])[1] for model in models]
        cosines += np.sum(encoded[0] * encoded[1], axis=1).tolist()
        similar = [vectors[len(texts) :] @ vectors[: len(texts)].T for vectors in encoded]
        found = [
            tuple(first_right(question, paths, each[row]) for each in similar) for row, question in enumerate(asked)
        ]
        scores += found
        print(f"| {name} | {len(asked)} | {len(texts)} | {means(found)} |")
    print(f"| all | {len(scores)} | | {means(scores)} |")
    print(
        f"\nAgreement over {len(cosines):,} texts: cosine {min(cosines):.7f} at least, {mean(cosines):.7f} in the mean."
    )
    print(f"Questions ranked differently: {sum(one != other for one, other in scores)} of {len(scores)}.")


def means(scores: Sequence[tuple[float, ...]]) -> str:
    return " | ".join(f"{mean(column):.3f}" for column in zip(*scores, strict=True))


def cut(name: str) -> tuple[list[str], list[str]]:
    """The paths and the embedded texts of a package's chunks."""
    sizes = chunks.Sizes.from_settings()
    pairs = [
        (file.path, chunks.embedded_text(file, chunk))
        for file in corpora.read(name)
        for chunk in chunks.split(file, sizes).chunks
    ]
    return [path for path, _ in pairs], [text for _, text in pairs]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", required=True, help="a Python that has sentence-transformers")
    parser.add_argument("--corpora", nargs="+", default=["click", "huey", "koa"])
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(machine.describe())
    ours, reference = Ours(), Reference(options.reference, cores.count())
    every = [text for name in options.corpora for text in cut(name)[1]]
    some = every[:: max(1, len(every) // options.texts)][: options.texts]
    for model in (ours, reference):
        model.encode(some[:8])
    speed(ours, reference, some, options.rounds)
    retrieval([ours, reference], options.corpora)
    reference.close()


if __name__ == "__main__":
    sys.exit(main())
