"""Every way in which a provider can fail, by whole ticks of the engine: what the send log says then, and in the end.

`FAULTS` is the table that docs/reliability.md speaks of: a message falls due while the fault is there, and is tried;
then the fault is gone, and three hours pass.
"""

import re
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from itertools import pairwise
from pathlib import Path

import pytest

from engine.core.contact import Channel
from engine.intake import Who
from engine.providers import Carriers, Provider
from engine.providers.sendgrid import SendGridProvider
from engine.providers.smtp import SmtpProvider
from engine.providers.twilio import TwilioProvider
from engine.store import seeing
from engine.store.schema import attempt, message, provider_pause, suppression, task
from tests.conftest import Databases
from tests.fakes.sendgrid import SendGridFake
from tests.fakes.smtp import SmtpFake, SmtpFault
from tests.fakes.twilio import TwilioFake
from tests.fakes.web import Fault
from tests.people import START, Clinic, project


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a message. `status (reason)` as in the send log."""

    attempt: str  # how the first try ended
    now: str  # what the log says while the fault is there; "or" where some of many wait otherwise
    told: str  # the provider paused, the address suppressed, and the kinds of tasks that staff have
    then: str  # what the log says in the end
    left: str  # and the same of that
    accepted: int  # how often the provider has taken it


NO_ANSWER = "in_doubt (no_answer)"
# It surely did not go.
TRIED_SOON = Fate("unreachable", "queued (unreached)", "", "sent (accepted)", "", 1)
TRIED_LATER = Fate("try_later", "queued (try_later)", "", "sent (accepted)", "", 1)
SLOWED_DOWN = Fate("slow_down", "queued (slow_down)", "", "sent (accepted)", "", 1)
STOPPED = Fate("misconfigured", "queued (provider_paused)", "paused, provider", "sent (accepted)", "", 1)
OUTAGE = Fate("unreachable", "queued (provider_paused)", "paused, provider", "sent (accepted)", "", 1)
# Its probe goes through, so that it is tried again in between.
HALF_DOWN = replace(OUTAGE, now="queued (provider_paused) or queued (unreached)")
REFUSED = Fate("refused", "failed (refused)", "", "failed (refused)", "", 0)
BLOCKED = Fate("address_blocked", "failed (address_blocked)", "suppressed, address", "failed (address_blocked)",
               "suppressed, address", 0)  # fmt: skip
# It may have gone. A provider that can be asked is asked; else a person finds out and says: nurture settle.
FOUND = Fate("in_doubt", NO_ANSWER, "", "sent (evidence)", "", 1)
SENT_AGAIN = Fate("in_doubt", NO_ANSWER, "", "sent (accepted)", "", 1)
ASKED_OF_STAFF = Fate("in_doubt", NO_ANSWER, "", NO_ANSWER, "doubt", 0)
ASKED_THOUGH_TAKEN = Fate("in_doubt", NO_ANSWER, "", NO_ANSWER, "doubt", 1)
NO_USE = Fate("in_doubt", NO_ANSWER, "paused, provider", "sent (accepted)", "", 1)
NO_USE_BUT_TAKEN = Fate("in_doubt", NO_ANSWER, "paused, provider", "sent (evidence)", "", 1)
NO_USE_AND_STAFF = Fate("in_doubt", NO_ANSWER, "paused, provider, doubt", NO_ANSWER, "doubt", 0)
# It did, and we know.
WENT = Fate("accepted", "sent (accepted)", "", "sent (accepted)", "", 1)


class Wrong(Enum):
    """What is wrong before the provider hears anything, or with whom we say we are."""

    NAME = auto()  # has no address
    PORT = auto()  # nobody listens there
    SILENCE = auto()  # no connection comes about
    CERTIFICATE = auto()  # none that we trust
    SECRET = auto()


How = Fault | SmtpFault | Wrong


@dataclass(frozen=True, slots=True)
class Row:
    """One fault."""

    provider: str
    what: str
    how: How
    fate: Fate
    people: int = 1  # more: so many messages at once, and the fault stays for half an hour

    def __str__(self) -> str:
        return f"{self.provider}: {self.what}"


HTML = b"<html>Bad gateway</html>"
BAD_ADDRESS = b'{"errors": [{"field": "personalizations.0.to.0.email", "message": "no valid address: p0@example.com"}]}'
ELSEWHERE = (("Location", "http://127.0.0.1:9/"),)
BUSY = SmtpFault(at="mail", reply="451 4.3.0 try later")
TOO_MUCH = SmtpFault(at="mail", reply="421 4.7.0 too much", end="close")

FAULTS = (
    # Twilio can be asked what it took.
    Row("twilio", "its name has no address", Wrong.NAME, TRIED_SOON),
    Row("twilio", "nobody listens", Wrong.PORT, TRIED_SOON),
    Row("twilio", "time-out at connecting", Wrong.SILENCE, TRIED_SOON),
    Row("twilio", "wrong certificate", Wrong.CERTIFICATE, TRIED_SOON),
    Row("twilio", "wrong credentials", Wrong.SECRET, STOPPED),
    Row("twilio", "time-out, not taken", Fault(end="hang"), SENT_AGAIN),
    Row("twilio", "time-out, taken", Fault(end="hang", accepted=True), FOUND),
    Row("twilio", "reset, not taken", Fault(end="reset"), SENT_AGAIN),
    Row("twilio", "reset, taken", Fault(end="reset", accepted=True), FOUND),
    Row("twilio", "a truncated 201", Fault(end="truncate"), FOUND),
    Row("twilio", "a 201 that is no JSON", Fault(body=HTML, accepted=True), FOUND),
    Row("twilio", "slow drip", Fault(end="drip"), FOUND),
    Row("twilio", "500, not taken", Fault(status=500), SENT_AGAIN),
    Row("twilio", "500, taken", Fault(status=500, accepted=True), FOUND),
    Row("twilio", "503 of whatever stands before it", Fault(status=503, body=HTML), SENT_AGAIN),
    Row("twilio", "503 of its own (20503)", Fault(code=20503), SLOWED_DOWN),
    Row("twilio", "302", Fault(status=302, headers=ELSEWHERE), STOPPED),
    Row("twilio", "429", Fault(status=429), SLOWED_DOWN),
    Row("twilio", "429, Retry-After", Fault(status=429, retry_after=600), SLOWED_DOWN),
    Row("twilio", "queue full (21611)", Fault(code=21611), SLOWED_DOWN),
    Row("twilio", "they answered STOP (21610)", Fault(code=21610), BLOCKED),
    Row("twilio", "no such number (21211)", Fault(code=21211), BLOCKED),
    Row("twilio", "text too long (21617)", Fault(code=21617), REFUSED),
    Row("twilio", "down for half an hour", Wrong.PORT, OUTAGE, 20),
    Row("twilio", "429 for half an hour", Fault(status=429), SLOWED_DOWN, 20),
    Row("twilio", "429 for half an hour, Retry-After", Fault(status=429, retry_after=600), SLOWED_DOWN, 20),
    Row("twilio", "500 to all, half an hour, not taken", Fault(status=500, method="*"), NO_USE, 20),
    Row(
        "twilio", "500 to all, half an hour, taken", Fault(status=500, method="*", accepted=True), NO_USE_BUT_TAKEN, 20
    ),
    # SendGrid cannot.
    Row("sendgrid", "its name has no address", Wrong.NAME, TRIED_SOON),
    Row("sendgrid", "nobody listens", Wrong.PORT, TRIED_SOON),
    Row("sendgrid", "time-out at connecting", Wrong.SILENCE, TRIED_SOON),
    Row("sendgrid", "wrong certificate", Wrong.CERTIFICATE, TRIED_SOON),
    Row("sendgrid", "wrong API key", Wrong.SECRET, STOPPED),
    Row("sendgrid", "time-out, not taken", Fault(end="hang"), ASKED_OF_STAFF),
    Row("sendgrid", "time-out, taken", Fault(end="hang", accepted=True), ASKED_THOUGH_TAKEN),
    Row("sendgrid", "reset, not taken", Fault(end="reset"), ASKED_OF_STAFF),
    Row("sendgrid", "reset, taken", Fault(end="reset", accepted=True), ASKED_THOUGH_TAKEN),
    Row("sendgrid", "a truncated 202", Fault(end="truncate", body=HTML, accepted=True), ASKED_THOUGH_TAKEN),
    Row("sendgrid", "a 202 that is no JSON", Fault(body=HTML, accepted=True), WENT),  # its own is empty
    Row("sendgrid", "slow drip", Fault(end="drip"), ASKED_THOUGH_TAKEN),
    Row("sendgrid", "500, not taken", Fault(status=500), ASKED_OF_STAFF),
    Row("sendgrid", "500, taken", Fault(status=500, accepted=True), ASKED_THOUGH_TAKEN),
    Row("sendgrid", "503", Fault(status=503, body=HTML), ASKED_OF_STAFF),
    Row("sendgrid", "302", Fault(status=302, headers=ELSEWHERE), STOPPED),
    Row("sendgrid", "403", Fault(status=403), STOPPED),
    Row("sendgrid", "429", Fault(status=429), SLOWED_DOWN),
    Row("sendgrid", "429, Retry-After", Fault(status=429, retry_after=600), SLOWED_DOWN),
    Row("sendgrid", "no such address (400)", Fault(status=400, body=BAD_ADDRESS), BLOCKED),
    Row("sendgrid", "email too long (413)", Fault(status=413), REFUSED),
    Row("sendgrid", "down for half an hour", Wrong.PORT, OUTAGE, 20),
    Row("sendgrid", "429 for half an hour", Fault(status=429), SLOWED_DOWN, 20),
    Row("sendgrid", "429 for half an hour, Retry-After", Fault(status=429, retry_after=600), SLOWED_DOWN, 20),
    Row("sendgrid", "500 to all, half an hour, not taken", Fault(status=500, method="*"), NO_USE_AND_STAFF, 20),
    # Nor can a relay; but a doubt there can only be between the dot that ends the mail and the reply to it.
    Row("smtp", "its name has no address", Wrong.NAME, TRIED_SOON),
    Row("smtp", "nobody listens", Wrong.PORT, TRIED_SOON),
    Row("smtp", "time-out at connecting", Wrong.SILENCE, TRIED_SOON),
    Row("smtp", "time-out at the greeting", SmtpFault(at="connect", end="hang"), TRIED_SOON),
    Row("smtp", "wrong certificate", Wrong.CERTIFICATE, TRIED_SOON),
    Row("smtp", "wrong password", Wrong.SECRET, STOPPED),
    Row("smtp", "time-out before the mail", SmtpFault(at="data", end="hang"), TRIED_SOON),
    Row("smtp", "time-out after the dot, not taken", SmtpFault(at="final", end="hang"), ASKED_OF_STAFF),
    Row("smtp", "time-out after the dot, taken", SmtpFault(at="final", end="hang", accepted=True), ASKED_THOUGH_TAKEN),
    Row("smtp", "reset before the mail", SmtpFault(at="data", end="reset"), TRIED_SOON),
    Row("smtp", "reset after the dot, not taken", SmtpFault(at="final", end="reset"), ASKED_OF_STAFF),
    Row("smtp", "reset after the dot, taken", SmtpFault(at="final", end="reset", accepted=True), ASKED_THOUGH_TAKEN),
    Row("smtp", "no reply that can be read", SmtpFault(at="final", reply="<html>", accepted=True), ASKED_THOUGH_TAKEN),
    Row("smtp", "too slow a reply", SmtpFault(at="final", delay=30, accepted=True), ASKED_THOUGH_TAKEN),
    Row("smtp", "451 to our sender", BUSY, TRIED_SOON),
    Row("smtp", "450 to the address", SmtpFault(at="rcpt", reply="450 4.2.0 greylisted"), TRIED_LATER),
    Row("smtp", "451 before the mail", SmtpFault(at="data", reply="451 4.3.0 try later"), TRIED_SOON),
    Row("smtp", "451 after the dot", SmtpFault(at="final", reply="451 4.3.0 try later"), TRIED_LATER),
    Row("smtp", "421", TOO_MUCH, SLOWED_DOWN),
    Row("smtp", "no such address (550 5.1.1)", SmtpFault(at="rcpt", reply="550 5.1.1 not p0@example.com"), BLOCKED),
    Row("smtp", "our sender refused (553)", SmtpFault(at="mail", reply="553 5.7.1 not yours"), STOPPED),
    Row("smtp", "email too long (552)", SmtpFault(at="final", reply="552 5.3.4 too big"), REFUSED),
    Row("smtp", "down for half an hour", Wrong.PORT, OUTAGE, 20),
    Row("smtp", "421 for half an hour", TOO_MUCH, SLOWED_DOWN, 20),
    Row("smtp", "451 to our sender for half an hour", BUSY, HALF_DOWN, 20),
    Row("smtp", "resets before the mail for half an hour", SmtpFault(at="data", end="reset"), HALF_DOWN, 20),
)


# ---------------------------------------------------------------------------------- a provider, and what is wrong

# Seconds, in earnest: of a connection, and of a whole call.
SHORT, LONG = (0.5, 0.8), (10.0, 20.0)
LASTS = timedelta(minutes=30)
MOST_TRIES = 6  # of one message in that time: a 429 is answered by waits of 30 s, doubling
PASSWORD = "pass word"
Fake = TwilioFake | SendGridFake | SmtpFake


def fake_of(name: str, *, tls: bool = False) -> Fake:
    if name == "smtp":
        return SmtpFake(security="tls" if tls else "none", username="nurture", password=PASSWORD)
    return TwilioFake(tls=tls) if name == "twilio" else SendGridFake(tls=tls)


def way_to(
    fake: Fake,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    secret: str | None = None,
    limits: tuple[float, float] = LONG,
) -> Provider:
    """The provider as settings would make it."""
    port = port or fake.port
    connect, total = limits
    url = f"{'https' if fake.tls else 'http'}://{host}:{port}"
    if isinstance(fake, TwilioFake):
        return TwilioProvider(
            fake.account_sid,
            auth_token=secret or fake.auth_token,
            from_number="+16175550142",
            callback_base="https://go.clinic.example",
            base_url=url,
            connect=connect,
            total=total,
        )
    if isinstance(fake, SendGridFake):
        return SendGridProvider(secret or fake.api_key, base_url=url, connect=connect, total=total)
    return SmtpProvider(
        host,
        port,
        # In clear it speaks to this machine only.
        security="tls" if fake.tls else "none" if host == "127.0.0.1" else "starttls",
        username="nurture",
        password=secret or PASSWORD,
        connect=connect,
        total=total,
    )


@contextmanager
def going_wrong(fake: Fake, row: Row) -> Iterator[Provider]:
    """The provider while the fault is there."""
    with ExitStack() as stack:
        match row.how:
            case Wrong.NAME:
                provider = way_to(fake, host="nobody.invalid")
            case Wrong.PORT:
                provider = way_to(fake)
                fake.stop()
                stack.callback(fake.start)
            case Wrong.SILENCE:
                provider = way_to(fake, port=stack.enter_context(full_port()), limits=SHORT)
            case Wrong.CERTIFICATE:
                other = fake_of(row.provider, tls=True)
                stack.enter_context(other)
                provider = way_to(other)
            case Wrong.SECRET:
                provider = way_to(fake, secret="another")
            case fault:
                # Only what never comes to an end is cut short: a busy machine may be slow as well.
                endless = fault.end in {"hang", "drip"} or fault.delay > 0
                provider = way_to(fake, limits=SHORT if endless else LONG)
                fake.fail(fault)  # type: ignore[arg-type]
                stack.callback(fake.mend)
        yield stack.enter_context(closing(provider))


@contextmanager
def full_port() -> Iterator[int]:
    """More have knocked than may wait: the next one is not heard."""
    with socket.socket() as full, ExitStack() as waiting:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        yield full.getsockname()[1]


# ------------------------------------------------------------------------------------------- the clinic beside it


@pytest.fixture
def clinic(databases: Databases, tmp_path: Path) -> Iterator[Clinic]:
    opened = Clinic(project(tmp_path / "clinic"), databases.new("sqlite", tmp_path, migrated=True))
    yield opened
    opened.close()


def due(clinic: Clinic, row: Row) -> str:
    """So many people enquire, and a message to each falls due at this moment; its step."""
    by_text = row.provider == "twilio"
    for n in range(row.people):
        who = Who(first_name="Paula", last_name=f"Quist{n}", state="MA")
        phone, email = f"+1617555{1000 + n}", f"p{n}@example.com"
        clinic.enquires(replace(who, phone=phone) if by_text else replace(who, email=email))
    if not by_text:
        clinic.turn(START + timedelta(minutes=9))
        clinic.later(minutes=1)
    return "welcome" if by_text else "first"


def carry(clinic: Clinic, provider: Provider, fake: Fake) -> None:
    """By this one alone, whose clock is the engine's."""

    def last_tick() -> datetime:
        with clinic.store.read() as conn:
            now = seeing.last_tick(conn)
        assert now is not None
        return now

    fake.clock = last_tick
    clinic.carriers = Carriers({channel: [provider] if channel in provider.channels else [] for channel in Channel})


