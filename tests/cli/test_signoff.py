"""nurture signoff, signoffs: who stands by which words."""

import json

import pytest

from engine.cli.signable import Words
from engine.core.contact import Channel
from engine.core.signoff import Which

ORTIZ = ("--role", "clinician", "--by", "Dr. Maria Ortiz")
PAT = ("--role", "marketing", "--by", "Pat Dale")
NIGHT = "2026-11-24T03:00Z"  # ten at night in Boston, on the 23rd
SPANISH = "---\nsubject: La guía\npreheader: Unas palabras\n---\nGracias por escribirnos.\n"


def sign(nurture, *args, who=ORTIZ, code=0):
    return nurture("signoff", *who, "--now", NIGHT, "--yes", *args, code=code)


def listed(nurture, *args, code=0):
    """By file: the state of each role."""
    rows = [json.loads(line) for line in nurture("signoffs", "--json", *args, code=code).stdout.splitlines()]
    return {row["file"].removeprefix("templates/"): [part["state"] for part in row["roles"]] for row in rows}


def log(nurture, *args):
    return [json.loads(line) for line in nurture("signoffs", "--log", "--json", *args).stdout.splitlines()]


@pytest.fixture
def signed(nurture):
    """A clinic where both have signed everything."""
    sign(nurture, who=PAT)
    sign(nurture)
    return nurture


@pytest.fixture
def spanish(nurture, edit):
    """The same clinic with one email in Spanish."""
    edit("settings.toml", "[clinic]", '[languages]\nserved = ["en", "es"]\n\n[clinic]')
    (nurture.project / "templates" / "guide" / "hello.es.email.md").write_text(SPANISH, encoding="utf-8")
    return nurture


# --------------------------------------------------------------------------------------------------- signing


def test_what_is_signed_is_shown_first(nurture):
    told = sign(nurture, "guide").stdout
    assert ["guide", "hello", "email", "en"] in [line.split()[:4] for line in told.splitlines()]
    assert "templates/guide/question.sms.txt" in told
    assert "visit" not in told
    assert "2 messages signed as clinician by Dr. Maria Ortiz on 2026-11-23." in told
    assert "Still to be signed as marketing: 2 of them." in told


def test_messages_stand_in_the_order_in_which_they_are_said(nurture):
    (nurture.project / "templates" / "guide" / "aside.sms.txt").write_text("Nobody says this.")
    assert list(listed(nurture, "guide")) == [
        "guide/hello.email.md",
        "guide/question.sms.txt",
        "guide/aside.sms.txt",
    ]


def test_nothing_is_missing_once_every_role_has_signed(nurture):
    assert "not signed by every role" in nurture("signoffs", "--missing", code=1).stdout
    sign(nurture)
    assert listed(nurture, "--missing", code=1)["visit/reminder.sms.txt"] == ["never", "signed"]
    sign(nurture, who=PAT)
    assert nurture("signoffs", "--missing").stdout == "Every role has signed.\n"
    assert "2026-11-23 by Pat Dale" in nurture("signoffs").stdout


def test_answers_to_stop_are_words_like_others(signed):
    assert set(map(tuple, listed(signed, "service").values())) == {("signed", "signed")}


def test_signing_twice_writes_nothing_new(signed):
    before = log(signed)
    assert "Nothing to sign as clinician" in sign(signed).stdout
    assert log(signed) == before


def test_one_message_can_be_signed_alone(nurture):
    sign(nurture, "visit", "--template", "confirmation")
    assert [row["template"] for row in log(nurture)] == ["confirmation"]
    assert "There are no such words." in sign(nurture, "--template", "farewell", code=3).stderr


def test_the_day_may_lie_in_the_past_and_not_ahead(nurture):
    assert "--on: 2026-11-24 is yet to come; at the clinic it is 2026-11-23" in (
        sign(nurture, "--on", "2026-11-24", code=2).stderr
    )
    sign(nurture, "--on", "2026-11-20")
    assert {row["on"] for row in log(nurture)} == {"2026-11-20"}


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--role", "owner", "--by", "Pat"), "no such role. Here sign: marketing, clinician"),
        (("--role", "demo", "--by", "Pat"), "nobody signs as “demo”"),
        (("--role", "clinician", "--by", " "), "--by: write it in letters."),
        (("--role", "clinician", "--by", "x" * 81), "more than 80 characters"),
        (("--role", "clinician", "--by", "Pat", "--why", "so"), "--why goes with --withdraw"),
        (("--role", "clinician", "--by", "Pat", "--on", "yesterday"), "Write it like 2026-11-22."),
    ],
    ids=["role", "demo", "no name", "long name", "why", "day"],
)
def test_what_cannot_be_right_is_refused(nurture, args, said):
    assert said in nurture("signoff", *args, "--yes", code=2).stderr
    assert log(nurture) == []


