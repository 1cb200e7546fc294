"""A commit's subject as a question, asked of the state before it: the files that it changed are the answer."""

import re
from collections.abc import Collection

from rag.evaluation import descriptions
from rag.evaluation.questions import Lines, Question
from rag.files import secrets
from rag.sources import history

MOST_FILES = 5  # changed by one commit: more of them have no one subject
FEWEST_WORDS = 4

_PREFIX = re.compile(
    r"^(?:\w+(?:\([^)]*\))?!?:|\[[^\]]*\]|(?:Fixe[sd]|Refs?|Closes) #\d+\s*(?:--|:)?)\s*", re.IGNORECASE
)
_REFERENCE = re.compile(r"\s*[(\[]?(?:(?:fixe?[sd]?|close[sd]?|refs?)\s+)?#\d+[)\]]?\s*", re.IGNORECASE)
_CHORE = re.compile(
    r"^(?:merge|bump|release|revert|version|wip|typo|update (?:changelog|version|dependencies|deps)|prepare|changelog"
    r"|back to development|lint|format|upgrade|pre-commit|v?\d+\.\d+)\b|\btypos?\b|\bchangelog\b|\bflake8\b|\bblack\b",
    re.IGNORECASE,
)


def question(commit: history.Commit, indexed: Collection[str]) -> Question | None:
    """None for a commit that says too little, or that changes no file or too many files of those that were `indexed`.

    Tests and what only shows the code count when nothing else was changed.
    """
    text = subject(commit.subject)
    changed = [path for path in commit.changed if path in indexed]
    meant = [path for path in changed if not descriptions.is_aside(path)] or changed
    if not text or not 1 <= len(meant) <= MOST_FILES:
        return None
    return Question(text=text, gold=tuple(Lines(path=path, start=1, end=1) for path in meant), has_lines=False)


def subject(line: str) -> str:
    """What a subject line says, without ticket numbers and prefixes; "" for what is no change of the code.

    Also for one with a secret in it: what becomes a question is sent to the embedding model.
    """
    text = _REFERENCE.sub(" ", _PREFIX.sub("", line.strip())).strip()
    return "" if secrets.masked(text).findings or _CHORE.search(text) or len(text.split()) < FEWEST_WORDS else text
