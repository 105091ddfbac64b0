"""SMTP: what it may carry, and what the relay gets."""

import dataclasses
import re

import pytest

from engine.core.contact import Channel
from engine.core.pacing import Pace
from engine.core.phi import PhiLevel
from engine.providers import Accepted, Attachment, Provider, Refused, Sought, Unknown
from engine.providers.smtp import SmtpProvider
from tests.edges.smtp.relay import FRIDAY, MAIL
from tests.fakes.smtp import SmtpFake, SmtpFault

# --- what it is ---


def test_what_it_carries_depends_on_the_agreement_with_the_relay() -> None:
    plain: Provider = SmtpProvider("127.0.0.1", 25, security="none", pace=Pace(10, 500))
    covered: Provider = SmtpProvider("127.0.0.1", 25, security="none", baa=True)
    levels = [
        (provider.ceiling, [provider.carries(level, MAIL.to) for level in PhiLevel]) for provider in (plain, covered)
    ]
    assert levels == [(PhiLevel.GENERIC, [True, False, False]), (PhiLevel.PATIENT, [True, True, False])]
    assert (plain.name, plain.pace) == ("smtp", Pace(10, 500))
    assert plain.channels == {Channel.EMAIL}


def test_a_relay_cannot_be_asked(provider: SmtpProvider) -> None:
    assert not provider.can_be_asked
    assert isinstance(provider.find(Sought("m1", 1, "ann", Channel.EMAIL, MAIL.to, MAIL.text, FRIDAY)), Unknown)


# --- what the relay gets ---


def test_the_mail_arrives_whole(fake: SmtpFake, provider: SmtpProvider) -> None:
    calendar = Attachment("appointment.ics", "text/calendar; charset=utf-8; method=PUBLISH", b"BEGIN:VCALENDAR\r\n")
    assert provider.send(dataclasses.replace(MAIL, attachments=(calendar,)), FRIDAY) == Accepted(
        "m1.1@harborclinic.example"
    )
    (taken,) = fake.accepted
    assert (taken.to, taken.sender) == ("ann@example.com", "hello@harborclinic.example")
    assert taken.subject == MAIL.subject
    assert taken.text.replace("\r\n", "\n") == MAIL.text
    assert (taken.html or "").replace("\r\n", "\n") == MAIL.html
    assert taken.headers["List-Unsubscribe"] == "<https://go.harborclinic.example/u/abc>"
    assert taken.headers["Date"] == "Fri, 20 Nov 2026 15:00:00 +0000"
    assert taken.attachments[0].content == b"BEGIN:VCALENDAR\r\n"


def test_its_message_id_names_the_attempt(fake: SmtpFake, provider: SmtpProvider) -> None:
    for attempt in (1, 2):
        provider.send(dataclasses.replace(MAIL, attempt=attempt), FRIDAY)
    ids = [taken.headers["Message-ID"] for taken in fake.accepted]
    assert ids == ["<m1.1@harborclinic.example>", "<m1.2@harborclinic.example>"]


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_no_words_can_end_a_mail_or_begin_another(fake: SmtpFake, provider: SmtpProvider, ends: str) -> None:
    text = ends.join(["Dear Ann,", ".", "MAIL FROM:<eve@example.com>", "..", ""])
    assert isinstance(provider.send(dataclasses.replace(MAIL, text=text, html=None), FRIDAY), Accepted)
    assert [taken.text.replace("\r\n", "\n") for taken in fake.accepted] == [text.replace(ends, "\n")]
    assert re.search(rb"[^\r]\n|\r[^\n]", fake.mails[0]) is None


@pytest.mark.parametrize(
    ("reply", "provider_id"),
    [
        ("250 2.0.0 Ok: queued as 4Rk2Xy0z12", "m1.1@harborclinic.example 4Rk2Xy0z12"),
        ("250 OK id=1pQrSt-0001ab-CD", "m1.1@harborclinic.example 1pQrSt-0001ab-CD"),
        ("250 Ok 0100018f-abc-000000", "m1.1@harborclinic.example 0100018f-abc-000000"),
        ("250 2.0.0 queued for ann@example.com", "m1.1@harborclinic.example"),
        ("250", "m1.1@harborclinic.example"),
        ("250 Ok: queued as 4Rk2Xy\x1b[2J", "m1.1@harborclinic.example 4Rk2Xy"),
        ("250 Ok: queued as \x00\x07abcdef", "m1.1@harborclinic.example"),
    ],
)
def test_the_relays_own_name_for_the_mail_is_kept(
    fake: SmtpFake, provider: SmtpProvider, reply: str, provider_id: str
) -> None:
    fake.fail(SmtpFault(at="final", reply=reply))
    assert provider.send(MAIL, FRIDAY) == Accepted(provider_id)


def test_a_name_longer_than_the_send_log_keeps_is_cut(fake: SmtpFake, provider: SmtpProvider) -> None:
    long = dataclasses.replace(MAIL, headers=(("From", f"hello@{'harbor.' * 30}example"),))
    outcome = provider.send(long, FRIDAY)
    assert isinstance(outcome, Accepted)
    assert len(outcome.provider_id) == 128


@pytest.mark.parametrize(
    "change",
    [
        {"to": "ánn@example.com"},
        {"to": "ann@example.com\r\nRCPT TO:<dan@example.com>"},
        {"subject": "Hello\r\nBcc: dan@example.com"},
        {"headers": ()},
        {"headers": (("From", "hello@clínica.example"),)},
        {"headers": (("From", "hello@harbor\x07.example"),)},
        {"headers": (("From", "hello@harbor\x7f.example"),)},
    ],
    ids=repr,
)
def test_what_no_email_may_carry_is_not_offered(
    fake: SmtpFake, provider: SmtpProvider, change: dict[str, object]
) -> None:
    outcome = provider.send(dataclasses.replace(MAIL, **change), FRIDAY)  # type: ignore[arg-type]
    assert isinstance(outcome, Refused)
    assert "@" not in outcome.detail
    assert fake.connections == 0
