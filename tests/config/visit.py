"""Visits pages as a process with the settings of production: `python -m tests.config.visit PATHS VISITOR`.

PATHS is JSON, kind → path; VISITOR is who has asked. Prints JSON: kind → the fields of `tests.observatory.Page`.
"""

import json
import sys
from typing import Any

from django.conf import settings

# Production names static files by their content, which wants them collected first; here they keep their names.
settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}

from django.db import connection  # noqa: E402
from django.http.response import HttpResponseBase  # noqa: E402
from django.test import Client  # noqa: E402

import config.wsgi  # noqa: E402, F401 — sets everything up, with the limits of pages
from rag import visitors  # noqa: E402

HOST = "docent.example"


def visit(path: str, visitor: str) -> dict[str, Any]:
    plain = browser(visitor).get(path)
    answer = browser(visitor).get(path, secure=True)
    return {
        "address": f"https://{HOST}{path}",
        "status": answer.status_code,
        "headers": headers(answer),
        "cookies": [morsel.OutputString() for morsel in answer.cookies.values()],
        "html": answer.text,
        "redirect": headers(plain).get("location", ""),
    }


def browser(visitor: str) -> Client:
    """Of somebody who has been here; the scanner names an origin of its own."""
    client = Client(SERVER_NAME=HOST, headers={"Origin": "https://observatory.example"})
    session = client.session
    session[visitors.SESSION_KEY] = visitor
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key or ""
    return client


def headers(response: HttpResponseBase) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


if __name__ == "__main__":
    print(json.dumps({kind: visit(path, sys.argv[2]) for kind, path in json.loads(sys.argv[1]).items()}))  # noqa: T201
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]
