"""A process that ticks, and kills itself at a named point. The crash tests start it; production has no such hooks.

python -m tests.crash.worker FOLDER URL NOW POINT NTH
"""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

import sqlalchemy as sa

from engine import sender
from engine import tick as ticking
from engine.providers import Carriers, Outcome, Outgoing
from engine.providers.mailbox import MailboxProvider
from engine.scheduler import decide_batch
from engine.store import outbox, sql
from tests.people import Clinic

# What is under way when the process dies.
STATEMENTS = {
    "deciding": "INSERT INTO message ",
    "before_intent": "INSERT INTO attempt ",
    "before_outcome": "UPDATE attempt ",
}
CALLS = ("after_intent", "during_call", "after_answer")
POINTS = ("deciding", "before_intent", *CALLS, "before_outcome")


class Death:
    """Comes with the n-th message."""

    def __init__(self, nth: int) -> None:
        self._left, self._lock = nth, Lock()

    def comes(self, by: int = 1) -> bool:
        """So many messages more; whether the last is among them."""
        with self._lock:
            before = self._left
            self._left -= by
            return before > 0 >= self._left

    def nearer(self, by: int = 1) -> None:
        """The same; with the last this never returns."""
        if self.comes(by):
            die()


def die() -> None:
    """As by `kill -9`: nothing is tidied up."""
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Deadly(MailboxProvider):
    """The mailbox, and death before or after it."""

    point: str = field(kw_only=True)
    death: Death = field(kw_only=True)

    def send(self, out: Outgoing, now: datetime) -> Outcome:
        """Hand it over."""
        if self.point == "after_intent":
            self.death.nearer()
        outcome = MailboxProvider.send(self, out, now)
        if self.point == "after_answer":
            self.death.nearer()
        return outcome


def at_statement(point: str, death: Death) -> None:
    """Have the process die as it is about to say this to the database."""
    really = sql.many

    def many(conn: sa.Connection, sql: str, values: Sequence[Sequence[Any]]) -> int:
        if " ".join(sql.split()).startswith(STATEMENTS[point]):
            death.nearer(len(values))
        return really(conn, sql, values)

    sql.many = many


def doom(clinic: Clinic, point: str, death: Death) -> None:
    """Have the process die there."""
    if point in STATEMENTS:
        at_statement(point, death)
    elif point == "during_call":
        really: Callable[..., None] = os.link

        def link(source: Any, target: Any) -> None:
            death.nearer()
            really(source, target)

        os.link = link  # type: ignore[assignment]
    clinic.carriers = Carriers.only(Deadly(clinic.folder / "mailbox", point=point, death=death))


def unwise(clinic: Clinic) -> None:
    """What an engine would do that calls first and commits its intent together with the outcome."""

    def step(house: Any, carriers: Any, now: Any, finished: Any, room: int, done: Any) -> list[Any]:
        with house.store.begin() as conn:
            ready = []
            for campaign in house.running(conn):
                _, decided = decide_batch(conn, house, campaign, now, room, done.filled)
                ready += sender.launch(conn, house, carriers, decided, now, done.sent)
            outcomes = [(item, item.provider.send(item.out, now)) for item in ready]
            sender.settle(conn, house, outcomes, now, done.sent)
        return []

    ticking._step = step


def together(clinic: Clinic) -> None:
    """Say that we are ready, wait for the word, then tick until nothing is due."""
    assert clinic.house.catalogue.findings == ()
    print("ready", flush=True)
    sys.stdin.readline()
    sent = 0
    while True:
        sent += clinic.tick().sent.sent
        with clinic.store.read() as conn:
            more = outbox.next_moment(conn, clinic.house.running())
        if more is None or more > clinic.now:
            break
    print(sent, flush=True)


def main(folder: str, url: str, now: str, point: str, nth: str) -> None:
    """One tick, or as much of it as there is time for."""
    clinic = Clinic(Path(folder), url, now=datetime.fromisoformat(now))
    if point == "together":
        together(clinic)
    else:
        if point.startswith("unwise "):
            unwise(clinic)
        doom(clinic, point.removeprefix("unwise "), Death(int(nth)))
        clinic.tick()
    clinic.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
