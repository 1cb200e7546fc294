"""Who asks: a visitor is an id in the session. Their conversations hang on it, and so does nothing else.

How often they may ask is counted by address, which no visitor can change as they can their cookies.
"""

import math
import uuid

from django.conf import settings
from django.contrib.auth.signals import user_logged_out
from django.db.models import QuerySet
from django.dispatch import receiver
from django.http import HttpRequest
from django.middleware.csrf import rotate_token
from django.utils.crypto import salted_hmac
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from portfolio import addresses
from portfolio.models import Project
from rag.models import Conversation, Message

SESSION_KEY = "visitor"
TOO_MANY = "These are many questions in a short time. Please wait a moment before the next one."


class QuestionThrottle(SimpleRateThrottle):
    """RAG_ASK_RATE for one address, through the pages and the API together; behind NUM_PROXIES proxies."""

    scope = "ask"

    def get_ident(self, request: Request) -> str:
        return addresses.household(str(super().get_ident(request)))

    def get_cache_key(self, request: Request, view: APIView) -> str:
        return str(self.cache_format % {"scope": self.scope, "ident": self.get_ident(request)})


def seconds_to_wait(request: HttpRequest) -> int:
    """Before another question can be asked; 0 when it is asked now, and counted."""
    throttle = QuestionThrottle()
    if throttle.allow_request(Request(request), APIView()):
        return 0
    return math.ceil(throttle.wait() or 1)


def address(request: HttpRequest | Request) -> str:
    """Who a day's questions are counted for, hidden: the address, which no visitor can change as they can cookies."""
    ident = QuestionThrottle().get_ident(request if isinstance(request, Request) else Request(request))
    return str(salted_hmac(f"{__name__}.address", ident, algorithm="sha256").hexdigest()[:32])


def messages(request: HttpRequest, project: Project) -> QuerySet[Message]:
    """What this visitor asked about this project; everybody else's is not there."""
    asked = Message.objects.select_related("conversation")
    visitor = _known(request)
    return asked.filter(conversation__visitor=visitor, conversation__project=project) if visitor else asked.none()


def conversation(request: HttpRequest, project: Project) -> Conversation:
    """The visitor's own about this project, begun when there is none; two questions at once begin the same one."""
    visitor = _known(request) or _remembered(request)
    return Conversation.objects.get_or_create(visitor=visitor, project=project)[0]


def forget(request: HttpRequest, project: Project) -> None:
    visitor = _known(request)
    if visitor:
        Conversation.objects.filter(visitor=visitor, project=project).delete()


@receiver(user_logged_out)
def _begin_anew(request: HttpRequest, **_: object) -> None:
    """Whoever comes next is somebody else, also for `_remembered`."""
    rotate_token(request)


def _known(request: HttpRequest) -> uuid.UUID | None:
    visitor = request.session.get(SESSION_KEY)
    return uuid.UUID(visitor) if visitor else None


def _remembered(request: HttpRequest) -> uuid.UUID:
    """The id of somebody new, in the session from now on: a question without scripts takes as long as its answer.

    First questions of two tabs come without a session and get one each, of which the browser keeps the later. Both have
    the secret of the forms they were written in, and so the same id.
    """
    secret = request.COOKIES.get(settings.CSRF_COOKIE_NAME)
    visitor = uuid.UUID(salted_hmac(__name__, secret, algorithm="sha256").hexdigest()[:32]) if secret else uuid.uuid4()
    request.session[SESSION_KEY] = str(visitor)
    request.session.save()
    return visitor
