"""rag/retrieval/candidates.py: what the statement finds, and how PostgreSQL goes about it"""

import json
import math
import random
import re
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest
from django.db import connection

from portfolio.models import Project
from rag import lexical, models, search_index
from rag.embeddings import fake
from rag.models import search_tables
from rag.retrieval import candidates
from rag.search_index import postings
from tests import factories

pytestmark = pytest.mark.django_db

TEXTS = {
    "lease.py": "def renew(lease):\n    return lease.token",
    "queue.py": "def claim(queue):\n    return queue.oldest() or lease",
    "mail.py": "def send(address):\n    smtp.deliver(address)",
}
Ranked = list[tuple[str, int]]


def make(texts: dict[str, str] = TEXTS) -> models.Revision:
    return factories.make_live_revision(factories.make_project(), texts)


def find(revision: models.Revision, question: str) -> candidates.Candidates:
    return candidates.find(revision, fake.build("fake").embed_query(question), lexical.asked(question))


def exact(revision: models.Revision, vector: Sequence[float], terms: Sequence[str]) -> dict[int, tuple[float, float]]:
    """Chunk → cosine and BM25, from the stored vectors and texts only."""
    chunks = list(models.Chunk.objects.filter(file__revisions=revision).select_related("file"))
    documents = {c.pk: dict(postings.weights(lexical.document(c.file.path, c.symbol, c.text))) for c in chunks}
    rarity = {term: idf(len(chunks), sum(term in words for words in documents.values())) for term in terms}
    return {
        c.pk: (
            cosine(vector, list(c.embedding)),
            sum(documents[c.pk].get(term, 0) * rarity[term] for term in terms),
        )
        for c in chunks
    }


def idf(chunk_count: int, frequency: int) -> float:
    return math.log(1 + (chunk_count - frequency + 0.5) / (frequency + 0.5))


def cosine(first: Sequence[float], second: Sequence[float]) -> float:
    product = sum(a * b for a, b in zip(first, second, strict=True))
    return product / (math.hypot(*first) * math.hypot(*second))


def test_the_question_s_words_are_told_with_how_many_chunks_have_them() -> None:
    words = find(make(), "Where is the lease of a zebra renewed?").words
    assert (words.chunk_count, words.frequencies) == (3, {"leas": 2, "zebra": 0, "renew": 1})


def test_the_scores_by_words_are_bm25_and_not_scaled() -> None:
    revision = make()
    found = find(revision, "renew the lease")
    vector = fake.build("fake").embed_query("renew the lease")
    expected = max(score for _, score in exact(revision, vector, ["renew", "leas"]).values())
    assert found.words.scores[0] == pytest.approx(expected)


def test_a_question_in_other_words_has_no_score_by_words() -> None:
    found = find(make(), "zebra")
    assert len(found.passages) == 3
    assert set(found.words.scores) == {0}
    assert all(passage.score == passage.similarity for passage in found.passages)


def test_nothing_is_told_of_a_revision_that_is_not_live() -> None:
    revision = make()
    factories.make_live_revision(revision.rag.project, {"other.py": "renew the lease"})
    found = find(revision, "renew the lease")
    assert (found.passages, found.words.scores, set(found.words.frequencies.values())) == ([], [], {0})


def test_a_term_that_most_chunks_have_ranks_nothing_but_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "NEVER_COMMON", 1)
    words = find(make(), "lease").words
    assert (words.frequencies, set(words.scores)) == ({"leas": 2}, {0})


def test_projects_do_not_see_each_other_s_chunks_or_words() -> None:
    first, second = make(), make({"lease.js": "function renew(lease) {}", "zebra.js": "const zebra = lease"})
    for revision, paths, zebras in ((first, set(TEXTS), 0), (second, {"lease.js", "zebra.js"}, 1)):
        found = find(revision, "renew the lease of the zebra")
        assert {passage.path for passage in found.passages} == paths
        assert found.words.frequencies["zebra"] == zebras


@pytest.mark.parametrize("seed", range(12))
def test_up_to_so_many_chunks_the_ranking_is_that_of_comparing_everything(seed: int) -> None:
    draw = random.Random(seed)
    vocabulary = ["lease", "token", "worker", "queue", "claim", "retry", "batch", "mail"]
    count = draw.randint(2, 250)
    revision = make({f"{n}.py": " ".join(draw.choices(vocabulary, k=draw.randint(1, 9))) for n in range(count)})
    for chunk in models.Chunk.objects.filter(file__revisions=revision):  # of any length, not 1
        chunk.embedding = [draw.gauss(0, 1) * 10 ** draw.uniform(-2, 2) for _ in range(fake.DIMENSIONS)]
        chunk.save()
    sign_anew(revision)
    vector = [draw.gauss(0, 1) for _ in range(fake.DIMENSIONS)]
    terms = lexical.asked(" ".join(draw.sample(vocabulary, 3)))
    scores = exact(revision, vector, terms)
    found = candidates.find(revision, vector, terms)
    scale = candidates.KEYWORDS / (postings.SCALE * sum(idf(count, found.words.frequencies[term]) for term in terms))
    ranked = sorted((near + scale * keyword for near, keyword in scores.values()), reverse=True)
    # Vectors are stored in halves.
    assert [passage.score for passage in found.passages] == pytest.approx(ranked[: candidates.CANDIDATES], abs=2e-3)


