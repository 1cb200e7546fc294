"""Rows that only the program writes."""

from typing import Any

from django.http import HttpRequest


class ReadOnly:
    """They are neither added nor edited."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
