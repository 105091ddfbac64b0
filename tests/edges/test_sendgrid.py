"""SendGrid: what we ask of it, what each of its answers means, and the faults of its library that we do not have."""

import dataclasses
import logging
import socket
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from engine.core.contact import Channel
from engine.core.pacing import Pace
from engine.core.phi import PhiLevel
from engine.providers import (
    Accepted,
    AddressBlocked,
    Attachment,
    InDoubt,
    Misconfigured,
    Outgoing,
    Provider,
    Refused,
    SlowDown,
    Sought,
    Unknown,
    Unreachable,
    Works,
)
from engine.providers.sendgrid import SendGridProvider
from tests.fakes.sendgrid import SendGridFake
from tests.fakes.server import CERTIFICATE
from tests.fakes.web import Fault, Reply, Request

FRIDAY = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
MAIL = Outgoing(
    message="m1",
    attempt=1,
    contact="ann",
    channel=Channel.EMAIL,
    to="ann@example.com",
    subject="Your guide — welcome",
    text="Dear Ann,\nhere it is. Grüße.\n",
    html="<p>Dear Ann,<br>here it is.</p>\n",
    headers=(
        ("From", '"Clínica Harbor, LLC" <hello@harborclinic.example>'),
        ("Reply-To", "frontdesk@harborclinic.example"),
        ("List-Unsubscribe", "<https://go.harborclinic.example/u/abc>, <mailto:hello@harborclinic.example>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ),
)
CALENDAR = Attachment("appointment.ics", "text/calendar; charset=utf-8; method=PUBLISH", b"BEGIN:VCALENDAR\r\n")


@pytest.fixture
def fake() -> Iterator[SendGridFake]:
    with SendGridFake(clock=lambda: FRIDAY) as fake:
        yield fake


@pytest.fixture
def provider(fake: SendGridFake) -> Iterator[SendGridProvider]:
    provider = SendGridProvider(fake.api_key, base_url=fake.url)
    yield provider
    provider.close()


def a_mail(number: int) -> Outgoing:
    return dataclasses.replace(MAIL, message=f"m{number}", to=f"p{number}@example.com")


# --- what it is ---


def test_it_carries_general_education_by_email_and_cannot_be_asked() -> None:
    provider: Provider = SendGridProvider("SG.key", pace=Pace(10, 500))
    assert (provider.name, provider.pace) == ("sendgrid", Pace(10, 500))
    assert provider.channels == {Channel.EMAIL}
    assert provider.carries(PhiLevel.GENERIC, MAIL.to)
    assert not provider.carries(PhiLevel.PATIENT, MAIL.to)
    assert provider.ceiling is PhiLevel.GENERIC
    assert not provider.can_be_asked
    sought = Sought("m1", 1, "ann", Channel.EMAIL, MAIL.to, MAIL.text, FRIDAY)
    assert isinstance(provider.find(sought), Unknown)


def test_without_a_key_it_does_not_take_the_one_that_lies_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.of.somebody.else")
    with pytest.raises(ValueError, match="API key"):
        SendGridProvider("")


# --- what it asks ---


def test_the_message_arrives_whole(fake: SendGridFake, provider: SendGridProvider) -> None:
    outcome = provider.send(dataclasses.replace(MAIL, attachments=(CALENDAR,)), FRIDAY)
    (taken,) = fake.accepted
    assert outcome == Accepted(taken.sid)
    assert taken.to == "ann@example.com"
    assert taken.sender == "Clínica Harbor, LLC <hello@harborclinic.example>"
    assert taken.raw["reply_to"] == {"email": "frontdesk@harborclinic.example"}
    assert (taken.subject, taken.text, taken.html) == (MAIL.subject, MAIL.text, MAIL.html)
    assert [part["type"] for part in taken.raw["content"]] == ["text/plain", "text/html"]
    (file,) = taken.attachments
    assert (file.filename, file.content) == ("appointment.ics", b"BEGIN:VCALENDAR\r\n")


def test_of_a_files_type_only_the_method_of_a_calendar_stays(fake: SendGridFake, provider: SendGridProvider) -> None:
    text = Attachment("map.txt", "text/plain; charset=utf-8", b"here")
    provider.send(dataclasses.replace(MAIL, attachments=(CALENDAR, text)), FRIDAY)
    types = [file.content_type for file in fake.accepted[0].attachments]
    assert types == ["text/calendar; method=PUBLISH", "text/plain"]


def test_the_links_to_unsubscribe_go_along_and_reserved_headers_do_not(
    fake: SendGridFake, provider: SendGridProvider
) -> None:
    provider.send(MAIL, FRIDAY)
    assert fake.accepted[0].headers == {
        "Auto-Submitted": "auto-generated",
        "List-Unsubscribe": "<https://go.harborclinic.example/u/abc>, <mailto:hello@harborclinic.example>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def test_all_it_keeps_of_the_message_are_opaque_strings(fake: SendGridFake, provider: SendGridProvider) -> None:
    provider.send(dataclasses.replace(MAIL, attempt=2), FRIDAY)
    (person,) = fake.accepted[0].raw["personalizations"]
    assert person["custom_args"] == {"mid": "m1", "att": "2"}
    assert "categories" not in fake.accepted[0].raw
    assert "custom_args" not in fake.accepted[0].raw


def test_nothing_in_it_is_watched_and_no_setting_goes_round_suppressions(
    fake: SendGridFake, provider: SendGridProvider
) -> None:
    provider.send(MAIL, FRIDAY)
    tracking = fake.accepted[0].raw["tracking_settings"]
    assert {name: setting["enable"] for name, setting in tracking.items()} == {
        "click_tracking": False,
        "open_tracking": False,
        "subscription_tracking": False,
        "ganalytics": False,
    }
    assert not tracking["click_tracking"]["enable_text"]
    assert "mail_settings" not in fake.accepted[0].raw


def test_a_mail_of_text_alone_and_a_sender_without_a_name_will_do(
    fake: SendGridFake, provider: SendGridProvider
) -> None:
    plain = dataclasses.replace(MAIL, html=None, headers=(("From", "hello@harborclinic.example"),))
    assert isinstance(provider.send(plain, FRIDAY), Accepted)
    assert fake.accepted[0].sender == "hello@harborclinic.example"


@pytest.mark.parametrize(
    "change",
    [
        {"to": "ánn@example.com"},
        {"to": ""},
        {"to": "ann@example.com\nBcc: dan@example.com"},
        {"subject": ""},
        {"subject": "Hello\r\nBcc: dan@example.com"},
        {"text": ""},
        {"headers": ()},
        {"headers": (("From", "hello@clínica.example"),)},
        {"headers": (("From", "hello@harborclinic.example"), ("X-Note", "one\nanother"))},
        {"attachments": (Attachment("empty.txt", "text/plain", b""),)},
    ],
    ids=lambda change: repr(change)[:60],
)
def test_what_it_would_never_take_is_not_asked(
    fake: SendGridFake, provider: SendGridProvider, change: dict[str, object]
) -> None:
    outcome = provider.send(dataclasses.replace(MAIL, **change), FRIDAY)  # type: ignore[arg-type]
    assert isinstance(outcome, Refused)
    assert outcome.code == "malformed"
    assert "@" not in outcome.detail
    assert fake.requests == 0


# --- what its answers mean ---


class Renaming(SendGridFake):
    """One that calls every request what it is told to; None: nothing."""

    given: str | None = None

    def answer(self, request: Request) -> Reply:
        named = () if self.given is None else (("X-Message-Id", self.given),)
        return dataclasses.replace(super().answer(request), headers=named)


@pytest.mark.parametrize("given", [None, "", "a name with spaces", "x" * 101, "m\x00e", "m\x1b[2J", "mé"])
def test_an_acceptance_without_a_usable_name_is_an_acceptance(given: str | None) -> None:
    with Renaming() as fake:
        fake.given = given
        provider = SendGridProvider(fake.api_key, base_url=fake.url)
        assert provider.send(MAIL, FRIDAY) == Accepted("mid:m1")
        provider.close()


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(status=200), InDoubt),
        (Fault(status=201, body=b"<html>", accepted=True), InDoubt),
        (Fault(status=301), Misconfigured),
        (Fault(status=302), Misconfigured),
        (Fault(status=400), Refused),
        (Fault(status=401), Misconfigured),
        (Fault(status=403), Misconfigured),
        (Fault(status=404), Misconfigured),
        (Fault(status=405), Misconfigured),
        (Fault(status=407), Misconfigured),
        (Fault(status=408), InDoubt),
        (Fault(status=413), Refused),
        (Fault(status=415), Misconfigured),
        (Fault(status=422), Refused),
        (Fault(status=429), SlowDown),
        (Fault(status=500), InDoubt),
        (Fault(status=500, accepted=True), InDoubt),
        (Fault(status=503), InDoubt),
        (Fault(end="reset"), InDoubt),
        (Fault(end="reset", accepted=True), InDoubt),
        (Fault(end="close", accepted=True), InDoubt),
        (Fault(status=202, body=b"{}" * 50, end="truncate"), InDoubt),
    ],
    ids=lambda value: "" if isinstance(value, type) else f"{value.status}-{value.end}-{value.accepted}",
)
def test_each_answer_has_its_outcome(
    fake: SendGridFake, provider: SendGridProvider, fault: Fault, expected: type
) -> None:
    fake.fail(fault)
    outcome = provider.send(MAIL, FRIDAY)
    assert isinstance(outcome, expected)
    assert "@" not in repr(outcome)
    assert fake.requests == 1


