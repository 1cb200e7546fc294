"""The two sets of questions that a project's own repository provides, asked of an index made for them."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from rag import chunks, files, models
from rag.evaluation import commits, descriptions, scratch, trials
from rag.evaluation.questions import Lines, Question
from rag.ingest import plan
from rag.sources import Clone, history

MOST_NEW_CHUNKS = 3_000  # of earlier states, to be embedded: the local model needs a minute or two for them
SEED = 7

State = dict[str, scratch.Version]  # what is at each path


@dataclass(frozen=True, kw_only=True)
class Past:
    """A commit's question, and the state that it is asked of."""

    question: Question
    state: State


@dataclass(frozen=True, kw_only=True)
class Material:
    """What is asked, of which states, and every file version in them."""

    described: list[Question]
    altered: State
    past: list[Past]
    versions: list[files.SourceFile]


@dataclass(frozen=True, kw_only=True)
class Results:
    """`embedded`: texts that had to be embedded for it, for `cost_usd`."""

    descriptions: list[trials.Trial]
    commits: list[trials.Trial]
    embedded: int
    cost_usd: float


@dataclass(kw_only=True)
class Library:
    """File versions that were read, each once."""

    read: dict[scratch.Version, files.SourceFile] = field(default_factory=dict)
    _left_out: set[scratch.Version] = field(default_factory=set)
    _texts: dict[scratch.Version, frozenset[str]] = field(default_factory=dict)

    def state(self, clone: Clone) -> State:
        """What would be indexed of the clone's commit."""
        listing = plan.listing(clone, "", {})
        known = self.read.keys() | self._left_out
        unread = [entry for entry in listing.wanted if (entry.path, entry.blob_sha) not in known]
        for entry, found in zip(unread, plan.read(clone, unread, listing), strict=True):
            if isinstance(found, files.SourceFile):
                self.read[entry.path, entry.blob_sha] = found
            else:
                self._left_out.add((entry.path, entry.blob_sha))
        wanted = ((entry.path, entry.blob_sha) for entry in listing.wanted)
        return {path: (path, sha) for path, sha in wanted if (path, sha) in self.read}

    def texts(self, version: scratch.Version) -> frozenset[str]:
        """What is embedded of it."""
        if version not in self._texts:
            file, sizes = self.read[version], chunks.Sizes.from_settings()
            found = (chunks.embedded_text(file, chunk) for chunk in chunks.split(file, sizes).chunks)
            self._texts[version] = frozenset(found)
        return self._texts[version]


def evaluate(live: models.Revision, most: int, before: int, tell: scratch.Tell, note: Callable[[str], None]) -> Results:
    """`most` questions of each kind, from up to `before` earlier commits. Raises SourceError and EmbeddingError."""
    with history.fetch(live.repository_url, live.commit_sha, before) as clone:
        material = gather(clone, most, before)
    note(f"{len(material.described)} descriptions and {len(material.past)} commits can be asked.")
    with scratch.opened(live) as index:
        index.add(material.versions, tell, note)
        return Results(
            descriptions=_ask(index, material.altered, material.described),
            commits=[trial for past in material.past for trial in _ask(index, past.state, [past.question])],
            embedded=index.revision.embedded_count,
            cost_usd=float(index.revision.cost_usd),
        )


def gather(clone: history.Deep, most: int, before: int) -> Material:
    """Raises SourceError."""
    library = Library()
    now = library.state(clone)
    past = list(_past(clone, library, now, most, before))
    altered, described = _described(library, now, most)
    needed = {version for state in (altered, *(each.state for each in past)) for version in state.values()}
    return Material(
        described=described, altered=altered, past=past, versions=[library.read[version] for version in needed]
    )


def _past(clone: history.Deep, library: Library, now: State, most: int, before: int) -> Iterator[Past]:
    """Newest first, until there are enough or until what earlier states have to embed would take too long."""
    known: set[scratch.Version] = set(now.values())
    texts = {text for version in known for text in library.texts(version)}
    count = new = 0
    for commit in clone.commits(before):
        if count == most or new > MOST_NEW_CHUNKS:
            return
        if not commits.subject(commit.subject) or not commit.changed:
            continue
        state = library.state(clone.at(commit.parent))
        question = commits.question(commit, state)
        if question is not None:
            fresh = {text for version in set(state.values()) - known for text in library.texts(version)} - texts
            count, new = count + 1, new + len(fresh)
            known.update(state.values())
            texts |= fresh
            yield Past(question=question, state=state)


def _described(library: Library, now: State, most: int) -> tuple[State, list[Question]]:
    """Descriptions that are said of one place only, and the state in which they were taken out."""
    found = [(version, each) for version in now.values() for each in descriptions.of(library.read[version])]
    said = [each.sentence.lower() for _version, each in found]
    once = [pair for pair, sentence in zip(found, said, strict=True) if said.count(sentence) == 1]
    chosen = random.Random(SEED).sample(once, min(most, len(once)))  # noqa: S311 — the same ones every time
    altered = dict(now)
    for version in {version for version, _each in chosen}:
        file = descriptions.without(library.read[version], [each for other, each in chosen if other == version])
        altered[file.path] = scratch.version(file)
        library.read[altered[file.path]] = file
    asked = [
        Question(text=each.sentence, gold=(Lines(path=path, start=each.start, end=each.end),))
        for (path, _sha), each in chosen
    ]
    return altered, asked


def _ask(index: scratch.Scratch, state: State, asked: list[Question]) -> list[trials.Trial]:
    index.show(state.values())
    return list(trials.run(index.revision, asked))
