from django.apps import AppConfig


class RagConfig(AppConfig):
    name = "rag"
    verbose_name = "Assistants"

    def ready(self) -> None:
        from rag import checks  # noqa: F401, PLC0415 — registers them, once the models are there
