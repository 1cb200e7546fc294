"""Passages for tests of what is made from them."""

from typing import Any

from rag import prompts
from rag.retrieval.passages import Passage


def passage(path: str = "queue.py", text: str = "def claim():\n    return 1", **fields: Any) -> Passage:
    start = fields.pop("start_line", 1)
    about = {
        "path": path,
        "language": "Python",
        "kind": "code",
        "symbol": "",
        "start_line": start,
        "end_line": start + text.count("\n"),
        "text": text,
        "score": 0.5,
        "similarity": 0.5,
        "commit": "c" * 40,
    }
    return Passage(**{**about, **fields})


def prompt(question: str = "How are jobs claimed?", *passages: Passage) -> prompts.Prompt:
    return prompts.build(question, passages or (passage(),), [], 6_000)
