"""The ninety days once more, by three providers that keep state: SendGrid for whatever anybody may read, a relay for the
rest, Twilio for texts. After ten days every fifth person books, so that appointments are among it.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from engine.cli import app
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
from engine.store.schema import contact, enrolment, event, message, message_body, task
from engine.tick import turn
from tests.fakes.sendgrid import SendGridFake
from tests.fakes.server import Taken
from tests.fakes.smtp import SmtpFake
from tests.fakes.twilio import TwilioFake
from tests.flows.test_ninety_days import ROOT, SHARED, check_all, close, opened

SAMPLE = ROOT / "examples" / "enquiries.csv"
SAMPLE_BEGINS = datetime(2026, 3, 5, 14, 0, tzinfo=UTC)
SHARED_BEGINS = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
BOOKED_AFTER = timedelta(days=10)
EVERY = 5  # one in so many books

# When a message has lost its point, by its step; an email about an appointment once that has begun.
LATE = {"what_they_are": timedelta(days=30)}
LATE_ELSE = timedelta(days=3)

Row = sa.Row[Any]


@dataclass
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

        fakes = (self.twilio, self.sendgrid, self.smtp)
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
        """The ways to them; to Twilio and SendGrid also by another address, where a proxy stands before them."""
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


@pytest.fixture
def outside() -> Iterator[Outside]:
    """All three, with nothing sent yet."""
    with TwilioFake() as twilio, SendGridFake() as sendgrid, SmtpFake() as smtp:
        yield Outside(twilio, sendgrid, smtp)


# --------------------------------------------------------------------------------------------------- what happens


def imported(url: str, file: Path, start: datetime) -> tuple[House, Imported]:
    house = opened(url)
    table = read_table(file.read_bytes())
    mapping = Mapping.read((ROOT / "mappings" / "web_form.toml").read_text(encoding="utf-8"))
    assert isinstance(table, Table) and isinstance(mapping, Mapping)
    return house, import_rows(house, table, mapping, start)


def live(house: House, carriers: Carriers, start: datetime, days: int) -> None:
    """So many days, with the bookings."""
    then = start + BOOKED_AFTER
    go_on(house, carriers, start, then)
    then += timedelta(minutes=1)  # what went at the same moment went before anybody booked
    book(house, then)
    go_on(house, carriers, then, start + timedelta(days=days))


def go_on(house: House, carriers: Carriers, now: datetime, until: datetime) -> None:
    for _ in turn(house, carriers, now, until):
        pass


def book(house: House, now: datetime) -> None:
    """One person in five books, and agrees at the desk to be written to about it."""
    consents = tuple(Granted(channel, "booking_2026") for channel in Channel)
    with house.store.read() as conn:
        refs = list(conn.execute(sa.select(contact.c.ref).order_by(contact.c.id)).scalars())[::EVERY]
    for number, ref in enumerate(refs):
        starts = now + timedelta(days=4 + number % 9, hours=3)
        what = {"appointment": f"a-{number}", "starts_at": starts.isoformat()}
        take_event(house, Incoming(Event("desk", f"b-{number}", "booking", now, what), Who(ref=ref), consents), now)


def by_mailbox(folder: Path, file: Path, start: datetime, days: int = 90) -> tuple[House, Imported]:
    """The same days as the mailbox has them: what the others are compared with."""
    house, fates = imported(f"sqlite:///{folder}/mailbox.db", file, start)
    live(house, Carriers.only(MailboxProvider(folder / "mailbox", ())), start, days)
    return house, fates


# ------------------------------------------------------------------------------------------- what must hold of it


def log_of(house: House) -> list[Row]:
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


def check_balance(house: House, log: list[Row]) -> None:
    """Decision 23: what the enrolments say was decided stands in the log, message by message."""
    with house.store.read() as conn:
        assert Counter(row.campaign for row in log) == seeing.decided(conn)
    assert max(Counter((r.enrolment_id, r.step, r.occurrence) for r in log).values()) == 1


def check_accepted(house: House, outside: Outside) -> None:
    """What each provider took is what the log says that it sent, word for word, at that moment, and once."""
    m, b = message.c, message_body.c
    said = sa.and_(b.message_id == m.id, b.attempt == m.tries)
    columns = (m.ref, m.tries, b.to_address, b.subject, b.text, b.html, m.sent_at)
    for name, accepted in outside.accepted.items():
        query = sa.select(*columns).join(message_body, said).where(m.provider == name, m.status == "sent")
        with house.store.read() as conn:
            sent = Counter(tuple(row) for row in conn.execute(query))
        took = Counter((t.message, t.attempt, t.to, t.subject, _lines(t.text), _lines(t.html), t.at) for t in accepted)
        assert took == sent, name
        assert max(Counter(t.message for t in accepted).values(), default=1) == 1, name
        assert {t.attempt for t in accepted} <= {1}, name


def _lines(words: str | None) -> str | None:
    """As they were before an email's line endings, and the end that it gives to the last."""
    return None if words is None else words.replace("\r\n", "\n")


def check_levels(house: House, log: list[Row]) -> None:
    """By SendGrid went what anybody may read and nothing else; whatever it may carry went by it."""
    since = health_known(house)
    for row in log:
        if row.channel == "email" and row.status == "sent":
            assert row.provider == ("smtp" if tells(row, since) else "sendgrid"), row.ref


def tells(row: Row, since: dict[int, datetime]) -> bool:
    """Whether a message that went told its reader's provider of somebody whose health we knew of."""
    return row.contact_id in since and since[row.contact_id] <= row.sent_at


