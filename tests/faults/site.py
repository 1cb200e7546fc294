"""The site as visitors have it, a gunicorn of its own, and a visitor who reads an answer while it is being written."""

import re
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any

from django.conf import settings
from django.urls import reverse

from rag import models
from tests import providers
from tests.faults import cases, world
from tests.providers import dialects
from tests.rag.commands.conftest import wait_until

SECONDS = 60  # for a page, and for an answer
WORDS = [f"word{n} " for n in range(30)]
LONG = providers.Chat(WORDS, pause=0.1)  # an answer that takes three seconds
# What an answer holds while it is written: a place and a part of the budget.
LIMITS = {"RAG_CONCURRENT_QUESTIONS": "1", "RAG_DAILY_BUDGET_USD": "10", "LLM_FALLBACKS": "none"}


@dataclass(frozen=True)
class Server:
    """`process` is gunicorn's own, whose child serves."""

    address: str
    process: "subprocess.Popen[bytes]"


@dataclass
class Asked:
    """A question that is being answered. `seen`: what the visitor's browser has of it."""

    case: cases.Case
    server: Server
    browser: urllib.request.OpenerDirector
    message: models.Message
    stream: HTTPResponse
    seen: str = ""

    def read_until(self, text: str) -> None:
        while text not in self.seen:
            piece = self.stream.read1(1_000)
            assert piece, f"it ended: {self.seen}"
            self.seen += piece.decode()

    def read_on(self) -> None:
        """To the end. The message is as it is stored then."""
        self.seen += self.stream.read().decode()
        self.message.refresh_from_db()

    def ask_again(self) -> None:
        again = reverse("again", args=[self.case.project.slug, self.message.pk])
        assert post(self.browser, f"{self.server.address}{again}", self.chat) == 200
        assert models.Message.objects.get(conversation__project=self.case.project).status == "complete"

    @property
    def chat(self) -> str:
        return f"{self.server.address}{reverse('chat', args=[self.case.project.slug])}"


def by(provider: providers.Provider) -> dict[str, str]:
    """The settings with which that provider answers, through its own SDK."""
    own = {name: str(value) for name, value in provider.settings.items() if "EMBEDDING" not in name}
    return {"LLM_PROVIDER": provider.dialect.name, **own, **LIMITS}


@contextmanager
def answering(dialect: dialects.Dialect) -> Iterator[providers.Provider]:
    """A provider that takes its time for the first answer, and none for what it is asked besides."""
    with providers.serving(dialect) as provider:
        if dialect.name == "openai":  # which is asked for the question's vector before
            provider.plan(providers.Altered(lambda items: items))
        provider.plan(LONG)
        yield provider


@contextmanager
def serving(made: world.World, **changes: Any) -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "--config", "config/gunicorn.py", "config.wsgi"]
    command += ["--bind", f"127.0.0.1:{port}"]
    environment = made.environment(LOG_LEVEL="CRITICAL", **changes)
    with subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, stderr=subprocess.DEVNULL) as process:
        server = Server(f"http://127.0.0.1:{port}", process)
        try:
            wait_until(lambda: status(f"{server.address}/") == 200)
            yield server
        finally:
            process.terminate()


@contextmanager
def asked(case: cases.Case, server: Server) -> Iterator[Asked]:
    """A visitor's question, whose answer has begun."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    chat = f"{server.address}{reverse('chat', args=[case.project.slug])}"
    post(browser, chat, chat, question=cases.QUESTIONS[0], stream="1")
    message = models.Message.objects.get(conversation__project=case.project)
    address = f"{server.address}{reverse('stream', args=[case.project.slug, message.pk])}"
    with browser.open(address, timeout=SECONDS) as stream:
        begun = Asked(case=case, server=server, browser=browser, message=message, stream=stream)
        begun.read_until(WORDS[2])
        held = models.Hold.objects.filter(message_id=message.pk).count(), models.Place.objects.count()
        assert held == (1, 1), "nothing is held that could be released"
        yield begun


def assert_settled(asked: Asked) -> None:
    """However it ended: what the visitor saw is kept, paid for once, and nothing is held for it any more."""
    message = asked.message
    assert message.status in ("complete", "interrupted"), f"{message.status} {message.error_code}"
    written = "".join(re.findall(r"event: text\ndata: (.*)\n", asked.seen))
    assert message.answer and message.answer.strip() == written.strip(), (message.answer, asked.seen)
    assert [call.cost_usd > 0 for call in message.calls.all()] == [True]
    assert not models.Hold.objects.filter(message_id=message.pk).exists(), "money is held"
    assert not models.Allowance.objects.filter(held_usd__gt=0, scope=f"project:{asked.case.project.pk}").exists()
    assert not models.RememberedAnswer.objects.filter(message=message.pk, answered_at=None).exists(), "others wait"
    wait_until(lambda: not models.Place.objects.exists())  # the last thing, when the stream is closed


def post(browser: urllib.request.OpenerDirector, address: str, form: str, **fields: str) -> int:
    """As the form on the page `form` sends it."""
    with browser.open(form, timeout=SECONDS) as page:
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.read().decode())
    assert token is not None
    body = urllib.parse.urlencode({"csrfmiddlewaretoken": token[1], **fields}).encode()
    with browser.open(address, body, timeout=SECONDS) as response:
        return int(response.status)


def status(address: str) -> int:
    try:
        with urllib.request.urlopen(address, timeout=SECONDS) as response:
            response.read()
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0
