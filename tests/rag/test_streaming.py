"""Server-sent events, and places for so many at once."""

import html
import logging
import re
from collections.abc import Generator
from typing import Any
from uuid import uuid4

import pytest
from django.core import signals
from django.db import close_old_connections, connection
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from rag import admission, answers, models, streaming
from tests import factories
from tests.rag.places import free

FILES = {"queue.py": "def claim_job(queue):\n    return queue.pop()"}


def parse(stream: bytes) -> list[tuple[str, str]]:
    """(event, data) as a browser reads them: comments and events without data are not delivered."""
    events = []
    for block in stream.decode().split("\n\n"):
        fields = [line.partition(": ") for line in block.split("\n") if line and not line.startswith(":")]
        name = next((value for key, _, value in fields if key == "event"), "message")
        data = [value for key, _, value in fields if key == "data"]
        if any(data):
            events.append((name, "\n".join(data)))
    return events


@pytest.fixture
def message(db: None) -> models.Message:
    project = factories.make_project()
    factories.make_live_revision(project, FILES)
    conversation = models.Conversation.objects.create(project=project)
    return models.Message.objects.create(conversation=conversation, question="What does claim_job pop from the queue?")


def close(response: HttpResponseBase) -> None:
    """As the server does it, but without the signal that would end the test's own transaction."""
    signals.request_finished.disconnect(close_old_connections)
    response.close()
    signals.request_finished.connect(close_old_connections)


def body(response: HttpResponseBase) -> bytes:
    assert isinstance(response, StreamingHttpResponse)
    return b"".join(response)


@given(st.text(min_size=1).filter(lambda text: text.strip("\r\n")))
def test_any_text_arrives_as_it_was_sent(text: str) -> None:
    clean = text.encode("utf-8", "replace").decode()
    sent = streaming.render(answers.Text(piece=clean))
    ((name, data),) = parse(sent)
    assert name == "text"
    assert html.unescape(data) == html.unescape(html.escape(re.sub(r"\r\n|\r", "\n", clean)))


@given(st.text().filter(lambda text: text.strip("\r\n")), st.sampled_from(["text", "message", "sources"]))
def test_any_data_is_one_event_of_its_name(text: str, name: str) -> None:
    assert parse(streaming.sse(name, text)) == [(name, re.sub(r"\r\n|\r", "\n", text))]


@given(st.lists(st.sampled_from([*"\r\n<>&\"' a:", "event: done", "data: x", "<script>"])).map("".join))
def test_no_text_forges_an_event_or_a_tag(text: str) -> None:
    sent = streaming.render(answers.Text(piece=text))
    assert {name for name, _ in parse(sent)} <= {"text"}
    assert b"<" not in sent
    assert sent.endswith(b"\n\n")


def test_a_beat_is_a_comment() -> None:
    assert streaming.render(answers.Beat()) == b": beat\n\n"


def test_a_stream_has_sources_text_message_and_done(message: models.Message) -> None:
    events = parse(body(streaming.respond(lambda: message)))
    names = [name for name, _ in events]
    assert names[0] == "sources"
    assert set(names[1:-2]) == {"text"}
    assert names[-2:] == ["message", "done"]


def test_the_sources_name_the_lines(message: models.Message) -> None:
    sources = dict(parse(body(streaming.respond(lambda: message))))["sources"]
    assert "queue.py" in sources
    assert "lines 1–2" in sources


def test_the_message_is_the_rendered_answer_with_its_citation(message: models.Message) -> None:
    rendered = dict(parse(body(streaming.respond(lambda: message))))["message"]
    assert f'id="message-{message.pk}"' in rendered
    assert 'class="citation"' in rendered


def test_a_question_that_was_removed_is_replaced_by_a_sentence(message: models.Message) -> None:
    mine = models.Message.objects.get(pk=message.pk)
    message.delete()
    (name, rendered), (last, _) = parse(body(streaming.respond(lambda: mine)))
    assert (name, last) == ("message", "done")
    assert f'id="message-{mine.pk}"' in rendered
    assert "<p>This question was removed.</p>" in rendered


@pytest.mark.django_db(transaction=True)
def test_no_connection_is_held_while_bytes_are_on_their_way(message: models.Message) -> None:
    connection.close()
    response = streaming.respond(lambda: message)
    assert isinstance(response, StreamingHttpResponse)
    held = [(sent, connection.connection is not None) for sent in response]
    names = {name for name, _ in parse(b"".join(sent for sent, _ in held))}
    assert names == {"sources", "text", "message", "done"}
    assert not any(is_held for _, is_held in held)


