"""The provider for a machine without accounts: a folder, in it one for each contact, in it every message.

Nothing leaves the machine, so it may carry anything. An email becomes an `.eml` that mail programs open, with
a `.txt` beside it to read; an SMS a `.txt` alone. It can be told to fail in every way a real provider does.
"""

import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path

from engine.core.contact import Channel
from engine.core.pacing import UNLIMITED, Pace
from engine.core.phi import PhiLevel
from engine.providers import (
    Absent,
    Accepted,
    AddressBlocked,
    Evidence,
    Found,
    Health,
    InDoubt,
    Misconfigured,
    Outcome,
    Outgoing,
    Refused,
    SlowDown,
    Sought,
    TryLater,
    Unknown,
    Unreachable,
    Works,
)
from engine.providers.mime import built, sender_of


class Failure(StrEnum):
    """How a fault ends the call. Written by whoever rehearses, in `[[mailbox.faults]]`."""

    TRY_LATER = "try_later"  # did not go; may go later
    SLOW_DOWN = "slow_down"  # did not go; everything is to go more slowly
    UNREACHABLE = "unreachable"  # did not go; no connection came about
    REFUSED = "refused"  # did not go; never will as it is
    ADDRESS_BLOCKED = "address_blocked"  # did not go; the address takes nothing
    MISCONFIGURED = "misconfigured"  # did not go; nothing will, by this provider
    IN_DOUBT = "in_doubt"  # no answer; `accepted` says whether it was taken all the same


@dataclass(frozen=True, slots=True)
class Fault:
    """Messages to an address like `to` fail like this, on these attempts. The first that fits is used."""

    to: str  # as in file names: *@example.org, +1617555*
    outcome: Failure
    attempts: tuple[int, ...] = ()  # none named: on all
    accepted: bool = False  # for in_doubt only: the message was taken, and only the answer was lost
    detail: str = "told to fail by [[mailbox.faults]]"

    def fits(self, out: Outgoing) -> bool:
        """Whether this fault is meant for this attempt at this address."""
        meant = not self.attempts or out.attempt in self.attempts
        return meant and fnmatchcase(out.to.lower(), self.to.lower())


@dataclass(frozen=True, slots=True)
class MailboxProvider:
    """Writes each message below `folder`. Folders are 0700 and files 0600: they hold patients' mail.

    `can_be_asked=False` makes it forgetful, as SMTP is: it then says nothing about what it took.
    """

    folder: Path
    faults: Sequence[Fault] = ()
    can_be_asked: bool = True
    name: str = field(default="mailbox", init=False)
    channels: frozenset[Channel] = field(default=frozenset(Channel), init=False)
    ceiling: PhiLevel = field(default=PhiLevel.PERSONAL, init=False)
    pace: Pace = field(default=UNLIMITED, init=False)

    def carries(self, level: PhiLevel, to: str) -> bool:  # noqa: ARG002 - the same for all of them
        """Anything to anybody: nothing leaves the machine (decision 19)."""
        return True

    def send(self, out: Outgoing, now: datetime) -> Outcome:
        """Write the message, unless a fault says otherwise. A message taken twice is there twice."""
        fault = next((fault for fault in self.faults if fault.fits(out)), None)
        if fault is not None and not fault.accepted:
            return _failed(fault)
        try:
            provider_id = self._take(out, now)
        except ValueError:
            # The exception's words may repeat the address or the subject.
            return Refused("malformed", "A header or the address holds a character that no email may carry.")
        except OSError as error:
            return _unwritable(error)
        return _failed(fault) if fault is not None else Accepted(provider_id)

    def find(self, sought: Sought) -> Evidence:
        """Look into the contact's subfolder for any attempt at this message."""
        if not self.can_be_asked:
            return Unknown("This mailbox is set to keep no account of what it took.")
        taken = re.compile(rf".*_(email|sms)_{re.escape(sought.message)}_a(\d+)(-\d+)?\.(eml|txt)")
        try:
            names = [path.name for path in self._subfolder(sought.contact).iterdir()]
        except FileNotFoundError:
            return Absent()
        except OSError as error:
            return Unknown(f"The mailbox folder cannot be read: {error.strerror}.")
        hits = filter(None, map(taken.fullmatch, names))
        attempts = {int(hit[2]) for hit in hits if _counts(hit[1], hit[4])}
        if not attempts:
            return Absent()
        return Found(tuple(_provider_id(sought.message, attempt) for attempt in sorted(attempts)))

    def probe(self) -> Health:
        """Whether the folder can be written."""
        try:
            self._own(self.folder)
            tempfile.TemporaryFile(dir=self.folder).close()
        except OSError as error:
            return _unwritable(error)
        return Works("The mailbox folder can be written.")

    def close(self) -> None:
        """It holds nothing open."""

    def _subfolder(self, contact: str) -> Path:
        if not re.fullmatch(r"[A-Za-z0-9_-]+", contact):
            raise AssertionError("a contact's public id is letters, digits, - and _")
        return self.folder / contact

    @staticmethod
    def _own(folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)

    def _take(self, out: Outgoing, now: datetime) -> str:
        email = out.channel is Channel.EMAIL
        mail = built(out, now, _message_id(out)) if email else b""
        words = _readable(out, now).encode()
        subfolder = self._subfolder(out.contact)
        for folder in (self.folder, subfolder):
            self._own(folder)
        stem = f"{now.astimezone(UTC):%Y-%m-%d_%H%M}_{out.channel}_{out.message}_a{out.attempt}"
        # The first file written is the acceptance; the second only helps to read it.
        first = _keep(subfolder, stem, ".eml" if email else ".txt", mail or words)
        if email:
            _keep(subfolder, first.stem, ".txt", words, durable=False)
        return _provider_id(out.message, out.attempt)


