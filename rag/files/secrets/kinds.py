"""Secrets that are known by their form: most providers begin theirs with letters that nothing else begins with.

The forms are those that the providers publish, so that their keys can be found. Each is looked for only where one of
its hints stands, which costs a thousandth of trying the expression.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from rag.files.secrets import chance

# What is escaped (\\n, %3D) ends with a letter or digit, and is none.
_BEFORE, _AFTER = r"(?:(?<![A-Za-z0-9_])|(?<=\\[nrt])|(?<=%[0-9A-F]{2}))", r"(?![A-Za-z0-9_])"


class Span(NamedTuple):
    """Characters of a text that are to be masked."""

    start: int
    end: int
    kind: str


class Kind(NamedTuple):
    """`expression` has the secret as its first group. One that is not `certain` must also look made by chance."""

    name: str
    hints: tuple[str, ...]
    expression: re.Pattern[str]
    certain: bool = True


def _prefixed(name: str, hints: str, form: str, *, certain: bool = True) -> Kind:
    return Kind(name, tuple(hints.split()), re.compile(f"{_BEFORE}({form}){_AFTER}"), certain)


def _begun(name: str, beginning: str, rest: str, *, hint: str = "", certain: bool = True) -> Kind:
    """One that begins as many words do: the engine jumps from one to the next, and looks back only there."""
    before = f"(?:(?<![A-Za-z0-9_]{beginning})|(?<=\\\\[nrt]{beginning})|(?<=%[0-9A-F]{{2}}{beginning}))"
    return Kind(name, (hint or beginning,), re.compile(f"({beginning}{before}{rest}){_AFTER}"), certain)


def _within(name: str, hints: str, form: str, *, certain: bool = True) -> Kind:
    return Kind(name, tuple(hints.split()), re.compile(form), certain)


_OF_GITLAB = "pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|wt|soat|ffct"
_KINDS = (
    # Clouds
    _prefixed("AWS key id", "AKIA ASIA ABIA ACCA", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}"),
    _prefixed("Google key", "AIza GOCSPX- ya29.", r"AIza[\w-]{35}|GOCSPX-[\w-]{28}|ya29\.[\w-]{30,}"),
    _within("Azure key", "AccountKey= SharedAccessKey=", r"(?:Account|SharedAccess)Key=([A-Za-z0-9+/]{40,}={0,2})"),
    _within("Azure key", "==", r"==(?<=(?<![\w+/=-])([A-Za-z0-9+/]{86}==))"),
    _within("Azure secret", "Q~", rf"{_BEFORE}([\w~.-]{{3}}\dQ~[\w~.-]{{31,34}})(?![\w~.-])"),
    _within("Azure signature", "sig=", r"[?&]sig=([A-Za-z0-9%+/]{40,}={0,2})"),
    _prefixed("DigitalOcean token", "_v1_", r"do[oprt]_v1_[a-f0-9]{64}"),
    _prefixed("Heroku key", "HRKU-", r"HRKU-[\w-]{30,}"),
    _prefixed("Fly token", "fo1_ fm2_", r"fo1_[\w-]{40,}|fm2_[\w+/=-]{40,}"),
    _prefixed("hosting token", "nfp_ rnd_ sbp_ vcp_", r"(?:nfp|rnd|sbp|vcp)_[A-Za-z0-9]{24,}"),
    _prefixed("Supabase secret", "sb_secret_", r"sb_secret_[\w-]{20,}"),
    _prefixed("PlanetScale token", "pscale_", r"pscale_(?:tkn|pw|oauth)_[\w.=-]{30,}"),
    _prefixed("Databricks token", "dapi", r"dapi[a-f0-9]{32}(?:-\d)?"),
    _prefixed("Vault token", "hvs. hvb. hvr.", r"hv[sbr]\.[\w-]{24,}"),
    _within("Terraform token", ".atlasv1.", r"([A-Za-z0-9]{14}\.atlasv1\.[\w=-]{50,})"),
    _prefixed("Doppler token", "dp.", r"dp\.(?:pt|st|ct|sa|scim|audit)\.[\w.-]{40,}"),
    _prefixed("Pulumi token", "pul-", r"pul-[a-f0-9]{40}"),
    # Forges and registries
    _prefixed("GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_", r"gh[pousr]_[A-Za-z0-9_]{30,255}"),
    _prefixed("GitHub token", "github_pat_", r"github_pat_\w{30,255}"),
    _prefixed("GitLab token", "GR1348941 " + " ".join(f"gl{kind}-" for kind in _OF_GITLAB.split("|")),
              rf"gl(?:{_OF_GITLAB})-[\w.-]{{20,}}|GR1348941[\w-]{{20,}}"),
    _prefixed("Bitbucket token", "ATBB ATCTT3", r"ATBB[A-Za-z0-9]{24,}|ATCTT3[\w=-]{100,}"),
    _prefixed("Atlassian token", "ATATT3", r"ATATT3[\w=-]{60,}"),
    _prefixed("npm token", "npm_", r"npm_[A-Za-z0-9]{36}"),
    _prefixed("PyPI token", "pypi-", r"pypi-[\w-]{50,}"),
    _prefixed("registry token", "rubygems_ oy2 cio", r"rubygems_[a-f0-9]{48}|oy2[a-z0-9]{43}|cio[A-Za-z0-9]{32}",
              certain=False),
    _prefixed("Docker token", "dckr_", r"dckr_(?:pat|oat)_[\w-]{27,}"),
    # Models
    _prefixed("sk- key", "sk-", r"sk-[A-Za-z0-9_-]{20,}", certain=False),
    _prefixed("Groq key", "gsk_", r"gsk_[A-Za-z0-9]{40,}"),
    _prefixed("Hugging Face token", "hf_ api_org_", r"(?:hf|api_org)_[A-Za-z0-9]{30,}"),
    _prefixed("model provider's key", "r8_ xai- pplx- nvapi- tvly- pcsk_ lsv2_ tgp_v1_ fw_ csk-",
              r"(?:r8_|xai-|pplx-|nvapi-|tvly-|pcsk_|lsv2_|tgp_v1_|fw_|csk-)[\w-]{20,}", certain=False),
    # Services
    _prefixed("Slack token", "xoxa- xoxb- xoxc- xoxd- xoxe xoxo- xoxp- xoxr- xoxs- xapp-",
              r"(?:xox[a-z](?:\.xox[a-z])?|xapp)-[A-Za-z0-9-]{10,}"),
    _within("Slack webhook", "hooks.slack.com", r"hooks\.slack\.com/(?:services|workflows|triggers)/([\w/+-]{20,})"),
    _within("Discord webhook", "/api/webhooks/", r"/api/webhooks/(\d{15,}/[\w-]{40,})"),
    _begun("Discord token", "[MNO]", r"[\w-]{23,27}\.[\w-]{6}\.[\w-]{27,40}(?![.-])", hint=".", certain=False),
    _within("Teams webhook", ".webhook.office.com", r"\.webhook\.office\.com/webhookb2/([\w@/-]{60,})"),
    _within("Telegram token", ":", r"(\d(?<!\d\d)\d{7,9}:[A-Za-z0-9_-]{35})(?![\w-])", certain=False),
    _prefixed("Stripe key", "_live_ _test_ _prod_ whsec_",
              r"(?:sk|rk)_(?:live|test|prod)_[A-Za-z0-9]{10,}|whsec_[\w+/=]{24,}"),
    _prefixed("Square token", "sq0 EAAA", r"sq0[a-z]{3}-[\w-]{22,}|EAAA[\w-]{60,}"),
    _prefixed("Facebook token", "EAA", r"EAA[A-Za-z0-9]{80,}"),
    _prefixed("Shopify token", "shp", r"shp[a-z]{2}_[a-fA-F0-9]{32}"),
    _within("PayPal token", "access_token$", r"(access_token\$(?:production|sandbox)\$\w+\$\w+)"),
    _prefixed("Twilio key", "SK", r"SK[0-9a-fA-F]{32}"),
    _prefixed("SendGrid key", "SG.", r"SG\.[\w-]{16,32}\.[\w-]{16,64}"),
    _prefixed("Mailgun key", "key-", r"key-[0-9a-f]{32}"),
    _prefixed("Mailchimp key", "-us", r"[0-9a-f]{32}-us\d{1,2}"),
    _prefixed("mail provider's key", "xkeysib- xsmtpsib-", r"(?:xkeysib|xsmtpsib)-[a-f0-9]{64}-\w{16}"),
    _begun("mail provider's key", "re_", r"[A-Za-z0-9]{8}_[A-Za-z0-9]{20,}"),
    _prefixed("Grafana token", "glsa_ glc_", r"glsa_\w{32,}|glc_[A-Za-z0-9+/]{32,}={0,2}"),
    _prefixed("Sentry token", "sntry", r"sntry[su]_[A-Za-z0-9+/=_]{60,}"),
    _prefixed("New Relic key", "NRAK- NRII-", r"(?:NRAK-[A-Z0-9]{27}|NRII-[\w-]{32})"),
    _prefixed("Dynatrace token", "dt0", r"dt0[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    _prefixed("Postman key", "PMAK-", r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}"),
    _prefixed("Linear key", "lin_", r"lin_(?:api|oauth)_[A-Za-z0-9]{32,}"),
    _prefixed("Notion token", "ntn_ secret_", r"ntn_[A-Za-z0-9]{40,}|secret_[A-Za-z0-9]{43}"),
    _begun("Airtable token", "pat", r"[A-Za-z0-9]{14}\.[a-f0-9]{64}"),
    _prefixed("Figma token", "figd_", r"figd_[\w-]{40,}"),
    _prefixed("Dropbox token", "sl.", r"sl\.[\w-]{100,}"),
    _prefixed("Contentful token", "CFPAT-", r"CFPAT-[\w-]{40,}"),
    # Whatever it opens
    _prefixed("age key", "AGE-SECRET-KEY-1", r"AGE-SECRET-KEY-1[A-Z0-9]{50,}"),
    _prefixed("wallet's key", "nsec1 prv", r"nsec1[02-9ac-hj-np-z]{58}|[a-zA-Z]prv[1-9A-HJ-NP-Za-km-z]{100,112}"),
    _prefixed("Mapbox token", "sk.eyJ", r"sk\.eyJ[\w-]{20,}\.[\w-]{20,}"),
    _within("signed token", "eyJ", rf"{_BEFORE}(eyJ[\w-]{{8,}}={{0,2}}\.eyJ[\w-]{{8,}}={{0,2}}(?:\.[\w-]*)?)"),
    _within("hash of a password", "$", r"(\$(?:2[abxy]|5|6|y|argon2id?|apr1)\$[^\s\"'<>,;]{20,200})"),
    _within("token in an address", "://", r"https?://([\w-]{20,255})@[\w\[]", certain=False),
    _within("private key", '"kty"', r'"(?:d|k)"\s?:\s?"([\w-]{40,})"'),
    _within("key in an address", "key=", r"[?&]key=([\w-]{20,})", certain=False),
    _within("credentials of a request", "uthorization",
            r"\b[Aa]uthorization[\"']?\s?(?::\s?[\"']?|[=,]\s?[\"'])(?:[A-Za-z]{3,10} )?([\w.~+/-]{20,}={0,2})",
            certain=False),
    _within("credentials of a request", "asic", r"\b[Bb]asic ([A-Za-z0-9+/]{12,}={0,2})(?![\w+/=])", certain=False),
    _within("credentials of a request", "earer", r"\b[Bb]earer ([\w.~+/-]{20,}={0,2})", certain=False),
)  # fmt: skip
HINTS = frozenset(hint for kind in _KINDS for hint in kind.hints)


def found(text: str) -> Iterator[Span]:
    """What in `text` has the form of a secret."""
    for kind in _KINDS:
        if any(hint in text for hint in kind.hints):
            for match in kind.expression.finditer(text):
                if _is_one(kind, match[1]):
                    yield Span(*match.span(1), kind.name)
    yield from _logins(text)
    yield from _beside_their_ids(text)


def _is_one(kind: Kind, word: str) -> bool:
    return chance.is_real(word) if kind.certain else chance.is_random(word) and not chance.is_of_words(word)


def _logins(text: str) -> Iterator[Span]:
    """Passwords before a host's name. Those that are the user's name or stand for one open nothing."""
    for hint, expression, kind in _LOGINS:
        for match in expression.finditer(text) if hint in text else ():
            user, password = match.groups()
            if password != user and not chance.is_stand_in(password):
                yield Span(*match.span(2), kind)


def _beside_their_ids(text: str) -> Iterator[Span]:
    """AWS secrets have no mark of their own, but stand beside the id that has one."""
    if any(hint in text for hint in _KINDS[0].hints) and _KINDS[0].expression.search(text):
        for match in _AWS_SECRET.finditer(text):
            if chance.is_random(match[1]) and chance.has_every_sort(match[1]):
                yield Span(*match.span(1), "AWS secret")


_LOGINS = (
    (
        "://",
        re.compile(r"[A-Za-z][\w+.-]{1,20}://([^\s:/@\"'<>`]{0,100}):([^\s/\"'<>`]{4,200})@[\w\[{$]"),
        "password in an address",
    ),
    (
        "curl",
        re.compile(r"curl\s[^\n]{0,200}?(?:-u|--user)[ =][\"']?([^\s:\"']{1,100}):([^\s\"']{4,200})"),
        "password of a request",
    ),
)
_AWS_SECRET = re.compile(r"(?<![\w+/=])([A-Za-z0-9+/]{40})(?![\w+/=])")
