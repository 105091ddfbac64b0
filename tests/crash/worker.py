"""A process that ticks, and kills itself at a named point. The crash tests start it; production has no such hooks.

python -m tests.crash.worker FOLDER URL NOW POINT NTH
"""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

import sqlalchemy as sa

from engine import sender
from engine.core.contact import Channel
from engine.providers import Evidence, Outcome, Outgoing
from engine.providers.mailbox import MailboxProvider
from engine.store import outbox
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

    def nearer(self, by: int = 1) -> None:
        """One message more; the last never returns."""
        with self._lock:
            self._left -= by
            if self._left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Deadly:
    """The mailbox, and death before or after it."""

    box: MailboxProvider
    point: str
    death: Death
    name: str = "mailbox"
    channels: frozenset[Channel] = frozenset(Channel)
    can_be_asked: bool = True

    def send(self, out: Outgoing, now: datetime) -> Outcome:
        """Hand it over."""
        if self.point == "after_intent":
            self.death.nearer()
        outcome = self.box.send(out, now)
        if self.point == "after_answer":
            self.death.nearer()
        return outcome

    def find(self, message: str, contact: str) -> Evidence:
        """Ask the mailbox."""
        return self.box.find(message, contact)


def doom(clinic: Clinic, point: str, death: Death) -> None:
    """Have the process die there."""
    box = MailboxProvider(clinic.folder / "mailbox")
    if point in STATEMENTS:

        def executing(_conn: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
            if statement.startswith(STATEMENTS[point]):
                death.nearer(len(parameters) if many else 1)

        sa.event.listen(clinic.store.engine, "before_cursor_execute", executing)
    elif point == "during_call":
        really: Callable[..., None] = os.link

        def link(source: Any, target: Any) -> None:
            death.nearer()
            really(source, target)

        os.link = link  # type: ignore[assignment]
    clinic.carriers = dict.fromkeys(Channel, Deadly(box, point, death))


def unwise(clinic: Clinic) -> None:
    """What an engine would do that calls first and commits its intent together with the outcome."""

    def deliver_batch(house: Any, providers: Any, ids: Any, now: Any) -> sender.Sent:
        result = sender.Sent()
        with house.store.begin() as conn:
            ready = sender._prepare(conn, house, providers, ids, now, result)
            outcomes = [item.provider.send(item.out, now) for item in ready]
            for item, outcome in zip(ready, outcomes, strict=True):
                sender._settle(conn, house, item, outcome, now, result)
        return result

    sender.deliver_batch = deliver_batch


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
