"""What we ask of Twilio and SendGrid, and what our fakes answer, judged by their official documents.

Prism stands between the two. A request that the document does not allow never reaches the fake and comes back as
4xx; an answer that it does not allow comes back as 500. So what is accepted here was right on both sides.
"""

import dataclasses
import json
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.core.contact import Channel
from engine.providers import (
    Absent,
    Accepted,
    AddressBlocked,
    Attachment,
    Found,
    InDoubt,
    Misconfigured,
    Outgoing,
    Refused,
    SlowDown,
    Sought,
    Works,
)
from engine.providers.sendgrid import SendGridProvider
from engine.providers.twilio import TwilioProvider
from tests.contract.conftest import Judged
from tests.fakes.sendgrid import SendGridFake
from tests.fakes.twilio import TwilioFake
from tests.fakes.web import Fault

pytestmark = pytest.mark.contract

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
SERVICE = "MG" + "c" * 32
NUMBER = "+16175550100"
TEXT = Outgoing(message="m1", attempt=1, contact="ann", channel=Channel.SMS, to="+16175550123", text="Tomorrow at 9.")
MAIL = Outgoing(
    message="m1",
    attempt=1,
    contact="ann",
    channel=Channel.EMAIL,
    to="ann@example.com",
    subject="Your guide — welcome",
    text="Dear Ann,\nhere it is. Grüße.\n",
    headers=(("From", '"Clínica Harbor, LLC" <hello@harborclinic.example>'),),
)
CALENDAR = Attachment("appointment.ics", "text/calendar; charset=utf-8; method=PUBLISH", b"BEGIN:VCALENDAR\r\n")
LINKS = (
    ("Reply-To", "frontdesk@harborclinic.example"),
    ("List-Unsubscribe", "<https://go.harborclinic.example/u/abc>, <mailto:hello@harborclinic.example>"),
    ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
)


# --- Twilio ---


@pytest.fixture
def texting(twilio: Judged[TwilioFake]) -> Callable[..., TwilioProvider]:
    """Makes a provider that goes through the proxy; by a number, unless told otherwise."""

    def make(**ways: Any) -> TwilioProvider:
        told = {"auth_token": twilio.fake.auth_token, "from_number": NUMBER, "base_url": twilio.url, **ways}
        return TwilioProvider(twilio.fake.account_sid, callback_base="https://go.harborclinic.example", **told)

    twilio.fake.clock = lambda: NOW
    return make


@pytest.fixture
def login(twilio: Judged[TwilioFake]) -> str:
    return "Basic " + b64encode(f"{twilio.fake.account_sid}:{twilio.fake.auth_token}".encode()).decode()


def messages(twilio: Judged[TwilioFake], sid: str = "") -> str:
    return f"/2010-04-01/Accounts/{twilio.fake.account_sid}/Messages{'/' + sid if sid else ''}.json"


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"text": "Mañana a las 9 — “sí” 🙂"},
        {"text": "a" * 1600},
        {"text": "one & two = 3+4 %20\nand a line"},
        {"to": "+442079460000"},
        {"expires_in": timedelta(hours=3)},
        {"attempt": 2, "message": "0192f0a1-7c5e-7b1e-9d53-0f6a5d2b8c11"},
    ],
    ids=["plain", "not in the GSM alphabet", "long", "letters of a form", "abroad", "expiring", "again"],
)
@pytest.mark.parametrize(
    "way", [{}, {"from_number": None, "messaging_service_sid": SERVICE}], ids=["number", "service"]
)
def test_a_text_and_its_answer_are_as_twilio_has_them(
    twilio: Judged[TwilioFake], texting: Callable[..., TwilioProvider], way: dict[str, Any], change: dict[str, Any]
) -> None:
    out = dataclasses.replace(TEXT, **change)
    provider = texting(**way)
    outcome = provider.send(out, NOW)
    provider.close()
    (taken,) = twilio.fake.accepted
    assert outcome == Accepted(taken.sid)
    assert (taken.to, taken.text, taken.message, taken.attempt) == (out.to, out.text, out.message, out.attempt)
    assert taken.messaging_service_sid == way.get("messaging_service_sid")
    assert taken.validity_period == (10_800 if out.expires_in else None)


def test_an_api_key_serves_as_the_token_does(
    twilio: Judged[TwilioFake], texting: Callable[..., TwilioProvider]
) -> None:
    fake = twilio.fake
    provider = texting(auth_token=None, api_key_sid=fake.api_key_sid, api_key_secret=fake.api_key_secret)
    assert isinstance(provider.send(TEXT, NOW), Accepted)
    assert isinstance(provider.probe(), Works)
    provider.close()


