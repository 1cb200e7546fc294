"""One embedding model for every system that is compared, in a process of its own to each of them.

Served by the process that measures, over a Unix socket: what a system spends is then without the model, and the time
that it waited for vectors can be taken off. A text is embedded once, unless its time is what is measured.
"""

import threading
import time
from array import array
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

KEY = b"benchmark"


class Server:
    """Answers with 384 floats a text. `embedder` is Docent's own, for documents and for questions."""

    def __init__(self, embedder: Any, address: Path) -> None:
        self._embedder, self._known = embedder, {}
        self._listener = Listener(str(address), family="AF_UNIX", authkey=KEY)
        threading.Thread(target=self._accept, name="vectors", daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                connection = self._listener.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: Connection) -> None:
        with suppress(EOFError):
            while True:
                kind, texts = connection.recv()
                connection.send([vector.tobytes() for vector in self._vectors(kind, texts)])

    def _vectors(self, kind: str, texts: Sequence[str]) -> list[Any]:
        if kind == "anew":
            return [self._embedder.embed_query(text) for text in texts]
        missing = list(dict.fromkeys(text for text in texts if (kind, text) not in self._known))
        size = self._embedder.max_batch
        for start in range(0, len(missing), size):
            batch = missing[start : start + size]
            made = (
                self._embedder.embed_documents(batch) if kind == "documents" else map(self._embedder.embed_query, batch)
            )
            self._known.update({(kind, text): vector for text, vector in zip(batch, made, strict=True)})
        return [self._known[kind, text] for text in texts]


class Vectors:
    """The client. `waited`: seconds so far that went by until vectors were there. `anew`: questions are embedded
    each time; otherwise each is known after the first time, and costs nothing."""

    def __init__(self, address: str) -> None:
        self._connection = Client(address, family="AF_UNIX", authkey=KEY)
        self._questions: dict[str, Any] = {}
        self.waited, self.anew = 0.0, False

    def documents(self, texts: Sequence[str]) -> list[Any]:
        return self._ask("documents", list(texts))

    def question(self, text: str) -> Any:
        if self.anew:
            return self._ask("anew", [text])[0]
        if text not in self._questions:
            (self._questions[text],) = self._ask("questions", [text])
        return self._questions[text]

    def _ask(self, kind: str, texts: list[str]) -> list[Any]:
        started = time.perf_counter()
        self._connection.send((kind, texts))
        answered = self._connection.recv()
        self.waited += time.perf_counter() - started
        return [array("f", vector) for vector in answered]
