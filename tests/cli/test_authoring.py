"""nurture check, preview, settings, migrate."""

import json
from datetime import UTC, datetime

import pytest

from tests.cli.conftest import NOON, Nurture
from tests.conftest import ROOT

# ---------------------------------------------------------------------------------------------------- check


def test_what_is_in_order_is_said_to_be(nurture):
    assert nurture("check").stdout == "2 campaigns and 10 templates are in order.\n"


def test_what_ships_is_in_order(nurture):
    shipped = Nurture(ROOT, nurture.database)
    assert "are in order." in shipped("check").stdout


def test_every_mistake_is_told_with_its_place(nurture, edit):
    edit("campaigns/guide.toml", "purpose =", "porpoise =")
    edit("templates/visit/reminder.sms.txt", "anchor.day", "anchor.dya")
    (nurture.project / "mappings").mkdir()
    (nurture.project / "mappings" / "form.toml").write_text("sauce = 1\n")
    told = nurture("check", code=1).stdout
    assert "campaigns/guide.toml:3:1  porpoise:" in told
    assert "templates/visit/reminder.sms.txt:1:" in told
    assert "mappings/form.toml:1:9  sauce: `sauce` is not known here.\n" in told
    assert "   Write `source`.\n" in told
    only = nurture("check", "visit", code=1).stdout
    assert "templates/visit/reminder.sms.txt:1:" in only and "campaigns/guide" not in only
    found = [json.loads(line) for line in nurture("check", "guide", "--json", code=1).stdout.splitlines()]
    assert {one["file"] for one in found} == {"campaigns/guide.toml"}
    assert "There is no such campaign." in nurture("check", "other", code=3).stderr


def test_settings_are_checked_first(nurture, edit):
    edit("settings.toml", 'state = "MA"', 'state = "Mass"')
    told = nurture("check", code=1).stdout
    assert "settings.toml:10:9  clinic.state" in told
    assert "Campaigns are looked over once settings.toml is right." in told


# -------------------------------------------------------------------------------------------------- preview


def timeline(nurture, *args):
    said = nurture("preview", *args, "--json").stdout
    return [(one["day"], one["at"], one["step"], one["channel"]) for one in map(json.loads, said.splitlines())]


def test_a_preview_shows_the_timeline_and_every_message(nurture):
    told = nurture("preview", "guide", "--start", NOON).stdout
    assert "The guide (guide), begun Mon Nov 23 2026, 12:00 PM EST" in told
    assert "Dear Ann," in told
    assert "left out. The step's own condition (`if`) was not met." in told
    assert "Harbor Clinic: Have you a question?" in told
    assert "Dear Ann" not in nurture("preview", "guide", "--start", NOON, "--no-words").stdout


def test_a_preview_is_the_same_as_what_is_sent(nurture):
    nurture.ann()
    nurture("tick", "--now", NOON, "--until", "2026-12-31T00:00Z")
    sent = [json.loads(line) for line in nurture("log", "--json").stdout.splitlines()]
    assert [(row["at"], row["step"], row["channel"]) for row in sent] == [
        entry[1:] for entry in timeline(nurture, "guide", "--start", NOON, "--state", "MA")
    ]


@pytest.mark.parametrize(
    ("args", "when"),
    [
        (("--state", "MA"), datetime(2026, 11, 24, 14, 0, tzinfo=UTC)),
        (("--state", "CA"), datetime(2026, 11, 24, 17, 0, tzinfo=UTC)),
        (("--zone", "America/Chicago"), datetime(2026, 11, 24, 15, 0, tzinfo=UTC)),
    ],
    ids=["Massachusetts", "California", "Chicago"],
)
def test_a_preview_minds_where_the_person_lives(nurture, args, when):
    night = "2026-11-24T05:00Z"
    assert timeline(nurture, "guide", "--start", night, "--consent", "email", *args)[0][1] == when.isoformat()


def test_a_preview_minds_consent(nurture):
    assert timeline(nurture, "guide", "--start", NOON, "--consent", "email")[1][2:] == ("question", None)
    assert "task: Phone and ask" in nurture("preview", "guide", "--start", NOON, "--consent", "email").stdout
    assert "visit" not in nurture("preview", "visit", "--consent", "none", "--start", NOON).stdout.split("\n", 4)[4]


def test_a_moved_appointment_is_previewed(nurture):
    args = ("visit", "--start", NOON, "--data", "starts_at=2026-12-01T15:30Z")
    assert [entry[1:3] for entry in timeline(nurture, *args)] == [
        ("2026-11-23T17:00:00+00:00", "confirmation"),
        ("2026-11-30T15:30:00+00:00", "reminder"),
    ]
    moved = timeline(nurture, *args, "--move-on", "2026-11-30T18:00Z", "--move-to", "2026-12-03T15:30Z")
    assert [entry[2] for entry in moved] == ["confirmation", "reminder", "reminder"]


def test_a_real_person_may_be_previewed_and_nothing_is_written(nurture):
    ann = nurture.ann()
    nurture("reply", "STOP", "--from", "617-555-0101", "--now", NOON)
    assert timeline(nurture, "guide", "--contact", ann, "--start", NOON)[1][2:] == ("question", None)
    assert [json.loads(line)["campaign"] for line in nurture("log", "--json").stdout.splitlines()] == ["service"]


def test_a_campaign_that_takes_nobody_says_why(nurture, edit):
    edit("campaigns/guide.toml", 'on = "enquiry"\n', 'on = "enquiry"\nif = "contact.state == \'CA\'"\n')
    said = nurture("preview", "guide", code=1).stderr
    assert (
        "The campaign would not take this person. The campaign's condition for enrolling (`enrol.if`) was not met."
        in said
    )


# ----------------------------------------------------------------------------------- settings and migrate


def test_settings_say_where_each_value_comes_from(nurture, monkeypatch):
    monkeypatch.setenv("NURTURE_CLINIC__BRAND", "Harbor")
    shown = {one["key"]: one for one in map(json.loads, nurture("settings", "--json").stdout.splitlines())}
    assert shown["clinic.brand"]["source"] == "environment NURTURE_CLINIC__BRAND"
    assert shown["clinic.zone"]["source"] == "settings.toml"
    assert shown["sending.chunk"]["source"] == "default"
    assert shown["secret_key"]["value"].startswith("not set")


def test_sqlite_migrates_by_itself(nurture, tmp_path):
    nurture.database = f"sqlite:///{tmp_path}/new/clinic.db"
    assert nurture("log").stdout == "Nothing in the log fits.\n"


def test_postgresql_says_to_migrate(nurture, databases, tmp_path):
    nurture.database = databases.new("postgresql", tmp_path, migrated=False)
    assert "Run: nurture migrate" in nurture("log", code=1).stderr
    assert "at the schema of this version" in nurture("migrate").stdout
    nurture.ann()
    assert "1 sent" in nurture("tick", "--now", NOON).stdout
    assert "It balances." in nurture("status", "--now", NOON).stdout


# ------------------------------------------------------------------------------------ nothing there, nowhere


def test_check_says_that_there_is_no_campaign(nurture):
    for file in (nurture.project / "campaigns").iterdir():
        file.unlink()
    assert "There is no campaign here" in nurture("check", code=1).stdout


def test_preview_refuses_a_zip_that_is_none(nurture):
    assert "--zip is no ZIP code" in nurture("preview", "guide", "--zip", "123", code=2).stderr
