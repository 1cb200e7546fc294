"""Faults happen where a test asks for them, and nowhere else."""

import ast
import os
import signal
import subprocess
import sys

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from pytest_django import Settings

from config import faults
from tests.conftest import BASE_DIR

PASSING = "import django; django.setup(); from config import faults; [faults.point('claimed') for _ in range(3)]"


def passed(**environment: str) -> subprocess.CompletedProcess[str]:
    """A process that passes the point `claimed` three times."""
    variables = {"ENV_FILE": os.devnull, "SECRET_KEY": "x", "DATABASE_URL": "postgresql://localhost/none"}
    variables |= {"DJANGO_SETTINGS_MODULE": "config.settings", **environment}
    command = [sys.executable, "-c", PASSING + "; print('alive')"]
    return subprocess.run(command, env=variables, cwd=BASE_DIR, capture_output=True, text=True, check=False)


def test_a_point_does_nothing_by_itself() -> None:
    assert faults._armed is None
    faults.point("claimed")


@pytest.mark.parametrize(("how", "ended"), [("KILL", -signal.SIGKILL), ("TERM", -signal.SIGTERM), ("RAISE", 1)])
def test_it_fails_at_the_passing_that_is_asked_for(how: str, ended: int) -> None:
    done = passed(DEBUG="true", FAULT_TESTING="yes", FAULT=f"claimed:3:{how}")

    assert done.returncode == ended
    assert f"Fault claimed:3:{how}" in done.stderr
    assert passed(DEBUG="true", FAULT_TESTING="yes", FAULT=f"claimed:4:{how}").stdout == "alive\n"


@pytest.mark.parametrize("allowing", [{}, {"DEBUG": "true"}, {"FAULT_TESTING": "yes"}], ids=str)
def test_it_is_not_heeded_outside_of_tests(allowing: dict[str, str]) -> None:
    assert passed(FAULT="claimed:1:KILL", **allowing).stdout == "alive\n"


def test_a_fault_in_production_is_an_error_of_every_command(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DEBUG = False
    monkeypatch.setenv("FAULT", "claimed:1:KILL")
    monkeypatch.setenv("FAULT_TESTING", "yes")

    with pytest.raises(SystemCheckError, match="FAULT is set outside of a test"):
        call_command("process_rag_async", skip_checks=False)


@pytest.mark.parametrize("wanted", ["", "claimed", "claimed:1", "nowhere:1:KILL", "claimed:0:KILL", "claimed:1:HOP"])
def test_a_fault_that_cannot_be_is_named(wanted: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="is not name:n:how"):
        faults.parsed(wanted)


def test_the_points_are_those_in_the_program() -> None:
    found = []
    for path in [*(BASE_DIR / "rag").rglob("*.py"), *(BASE_DIR / "portfolio").rglob("*.py")]:
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        found += [
            call.args[0].value
            for call in calls
            if ast.unparse(call.func) in ("faults.point", "point") and isinstance(call.args[0], ast.Constant)
        ]
    assert sorted(map(str, found)) == sorted(faults.POINTS)