def test_a_campaign_that_is_not_there_is_named(nurture):
    assert "There is no campaign gide. There are: guide, service, visit." in sign(nurture, "gide", code=3).stderr


def test_where_nobody_can_be_asked_a_yes_is_needed(nurture):
    assert "Add --yes" in nurture("signoff", *ORTIZ, code=2).stderr
    assert log(nurture) == []


# ---------------------------------------------------------------------------------------- words that change


def test_a_signature_ends_when_the_words_change_and_stands_again_when_they_are_changed_back(signed, edit):
    edit("templates/guide/hello.email.md", "thank you", "many thanks")
    assert listed(signed, "--missing", code=1) == {"guide/hello.email.md": ["changed", "changed"]}
    told = " ".join(signed("signoffs", "--missing", code=1).stdout.split())
    assert "words changed since 2026-11-23, by Dr. Maria Ortiz" in told
    edit("templates/guide/hello.email.md", "many thanks", "thank you")
    assert listed(signed, "--missing") == {}


@pytest.mark.parametrize(
    ("file", "old", "new", "number"),
    [
        ("templates/_layout/email.html", "<body>", "<body>Sale!", 2),
        ("settings.toml", "617-555-0142", "617-555-0143", 3),
        ("campaigns/guide.toml", 'purpose = "marketing"', 'purpose = "appointment"', 2),
    ],
    ids=["layout", "clinic", "purpose"],
)
def test_what_stands_around_the_words_is_signed_with_them(signed, edit, file, old, new, number):
    edit(file, old, new)
    missing = listed(signed, "--missing", code=1)
    assert len([name for name in missing if not name.startswith("service/")]) == number


def test_a_signature_of_english_words_covers_no_spanish_ones(signed, spanish):
    assert listed(spanish, "guide", "--missing", code=1) == {"guide/hello.es.email.md": ["never", "never"]}
    sign(spanish, "--language", "es")
    assert listed(spanish, "guide", "--missing", code=1) == {"guide/hello.es.email.md": ["never", "signed"]}


def test_a_language_that_the_clinic_does_not_serve_is_nobodys_business_unless_named(nurture):
    (nurture.project / "templates" / "guide" / "hello.es.email.md").write_text(SPANISH, encoding="utf-8")
    sign(nurture)
    assert {row["language"] for row in log(nurture)} == {"en"}
    sign(nurture, "--language", "es")
    assert log(nurture)[-1]["language"] == "es"


# -------------------------------------------------------------------------------------------------- refusing


def test_words_with_an_error_are_not_signed_and_the_others_are(nurture, edit):
    edit("templates/guide/hello.email.md", "thank you", "{{ contact.nickname }}")
    told = sign(nurture, "guide", code=1)
    assert "templates/guide/hello.email.md:" in told.stderr
    assert "Not signed: 1 thing to mend first." in told.stderr
    assert [row["template"] for row in log(nurture)] == ["question"]


def test_a_warning_is_shown_before_anybody_is_asked_and_the_words_may_be_signed(nurture, edit):
    edit("templates/guide/hello.email.md", "The guide you asked for", "READ OUR GUIDE NOW")
    shouting = "templates/guide/hello.email.md:2:10  warning: subject: More than 30 % of the letters are capitals."
    asked = nurture("signoff", *ORTIZ, "guide", code=2)  # nobody is at the terminal: it ends at the question
    assert shouting in asked.stdout and "Add --yes" in asked.stderr
    assert log(nurture) == []
    told = sign(nurture, "guide").stdout
    assert told.index(shouting) < told.index("2 messages signed as clinician")
    assert shouting not in sign(nurture, "visit").stdout


