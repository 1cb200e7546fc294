"""The fake."""

from rag import llm, prompts
from rag.llm import fake
from tests.rag.passages import passage, prompt


def test_it_quotes_and_cites_the_first_passage_in_several_pieces() -> None:
    asked = prompt("How?", passage("a.py", "def one():"), passage("b.py"))
    *pieces, usage = fake.Fake().stream(asked, max_tokens=100)
    text = "".join(piece for piece in pieces if isinstance(piece, str))
    assert len(pieces) > 3
    assert text == "You asked: How?\n\nThe answer is in `a.py`: `def one():` [1]."
    assert isinstance(usage, llm.Usage)
    assert usage.tokens_out == len(text.split())


def test_it_says_the_same_each_time() -> None:
    assert list(fake.Fake().stream(prompt(), max_tokens=100)) == list(fake.Fake().stream(prompt(), max_tokens=100))


def test_it_answers_without_passages() -> None:
    empty = prompts.build("How?", [], [], 1_000)
    assert "no passages" in fake.answer(empty)


def test_a_closed_stream_ends() -> None:
    stream = fake.Fake(delay=60).stream(prompt(), max_tokens=100)
    stream.close()
    assert list(stream) == []
