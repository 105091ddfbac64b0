"""A project folder that holds nothing but its settings."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def project(tmp_path: Path) -> Callable[[str], Path]:
    """A project folder with this settings.toml."""

    def write(text: str) -> Path:
        (tmp_path / "settings.toml").write_text(text, encoding="utf-8")
        return tmp_path

    return write
