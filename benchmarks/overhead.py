"""What Docent takes before a model's first words: the whole path of a question, with a model that answers at once.

    taskset -c 0 python -m benchmarks.overhead [--questions 200]

From the POST that stores a question to the first text in its stream, through views, search and prompt, with a
PostgreSQL of its own on the same core and the questions of questions/. The question's vector is looked up, not made;
what the local model takes for it is told apart. Prints p50 and p95 of each stage, and the processor's time, which
other work on the machine does not change.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks import corpora, machine
from benchmarks.retrieval import indexed, measure

Times = dict[str, list[float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=200, help="how many are asked (%(default)s)")
    parser.add_argument("--corpora", nargs="+", default=["click", "huey"], choices=measure.CORPORA)
    options = parser.parse_args()
    # Each question is answered anew, also one that was asked before.
    os.environ |= {"LLM_PROVIDER": "fake", "RAG_ASK_RATE": "100000/second", "RAG_ANSWER_CACHE": "false"}
    with tempfile.TemporaryDirectory(prefix="docent-overhead-") as name, ExitStack() as running:
        folder = Path(name)
        folder.chmod(0o711)
        running.enter_context(measure.surroundings(folder))
        print(f"{machine.describe()}\n")
        for line in _lines(_measured(folder, options)):
            print(line)


def _measured(folder: Path, options: argparse.Namespace) -> Times:
    from portfolio.models import Project

    with indexed.serving(folder) as index:
        for name in options.corpora:
            index.add(name)
            Project.objects.filter(title=name).update(is_published=True)
        asked = [(name, question.text) for name in options.corpora for question in corpora.answered(name)]
        for _, text in asked:
            index.given.question(text)  # so that it is known
    times: Times = defaultdict(list)
    for _, text in asked[: options.questions]:
        started = time.perf_counter()
        index.model.embed_query(text)
        times["besides: the question's vector, by the local model"].append(time.perf_counter() - started)
    with _stages(times):
        for number in range(options.questions + 10):
            name, text = asked[number % len(asked)]
            _ask(Project.objects.get(title=name), text, times)
            if number == 9:
                before = time.process_time(), _postgres_seconds(folder)
                for stage, seconds in times.items():
                    if not stage.startswith("besides"):
                        seconds.clear()  # the first ones load templates and fill caches
    after = time.process_time(), _postgres_seconds(folder)
    spent = ((end - begin) / options.questions * 1e3 for begin, end in zip(before, after, strict=True))
    print("Processor time of a question to its end: Docent {:.1f} ms, PostgreSQL {:.1f} ms\n".format(*spent))
    return times


def _postgres_seconds(folder: Path) -> float:
    """Processor time so far of the server's processes, also of those that have ended."""
    postmaster = (folder / "postgres" / "data" / "postmaster.pid").read_text().split()[0]
    fields = [each.read_text().rpartition(")")[2].split() for each in Path("/proc").glob("[0-9]*/stat")]
    ours = [each for each in fields if each[1] == postmaster]
    own = Path(f"/proc/{postmaster}/stat").read_text().rpartition(")")[2].split()
    ticks = sum(int(each[11]) + int(each[12]) for each in ours) + sum(map(int, own[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _ask(project: Any, question: str, times: Times) -> None:
    """As a browser does, without a network between."""
    from django.test import Client
    from django.urls import reverse

    client = Client(SERVER_NAME="localhost")
    started = time.perf_counter()
    page = client.post(reverse("chat", args=[project.slug]), {"question": question}, headers={"HX-Request": "true"})
    times["POST: stored, and its page"].append(time.perf_counter() - started)
    address = page.content.decode().partition('sse-connect="')[2].partition('"')[0]
    began, used = time.perf_counter(), time.process_time()
    response = client.get(address)
    stream = iter(response.streaming_content)
    while not next(stream).startswith(b"event: text"):
        pass
    ended = time.perf_counter()
    times["GET: until the first words, Docent's processor time"].append(time.process_time() - used)
    for _ in stream:
        pass
    response.close()
    times["GET: until the first words"].append(ended - began)
    times["both"].append(ended - started)


@contextmanager
def _stages(times: Times) -> Iterator[None]:
    from rag import prompts, routing
    from rag.answers import drafts
    from rag.retrieval import candidates, ranking

    with ExitStack() as running:
        for owner, function in (
            (drafts.Draft, "history"), (drafts.Draft, "live_revision"), (candidates, "find"), (ranking, "rank"),
            (routing, "route"), (prompts, "build"), (drafts.Draft, "use"),
        ):  # fmt: skip
            name = f"{owner.__name__.removeprefix('rag.')}.{function}"
            original = getattr(owner, function)
            running.enter_context(mock.patch.object(owner, function, _timed(original, times[f"  {name}"])))
        yield


def _timed(function: Callable[..., Any], seconds: list[float]) -> Callable[..., Any]:
    def timed(*arguments: Any, **options: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*arguments, **options)
        finally:
            seconds.append(time.perf_counter() - started)

    return timed


def _lines(times: Times) -> Iterator[str]:
    yield "| stage | p50 | p95 |\n|---|---|---|"
    for stage, seconds in times.items():
        cuts = _quantiles(seconds)
        yield f"| {stage} | {cuts[49] * 1e3:.1f} ms | {cuts[94] * 1e3:.1f} ms |"


def _quantiles(seconds: Sequence[float]) -> list[float]:
    return statistics.quantiles(seconds, n=100, method="inclusive")


if __name__ == "__main__":
    main()
