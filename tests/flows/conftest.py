"""The test clinic on a database of each kind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.people import Clinic, project


@pytest.fixture
def clinic(migrated_url: str, tmp_path: Path) -> Iterator[Clinic]:
    """A clinic where nothing has happened yet; Tuesday, ten in the morning."""
    opened = Clinic(project(tmp_path / "clinic"), migrated_url)
    yield opened
    opened.close()
