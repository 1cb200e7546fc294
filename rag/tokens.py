"""How many tokens a text is: exact when the ranks of cl100k are on disk, else a careful estimate.

The ranks are never downloaded from here: the tokenizer would do so without a time limit, and again at every call.
"""

import functools
import hashlib
import math
from pathlib import Path

import tiktoken
from django.conf import settings

ENCODING = "cl100k_base"  # what the embedding models count with; newer chat models' counts are within a few per cent
RANKS_FILE = "9b5ad71b2ce5302211f9c61530b329a4922fc6a4"  # the tokenizer's own name for it in its cache
RANKS_SHA256 = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"
BYTES_A_TOKEN = 3  # fewer than any usual text has, so that an estimate errs upwards


def count(text: str) -> int:
    """Tokens of `text`; markers like <|endoftext|> are counted as the characters they are."""
    encoding = _encoding(settings.TIKTOKEN_CACHE_DIR)
    if encoding is None:
        return math.ceil(len(text.encode("utf-8", "surrogatepass")) / BYTES_A_TOKEN)
    return len(encoding.encode(text, disallowed_special=()))


@functools.cache
def _encoding(directory: str) -> tiktoken.Encoding | None:
    ranks = Path(directory, RANKS_FILE)
    if not directory or not ranks.is_file():
        return None
    # The tokenizer answers a damaged file by downloading it anew.
    if hashlib.sha256(ranks.read_bytes()).hexdigest() != RANKS_SHA256:
        return None
    return tiktoken.get_encoding(ENCODING)