def said(clinic: Clinic, step: str) -> set[str]:
    return {f"{row.status} ({row.reason})" for row in clinic.rows(message, message.c.step == step)}


def around(clinic: Clinic) -> str:
    """The provider paused, the address suppressed, and the kinds of tasks that are open."""
    paused = ["paused"] if clinic.rows(provider_pause, provider_pause.c.until.is_not(None)) else []
    suppressed = ["suppressed"] if clinic.rows(suppression) else []
    return ", ".join([*paused, *suppressed, *dict.fromkeys(clinic.tasks())])


@pytest.mark.parametrize("row", FAULTS, ids=str)
def test_each_fault_has_its_outcome(clinic: Clinic, row: Row) -> None:
    fate = row.fate
    with fake_of(row.provider) as fake:
        with going_wrong(fake, row) as provider:
            carry(clinic, provider, fake)
            step = due(clinic, row)
            clinic.tick()
            if row.people > 1:
                clinic.turn(clinic.now + LASTS)
            check_tries(clinic, row)
            assert said(clinic, step) <= set(fate.now.split(" or "))
            assert around(clinic) == fate.told
        with closing(way_to(fake)) as provider:
            carry(clinic, provider, fake)
            clinic.turn(clinic.now + timedelta(hours=3))
        assert (said(clinic, step), around(clinic)) == ({fate.then}, fate.left)
    refs = [one.ref for one in clinic.rows(message, message.c.step == step)]
    assert len(refs) == row.people
    # One that was never taken is not in the one count, and nothing in the other.
    assert Counter(taken.message for taken in fake.accepted) == Counter(dict.fromkeys(refs, fate.accepted))
    check_waits(clinic, row)
    check_nothing_personal(clinic)


def check_tries(clinic: Clinic, row: Row) -> None:
    """All ended alike while the fault was there, and a provider in trouble was not troubled more."""
    tried = clinic.rows(attempt)
    assert {one.outcome for one in tried} == {row.fate.attempt}
    assert max(Counter(one.message_id for one in tried).values()) <= (MOST_TRIES if row.people > 1 else 1)


def check_waits(clinic: Clinic, row: Row) -> None:
    """A provider that said how long to wait was not called before."""
    wish = row.how.retry_after if isinstance(row.how, Fault) else None
    if wish is not None:
        at = sorted({one.started_at for one in clinic.rows(attempt)})
        assert len(at) > 1
        assert all(later - one >= timedelta(seconds=int(wish)) for one, later in pairwise(at))


def check_nothing_personal(clinic: Clinic) -> None:
    """Neither in what the attempts say nor in the tasks, whatever the other side repeats."""
    said = [one.detail for one in clinic.rows(attempt)] + [one.words for one in clinic.rows(task)]
    for words in said:
        assert not re.search(r"@|\+1617|Paula|Quist", words or ""), words