def test_an_error_elsewhere_is_no_concern_of_theirs(nurture, edit):
    edit("templates/visit/confirmation.email.md", "thank you", "{{ contact.nickname }}")
    sign(nurture, "guide")
    sign(nurture, "visit", "--template", "reminder")
    sign(nurture, "visit", "--template", "confirmation", code=1)


def test_words_of_a_broken_campaign_are_not_signed(nurture, edit):
    edit("campaigns/guide.toml", "purpose", "porpoise")
    assert "campaigns/guide.toml:" in sign(nurture, "guide", code=1).stderr
    assert log(nurture) == []


def test_a_layout_with_an_error_keeps_every_email_from_being_signed(nurture, edit):
    edit("templates/_layout/email.html", "{{ body }}", "")
    sign(nurture, code=1)
    assert {row["channel"] for row in log(nurture)} == {"sms"}


@pytest.mark.parametrize(
    ("file", "email", "text"),
    [
        ("templates/guide/hello.email.md", True, False),
        ("templates/_layout/email.html", True, False),
        ("campaigns/guide.toml", True, True),
        ("campaigns/visit.toml", False, False),
        ("settings.toml", False, False),
    ],
)
def test_an_error_concerns_the_words_that_are_made_of_its_file(file, email, text):
    hello = Words(Which("guide", "hello", Channel.EMAIL, "en"), "templates/guide/hello.email.md", "a1", ())
    question = Words(Which("guide", "question", Channel.SMS, "en"), "templates/guide/question.sms.txt", "b2", ())
    assert (hello.stands_in({file}), question.stands_in({file})) == (email, text)


# ----------------------------------------------------------------------------------------------- withdrawing


def test_a_signature_is_withdrawn_by_an_entry_of_its_own(signed):
    told = sign(signed, "guide", "--withdraw", "--why", "The study was retracted.").stdout
    assert "2 signatures of clinician withdrawn by Dr. Maria Ortiz." in told
    assert set(map(tuple, listed(signed, "guide").values())) == {("signed", "withdrawn")}
    assert "missing: withdrawn 2026-11-23 by" in signed("signoffs", "guide").stdout
    assert listed(signed, "visit")["visit/reminder.sms.txt"] == ["signed", "signed"]
    assert [row["withdrawn"] for row in log(signed, "guide")] == [False] * 4 + [True] * 2
    assert "Nothing to withdraw" in sign(signed, "guide", "--withdraw").stdout


def test_what_was_withdrawn_does_not_come_back_with_the_words(signed, edit):
    edit("templates/guide/hello.email.md", "thank you", "many thanks")
    sign(signed, "guide", "--withdraw")
    edit("templates/guide/hello.email.md", "many thanks", "thank you")
    assert listed(signed, "guide")["guide/hello.email.md"] == ["signed", "withdrawn"]
    sign(signed, "guide")
    assert listed(signed, "guide", "--missing") == {}


# ------------------------------------------------------------------------------------------------------- log


def test_the_log_tells_everything_oldest_first(signed):
    sign(signed, "visit", "--template", "reminder", "--withdraw", "--why", "Too late in the day.")
    first, *_, last = log(signed)
    assert (first["role"], first["by"], first["on"]) == ("marketing", "Pat Dale", "2026-11-23")
    assert first["recorded_at"] == "2026-11-24T03:00:00+00:00"
    assert len(first["hash"]) == 64
    assert first["actor"]
    assert (last["withdrawn"], last["why"]) == (True, "Too late in the day.")
    assert sum(row["withdrawn"] for row in log(signed)) == 1
    lines = signed("signoffs", "--log").stdout.splitlines()
    assert lines[2].startswith("2026-11-23 22:00 EST")
    assert "Too late in the day." in lines[-1]


def test_an_empty_log_says_so(nurture):
    assert nurture("signoffs", "--log").stdout == "Nothing has been signed.\n"
    assert "do not go together" in nurture("signoffs", "--log", "--missing", code=2).stderr


@pytest.mark.parametrize("demo", ["true", "false"])
def test_rehearsals_say_that_words_go_unsigned(nurture, monkeypatch, demo):
    monkeypatch.setenv("NURTURE_SIGNOFF__DEMO", demo)
    told = nurture("signoffs", "--missing", code=1).stdout
    assert ("Until then they go as “demo”, into the mailbox only" in told) == (demo == "true")