def check_metadata(outside: Outside) -> None:
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


def check_ninety_days(house: House, outside: Outside, mailbox: House) -> None:
    log = log_of(house)
    assert steps(log) == steps(log_of(mailbox))
    check_balance(house, log)
    check_accepted(house, outside)
    check_levels(house, log)
    check_metadata(outside)
    assert all(outside.accepted.values())


# ------------------------------------------------------------------------------------------------------- the runs


def three(outside: Outside, url: str, folder: Path, file: Path, start: datetime, rows: int, **proxies: str) -> None:
    """Ninety days by the three, and beside them by the mailbox."""
    mailbox, fates = by_mailbox(folder, file, start)
    check_all(mailbox, fates, folder / "mailbox", rows)
    house, _ = imported(url, file, start)
    with outside.at_the_time_of(url), outside.carriers(**proxies) as carriers:
        live(house, carriers, start, 90)
    check_ninety_days(house, outside, mailbox)
    close(house, mailbox)


def test_three_providers_carry_the_sample_as_the_mailbox_does(outside: Outside, tmp_path: Path) -> None:
    three(outside, f"sqlite:///{tmp_path}/three.db", tmp_path, SAMPLE, SAMPLE_BEGINS, 31)


@pytest.mark.slow
@pytest.mark.contract
@pytest.mark.skipif(not SHARED.exists(), reason="the shared enquiries.csv is not beside this checkout")
def test_three_providers_carry_the_shared_export_as_the_mailbox_does(
    outside: Outside, tmp_path: Path, database_url: str
) -> None:
    three(outside, database_url, tmp_path, SHARED, SHARED_BEGINS, 326)


# --------------------------------------------------------------------------------------------- without the relay


def nurture(url: str, *command: str) -> str:
    """What staff see."""
    result = CliRunner().invoke(app, ["--project", str(ROOT), "--database", url, *command], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def check_held(house: House, url: str, mailbox: House, days: int) -> None:
    """Everybody whose health an email would tell of is held, nobody else waits, and ops were told."""
    log, like = log_of(house), log_of(mailbox)
    since = health_known(mailbox)
    went = [row for row in like if row.channel == "email" and row.status == "sent"]
    concerned = {row.contact_id for row in went if tells(row, since)}
    held = [row for row in log if row.status == "held"]
    assert held and {row.contact_id for row in held} == concerned
    assert {(row.reason, row.channel, row.provider) for row in held} == {("phi_provider", "email", None)}
    others = [row for row in like if row.contact_id not in concerned]
    assert steps([row for row in log if row.contact_id not in concerned]) == steps(others)
    check_balance(house, log)
    shown = [json.loads(line) for line in nurture(url, "log", "--status", "held", "--json").splitlines()]
    assert {line["message"] for line in shown} == {row.ref for row in held}
    status = json.loads(nurture(url, "status", "--json"))
    assert sum(campaign["messages"].get("held", 0) for campaign in status["campaigns"]) == len(held)
    assert 1 <= status["tasks"]["provider"] <= days  # at most one a day, however many messages are held


def check_released(house: House, held: list[Row], now: datetime) -> None:
    """What was held until now went, or is skipped because it came too late by its step's rule."""
    starts = {}
    with house.store.read() as conn:
        for e in conn.execute(sa.select(enrolment)):
            starts[e.id] = e.anchor_at
    by_ref = {row.ref: row for row in log_of(house)}
    for row in held:
        became = by_ref[row.ref]
        until = starts[row.enrolment_id] if row.campaign == "appointment" else None
        until = until or row.first_allowed + LATE.get(row.step, LATE_ELSE)
        if now <= until:
            assert (became.status, became.provider) == ("sent", "smtp"), row.ref
        else:
            assert (became.status, became.reason) in {("skipped", "late"), ("skipped", "begun")}, row.ref


def without_relay(outside: Outside, url: str, folder: Path, file: Path, start: datetime, days: int, then: int) -> None:
    """So many days without the relay, and then so many with it."""
    mailbox, _ = by_mailbox(folder, file, start, days)
    house, _ = imported(url, file, start)
    added = start + timedelta(days=days)
    with outside.at_the_time_of(url):
        with outside.carriers(relay=False) as carriers:
            live(house, carriers, start, days)
        check_held(house, url, mailbox, days)
        check_levels(house, log_of(house))
        held = [row for row in log_of(house) if row.status == "held"]
        close(house)
        house = opened(url)
        with outside.carriers() as carriers:
            go_on(house, carriers, added, added + timedelta(days=then))
        check_released(house, held, added)
        check_balance(house, log_of(house))
        check_accepted(house, outside)
        check_levels(house, log_of(house))
    close(house, mailbox)


def test_without_a_relay_what_tells_of_health_is_held_until_there_is_one(outside: Outside, tmp_path: Path) -> None:
    without_relay(outside, f"sqlite:///{tmp_path}/two.db", tmp_path, SAMPLE, SAMPLE_BEGINS, 12, 8)


@pytest.mark.slow
@pytest.mark.contract
@pytest.mark.skipif(not SHARED.exists(), reason="the shared enquiries.csv is not beside this checkout")
def test_without_a_relay_what_the_shared_export_tells_of_health_is_held(outside: Outside, tmp_path: Path) -> None:
    without_relay(outside, f"sqlite:///{tmp_path}/two.db", tmp_path, SHARED, SHARED_BEGINS, 90, 10)
