"""The clinic that is killed: one text or one email to many, by few calls at a time, so most are not yet begun."""

from pathlib import Path

from tests.people import ROOT, project

CHUNK, CONCURRENCY = 8, 8  # as project/settings.toml has them
MOST_SENDING = CONCURRENCY + 2 * CHUNK  # docs/reliability.md: messages in doubt after one process was killed


def small(folder: Path) -> Path:
    """Its project folder."""
    return project(project(folder, "lean"), str(ROOT / "tests" / "crash" / "project"))
