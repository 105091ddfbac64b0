"""nurture log, why, message, status, contact, settle: what stands in the rows, in sentences, with masked addresses."""

import json
import sqlite3

import pytest

from engine.cli.seeing import followed
from engine.store import open_store
from tests.cli.conftest import ANN, BOTH, NOON

LATER = "2026-11-30T17:00Z"


@pytest.fixture
def week(nurture):
    """Ann's first week: two messages, one step left out."""
    nurture.ann()
    nurture("tick", "--now", NOON, "--until", LATER)
    return nurture


def rows(nurture, *args):
    return [json.loads(line) for line in nurture("log", "--json", *args).stdout.splitlines()]


# ------------------------------------------------------------------------------------------------------ log


def test_a_line_says_when_to_whom_what_and_why(week):
    lines = week("log").stdout.splitlines()
    assert [line.split("  ")[0] for line in lines] == [
        "2026-11-23 12:00 EST",
        "2026-11-25 10:00 EST",
        "2026-11-26 10:00 EST",
    ]
    assert lines[0].endswith("guide/hello  The provider accepted it.")
    assert lines[2].endswith("skipped    guide/in_english  The step's own condition (`if`) was not met.")


def test_the_log_names_nobody(week):
    assert not {"Ann", "Archer", "ann@example.com", "+16175550101"} & set(week("log", "--json").stdout.split('"'))