def test_an_address_that_it_takes_for_none_is_blocked(fake: SendGridFake, provider: SendGridProvider) -> None:
    outcome = provider.send(dataclasses.replace(MAIL, to="ann"), FRIDAY)
    assert isinstance(outcome, AddressBlocked)
    assert outcome.code == "400"


@pytest.mark.parametrize(
    "headers",
    [
        (("From", "the clinic <nowhere>"),),
        (("From", "hello@harborclinic.example"), ("Reply-To", "nowhere")),
    ],
    ids=["the sender's", "the one for replies"],
)
def test_an_address_of_our_own_that_it_takes_for_none_stops_the_provider(
    provider: SendGridProvider, headers: tuple[tuple[str, str], ...]
) -> None:
    assert isinstance(provider.send(dataclasses.replace(MAIL, headers=headers), FRIDAY), Misconfigured)


def test_a_refusal_names_the_field_and_repeats_no_words(fake: SendGridFake, provider: SendGridProvider) -> None:
    told = b'{"errors": [{"field": "subject", "message": "Ann Example <ann@example.com> is wrong"}, "odd"]}'
    fake.fail(Fault(status=400, body=told))
    assert provider.send(MAIL, FRIDAY) == Refused("400", "SendGrid refused it (400) because of subject.")


@pytest.mark.parametrize(
    "told",
    [b"<html>", b"[]", b'{"errors": "many"}', b'{"errors": [{"field": "ann@example.com"}]}', b"\xff"],
)
def test_a_refusal_that_cannot_be_read_is_a_refusal(
    fake: SendGridFake, provider: SendGridProvider, told: bytes
) -> None:
    fake.fail(Fault(status=400, body=told))
    assert provider.send(MAIL, FRIDAY) == Refused("400", "SendGrid refused it (400).")


