"""Docent without one of its rules: `ablated:NAME` for each of RULES. The index is today's."""

import importlib
from typing import Any

from benchmarks.retrieval.systems import Corpus
from benchmarks.retrieval.systems import docent as today
from benchmarks.retrieval.vectors import Vectors

# What is switched off → the module's constant and its value then.
RULES: dict[str, dict[str, Any]] = {
    "the keyword leg": {"candidates.KEYWORDS": 0.0},
    "what other chunks of a file add": {"ranking.FILE_SUPPORT": ()},
    "less for tests": {"ranking.TESTS": 1.0},
    "less for examples and prose": {"ranking.EXAMPLES": 1.0, "ranking.PROSE": 1.0},
    "more for what the question names": {"ranking.MENTION": 0.0},
    "the last quarter for other files": {"passages.BY_SCORE": 1.0},
    "joining neighbours that are good": {"passages.NEIGHBOURS": 0},
    "joining at all": {"passages.LONGEST": 0},
    "more than 50 candidates": {"candidates.CANDIDATES": 50},
}


class Ablated(today.Docent):
    def __init__(self, database: dict[str, Any], vectors: Vectors, rule: str) -> None:
        super().__init__(database, vectors)
        for name, value in RULES[rule].items():
            module_name, constant = name.split(".")
            module = importlib.import_module(f"rag.{module_name}")
            if not hasattr(module, constant):
                raise SystemExit(f"rag.{name} is no more: what is the rule {rule!r} made of now?")
            setattr(module, constant, value)

    def index(self, corpus: Corpus) -> int:
        return 0


make = Ablated
