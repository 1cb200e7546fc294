"""manage.py in a process that was forked from one which has imported the libraries: the same, a second sooner.

Nothing of the program itself is imported before the fork, so that each command reads its own environment.
"""

import os
import runpy
import sys
from multiprocessing import forkserver, get_context
from multiprocessing.context import ForkServerProcess

LIBRARIES = [
    "PIL.Image", "asyncio", "corsheaders", "django.contrib.admin.sites", "django.core.management",
    "django.db.backends.postgresql.base", "django.forms", "django.template.backends.django", "environ", "genai_prices",
    "httpx2", "jsonschema", "markdown_it", "nh3", "openai", "pgvector", "psycopg_pool", "pygments.lexers",
    "requests", "semble_grammars", "tiktoken", "tqdm", "tree_sitter", "whitenoise.middleware", "yaml",
]  # fmt: skip
_context = get_context("forkserver")
_context.set_forkserver_preload([*LIBRARIES, __name__])


def make_ready() -> None:
    """Start what is forked from, which keeps a folder of its own among the temporary ones."""
    forkserver.ensure_running()


def start(arguments: list[str], environment: dict[str, str], out: str, err: str) -> ForkServerProcess:
    """`manage.py` with these arguments, in this environment only; what it writes goes to the files `out` and `err`."""
    process = _context.Process(target=_run, args=(arguments, environment, out, err))
    process.start()
    return process


def _run(arguments: list[str], environment: dict[str, str], out: str, err: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    for number, name in ((1, out), (2, err)):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.argv = ["manage.py", *arguments]
    runpy.run_path("manage.py", run_name="__main__")
