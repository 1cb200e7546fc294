"""The JSON doors: the same projects, states and answers as on the pages, for a front end that lives elsewhere."""

from collections.abc import Mapping
from typing import IO, Any, NoReturn

from django.core.exceptions import RequestDataTooBig
from django.http import UnreadablePostError
from django.shortcuts import get_object_or_404
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework import exceptions, generics, pagination, parsers, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portfolio.models import Project, ProjectRAG
from rag import admission, answers, limits, models, questions, sources, visitors

RETRY_AFTER = 60  # seconds, as the sentences about a model that cannot answer say


class BodyTooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The request is too large. Send one question, and nothing else."
    default_code = "too_large"


class JSONParser(parsers.JSONParser):
    """Refuses what is nested deeper than Python's own reader goes."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise exceptions.ParseError("JSON parse error - it is nested too deeply") from error


class Pages(pagination.LimitOffsetPagination):
    """?limit= and ?offset=, as many at once as a page may hold; PostgreSQL refuses numbers without end."""

    default_limit = 50
    max_limit = 200


class AssistantSerializer(serializers.ModelSerializer[ProjectRAG]):
    commit = serializers.CharField(source="live_revision.commit_sha", default=None)
    files_seen = serializers.IntegerField(source="live_revision.files_seen", default=None)
    files_indexed = serializers.IntegerField(source="live_revision.files_indexed", default=None)
    can_answer = serializers.BooleanField(read_only=True)

    class Meta:
        model = ProjectRAG
        fields = (
            "processing_status", "progress_percentage", "processing_stage", "can_answer", "commit", "files_seen",
            "files_indexed", "finished_at",
        )  # fmt: skip


class ProjectSerializer(serializers.ModelSerializer[Project]):
    tags = serializers.ListField(child=serializers.CharField(), source="tag_list", read_only=True)
    assistant = AssistantSerializer(source="rag", read_only=True)
    repository_url = serializers.SerializerMethodField()

    class Meta:
        model = Project
        fields = ("slug", "title", "summary", "tags", "repository_url", "homepage_url", "assistant")

    def get_repository_url(self, project: Project) -> str:
        """Empty without one, and for a folder of the server: its path is nobody's business."""
        try:
            return sources.parse(project.repository_url).web_url
        except sources.SourceError:
            return ""


class QuestionSerializer(serializers.Serializer[Any]):
    question = serializers.CharField(allow_blank=True)

    def validate_question(self, raw: str) -> str:
        question = questions.cleaned(raw)
        if sentence := questions.problem(question):
            raise serializers.ValidationError(sentence)
        return question


class SourceSerializer(serializers.ModelSerializer[models.MessageSource]):
    class Meta:
        model = models.MessageSource
        fields = ("number", "path", "symbol", "start_line", "end_line", "commit_sha", "url", "score", "cited", "text")


class AnswerSerializer(serializers.ModelSerializer[models.Message]):
    sources = SourceSerializer(many=True, read_only=True)
    detail = serializers.SerializerMethodField(help_text="Why the answer is missing or incomplete; empty otherwise.")

    class Meta:
        model = models.Message
        fields = (
            "question", "answer", "status", "detail", "found", "confidence", "provider", "model", "first_answered_at",
            "sources",
        )  # fmt: skip
        extra_kwargs = {
            "first_answered_at": {
                "help_text": "When the same question had this answer before, from the same commit; null for a new one."
            }
        }

    def get_detail(self, message: models.Message) -> str:
        return answers.sentence(message)


class ProblemSerializer(serializers.Serializer[Any]):
    """Why a request is refused."""

    detail = serializers.CharField(help_text="A sentence for whoever asked.")
    code = serializers.CharField(required=False)


PROBLEM, PROBLEMS = ProblemSerializer, OpenApiTypes.OBJECT  # the latter by field, or one as `detail`


class ProjectList(generics.ListAPIView[Project]):
    """Every published project, with the state of its assistant."""

    queryset = Project.objects.published().with_assistants()
    serializer_class = ProjectSerializer
    pagination_class = Pages


@extend_schema(responses={200: ProjectSerializer, 404: PROBLEM})
class ProjectDetail(generics.RetrieveAPIView[Project]):
    """One published project."""

    queryset = Project.objects.published().with_assistants()
    serializer_class = ProjectSerializer
    lookup_field = "slug"


class Ask(APIView):
    """Answer one question about a project, with the lines that the answer cites.

    429 and 503 with Retry-After ask to come back: too many questions of one visitor, all places taken, or a model
    that cannot answer at the moment.
    """

    throttle_classes = [visitors.QuestionThrottle]
    parser_classes = [JSONParser]

    @extend_schema(
        request=QuestionSerializer,
        responses={200: AnswerSerializer, 400: PROBLEMS} | dict.fromkeys((404, 409, 413, 415, 429, 503), PROBLEM),
    )
    def post(self, request: Request, slug: str) -> Response:
        sent = request.data  # before the first query: whoever sends slowly would hold a connection to the database
        project = get_object_or_404(Project.objects.published().with_assistants(), slug=slug)
        if not project.rag.can_answer:
            return Response({"detail": "The code of this project has not been read yet."}, status.HTTP_409_CONFLICT)
        given = QuestionSerializer(data=sent)
        given.is_valid(raise_exception=True)
        try:
            visitor = visitors.address(request)
            with admission.admitted(visitor):
                limits.count_visitor(visitor)
                message = _answered(project, given.validated_data["question"])
        except limits.LimitReached as reached:
            headers = {"Retry-After": str(reached.retry_after)}
            detail = {"detail": str(reached), "code": reached.code}
            return Response(detail, status.HTTP_429_TOO_MANY_REQUESTS, headers=headers)
        except admission.Busy as busy:
            headers = {"Retry-After": str(busy.retry_after)}
            detail = {"detail": str(busy), "code": "busy"}
            return admission.expected(Response(detail, status.HTTP_503_SERVICE_UNAVAILABLE, headers=headers))
        code, headers = _outcome(message)
        return Response(AnswerSerializer(message).data, code, headers=headers)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, UnreadablePostError):
            exc = exceptions.ParseError("The request broke off.")
        return super().handle_exception(BodyTooLarge() if isinstance(exc, RequestDataTooBig) else exc)

    def throttled(self, request: Request, wait: float | None) -> NoReturn:
        """As every other refusal: a sentence and a code; the framework adds Retry-After."""
        refusal, said = exceptions.Throttled(wait), {"detail": visitors.TOO_MANY, "code": "visitor_rate"}
        refusal.detail = {name: exceptions.ErrorDetail(text) for name, text in said.items()}
        raise refusal


def _answered(project: Project, question: str) -> models.Message:
    conversation = models.Conversation.objects.create(project=project)
    return answers.complete(models.Message.objects.create(conversation=conversation, question=question))


def _outcome(message: models.Message) -> tuple[int, dict[str, str]]:
    """Status and headers: an answer that failed is no success, a part of one is."""
    if message.status != models.Message.Status.FAILED:
        return status.HTTP_200_OK, {}
    limited = message.error_code == "rate_limited"
    code = status.HTTP_429_TOO_MANY_REQUESTS if limited else status.HTTP_503_SERVICE_UNAVAILABLE
    return code, {"Retry-After": str(RETRY_AFTER)}


urlpatterns = [
    path("projects/", ProjectList.as_view(), name="api-projects"),
    path("projects/<slug:slug>/", ProjectDetail.as_view(), name="api-project"),
    path("projects/<slug:slug>/ask/", Ask.as_view(), name="api-ask"),
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
]
