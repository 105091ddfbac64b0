"""The mailbox provider: what it writes, what it answers when asked, and every way it can be told to fail."""

import dataclasses
import email
import email.policy
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from email.message import EmailMessage
from pathlib import Path

import pytest

from engine.core.contact import Channel
from engine.core.pacing import UNLIMITED
from engine.core.phi import PhiLevel
from engine.providers import (
    Absent,
    Accepted,
    AddressBlocked,
    Attachment,
    Found,
    InDoubt,
    Misconfigured,
    Outgoing,
    Provider,
    Refused,
    SlowDown,
    Sought,
    TryLater,
    Unknown,
    Unreachable,
    Works,
)
from engine.providers.mailbox import Failure, Fault, MailboxProvider

FRIDAY = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


def an_email(
    message: str = "m1",
    attempt: int = 1,
    contact: str = "ann",
    to: str = "ann@example.com",
    subject: str = "Your guide",
    attachments: tuple[Attachment, ...] = (),
) -> Outgoing:
    return Outgoing(
        message=message,
        attempt=attempt,
        contact=contact,
        channel=Channel.EMAIL,
        to=to,
        subject=subject,
        text="Dear Ann,\nhere it is. Grüße — “us”.\n",
        html="<p>Dear Ann,<br>here it is.</p>\n",
        headers=(
            ("From", '"Harbor Clinic" <hello@harborclinic.example>'),
            ("Reply-To", "frontdesk@harborclinic.example"),
            ("List-Unsubscribe", "<https://go.harborclinic.example/u/abc>"),
        ),
        attachments=attachments,
    )


def a_text(message: str = "m2", attempt: int = 1, contact: str = "bob", to: str = "+16175550109") -> Outgoing:
    text = "Harbor Clinic: see you on Tuesday. Reply STOP to opt out."
    return Outgoing(message=message, attempt=attempt, contact=contact, channel=Channel.SMS, to=to, text=text)


def sought(message: str = "m1", contact: str = "ann", channel: Channel = Channel.EMAIL) -> Sought:
    return Sought(message, 1, contact, channel, to="ann@example.com", text="", started_at=FRIDAY)


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def opened(path: Path) -> EmailMessage:
    mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


# --- what it writes ---


def test_it_is_a_provider_for_both_channels(tmp_path: Path) -> None:
    provider: Provider = MailboxProvider(tmp_path)
    assert provider.name == "mailbox"
    assert provider.channels == {Channel.EMAIL, Channel.SMS}
    assert provider.can_be_asked
    provider.close()


@pytest.mark.parametrize("level", PhiLevel)
def test_it_carries_anything_at_any_speed_because_nothing_leaves_the_machine(tmp_path: Path, level: PhiLevel) -> None:
    provider = MailboxProvider(tmp_path)
    assert provider.carries(level, "ann@example.com")
    assert provider.ceiling is PhiLevel.PERSONAL
    assert provider.pace == UNLIMITED


def test_an_email_becomes_an_eml_with_a_text_beside_it(tmp_path: Path) -> None:
    assert MailboxProvider(tmp_path).send(an_email(), FRIDAY) == Accepted("mailbox-m1-a1")
    assert files(tmp_path) == ["ann/2026-11-20_1500_email_m1_a1.eml", "ann/2026-11-20_1500_email_m1_a1.txt"]


