"""One embedding model for every system that is compared, in a process of its own to each of them.

Served by the process that measures, over a Unix socket: what a system spends is then without the model, and the time
that it waited for vectors can be taken off. A text is embedded once, unless its time is what is measured; vectors are
kept from run to run with the seconds that they took.
"""

import hashlib
import math
import pickle
import random
import threading
import time
from array import array
from collections.abc import Iterable, Sequence
from contextlib import suppress
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

KEY = b"benchmark"
Made = tuple[bytes, float]  # a vector, and the seconds that it took


class Drawn:
    """Instead of a model, where only speed is measured: to each text a direction of its own."""

    max_batch = 1_000

    def __init__(self, dimensions: int) -> None:
        self._dimensions = dimensions

    def embed_documents(self, texts: Sequence[str]) -> list[Any]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> Any:
        draw = random.Random(text)
        vector = [draw.gauss(0, 1) for _ in range(self._dimensions)]
        length = math.hypot(*vector)
        return array("f", [each / length for each in vector])


class Server:
    """Answers with a vector a text. `version` changes with what `embedder` makes of a text; "": nothing is kept."""

    def __init__(self, embedder: Any, address: Path, kept: Path, version: str) -> None:
        self._embedder, self._kept, self._version = embedder, kept, version
        self._known: dict[bytes, Made] = pickle.loads(kept.read_bytes()) if version and kept.exists() else {}
        self._listener = Listener(str(address), family="AF_UNIX", authkey=KEY)
        threading.Thread(target=self._accept, name="vectors", daemon=True).start()

    def close(self) -> None:
        """Stop answering, and keep the vectors for the next run."""
        self._listener.close()
        if self._version:
            self._kept.parent.mkdir(parents=True, exist_ok=True)
            self._kept.write_bytes(pickle.dumps(self._known))

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                connection = self._listener.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: Connection) -> None:
        with suppress(EOFError):
            while True:
                kind, texts = connection.recv()
                connection.send(
                    [self._embed_query(text) for text in texts] if kind == "anew" else self._all(kind, texts)
                )

    def _all(self, kind: str, texts: Sequence[str]) -> list[Made]:
        missing = list(dict.fromkeys(text for text in texts if self._key(kind, text) not in self._known))
        if kind == "questions":
            self._note(kind, missing, map(self._embed_query, missing))
            missing = []
        for start in range(0, len(missing), self._embedder.max_batch):
            batch = missing[start : start + self._embedder.max_batch]
            started = time.perf_counter()
            vectors = self._embedder.embed_documents(batch)
            seconds = (time.perf_counter() - started) / len(batch)
            self._note(kind, batch, ((vector.tobytes(), seconds) for vector in vectors))
        return [self._known[self._key(kind, text)] for text in texts]

    def _embed_query(self, text: str) -> Made:
        started = time.perf_counter()
        vector = self._embedder.embed_query(text).tobytes()
        return vector, time.perf_counter() - started

    def _note(self, kind: str, texts: Sequence[str], made: Iterable[Made]) -> None:
        self._known.update({self._key(kind, text): each for text, each in zip(texts, made, strict=True)})

    def _key(self, kind: str, text: str) -> bytes:
        return hashlib.sha256(f"{self._version}\0{kind}\0{text}".encode(errors="replace")).digest()


class Vectors:
    """The client. `waited`: seconds so far until vectors were there; `model_seconds`: what the model took for them.

    `anew`: questions are embedded each time; otherwise each is known after the first time, and costs nothing.
    """

    def __init__(self, address: str) -> None:
        self._connection = Client(address, family="AF_UNIX", authkey=KEY)
        self._questions: dict[str, Any] = {}
        self.waited = self.model_seconds = 0.0
        self.anew = False
        self.dimensions = len(self.documents(["dimensions"])[0])

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
        made: list[Made] = self._connection.recv()
        self.waited += time.perf_counter() - started
        self.model_seconds += sum(seconds for _vector, seconds in made)
        return [array("f", vector) for vector, _seconds in made]