def test_looking_for_a_text_is_a_question_that_twilio_knows(
    twilio: Judged[TwilioFake], texting: Callable[..., TwilioProvider]
) -> None:
    provider = texting()
    sought = Sought("m1", 1, "ann", Channel.SMS, TEXT.to, TEXT.text, NOW)
    assert provider.find(sought) == Absent()
    for number in range(3):
        provider.send(dataclasses.replace(TEXT, message=f"m{number}"), NOW)
    provider.send(dataclasses.replace(TEXT, text="Other words."), NOW)
    assert provider.find(sought) == Found(tuple(taken.sid for taken in twilio.fake.accepted[:3]))
    provider.close()


def test_a_probe_is_a_question_that_twilio_knows(texting: Callable[..., TwilioProvider]) -> None:
    provider = texting()
    health = provider.probe()
    provider.close()
    assert isinstance(health, Works)


def test_what_else_the_fake_answers_is_as_twilio_has_it(
    twilio: Judged[TwilioFake], texting: Callable[..., TwilioProvider], login: str
) -> None:
    provider = texting()
    for number in range(3):
        provider.send(dataclasses.replace(TEXT, message=f"m{number}"), NOW)
    provider.close()
    status, page = twilio.ask("GET", f"{messages(twilio)}?To=%2B16175550123&PageSize=1&Page=1", Authorization=login)
    assert (status, page["start"], page["end"]) == (200, 1, 1)
    assert page["next_page_uri"] and page["previous_page_uri"]
    one = messages(twilio, twilio.fake.accepted[0].sid)
    assert twilio.ask("GET", one, Authorization=login)[0] == 200
    form = "application/x-www-form-urlencoded"
    status, shown = twilio.ask("POST", one, "Status=canceled", Authorization=login, Content_Type=form)
    assert (status, shown["status"]) == (200, "canceled")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(code=21610), AddressBlocked),
        (Fault(code=20003), Misconfigured),
        (Fault(code=20429, retry_after=3), SlowDown),
    ],
    ids=["400", "401", "429"],
)
def test_a_refusal_by_twilio_comes_through(
    twilio: Judged[TwilioFake], texting: Callable[..., TwilioProvider], fault: Fault, expected: type
) -> None:
    twilio.fake.fail(fault)
    provider = texting()
    assert isinstance(provider.send(TEXT, NOW), expected)
    provider.close()


def test_a_request_that_twilio_does_not_know_is_caught(twilio: Judged[TwilioFake], login: str) -> None:
    form = "application/x-www-form-urlencoded"
    status, why = twilio.ask("POST", messages(twilio), "Body=hello", Authorization=login, Content_Type=form)
    assert (status, why["title"]) == (422, "Invalid request")
    assert twilio.fake.requests == 0


def test_a_request_of_our_provider_that_twilio_does_not_know_is_caught(
    twilio: Judged[TwilioFake], texting: Callable[..., TwilioProvider]
) -> None:
    provider = texting(from_number=None, messaging_service_sid="no service")
    outcome = provider.send(TEXT, NOW)
    provider.close()
    assert isinstance(outcome, Refused)
    assert twilio.fake.requests == 0


def test_an_answer_that_twilio_would_not_give_is_caught(
    twilio: Judged[TwilioFake], texting: Callable[..., TwilioProvider]
) -> None:
    twilio.fake.fail(Fault(body=b'{"sid": "SM1", "status": "exploded"}', accepted=True))
    provider = texting()
    outcome = provider.send(TEXT, NOW)
    provider.close()
    assert isinstance(outcome, InDoubt)
    assert "500" in outcome.detail
    assert len(twilio.fake.accepted) == 1


# --- SendGrid ---


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"html": "<p>Dear Ann,<br>here it is.</p>"},
        {"attachments": (CALENDAR, Attachment("map.pdf", "application/pdf", bytes(range(256))))},
        {"headers": (*MAIL.headers, *LINKS)},
        {"headers": (("From", "hello@harborclinic.example"),)},
        {"html": "<p>Hi</p>", "attachments": (CALENDAR,), "headers": (*MAIL.headers, *LINKS), "attempt": 2},
    ],
    ids=["text alone", "html", "attachments", "links to unsubscribe", "sender without a name", "all of it"],
)
def test_a_mail_and_its_answer_are_as_sendgrid_has_them(sendgrid: Judged[SendGridFake], change: dict[str, Any]) -> None:
    out = dataclasses.replace(MAIL, **change)
    provider = SendGridProvider(sendgrid.fake.api_key, base_url=sendgrid.url)
    outcome = provider.send(out, NOW)
    provider.close()
    (taken,) = sendgrid.fake.accepted
    assert outcome == Accepted(taken.sid)
    assert (taken.to, taken.subject, taken.text, taken.html) == (out.to, out.subject, out.text, out.html)
    assert (taken.message, taken.attempt) == (out.message, out.attempt)
    assert [file.content for file in taken.attachments] == [file.content for file in out.attachments]
    assert [request.path for request in sendgrid.fake.seen] == ["/v3/mail/send"]


