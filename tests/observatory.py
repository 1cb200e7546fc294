"""The rules of the public observatory of headers (developer.mozilla.org/observatory): the points of each.

A page starts with 100 points and loses some for what is missing or wrong. What is better than needed gives points only
to a page that has 90 without them. 100 or more are an A+. Not asked here, because only the real site has it: the
certificate, and whether browsers have the name on their list of hosts with HTTPS only, which would give 5 more.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.cookies import Morsel, SimpleCookie

SIX_MONTHS = 15_768_000  # seconds
BROAD = {"ftp:", "http:", "https:", "*", "http://*", "http://*.*", "https://*", "https://*.*"}
INLINE = {"'unsafe-inline'", "data:"}
GRADES = {100: "A+", 90: "A", 85: "A-", 80: "B+", 70: "B", 65: "B-", 60: "C+", 50: "C", 45: "C-", 40: "D+", 30: "D"}
GRADES |= {25: "D-", 0: "F"}


@dataclass(frozen=True, kw_only=True)
class Page:
    """One answer by https. `headers` by lower-case name; `cookies` as they were set; `redirect`: where http is sent."""

    address: str
    status: int
    headers: Mapping[str, str]
    cookies: Sequence[str] = ()
    html: str = ""
    redirect: str = ""


@dataclass(frozen=True, kw_only=True)
class Report:
    """The points of each rule, and what becomes of them."""

    points: Mapping[str, int] = field(default_factory=dict)

    @property
    def score(self) -> int:
        lost = 100 + sum(points for points in self.points.values() if points < 0)
        bonus = sum(points for points in self.points.values() if points > 0)
        return max(lost + (bonus if lost >= 90 else 0), 0)

    @property
    def grade(self) -> str:
        return next(grade for least, grade in GRADES.items() if self.score >= least)


def scan(page: Page) -> Report:
    rules = {
        "content-security-policy": policy(page),
        "cookies": cookies(page),
        "cross-origin-resource-sharing": sharing(page),
        "cross-origin-resource-policy": resource_policy(page),
        "redirection": redirection(page),
        "referrer-policy": referrer(page),
        "strict-transport-security": transport(page),
        "subresource-integrity": integrity(page),
        "x-content-type-options": 0 if page.headers.get("x-content-type-options", "").lower() == "nosniff" else -5,
        "x-frame-options": framing(page),
    }
    return Report(points=rules)


def policy(page: Page) -> int:
    """Of several mistakes the first of this list counts."""
    sources = directives(page)
    if not sources:
        return -25
    default = sources.get("default-src", {"*"})
    scripts, styles = sources.get("script-src", default), sources.get("style-src", default)
    if any(source.startswith(("'nonce-", "'sha")) for source in scripts):
        scripts = scripts - {"'unsafe-inline'"}  # browsers ignore it then
    passive = sources.get("img-src", default) | sources.get("media-src", default)
    active = set().union(*(of for name, of in sources.items() if name not in ("img-src", "media-src")))
    insecure = ("http:", "ftp:")
    found = [
        (-20, scripts & (BROAD | INLINE) or sources.get("object-src", default) & BROAD),
        (-20, any(source.startswith(insecure) for source in active)),
        (-10, "'unsafe-eval'" in scripts | styles),
        (-10, any(source.startswith(insecure) for source in passive)),
        (0, styles & (BROAD | INLINE)),
        (10, default == {"'none'"}),
    ]
    return next((points for points, holds in found if holds), 5)


def directives(page: Page) -> dict[str, set[str]]:
    """Of each directive its sources."""
    parts = [part.split() for part in page.headers.get("content-security-policy", "").split(";")]
    return {name.lower(): set(rest) for name, *rest in filter(None, parts)}


def cookies(page: Page) -> int:
    return min((_cookie(page, cookie) for cookie in _cookies(page)), default=0)


def _cookie(page: Page, cookie: "Morsel[str]") -> int:
    name = cookie.key.lower()
    is_session, is_token = "sess" in name or "login" in name, "csrf" in name
    is_kept = transport(page) >= 0
    same_site = cookie["samesite"].lower()
    found = [
        (-40, is_session and not cookie["secure"] and not is_kept),
        (-30, is_session and not cookie["httponly"]),
        (-20, is_token and not same_site),
        (-20, same_site not in ("", "lax", "strict", "none") or (same_site == "none" and not cookie["secure"])),
        (-20, not cookie["secure"] and not is_kept),
        (-10, is_session and not cookie["secure"]),
        (-5, not cookie["secure"]),
        (0, not same_site),
    ]
    return next((points for points, holds in found if holds), 5)


def _cookies(page: Page) -> Iterator["Morsel[str]"]:
    for line in page.cookies:
        yield from SimpleCookie(line).values()


def sharing(page: Page) -> int:
    """The scanner sends an origin of its own: to be told back just that one, with credentials, opens everything."""
    allowed = page.headers.get("access-control-allow-origin", "")
    with_credentials = page.headers.get("access-control-allow-credentials", "").lower() == "true"
    return -50 if allowed and allowed != "*" and with_credentials else 0


def resource_policy(page: Page) -> int:
    value = page.headers.get("cross-origin-resource-policy", "cross-origin")
    return {"same-origin": 10, "same-site": 10, "cross-origin": 0}.get(value, -5)


def redirection(page: Page) -> int:
    """From http to the same host and path with https, at once."""
    if not page.redirect.startswith("https://"):
        return -20
    return 0 if page.redirect == page.address else -5


def referrer(page: Page) -> int:
    private = {"no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"}
    value = page.headers.get("referrer-policy", "")
    return 0 if not value else 5 if value.split(",")[-1].strip() in private else -5


def transport(page: Page) -> int:
    age = re.search(r"max-age=(\d+)", page.headers.get("strict-transport-security", ""))
    return -20 if age is None else 0 if int(age[1]) >= SIX_MONTHS else -10


def integrity(page: Page) -> int:
    """The worst script of another host; those of the site itself need no hash."""
    points = [0]
    for tag in re.findall(r"<script\b[^>]*\bsrc=[^>]*>", page.html):
        source = re.findall(r"src=[\"']?([^\"'\s>]+)", tag)[0]
        is_hashed = "integrity=" in tag
        if source.startswith(("http://", "//")):
            points.append(-20 if is_hashed else -50)
        elif source.startswith("https://"):
            points.append(0 if is_hashed else -5)
    return min(points)


def framing(page: Page) -> int:
    ancestors = directives(page).get("frame-ancestors")
    if ancestors and not ancestors & BROAD:
        return 5
    return 0 if page.headers.get("x-frame-options", "").upper() in ("DENY", "SAMEORIGIN") else -20
