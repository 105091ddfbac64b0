"""The fakes for mail: SendGrid's and the SMTP server; and all of them as processes of their own."""

import http.client
import json
import smtplib
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.fakes.apart import apart
from tests.fakes.sendgrid import SendGridFake
from tests.fakes.server import read_state
from tests.fakes.smtp import SmtpFake, SmtpFault, Stage
from tests.fakes.web import Fault

FRIDAY = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


@pytest.fixture
def sendgrid() -> Iterator[SendGridFake]:
    with SendGridFake(clock=lambda: FRIDAY) as fake:
        yield fake


# --- SendGrid ---

TO = {
    "to": [{"email": "ann@example.com"}],
    "custom_args": {"mid": "m1", "att": "1"},
    "headers": {"List-Unsubscribe": "x"},
}
MAIL: dict[str, Any] = {
    "personalizations": [TO],
    "from": {"email": "hello@harborclinic.example", "name": "Harbor"},
    "subject": "Hello",
    "content": [{"type": "text/plain", "value": "Hi"}, {"type": "text/html", "value": "<p>Hi"}],
    "attachments": [{"content": "eHg=", "type": "text/calendar; method=REQUEST", "filename": "a.ics"}],
}


def mailed(fake: SendGridFake, mail: object, path: str = "/v3/mail/send") -> tuple[int, Any, str | None]:
    by = http.client.HTTPConnection("localhost", fake.port, timeout=5)
    headers = {"Authorization": f"Bearer {fake.api_key}", "Content-Type": "application/json"}
    by.request("POST", path, json.dumps(mail), headers)
    answer = by.getresponse()
    told = answer.status, json.loads(answer.read() or b"null"), answer.headers["X-Message-Id"]
    by.close()
    return told


def test_each_personalization_is_a_mail_of_its_own(sendgrid: SendGridFake) -> None:
    other = {"to": [{"email": "dan@example.com"}], "subject": "For Dan"}
    status, _, sid = mailed(sendgrid, {**MAIL, "personalizations": [TO, other]})
    ann, dan = sendgrid.accepted
    assert status == 202
    assert ann.sid == dan.sid == sid
    assert (ann.to, ann.message, ann.attempt, ann.sender) == (
        "ann@example.com",
        "m1",
        1,
        "Harbor <hello@harborclinic.example>",
    )
    assert (ann.subject, ann.text, ann.html, ann.headers) == ("Hello", "Hi", "<p>Hi", {"List-Unsubscribe": "x"})
    assert [(file.filename, file.content) for file in ann.attachments] == [("a.ics", b"xx")]
    assert (dan.to, dan.subject, dan.message) == ("dan@example.com", "For Dan", None)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"personalizations": []}, "personalizations"),
        ({"personalizations": [TO, {"to": [{"email": "Ann@example.com"}]}]}, "personalizations"),
        ({"personalizations": [{"to": []}]}, "personalizations.0.to"),
        ({"personalizations": [{"to": [{"email": "ann"}]}]}, "personalizations.0.to.0.email"),
        ({"personalizations": [{**TO, "custom_args": {"att": 1}}]}, None),
        ({"personalizations": [{**TO, "custom_args": {"x": "x" * 10_000}}]}, "personalizations.0.custom_args"),
        ({"personalizations": [{**TO, "headers": {"Subject": "x"}}]}, "personalizations.0.headers.Subject"),
        ({"headers": {"X-Note": "one\nanother"}}, "headers.X-Note"),
        ({"from": {"email": "hello"}}, "from.email"),
        ({"reply_to": {"email": "hello"}}, "reply_to.email"),
        ({"subject": ""}, "subject"),
        ({"content": []}, "content"),
        ({"content": [{"type": "text/plain", "value": ""}]}, "content.0.value"),
        ({"content": MAIL["content"][::-1]}, "content"),
        ({"attachments": [{"content": "?", "filename": "a"}]}, "attachments.0.content"),
        ({"attachments": [{"content": "eHg="}]}, "attachments.0.filename"),
        ({"attachments": [{"content": "eHg=", "filename": "a", "type": "a/b; charset=x"}]}, "attachments.0.type"),
        ({"categories": ["a", "a"]}, "categories"),
        ({"send_at": int((FRIDAY + timedelta(hours=73)).timestamp())}, "send_at"),
        ({"from": None}, "from.email"),
        ({"content": "Hi"}, None),
    ],
    ids=lambda value: str(value)[:50],
)
def test_each_mistake_in_a_mail_is_refused(sendgrid: SendGridFake, change: dict[str, Any], field: str | None) -> None:
    status, why, _ = mailed(sendgrid, {**MAIL, **change})
    assert (status, [error["field"] for error in why["errors"]]) == (400, [field])
    assert sendgrid.accepted == []


