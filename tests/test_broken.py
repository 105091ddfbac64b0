"""A mistake that a marketer would make, and what `nurture check` says of it: read by people, so kept in files.

Each folder in tests/golden/broken holds the files of one mistake; they are laid over the sound project in `_sound`.
What is said stands beside them, in check.txt. After a change: pytest tests/test_broken.py --update, and read it as
somebody would who has never programmed.
"""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.cli import app
from tests.conftest import GOLDEN, ROOT

FOLDER = GOLDEN / "broken"
SOUND = FOLDER / "_sound"
NAMES = sorted(path.name for path in FOLDER.iterdir() if path.is_dir() and path != SOUND)


def checked(project: Path, *laid_over: Path) -> str:
    """What `nurture check` says of the sound project with these files over it."""
    for folder in (SOUND, *laid_over):
        shutil.copytree(folder, project, dirs_exist_ok=True, ignore=shutil.ignore_patterns("check.txt"))
    for name in ("_layout", "service"):
        shutil.copytree(ROOT / "templates" / name, project / "templates" / name)
    result = CliRunner().invoke(app, ["--project", str(project), "check"], catch_exceptions=False)
    assert result.stderr == ""
    return result.stdout


def test_there_are_enough_of_them() -> None:
    assert len(NAMES) >= 50


def test_the_project_they_are_laid_over_is_sound(tmp_path: Path) -> None:
    assert re.fullmatch(r"3 campaigns and \d+ templates are in order\.\n", checked(tmp_path))


@pytest.mark.parametrize("name", NAMES)
def test_a_mistake_is_told_so_that_its_author_can_mend_it(
    name: str, tmp_path: Path, golden: Callable[[str, str], None]
) -> None:
    told = checked(tmp_path, FOLDER / name)
    assert "are in order." not in told, "nothing is found"
    assert str(tmp_path) not in told
    golden(f"broken/{name}/check.txt", told)
