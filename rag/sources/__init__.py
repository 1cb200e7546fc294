"""A repository's address becomes a bare clone that is pinned to one commit. The only module that runs git."""

from rag.sources.address import Address, check_ref, lines_url, parse
from rag.sources.clone import Clone, fetch, head
from rag.sources.errors import AddressRefused, RulesRefused, SourceError
from rag.sources.listing import MAX_PATH, TreeEntry
from rag.sources.spool import Place, Spool

__all__ = [
    "MAX_PATH",
    "Address",
    "AddressRefused",
    "Clone",
    "Place",
    "RulesRefused",
    "SourceError",
    "Spool",
    "TreeEntry",
    "check_ref",
    "fetch",
    "head",
    "lines_url",
    "parse",
]
