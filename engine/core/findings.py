"""What is wrong with a file somebody wrote, said so that its author can mend it.

A finding names the place (file, line, column), the key, the problem and the remedy, in words for a person
who does not program. It never holds a value from a patient's record: findings are made from the clinic's own
campaigns and templates, before any contact is looked at.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend. `line` and `column` count from 1; 0 means that the place is not known.

    >>> print(Finding("campaigns/x.toml", 12, 3, "step.after", "“soon” is no time.", "Write 2 days."))
    campaigns/x.toml:12:3  step.after: “soon” is no time. Write 2 days.
    """

    file: str
    line: int
    column: int
    key: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        numbers = [str(number) for number in (self.line, self.column) if number > 0]
        place = ":".join([self.file, *numbers])
        subject = f"{self.key}: " if self.key else ""
        return f"{place}  {subject}{self.problem} {self.remedy}".rstrip()
