"""The command line's own part."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

import manage

SCRIPT = """
import os, sys, manage
try:
    manage.main()
except SystemExit:
    print("niceness", os.nice(0))
"""


@pytest.mark.parametrize(("command", "expected"), [("process_rag_async", manage.POLITE), ("rag_status", 0)])
def test_processing_lets_pages_go_first(command: str, expected: int) -> None:
    environment = {"ENV_FILE": os.devnull, "DEBUG": "true", "DATABASE_URL": "postgresql://localhost/none"}
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, command, "--help"],
        cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert run.stdout.splitlines()[-1] == f"niceness {min(19, os.nice(0) + expected)}"
