"""Passwords that are given to a command, or are the second of two words, the first of which is a user."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from rag.files.secrets import chance, values
from rag.files.secrets.kinds import Span

_WORD = r"[\"']?(?P<value>[^\s\"'|;&<>`]{8,200})"
_SOME = r"(?:[^\n]{0,100}? )?"
_USER = r"[^\s:,\"'%/=]{1,60}"


class _Command(NamedTuple):
    hints: tuple[str, ...]
    expression: re.Pattern[str]


def _command(hints: str, form: str) -> _Command:
    return _Command(tuple(hints.split(",")), re.compile(form))


_COMMANDS = (
    # -pPASSWORD, and with a space
    _command("sshpass,mysql,mariadb", rf"\b(?:sshpass|mysql\w{{0,10}}|mariadb\w{{0,10}}) {_SOME}-p ?{_WORD}"),
    _command(
        "docker login,podman login,twine,mongo,az login,influx",
        rf"\b(?:(?:docker|podman|az) login|twine upload|mongo\w{{0,8}}|influx) {_SOME}-p(?:assword)? {_WORD}",
    ),
    _command("7z", rf"\b7z \w {_SOME}-p{_WORD}"),
    _command("redis-cli", rf"\bredis-cli {_SOME}-a {_WORD}"),
    _command("sqlcmd,bcp ,zip ", rf"\b(?:sqlcmd|bcp|unzip|zip) {_SOME}-P {_WORD}"),
    _command("plink,pscp,putty", rf"\b(?:plink|pscp|putty) {_SOME}-pw {_WORD}"),
    _command("ldap", rf"\bldap\w{{1,10}} {_SOME}-w {_WORD}"),
    _command("openssl", rf"\bopenssl {_SOME}-(?:k|K|pass pass:) ?{_WORD}"),
    _command("ssh-keygen", rf"\bssh-keygen {_SOME}-N {_WORD}"),
    _command("keytool,jarsigner", rf"\b(?:keytool|jarsigner) {_SOME}-(?:store|key)pass {_WORD}"),
    _command("-keypass", rf" -keypass {_WORD}"),
    _command("htpasswd", rf"\bhtpasswd {_SOME}-\w{{0,4}}b\w{{0,4}} \S{{1,100}} {_USER} {_WORD}"),
    _command("rabbitmqctl", rf"\brabbitmqctl (?:add_user|change_password) {_USER} {_WORD}"),
    _command("net user", rf"\bnet user {_USER} {_WORD}"),
    _command("smbpasswd", rf"\bsmbpasswd {_SOME}<<< ?{_WORD}"),
    _command("requirepass,masterauth", rf"\b(?:requirepass|masterauth) {_WORD}"),
    _command("--from-literal", rf"\bsecret [^\n]{{0,200}}--from-literal[= ][\"']?[\w.-]{{1,60}}={_WORD}"),
    _command("secrets set", rf"\bsecrets set \w{{1,60}}={_WORD}"),
    # echo … | …
    _command("chpasswd", rf"\becho [\"']?{_USER}:(?P<value>[^\s\"'|]{{8,200}})[\"']? ?\| ?(?:sudo )?chpasswd"),
    _command(
        "sudo -S,-stdin",
        rf"\becho (?:-n )?{_WORD}[\"']? ?\| ?(?:sudo -S|\w{{1,20}} [^\n]{{0,60}}--?password-stdin)",
    ),
    # A user and a password
    _command("curl", rf"\bcurl {_SOME}-u[\"']?{_USER}:(?P<value>[^\s\"']{{8,200}})"),
    _command("http ", rf"\bhttps? {_SOME}-a {_USER}:{_WORD}"),
    _command("lftp", rf"\blftp {_SOME}-u {_USER},{_WORD}"),
    _command("smbclient", rf"\bsmbclient {_SOME}-U [\"']?{_USER}%{_WORD}"),
    _command("jdbc:oracle:", rf"jdbc:oracle:\w{{1,10}}:{_USER}/(?P<value>[^\s\"'@]{{6,100}})@"),
    _command("@tcp(", rf"[\"'`]{_USER}:(?P<value>[^\s\"'`]{{6,100}})@tcp\("),
    _command(" password ", rf"\blogin \S{{1,100}}\s{{1,20}}password {_WORD}"),
    _command("AUTH PLAIN", r"\bAUTH PLAIN (?P<value>[A-Za-z0-9+/]{12,400}={0,2})"),
    _command(
        "auth=(,Auth(,Credential",
        r"(?:\bauth\s?=\s?\(|(?:Auth|Credentials?)\()\s{0,8}[\"'][^\"'\n]{1,60}[\"'],\s{0,8}"
        r"[\"'](?P<value>[^\"'\s]{6,200})[\"']",
    ),
    _command(
        "ookie:",
        r"ookie: (?:[^\n]{0,200}?[ _-])?\w{0,20}(?:[Ss]ess\w{0,10}|sid|token|auth)=(?P<value>[\w%.~+/-]{16,400})",
    ),
    _command("set -gx ", rf"\bset -gx \w{{0,40}}(?:TOKEN|KEY|SECRET|PASS\w{{0,5}}) {_WORD}"),
    _command("configure set", rf"\bconfigure set \w{{0,20}}(?:secret|token)\w{{0,20}} {_WORD}"),
)  # fmt: skip


def found(text: str) -> Iterator[Span]:
    """What in `text` such a command is given and looks made by chance."""
    for command in _COMMANDS:
        if any(hint in text for hint in command.hints):
            for match in command.expression.finditer(text):
                if _is_secret(match["value"]):
                    yield Span(*match.span("value"), "password of a command")


def _is_secret(value: str) -> bool:
    is_word = values.is_secret(value, is_password=True, is_quoted=True)
    return is_word and chance.is_random(value, bits=2.5) and not value.startswith("$")
