"""nurture event, enrol, reply, receipt: what comes in by hand, once, and what it does."""

import json

from tests.cli.conftest import ANN, BOTH, NOON

LATER = "2026-11-23T18:00Z"


def test_an_enquiry_enrols_whom_it_may(nurture):
    said = nurture("event", "enquiry", *ANN, *BOTH, "--now", NOON).stdout
    assert "Taken. Contact " in said
    assert "Enrolled in: guide." in said


def test_without_consent_it_says_why_nobody_is_enrolled_and_what_to_do(nurture, edit):
    # Without its task for staff the campaign has no way at all to this person.
    edit("campaigns/guide.toml", 'else = { task = "Phone and ask whether they have questions." }\n', "")
    said = nurture("event", "enquiry", *ANN, "--now", NOON).stdout
    assert "Not enrolled in guide. This person has no consented address for anything the campaign sends." in said
    assert "--consent FORM:CHANNEL" in said


def test_an_event_with_an_id_is_taken_once(nurture):
    args = ("event", "enquiry", *ANN, *BOTH, "--id", "E-1", "--now", NOON)
    assert json.loads(nurture(*args, "--json").stdout)["fate"] == "new"
    again = json.loads(nurture(*args, "--json").stdout)
    assert (again["fate"], again["enrolled"]) == ("duplicate", [])


def test_the_same_command_with_the_same_moment_is_the_same_event(nurture):
    args = ("event", "enquiry", *ANN, *BOTH, "--at", NOON, "--now", LATER)
    nurture(*args)
    assert "taken before; nothing changed" in nurture(*args).stdout


def test_a_booking_ends_one_campaign_and_begins_another_and_a_reschedule_moves_it(nurture):
    ann = nurture.ann()
    visit = ("--contact", ann, "--data", "appointment=A-1", "--data")
    said = nurture("event", "booking", *visit, "starts_at=2026-12-01T15:30Z", "--now", LATER).stdout
    assert "Enrolled in: visit." in said and "Left: guide." in said
    said = nurture("event", "reschedule", *visit, "starts_at=2026-12-03T10:30-05:00", "--now", LATER).stdout
    assert "Moved to the new date: visit." in said


def test_staff_enrol_by_hand_as_if_the_first_event_had_come(nurture):
    ann = nurture.ann()
    assert "This campaign needs to know: appointment, starts_at." in nurture("enrol", "visit", ann, code=2).stderr
    data = ("--data", "appointment=A-1", "--data", "starts_at=2026-12-01T15:30Z")
    said = nurture("enrol", "visit", "ann@example.com", *data, "--now", LATER).stdout
    assert "Taken as the event “booking” of Mon Nov 23 2026, 1:00 PM EST, from staff." in said
    assert "Enrolled in: visit." in said


def test_stop_is_obeyed_answered_once_and_start_does_not_bring_marketing_back(nurture):
    ann = nurture.ann()
    said = nurture("reply", "STOP", "--from", "(617) 555-0101", "--now", NOON).stdout
    assert "STOP: nothing more goes to this number. It came from 1 person we know." in said
    assert "The answer goes out at the next look." in said
    nurture("reply", "START", "--from", "617-555-0101", "--now", LATER)
    ways = json.loads(nurture("why", ann, "--json", "--now", LATER).stdout)["ways"]
    sms = next(way["purposes"] for way in ways if way["channel"] == "sms")
    assert sms["marketing"] == "no: they answered STOP (Nov 23 2026)"
    assert sms["appointment"].startswith("yes, since Nov 23 2026, form “web_form”")


def test_stop_by_email_is_said_of_the_address(nurture):
    nurture.ann()
    said = nurture("reply", "unsubscribe", "--from", "ann@example.com", "--now", NOON).stdout
    assert "STOP: nothing more goes to this address." in said


def test_other_words_make_a_task_and_closing_it_lets_automation_go_on(nurture):
    ann = nurture.ann()
    args = ("reply", "Is it covered?", "--from", "ann@example.com", "--id", "R-1", "--now", NOON)
    assert "Words for a person" in nurture(*args).stdout
    assert "taken before" in nurture(*args).stdout
    nurture("tick", "--now", NOON)
    assert "Automation is paused for this person" in nurture("why", ann, "--now", NOON).stdout
    task = json.loads(nurture("tasks", "--json").stdout)
    assert "covered" not in task["words"]
    assert "Is it covered?" in nurture("tasks", "show", str(task["id"])).stdout
    nurture("tasks", "done", str(task["id"]), "--by", "front desk", "--now", LATER)
    assert "No open tasks." in nurture("tasks").stdout
    assert "closed by" not in nurture("tasks", "--all").stdout
    assert "by front desk" in " ".join(nurture("tasks", "--all").stdout.split())
    assert "1 sent" in nurture("tick", "--now", LATER).stdout


def test_a_receipt_is_applied_once_and_forward_only(nurture):
    nurture.ann()
    nurture("tick", "--now", NOON)
    ref = json.loads(nurture("log", "--json").stdout)["message"]
    assert "Applied." in nurture("receipt", ref, "delivered", "--now", LATER).stdout
    assert "taken before" in nurture("receipt", ref, "delivered", "--now", LATER).stdout
    assert "It changes nothing" in nurture("receipt", ref, "sent", "--now", LATER).stdout
    assert "The word is not known here." in nurture("receipt", ref, "opened", "--now", LATER).stdout
    assert "There is no such message." in nurture("receipt", "nothing", "sent", "--now", LATER, code=3).stderr
    assert json.loads(nurture("log", "--json").stdout)["status"] == "delivered"
