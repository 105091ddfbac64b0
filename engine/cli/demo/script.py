"""What happens in the demo's year: thirty invented people, and what they and the clinic do, day by day."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 3, 5, 14, 0, tzinfo=UTC)  # a Thursday, nine in the morning at the clinic
END = START + timedelta(days=374)
KILL_AT = timedelta(days=8)  # ten in the morning in the eastern zone, when the eighth day's emails fall due


@dataclass(frozen=True, slots=True)
class Happens:
    """One thing that happens. `who` is an email address (or the number of somebody without one)."""

    at: datetime
    what: str  # event, reply, bounce or kill
    who: str
    words: str  # as the demo prints it
    kind: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    consent: str | None = None  # the form they agreed on


def _at(days: float, hours: float = 0) -> datetime:
    return START + timedelta(days=days, hours=hours)


def script() -> list[Happens]:
    """Everything that happens, in its order."""
    return sorted([*_ann(), *_bob(), *_dan(), *_others()], key=lambda h: h.at)


def _ann() -> Iterator[Happens]:
    ann = "ann.archer@example.com"
    first, second = _at(5, 1), _at(8, 1.5)
    visit = {"appointment": "A-1001"}
    yield Happens(
        _at(1, 2), "event", ann, "Ann books a consultation", "booking",
        {**visit, "starts_at": first.isoformat()}, "booking_2026",
    )  # fmt: skip
    yield Happens(
        _at(3, 3), "event", ann, "Ann's consultation is moved by three days", "reschedule",
        {**visit, "starts_at": second.isoformat()},
    )  # fmt: skip
    yield Happens(_at(8, 1.4), "event", ann, "Ann arrives", "arrived", visit)
    yield Happens(_at(9), "event", ann, "Ann has her treatment", "treatment", {"treatment": "T-1"}, "patient_2026")


def _bob() -> Iterator[Happens]:
    bob = "+16175550102"
    visit = {"appointment": "A-1002"}
    starts = _at(14, 2)
    yield Happens(
        _at(10, 1), "event", bob, "Bob (texts only) books", "booking",
        {**visit, "starts_at": starts.isoformat()}, "booking_2026",
    )  # fmt: skip
    yield Happens(starts, "event", bob, "Bob arrives", "arrived", visit)
    yield Happens(_at(20), "event", bob, "Bob has his treatment", "treatment", {"treatment": "T-2"}, "patient_2026")
    yield Happens(
        _at(60, 3),
        "reply",
        bob,
        "Bob asks a question by text",
        "Which shoes should I wear for the exercises?",
    )


def _dan() -> Iterator[Happens]:
    dan = "dan.dvorak@example.net"
    visit = {"appointment": "A-1003"}
    starts = _at(21, 4)
    yield Happens(_at(12, 3), "event", dan, "Dan asks to be contacted", "interest")
    yield Happens(
        _at(15, 2), "event", dan, "Dan (email only) books", "booking",
        {**visit, "starts_at": starts.isoformat()}, "booking_2026",
    )  # fmt: skip
    yield Happens(_at(21, 5), "event", dan, "Dan does not come", "no_show", visit)


def _others() -> Iterator[Happens]:
    yield Happens(_at(2, 5), "event", "eve.engel@example.com", "Eve asks to be contacted", "interest")
    yield Happens(_at(5, 4), "reply", "+15125550103", "Cat answers STOP to a text", "STOP")
    yield Happens(_at(5, 4.2), "reply", "+12035550111", "Lou asks for HELP", "HELP")
    yield Happens(KILL_AT + START, "kill", "", "The engine is killed while it hands messages over")
    yield Happens(_at(9, 5), "reply", "+17815550110", "The phone that Kim and Karl share answers STOP", "Stop.")
    yield Happens(_at(10, 2), "bounce", "finn.farrow@example.com", "An email to Finn bounces")
    yield Happens(_at(11, 6), "event", "vera.voss@example.org", "Vera is not interested any more", "not_interested")
    yield Happens(_at(13, 2), "reply", "+14155550113", "Ned writes in his own words", "please don't text me any more")


# How the mailbox fails during the demo, as settings.toml says it.
FAULTS = """
# The demo's own: how the mailbox fails for three of its people.
[[mailbox.faults]]
to       = "jay.jarvis@example.com"
outcome  = "try_later"
attempts = [1, 2]
detail   = "greylisted"

[[mailbox.faults]]
to       = "oda.olsen@example.com"
outcome  = "in_doubt"
attempts = [1]
accepted = true
detail   = "no answer within 10 seconds"

[[mailbox.faults]]
to       = "will.wong@example.com"
outcome  = "in_doubt"
attempts = [1]
accepted = false
detail   = "no answer within 10 seconds"
"""
