"""What every failed call to a provider says: what happened and what to do, without secrets."""

from inspect import cleandoc
from typing import ClassVar

from rag import providers


class ProviderError(Exception):
    """A provider did not do what it was asked for. Each subclass's docstring is its sentence.

    `permanent`: asking again will not help until somebody acts. `code` is stored with what failed.
    """

    code: ClassVar[str]
    permanent: ClassVar[bool]

    def __init__(self, detail: str = "", *, retry_after: float | None = None) -> None:
        """`retry_after`: seconds the provider asks to wait."""
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after
        self.names = providers.UNNAMED  # of the settings to change; who knows the provider sets them

    def __str__(self) -> str:
        """The class's docstring, with the settings' names, then the detail."""
        sentence = " ".join(cleandoc(self.__doc__ or "").split())
        return f"{sentence.format_map(self.names)} {self.detail}".strip()