def sign_anew(revision: models.Revision) -> None:
    search_index.clear(revision.rag_id)
    models.Revision.objects.filter(pk=revision.pk).update(search_rules="")
    with search_index.prepared(revision) as change:
        search_index.write(change)


def test_vectors_that_are_not_of_length_one_are_found_by_their_direction() -> None:
    revision = make()
    before = [(p.path, p.similarity) for p in find(revision, "renew the lease").passages]
    for factor, chunk in zip((0.01, 30.0, 5.0), models.Chunk.objects.order_by("pk"), strict=True):
        chunk.embedding = [factor * value for value in chunk.embedding]
        chunk.save()
    sign_anew(revision)
    after = find(revision, "renew the lease").passages
    assert [p.path for p in after] == [path for path, _ in before]
    assert [p.similarity for p in after] == pytest.approx([near for _, near in before], abs=2e-3)


# How PostgreSQL goes about it


@pytest.fixture
def large() -> models.Revision:
    """One of three projects with 1,500 chunks each. The planner knows nothing of them yet."""
    return [_grown(factories.make_project()) for _ in range(3)][1]


def _grown(project: Project) -> models.Revision:
    revision = factories.make_live_revision(project, TEXTS)
    file = models.SourceFile.objects.filter(rag=project.rag).latest("pk")
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO rag_chunk (file_id, ordinal, start_line, end_line, symbol, text, sha256, embedding)
               SELECT %s, n, n, n, '', 'lease ' || n, '', ARRAY(SELECT random() - 0.5 + 0 * n FROM
               generate_series(1, %s))::real[]::halfvec FROM generate_series(10, 1506) n""",
            [file.pk, fake.DIMENSIONS],
        )
    sign_anew(revision)
    revision.chunk_count = search_index.size(project.rag.pk)
    revision.save()
    return revision


def scans(plan: Any) -> Iterator[tuple[str, str, str]]:
    """(table, kind, index) of each scan in a plan of EXPLAIN's."""
    if isinstance(plan, list):
        for each in plan:
            yield from scans(each)
        return
    if "Relation Name" in plan:
        yield plan["Relation Name"], plan["Node Type"], plan.get("Index Name", "")
    yield from scans(plan.get("Plans", []))


def explained(revision: models.Revision, *, generic: bool) -> set[tuple[str, str, str]]:
    given = candidates.parameters(revision, fake.build("fake").embed_query("renew"), ["renew", "leas"])
    options, statement = "FORMAT JSON", candidates.SQL
    if generic:  # as a prepared statement is planned: without a look at the values
        names = list(given)
        options += ", GENERIC_PLAN"
        statement = re.sub(r"%\((\w+)\)s", lambda name: f"${names.index(name[1]) + 1}", statement)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN ({options}) {statement}", None if generic else given)
        (plan,) = cursor.fetchone()
    return set(scans(json.loads(plan)[0]["Plan"] if isinstance(plan, str) else plan[0]["Plan"]))


@pytest.mark.parametrize("generic", [False, True], ids=["with values", "prepared"])
@pytest.mark.parametrize("statistics", ["none", "stale", "fresh"])
def test_chunks_are_read_by_their_primary_key_only(large: models.Revision, statistics: str, generic: bool) -> None:
    with connection.cursor() as cursor:
        if statistics != "none":
            cursor.execute("ANALYZE rag_chunk, rag_signature, rag_posting, rag_sourcefile")
        if statistics == "stale":  # of a time when the table was nearly empty
            cursor.execute("UPDATE pg_class SET reltuples = 3, relpages = 1 WHERE relname LIKE 'rag_%'")
    used = {(kind, index) for table, kind, index in explained(large, generic=generic) if table == "rag_chunk"}
    assert used == {("Index Scan", "rag_chunk_pkey")}


def test_a_prepared_statement_finds_the_same(large: models.Revision) -> None:
    vector, terms = fake.build("fake").embed_query("renew the lease"), ["renew", "leas"]
    found = candidates.find(large, vector, terms).passages
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    server_side = psycopg.Cursor(connection.connection)
    server_side.execute(candidates.SQL, candidates.parameters(large, vector, terms), prepare=True)
    names = [column.name for column in server_side.description or ()]
    rows = [dict(zip(names, row, strict=True)) for row in server_side]
    assert [(row["path"], row["ordinal"], row["score"]) for row in rows] == [
        (passage.path, passage.chunks[0], passage.score) for passage in found
    ]


def test_it_reads_no_more_vectors_than_it_compares(large: models.Revision) -> None:
    near = candidates.NEAREST + large.chunk_count // 100
    assert search_tables.Signature.objects.filter(rag=large.rag_id).count() > near + candidates.WORDED
    given = candidates.parameters(large, fake.build("fake").embed_query("renew"), ["renew"])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {candidates.SQL}", given)
        (plan,) = cursor.fetchone()
    loops = [node["Actual Loops"] for node in nodes(plan[0]["Plan"]) if node.get("Relation Name") == "rag_chunk"]
    assert sorted(loops) == [candidates.CANDIDATES, near]


def nodes(plan: Any) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", []):
        yield from nodes(each)
