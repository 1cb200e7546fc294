"""Counting tokens without ever reaching for the network."""

import hashlib
from pathlib import Path

import pytest
import tiktoken
from pytest_django import Settings

from rag import tokens


@pytest.mark.parametrize(("text", "count"), [("", 0), ("a", 1), ("abc", 1), ("abcd", 2), ("äöü", 2), ("日本", 2)])
def test_without_ranks_a_token_is_three_bytes(settings: Settings, text: str, count: int) -> None:
    settings.TIKTOKEN_CACHE_DIR = ""

    assert tokens.count(text) == count


def test_lone_surrogates_are_counted(settings: Settings) -> None:
    settings.TIKTOKEN_CACHE_DIR = ""

    assert tokens.count("\ud800") == 1


@pytest.mark.parametrize("content", [None, b"damaged"])
def test_ranks_that_are_missing_or_damaged_are_not_downloaded(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    ranks = tmp_path / tokens.RANKS_FILE
    if content is not None:
        ranks.write_bytes(content)
    settings.TIKTOKEN_CACHE_DIR = str(tmp_path)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))

    assert tokens.count("abcdef") == 2  # the test's guard fails whatever connects
    assert ranks.exists() == (content is not None)


@pytest.fixture
def exact(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An encoding of single bytes stands in for the real ranks, whose file is not part of the tests."""
    ranks = {bytes([byte]): byte for byte in range(256)}
    special = {"<|endoftext|>": 256}
    encoding = tiktoken.Encoding("bytes", pat_str=r"[\s\S]+", mergeable_ranks=ranks, special_tokens=special)
    content = b"the ranks"
    (tmp_path / tokens.RANKS_FILE).write_bytes(content)
    monkeypatch.setattr(tokens, "RANKS_SHA256", hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(tiktoken, "get_encoding", lambda name: encoding)
    settings.TIKTOKEN_CACHE_DIR = str(tmp_path)


def test_with_ranks_the_encoding_counts(exact: None) -> None:
    assert tokens.count("abcdef") == 6


def test_a_special_token_in_a_text_is_only_text(exact: None) -> None:
    assert tokens.count("<|endoftext|>") == len("<|endoftext|>")


def test_the_encoding_is_loaded_once(exact: None, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens.count("first")
    monkeypatch.delattr(tiktoken, "get_encoding")

    assert tokens.count("again") == 5
