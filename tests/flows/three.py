"""Ninety days by three providers that keep state, and what must hold of them: used by flows and contract tests."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from engine.core.contact import Channel
from engine.core.enquiry_mapping import Mapping
from engine.core.enquiry_table import Table, read_table
from engine.core.enrolment import Event
from engine.house import House
from engine.importing import Imported, import_rows
from engine.intake import Granted, Incoming, Who, take_event
from engine.providers import Carriers
from engine.providers.mailbox import MailboxProvider
from engine.providers.sendgrid import SendGridProvider
from engine.providers.smtp import SmtpProvider
from engine.providers.twilio import TwilioProvider
from engine.store import open_store, seeing
from engine.store.schema import contact, event, message, message_body
from engine.tick import turn
from tests.fakes.sendgrid import SendGridFake
from tests.fakes.server import Taken
from tests.fakes.smtp import SmtpFake
from tests.fakes.twilio import TwilioFake
from tests.flows.test_ninety_days import ROOT, SHARED, check_all, close, opened

Row = sa.Row[Any]


@dataclass(frozen=True, slots=True)
class Form:
    """An export, and the moment at which it is imported."""

    file: Path
    rows: int
    begins: datetime


SAMPLE = Form(ROOT / "examples" / "enquiries.csv", 31, datetime(2026, 3, 5, 14, 0, tzinfo=UTC))
EXPORT = Form(SHARED, 326, datetime(2026, 11, 20, 15, 0, tzinfo=UTC))

BOOKED_AFTER = timedelta(days=10)
EVERY = 5  # one person in so many books

Fake = TwilioFake | SendGridFake | SmtpFake


@dataclass(frozen=True, slots=True)
class Outside:
    """The three, on loopback and running."""

    twilio: TwilioFake
    sendgrid: SendGridFake
    smtp: SmtpFake

    @property
    def accepted(self) -> dict[str, list[Taken]]:
        """What each has taken, by the name that the send log has for it."""
        return {name: getattr(self, name).accepted for name in ("twilio", "sendgrid", "smtp")}

    @contextmanager
    def at_the_time_of(self, url: str) -> Iterator[None]:
        """It is for them what it is for the engine on this database: the moment of its last tick."""
        store = open_store(url)

        def clock() -> datetime:
            with store.read() as conn:
                now = seeing.last_tick(conn)
            assert now is not None
            return now

        fakes: tuple[Fake, ...] = (self.twilio, self.sendgrid, self.smtp)
        before = [fake.clock for fake in fakes]
        for fake in fakes:
            fake.clock = clock
        yield
        for fake, its in zip(fakes, before, strict=True):
            fake.clock = its
        store.engine.dispose()

    @contextmanager
    def carriers(
        self, *, relay: bool = True, texts_by: str | None = None, mail_by: str | None = None
    ) -> Iterator[Carriers]:
        """The ways to them; to Twilio and SendGrid by another address, where a proxy stands before them."""
        twilio = TwilioProvider(
            self.twilio.account_sid,
            auth_token=self.twilio.auth_token,
            from_number="+16175550142",
            callback_base="https://go.harborclinic.example",
            base_url=texts_by or self.twilio.url,
            baa=True,
        )
        sendgrid = SendGridProvider(self.sendgrid.api_key, base_url=mail_by or self.sendgrid.url)
        smtp = SmtpProvider(self.smtp.host, self.smtp.port, security="none", baa=True)
        made = Carriers({Channel.SMS: [twilio], Channel.EMAIL: [sendgrid, smtp] if relay else [sendgrid]})
        yield made
        made.close()
        smtp.close()


# --------------------------------------------------------------------------------------------------- what happens


def imported(url: str, form: Form) -> tuple[House, Imported]:
    """A database that has just taken the export."""
    house = opened(url)
    table = read_table(form.file.read_bytes())
    mapping = Mapping.read((ROOT / "mappings" / "web_form.toml").read_text(encoding="utf-8"))
    assert isinstance(table, Table) and isinstance(mapping, Mapping)
    return house, import_rows(house, table, mapping, form.begins)


def live(house: House, carriers: Carriers, start: datetime, days: int) -> None:
    """So many days from `start`; on the tenth come bookings, so that there are appointments as well."""
    then = start + BOOKED_AFTER
    go_on(house, carriers, start, then)
    then += timedelta(minutes=1)  # what went at the tenth day's first moment went before anybody booked
    _book(house, then)
    go_on(house, carriers, then, start + timedelta(days=days))


def go_on(house: House, carriers: Carriers, now: datetime, until: datetime) -> None:
    """Turn the clock."""
    for _ in turn(house, carriers, now, until):
        pass


def _book(house: House, now: datetime) -> None:
    """One person in five books, and agrees at the desk to be written to about it."""
    consents = tuple(Granted(channel, "booking_2026") for channel in Channel)
    with house.store.read() as conn:
        refs = list(conn.execute(sa.select(contact.c.ref).order_by(contact.c.id)).scalars())[::EVERY]
    for number, ref in enumerate(refs):
        starts = now + timedelta(days=4 + number % 9, hours=3)
        what = {"appointment": f"a-{number}", "starts_at": starts.isoformat()}
        take_event(house, Incoming(Event("desk", f"b-{number}", "booking", now, what), Who(ref=ref), consents), now)


def by_mailbox(folder: Path, form: Form, days: int = 90) -> tuple[House, Imported]:
    """The same days as the mailbox has them: what the others are compared with."""
    house, fates = imported(f"sqlite:///{folder}/mailbox.db", form)
    live(house, Carriers.only(MailboxProvider(folder / "mailbox", ())), form.begins, days)
    return house, fates


def by_three(outside: Outside, url: str, folder: Path, form: Form, **proxies: Any) -> None:
    """Ninety days by the three, and beside them by the mailbox: all but who carried it is the same."""
    mailbox, fates = by_mailbox(folder, form)
    check_all(mailbox, fates, folder / "mailbox", form.rows)
    house, _ = imported(url, form)
    with outside.at_the_time_of(url), outside.carriers(**proxies) as carriers:
        live(house, carriers, form.begins, 90)
    assert steps(log_of(house)) == steps(log_of(mailbox))
    assert all(outside.accepted.values())
    check(house, outside)
    close(house, mailbox)


# ------------------------------------------------------------------------------------------- what must hold of it


def check(house: House, outside: Outside) -> None:
    """The account balances; each message was taken once, by a provider that may know it, and by what it may know."""
    _check_balance(house)
    _check_accepted(house, outside)
    _check_levels(house)
    _check_metadata(outside)


def log_of(house: House) -> list[Row]:
    """The send log."""
    with house.store.read() as conn:
        return seeing.log_rows(conn)


def steps(log: list[Row]) -> list[dict[str, Any]]:
    """All that the log says of each message, but by whom it went, and the order of those decided at one moment."""
    left_out = {"id", "provider", "provider_id"}
    return sorted(
        ({name: value for name, value in row._mapping.items() if name not in left_out} for row in log),
        key=lambda row: str(row["ref"]),
    )


def health_known(house: House) -> dict[int, datetime]:
    """Since when we know something of somebody's health: words of theirs on it, or a booking. By contact."""
    since: dict[int, datetime] = {}
    with house.store.read() as conn:
        for happened in conn.execute(sa.select(event).order_by(event.c.received_at)):
            said = happened.payload
            if happened.kind == "booking" or said.get("condition") or said.get("comment"):
                since.setdefault(happened.contact_id, happened.received_at)
    return since


