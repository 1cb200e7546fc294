"""Names that tell of a secret — password, token, api_key — and the lines of a text that have one."""

import re
import string
from collections.abc import Iterator

_WORDS = (
    r"passw(?:or)?d|passwort|passphrase|passcode|pass|pwd|bind_?pw|secret|(?<![a-z])pw(?![a-z])|(?<=user)pw|"
    r"(?<![a-z])psk(?![a-z])|kennwort|contrase[ñn]a|mot[ _]?de[ _]?passe|senha|wachtwoord|heslo|пароль|密码|パスワード"
)
_KEY_OF = r"api|app|access|auth|account|private|encryption|decryption|signing|master|hmac|aes|jwt|session|cookie|shared"
_KEY = rf"token|(?:{_KEY_OF})[ _.-]?key|secret key|credentials?|webhook|(?<=_)auth"
_REST = r"(?P<rest>(?-i:s?(?:[_.-][\w.-]{0,40}|[A-Z0-9][\w.-]{0,40})?(?![a-z])))"
EXPRESSION = re.compile(rf"(?:(?P<key>{_KEY})|{_WORDS}|identified by){_REST}", re.IGNORECASE)
# token_type, secretName, PASSWORD_MIN_LENGTH: what they have is told to everybody.
_OF_SOMETHING_ELSE = re.compile(
    r".*(?:name|type|file|path|dir|ur[il]|host|length|len|size|count|ttl|timeout|expiry|policy|field|label|hint|prompt|"
    r"regex|pattern|algorithm|format|class|view|form|validator|hasher|provider|ref|version|encoding|header|prefix)s?",
    re.IGNORECASE,
)
_HINTS = (
    "pass", "pwd", "bindpw", "bind_pw", "kennwort", "contrase", "secret", "token", "key", "credential", "webhook",
    "_auth", "identified by", "pw", "psk", "senha", "wachtwoord", "heslo", "ароль", "密码", "パスワード",
)  # fmt: skip
_SMALL = {ord(letter): ord(letter.lower()) for letter in string.ascii_uppercase}


def is_of_something_else(rest: str) -> bool:
    """Whether a name that ends with `rest` is that of a property which is no secret."""
    return bool(_OF_SOMETHING_ELSE.fullmatch(rest))


def places(text: str) -> Iterator[tuple[int, int]]:
    """Where to look: the lines with such a name, each together with the next one. Most lines have none."""
    start, end = 0, -1
    for first, last in sorted(set(_lines(text))):
        if first > end + 1:
            if end >= 0:
                yield start, end
            start = first
        end = last
    if end >= 0:
        yield start, end


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """From the start of each line with a hint to the end of the next. Seven times as fast as an expression."""
    small = text.translate(_SMALL)
    for hint in _HINTS:
        at = small.find(hint)
        while at >= 0:
            line_end = _end_of_line(text, at)
            yield text.rfind("\n", 0, at) + 1, _end_of_line(text, line_end + 1)
            at = small.find(hint, line_end)


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return end if end >= 0 else len(text)
