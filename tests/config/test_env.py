import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env
from tests.conftest import BASE_DIR

# Read by gunicorn, not by the settings.
READ_ELSEWHERE = {"PORT"}


def example() -> dict[str, str]:
    """Name → value, "#" in front of a value that is only shown."""
    found = re.findall(r"^(#?)([A-Z_]+)=(.*)$", (BASE_DIR / ".env.example").read_text(), re.MULTILINE)
    return {name: mark + value for mark, name, value in found}


def test_the_example_names_exactly_the_variables_that_are_read() -> None:
    assert set(example()) == set(env.variables) | READ_ELSEWHERE


def test_the_example_shows_the_defaults_of_production() -> None:
    script = "from config import env, settings; [print(v.name, v.default, sep='=') for v in env.variables.values()]"
    bare = {"ENV_FILE": os.devnull, "SECRET_KEY": "x", "DATABASE_URL": "postgresql://localhost/x"}
    run = subprocess.run(
        [sys.executable, "-c", script], env=bare, cwd=BASE_DIR, capture_output=True, text=True, check=True
    )
    defaults = dict(line.split("=", 1) for line in run.stdout.splitlines())
    defaults |= {name: value.lower() for name, value in defaults.items() if value in ("True", "False")}
    shown = {name: value[1:] for name, value in example().items() if len(value) > 1 and name not in READ_ELSEWHERE}
    shown = {name: value for name, value in shown.items() if example()[name].startswith("#")}
    assert shown == {name: defaults[name] for name in shown}


@pytest.mark.parametrize("raw", ["1", "true", "YES", " on "])
def test_a_flag_takes_the_usual_words(monkeypatch: pytest.MonkeyPatch, raw: str) -> None:
    monkeypatch.setenv("A_FLAG", raw)
    monkeypatch.setattr(env, "variables", {})
    assert env.flag("A_FLAG", False) is True


@pytest.mark.parametrize(
    ("read", "raw"),
    [
        (env.whole, "many"),
        (env.whole, "-1"),
        (env.whole, "1.5"),
        (env.number, "nan"),
        (env.flag, "perhaps"),
        (env.money, "two"),
        (env.money, "-1"),
        (env.money, "NaN"),
        (env.money, "1e9"),
    ],
)
def test_a_wrong_value_names_the_variable(monkeypatch: pytest.MonkeyPatch, read: type, raw: str) -> None:
    monkeypatch.setenv("A_SETTING", raw)
    monkeypatch.setattr(env, "variables", {})
    with pytest.raises(ImproperlyConfigured, match=f"A_SETTING='{raw}' cannot be used"):
        read("A_SETTING", 1)


def test_words_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_WORDS", "one, two,,three ")
    monkeypatch.setattr(env, "variables", {})
    assert env.words("SOME_WORDS") == ["one", "two", "three"]


def test_an_empty_value_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_NUMBER", " ")
    monkeypatch.setattr(env, "variables", {})
    assert env.number("A_NUMBER", 1.5) == 1.5


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FROM_BOTH=file\nFROM_FILE=file\n")
    monkeypatch.setenv("FROM_BOTH", "environment")
    monkeypatch.setenv("FROM_FILE", "")  # so that it is put back afterwards
    monkeypatch.delenv("FROM_FILE")
    env.load(tmp_path / ".env")
    assert (os.environ["FROM_BOTH"], os.environ["FROM_FILE"]) == ("environment", "file")
