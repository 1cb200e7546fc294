"""Whether what is given such a name looks like a secret: no place, no expression, no stand-in, and made by chance."""

import re

from rag.files.secrets import chance

_PLACE = re.compile(r"\.{0,2}/|https?://|urn:|[\w./-]+/[\w.-]+\.[a-z]{2,5}$|([a-z_]\w*\.){2,}[A-Za-z_]\w*$")
_EXPRESSION = re.compile(
    r"[A-Za-z_$][\w$]*(\??\.[A-Za-z_$][\w$]*)+|[A-Za-z_]*[a-z]+_[a-z_]+\d{0,3}|[A-Za-z_$][\w.$]*[(\[].*"
)
# sha256-hashed, utf-8, latin1, min8chars; 0002_auto_20160226; new_password2
_TERM = re.compile(
    r"(?:pbkdf|sha|md|argon|bcrypt|scrypt|hmac|base|utf|latin|cp|iso|aes|rsa|oauth|http|min|max)[-_]?\d[\w.-]{0,24}|"
    r"x509\w{0,24}|\d{4}_[a-z]+_\w{1,60}|[a-z]+(?:_[a-z]+){0,6}_?(?:password|passwd|secret|token|key|psk)(?:_[a-z]+){0,6}"
    r"(?:_?[a-z]{0,5}\d{1,2}(?:_[a-z\d]+)?)?",
    re.IGNORECASE,
)
_WITH_MORE = re.compile(r"[^A-Za-z_.\-\s]")
_WITHIN = re.compile(r"\d\w*[A-Za-z]|\W\w*\d|\d\W|[^\w.-]")
_NAMED = re.compile(r"[_./:=]|@\w+\.|-[a-z]+$")
_FOUR_WORDS = re.compile(r"[a-z]+(-[a-z]+){3,}")


def is_secret(value: str, *, is_password: bool, is_quoted: bool) -> bool:
    """Of a password less is asked than of a key, which is long; of what stands between quotes less than of a word."""
    if re.search(r"\s", value) or _PLACE.match(value) or _TERM.fullmatch(value):
        return False
    if is_password and is_quoted:
        return not chance.is_stand_in(value) and _is_mixed(value) and chance.entropy(value) >= 2.3
    if is_password:
        return len(value) >= 8 and _is_literal(value) and chance.is_random(value, bits=2.7)
    return len(value) >= 16 and (is_quoted or _is_literal(value)) and _is_key(value)


def is_told(value: str, *, is_password: bool) -> bool:
    """Of a sentence: "the password is …". Whatever a writer says of passwords otherwise has no digit within."""
    if not is_password:
        return is_secret(value, is_password=False, is_quoted=False)
    is_number = value[0].isdigit() or _NAMED.search(value)
    return not is_number and bool(_WITHIN.search(value)) and is_secret(value, is_password=True, is_quoted=False)


def _is_mixed(value: str) -> bool:
    """Letters with digits or signs among them, or four words, as passwords are told to have."""
    return bool(re.search(r"[A-Za-z]", value) and (_WITH_MORE.search(value) or _FOUR_WORDS.fullmatch(value)))


def _is_literal(value: str) -> bool:
    """No expression of a program: a name, an attribute, a call."""
    return not _EXPRESSION.fullmatch(value)


def _is_key(value: str) -> bool:
    return chance.is_random(value) and not chance.is_of_words(value)
