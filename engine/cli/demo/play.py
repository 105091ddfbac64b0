"""Plays the script: turns the clock from one happening to the next and hands each to the verb that takes it."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from engine.cli.demo.script import END, START, Happens, script
from engine.cli.opening import Opened
from engine.core.contact import Channel
from engine.core.enrolment import Event
from engine.core.messages import Status
from engine.inbox import take_receipt, take_reply
from engine.intake import Granted, Incoming, Taken, Who, take_event
from engine.store import outbox, people, seeing
from engine.store.schema import message
from engine.tick import Ticked, turn

Say = Callable[[datetime, str], None]


@dataclass(slots=True)
class Played:
    """What the year came to, beyond what the send log holds."""

    ticks: int = 0
    abandoned: int = 0
    found: int = 0
    resent: int = 0
    killed: bool = False
    refs: dict[str, str] = field(default_factory=dict)  # address -> contact


def play(opened: Opened, say: Say, at: Callable[[datetime], None]) -> Played:
    """The whole year. `say` is told what happens, `at` where the clock stands."""
    played = Played()
    now = START
    for happening in script():
        # The killed process is to find the work of its minute undone.
        before = happening.at - timedelta(minutes=1) if happening.what == "kill" else happening.at
        _turn(opened, played, now, before, at)
        now = happening.at
        say(now, f"{happening.words}: “{happening.kind}”" if happening.what == "reply" else happening.words)
        _happen(opened, happening, played)
    _turn(opened, played, now, END, at)
    return played


def _turn(opened: Opened, played: Played, start: datetime, until: datetime, at: Callable[[datetime], None]) -> None:
    for ticked in turn(opened.house, opened.carriers, start, until):
        _count(played, ticked)
        at(ticked.now)


def _count(played: Played, ticked: Ticked) -> None:
    played.ticks += 1
    played.abandoned += ticked.swept.abandoned
    played.found += ticked.swept.found
    played.resent += ticked.swept.resent


def _happen(opened: Opened, happening: Happens, played: Played) -> None:
    if happening.what == "kill":
        played.killed = _kill(opened.settings.project, happening.at)
    elif happening.what == "reply":
        take_reply(opened.house, Channel.SMS, happening.who, happening.kind, "mailbox", _id(happening), happening.at)
    elif happening.what == "bounce":
        _bounce(opened, happening)
    else:
        _event(opened, happening, played)


def _id(happening: Happens) -> str:
    return f"demo-{happening.at:%Y%m%d%H%M}-{happening.what}-{happening.kind}"


def contact_of(opened: Opened, address: str) -> tuple[int, str]:
    """The first contact at an address."""
    channel = Channel.EMAIL if "@" in address else Channel.SMS
    with opened.store.read() as conn:
        contact_id = people.contacts_at(conn, opened.house.address_key(channel, address))[0]
        return contact_id, people.load_contacts(conn, [contact_id])[contact_id].ref


def _event(opened: Opened, happening: Happens, played: Played) -> Taken:
    _, ref = contact_of(opened, happening.who)
    played.refs[happening.who] = ref
    event = Event("clinic", _id(happening), happening.kind, happening.at, happening.data)
    granted = tuple(Granted(c, happening.consent) for c in Channel) if happening.consent else ()
    return take_event(opened.house, Incoming(event, Who(ref=ref), granted), happening.at)


def _bounce(opened: Opened, happening: Happens) -> None:
    """The provider reports that the last email to this person came back."""
    contact_id, _ = contact_of(opened, happening.who)
    query = (
        sa.select(message.c.ref)
        .where(
            outbox.of_contact(contact_id),
            message.c.channel == Channel.EMAIL,
            message.c.status == Status.SENT,
        )
        .order_by(message.c.id.desc())
    )
    with opened.store.read() as conn:
        ref = conn.execute(query).scalars().first()
    if ref is not None:
        take_receipt(opened.house, "mailbox", _id(happening), ref, "bounced", "5.1.1", happening.at, happening.at)


def _kill(project: Path, now: datetime) -> bool:
    """Run a tick in a process of its own that is killed (SIGKILL) while messages are being handed over."""
    command = [sys.executable, "-m", "engine.cli.demo.crash", str(project), now.isoformat(), "3"]
    return subprocess.run(command, capture_output=True, check=False).returncode == -9  # noqa: S603


def balance(opened: Opened) -> tuple[int, dict[str, int]]:
    """What fell due, and what became of it: the two sides of the account (decision 23)."""
    with opened.store.read() as conn:
        due = sum(seeing.decided(conn).values())
        became: dict[str, int] = {}
        for row in seeing.counts(conn):
            if row.campaign != "service":
                became[row.status] = became.get(row.status, 0) + row.n
    return due, became


def twice(folder: Path) -> int:
    """Messages that the mailbox accepted more than once: counted from its files, not from our log."""
    seen: dict[str, int] = {}
    for path in folder.glob("*/*.txt"):
        ref = path.stem.split("_")[3]
        seen[ref] = seen.get(ref, 0) + 1
    return sum(1 for n in seen.values() if n > 1)


__all__ = ["Played", "balance", "contact_of", "play", "twice"]
