"""Packages indexed by Docent in this very process, their vectors looked up: for benchmarks of what comes after."""

import copy
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import corpora
from benchmarks.retrieval import measure, vectors

if TYPE_CHECKING:
    from benchmarks.retrieval.systems.docent import Docent


@dataclass(frozen=True, kw_only=True)
class Indexed:
    """`model`: the local one, which makes vectors; `given` looks them up, and that is what the index is asked with."""

    model: Any
    given: vectors.Vectors
    _system: "Docent"
    _folder: Path

    def add(self, name: str) -> None:
        """Index the package `name` of `corpora`."""
        from benchmarks.retrieval.systems import Corpus

        self._system.index(Corpus(**measure.corpus_of(name, corpora.unpacked(name), self._folder, [])))


@contextmanager
def serving(folder: Path) -> Iterator[Indexed]:
    """Inside `measure.surroundings(folder)`."""
    from benchmarks.retrieval.systems import docent
    from rag import embeddings
    from rag.embeddings import local

    plain = _unshared(embeddings.for_model(embeddings.LOCAL_MODEL))
    kept = measure.KEPT.with_name("vectors.pickle")
    with closing(vectors.Server(plain, folder / "vectors", kept, local.FOLDER)):
        given = vectors.Vectors(str(folder / "vectors"))
        yield Indexed(model=plain, given=given, _system=docent.Docent({}, given), _folder=folder)


def _unshared(model: Any) -> Any:
    """The model as it is, whatever methods its class is given later: the system that is measured asks the server."""
    kind = type(model)
    kept = {name: getattr(kind, name) for name in ("embed_documents", "embed_query")}
    plain = copy.copy(model)
    plain.__class__ = type(kind.__name__, (kind,), kept)
    return plain