@pytest.mark.parametrize(
    ("args", "steps"),
    [
        (("--status", "skipped"), ["in_english"]),
        (("--status", "skipped", "--status", "sent"), ["hello", "question", "in_english"]),
        (("--step", "hello"), ["hello"]),
        (("--channel", "text"), ["question"]),
        (("--channel", "sms", "--campaign", "guide"), ["question"]),
        (("--campaign", "visit"), []),
        (("--since", "2026-11-25T00:00Z"), ["question", "in_english"]),
        (("--last", "1"), ["in_english"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_the_log_can_be_narrowed_down(week, args, steps):
    assert [row["step"] for row in rows(week, *args)] == steps


def test_following_shows_what_is_new_and_what_has_changed(nurture, edit):
    edit(
        "settings.toml",
        "[clinic]",
        '[[mailbox.faults]]\nto = "ann@*"\noutcome = "try_later"\nattempts = [1]\n\n[clinic]',
    )
    ann = nurture.ann()
    turns = iter((NOON, "2026-11-23T17:30Z", "2026-11-25T18:00Z"))
    store = open_store(nurture.database)
    following = followed(store, {"contact_ref": ann}, [], lambda: nurture("tick", "--now", next(turns)) and None)
    seen = [(row.step, row.status) for row in (next(following), next(following), next(following))]
    assert seen == [("hello", "queued"), ("hello", "sent"), ("question", "sent")]
    store.engine.dispose()


# ------------------------------------------------------------------------------------------------------ why


def test_why_tells_the_whole_story(week):
    told = week("why", "ann@example.com", "--now", LATER).stdout
    left_out = (
        "“in_english” was left out. It was due Thu Nov 26 2026, 10:00 AM EST. The step's own condition (`if`) was not"
        " met. The campaign says: if = “contact.language == 'es'”. (Rule: step.if)"
    )
    for sentence in (
        "A. A.",
        "Their clock: America/New_York, as their state says.",
        "Email to a***@e***.com",
        "marketing: yes, since Nov 23 2026, form “web_form”, at most 8 in 30 days",
        "care: no consent",
        "Mon Nov 23 2026, 12:00 PM EST: enquiry (from staff)",
        "The guide (guide): completed",
        "“hello” by email was sent, as it fell due.",
        left_out,
        "Next: Nothing: it ended on Thu Nov 26 2026, 10:00 AM EST. Every step is settled.",
    ):
        assert sentence in told
    assert "ann@example.com" not in told


def test_why_of_one_step_gives_all_that_it_rested_on(week):
    told = week("why", "Archer", "question", "--now", LATER).stdout
    assert "They agreed to such messages on Nov 23 2026 on the form “web_form” (consent 3)." in told
    assert "home_from: state" in told
    assert "no campaign with such a step" in week("why", "Archer", "other", "--now", LATER, code=3).stderr


def test_next_is_decided_afresh(nurture):
    ann = nurture.ann()
    assert "Next: “hello” by email, at the next look." in nurture("why", ann, "--now", NOON).stdout
    nurture("tick", "--now", NOON)
    expected = "Next: “question” by text on Wed Nov 25 2026, 10:00 AM EST at the earliest, if nothing changes before."
    assert expected in nurture("why", ann, "--now", NOON).stdout
    nurture("reply", "STOP", "--from", "617-555-0101", "--now", NOON)
    stopped = "“question” becomes a staff task on Wed Nov 25 2026, 10:00 AM EST at the earliest"
    assert stopped in nurture("why", ann, "--now", NOON).stdout


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("paused", "Nothing while the campaign is paused. To let it go on: nurture resume guide"),
        ("broken", "Nothing, until the campaign's file is repaired: nurture check says what is wrong with it."),
        ("gone", "Nothing: the campaign's file is gone"),
        ("evening", "“hello” is due and waits. The campaign's own send window was closed."),
        ("booking", "Nothing: it ended on Mon Nov 23 2026, 12:00 PM EST, with the event “booking”."),
    ],
)
def test_what_stands_in_the_way_is_told(nurture, edit, what, sentence):
    ann = nurture.ann()
    now = NOON
    if what == "paused":
        nurture("pause", "guide", "--now", NOON)
    if what == "broken":
        edit("campaigns/guide.toml", "purpose", "porpoise")
    if what == "gone":
        (nurture.project / "campaigns" / "guide.toml").unlink()
    if what == "evening":
        now = "2026-11-24T00:00Z"
    if what == "booking":
        nurture("event", "booking", "--contact", ann, "--now", NOON)
    assert sentence in nurture("why", ann, "--now", now).stdout


def test_what_a_campaign_declined_is_told(nurture):
    ann = nurture.ann()
    nurture("event", "enquiry", "--contact", ann, "--at", "2026-11-23T16:59Z", "--now", NOON)
    declined = "guide, after “enquiry” on Nov 23 2026: This person is, or was, enrolled already"
    assert declined in nurture("why", ann, "--now", NOON).stdout


def test_several_people_who_fit_are_offered_by_initials(nurture):
    nurture.ann()
    nurture(
        "event", "enquiry", "--email", "amy@example.org", "--first-name", "Amy", "--last-name", "Archer", "--now", NOON
    )
    said = nurture("why", "archer", code=3).stderr
    assert "2 people fit. Say which one" in said
    assert "A. A." in said and "Amy" not in said


# -------------------------------------------------------------------------------------- message and settle


def test_a_message_shows_its_attempts_and_the_words_as_sent(week):
    ref = rows(week, "--step", "question")[0]["message"]
    told = week("message", ref).stdout
    assert "Harbor Clinic: Have you a question? Call 617-555-0142. STOP to opt out." in told
    assert "to +1********01" in told and "accepted" in told
    assert json.loads(week("message", ref, "--full", "--json").stdout)["words"][0]["to_address"] == "+16175550101"


def test_a_message_in_doubt_is_settled_by_a_person(nurture, edit):
    faults = '[mailbox]\ncan_be_asked = false\n[[mailbox.faults]]\nto = "ann@*"\noutcome = "in_doubt"\n\n[clinic]'
    edit("settings.toml", "[clinic]", faults)
    ann = nurture.ann()
    nurture("tick", "--now", NOON)
    nurture("tick", "--now", "2026-11-23T17:10Z")
    (row,) = rows(nurture)
    told = nurture("why", ann, "--now", NOON).stdout
    assert f"nurture settle {row['message']} sent | not-sent | resend" in told
    assert "1 doubt" in nurture("status", "--now", NOON).stdout
    said = nurture("settle", row["message"], "sent", "--by", "Cat", "--now", "2026-11-23T17:20Z").stdout
    assert said == "It counts as sent. Recorded as decided by Cat.\n"
    assert rows(nurture)[0]["rule"] == "settle Cat"
    assert "No open tasks." in nurture("tasks").stdout
    assert "Nothing to settle: this message is sent." in nurture("settle", row["message"], "resend", code=1).stderr


def test_a_held_message_says_what_to_repair(nurture, edit):
    edit("templates/guide/hello.email.md", '{{ contact.first_name or "friend" }}', "{{ contact.first_name }}")
    nurture("event", "enquiry", "--email", "dan@example.com", "--consent", "web_form:email", "--now", NOON)
    nurture("tick", "--now", NOON)
    (row,) = rows(nurture)
    assert row["status"] == "held"
    assert "contact.first_name" in nurture("log").stdout
    assert "is held back." in nurture("why", "dan@example.com", "--now", NOON).stdout


# --------------------------------------------------------------------------------------------------- status


def test_status_counts_what_is_due_and_balances(week):
    told = week("status", "--now", LATER).stdout
    assert "3 due = 2 sent + 1 skipped\nIt balances." in told
    assert "mailbox    email" in told
    clinic = json.loads(week("status", "--json", "--now", LATER).stdout)
    guide = next(c for c in clinic["campaigns"] if c["name"] == "guide")
    assert (guide["people"], guide["messages"]) == (0, {"sent": 2, "skipped": 1})


def test_a_lost_row_is_seen(week):
    with sqlite3.connect(week.database.removeprefix("sqlite:///")) as conn:
        conn.execute("PRAGMA foreign_keys = OFF")
        conn.execute("DELETE FROM message WHERE step = 'question'")
    told = week("status", "--now", LATER, code=1).stdout
    assert "guide: 1 message missing from the log." in told
    assert "It does NOT balance." in told


def test_status_tells_what_keeps_a_campaign_from_running(nurture, edit):
    nurture.ann()
    nurture("pause", "visit", "--by", "Cat", "--now", NOON)
    edit("campaigns/guide.toml", 'purpose = "marketing"', 'porpoise = "marketing"')
    told = " ".join(nurture("status", "--now", NOON).stdout.split())
    assert "guide: its file is broken and its people wait. campaigns/guide.toml:" in told
    assert "visit: paused by Cat since 2026-11-23 17:00 UTC. To go on: nurture resume visit" in told


def test_status_says_when_nothing_runs(nurture):
    nurture.ann()
    told = nurture("status", "--now", "2026-11-23T20:00Z").stdout
    assert "guide: 1 have been due since 2026-11-23 17:00 UTC. Is `nurture run` running?" in told


# ------------------------------------------------------------------------------------------------- contacts


def test_a_contact_is_shown_masked_unless_asked(nurture):
    nurture("event", "enquiry", *ANN, *BOTH, "--now", NOON)
    short, full = nurture("contact", "show", "ann").stdout, nurture("contact", "show", "ann", "--full").stdout
    assert "a***@e***.com" in short and "Archer" not in short and "Text me." not in short
    assert "ann@example.com" in full and "Ann Archer" in full and "Text me." in full
    assert json.loads(nurture("contact", "show", "ann", "--json").stdout)["name"] == "A. A."
    assert "A. A." in nurture("contact", "list").stdout
    assert "+16175550101" in nurture("contact", "list", "--full").stdout
