"""The model that runs on this computer."""

import os
import re
import shutil
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from operator import mul
from pathlib import Path

import pytest
from pytest_django import Settings

from rag import embeddings
from rag.embeddings import local

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def embedder() -> "local.LocalEmbedder":
    return local.build(embeddings.LOCAL_MODEL)


def cosine(one: embeddings.Vector, other: embeddings.Vector) -> float:
    return float(sum(map(mul, one, other)))


def difference(one: embeddings.Vector, other: embeddings.Vector) -> float:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


# What sentence-transformers 6.2.0 answers for the published model, which has 32 bits.
@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("That is a happy person", "That is a very happy person", 0.942915),
        ("how are two workers kept from the same job?", "def claim(job): return job.update(worker=me)", 0.400520),
        ("The weather is lovely today.", "He drove to the stadium.", 0.104584),
    ],
)
def test_similarities_are_those_of_the_published_model(
    embedder: "local.LocalEmbedder", one: str, other: str, expected: float
) -> None:
    first, second = embedder.embed_documents([one, other])

    assert cosine(first, second) == pytest.approx(expected, abs=0.01)


def test_vectors_are_of_length_one(embedder: "local.LocalEmbedder") -> None:
    vectors = embedder.embed_documents(["a", "日本語 {}();", "words " * 50])

    assert [len(vector) for vector in vectors] == [384] * 3
    assert [cosine(vector, vector) for vector in vectors] == pytest.approx([1.0] * 3, abs=1e-5)


def test_a_text_has_the_same_vector_in_every_batch(embedder: "local.LocalEmbedder") -> None:
    texts = [f"def function_{number}(): return {list(range(number))}" for number in range(0, 60, 3)]
    alone = [embedder.embed_query(text) for text in texts]

    together = embedder.embed_documents(texts)
    backwards = embedder.embed_documents(texts[::-1])[::-1]

    assert max(map(difference, together, alone)) < 1e-5
    assert max(map(difference, backwards, alone)) < 1e-5


def test_threads_share_it(embedder: "local.LocalEmbedder") -> None:
    texts = [f"question number {number}" for number in range(40)]
    expected = embedder.embed_documents(texts)

    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(embedder.embed_query, texts))

    assert max(map(difference, found, expected)) < 1e-5


def test_a_long_text_is_its_first_256_tokens(embedder: "local.LocalEmbedder") -> None:
    long, longer = embedder.embed_documents(["word " * 254, "word " * 300 + "something else"])

    assert difference(long, longer) < 1e-5


def test_no_texts_make_no_vectors(embedder: "local.LocalEmbedder") -> None:
    assert embedder.embed_documents([]) == []


def test_the_tokens_of_a_call_are_told(embedder: "local.LocalEmbedder") -> None:
    embedder.embed_documents(["hello world", "hello"])

    assert embedder.told.tokens == 4 + 3  # each between its two markers


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ([], []),
        ([256, 256, 256], [[0, 1], [2]]),
        ([10, 256, 11, 256, 12], [[0, 2, 4], [1, 3]]),
        ([600], [[0]]),
    ],
)
def test_texts_of_similar_length_run_together(lengths: list[int], expected: list[list[int]]) -> None:
    assert list(local.batches(lengths, 512)) == expected


def test_the_graph_is_written_once(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.LOCAL_MODEL_CACHE_DIR = str(tmp_path / "new" / "cache")
    first = local.build(embeddings.LOCAL_MODEL).embed_query("text")
    monkeypatch.delattr(subprocess, "run")

    second = local.build(embeddings.LOCAL_MODEL).embed_query("text")

    assert first == second
    assert [path.name for path in (tmp_path / "new" / "cache").iterdir()] == [local.FOLDER]


def test_the_first_question_takes_less_than_a_second_of_processor_time(embedder: "local.LocalEmbedder") -> None:
    code = """
import time, django; django.setup(); start = time.process_time()
from rag import embeddings; embeddings.for_model(embeddings.LOCAL_MODEL).embed_query("where do jobs wait?")
print(time.process_time() - start)"""
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert float(run.stdout) < 1


def test_several_processes_may_write_it_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(local._write, [tmp_path / local.FOLDER] * 3))

    assert [path.name for path in tmp_path.iterdir()] == [local.FOLDER]
    assert stat.S_IMODE((tmp_path / local.FOLDER).stat().st_mode) == 0o755


def test_other_weights_are_refused(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / local.PACKAGE
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('its code is never run')")
    (package / "model" / "model.safetensors").write_bytes(b"somebody else's")
    monkeypatch.syspath_prepend(str(tmp_path))
    settings.LOCAL_MODEL_CACHE_DIR = str(tmp_path / "cache")

    with pytest.raises(embeddings.EmbedderMissing, match="not those of the published model"):
        local.build(embeddings.LOCAL_MODEL)

    assert list((tmp_path / "cache").iterdir()) == []


def test_missing_weights_say_what_to_install(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "PACKAGE", "a_package_that_is_not_there")
    settings.LOCAL_MODEL_CACHE_DIR = str(tmp_path)

    with pytest.raises(embeddings.EmbedderMissing, match=r"Install requirements-local\.txt, or set OPENAI_API_KEY"):
        local.build(embeddings.LOCAL_MODEL)


@pytest.mark.parametrize("name", ["encoder.onnx", "encoder.weights", "words.f32", "positions.f32", "tokenizer.json"])
def test_a_damaged_cache_is_named(settings: Settings, tmp_path: Path, name: str) -> None:
    whole, settings.LOCAL_MODEL_CACHE_DIR = local._graph(), str(tmp_path)
    folder = shutil.copytree(whole, tmp_path / local.FOLDER)
    os.truncate(folder / name, (folder / name).stat().st_size // 2)

    with pytest.raises(embeddings.EmbedderMissing, match=f"Remove {re.escape(str(folder))}"):
        local.build(embeddings.LOCAL_MODEL)


def test_a_cache_that_cannot_be_made_names_its_setting(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    settings.LOCAL_MODEL_CACHE_DIR = str(tmp_path / "file" / "cache")

    with pytest.raises(embeddings.EmbedderMissing, match="LOCAL_MODEL_CACHE_DIR"):
        local.build(embeddings.LOCAL_MODEL)


def test_the_users_cache_stands_in_for_a_checkout_that_cannot_be_written(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "var").write_text("in the way")
    settings.LOCAL_MODEL_CACHE_DIR, settings.BASE_DIR = "", tmp_path
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(local, "_write", lambda target: None)

    assert local._graph() == tmp_path / "home" / "docent" / local.FOLDER


def test_the_runtime_keeps_no_device_number(tmp_path: Path) -> None:
    code = "import django; django.setup(); from rag.embeddings import local"
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=os.environ | home, check=True)

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
