"""A clinic that sends one text to many, on a database of each kind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Databases
from tests.people import Clinic, project


@pytest.fixture
def lean(migrated_url: str, tmp_path: Path) -> Iterator[Clinic]:
    """Chunks of 16, four calls at a time."""
    clinic = Clinic(project(tmp_path / "clinic", "lean"), migrated_url)
    yield clinic
    clinic.close()


@pytest.fixture
def sqlite(databases: Databases, tmp_path: Path) -> Iterator[Clinic]:
    """The same on SQLite only."""
    clinic = Clinic(project(tmp_path / "clinic", "lean"), databases.new("sqlite", tmp_path, migrated=True))
    yield clinic
    clinic.close()
