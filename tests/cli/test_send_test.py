"""`nurture send-test` says where it goes and by whom, obeys STOP and the night, and tells how the call ended."""

import os
import subprocess
import sys

import pytest

from tests.cli.conftest import NOON
from tests.conftest import ROOT
from tests.fakes.smtp import SmtpFake
from tests.fakes.twilio import TwilioFake
from tests.fakes.web import Fault

ANN = "+16175550101"
FAULT = '\n[[mailbox.faults]]\nto = "*"\noutcome = "{}"\ndetail = "told to"\n'
ENDS = {
    "try_later": "Not sent, for now: told to",
    "refused": "Not sent, and never will be as it is (mailbox): told to",
    "address_blocked": "Not sent: nothing goes to this address (mailbox): told to",
    "misconfigured": "Not sent, and nothing else would be: told to",
    "in_doubt": "It may have gone or not: told to",
}


@pytest.fixture
def send(nurture):
    """`send("me@clinic.com", code=1)`: what it said, at noon."""

    def run(to, *more, code=0, now=NOON):
        return nurture("send-test", "--to", to, "--yes", "--now", now, *more, code=code)

    return run


@pytest.fixture
def twilio(monkeypatch):
    """Texts go by a Twilio on this machine; emails stay in the folder."""
    with TwilioFake() as fake:
        for name, value in {
            "SECRET_KEY": "k" * 40,
            "SENDING__SMS": "twilio",
            "SENDING__REHEARSAL": "true",
            "TWILIO__ACCOUNT_SID": fake.account_sid,
            "TWILIO__AUTH_TOKEN": fake.auth_token,
            "TWILIO__FROM_NUMBER": "+16175550142",
            "TWILIO__BASE_URL": fake.url,
        }.items():
            monkeypatch.setenv(f"NURTURE_{name}", value)
        yield fake


def taken(project):
    """The texts of what the mailbox took."""
    return [path.read_text() for path in sorted(project.glob("var/mailbox/*/*.txt"))]


def test_a_text_says_who_writes_and_how_to_end_it(send, project):
    shown = send("617-555-0101").stdout
    words = "Harbor Clinic: this is a test message. Nothing to do. Reply STOP to stop."
    assert f"One text to {ANN}, into the folder var/mailbox/send-test (nothing leaves this machine): “{words}”" in shown
    assert "Accepted: mailbox calls it mailbox-" in shown
    assert "Asked again, mailbox has it." in shown
    [text] = taken(project)
    assert words in text


def test_an_email_says_who_writes_and_from_where(send, project):
    send("me@clinic.com")
    [text] = taken(project)
    assert 'From:      "Harbor Clinic" <hello@harborclinic.example>' in text
    assert "12 Example Street, Boston, MA 02110" in text


def test_two_tests_have_two_names(send):
    names = {send("me@clinic.com").stdout.partition("mailbox calls it ")[2] for _ in range(2)}
    assert len(names) == 2


def test_it_is_no_part_of_the_send_log(send, nurture):
    send(ANN)
    assert nurture("log", "--json").stdout == ""


@pytest.mark.parametrize(("outcome", "sentence"), ENDS.items(), ids=ENDS)
def test_whatever_is_not_accepted_is_told_with_its_remedy_and_ends_with_1(send, project, outcome, sentence):
    with (project / "settings.toml").open("a") as settings:
        settings.write(FAULT.format(outcome))
    done = send("me@clinic.com", code=1)
    assert sentence not in done.stdout
    said = done.stderr.splitlines()
    at = said.index(sentence)
    assert said[at + 1].endswith((".", "doctor"))


def test_in_doubt_the_provider_is_asked(send, project):
    with (project / "settings.toml").open("a") as settings:
        settings.write(FAULT.format("in_doubt") + "accepted = true\n")
    assert "Asked again, mailbox has one like it: mailbox-" in send(ANN, code=1).stderr


# --------------------------------------------------------------------------------------------- when it says no


def test_a_number_that_answered_stop_gets_nothing(send, nurture, project):
    nurture.ann()
    nurture("reply", "--from", ANN, "STOP", "--now", NOON)
    assert "This number answered STOP: nothing goes there." in send(ANN, code=1).stderr
    assert taken(project) == []


def test_a_number_that_let_only_some_texts_go_on_gets_nothing(send, nurture):
    nurture.ann()
    for words in ("STOP", "START"):  # marketing stays closed
        nurture("reply", "--from", ANN, words, "--now", NOON)
    assert "This number answered STOP" in send(ANN, code=1).stderr


def test_an_address_that_answered_stop_is_called_an_address(send, nurture):
    nurture.ann()
    nurture("reply", "--from", "ann@example.com", "unsubscribe", "--now", NOON)
    said = send("ann@example.com", code=1).stderr
    assert "This address answered STOP" in said
    assert "number" not in said