@pytest.mark.django_db(transaction=True)
def test_no_connection_is_held_by_whoever_watches(message: models.Message) -> None:
    answers.complete(message)
    response = streaming.respond(lambda: models.Message.objects.get(pk=message.pk))
    assert isinstance(response, StreamingHttpResponse)
    assert [connection.connection is not None for _ in response] == [False] * 3


def test_nothing_on_the_way_may_hold_it_back(message: models.Message) -> None:
    response = streaming.respond(lambda: message)
    assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-cache"
    assert response.headers["X-Accel-Buffering"] == "no"
    close(response)


def test_an_answer_that_is_complete_is_told_at_once(message: models.Message) -> None:
    answers.complete(message)
    assert [name for name, _ in parse(body(streaming.respond(lambda: message)))] == ["sources", "message", "done"]


def test_a_full_house_is_told_at_once(message: models.Message, two_places: None) -> None:
    waiting = [streaming.respond(lambda: message) for _ in range(2)]
    refused = streaming.respond(lambda: message)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    for response in waiting:
        close(response)


def test_a_full_house_is_logged_once_and_as_no_error(
    message: models.Message, two_places: None, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    project = message.conversation.project
    asked = {"question": message.question, "stream": "1"}
    client.post(reverse("chat", args=[project.slug]), asked, headers={"HX-Request": "true"})
    address = reverse("stream", args=[project.slug, models.Message.objects.exclude(pk=message.pk).get().pk])
    with admission.admitted(), admission.admitted(), caplog.at_level(logging.INFO):
        assert client.get(address).status_code == 503
    assert [(record.levelname, record.message) for record in caplog.records] == [("INFO", "All 2 places are taken.")]


@pytest.mark.django_db
def test_a_crowd_is_refused_without_a_look_at_the_database(
    two_places: None, client: Client, django_assert_num_queries: Any
) -> None:
    address = reverse("stream", args=["whatever", uuid4()])
    with admission.admitted(), admission.admitted(), django_assert_num_queries(0):
        assert client.get(address).status_code == 503


@pytest.mark.django_db
def test_a_question_that_is_not_there_takes_no_place(two_places: None, client: Client) -> None:
    for _ in range(3):
        assert client.get(reverse("stream", args=["whatever", uuid4()])).status_code == 404
    assert free(2)


def test_a_place_is_free_again_when_the_response_is_thrown_away(message: models.Message, two_places: None) -> None:
    streaming.respond(lambda: message)
    assert free(2)


def test_a_place_is_free_again_after_the_end(message: models.Message, two_places: None) -> None:
    body(streaming.respond(lambda: message))
    assert free(2)


def test_a_place_is_free_again_when_the_stream_never_began(message: models.Message, two_places: None) -> None:
    close(streaming.respond(lambda: message))
    assert free(2)


def test_a_place_is_free_again_when_the_visitor_leaves(message: models.Message, two_places: None) -> None:
    response = streaming.respond(lambda: message)
    assert isinstance(response, StreamingHttpResponse)
    next(iter(response))
    close(response)
    assert free(2)
    message.refresh_from_db()
    assert message.status == models.Message.Status.INTERRUPTED


def test_a_place_is_given_back_once_only(message: models.Message, two_places: None) -> None:
    response = streaming.respond(lambda: message)
    body(response)
    close(response)
    close(response)
    assert free(2)


def test_a_stream_that_is_stopped_while_it_watches_has_no_end_so_that_the_browser_comes_again(
    message: models.Message, two_places: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def stopped(_: models.Message) -> Generator[answers.Event]:
        yield answers.Beat()
        raise answers.Stopped

    monkeypatch.setattr(answers, "answer", stopped)
    assert parse(body(streaming.respond(lambda: message))) == []
    assert free(2) and not caplog.records


def test_a_stream_that_breaks_frees_its_place_and_sends_no_done(
    message: models.Message, two_places: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: models.Message) -> Generator[answers.Event]:
        yield answers.Text(piece="a")
        raise ZeroDivisionError

    monkeypatch.setattr(answers, "answer", broken)
    assert parse(body(streaming.respond(lambda: message))) == [("text", "a")]
    assert free(2)
