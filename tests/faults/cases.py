"""One project with a repository of its own, and what an undisturbed run makes of each of its commits."""

from dataclasses import dataclass, field
from math import ceil

from django.test import Client
from django.urls import reverse

from portfolio.models import Project, ProjectRAG
from rag import models, retrieval, revisions
from tests.faults import world as worlds
from tests.git_fixtures import Repository

FILES = 10
CHANGED = (1, 4, 7)
QUESTIONS = ("How is part 3 computed?", "What does the readme say?", "Where is a value multiplied?")
Answers = list[list[tuple[str, int, int, float]]]


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a commit's index is when nothing fails: `texts` are those that have to be embedded for it."""

    commit: str
    digest: str
    answers: Answers


@dataclass(kw_only=True)
class Case:
    """`expected`: by commit. `kills`: how many runs were cut off since the last change, `kills_before`: until then."""

    world: worlds.World
    name: str
    repository: Repository
    project: Project
    expected: dict[str, Expected] = field(default_factory=dict)
    commit: str = ""
    kills: int = 0
    kills_before: int = 0
    asked_before: tuple[int, int] = (0, 0)  # the providers' requests until the last change
    client: Client = field(default_factory=Client)

    def change(self, version: int) -> None:
        """Commit `version`, and learn on a project beside this one what an undisturbed run makes of it."""
        self.commit = self.repository.commit(files(self.name, version))
        twin = Project.objects.create(title=f"Twin of {self.name}", repository_url=self.project.repository_url)
        outcome = self.world.process(twin)
        live = ProjectRAG.objects.get(project=twin).live_revision
        assert live is not None, outcome.sentence
        self.expected[self.commit] = Expected(
            commit=self.commit, digest=revisions.digest(live), answers=answers(live)
        )  # fmt: skip
        twin.delete()
        self.asked_before = len(self.world.provider.requests), len(self.world.reader.requests)
        self.kills, self.kills_before = 0, self.kills_before + self.kills

    @property
    def rag(self) -> ProjectRAG:
        return ProjectRAG.objects.select_related("live_revision", "project").get(project=self.project)

    @property
    def command(self) -> tuple[str, ...]:
        return (*worlds.COMMAND, f"--project-id={self.project.pk}")

    @property
    def calls(self) -> list[list[str]]:
        """The texts of each call for this project since the last change."""
        both = zip((self.world.provider, self.world.reader), self.asked_before, strict=True)
        inputs = [request.body["input"] for provider, before in both for request in provider.requests[before:]]
        return [texts for texts in inputs if self.name in " ".join(texts)]

    @property
    def most_calls(self) -> int:
        """The unique texts in batches, and one batch for each kill."""
        unique = {text for texts in self.calls for text in texts}
        return ceil(len(unique) / worlds.BATCH) + self.kills

    def run(self, fault: str = "") -> worlds.Done:
        self.kills += bool(fault)
        return self.world.run(*self.command, FAULT=fault)

    def page(self, name: str) -> int:
        """The status of one of its pages, as a visitor gets it."""
        return self.client.get(reverse(name, args=[self.project.slug])).status_code


def make(made_in: worlds.World, name: str = "", *, indexed: bool) -> Case:
    """A project at version 1 of its repository that is new or, when `indexed`, live with version 2 to come."""
    made_in.cases += 1
    name = name or f"case{made_in.cases:04}"  # none begins with another
    path = made_in.folder / "served" / "owner" / f"{name}.git"
    path.parent.mkdir(exist_ok=True)
    url = f"https://{made_in.host.host}/owner/{name}"
    project = Project.objects.create(title=name, repository_url=url, is_published=True)
    case = Case(world=made_in, name=name, repository=Repository(path), project=project)
    case.change(1)
    if indexed:
        outcome = made_in.process(project)
        assert case.rag.processing_status == "ready", outcome.sentence
        case.change(2)
    return case


def files(name: str, version: int) -> dict[str, str | None]:
    """What to commit for `version`: from the second on some files are changed, one is added and one goes."""
    if version == 1:
        parts: dict[str, str | None] = {f"{name}/part{n}.py": _part(n, 1) for n in range(FILES)}
        return parts | {"README.md": f"# {name}\n\nIt computes.\n"}
    changed: dict[str, str | None] = {f"{name}/part{n}.py": _part(n, version) for n in CHANGED}
    changed |= {f"{name}/added{version}_{n}.py": _part(n, version) for n in range(3)}
    gone = 0 if version == 2 else f"added{version - 1}_0"
    return changed | {f"{name}/part0.py" if version == 2 else f"{name}/{gone}.py": None}


def answers(revision: models.Revision) -> Answers:
    """What is found for each question: path, lines and score."""
    return [shown(retrieval.search(revision, question).passages) for question in QUESTIONS]


def shown(passages: list[retrieval.Passage]) -> list[tuple[str, int, int, float]]:
    """What a visitor sees of them."""
    return [(passage.path, passage.start_line, passage.end_line, round(passage.score, 4)) for passage in passages]


def _part(number: int, version: int) -> str:
    return f'def part_{number}(value):\n    """Part {number} as of {version}."""\n    return value * {version}\n'
