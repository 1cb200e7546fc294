"""rag/search_index/postings.py"""

import tracemalloc

import pytest

from rag import lexical, packing
from rag.search_index import postings


def test_a_term_weighs_more_in_a_shorter_chunk() -> None:
    short, long = (dict(postings.weights(["lease", *["other"] * length])) for length in (10, 1_000))
    assert short["lease"] > long["lease"]


def test_the_tenth_occurrence_counts_less_than_the_first() -> None:
    once, twice, often, more = (dict(postings.weights(["a"] * n + ["b"] * (50 - n)))["a"] for n in (1, 2, 10, 11))
    assert twice - once > 4 * (more - often) > 0


def test_it_is_bm25() -> None:
    terms = ["lease"] * 3 + ["other"] * (postings.MEAN_LENGTH - 3)
    assert dict(postings.weights(terms))["lease"] == round(1_000 * 3 * 2.2 / (3 + 1.2))


def test_weights_fit_into_small_integers() -> None:
    heaviest = max(weight for _, weight in postings.weights(["lease"] * lexical.MOST_TERMS))
    assert heaviest <= postings.SCALE * (postings.K1 + 1) < 2**15


def test_a_row_has_the_term_its_chunks_and_their_weights() -> None:
    made = postings.Postings()
    made.add(7, ["lease"])
    made.add(10**12, ["lease", "token"])
    alone, beside = (dict(postings.weights(["lease", *more]))["lease"] for more in ([], ["token"]))

    first, second = made.rows()

    assert first == packing.row(
        b"lease",
        packing.bigints(packing.bigint(7) + packing.bigint(10**12)),
        packing.smallints(packing.smallint(alone) + packing.smallint(beside)),
    )
    assert b"token" in second


@pytest.mark.parametrize("different", [1, 20_000])
def test_its_size_is_told_whatever_the_terms_are(different: int) -> None:
    made = postings.Postings()
    tracemalloc.start()
    for chunk in range(200):
        made.add(chunk, [f"{(chunk * 100 + n) % different:x}{n}" for n in range(100)])
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()

    assert 0.5 * made.size < taken < 1.5 * made.size


@pytest.mark.parametrize("constant", ["VERSION", "K1", "B", "MEAN_LENGTH", "SCALE"])
def test_another_rule_is_another_fingerprint(constant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = postings.fingerprint()
    monkeypatch.setattr(postings, constant, 17)
    assert postings.fingerprint() != before
