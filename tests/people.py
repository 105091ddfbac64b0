"""A small clinic to try things in: a project folder, a database, a mailbox, a clock, four people.

Ann consents to everything. Bob can only be texted. Cat answered STOP. Dan has no phone.
"""

import hashlib
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from engine.catalogue import Catalogue, catalogue
from engine.config import Settings, load_settings
from engine.core.contact import Channel
from engine.core.enrolment import Event
from engine.house import House, open_house
from engine.inbox import Heard, take_receipt, take_reply
from engine.intake import Granted, Incoming, Taken, Who, take_event
from engine.providers import Carriers
from engine.providers.mailbox import Failure, Fault, MailboxProvider
from engine.store import Store, open_store, schema
from engine.tick import Ticked, tick, turn
from tests.core.moments import utc

ROOT = Path(__file__).parent.parent
DATA = Path(__file__).parent / "data"

ANN = Who(first_name="Ann", last_name="Lee", email="ann@example.com", phone="+16175550101", state="MA")
BOB = Who(first_name="Bob", last_name="Orr", phone="+16175550102", state="MA")
CAT = Who(first_name="Cat", last_name="Dee", email="cat@example.com", phone="+16175550103", state="MA")
DAN = Who(first_name="Dan", last_name="Fox", email="dan@example.org", state="MA")

WEB, DESK = "web", "desk"  # the consent forms: marketing; appointments and care
START = utc("Tue 2027-01-05 15:00")  # 10:00 in Boston, where they all live

_TAKEN = re.compile(r".*_(email|sms)_(?P<message>[a-z2-7]{16})_a(?P<attempt>\d+)(-\d+)?\.(eml|txt)")


@dataclass(frozen=True, slots=True)
class Letter:
    """One acceptance: a file in the mailbox."""

    message: str
    attempt: int
    path: Path

    @property
    def words(self) -> str:
        """As the person read it (an email's are in the .txt beside it)."""
        return self.path.with_suffix(".txt").read_text(encoding="utf-8")


def letters(folder: Path) -> list[Letter]:
    """Everything a mailbox ever accepted."""
    found = []
    for path in sorted(folder.glob("*/*")):
        hit = _TAKEN.fullmatch(path.name)
        if hit and hit[5] == ("eml" if hit[1] == "email" else "txt"):
            found.append(Letter(hit["message"], int(hit["attempt"]), path))
    return found


_READ: dict[str, Catalogue] = {}


def _read(folder: Path, settings: Settings) -> Catalogue:
    """The project's catalogue; read once for as long as no file differs, because compiling takes a while."""
    files = [path for part in ("settings.toml", "campaigns/*", "templates/*/*") for path in folder.glob(part)]
    whole = hashlib.sha256()
    for path in sorted(files):
        whole.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    key = whole.hexdigest()
    if key not in _READ:
        _READ[key] = catalogue(folder, settings)
    return _READ[key]