@pytest.mark.parametrize(
    ("headers", "after"),
    [
        ((("Retry-After", "7"),), timedelta(seconds=7)),
        ((("Retry-After", "Fri, 20 Nov 2026 15:00:30 GMT"),), timedelta(seconds=30)),
        ((("Retry-After", "Fri, 20 Nov 2026 14:00:00 GMT"),), timedelta(0)),
        ((("X-RateLimit-Reset", str(int(FRIDAY.timestamp()) + 12)),), timedelta(seconds=12)),
        ((("Retry-After", "99999999999999999999"),), None),
        ((("Retry-After", "86400"),), timedelta(hours=1)),
        ((("Retry-After", "soon"),), None),
        ((("X-RateLimit-Reset", "soon"),), None),
        ((), None),
    ],
)
def test_too_many_requests_wait_as_long_as_they_are_told_and_an_hour_at_most(
    fake: SendGridFake, provider: SendGridProvider, headers: tuple[tuple[str, str], ...], after: timedelta | None
) -> None:
    fake.fail(Fault(status=429, headers=headers))
    assert provider.send(MAIL, FRIDAY) == SlowDown("SendGrid asks us to slow down (429).", after)


def test_a_wrong_key_stops_the_provider_and_is_not_repeated(fake: SendGridFake) -> None:
    provider = SendGridProvider("SG.wrong", base_url=fake.url)
    outcome = provider.send(MAIL, FRIDAY)
    assert isinstance(outcome, Misconfigured)
    assert "SG.wrong" not in outcome.detail
    assert fake.accepted == []
    provider.close()


def test_where_nobody_listens_nothing_went() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        provider = SendGridProvider("SG.key", base_url=f"http://127.0.0.1:{held.getsockname()[1]}")
        assert isinstance(provider.send(MAIL, FRIDAY), Unreachable)
        assert isinstance(provider.probe(), Unreachable)


def test_an_untrusted_certificate_means_nothing_went() -> None:
    with SendGridFake(tls=True) as fake:
        provider = SendGridProvider(fake.api_key, base_url=fake.url)
        assert isinstance(provider.send(MAIL, FRIDAY), Unreachable)
        assert fake.requests == 0


# --- whether it works ---


