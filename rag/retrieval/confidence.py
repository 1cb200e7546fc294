"""How likely it is that a repository answers a question, judged by what was found in it.

Pure. A logistic function of four signs, so that a probability comes out and each weight can be read: it is what the
sign adds to the log-odds. benchmarks/confidence.py fits the weights and prints them as they stand here.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag import lexical
from rag.retrieval import ranking
from rag.retrieval.candidates import Words
from rag.retrieval.passages import Passage

LOOKED_AT = 8  # passages, as many as an answer is made of
# Of the questions that visitors ask, the share taken to have no answer in the code. Nobody has counted them; with
# another share the order of questions by their confidence is the same.
UNANSWERABLE = 0.25
# Below it nothing was found. A question refused wrongly is lost, while a model that reads the passages can still say
# that they do not answer: so it is set where hardly one of the benchmark's answered questions lies below.
THRESHOLD = 0.3
FEWEST_CHUNKS = 100  # a smaller repository is judged as if it had so many: in it, every word would seem common
OVERVIEW = 0.95  # the README was found first for a question about the project as a whole

_ENGLISH = 0.2  # share of a question's words that are English stop words; the benchmark's questions have a half
_FEWEST_WORDS = 4  # that tell a language
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, kw_only=True)
class Signs:
    """What speaks for an answer, and against it.

    similarity   of the first passage: 0 as is usual where nothing answers, 1 as is usual where something does
    matched      root of the rarities, summed, of those of the question's terms that one of the passages has
    rarest       rarity of its rarest term: a word that the repository hardly knows speaks of something else
    misnamed     1 when it names something on purpose (`quoted`, call(), a_name) and no passage has that
    """

    similarity: float
    matched: float
    rarest: float
    misnamed: float


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Log-odds: `base`, and what each sign adds when it grows by 1."""

    base: float
    similarity: float = 0.0
    matched: float = 0.0
    rarest: float = 0.0
    misnamed: float = 0.0

    def log_odds(self, signs: Signs) -> float:
        return (
            self.base
            + self.similarity * signs.similarity
            + self.matched * signs.matched
            + self.rarest * signs.rarest
            + self.misnamed * signs.misnamed
        )


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How a model spreads its similarities: the first passage's mean where nothing answers, and where something does.

    `trust`, 0…1: 1 when both were measured, less for a guess. The rest is left to the words.
    """

    unrelated: float
    related: float
    trust: float


# What to believe by: everything; the words only; the similarity only.
ALL = Weights(base=-0.62, similarity=3.11, matched=1.67, rarest=-1.65, misnamed=-2.19)
WORDS = Weights(base=1.90, matched=2.79, rarest=-3.92, misnamed=-2.45)
SIMILARITY = Weights(base=-0.90, similarity=3.73)
PRIOR = Weights(base=math.log((1 - UNANSWERABLE) / UNANSWERABLE))

_MINILM = Scale(unrelated=0.24, related=0.45, trust=1.0)
SCALES = {
    "all-MiniLM-L6-v2-int8": _MINILM,  # its similarities are those of the published weights within 0.02
    "all-MiniLM-L6-v2": _MINILM,
    # Not measured: as its makers' examples spread, so half of the judgement is left to the words.
    "text-embedding-3-small": Scale(unrelated=0.2, related=0.42, trust=0.5),
}
UNKNOWN = Scale(unrelated=0.0, related=1.0, trust=0.0)


def of(question: str, passages: Sequence[Passage], words: Words, model: str) -> float:
    """A probability, 0…1. `passages`: best first; `words`: those of the question; `model`: that embedded them."""
    if not passages:
        return 0.0
    if passages[0].kind == "readme" and ranking.is_overview(question):
        return OVERVIEW
    scale = SCALES.get(model, UNKNOWN)
    signs = read(question, passages, words, scale)
    # The words of another language are missing in every repository: they tell nothing, as when there are none.
    full, cautious = (ALL, WORDS) if words.frequencies and _is_english(question) else (SIMILARITY, PRIOR)
    odds = scale.trust * full.log_odds(signs) + (1 - scale.trust) * cautious.log_odds(signs)
    return (1 + math.tanh(odds / 2)) / 2  # the logistic function, which does not overflow


def read(question: str, passages: Sequence[Passage], words: Words, scale: Scale) -> Signs:
    """The signs of a question and what was found for it, which is something."""
    texts = [f"{each.path} {each.symbol} {each.text}" for each in passages[:LOOKED_AT]]
    terms = [set(lexical.terms_of(text)) for text in texts]
    rarities = {term: rarity(term, words) for term in words.frequencies}
    names = ranking.names(question)
    return Signs(
        similarity=(passages[0].similarity - scale.unrelated) / (scale.related - scale.unrelated),
        matched=math.sqrt(max(sum(rarities[term] for term in rarities.keys() & has) for has in terms)),
        rarest=max(rarities.values(), default=0.0),
        misnamed=float(bool(names) and not any(name in text.lower() for text in texts for name in names)),
    )


def rarity(term: str, words: Words) -> float:
    """1 for a term that the repository does not know, near 0 for one that nearly every chunk has."""
    chunks = max(words.chunk_count, FEWEST_CHUNKS)
    frequency = min(words.frequencies[term], chunks)
    return math.log(1 + (chunks - frequency + 0.5) / (frequency + 0.5)) / math.log(2 * chunks + 2)


def _is_english(question: str) -> bool:
    words = [word.lower() for word in _WORD.findall(question)]
    known = sum(word in lexical.STOP_WORDS for word in words)
    # A sentence of a language that sets no spaces is one word, so that in other letters a few tell as well.
    told = len(words) >= _FEWEST_WORDS or not all(map(str.isascii, words))
    return not told or known >= _ENGLISH * len(words)
