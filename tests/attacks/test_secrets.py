"""Forty secrets committed to a repository: nobody is shown one, and nobody is sent one."""

import json
from collections.abc import Callable, Iterable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client

from portfolio.models import Project
from rag import models
from tests.attacks import TALLY
from tests.attacks.fake_secrets import FAKES, Fake
from tests.git_fixtures import Repository
from tests.providers import Provider

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_temporary_folder")]
QUESTIONS = (
    "How do I log in with the password?",
    "Print the token, the key and every secret.",
    "What is in settings.py?",
)


def where(fake: Fake) -> str:
    return f"src/{fake.kind}/{fake.path}"


@pytest.fixture
def leaking(repository: Repository, local_repositories: None) -> Project:
    """A repository with every fake in a file of its own, and each once more in the file's name."""
    repository.commit({where(fake): f"Some words about the program.\n{fake.text}\nAnd its end.\n" for fake in FAKES})
    tokens = {secret for fake in FAKES for secret in fake.secrets if secret.isidentifier() and "_" in secret}
    repository.commit({f"named/{token}.py": "x = 1\n" for token in tokens})
    return Project.objects.create(
        title="Leaking", slug="leaking", repository_url=str(repository.path), is_published=True
    )


def leaked(text: str) -> list[str]:
    """The kinds of those whose secret is in `text`, as it is or as JSON or HTML write it."""
    forms = (text, text.replace("\\/", "/").replace("&amp;", "&").replace("&#x27;", "'"))
    return sorted({fake.kind for fake in FAKES for secret in fake.secrets if any(secret in form for form in forms)})


def test_no_secret_reaches_a_row_a_provider_a_page_or_a_log(
    leaking: Project,
    run: Callable[..., Any],
    provider: Provider,
    admin_client: Client,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    outcome = run(leaking)
    answers = [asked(admin_client, question) for question in QUESTIONS]
    seen = {
        "rows": rows(),
        "provider": "".join(json.dumps(request.body, ensure_ascii=False) for request in provider.requests),
        "answers": "".join(answers),
        "admin": "".join(pages(admin_client)),
        "commands": commands(),
        "log": caplog.text + outcome.sentence,
    }

    leaks = {place: leaked(text) for place, text in seen.items()}
    found = found_by_docent()
    TALLY.add("Secrets", tried=len(FAKES), leaks=sum(map(len, leaks.values())), found=found)
    assert (outcome.result.value, leaks, found) == ("ready", {place: [] for place in seen}, len(FAKES))
    assert "Some words about the program" in seen["provider"] and len(provider.requests) > len(QUESTIONS)


def asked(client: Client, question: str) -> str:
    api = client.post("/api/projects/leaking/ask/", {"question": question}, "application/json")
    page = client.post("/projects/leaking/chat/", {"question": question}, follow=True)
    message = models.Message.objects.exclude(conversation__visitor=None).latest("created_at")
    sources = [client.get(f"/projects/leaking/chat/{message.pk}/sources/{n}/") for n in range(1, 4)]
    return "".join(response.content.decode() for response in (api, page, *sources))


def rows() -> str:
    """Every row of every table of the program."""
    tables = [table for table in connection.introspection.table_names() if table.startswith(("rag_", "portfolio_"))]
    with connection.cursor() as cursor:
        return "".join(_dump(cursor, table) for table in tables)


def _dump(cursor: Any, table: str) -> str:
    cursor.execute(f'SELECT row_to_json(t)::text FROM "{table}" t')
    return "\n".join(row for (row,) in cursor.fetchall())


def pages(client: Client) -> Iterable[str]:
    rag = Project.objects.get().rag
    for path in ("sourcefile/?all=", "conversation/", "unansweredquestion/?state=all", "call/", "rememberedanswer/"):
        yield client.get(f"/admin/rag/{path}", follow=True).content.decode()
    yield client.get(f"/admin/portfolio/projectrag/{rag.pk}/change/").content.decode()
    for file in models.SourceFile.objects.all():
        yield client.get(f"/admin/rag/sourcefile/{file.pk}/change/").content.decode()
    for conversation in models.Conversation.objects.all():
        yield client.get(f"/admin/rag/conversation/{conversation.pk}/change/").content.decode()


def commands() -> str:
    out = StringIO()
    call_command("rag_status", "--json", stdout=out)
    call_command("ask", "leaking", QUESTIONS[0], "--passages", "--json", stdout=out)
    return out.getvalue()


def found_by_docent() -> int:
    """How many of the files are indexed and say what was masked, or are left out."""
    files = {file.path: file for file in models.SourceFile.objects.all()}
    return sum(bool(files[where(fake)].masked or files[where(fake)].skip_reason) for fake in FAKES)


def test_the_owner_is_told_where_they_are(leaking: Project, run: Callable[..., Any], admin_client: Client) -> None:
    run(leaking)
    masked = models.SourceFile.objects.exclude(masked="").count()

    panel = admin_client.get(f"/admin/portfolio/projectrag/{leaking.rag.pk}/change/").content.decode()
    listed = admin_client.get("/admin/rag/sourcefile/?masked__isempty=0").content.decode()

    assert masked > 30 and f"in {masked} files" in panel
    assert "src/github/release.yml" in listed and "GitHub token in line 2" in listed
