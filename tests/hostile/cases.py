"""One odd thing in a repository that also has good files, and how it has to end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.git_fixtures import HttpsHost, Repository

INDEXED = "indexed"
GOOD = {
    "good.py": 'def good(name):\n    """Greet somebody."""\n    return f"Hello {name}"\n',
    "src/deep/fine.py": "class Fine:\n    def run(self):\n        return self.queue.pop()\n",
}
Build = Callable[["Place"], object]


@dataclass(frozen=True, kw_only=True)
class Place:
    """A repository with the good files committed, on disk and at an https host."""

    repository: Repository
    host: HttpsHost


@dataclass(frozen=True, kw_only=True)
class Case:
    """`build` changes the repository.

    `ends`: how the files beside the good ones end (indexed, or the reason why not) → how many. `code`: the project's
    error when nothing of the commit is read. `was_read`: there is an index of the good files already, which has to
    go on answering then. `is_served`: by https.
    """

    section: str
    name: str
    build: Build
    ends: Mapping[str, int] = field(default_factory=dict)
    code: str = ""
    ref: str = ""
    is_served: bool = False
    was_read: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.section}: {self.name}"


@dataclass(frozen=True, kw_only=True)
class File:
    """One odd file by itself."""

    section: str
    name: str
    content: bytes
    end: str
    path: str = "odd.py"

    @property
    def case(self) -> Case:
        return Case(
            section=self.section,
            name=self.name,
            build=lambda place: place.repository.commit({self.path: self.content}),
            ends={self.end: 1},
        )
