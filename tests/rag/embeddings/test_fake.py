"""Vectors for tests."""

import subprocess
import sys
from operator import mul

import pytest

from rag import embeddings
from rag.embeddings import fake


@pytest.fixture
def embedder() -> fake.FakeEmbedder:
    return fake.build("fake")


def cosine(one: embeddings.Vector, other: embeddings.Vector) -> float:
    return float(sum(map(mul, one, other)))


def test_texts_that_share_words_are_nearer(embedder: fake.FakeEmbedder) -> None:
    question = embedder.embed_query("How does the worker claim a project?")
    near, far = embedder.embed_documents(["def claim_project(worker)", "the colour of a button"])

    assert cosine(question, near) > cosine(question, far) + 0.2


def test_identifiers_are_split_into_words(embedder: fake.FakeEmbedder) -> None:
    camel, snake = embedder.embed_documents(["HTTPServerError", "http_server_error"])

    assert camel == snake


def test_vectors_are_of_length_one_for_any_text(embedder: fake.FakeEmbedder) -> None:
    vectors = embedder.embed_documents(["words", "{}();", "日本語", "a b c"])

    assert [cosine(vector, vector) for vector in vectors] == pytest.approx([1.0] * 4)


def test_another_process_makes_the_same_vector(embedder: fake.FakeEmbedder) -> None:
    program = "from rag.embeddings import fake; print(fake._vector('claim a project').tobytes().hex())"

    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert printed.strip() == embedder.embed_query("claim a project").tobytes().hex()


def test_no_texts_make_no_vectors(embedder: fake.FakeEmbedder) -> None:
    assert embedder.embed_documents([]) == []


def test_the_tokens_of_a_call_are_told(embedder: fake.FakeEmbedder) -> None:
    embedder.embed_documents(["abc", "abcdef"])

    assert embedder.told.tokens == 3
