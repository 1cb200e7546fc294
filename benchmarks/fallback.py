"""What visitors see when a provider dies and comes back, at so many questions a second.

    python -m benchmarks.fallback [--rate 20] [--seconds 30]

Two servers of this computer stand for two providers, with the real SDKs, a database of its own and the whole path of an
answer but the browser. The first one dies in several ways; embeddings are the fake's. Prints the table of FALLBACK.md.
"""

import argparse
import io
import logging
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.retrieval import measure
from tests.providers import Chat, Drop, Hang, Provider, Refusal, dialects, serving

ALIVE = Chat(["It", " is", " there", " [1]."], pause=0.05)
DEATHS = {
    "accepts and is silent": Hang(60),
    "resets connections": Drop(),
    "503": Refusal(503),
    "429, come back in 30 s": Refusal(429, headers={"Retry-After": "30"}),
    "out of credit": Refusal(402),
}
QUESTIONS = ("What does claim_job pop from the queue?", "How is mail sent?", "Where does the queue lose a job?")
FILES = {"queue.py": "def claim_job(queue):\n    return queue.pop()\n", "mail.py": "def send_mail():\n    ...\n"}


@dataclass(frozen=True)
class Seen:
    """One question: when it was asked, seconds to its first words, and what is stored of it."""

    at: float
    seconds: float
    status: str
    provider: str
    detour: str


@dataclass
class Day:
    """What happened, in seconds of the monotonic clock."""

    died: float = 0.0
    recovered: float = 0.0
    seen: list[Seen] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=20.0, help="questions a second (%(default)s)")
    parser.add_argument("--seconds", type=float, default=30.0, help="of life, death, twice of life (%(default)s)")
    options = parser.parse_args()
    os.environ |= {"LLM_PROVIDER": "groq", "LLM_FALLBACKS": "together,extractive", "DATABASE_POOL_SIZE": "40"}
    os.environ["RAG_ANSWER_CACHE"] = "false"  # or a few questions asked often would not reach the providers
    with tempfile.TemporaryDirectory(prefix="docent-fallback-") as name, ExitStack() as running:
        folder = Path(name)
        folder.chmod(0o711)
        running.enter_context(measure.surroundings(folder, "fake"))
        first, second = (running.enter_context(serving(dialect)) for dialect in (dialects.GROQ, dialects.TOGETHER))
        logging.getLogger("rag").setLevel("ERROR")
        print(f"{options.rate:g} questions a second, {machine.describe()}\n", flush=True)
        for line in _lines(_set_up(folder, first, second), first, options):
            print(line, flush=True)


def _set_up(folder: Path, *servers: Provider) -> Any:
    """The project that is asked."""
    from django.conf import settings
    from django.core.management import call_command

    from benchmarks import corpora
    from portfolio.models import Project
    from rag.llm import fallback

    for server in servers:
        server.next_plan = lambda: ALIVE  # type: ignore[method-assign]
        for name, value in server.settings.items():
            setattr(settings, name, value)
    fallback.warm()
    (folder / "code").mkdir()
    for path, text in FILES.items():
        (folder / "code" / path).write_text(text)
    repository = corpora.commit(folder / "code", folder / "code.git")
    project = Project.objects.create(title="Queue", repository_url=str(repository))
    call_command("process_rag_async", project_id=project.pk, stdout=io.StringIO())
    return project


def _lines(project: Any, first: Provider, options: argparse.Namespace) -> Iterator[str]:
    titles = (
        "the first provider", "questions", "lost", "answered by the second", "by the passages", "first words before",
        "until it is passed over", "from then on", "after it is back", "back after",
    )  # fmt: skip
    yield f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}"
    for death, plan in DEATHS.items():
        day = _day(project, first, plan, options)
        yield _row(death, day)


def _day(project: Any, first: Provider, death: Any, options: argparse.Namespace) -> Day:
    from rag.llm import fallback

    fallback.breakers.forget()
    day, seconds = Day(), options.seconds
    with ThreadPoolExecutor(400) as pool:
        began = time.monotonic()
        for number in range(int(options.rate * seconds * 4)):
            due = began + number / options.rate
            time.sleep(max(0.0, due - time.monotonic()))
            if not day.died and due >= began + seconds:
                day.died, first.next_plan = time.monotonic(), lambda: death  # type: ignore[method-assign]
            if not day.recovered and due >= began + 2 * seconds:
                day.recovered, first.next_plan = time.monotonic(), lambda: ALIVE  # type: ignore[method-assign]
            pool.submit(_ask, project, QUESTIONS[number % len(QUESTIONS)], day)
    return day


_noting = threading.Lock()


def _ask(project: Any, question: str, day: Day) -> None:
    from rag import answers, models

    at, words = time.monotonic(), 0.0
    conversation = models.Conversation.objects.create(project=project)
    message = models.Message.objects.create(conversation=conversation, question=question)
    for event in answers.answer(message):
        if isinstance(event, answers.Text) and not words:
            words = time.monotonic() - at
    message.refresh_from_db()
    answers.release()
    with _noting:
        day.seen.append(Seen(at, words, message.status, message.provider, message.detour))


def _row(death: str, day: Day) -> str:
    passed_over = min((each.at for each in day.seen if "passed over" in each.detour), default=day.died)
    back = min((each.at for each in day.seen if each.at > day.recovered and each.provider == "groq"), default=0.0)
    phases = [
        [each for each in day.seen if begin <= each.at < end]
        for begin, end in ((0.0, day.died), (day.died, passed_over), (passed_over, day.recovered), (back, float("inf")))
    ]
    by = [each.provider for each in day.seen]
    lost = sum(each.status != "complete" for each in day.seen)
    cells = [
        death, str(len(by)), str(lost), str(by.count("together")), str(by.count("extractive")), *map(_times, phases),
        f"{back - day.recovered:.0f} s",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _times(seen: Sequence[Seen]) -> str:
    if len(seen) < 2:
        return "–"
    cuts = statistics.quantiles((each.seconds for each in seen), n=100, method="inclusive")
    return f"{cuts[49]:.2f} / {cuts[94]:.2f} s"


if __name__ == "__main__":
    main()
