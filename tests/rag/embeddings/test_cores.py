"""What a container may use, in the ways in which it is told."""

import os
from pathlib import Path

import pytest

from rag.embeddings import cores


@pytest.fixture(autouse=True)
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A computer of eight processors, without a limit."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    monkeypatch.setattr(cores, "CGROUPS", tmp_path)
    monkeypatch.delenv("RENDER_CPU_COUNT", raising=False)
    return tmp_path


def test_without_a_limit_it_is_all_of_them() -> None:
    assert cores.count() == 8


@pytest.mark.parametrize(("limit", "expected"), [("max 100000", 8), ("150000 100000", 2), ("5000 100000", 1)])
def test_a_control_group_limits_them(host: Path, limit: str, expected: int) -> None:
    (host / "cpu.max").write_text(f"{limit}\n")

    assert cores.count() == expected


@pytest.mark.parametrize(("quota", "expected"), [("-1", 8), ("300000", 3)])
def test_so_does_an_old_control_group(host: Path, quota: str, expected: int) -> None:
    (host / "cpu").mkdir()
    (host / "cpu" / "cpu.cfs_quota_us").write_text(quota)
    (host / "cpu" / "cpu.cfs_period_us").write_text("100000")

    assert cores.count() == expected


@pytest.mark.parametrize(("told", "expected"), [("0.5", 1), ("2", 2), ("a few", 8)])
def test_render_tells_how_many(monkeypatch: pytest.MonkeyPatch, told: str, expected: int) -> None:
    monkeypatch.setenv("RENDER_CPU_COUNT", told)

    assert cores.count() == expected


def test_the_least_of_all_limits_holds(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (host / "cpu.max").write_text("200000 100000")
    monkeypatch.setenv("RENDER_CPU_COUNT", "4")

    assert cores.count() == 2
