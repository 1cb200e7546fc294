"""What the documentation says is so."""

import os
import re
import subprocess
import sys
from typing import get_type_hints

import pytest
from django.conf import settings

from rag.backups import records
from tests.rag.guide import GUIDE_VARIABLES

README = (settings.BASE_DIR / "README.md").read_text()
READ_BY_GUNICORN = {"PORT": "8000"}


def production_defaults() -> dict[str, str]:
    """Name → default as the settings read them where nothing is set."""
    script = "from config import env, settings; [print(v.name, v.default, sep='=') for v in env.variables.values()]"
    bare = {"ENV_FILE": os.devnull, "SECRET_KEY": "x", "DATABASE_URL": "postgresql://localhost/x"}
    command = [sys.executable, "-c", script]
    run = subprocess.run(command, env=bare, cwd=settings.BASE_DIR, capture_output=True, text=True, check=True)
    return dict(line.split("=", 1) for line in run.stdout.splitlines()) | READ_BY_GUNICORN


def test_the_configuration_table_names_every_variable_with_its_default() -> None:
    table = dict(re.findall(r"^\| `([A-Z_]+)` \| (?:`(.*?)`)? ?\|", README, re.MULTILINE))
    defaults = production_defaults()

    assert set(table) == set(defaults)
    assert {name: shown for name, shown in table.items() if shown} == {
        name: _written(defaults[name]) for name, shown in table.items() if shown
    }


def test_the_guides_variables_are_among_them() -> None:
    assert set(production_defaults()) >= GUIDE_VARIABLES


@pytest.mark.parametrize("path", re.findall(r"\]\((?!https?:)([^)#]+)\)", README))
def test_every_link_leads_to_a_file(path: str) -> None:
    assert (settings.BASE_DIR / path).exists()


@pytest.mark.parametrize("option", re.findall(r"^\| `(--[a-z-]+)", README, re.MULTILINE))
def test_every_option_is_one_of_the_command(option: str) -> None:
    command = (settings.BASE_DIR / "rag/management/commands/process_rag_async.py").read_text()

    assert f'"{option}"' in command


def _written(default: str) -> str:
    return {"False": "false", "True": "true"}.get(default, default).removesuffix(".0")


def test_every_value_of_a_backup_is_documented() -> None:
    document = (settings.BASE_DIR / "docs/BACKUPS.md").read_text()
    kinds = re.findall(r"^\| `([a-z_]+)` \| (.*) \|$", document, re.MULTILINE)

    told = {kind: set(re.findall(r"`([a-z_0-9]+)`", values)) for kind, values in kinds}

    known = {name: set(get_type_hints(kind)) for name, kind in records.KINDS.items()}
    known["project"] |= set(get_type_hints(records.Index))
    assert [(name, values - told[name]) for name, values in known.items() if values - told[name]] == []
