"""A campaign as it was read: whom it takes, what ends it, when it may send, and its steps.

`engine.core.campaign_file.parse_campaign` makes one from the text of a file. No event's word is known here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import time
from typing import Literal

from engine.core.conditions import Condition
from engine.core.consent import Purpose
from engine.core.contact import Channel
from engine.core.findings import Finding
from engine.core.timing import Offset

Kind = Literal["after", "day", "before", "after_move"]
Doubt = Literal["resend", "hold"]


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to do a step. Without a channel it is a staff task; `template` is then its words."""

    channel: Channel | None
    template: str


@dataclass(frozen=True, slots=True)
class Late:
    """When a message has lost its point, from the first moment that law and window allowed (decision 5).

    Neither set: it is sent however late.

    >>> str(Late(begun=True))
    'skip once it has begun'
    """

    skip_after: Offset | None = None
    begun: bool = False  # nothing more once the anchor has begun

    def __str__(self) -> str:
        if self.begun:
            return "skip once it has begun"
        return "send" if self.skip_after is None else f"skip after {self.skip_after}"


LATE: dict[Kind, Late] = {  # where a step does not say (decision 5)
    "after": Late(skip_after=Offset(days=3)),
    "day": Late(skip_after=Offset(days=1)),
    "before": Late(begun=True),
    "after_move": Late(begun=True),
}


@dataclass(frozen=True, slots=True)
class Repeat:
    """The weekdays (Monday is 0) on which a `day` step comes again, for so many weeks from its day on."""

    weekdays: tuple[int, ...]
    weeks: int
    every: int = 1  # 2: in the first week, the third, the fifth ...


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `count` messages to a person in any `period`.

    >>> str(Cap(3, Offset(days=7)))
    '3 per 7 days'
    """

    count: int
    period: Offset

    def __str__(self) -> str:
        return f"{self.count} per {self.period}"


@dataclass(frozen=True, slots=True)
class Again:
    """May somebody who was enrolled before be enrolled again? Neither set: never."""

    always: bool = False
    after: Offset | None = None


@dataclass(frozen=True, slots=True)
class Enrol:
    """Which events enrol a person, and what the days of an enrolment are counted from."""

    on: tuple[str, ...]
    condition: Condition | None = None
    again: Again = field(default_factory=Again)  # means nothing together with `per`
    per: str | None = None  # the event's field that names the episode: "appointment"
    anchor: str | None = None  # "event.starts_at"; None: the moment of the event itself
    move: tuple[str, ...] = ()  # the events that move the anchor


@dataclass(frozen=True, slots=True)
class Exit:
    """Which events end it at once, and which of them counts as success."""

    on: tuple[str, ...] = ()
    goal: str | None = None


@dataclass(frozen=True, slots=True)
class SendWindow:
    """When the campaign itself likes to send, in the recipient's own time, inside what the law leaves."""

    days: frozenset[int] | None = None  # Monday is 0; None: every day
    hours: tuple[time, time] | None = None  # opening included, closing excluded; a closing of 00:00 is midnight
    avoid: str | None = None  # "US holidays"
    cap: Cap | None = None  # this campaign's own messages to one person


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of the plan. Its `key` is its identity: the send log knows it by nothing else."""

    key: str
    kind: Kind
    offset: Offset  # for `day`: so many days after the anchor's own day
    at: time | None
    repeat: Repeat | None
    choices: tuple[Choice, ...]  # the step's own first, then `else`, in the order to try them
    condition: Condition | None
    late: Late
    doubt: Doubt | None  # None: as the provider allows (decision 25)
    line: int  # where it stands in the file, from 1

    @property
    def task(self) -> str | None:
        """What staff are asked to do when no channel reaches the person; None: nothing."""
        return next((choice.template for choice in self.choices if choice.channel is None), None)


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign file, read and found sound. `version` names this very text: people are pinned to it."""

    name: str
    title: str
    purpose: Purpose
    owner: str | None
    priority: int  # the higher goes first when two want the same person on the same day
    enrol: Enrol
    exit: Exit
    send: SendWindow
    steps: tuple[Step, ...]
    version: str  # the first 16 hex digits of the text's SHA-256
    text: str = field(repr=False)
    chain: tuple[Step, ...] = field(init=False, repr=False, compare=False)  # the `after` steps, in file order
    anchored: tuple[Step, ...] = field(init=False, repr=False, compare=False)  # the others: due from the anchor
    _by_key: Mapping[str, Step] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "chain", tuple(step for step in self.steps if step.kind == "after"))
        object.__setattr__(self, "anchored", tuple(step for step in self.steps if step.kind != "after"))
        object.__setattr__(self, "_by_key", {step.key: step for step in self.steps})

    def step(self, key: str) -> Step | None:
        """The step of that key."""
        return self._by_key.get(key)


class Refused(Exception):
    """A campaign file that cannot be right. `findings`: every mistake in it, in the order of the file."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join(str(finding) for finding in self.findings))
