#!/usr/bin/env python
"""The command line of the site; every command finds its database by itself."""

import os
import sys

POLITE = 10


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.conf import settings
    from django.core.management import execute_from_command_line

    from config import local_postgres

    with local_postgres.running(settings.LOCAL_POSTGRES_DIR):
        if sys.argv[1:2] == ["process_rag_async"]:
            os.nice(POLITE)  # where pages are served on the same core, they go first
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
