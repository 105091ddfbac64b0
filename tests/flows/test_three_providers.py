"""The ninety days once more, by three providers that keep state: SendGrid for whatever anybody may know, a relay for
the rest, Twilio for texts. And without the relay.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from engine.cli import app
from engine.house import House
from engine.store.schema import enrolment
from tests.fakes.sendgrid import SendGridFake
from tests.fakes.smtp import SmtpFake
from tests.fakes.twilio import TwilioFake
from tests.flows.test_ninety_days import ROOT, close, opened
from tests.flows.three import (
    EXPORT,
    SAMPLE,
    Form,
    Outside,
    Row,
    by_mailbox,
    by_three,
    check,
    go_on,
    health_known,
    imported,
    live,
    log_of,
    steps,
    tells,
)

# When a message has lost its point, by its step; one about an appointment when that begins.
LATE = {"what_they_are": timedelta(days=30)}
LATE_ELSE = timedelta(days=3)

export_is_there = pytest.mark.skipif(
    not EXPORT.file.exists(), reason="the shared enquiries.csv is not beside this checkout"
)


@pytest.fixture
def outside() -> Iterator[Outside]:
    """All three, with nothing sent yet."""
    with TwilioFake() as twilio, SendGridFake() as sendgrid, SmtpFake() as smtp:
        yield Outside(twilio, sendgrid, smtp)


def test_three_providers_carry_the_sample_as_the_mailbox_does(outside: Outside, tmp_path: Path) -> None:
    by_three(outside, f"sqlite:///{tmp_path}/three.db", tmp_path, SAMPLE)


@pytest.mark.slow
@pytest.mark.contract
@export_is_there
def test_three_providers_carry_the_shared_export_as_the_mailbox_does(
    outside: Outside, tmp_path: Path, database_url: str
) -> None:
    by_three(outside, database_url, tmp_path, EXPORT)


# --- without the relay


def nurture(url: str, *command: str) -> str:
    """What staff see."""
    result = CliRunner().invoke(app, ["--project", str(ROOT), "--database", url, *command], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def check_held(house: House, mailbox: House) -> list[Row]:
    """Everybody whose health an email would tell of is held, and nobody else waits; the messages that are."""
    log, like = log_of(house), log_of(mailbox)
    since = health_known(mailbox)
    went = [row for row in like if row.channel == "email" and row.status == "sent"]
    concerned = {row.contact_id for row in went if tells(row, since)}
    held = [row for row in log if row.status == "held"]
    assert held and {row.contact_id for row in held} == concerned
    assert {(row.reason, row.channel, row.provider) for row in held} == {("phi_provider", "email", None)}
    others = [row for row in like if row.contact_id not in concerned]
    assert steps([row for row in log if row.contact_id not in concerned]) == steps(others)
    return held


def check_seen(url: str, held: list[Row]) -> None:
    """Staff see each of them, and ops are told once, however many are held."""
    shown = [json.loads(line) for line in nurture(url, "log", "--status", "held", "--json").splitlines()]
    assert {(line["message"], line["reason"]) for line in shown} == {(row.ref, "phi_provider") for row in held}
    status = json.loads(nurture(url, "status", "--json"))
    assert sum(campaign["messages"].get("held", 0) for campaign in status["campaigns"]) == len(held)
    assert status["tasks"]["provider"] == 1


def check_released(house: House, held: list[Row], now: datetime) -> None:
    """What was held until now went by the relay, or is skipped where its step's rule says that it came too late."""
    with house.store.read() as conn:
        begins = {e.id: e.anchor_at for e in conn.execute(sa.select(enrolment))}
    became = {row.ref: row for row in log_of(house)}
    for row in held:
        until = row.first_allowed + LATE.get(row.step, LATE_ELSE)
        if row.campaign == "appointment":
            until = begins[row.enrolment_id]
        now_is = became[row.ref]
        if now <= until:
            assert (now_is.status, now_is.provider) == ("sent", "smtp"), row.ref
        else:
            assert (now_is.status, now_is.reason) in {("skipped", "late"), ("skipped", "begun")}, row.ref


def without_relay(outside: Outside, folder: Path, form: Form, days: int, then: int) -> None:
    """So many days without it; then the settings name one, the engine starts anew, and goes on for so many."""
    mailbox, _ = by_mailbox(folder, form, days)
    url = f"sqlite:///{folder}/two.db"
    house, _ = imported(url, form)
    added = form.begins + timedelta(days=days)
    with outside.at_the_time_of(url):
        with outside.carriers(relay=False) as carriers:
            live(house, carriers, form.begins, days)
        held = check_held(house, mailbox)
        check_seen(url, held)
        check(house, outside)
        close(house)
        house = opened(url)
        with outside.carriers() as carriers:
            go_on(house, carriers, added, added + timedelta(days=then))
    check_released(house, held, added)
    check(house, outside)
    close(house, mailbox)


def test_without_a_relay_what_tells_of_health_is_held_and_goes_when_there_is_one(
    outside: Outside, tmp_path: Path
) -> None:
    without_relay(outside, tmp_path, SAMPLE, 12, 8)


@pytest.mark.slow
@pytest.mark.contract
@export_is_there
def test_without_a_relay_each_person_of_the_shared_export_whom_it_concerns_is_held(
    outside: Outside, tmp_path: Path
) -> None:
    without_relay(outside, tmp_path, EXPORT, 90, 10)