def scopes(fake: SendGridFake, key: str) -> tuple[int, Any]:
    by = http.client.HTTPConnection("localhost", fake.port, timeout=5)
    by.request("GET", "/v3/scopes", headers={"Authorization": f"Bearer {key}"})
    answer = by.getresponse()
    told = answer.status, json.loads(answer.read()).get("scopes")
    by.close()
    return told


def test_a_key_may_do_what_its_scopes_say(sendgrid: SendGridFake) -> None:
    key = sendgrid.api_key
    assert scopes(sendgrid, key) == (200, sendgrid.scopes)
    assert scopes(sendgrid, "SG.guess") == (401, None)
    sendgrid.scopes = ["alerts.read"]
    assert mailed(sendgrid, MAIL)[0] == 403
    sendgrid.api_key = "SG.turned"
    assert scopes(sendgrid, key) == (401, None)


def test_batch_ids_are_given_and_the_sandbox_takes_nothing(sendgrid: SendGridFake) -> None:
    assert mailed(sendgrid, None, "/v3/mail/batch")[:2] == (201, {"batch_id": sendgrid.batches[0]})
    assert mailed(sendgrid, {**MAIL, "mail_settings": {"sandbox_mode": {"enable": True}}})[0] == 200
    assert sendgrid.accepted == []


def test_a_fault_for_one_recipient_leaves_the_others(sendgrid: SendGridFake) -> None:
    sendgrid.fail(Fault(to="*@example.com", status=500, accepted=True))
    assert mailed(sendgrid, MAIL)[0] == 500
    assert mailed(sendgrid, {**MAIL, "personalizations": [{"to": [{"email": "a@b.example"}]}]})[0] == 202
    assert len(sendgrid.accepted) == 2


# --- SMTP ---


def a_mail(message_id: str = "m1.2@harborclinic.example") -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "hello@harborclinic.example", "ann@example.com", "Grüße"
    mail["Message-ID"] = f"<{message_id}>"
    mail.set_content("Dear Ann,\n.\n..and so on — soon\n")
    mail.add_alternative("<p>Dear Ann</p>", subtype="html")
    mail.add_attachment(b"x\0", maintype="application", subtype="pdf", filename="map.pdf")
    return mail


def handed_over(fake: SmtpFake, to: tuple[str, ...] = ("ann@example.com",)) -> None:
    with smtplib.SMTP("localhost", fake.port, timeout=0.5) as by:
        by.send_message(a_mail(), to_addrs=to)


def test_a_mail_arrives_as_it_was_written() -> None:
    with SmtpFake(clock=lambda: FRIDAY) as fake:
        handed_over(fake, ("ann@example.com", "dan@example.com"))
        ann, dan = fake.accepted
        assert (ann.to, dan.to) == ("ann@example.com", "dan@example.com")
        assert ann.sid == dan.sid
        assert (ann.message, ann.attempt, ann.at, ann.sender) == ("m1", 2, FRIDAY, "hello@harborclinic.example")
        assert (ann.subject, ann.text.splitlines()) == ("Grüße", ["Dear Ann,", ".", "..and so on — soon"])
        assert (ann.html or "").strip() == "<p>Dear Ann</p>"
        assert [(file.filename, file.content) for file in ann.attachments] == [("map.pdf", b"x\0")]
        assert (fake.requests, fake.connections, len(fake.mails)) == (1, 1, 1)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_who_has_a_password_needs_it_and_tls_before(
    security: Literal["starttls", "tls"], mechanism: Literal["PLAIN", "LOGIN"]
) -> None:
    with SmtpFake(security=security, username="clinic", password="pw") as fake:
        by = (
            smtplib.SMTP_SSL("localhost", fake.port, timeout=5, context=fake.context)
            if security == "tls"
            else smtplib.SMTP("localhost", fake.port, timeout=5)
        )
        with by:
            by.ehlo()
            if security == "starttls":
                assert not by.has_extn("auth")
                by.starttls(context=fake.context)
                by.ehlo()
            assert by.mail("hello@harborclinic.example")[0] == 530
            by.user, by.password = "clinic", "wrong"
            way = by.auth_plain if mechanism == "PLAIN" else by.auth_login
            with pytest.raises(smtplib.SMTPAuthenticationError):
                by.auth(mechanism, way)
            by.password = "pw"
            by.auth(mechanism, way)
            by.send_message(a_mail())
        assert len(fake.accepted) == 1


