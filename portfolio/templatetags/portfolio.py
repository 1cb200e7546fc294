"""What the portfolio's templates call by name."""

from dataclasses import dataclass

from django import template
from django.utils.safestring import SafeString, mark_safe

from portfolio import covers, markdown
from portfolio.models import Project

register = template.Library()

OTHER = "Other"
LANGUAGES_SHOWN = 5
# As the best-known code host colours them; the others share a grey.
COLOURS = {
    "bash": "#6fbf3b", "c": "#6b6b6b", "clojure": "#db5855", "cpp": "#f34b7d", "csharp": "#178600", "css": "#663399",
    "dart": "#00b4ab", "elixir": "#6e4a7e", "go": "#00add8", "haskell": "#5e5086", "html": "#e34c26", "java": "#b07219",
    "javascript": "#e5c72b", "kotlin": "#a97bff", "lua": "#3a4fa5", "markdown": "#4a6fa5", "php": "#4f5d95",
    "python": "#3572a5", "ruby": "#b51d1d", "rust": "#cf8f6d", "scala": "#c22d40", "sql": "#d38c00",
    "swift": "#f05138", "tsx": "#3178c6", "typescript": "#3178c6", "vue": "#41b883",
}  # fmt: skip
NAMES = {
    "bash": "Shell", "cmake": "CMake", "cpp": "C++", "csharp": "C#", "css": "CSS", "graphql": "GraphQL", "hcl": "HCL",
    "html": "HTML", "ini": "INI", "javascript": "JavaScript", "json": "JSON", "objc": "Objective-C", "ocaml": "OCaml",
    "php": "PHP", "powershell": "PowerShell", "rst": "reStructuredText", "scss": "SCSS", "sql": "SQL", "toml": "TOML",
    "tsx": "TSX", "typescript": "TypeScript", "xml": "XML", "yaml": "YAML",
}  # fmt: skip
GREY = "#8a8f98"


@dataclass(frozen=True, kw_only=True)
class Share:
    """One language's part of the bar; `percentage` is its width and `start` where it begins, 0…100."""

    name: str
    colour: str
    percentage: float
    start: float


@register.filter
def assistant_state(project: Project) -> str:
    """One word for where a project's assistant stands; the templates and the stylesheets know these words."""
    rag = project.rag
    if not project.repository_url and not rag.can_answer:
        return "none"
    if rag.processing_status == rag.Status.PROCESSING:
        return "updating" if rag.can_answer else "processing"
    if rag.can_answer:
        return "ready"
    if rag.is_queued:
        return "queued"
    return str(rag.processing_status)


@register.filter(name="markdown")
def markdown_(text: str) -> SafeString:
    return markdown.render(text)


@register.simple_tag
def cover(project: Project) -> SafeString:
    return mark_safe(covers.svg(project.slug))  # noqa: S308 — numbers and our own colours


@register.inclusion_tag("portfolio/_languages.html")
def languages(sizes: dict[str, int]) -> dict[str, object]:
    """A bar and its legend. `sizes`: language → bytes."""
    return {"shares": shares(sizes)}


def shares(sizes: dict[str, int]) -> list[Share]:
    """The largest languages, and the rest together as "Other"."""
    named = sorted(((name or OTHER, size) for name, size in sizes.items()), key=lambda pair: (-pair[1], pair[0]))
    total = sum(size for _, size in named) or 1
    shown, rest = named[:LANGUAGES_SHOWN], sum(size for _, size in named[LANGUAGES_SHOWN:])
    found: list[Share] = []
    for name, size in [*shown, *([(OTHER, rest)] if rest else [])]:
        start = found[-1].start + found[-1].percentage if found else 0.0
        label = NAMES.get(name.lower(), name[:1].upper() + name[1:])
        colour = COLOURS.get(name.lower(), GREY)
        found.append(Share(name=label, colour=colour, percentage=100 * size / total, start=start))
    return found
