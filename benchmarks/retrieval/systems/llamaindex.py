"""LlamaIndex: CodeSplitter where it has a grammar, else SentenceSplitter, and its PGVectorStore, with their defaults.

The path goes into what is embedded, as with documents that its reader of folders makes.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import tree_sitter_language_pack
from llama_index.core import Document, StorageContext, VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.node_parser import CodeSplitter, SentenceSplitter
from llama_index.core.schema import BaseNode, TextNode
from llama_index.vector_stores.postgres import PGVectorStore
from pydantic import PrivateAttr

from benchmarks.retrieval.systems import DEEP, Corpus, Hit, place
from benchmarks.retrieval.systems.storing import Piece
from benchmarks.retrieval.vectors import Vectors


class Shared(BaseEmbedding):
    _vectors: Vectors = PrivateAttr()

    def __init__(self, vectors: Vectors) -> None:
        super().__init__(model_name="all-MiniLM-L6-v2", embed_batch_size=100)
        self._vectors = vectors

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return [list(vector) for vector in self._vectors.documents(texts)]

    def _get_query_embedding(self, query: str) -> list[float]:
        return list(self._vectors.question(query))

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


class LlamaIndex:
    def __init__(self, database: dict[str, Any], vectors: Vectors) -> None:
        self._database, self._vectors, self._embeddings = database, vectors, Shared(vectors)
        self._indexes: dict[str, VectorStoreIndex] = {}
        self._texts: dict[tuple[str, str], str] = {}

    def index(self, corpus: Corpus) -> int:
        nodes = [node for file in corpus.files for node in _nodes(file)]
        context = StorageContext.from_defaults(vector_store=self._store(corpus.name))
        self._indexes[corpus.name] = VectorStoreIndex(nodes, storage_context=context, embed_model=self._embeddings)
        self._texts.update({(corpus.name, file["path"]): file["text"] for file in corpus.files})
        return len(nodes)

    def _store(self, name: str) -> PGVectorStore:
        return PGVectorStore.from_params(
            host=self._database["HOST"], port=str(self._database["PORT"]), database=self._database["NAME"],
            user=self._database["USER"], password=self._database["PASSWORD"], table_name=f"llamaindex_{name}",
            embed_dim=self._vectors.dimensions,
        )  # fmt: skip

    def storing(self, pieces: list[Piece]) -> Callable[[], None]:
        store = self._store(str(len(pieces[0].vector)))
        nodes: list[BaseNode] = [
            TextNode(text=each.text, metadata={"file_path": each.path}, embedding=list(each.vector)) for each in pieces
        ]
        return lambda: store.add(nodes) and None

    def search(self, corpus: str, question: str, limit: int) -> list[Hit]:
        found = self._indexes[corpus].as_retriever(similarity_top_k=limit).retrieve(question)
        return [self._hit(corpus, each.node, each.score or 0.0) for each in found]

    def candidates(self, corpus: str, question: str) -> list[Hit]:
        return self.search(corpus, question, DEEP)

    def confidence(self, corpus: str, question: str) -> float:
        return self.search(corpus, question, 1)[0].score

    def _hit(self, corpus: str, node: BaseNode, score: float) -> Hit:
        path, piece = node.metadata["file_path"], node.get_content()
        text = self._texts[corpus, path]
        known = getattr(node, "start_char_idx", None)
        start, end = place(text, max(0, text.find(piece)) if known is None else known, piece)
        return Hit(path=path, start=start, end=end, text=piece, score=score)


def _nodes(file: dict[str, str]) -> list[BaseNode]:
    document = Document(text=file["text"], metadata={"file_path": file["path"]})
    splitter = _code_splitter(file["language"]) if file["kind"] == "code" else None
    try:
        return (splitter or SentenceSplitter()).get_nodes_from_documents([document])
    except ValueError:  # a text that its parser cannot read
        return SentenceSplitter().get_nodes_from_documents([document])


@cache
def _code_splitter(language: str) -> CodeSplitter | None:
    try:
        parser = tree_sitter_language_pack.get_parser(language)  # type: ignore[arg-type]
    except LookupError:
        return None
    return CodeSplitter(language=language, parser=parser)


make = LlamaIndex
