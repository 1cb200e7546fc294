"""What a revision is made of: the files of the commit, what is known of them already, and the chunks still to embed.

Making a plan stores nothing, so it is also what `--dry-run` shows. It holds no text: chunks are offsets, and the texts
wait on disk, in a spool, so that memory does not grow with the repository.
"""

import hashlib
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

from django.conf import settings

from config import faults
from rag import chunks, files, sources
from rag.embeddings import Embedder

IGNORE_FILE = ".docentignore"


@dataclass(frozen=True, kw_only=True)
class PlannedChunk:
    """A chunk that is to have a row. `sha256` is of the embedded text, `size` its length in bytes."""

    ordinal: int
    span: chunks.Chunk
    sha256: bytes
    size: int


@dataclass(frozen=True, kw_only=True)
class PlannedFile:
    """A file version that is not fully stored yet: with its chunks, or with the reason why it has none.

    `place` is where the spool has its text, `masked` what secrets are masked in it.
    """

    path: str
    blob_sha: str
    size: int
    language: str = ""
    kind: str = "code"
    skip_reason: str = ""
    masked: str = ""
    fell_back: bool = False
    chunks: tuple[PlannedChunk, ...] = ()
    place: sources.Place | None = None

    def source(self, text: str) -> files.SourceFile:
        """The file as it was read."""
        return files.SourceFile(
            path=self.path, blob_sha=self.blob_sha, size=self.size, language=self.language, kind=self.kind, text=text
        )


@dataclass(frozen=True, kw_only=True)
class KnownFile:
    """A file version that an earlier run has stored whole."""

    id: int
    size: int
    chunk_count: int
    skip_reason: str


@dataclass(kw_only=True)
class Plan:
    """Everything one revision holds: `known` is shared with earlier revisions, `new` is to be written."""

    listing: "Listing"
    known: list[KnownFile] = field(default_factory=list)
    new: list[PlannedFile] = field(default_factory=list)

    @property
    def chunk_count(self) -> int:
        return sum(f.chunk_count for f in self.known) + sum(len(f.chunks) for f in self.new)

    @property
    def text_bytes(self) -> int:
        return sum(file.size for file in self._all() if not file.skip_reason)

    @property
    def files_seen(self) -> int:
        return len(self.known) + len(self.new)

    @property
    def files_skipped(self) -> int:
        return sum(1 for file in self._all() if file.skip_reason)

    def _all(self) -> Iterator[KnownFile | PlannedFile]:
        yield from self.known
        yield from self.new


