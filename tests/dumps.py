"""The whole database as pg_dump writes it, which is what is kept and handed on.

The requirements of development bring a pg_dump, also where the database is one of one's own. It reads no server that is
newer than itself; then the one on the PATH is asked.
"""

import re
import shutil
import subprocess

from django.db import connection

from config import postgres_programs


def dump() -> str:
    """Everything that is committed, as SQL. Raises AssertionError when no pg_dump can read this server."""
    said = []
    for program in (str(postgres_programs.folder() / "pg_dump"), shutil.which("pg_dump")):
        if program:
            done = subprocess.run([program], env=_environment(), capture_output=True, text=True, check=False)
            if done.returncode == 0:
                return done.stdout
            said.append(done.stderr)
    raise AssertionError(f"No pg_dump could read the database. Install that of its version. {said}")


def tables_with(word: str, dumped: str) -> set[str]:
    """The tables of a dump with rows that hold `word`, in small letters, as text or as bytes."""
    parts = re.split(r"^COPY public\.(\w+) .*$", dumped, flags=re.MULTILINE)
    return {table for table, rows in zip(parts[1::2], parts[2::2], strict=True) if is_in(word, rows)}


def is_in(word: str, dumped: str) -> bool:
    return word in dumped.lower() or word.encode().hex() in dumped


def _environment() -> dict[str, str]:
    known = connection.settings_dict
    names = {"PGHOST": "HOST", "PGPORT": "PORT", "PGUSER": "USER", "PGPASSWORD": "PASSWORD", "PGDATABASE": "NAME"}
    return {"LC_ALL": "C"} | {name: str(known[key]) for name, key in names.items() if known[key]}
