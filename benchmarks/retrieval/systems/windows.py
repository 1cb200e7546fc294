"""Windows of 1,000 characters with 200 in common, as LangChain's recursive splitter cuts them."""

from collections.abc import Iterator

from langchain_text_splitters import RecursiveCharacterTextSplitter

from benchmarks.retrieval.systems import Corpus, Hit, place


def of(corpus: Corpus) -> Iterator[Hit]:
    splitter = RecursiveCharacterTextSplitter(chunk_size=1_000, chunk_overlap=200, add_start_index=True)
    for file in corpus.files:
        for document in splitter.create_documents([file["text"]]):
            start, end = place(file["text"], document.metadata["start_index"], document.page_content)
            yield Hit(path=file["path"], start=start, end=end, text=document.page_content, score=0)
