"""What goes wrong is told in plain sentences on stderr, with the exit code that fits, and nobody's data."""

import pytest

from engine.cli.opening import a_moment, present
from engine.cli.refusing import No, surprise, told
from engine.config import load_settings
from tests.cli.conftest import NOON

NO = {
    "no such campaign": (3, "There is no such campaign. There are: guide, visit.", "preview guid"),
    "nobody of that name": (3, "Nobody fits.", "why Zaphod"),
    "no such message": (3, "There is no such message.", "message abc"),
    "no such task": (3, "There is no open task of this number.", "tasks done 7"),
    "a pause of what is not there": (3, "There is no such campaign.", "pause other"),
    "no such contact": (3, "There is no such contact.", "event booking --contact x"),
    "a word with a slip": (2, "Did you mean “booking”?", "event bookng --email ann@example.com"),
    "nobody named": (2, "Say who:", "event booking"),
    "no address": (2, "--email: A part of the email address is missing.", "event booking --email ann@"),
    "no consent": (2, "FORM:CHANNEL", "event enquiry --email ann@example.com --consent x"),
    "no data": (2, "KEY=VALUE", "event enquiry --email ann@example.com --data x"),
    "an appointment without a zone": (
        2,
        "It does not say in which zone.",
        "event booking --email ann@example.com --data starts_at=2026-12-01T10:00",
    ),
    "an event to come": (2, "--at lies in the future.", "event enquiry --email ann@example.com --at 2036-01-01T00:00Z"),
    "a day that is no moment": (2, "It does not say in which zone.", "tick --now 2026-11-20"),
    "no moment": (2, "Write it like 2026-11-20T15:00Z.", "tick --now soon"),
    "no such status": (2, "There is no such status. Known: queued", "log --status gone"),
    "until before now": (2, "never turned back", f"tick --now {NOON} --until 2026-11-01T00:00Z"),
    "no such form": (1, "no consent form 'x'", "event enquiry --email ann@example.com --consent x:email"),
    "no such file": (1, "There is no file nothing.csv", "import nothing.csv"),
    "no such command": (2, "No such command", "nonsense"),
}


@pytest.mark.parametrize(("code", "sentence", "args"), NO.values(), ids=NO)
def test_it_says_no_and_what_to_do(nurture, code, sentence, args):
    result = nurture(*args.split(), code=code)
    assert sentence in " ".join(result.stderr.split())
    assert not result.stdout


@pytest.mark.parametrize(("args", "code"), [(("why", "Zaphod"), 3), (("event", "booking", "--email", "zaphod@"), 2)])
def test_it_never_repeats_what_was_typed_about_a_person(nurture, args, code):
    assert "zaphod" not in nurture(*args, code=code).output.lower()


def test_settings_that_are_wrong_are_told_with_line_and_remedy(nurture, edit):
    edit("settings.toml", 'zone = "America/New_York"', 'zone = "America/NewYork"')
    assert "settings.toml:9:8  clinic.zone" in nurture("log", code=1).stderr


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("nonsense", "`database.url` is no address of a database."),
        ("postgresql+psycopg://nobody@127.0.0.1:1/none", "The database cannot be opened"),
    ],
)
def test_a_database_that_is_not_there(nurture, url, sentence):
    nurture.database = url
    assert sentence in nurture("log", code=1).stderr


def test_a_clock_turned_back_is_refused(nurture):
    nurture("tick", "--now", NOON)
    assert "A clock is never turned back" in nurture("tick", "--now", "2026-11-23T16:00Z", code=1).stderr


def test_a_surprise_names_its_class_and_place_only():
    try:
        load_settings("ann@example.com")  # type: ignore[arg-type]
    except AttributeError as error:
        said = str(surprise(error))
    assert said.startswith("Something unexpected went wrong: AttributeError in engine/config/reading.py, line ")
    assert "ann" not in said.replace("unexpected", "")
    assert told(ValueError("ann@example.com")) is None


def test_another_moment_than_now_is_refused_with_a_real_provider(project):
    settings = load_settings(project)
    real = settings.model_copy(update={"sending": settings.sending.model_copy(update={"email": "smtp"})})
    with pytest.raises(No, match="only while every provider is the mailbox"):
        present(a_moment(NOON), real)
