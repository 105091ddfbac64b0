"""A clinic that sends one text or one email to many, on a database of each kind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Databases
from tests.crash.small import small
from tests.people import Clinic


@pytest.fixture
def lean(migrated_url: str, tmp_path: Path) -> Iterator[Clinic]:
    """Chunks of 8, eight calls at a time."""
    clinic = Clinic(small(tmp_path / "clinic"), migrated_url)
    yield clinic
    clinic.close()


@pytest.fixture
def sqlite(databases: Databases, tmp_path: Path) -> Iterator[Clinic]:
    """The same on SQLite only."""
    clinic = Clinic(small(tmp_path / "clinic"), databases.new("sqlite", tmp_path, migrated=True))
    yield clinic
    clinic.close()