def test_a_probe_asks_what_the_key_may_do_and_sends_nothing(fake: SendGridFake, provider: SendGridProvider) -> None:
    assert provider.probe() == Works("SendGrid takes the API key, and it may send mail.", FRIDAY)
    assert [(request.method, request.path) for request in fake.seen] == [("GET", "/v3/scopes")]
    assert fake.accepted == []


def test_a_key_that_may_not_send_is_named(fake: SendGridFake, provider: SendGridProvider) -> None:
    fake.scopes = ["user.profile.read"]
    health = provider.probe()
    assert isinstance(health, Misconfigured)
    assert "mail.send" in health.detail


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(method="GET", status=401), Misconfigured),
        (Fault(method="GET", status=403), Misconfigured),
        (Fault(method="GET", status=302), Misconfigured),
        (Fault(method="GET", status=429), InDoubt),
        (Fault(method="GET", status=500), InDoubt),
        (Fault(method="GET", body=b"<html>"), InDoubt),
        (Fault(method="GET", body=b'{"scopes": null}'), InDoubt),
        (Fault(method="GET", end="reset"), InDoubt),
    ],
    ids=lambda value: "" if isinstance(value, type) else f"{value.status}-{value.end}-{value.body}",
)
def test_a_probe_that_fails_says_how(
    fake: SendGridFake, provider: SendGridProvider, fault: Fault, expected: type
) -> None:
    fake.fail(fault)
    assert isinstance(provider.probe(), expected)


# --- the faults of its library (section 3.3 of the measured facts) ---


def test_thirty_mails_are_one_connection(fake: SendGridFake, provider: SendGridProvider) -> None:
    for number in range(30):
        assert isinstance(provider.send(a_mail(number), FRIDAY), Accepted)
    assert (len(fake.accepted), fake.connections) == (30, 1)


def test_certificates_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with SendGridFake(tls=True) as fake:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
        provider = SendGridProvider(fake.api_key, base_url=fake.url)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
        for number in range(3):
            assert isinstance(provider.send(a_mail(number), FRIDAY), Accepted)
            fake.stop()  # so that the next one needs a connection of its own
            fake.start()
        provider.close()


def test_a_server_that_never_answers_is_left_in_time(fake: SendGridFake) -> None:
    fake.fail(Fault(end="hang"))
    provider = SendGridProvider(fake.api_key, base_url=fake.url, total=0.2)
    assert isinstance(provider.send(MAIL, FRIDAY), InDoubt)
    provider.close()


def test_an_answer_that_drips_is_left_in_time(fake: SendGridFake) -> None:
    fake.fail(Fault(end="drip", pause=0.05))
    provider = SendGridProvider(fake.api_key, base_url=fake.url, total=0.3)
    assert isinstance(provider.send(MAIL, FRIDAY), InDoubt)
    provider.close()


def test_a_redirect_is_not_followed_so_the_key_stays_with_us(fake: SendGridFake, provider: SendGridProvider) -> None:
    with SendGridFake() as other:
        fake.fail(Fault(method="*", status=302, headers=(("Location", f"{other.url}/v3/mail/send"),)))
        assert isinstance(provider.send(MAIL, FRIDAY), Misconfigured)
        assert isinstance(provider.probe(), Misconfigured)
        assert (other.requests, other.connections) == (0, 0)


def test_many_threads_each_get_the_answer_to_their_own_mail(fake: SendGridFake, provider: SendGridProvider) -> None:
    with ThreadPoolExecutor(16) as pool:
        outcomes = dict(zip(range(200), pool.map(lambda n: provider.send(a_mail(n), FRIDAY), range(200)), strict=True))
    ids = {taken.message: taken.sid for taken in fake.accepted}
    assert outcomes == {number: Accepted(ids[f"m{number}"]) for number in range(200)}
    assert fake.connections <= 16


def test_no_header_of_one_call_comes_back_in_another(fake: SendGridFake, provider: SendGridProvider) -> None:
    provider.probe()
    provider.send(MAIL, FRIDAY)
    provider.probe()
    first, _, last = fake.seen
    assert first.headers == last.headers


def test_neither_key_nor_words_reach_a_log(
    fake: SendGridFake, provider: SendGridProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    provider.send(MAIL, FRIDAY)
    fake.fail(Fault(status=400))
    provider.send(MAIL, FRIDAY)
    assert not [record for record in caplog.records if "sendgrid" in record.name or "http" in record.name]
    assert logging.getLogger("python_http_client.client").getEffectiveLevel() == logging.WARNING


def test_the_librarys_own_client_is_never_used(provider: SendGridProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urllib.request, "build_opener", lambda *_: pytest.fail("it opens connections of its own"))
    assert isinstance(provider.send(MAIL, FRIDAY), Accepted)
