"""A repository's address becomes a bare clone that is pinned to one commit. The only module that runs git."""

from rag.sources.address import Address, check_ref, lines_url, parse
from rag.sources.clone import Clone, TreeEntry, fetch, head
from rag.sources.errors import AddressRefused, SourceError

__all__ = [
    "Address",
    "AddressRefused",
    "Clone",
    "SourceError",
    "TreeEntry",
    "check_ref",
    "fetch",
    "head",
    "lines_url",
    "parse",
]
