"""LangChain: RecursiveCharacterTextSplitter 1,000/200, PGVectorStore; put together as in its documentation."""

from collections.abc import Callable
from typing import Any

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_postgres import PGEngine, PGVectorStore

from benchmarks.retrieval.systems import DEEP, Corpus, Hit, windows
from benchmarks.retrieval.systems.storing import Piece
from benchmarks.retrieval.vectors import Vectors


class Shared(Embeddings):
    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [list(vector) for vector in self._vectors.documents(texts)]

    def embed_query(self, text: str) -> list[float]:
        return list(self._vectors.question(text))


class LangChain:
    def __init__(self, database: dict[str, Any], vectors: Vectors) -> None:
        address = "{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database)
        self._engine = PGEngine.from_connection_string(f"postgresql+psycopg://{address}")
        self._vectors, self._embeddings = vectors, Shared(vectors)
        self._stores: dict[str, PGVectorStore] = {}

    def index(self, corpus: Corpus) -> int:
        table = f"langchain_{corpus.name}"
        self._engine.init_vectorstore_table(table, vector_size=self._vectors.dimensions)
        store = PGVectorStore.create_sync(self._engine, self._embeddings, table)
        documents = [
            Document(page_content=hit.text, metadata={"source": hit.path, "start": hit.start, "end": hit.end})
            for hit in windows.of(corpus)
        ]
        store.add_documents(documents)
        self._stores[corpus.name] = store
        return len(documents)

    def storing(self, pieces: list[Piece]) -> Callable[[], None]:
        dimensions = len(pieces[0].vector)
        self._engine.init_vectorstore_table(f"langchain_{dimensions}", vector_size=dimensions)
        store = PGVectorStore.create_sync(self._engine, self._embeddings, f"langchain_{dimensions}")
        texts, vectors = [piece.text for piece in pieces], [list(piece.vector) for piece in pieces]
        about = [{"source": piece.path, "number": piece.number} for piece in pieces]
        return lambda: store.add_embeddings(texts, vectors, about) and None

    def search(self, corpus: str, question: str, limit: int) -> list[Hit]:
        found = self._stores[corpus].similarity_search_with_score(question, k=limit)
        return [
            Hit(
                path=document.metadata["source"], start=document.metadata["start"], end=document.metadata["end"],
                text=document.page_content, score=1 - distance,
            )
            for document, distance in found
        ]  # fmt: skip

    def candidates(self, corpus: str, question: str) -> list[Hit]:
        return self.search(corpus, question, DEEP)

    def confidence(self, corpus: str, question: str) -> float:
        return self.search(corpus, question, 1)[0].score


make = LangChain
