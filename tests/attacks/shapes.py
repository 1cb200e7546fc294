"""What a browser would make of a page: its elements, what they load, and where they lead."""

from html.parser import HTMLParser
from urllib.parse import urlsplit

LOADING = {"src", "srcset", "background", "poster", "data", "style", "action", "formaction", "ping"}


class Shape(HTMLParser):
    """Every element of a page with the names of its attributes, and where it leads or loads from."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: set[tuple[str, frozenset[str]]] = set()
        self.loads: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add((tag, frozenset(name for name, _ in attrs)))
        values = dict(attrs)
        self.loads += [value or "" for name, value in attrs if name in LOADING]
        self.loads += [values.get("href") or ""] if tag in ("link", "use", "image", "base") else []
        self.links += [values.get("href") or ""] if tag == "a" else []


def shape(page: str) -> Shape:
    found = Shape()
    found.feed(page)
    found.close()
    return found


def fetches(page: str) -> int:
    """What a browser would fetch elsewhere by itself."""
    return sum(bool(urlsplit(address).netloc) or address.startswith("data:") for address in shape(page).loads)