def pipeline(embedder: Embedder) -> str:
    """Fingerprint of every rule that decides which chunks a file version gets; another one means new rows.

    Raises EmbeddingError when a model's dimensions are to be learned and it does not answer.
    """
    rules = (
        files.VERSION, chunks.VERSION, files.Limits.from_settings(), settings.RAG_MAX_CHUNKS,
        chunks.Sizes.from_settings(), embedder.provider, embedder.model, embedder.dimensions,
    )  # fmt: skip
    return hashlib.sha256(repr(rules).encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The commit's files that are to be read, and those left out by name, kind or size.

    `rules` is the pipeline's fingerprint together with the repository's own rules (.docentignore, attributes): a file
    version stored under other rules is not the same.
    """

    wanted: Sequence[sources.TreeEntry]
    skipped: Sequence[files.SkippedFile]
    attributes: Mapping[str, Collection[str]]
    rules: str

    @property
    def text_bytes(self) -> int:
        return sum(entry.size or 0 for entry in self.wanted)


def listing(clone: sources.Clone, pipeline: str, sizes: Mapping[str, int]) -> Listing:
    """List the clone's commit. `sizes` (blob sha → bytes) are those known; of new files the blobs are fetched."""
    entries = clone.entries(sizes)
    attributes = clone.attributes([entry.path for entry in entries])
    ignore = clone.text(IGNORE_FILE)
    limits = files.Limits.from_settings()
    wanted, skipped = files.select(entries, attributes, ignore, limits)
    if unknown := [entry.blob_sha for entry in wanted if entry.size is None]:
        clone.fetch_blobs(unknown)
        wanted, skipped = files.select(clone.entries(sizes), attributes, ignore, limits)
    own = sorted((path, *sorted(names)) for path, names in attributes.items() if names)
    rules = hashlib.sha256(repr((pipeline, ignore, own)).encode(errors="surrogateescape")).hexdigest()[:16]
    return Listing(wanted=wanted, skipped=skipped, attributes=attributes, rules=rules)


def make(
    clone: sources.Clone,
    listing: Listing,
    known: Mapping[tuple[str, str], KnownFile],
    step: Callable[[int, int], None],
    spool: sources.Spool | None = None,
) -> Plan:
    """Plan the listing's revision. `known` maps (path, blob sha); `step` hears of (files read, files to read).

    The texts of what is to be stored go to the `spool`.
    """
    everything: list[sources.TreeEntry | files.SkippedFile] = [*listing.wanted, *listing.skipped]
    plan = Plan(listing=listing)
    over_limit = {(item.path, item.blob_sha) for item in listing.skipped if item.reason == "over_limit"}
    # What a limit leaves out now may have been read before, when there was room.
    known = {key: file for key, file in known.items() if key not in over_limit}
    plan.known = [known[key] for item in everything if (key := (item.path, item.blob_sha)) in known]
    plan.new = [_left_out(item) for item in listing.skipped if (item.path, item.blob_sha) not in known]
    unread = [entry for entry in listing.wanted if (entry.path, entry.blob_sha) not in known]
    count = plan.chunk_count
    with closing(read(clone, unread, listing)) as contents:  # also ends the git that it reads from
        for done, decoded in enumerate(contents, start=1):
            planned = plan_file(decoded)
            if count + len(planned.chunks) > settings.RAG_MAX_CHUNKS:
                planned = _over_limit(planned)
            elif spool and isinstance(decoded, files.SourceFile):
                planned = replace(planned, place=spool.add(decoded.text))
            count += len(planned.chunks)
            plan.new.append(planned)
            step(done, len(unread))
            faults.point("mid-chunking")
    return plan


def read(
    clone: sources.Clone, entries: Sequence[sources.TreeEntry], listing: Listing
) -> Generator[files.SourceFile | files.SkippedFile]:
    """The entries' contents as cleaned text, or why there is none; in order, one in memory at a time."""
    shas = [entry.blob_sha for entry in entries]
    clone.fetch_blobs(shas)
    for entry, (_sha, content) in zip(entries, clone.read(shas), strict=True):
        yield files.decode(entry, content, listing.attributes.get(entry.path, ()))


def plan_file(decoded: files.SourceFile | files.SkippedFile) -> PlannedFile:
    if isinstance(decoded, files.SkippedFile):
        return _left_out(decoded)
    split = chunks.split(decoded, chunks.Sizes.from_settings())
    texts = [chunks.embedded_text(decoded, span).encode() for span in split.chunks]
    planned = tuple(
        PlannedChunk(ordinal=n, span=span, sha256=hashlib.sha256(text).digest(), size=len(text))
        for n, (span, text) in enumerate(zip(split.chunks, texts, strict=True))
    )
    return PlannedFile(
        path=decoded.path, blob_sha=decoded.blob_sha, size=decoded.size, language=decoded.language, kind=decoded.kind,
        masked=decoded.masked, fell_back=split.fell_back, chunks=planned,
    )  # fmt: skip


def _left_out(item: files.SkippedFile) -> PlannedFile:
    return PlannedFile(path=item.path, blob_sha=item.blob_sha, size=item.size, skip_reason=item.reason)


def _over_limit(file: PlannedFile) -> PlannedFile:
    return PlannedFile(path=file.path, blob_sha=file.blob_sha, size=file.size, skip_reason="over_limit")