def test_the_eml_is_whole(tmp_path: Path) -> None:
    calendar = Attachment("appointment.ics", "text/calendar; method=PUBLISH", b"BEGIN:VCALENDAR\r\n")
    MailboxProvider(tmp_path).send(an_email(attachments=(calendar,)), FRIDAY)
    mail = opened(tmp_path / "ann/2026-11-20_1500_email_m1_a1.eml")
    assert dict(mail.items()) | {"Content-Type": ""} == {
        "To": "ann@example.com",
        "Subject": "Your guide",
        "Date": "Fri, 20 Nov 2026 15:00:00 +0000",
        "Message-ID": "<m1@harborclinic.example>",
        "Auto-Submitted": "auto-generated",
        "From": "Harbor Clinic <hello@harborclinic.example>",
        "Reply-To": "frontdesk@harborclinic.example",
        "List-Unsubscribe": "<https://go.harborclinic.example/u/abc>",
        "MIME-Version": "1.0",
        "Content-Type": "",
    }
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "text/calendar",
    ]
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert plain.get_content().replace("\r\n", "\n") == "Dear Ann,\nhere it is. Grüße — “us”.\n"
    assert html is not None
    assert html.get_content().replace("\r\n", "\n") == "<p>Dear Ann,<br>here it is.</p>\n"
    (attached,) = mail.iter_attachments()
    assert attached.get_filename() == "appointment.ics"
    assert attached["Content-Type"].params["method"] == "PUBLISH"
    assert attached.get_payload(decode=True) == b"BEGIN:VCALENDAR\r\n"


def test_headers_outside_ascii_are_encoded_and_come_back(tmp_path: Path) -> None:
    out = dataclasses.replace(
        an_email(subject="Su cita — mañana"),
        headers=(("From", '"Clínica Ñandú" <hola@harborclinic.example>'),),
    )
    MailboxProvider(tmp_path).send(out, FRIDAY)
    path = tmp_path / "ann/2026-11-20_1500_email_m1_a1.eml"
    assert path.read_bytes().isascii()
    mail = opened(path)
    assert mail["Subject"] == "Su cita — mañana"
    assert mail["From"].addresses[0].display_name == "Clínica Ñandú"


def test_the_text_beside_it_is_for_reading(tmp_path: Path) -> None:
    calendar = Attachment("appointment.ics", "text/calendar", b"")
    MailboxProvider(tmp_path).send(an_email(attachments=(calendar,)), FRIDAY)
    assert (tmp_path / "ann/2026-11-20_1500_email_m1_a1.txt").read_text(encoding="utf-8") == (
        "To:        ann@example.com\n"
        'From:      "Harbor Clinic" <hello@harborclinic.example>\n'
        "Reply-To:  frontdesk@harborclinic.example\n"
        "Subject:   Your guide\n"
        "Channel:   email, attempt 1\n"
        "Message:   m1\n"
        "Taken:     Friday 2026-11-20 15:00 UTC\n"
        "Attached:  appointment.ics\n"
        "\n"
        "Dear Ann,\n"
        "here it is. Grüße — “us”.\n"
    )


def test_a_text_message_becomes_a_text_alone(tmp_path: Path) -> None:
    assert MailboxProvider(tmp_path).send(a_text(), FRIDAY) == Accepted("mailbox-m2-a1")
    assert files(tmp_path) == ["bob/2026-11-20_1500_sms_m2_a1.txt"]
    words = (tmp_path / "bob/2026-11-20_1500_sms_m2_a1.txt").read_text(encoding="utf-8")
    assert words.startswith("To:        +16175550109\nChannel:   sms, attempt 1\n")
    assert words.endswith("\n\nHarbor Clinic: see you on Tuesday. Reply STOP to opt out.\n")


def test_file_names_are_in_utc_whatever_zone_the_moment_is_in(tmp_path: Path) -> None:
    MailboxProvider(tmp_path).send(a_text(), FRIDAY.astimezone(timezone(timedelta(hours=-5))))
    assert files(tmp_path) == ["bob/2026-11-20_1500_sms_m2_a1.txt"]


def test_the_same_message_gives_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        MailboxProvider(tmp_path / folder).send(an_email(), FRIDAY)
    one, two = (tmp_path / folder / "ann/2026-11-20_1500_email_m1_a1.eml" for folder in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_only_the_owner_may_read_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        MailboxProvider(tmp_path / "box").send(an_email(), FRIDAY)
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in [tmp_path / "box", *(tmp_path / "box").rglob("*")]}
    assert modes == {
        "box": 0o700,
        "ann": 0o700,
        "2026-11-20_1500_email_m1_a1.eml": 0o600,
        "2026-11-20_1500_email_m1_a1.txt": 0o600,
    }


