"""Where the progress of a run goes: to a terminal as a bar, else as lines, or into the log."""

import io
import json
from collections.abc import Callable

import pytest
from django.test import override_settings

from config import logs
from portfolio.models import Project
from rag import reporting
from rag.worker import Outcome
from tests.config.test_logs import capturing


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("out", "form", "kind"),
    [
        (Terminal(), "json", reporting.Bar),
        (Terminal(), "line", reporting.Bar),
        (io.StringIO(), "line", reporting.Lines),
        (io.StringIO(), "json", reporting.Logged),
    ],
)
def test_who_watches_decides_what_is_seen(out: io.StringIO, form: str, kind: type[object]) -> None:
    with override_settings(LOG_FORMAT=form):
        assert isinstance(reporting.to(out), kind)


@pytest.mark.django_db
@override_settings(LOG_FORMAT="json")
def test_every_line_of_a_run_says_which_one_it_is(project: Project, run: Callable[..., Outcome]) -> None:
    with capturing(logs.Json()) as out:
        run(project, report=reporting.Logged())

    records = [json.loads(line) for line in out.getvalue().splitlines() if '"logger": "rag.' in line]
    revision = str(project.rag.live_revision_id)
    assert {record["project"] for record in records} == {"thing"}
    assert len({record["run"] for record in records}) == 1
    said = {record["message"]: record.get("revision") for record in records}
    assert (said["fetching"], said["embedding"], said["validating"]) == (None, revision, revision)