def test_a_probe_asks_what_the_document_does_not_have(sendgrid: Judged[SendGridFake]) -> None:
    """GET /v3/scopes stands in another of SendGrid's documents, which is not at hand: so it goes past Prism."""
    bearer = f"Bearer {sendgrid.fake.api_key}"
    assert sendgrid.ask("GET", "/v3/scopes", Authorization=bearer)[0] == 404
    provider = SendGridProvider(sendgrid.fake.api_key, base_url=sendgrid.fake.url)
    health = provider.probe()
    provider.close()
    assert isinstance(health, Works)
    assert [(request.method, request.path) for request in sendgrid.fake.seen] == [("GET", "/v3/scopes")]


@pytest.mark.parametrize(
    ("status", "expected"),
    [(400, Refused), (401, Misconfigured), (403, Misconfigured), (413, Refused), (500, InDoubt)],
)
def test_a_refusal_by_sendgrid_is_as_its_document_has_it(
    sendgrid: Judged[SendGridFake], status: int, expected: type
) -> None:
    sendgrid.fake.fail(Fault(status=status))
    provider = SendGridProvider(sendgrid.fake.api_key, base_url=sendgrid.url)
    outcome = provider.send(MAIL, NOW)
    provider.close()
    assert isinstance(outcome, expected)
    bearer, kind = f"Bearer {sendgrid.fake.api_key}", "application/json"
    body = sendgrid.fake.seen[0].body.decode()
    told = sendgrid.ask("POST", "/v3/mail/send", body, Authorization=bearer, Content_Type=kind)
    assert told == (status, json.loads(sendgrid.fake.error(status, None).body))


def test_the_fakes_own_refusals_are_as_sendgrids_document_has_them(sendgrid: Judged[SendGridFake]) -> None:
    provider = SendGridProvider("SG.of.nobody", base_url=sendgrid.url)
    assert isinstance(provider.send(MAIL, NOW), Misconfigured)
    provider.close()
    twice = {"to": [{"email": "ann@example.com"}], "headers": {"Subject": "mine"}}
    mail = {
        "personalizations": [twice, twice],
        "from": {"email": "hello@harborclinic.example"},
        "subject": "Hello",
        "content": [{"type": "text/plain", "value": "Hello"}],
    }
    bearer, kind = f"Bearer {sendgrid.fake.api_key}", "application/json"
    status, why = sendgrid.ask("POST", "/v3/mail/send", json.dumps(mail), Authorization=bearer, Content_Type=kind)
    assert status == 400
    assert {error["field"] for error in why["errors"]} == {
        "personalizations",
        "personalizations.0.headers.Subject",
        "personalizations.1.headers.Subject",
    }


def test_a_batch_id_is_as_sendgrid_has_it(sendgrid: Judged[SendGridFake]) -> None:
    status, batch = sendgrid.ask("POST", "/v3/mail/batch", Authorization=f"Bearer {sendgrid.fake.api_key}")
    assert (status, batch) == (201, {"batch_id": sendgrid.fake.batches[-1]})


def test_a_request_that_sendgrid_does_not_know_is_caught(sendgrid: Judged[SendGridFake]) -> None:
    provider = SendGridProvider(sendgrid.fake.api_key, base_url=sendgrid.url)
    outcome = provider.send(dataclasses.replace(MAIL, to="nobody"), NOW)
    provider.close()
    assert isinstance(outcome, Refused | AddressBlocked)
    assert sendgrid.fake.requests == 0


def test_an_answer_that_sendgrid_would_not_give_is_caught(sendgrid: Judged[SendGridFake]) -> None:
    sendgrid.fake.fail(Fault(status=401, body=b'{"errors": "none"}'))
    provider = SendGridProvider(sendgrid.fake.api_key, base_url=sendgrid.url)
    outcome = provider.send(MAIL, NOW)
    provider.close()
    assert isinstance(outcome, InDoubt)
    assert sendgrid.fake.requests == 1
