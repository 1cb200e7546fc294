"""A repository's address becomes a bare clone that is pinned to one commit. The only module that runs git."""

from rag.sources.address import Address, check_ref, lines_url, parse
from rag.sources.clone import Clone, fetch, head
from rag.sources.errors import AddressRefused, RulesRefused, SourceError
from rag.sources.listing import MAX_PATH, TreeEntry

__all__ = [
    "MAX_PATH",
    "Address",
    "AddressRefused",
    "Clone",
    "RulesRefused",
    "SourceError",
    "TreeEntry",
    "check_ref",
    "fetch",
    "head",
    "lines_url",
    "parse",
]