def test_a_second_acceptance_is_there_to_be_seen(tmp_path: Path) -> None:
    provider = MailboxProvider(tmp_path)
    for _ in range(2):
        provider.send(an_email(), FRIDAY)
    provider.send(an_email(attempt=2), FRIDAY)
    assert [name for name in files(tmp_path) if name.endswith(".eml")] == [
        "ann/2026-11-20_1500_email_m1_a1-2.eml",
        "ann/2026-11-20_1500_email_m1_a1.eml",
        "ann/2026-11-20_1500_email_m1_a2.eml",
    ]


def test_many_at_once_are_all_there(tmp_path: Path) -> None:
    provider = MailboxProvider(tmp_path)
    threads = [threading.Thread(target=provider.send, args=(a_text(), FRIDAY)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(files(tmp_path)) == 20
    assert not any(".writing-" in name for name in files(tmp_path))


@pytest.mark.parametrize(
    "out",
    [
        an_email(subject="Hello\r\nBcc: dan@example.com"),
        an_email(to="ann@example.com\nBcc: dan@example.com"),
        an_email(to="ánn@example.com"),
    ],
    ids=["a line end in the subject", "a line end in the address", "an address outside ASCII"],
)
def test_what_no_email_may_carry_is_refused_and_not_written(tmp_path: Path, out: Outgoing) -> None:
    outcome = MailboxProvider(tmp_path).send(out, FRIDAY)
    assert isinstance(outcome, Refused)
    assert "@" not in outcome.detail
    assert files(tmp_path) == []


def test_a_folder_that_cannot_be_written_stops_the_provider(tmp_path: Path) -> None:
    (tmp_path / "box").write_text("in the way")
    outcome = MailboxProvider(tmp_path / "box").send(an_email(), FRIDAY)
    assert isinstance(outcome, Misconfigured)


@pytest.mark.parametrize("contact", ["../ann", "", "a/b", "a.b"])
def test_a_contact_cannot_lead_out_of_the_folder(tmp_path: Path, contact: str) -> None:
    with pytest.raises(AssertionError, match="public id"):
        MailboxProvider(tmp_path).send(a_text(contact=contact), FRIDAY)


# --- what it answers ---


def test_it_finds_what_it_took(tmp_path: Path) -> None:
    provider = MailboxProvider(tmp_path)
    provider.send(an_email(), FRIDAY)
    provider.send(a_text(attempt=2), FRIDAY)
    assert provider.find(sought("m1", "ann")) == Found(("mailbox-m1-a1",))
    assert provider.find(sought("m2", "bob", Channel.SMS)) == Found(("mailbox-m2-a2",))


def test_of_several_attempts_it_names_the_first_first(tmp_path: Path) -> None:
    provider = MailboxProvider(tmp_path)
    for attempt in (3, 2, 10):
        provider.send(a_text(attempt=attempt), FRIDAY)
    ids = ("mailbox-m2-a2", "mailbox-m2-a3", "mailbox-m2-a10")
    assert provider.find(sought("m2", "bob", Channel.SMS)) == Found(ids)


def test_an_attempt_taken_twice_is_one_acceptance_to_find(tmp_path: Path) -> None:
    provider = MailboxProvider(tmp_path)
    for _ in range(2):
        provider.send(an_email(), FRIDAY)
    assert provider.find(sought()) == Found(("mailbox-m1-a1",))


@pytest.mark.parametrize(
    ("message", "contact"),
    [("m1", "dan"), ("m", "ann"), ("m11", "ann"), (".*", "ann")],
    ids=["another contact", "a shorter id", "a longer id", "no pattern"],
)
def test_it_does_not_find_what_it_did_not_take(tmp_path: Path, message: str, contact: str) -> None:
    provider = MailboxProvider(tmp_path)
    provider.send(an_email(), FRIDAY)
    assert provider.find(sought(message, contact)) == Absent()


@pytest.mark.parametrize("left", [".writing-abc", "2026-11-20_1500_email_m1_a1.txt"], ids=["unfinished", "words only"])
def test_what_a_killed_process_left_behind_is_no_evidence(tmp_path: Path, left: str) -> None:
    (tmp_path / "ann").mkdir()
    (tmp_path / "ann" / left).write_text("half")
    assert MailboxProvider(tmp_path).find(sought()) == Absent()


def test_one_that_cannot_be_asked_says_nothing(tmp_path: Path) -> None:
    provider = MailboxProvider(tmp_path, can_be_asked=False)
    provider.send(an_email(), FRIDAY)
    assert isinstance(provider.find(sought()), Unknown)


def test_a_folder_that_cannot_be_read_is_no_evidence_of_absence(tmp_path: Path) -> None:
    (tmp_path / "ann").write_text("in the way")
    assert isinstance(MailboxProvider(tmp_path).find(sought()), Unknown)


# --- whether it works ---


def test_a_probe_makes_the_folder_and_writes_nothing_into_it(tmp_path: Path) -> None:
    assert isinstance(MailboxProvider(tmp_path / "box").probe(), Works)
    assert (tmp_path / "box").stat().st_mode & 0o777 == 0o700
    assert files(tmp_path) == []


def test_a_probe_of_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "box").write_text("in the way")
    assert isinstance(MailboxProvider(tmp_path / "box").probe(), Misconfigured)


# --- how it fails ---


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (Failure.TRY_LATER, TryLater("told")),
        (Failure.SLOW_DOWN, SlowDown("told")),
        (Failure.UNREACHABLE, Unreachable("told")),
        (Failure.REFUSED, Refused("mailbox", "told")),
        (Failure.ADDRESS_BLOCKED, AddressBlocked("mailbox", "told")),
        (Failure.MISCONFIGURED, Misconfigured("told")),
        (Failure.IN_DOUBT, InDoubt("told")),
    ],
)
@pytest.mark.parametrize("make", [an_email, a_text], ids=["email", "sms"])
def test_it_fails_as_told_and_takes_nothing(
    tmp_path: Path, make: Callable[[], Outgoing], failure: Failure, expected: object
) -> None:
    provider = MailboxProvider(tmp_path, [Fault("*", failure, detail="told")])
    assert provider.send(make(), FRIDAY) == expected
    assert files(tmp_path) == []