def _counts(channel: str, suffix: str) -> bool:
    """Whether a file stands for an acceptance: the .eml of an email, the .txt of an SMS."""
    return suffix == ("eml" if channel == Channel.EMAIL else "txt")


def _provider_id(message: str, attempt: int) -> str:
    return f"mailbox-{message}-a{attempt}"


def _message_id(out: Outgoing) -> str:
    domain = sender_of(out).partition("@")[2]
    return f"{out.message}@{domain or 'mailbox.invalid'}"


def _unwritable(error: OSError) -> Misconfigured:
    return Misconfigured(f"The mailbox folder cannot be written: {error.strerror}.")


def _failed(fault: Fault) -> Outcome:
    match fault.outcome:
        case Failure.TRY_LATER:
            return TryLater(fault.detail)
        case Failure.SLOW_DOWN:
            return SlowDown(fault.detail)
        case Failure.UNREACHABLE:
            return Unreachable(fault.detail)
        case Failure.REFUSED:
            return Refused("mailbox", fault.detail)
        case Failure.ADDRESS_BLOCKED:
            return AddressBlocked("mailbox", fault.detail)
        case Failure.MISCONFIGURED:
            return Misconfigured(fault.detail)
        case Failure.IN_DOUBT:
            return InDoubt(fault.detail)


def _keep(folder: Path, stem: str, suffix: str, content: bytes, *, durable: bool = True) -> Path:
    """Write a file that is either there in full or not at all, and never over another."""
    handle, temporary = tempfile.mkstemp(prefix=".writing-", dir=folder)  # 0600 by itself
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        for number in range(1, 1000):
            path = folder / f"{stem}{f'-{number}' if number > 1 else ''}{suffix}"
            try:
                # A link, unlike a rename, refuses to replace what is there.
                os.link(temporary, path)
            except FileExistsError:
                continue
            return path
        raise AssertionError("the same attempt was taken a thousand times")
    finally:
        Path(temporary).unlink()


def _readable(out: Outgoing, now: datetime) -> str:
    """The message as a person reads it: a few lines about it, then its words."""
    about = [
        ("To", out.to),
        *((name, value) for name, value in out.headers if name.lower() in {"from", "reply-to"}),
        ("Subject", out.subject or ""),
        ("Channel", f"{out.channel}, attempt {out.attempt}"),
        ("Message", out.message),
        ("Taken", f"{now.astimezone(UTC):%A %Y-%m-%d %H:%M} UTC"),
        ("Attached", ", ".join(attachment.filename for attachment in out.attachments)),
    ]
    head = "".join(f"{name + ':':<10} {value}\n" for name, value in about if value)
    return f"{head}\n{out.text.rstrip()}\n"