def test_an_address_that_is_suppressed_gets_nothing(send, nurture):
    nurture.ann()
    nurture("reply", "--from", "ann@example.com", "stop contacting me", "--now", NOON)
    assert "This address is suppressed: nothing goes there." in send("Ann@Example.com", code=1).stderr


@pytest.mark.parametrize(
    ("now", "night"),
    [  # in Boston: 20:59, 21:00, 07:59, 08:00
        ("2026-11-24T01:59Z", False),
        ("2026-11-24T02:00Z", True),
        ("2026-11-24T12:59Z", True),
        ("2026-11-24T13:00Z", False),
    ],
)
def test_no_text_goes_at_night_unless_somebody_insists(send, now, night):
    send(ANN, now=now, code=int(night))
    send(ANN, "--at-night", now=now)
    send("me@clinic.com", now=now)


@pytest.mark.parametrize(
    ("to", "more", "sentence"),
    [
        ("me@", (), "--to: A part of the email address is missing."),
        ("0101", (), "--to: "),
        (ANN, ("--by", "twilio"), "settings do not have it carry a text. [sending] names: mailbox."),
        ("me@clinic.com", ("--by", "smtp"), "settings do not have it carry an email. [sending] names: mailbox."),
        ("me@clinic.com", ("--by", "twilio"), "twilio carries texts; this is an email address."),
        (ANN, ("--by", "smtp"), "smtp carries emails; this is a number."),
        (ANN, ("--by", "twillio"), "there is no such provider. There are: mailbox, twilio, sendgrid, smtp."),
    ],
)
def test_what_cannot_be_sent_is_not_understood(send, to, more, sentence):
    assert sentence in send(to, *more, code=2).stderr


def test_nothing_goes_when_nobody_is_there_to_be_asked(nurture, project):
    assert "Add --yes" in nurture("send-test", "--to", ANN, "--now", NOON, code=2).stderr
    assert taken(project) == []


def test_nothing_goes_when_the_answer_is_no(nurture, project):
    at_a_terminal, typed = os.openpty()
    os.write(at_a_terminal, b"n\n")
    code = "from engine.cli import main; main()"
    options = ["--project", str(project), "--database", nurture.database]
    done = subprocess.run(
        [sys.executable, "-c", code, *options, "send-test", "--to", ANN, "--now", NOON],
        cwd=ROOT,
        stdin=typed,
        capture_output=True,
        text=True,
        timeout=60,
    )
    os.close(typed)
    os.close(at_a_terminal)
    assert done.returncode == 1
    assert f"One text to {ANN}, into the folder" in done.stdout
    assert "Send it? [y/N]" in done.stdout
    assert taken(project) == []


# ------------------------------------------------------------------------------------------- by real providers


def test_twilio_takes_it_and_shows_it_afterwards(nurture, twilio):
    shown = nurture("send-test", "--to", ANN, "--yes", "--at-night", "--by", "twilio").stdout
    assert f"One text to {ANN}, from +16175550142 by twilio" in shown
    [text] = twilio.accepted
    assert f"Accepted: twilio calls it {text.sid}." in shown
    assert "Asked again, twilio has it." in shown


def test_twilio_asks_us_to_slow_down(nurture, twilio):
    twilio.fail(Fault(status=429))
    shown = nurture("send-test", "--to", ANN, "--yes", "--at-night", code=1).stderr
    assert "Not sent, too fast: " in shown


def test_a_code_that_the_provider_s_sentence_says_is_not_repeated(nurture, twilio):
    twilio.fail(Fault(status=400, code=21612))
    shown = nurture("send-test", "--to", ANN, "--yes", "--at-night", code=1).stderr
    assert shown.count("21612") == 1


def test_a_clock_turned_by_hand_is_for_the_mailbox_only(twilio, send):
    assert "--now is for rehearsals" in send(ANN, code=2).stderr
    assert twilio.accepted == []


def test_the_second_carrier_is_tried_by_its_name(nurture, monkeypatch):
    with SmtpFake() as relay:
        for name, value in {
            "SECRET_KEY": "k" * 40,
            "SENDING__EMAIL": "mailbox,smtp",
            "SENDING__REHEARSAL": "true",
            "SMTP__HOST": relay.host,
            "SMTP__PORT": str(relay.port),
            "SMTP__SECURITY": "none",
        }.items():
            monkeypatch.setenv(f"NURTURE_{name}", value)
        shown = nurture("send-test", "--to", "me@clinic.com", "--by", "smtp", "--yes").stdout
        assert "from hello@harborclinic.example by smtp" in shown
        assert [mail.to for mail in relay.accepted] == ["me@clinic.com"]
    shown = nurture("send-test", "--to", "me@clinic.com", "--by", "smtp", "--yes", code=1).stderr
    assert f"Surely not sent: No connection to {relay.host}:{relay.port}: " in shown


@pytest.fixture(autouse=True)
def _every_word_signed(monkeypatch):
    """With real providers no unsigned word may pass, and nothing here is about that."""
    monkeypatch.setenv("NURTURE_SIGNOFF__DEMO", "false")
