"""What `nurture doctor` looks at before a clinic relies on it: each check says what it found, and what to do about it.

Every check only asks; none sends anything. What it finds holds no secret and nobody's data.
"""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"  # it works, or nothing needs it yet; somebody should look
    FAILED = "failed"  # it has to be mended
    NOT_CHECKED = "not_checked"  # it could not be looked at from here; the reason is said


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor's: what was looked at, how it stands, what was found, and what to do."""

    name: str
    verdict: Verdict
    found: str
    remedy: str = ""


def ok(name: str, found: str, remedy: str = "") -> Check:
    """It is as it should be."""
    return Check(name, Verdict.OK, found, remedy)


def warning(name: str, found: str, remedy: str) -> Check:
    """It should be looked at."""
    return Check(name, Verdict.WARNING, found, remedy)


def failed(name: str, found: str, remedy: str) -> Check:
    """It has to be mended."""
    return Check(name, Verdict.FAILED, found, remedy)


def not_checked(name: str, found: str, remedy: str = "") -> Check:
    """It could not be looked at: `found` says why."""
    return Check(name, Verdict.NOT_CHECKED, found, remedy)


def wrong(name: str, found: str, remedy: str, *, needed: bool) -> Check:
    """Something is wrong that matters once messages really leave: a failure then, before that a warning."""
    return Check(name, Verdict.FAILED if needed else Verdict.WARNING, found, remedy)
