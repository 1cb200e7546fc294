"""Whether a word looks like one that chance made, or somebody's stand-in for it."""

import math
import re
from collections import Counter

_STANDS_FOR_ONE = re.compile(
    r"[*.xX•_\-#=0]+|[$%@&{\[(!<].*[})\]%>]|\$\w+|.*(\$\{|\{\{|%\(|#\{|\{[\w.]*\}|<\w+>|\.\.\.|\[:\w+\]|a-z0-9|a-za-z|0-9_?a-z|\(\?[=!:]).*|\w+\?|"
    r"(null|none|true|false|undefined|default|password|passwd|passwort|secret|token|user(name)?|pass|guest|test(ing)?|admin|"
    r"root|postgres|mysql|rabbitmq|redis|docker|localhost|pwd|foo|bar|baz|string|bearer|credentials)\d{0,3}[:!]?",
    re.IGNORECASE | re.DOTALL,
)
_RUN = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_LETTER, _VOWEL = re.compile(r"[A-Za-z]"), re.compile(r"[aeiouy]", re.IGNORECASE)
_UNSPOKEN = re.compile(r"[bcdfghjklmnpqrstvwxz]{4,}(?<!ngth|ghts|pkcs)|[jqvxz][bcdfgjkmpqvxz]", re.IGNORECASE)
_SAYS_SO = re.compile(
    r"example|placeholder|change[-_ ]?me|dummy|redacted|replace[-_ ]?(me|with)|insert|goes[-_]here|your[-_ ]|"
    r"^(my|some)[-_]|fake|todo|secret[-_]?key|xxxx",
    re.IGNORECASE,
)
_SORTS = (re.compile("[a-z]"), re.compile("[A-Z]"), re.compile("[0-9]"))
_NAME = re.compile(r"[a-z]+([._-][a-z]+)*\d{0,2}|[A-Z]+([._-][A-Z]+)*\d{0,2}|([a-z]+|[A-Z][a-z]+)([A-Z][a-z]+)*\d{0,2}")


def is_real(word: str) -> bool:
    """Not one letter again and again, as where a key is only described."""
    return len(set(word[-16:])) > 4


def is_random(word: str, *, bits: float = 3.0) -> bool:
    """Letters and digits without a pattern that a person would type: `bits` of entropy a character or more."""
    has_both = bool(_SORTS[2].search(word)) and bool(_SORTS[0].search(word) or _SORTS[1].search(word))
    return has_both and is_own(word) and entropy(word) >= bits


def is_of_words(word: str) -> bool:
    """Put together of words and numbers, as names are: max_tokens_per_1_minute, X509CertificateStore.

    Letters of chance are seldom in long runs with as many vowels as words have.
    """
    runs = _RUN.findall(word)
    letters = len(_LETTER.findall(word))
    is_spoken = len(_VOWEL.findall(word)) >= 0.3 * letters and not _UNSPOKEN.search(word)
    return letters >= len(word) / 2 and is_spoken and sum(map(len, runs)) / len(runs) >= 3.5


def is_own(word: str) -> bool:
    """Neither a stand-in nor the name of something in a program."""
    return not is_stand_in(word) and not _NAME.fullmatch(word)


def is_stand_in(word: str) -> bool:
    """Whether it is what people write where a secret is to be filled in."""
    says_so = _SAYS_SO.search(word) and not (has_every_sort(word) and entropy(word) >= 4)
    return bool(says_so or _STANDS_FOR_ONE.fullmatch(word))


def has_every_sort(word: str) -> bool:
    """Small and capital letters, and digits."""
    return all(sort.search(word) for sort in _SORTS)


def entropy(word: str) -> float:
    """Bits a character: 0 for one letter repeated, 4 for even hexadecimal digits, near 5 for forty of base64."""
    counts = Counter(word).values()
    return -sum(count / len(word) * math.log2(count / len(word)) for count in counts)
