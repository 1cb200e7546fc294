"""Searches of one peer's store, by its own search; in the peers' interpreter.

    python -m benchmarks.search.peers JOB.json TIMES.json

The table is made by the peer itself and then filled by COPY: its own way of adding would take half an hour. Like
Docent's it is asked with the question's vector at hand, for ten rows.
"""

import json
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.search import clock

TOP = 10
BACKENDS = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
Search = Callable[[list[float]], object]


def langchain(job: dict[str, Any], address: str) -> Search:
    from langchain_core.embeddings import FakeEmbeddings
    from langchain_postgres import PGEngine, PGVectorStore

    engine = PGEngine.from_connection_string(f"postgresql+psycopg://{address}")
    engine.init_vectorstore_table("langchain_search", vector_size=job["dimensions"])
    store = PGVectorStore.create_sync(engine, FakeEmbeddings(size=job["dimensions"]), "langchain_search")
    columns = "langchain_search (langchain_id, content, embedding, langchain_metadata)"
    _copy(address, columns, ((str(uuid.uuid4()), text, vector, "{}") for text, vector in _rows(job)))
    return lambda vector: store.similarity_search_with_score_by_vector(vector, k=TOP)


def llamaindex(job: dict[str, Any], address: str) -> Search:
    from llama_index.core.vector_stores.types import VectorStoreQuery
    from llama_index.vector_stores.postgres import PGVectorStore

    database = job["database"]
    store = PGVectorStore.from_params(
        host=database["HOST"], port=str(database["PORT"]), database=database["NAME"], user=database["USER"],
        password=database["PASSWORD"], table_name="llamaindex_search", embed_dim=job["dimensions"],
    )  # fmt: skip
    store.clear()  # also makes its table
    metadata = json.dumps({"_node_type": "TextNode", "_node_content": json.dumps({"class_name": "TextNode"})})
    columns = "data_llamaindex_search (text, metadata_, node_id, embedding)"
    _copy(address, columns, ((text, metadata, str(uuid.uuid4()), vector) for text, vector in _rows(job)))
    return lambda vector: store.query(VectorStoreQuery(query_embedding=vector, similarity_top_k=TOP))


def _rows(job: dict[str, Any]) -> Iterator[tuple[str, str]]:
    with Path(job["rows"]).open() as lines:
        yield from map(json.loads, lines)


def _copy(address: str, columns: str, rows: Iterator[tuple[str, ...]]) -> None:
    with psycopg.connect(f"postgresql://{address}", autocommit=True) as connection:
        with connection.cursor().copy(f"COPY {columns} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        connection.execute("VACUUM ANALYZE")


def _drop(address: str) -> None:
    with psycopg.connect(f"postgresql://{address}", autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS langchain_search, data_llamaindex_search")


def main(given: str, told: str) -> None:
    job = json.loads(Path(given).read_text())
    address = "{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**job["database"])

    def backends() -> list[int]:
        with psycopg.connect(f"postgresql://{address}") as connection:
            others = (
                "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
            return [pid for (pid,) in connection.execute(others)]

    times = {}
    _drop(address)
    for name, make in (("LangChain", langchain), ("LlamaIndex", llamaindex)):
        search = make(job, address)
        assert search(job["questions"][0]), name
        times[name] = clock.measure(search, job["questions"], backends)
    _drop(address)
    Path(told).write_text(json.dumps(times))


if __name__ == "__main__":
    main(*sys.argv[1:])