def test_a_lost_answer_may_hide_an_acceptance(tmp_path: Path) -> None:
    provider = MailboxProvider(tmp_path, [Fault("*", Failure.IN_DOUBT, accepted=True)])
    assert isinstance(provider.send(an_email(), FRIDAY), InDoubt)
    assert provider.find(sought("m1", "ann")) == Found(("mailbox-m1-a1",))


@pytest.mark.parametrize(
    ("fault", "fails"),
    [
        (Fault("*@example.com", Failure.REFUSED), True),
        (Fault("*@EXAMPLE.com", Failure.REFUSED), True),
        (Fault("*@example.org", Failure.REFUSED), False),
        (Fault("*", Failure.REFUSED, attempts=(1, 2)), True),
        (Fault("*", Failure.REFUSED, attempts=(2,)), False),
    ],
    ids=["its domain", "in capitals", "another domain", "this attempt too", "another attempt"],
)
def test_a_fault_is_for_its_addresses_and_attempts(tmp_path: Path, fault: Fault, fails: bool) -> None:
    outcome = MailboxProvider(tmp_path, [fault]).send(an_email(), FRIDAY)
    assert isinstance(outcome, Refused if fails else Accepted)


def test_the_first_fault_that_fits_is_used(tmp_path: Path) -> None:
    faults = [Fault("*", Failure.TRY_LATER, attempts=(1,)), Fault("*", Failure.ADDRESS_BLOCKED)]
    provider = MailboxProvider(tmp_path, faults)
    assert isinstance(provider.send(an_email(attempt=1), FRIDAY), TryLater)
    assert isinstance(provider.send(an_email(attempt=2), FRIDAY), AddressBlocked)
