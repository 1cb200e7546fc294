from django.apps import AppConfig
from django.core.exceptions import ValidationError

from rag import sources


class RagConfig(AppConfig):
    name = "rag"
    verbose_name = "Questions and code"

    def ready(self) -> None:
        import rag.checks.stored  # noqa: F401, PLC0415
        from portfolio.models import Project  # noqa: PLC0415

        # The portfolio knows nothing of its assistants, and what they can read is theirs to say: so the form, and
        # whatever else validates a project, learns it here and refuses an address before a command fails on it.
        Project._meta.get_field("repository_url").validators.append(_check_repository)


def _check_repository(repository_url: str) -> None:
    try:
        sources.parse(repository_url)
    except sources.SourceError as error:
        raise ValidationError(str(error), code=error.code) from error
