"""Whether what is looked at after each case would be noticed if it were missing."""

import pytest

from rag import models
from rag.admin.files import SourceFileAdmin
from tests.hostile.cases import File
from tests.hostile.line import Line

pytestmark = pytest.mark.django_db
EMPTY = File(section="Sizes", name="0", content=b"", end="empty")


def test_an_admin_who_is_shown_no_file_is_noticed(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SourceFileAdmin, "get_queryset", lambda *_: models.SourceFile.objects.none())

    assert line.tried(EMPTY.case).unhandled == ["not shown: 1 files"]


def test_an_admin_who_is_told_another_reason_is_noticed(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SourceFileAdmin, "left_out", lambda *_: "lock file")

    assert line.tried(EMPTY.case).unhandled == ["shown with another reason: odd.py"]