def tells(row: Row, since: dict[int, datetime]) -> bool:
    """Whether a message that went was to somebody whose health we knew of."""
    return row.contact_id in since and since[row.contact_id] <= row.sent_at


def _check_balance(house: House) -> None:
    """Decision 23: what the enrolments say was decided stands in the log, message by message."""
    log = log_of(house)
    with house.store.read() as conn:
        assert Counter(row.campaign for row in log) == seeing.decided(conn)
    assert max(Counter((r.enrolment_id, r.step, r.occurrence) for r in log).values()) == 1


def _check_accepted(house: House, outside: Outside) -> None:
    """What each provider took is what the log says that it sent, word for word, at that moment, and once."""
    m, b = message.c, message_body.c
    said = sa.and_(b.message_id == m.id, b.attempt == m.tries)
    columns = (m.ref, m.tries, b.to_address, b.subject, b.text, b.html, m.sent_at)
    for name, accepted in outside.accepted.items():
        query = sa.select(*columns).join(message_body, said).where(m.provider == name, m.status == "sent")
        with house.store.read() as conn:
            sent = Counter(tuple(row) for row in conn.execute(query))
        took = Counter((t.message, t.attempt, t.to, t.subject, _lf(t.text), _lf(t.html), t.at) for t in accepted)
        assert took == sent, name
        assert max(Counter(t.message for t in accepted).values(), default=1) == 1, name


def _lf(words: str | None) -> str | None:
    """As they were before they became an email, whose lines end with CRLF."""
    return None if words is None else words.replace("\r\n", "\n")


def _check_levels(house: House) -> None:
    """By SendGrid went what tells of nobody's health, and nothing else; the relay had only what SendGrid may not."""
    since = health_known(house)
    for row in log_of(house):
        if row.channel == "email" and row.status == "sent":
            assert row.provider == ("smtp" if tells(row, since) else "sendgrid"), row.ref


def _check_metadata(outside: Outside) -> None:
    """SendGrid keeps it for good, Twilio shows it in its console: opaque names, and nothing else."""
    for mail in outside.sendgrid.accepted:
        assert mail.message is not None and re.fullmatch("[a-z2-7]{16}", mail.message)
        (one,) = mail.raw["personalizations"]
        assert one["custom_args"] == {"mid": mail.message, "att": "1"}
        assert set(one) == {"to", "headers", "custom_args"}
        assert set(mail.raw) <= {"personalizations", "from", "reply_to", "subject", "content", "tracking_settings"}
    for text in outside.twilio.accepted:
        assert text.message is not None and re.fullmatch("[a-z2-7]{16}", text.message)
        hook = f"https://go.harborclinic.example/hooks/twilio/status?m={text.message}&a=1#rc=3&rp=all"
        assert text.status_callback == hook
        assert text.validity_period is not None and 1 <= text.validity_period <= 36_000