@pytest.mark.parametrize("accepted", [False, True], ids=["lost", "taken"])
@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        ({"reply": "451 4.3.0 try later"}, smtplib.SMTPResponseException),
        ({"reply": "421 4.3.2 closing", "end": "close"}, smtplib.SMTPResponseException),
        ({"end": "close"}, smtplib.SMTPServerDisconnected),
        ({"end": "reset"}, smtplib.SMTPServerDisconnected),
        ({"end": "hang"}, smtplib.SMTPServerDisconnected),
    ],
)
def test_after_the_final_dot_all_may_happen(fault: dict[str, Any], raised: type[Exception], accepted: bool) -> None:
    with SmtpFake() as fake:
        fake.fail(SmtpFault(at="final", accepted=accepted, **fault))
        with pytest.raises(raised):
            handed_over(fake)
        assert len(fake.accepted) == accepted


@pytest.mark.parametrize("end", ["reply", "close", "reset", "hang"])
@pytest.mark.parametrize("at", ["connect", "ehlo", "mail", "rcpt", "data"])
def test_at_each_stage_it_can_fail(at: Stage, end: Literal["reply", "close", "reset", "hang"]) -> None:
    with SmtpFake() as fake:
        fake.fail(SmtpFault(at=at, end=end, reply="451 4.3.0 no" if end == "reply" else None, times=1))
        if (at, end) == ("ehlo", "reply"):
            handed_over(fake)  # smtplib then says HELO
        else:
            with pytest.raises((smtplib.SMTPException, ConnectionError, TimeoutError)):
                handed_over(fake)
        assert len(fake.accepted) == ((at, end) == ("ehlo", "reply"))


def test_one_bad_recipient_does_not_stop_the_others() -> None:
    with SmtpFake() as fake:
        fake.fail(SmtpFault(at="rcpt", reply="550 5.1.1 no such user", to="gone@*"))
        handed_over(fake, ("gone@example.com", "ann@example.com"))
        assert [taken.to for taken in fake.accepted] == ["ann@example.com"]


def test_commands_in_one_piece_and_out_of_order_are_answered() -> None:
    with SmtpFake() as fake, socket.create_connection(("localhost", fake.port), timeout=5) as by:
        expected = {
            "EHLO me": "250",
            "DATA": "503",
            "MAIL nobody": "501",
            "MAIL FROM:<a@b.example>": "250",
            "RCPT TO:<no address>": "553",
            "HELO me": "250",
            "RCPT TO:<c@d.example>": "503",
            "RSET": "250",
            "NOOP": "250",
            "VRFY": "502",
            "QUIT": "221",
        }
        by.sendall("".join(f"{command}\r\n" for command in expected).encode())
        said = b"".join(iter(lambda: by.recv(4096), b"")).decode()
        codes = [line[:3] for line in said.splitlines() if line[3] == " "]
        assert codes == ["220", *expected.values()]


# --- processes of their own ---


def test_sendgrid_in_its_own_process_writes_down_what_it_takes_before_it_answers(tmp_path: Path) -> None:
    state = tmp_path / "taken.jsonl"
    with apart("sendgrid", "--state", str(state), "--key", "SG.another") as (port, _):
        fake = SendGridFake("SG.another")
        fake.port = port
        sids = [mailed(fake, MAIL)[2] for _ in range(2)]
    assert [(one.sid, one.to, one.message) for one in read_state(state)] == [
        (sid, "ann@example.com", "m1") for sid in sids
    ]


def test_smtp_in_its_own_process_writes_down_what_it_takes_before_it_answers(tmp_path: Path) -> None:
    state = tmp_path / "taken.jsonl"
    with apart("smtp", "--state", str(state)) as (port, _):
        fake = SmtpFake()
        fake.port = port
        handed_over(fake)
        handed_over(fake)
    assert [(one.message, one.attempt) for one in read_state(state)] == [("m1", 2)] * 2
