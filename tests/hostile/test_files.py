"""Whatever bytes a file has: it is indexed or left out with a reason, and the files beside it are indexed."""

import pytest

from tests.hostile import contents
from tests.hostile.cases import File
from tests.hostile.line import Line

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("file", list(contents.contents()), ids=lambda file: str(file.case))
def test_a_file(line: Line, file: File) -> None:
    seen = line.tried(file.case)

    assert seen.is_as_expected(file.case), seen
