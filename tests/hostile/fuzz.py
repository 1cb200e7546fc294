"""Thousands of made-up requests to each operation of the API, from its own description: none may be an error of ours.

python -m tests.hostile.fuzz [CASES]   so many an operation, 1,000 by default
"""

import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import hypothesis
import schemathesis
from django.core.cache import cache
from django.core.handlers.wsgi import WSGIHandler
from django.test.utils import setup_test_environment
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Err
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from config.middleware import charset
from tests import conftest  # noqa: F401 — the settings of the tests
from tests.hostile import database, logs, questions

Operation = APIOperation[Any, Any, Any, Any]
Request = Case[Any]
DESCRIPTION = "/api/schema/"
ROUND = 100  # requests that are made from one seed, at most
MOST_ROUNDS, KINDS = 1_000, 4


@dataclass(kw_only=True)
class Seen:
    """What an operation answered: status → how often. `problems`: what was an error of ours or not as described."""

    operation: str
    statuses: Counter[int] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return self.statuses.total()

    @property
    def failed(self) -> int:
        return sum(count for status, count in self.statuses.items() if status >= 500)


def main(wanted: int) -> int:
    setup_test_environment(debug=False)
    logging.getLogger().handlers.clear()  # what is logged as an error is kept with its request
    started = time.monotonic()
    with database.opened():
        questions.prepare()
        seen = list(fuzzed(wanted))
        questions.clear()
    say("| Operation | requests | answers | 5xx | problems |\n|---|--:|---|--:|--:|")
    for each in seen:
        told = ", ".join(f"{status} × {count}" for status, count in sorted(each.statuses.items()))
        say(f"| {each.operation} | {each.count} | {told} | {each.failed} | {len(each.problems)} |")
    for problem in [problem for each in seen for problem in each.problems]:
        say(problem)
    say(f"\n{time.monotonic() - started:.0f} s")
    return 1 if any(each.problems for each in seen) else 0


def fuzzed(wanted: int) -> Iterator[Seen]:
    """`wanted` requests to each operation, valid and invalid, to the project `asked` and to others."""
    schema = schemathesis.openapi.from_wsgi(DESCRIPTION, charset.only_known(WSGIHandler()))
    for found in schema.get_all_operations():
        if isinstance(found, Err):
            raise found.err()
        operation = found.ok()
        seen = Seen(operation=operation.label)
        for seed in range(MOST_ROUNDS):
            if seen.count < wanted:
                _round(operation, seed, min(ROUND, wanted // KINDS, wanted - seen.count), seen)
        yield seen


def _round(operation: Operation, seed: int, most: int, seen: Seen) -> None:
    """Up to `most` requests of one of four kinds."""
    mode = (GenerationMode.NEGATIVE, GenerationMode.POSITIVE)[seed % 2]
    slug = {"slug": "asked"} if seed // 2 % 2 == 0 and operation.path_parameters else None

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=most, derandomize=False, database=None, deadline=None, phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )  # fmt: skip
    @hypothesis.given(operation.as_strategy(mode, path_parameters=slug))
    def send(case: Request) -> None:
        _sent(case, seen)

    with suppress(hypothesis.errors.Unsatisfiable):  # nothing about it could be invalid
        send()


def _sent(case: Request, seen: Seen) -> None:
    cache.clear()  # of how often was asked
    with logs.errors() as problems:
        response = case.call()
    seen.statuses[response.status_code] += 1
    if response.status_code >= 500:
        problems.append(f"{response.status_code}")
    if response.headers["content-type"] == ["application/json"]:  # else it is for none of the operations
        try:
            case.validate_response(response, checks=[response_schema_conformance, status_code_conformance])
        except FailureGroup as failures:
            problems += [str(failure) for failure in failures.exceptions]
    seen.problems += [f"{case.as_curl_command()}: {problem}" for problem in problems]


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000))
