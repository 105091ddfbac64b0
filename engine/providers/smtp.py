"""Email by a relay that speaks SMTP, with the one question answered at every stage: can it have gone?

Nothing has gone before the dot that ends the mail was written, and only the relay's reply to that dot says what became
of it. So a mail is in doubt between the two, and nowhere else. What fails before that because of the relay, and not
of the mail, is the relay's trouble: no try is spent on it. The connection itself is smtp_link.py's.
"""

import re
import ssl
import threading
import time
from collections.abc import Callable
from datetime import datetime
from smtplib import SMTPResponseException
from typing import Final

from engine.core.contact import Channel
from engine.core.pacing import UNLIMITED, Pace
from engine.core.phi import PhiLevel
from engine.providers import (
    Accepted,
    AddressBlocked,
    Evidence,
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
from engine.providers.smtp_link import Link, NoRelay, Relay, Security, opened

MAILS: Final = 100  # by one connection; relays end those that go on for long
LONGEST_ID: Final = 128  # letters that the send log keeps of a provider's id


class SmtpProvider:
    """Sends by one relay. Times in seconds; at most `most` connections at once, kept open between mails.

    `total` limits one mail with everything it needs, and so does the wait for a free connection before it.
    `helo` is what we call ourselves; without it, our address. `clock` gives seconds from any beginning.
    """

    name: Final = "smtp"
    channels: Final = frozenset({Channel.EMAIL})
    can_be_asked: Final = False

    def __init__(
        self,
        host: str,
        port: int,
        *,
        security: Security,
        username: str | None = None,
        password: str | None = None,
        baa: bool = False,
        pace: Pace = UNLIMITED,
        connect: float = 5.0,
        total: float = 30.0,
        most: int = 8,
        helo: str | None = None,
        context: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if security != "none" and context is None:
            context = ssl.create_default_context()  # once: it reads all certificates of the system
        self._relay = Relay(host, port, security, username, password, helo, context, connect, clock)
        self.ceiling = PhiLevel.PATIENT if baa else PhiLevel.GENERIC
        self.pace = pace
        self._total = total
        self._clock = clock
        self._free = threading.BoundedSemaphore(most)
        self._lock = threading.Lock()  # guards the two below, never held while anything waits
        self._idle: list[Link] = []  # the one used last stands last, and is used next
        self._closed = False

    def carries(self, level: PhiLevel, to: str) -> bool:  # noqa: ARG002 - the same for all of them
        """With an agreement, all that may be written to patients; else general education (decision 18)."""
        return level <= self.ceiling

    def send(self, out: Outgoing, now: datetime) -> Outcome:
        """Hand one mail to the relay. Its Message-ID names the attempt too: a resend is told apart."""
        sender = sender_of(out)
        message_id = f"{out.message}.{out.attempt}@{sender.partition('@')[2]}"
        try:
            if not sender:
                raise ValueError("an email without a sender")
            mail = built(out, now, message_id)
        except ValueError:
            # The exception's words may repeat the address or the subject.
            return Refused("malformed", "A header or an address holds a character that no email may carry.")
        if not self._free.acquire(timeout=self._total):
            return SlowDown("All connections to the relay are in use.")
        try:
            link = self._link()
            outcome = _handed_over(link, sender, out.to, mail, message_id)
            self._put_away(link, outcome)
            return outcome
        except NoRelay as error:
            return error.why
        finally:
            self._free.release()

    def find(self, sought: Sought) -> Evidence:  # noqa: ARG002 - the same for all of them
        """Nothing: SMTP has no such question."""
        return Unknown("A relay cannot be asked.")

    def probe(self) -> Health:
        """A connection of its own: greeting, TLS, login, and a command that does nothing."""
        try:
            link = opened(self._relay, self._clock() + self._total)
        except NoRelay as error:
            return error.why
        alive = link.answers()
        link.leave()
        if not alive:
            return Unreachable("The relay went silent after the login.")
        return Works("The relay takes our connection" + (" and the login." if self._relay.username else "."))

    def close(self) -> None:
        """Let the idle connections go. Those in use come to their end."""
        with self._lock:
            idle, self._idle, self._closed = self._idle, [], True
        for link in idle:
            link.leave()

    def _link(self) -> Link:
        """A connection that is ready for a mail: one kept from before, or a new one."""
        until = self._clock() + self._total
        while True:
            with self._lock:
                if not self._idle:
                    break
                link = self._idle.pop()
            link.until = until
            if link.fresh():
                return link
            link.leave()
        return opened(self._relay, until)

    def _put_away(self, link: Link, outcome: Outcome) -> None:
        """Keep the connection for the next mail, where nothing speaks against it."""
        link.mails += 1
        if isinstance(outcome, SlowDown) or link.mails >= MAILS or not link.cleared():
            link.leave()
            return
        link.used = self._clock()
        with self._lock:
            if not self._closed:
                self._idle.append(link)
                return
        link.leave()


# ------------------------------------------------------------------------------------------------ one mail


def _handed_over(link: Link, sender: str, to: str, mail: bytes, message_id: str) -> Outcome:
    """The three commands, the mail, and its end, after which only the relay's word counts."""
    link.unfinished = True
    try:
        if (refusal := _announced(link, sender, to)) is not None:
            return refusal
        link.send(re.sub(rb"(?m)^\.", b"..", mail if mail.endswith(b"\r\n") else mail + b"\r\n"))
    except OSError:
        link.close()
        return Unreachable("The dialogue with the relay broke off before the mail was handed over.")
    try:
        link.send(b".\r\n")
        outcome = _verdict(*link.getreply(), message_id)
    except OSError:
        link.close()
        return InDoubt("The relay did not say whether it took the mail.")
    link.unfinished = False
    return outcome


def _announced(link: Link, sender: str, to: str) -> Outcome | None:
    """Who writes, to whom, and that the mail comes now; None when the relay agrees to all three."""
    code, reply = link.mail(sender)
    if code // 100 != 2:
        return _sender_refused(code, reply)
    code, reply = link.rcpt(to)
    if code // 100 != 2:
        return _recipient_refused(code, reply)
    code, reply = link.docmd("DATA")
    return None if code == 354 else _later(code, reply, Unreachable) or _not_this(code, reply)


def _verdict(code: int, reply: bytes, message_id: str) -> Outcome:
    """The relay's last word."""
    if code // 100 == 2:
        return Accepted(f"{message_id} {_queue_id(reply)}".strip()[:LONGEST_ID])
    return _later(code, reply) or _not_this(code, reply)


def _sender_refused(code: int, reply: bytes) -> Outcome:
    """At MAIL FROM, where nothing is known yet but ourselves: a refusal is about every mail of ours."""
    return _later(code, reply, Unreachable) or Misconfigured(
        f"The relay takes no mail from the clinic's address ({_said(code, reply)}): ask whoever runs it to allow it."
    )


def _recipient_refused(code: int, reply: bytes) -> Outcome:
    """At RCPT TO. Classes of RFC 3463: x.1 is about addresses (7 and 8 the sender's), x.2.1 a mailbox shut down."""
    if (later := _later(code, reply)) is not None:
        return later
    status = _status(reply)
    if code in {530, 535} or status in {"5.1.7", "5.1.8"}:
        return Misconfigured(f"The relay wants a login, or another sender's address ({_said(code, reply)}).")
    if status.startswith("5.1.") or status == "5.2.1":
        return AddressBlocked(status, f"The relay knows no such address ({_said(code, reply)}).")
    return _not_this(code, reply)


def _later(
    code: int, reply: bytes, kind: type[TryLater | Unreachable] = TryLater
) -> TryLater | Unreachable | SlowDown | None:
    """When a no is not for ever. Raises for what is no answer here, neither yes nor no.

    `kind`: TryLater where it may be about the address or the mail, Unreachable where it is about the relay itself.
    421: the relay closes (RFC 5321, 3.8), as a rule because we want too much of it.
    """
    if code == 421:
        return SlowDown(f"The relay asks us to come back later ({_said(code, reply)}).")
    if 400 <= code < 500:
        return kind(f"The relay may take it later ({_said(code, reply)}).")
    if not 500 <= code < 600:
        raise SMTPResponseException(code, "")  # after this, nobody knows what the next reply would answer
    return None


def _not_this(code: int, reply: bytes) -> Refused:
    return Refused(_status(reply) or str(code), f"The relay does not take this mail ({_said(code, reply)}).")


def _said(code: int, reply: bytes) -> str:
    """Its two numbers; its words may repeat the address."""
    return f"{code} {_status(reply)}".strip()


def _status(reply: bytes) -> str:
    """The enhanced status (RFC 3463) that a reply begins with; "" without one."""
    found = re.match(rb"[245]\.\d{1,3}\.\d{1,3}\b", reply)
    return found[0].decode("ascii") if found else ""


def _queue_id(reply: bytes) -> str:
    """The relay's own name for the mail, for its log; "" when the reply tells none."""
    found = re.search(rb"(?i)(?:queued as |\bid=|^(?:2\.\d\.\d )?ok )<?([a-z0-9-]{6,64})\b", reply)
    return found[1].decode("ascii") if found else ""
