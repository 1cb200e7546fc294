"""Migrations as whoever upgrades meets them."""

import re
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db.migrations import AddField, Migration
from django.db.migrations.loader import MigrationLoader
from django.db.models import NOT_PROVIDED

OURS = ("portfolio", "rag")
# Of the time before, whose columns the version before them could not write.
OLD = {"portfolio": 4, "rag": 12}


def migrations() -> list[Migration]:
    """Ours, without the first ones, in order."""
    everything = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
    return [everything[app, name] for app, name in sorted(everything) if app in OURS and not name.startswith("0001")]


@pytest.mark.django_db
def test_every_change_of_a_model_has_its_migration() -> None:
    call_command("makemigrations", check=True, dry_run=True)


@pytest.mark.parametrize("migration", migrations(), ids=str)
def test_each_can_be_taken_back(migration: Migration) -> None:
    assert all(operation.reversible for operation in migration.operations)


def test_each_has_its_line_in_the_upgrade_notes() -> None:
    notes = (settings.BASE_DIR / "docs/UPGRADING.md").read_text()

    assert set(re.findall(r"^\| `([\w.]+)` \|", notes, re.MULTILINE)) == {str(migration) for migration in migrations()}


def test_a_new_column_lets_the_version_before_write() -> None:
    assert [*unwritable()] == []


def unwritable() -> Iterator[str]:
    for migration in migrations():
        new = int(migration.name[:4]) > OLD[migration.app_label]
        for added in (each for each in migration.operations if new and isinstance(each, AddField)):
            if not added.field.null and added.field.db_default is NOT_PROVIDED:
                yield f"{migration}: {added.model_name}.{added.name}"
