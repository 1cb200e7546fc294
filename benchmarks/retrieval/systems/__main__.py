"""One system, on one job."""

import importlib
import json
import sys
from pathlib import Path

from benchmarks.retrieval import systems
from benchmarks.retrieval.systems import storing
from benchmarks.retrieval.vectors import Vectors


def main(name: str, job: str, answers: str) -> None:
    about = json.loads(Path(job).read_text())
    module, _, rule = name.partition(":")
    vectors = Vectors(about["vectors"])
    make = importlib.import_module(f"benchmarks.retrieval.systems.{module}").make
    system: systems.System = make(about["database"], vectors, *([rule] if rule else []))
    corpora = [systems.Corpus(**each) for each in about["corpora"]]
    told = systems.run(system, corpora, vectors, about["postgres"])
    if about["storing"]:
        pieces = storing.pieces(corpora[0], vectors)
        told["stored"] = systems.stored(system.storing(pieces), len(pieces), about["postgres"])  # type: ignore[attr-defined]
    Path(answers).write_text(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
