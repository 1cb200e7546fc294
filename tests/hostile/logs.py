"""What is logged as an error."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

HANDLED = "django.security."  # refused by Django with 400, and noted as suspicious


@contextmanager
def errors() -> Iterator[list[str]]:
    """The errors that are logged meanwhile, as they stand in the log."""
    found: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if not record.name.startswith(HANDLED):
                found.append(logging.Formatter().format(record))

    keeper = Keeper(logging.ERROR)
    logging.getLogger().addHandler(keeper)
    try:
        yield found
    finally:
        logging.getLogger().removeHandler(keeper)