@dataclass(slots=True)
class Clinic:
    """An opened clinic. Every act takes place at `now`, which only the test moves."""

    folder: Path
    url: str
    now: datetime = START
    faults: list[Fault] = field(default_factory=list)
    can_be_asked: bool = True
    carriers: Carriers | None = None  # in place of the mailbox
    _house: House | None = None
    _names: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def house(self) -> House:
        """The house; opened when first asked for."""
        if self._house is None:
            settings = load_settings(self.folder)
            self._house = open_house(open_store(self.url), _read(self.folder, settings), settings)
        return self._house

    @property
    def store(self) -> Store:
        """Its database."""
        return self.house.store

    @property
    def providers(self) -> Carriers:
        """The mailbox for everything, with the faults of this moment."""
        if self.carriers is not None:
            return self.carriers
        box = MailboxProvider(self.folder / "mailbox", tuple(self.faults), self.can_be_asked)
        return Carriers.only(box)

    def restart(self) -> None:
        """A new process: files read again, connections gone."""
        self.close()

    def close(self) -> None:
        """Let the database go."""
        if self._house is not None:
            self._house.store.engine.dispose()
            self._house = None

    # --- what happens

    def happens(
        self,
        kind: str,
        who: Who,
        *,
        consents: Iterable[str] = (),
        revoked: Iterable[Channel] = (),
        name: str | None = None,
        ago: timedelta = timedelta(),
        **payload: Any,
    ) -> Taken:
        """An event; with it consent by these forms for each address that the person has."""
        event = Event("test", name or f"event-{next(self._names)}", kind, self.now - ago, payload)
        addresses = ((Channel.EMAIL, who.email), (Channel.SMS, who.phone))
        granted = tuple(Granted(c, form) for form in consents for c, address in addresses if address)
        return take_event(self.house, Incoming(event, who, granted, frozenset(revoked)), self.now)

    def enquires(self, who: Who = ANN, **more: Any) -> Taken:
        """An enquiry with consent to marketing."""
        return self.happens("enquiry", who, consents=[WEB], **more)

    def books(
        self, who: Who = ANN, starts: str = "Wed 2027-01-20 19:00", *, kind: str = "booking", **more: Any
    ) -> Taken:
        """A booking (or what is done to it) with consent to appointment texts and emails."""
        payload = {"appointment": "a-1", "starts_at": utc(starts).isoformat(), **more}
        return self.happens(kind, who, consents=[DESK], **payload)

    def replies(self, words: str, phone: str | None = ANN.phone, *, name: str | None = None) -> Heard:
        """A text from this number."""
        assert phone is not None
        return take_reply(
            self.house, Channel.SMS, phone, words, "mailbox", name or f"reply-{next(self._names)}", self.now
        )

    def reports(self, message: str, word: str, *, name: str | None = None) -> str:
        """A receipt for a message."""
        return take_receipt(
            self.house, "mailbox", name or f"receipt-{next(self._names)}", message, word, None, self.now, self.now
        )

    # --- the clock

    def at(self, moment: str | datetime) -> "Clinic":
        """Turn the clock on, never back."""
        later = utc(moment) if isinstance(moment, str) else moment
        assert later >= self.now, "a clock is never turned back"
        self.now = later
        return self

    def later(self, **by: float) -> "Clinic":
        """Turn the clock on by so much."""
        return self.at(self.now + timedelta(**by))

    def tick(self) -> Ticked:
        """One look at everything, now."""
        return tick(self.house, self.providers, lambda: self.now)

    def turn(self, until: str | datetime) -> list[Ticked]:
        """Turn the clock from one due moment to the next."""
        end = utc(until) if isinstance(until, str) else until
        ticks = list(turn(self.house, self.providers, self.now, end))
        self.now = end
        return ticks

    # --- what became of it

    def rows(self, table: sa.Table, *where: sa.ColumnElement[bool]) -> list[sa.Row[Any]]:
        """Rows of a table, oldest first."""
        with self.store.read() as conn:
            first = next(iter(table.primary_key.columns))
            return list(conn.execute(sa.select(table).where(*where).order_by(first)))

    def log(self, *, campaign: str | None = None) -> list[str]:
        """The send log, a line a message: "guide.welcome sms sent (accepted)"."""
        m = schema.message.c
        rows = self.rows(schema.message, *([m.campaign == campaign] if campaign else []))
        steps = [r.step + (f"#{r.occurrence}" if r.occurrence else "") for r in rows]
        return [
            f"{r.campaign}.{step} {r.channel or '-'} {r.status} ({r.reason})"
            for r, step in zip(rows, steps, strict=True)
        ]

    def message(self, step: str, occurrence: int = 0) -> sa.Row[Any]:
        """The one message of a step."""
        m = schema.message.c
        (row,) = self.rows(schema.message, m.step == step, m.occurrence == occurrence)
        return row

    def enrolments(self) -> list[str]:
        """Every enrolment: "guide active (cap)", "guide exited (booking)"."""
        return [
            f"{e.campaign} {e.status}" + (f" ({why})" if (why := e.reason or e.waits_for) else "")
            for e in self.rows(schema.enrolment)
        ]

    def tasks(self) -> list[str]:
        """The kinds of the tasks that are open."""
        return [t.kind for t in self.rows(schema.task, schema.task.c.closed_at.is_(None))]

    def outcomes(self, step: str) -> list[str]:
        """How each try of a step's message ended."""
        a = schema.attempt.c
        return [str(t.outcome) for t in self.rows(schema.attempt, a.message_id == self.message(step).id)]

    def letters(self) -> list[Letter]:
        """What the mailbox holds."""
        return letters(self.folder / "mailbox")

    def twice(self) -> dict[str, int]:
        """Messages that were accepted more than once."""
        return {ref: n for ref, n in Counter(letter.message for letter in self.letters()).items() if n > 1}


def fault(outcome: Failure | str, to: str = "*", attempts: Iterable[int] = (), *, accepted: bool = False) -> Fault:
    """How the mailbox shall fail."""
    return Fault(to, Failure(outcome), tuple(attempts), accepted)


def project(folder: Path, data: str = "clinic") -> Path:
    """A project folder with the files of a test clinic, the shipped layout and answers to STOP."""
    shutil.copytree(DATA / data, folder, dirs_exist_ok=True)
    for shipped in ("_layout", "service"):
        shutil.copytree(ROOT / "templates" / shipped, folder / "templates" / shipped, dirs_exist_ok=True)
    return folder


Open = Callable[..., Clinic]
