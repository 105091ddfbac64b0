"""What is wrong with a file somebody wrote, said so that its author can mend it.

A finding names the place (file, line, column), the key, the problem and the remedy, in words for a person
who does not program. It never holds a value from a patient's record: findings are made from the clinic's own
campaigns and templates, before any contact is looked at.
"""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """What becomes of it."""

    ERROR = "error"  # refused: nothing is sent until it is mended
    WARNING = "warning"  # a person must have looked at it


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend. `line` and `column` count from 1; 0 means that the place is not known.

    What breaks a rule of content names it (`rule`: its id), the words that break it (`phrase`), and `why`.

    >>> print(Finding("campaigns/x.toml", 12, 3, "step.after", "“soon” is no time.", "Write 2 days."))
    campaigns/x.toml:12:3  step.after: “soon” is no time. Write 2 days.
    """

    file: str
    line: int
    column: int
    key: str
    problem: str
    remedy: str
    rule: str = ""
    severity: Severity = Severity.ERROR
    phrase: str = ""
    why: str = ""

    def __str__(self) -> str:
        numbers = [str(number) for number in (self.line, self.column) if number > 0]
        place = ":".join([self.file, *numbers])
        mark = "" if self.severity is Severity.ERROR else f"{self.severity}: "
        subject = f"{self.key}: " if self.key else ""
        reason = f" {self.why} ({self.rule})" if self.rule else ""
        return f"{place}  {mark}{subject}{self.problem}{reason} {self.remedy}".rstrip()
