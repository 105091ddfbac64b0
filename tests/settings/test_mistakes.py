"""Settings: mistakes are told all at once, with their place and what to write."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.settings.written import FORM, SOUND, refused

MISTAKES = [
    ("an unknown key", "[sending]\nchunks = 8\n", "13:1", "sending.chunks", 'Did you mean "chunk"?'),
    ("an unknown section", "[sendin]\nchunk = 8\n", "12:1", "sendin", 'Did you mean "sending"?'),
    (
        "a key far from any",
        "[sending]\nzebra = 8\n",
        "13:1",
        "sending.zebra",
        "There are: email, sms, rehearsal, chunk",
    ),
    ("a number in quotes", '[sending]\nchunk = "x"\n', "13:9", "sending.chunk", "chunk = 32"),
    ("too small a number", "[sending]\nchunk = 0\n", "13:9", "sending.chunk", "at least 1"),
    ("a wait in months", '[sending]\nfirst_delay = "1 month"\n', "13:15", "sending.first_delay", "30 days"),
    ("a cap in other words", '[caps]\nemail = "3 a week"\n', "13:9", "caps.email", "3 per 7 days"),
    ("a misspelt provider", '[sending]\nsms = "twillio"\n', "13:7", "sending.sms", 'Did you mean "twilio"?'),
    (
        "no grace in doubt",
        '[sending]\ndoubt_grace = "0 minutes"\n',
        "13:15",
        "sending.doubt_grace",
        "less than 1 minute",
    ),
    ("a provider nobody has", '[sending]\nsms = "pigeon"\n', "13:7", "sending.sms", "'mailbox' or 'twilio'"),
    ("a language in words", '[languages]\nserved = ["English"]\n', "13:11", "languages.served", '"en"'),
    ("a misspelt outcome", '[[mailbox.faults]]\nto="*"\noutcome="later"\n', "14:9", "outcome", "try_later"),
    (
        "accepted without doubt",
        '[[mailbox.faults]]\nto="*"\noutcome="refused"\naccepted=true\n',
        "12:1",
        "mailbox.faults",
        "in_doubt",
    ),
    ("texts without a number", FORM.replace('frequency = "4 per 30 days"', ""), "18:1", "boxes", "TCPA-C-2"),
    (
        "a form that ends early",
        FORM.replace("2026-06-30", "2025-06-30"),
        "13:1",
        "consent_forms.form",
        "valid_to",
    ),
    ("a form without boxes", FORM.partition("[[")[0], "13:1", "consent_forms.form.boxes", "It is missing"),
    (
        "a date in words",
        FORM.replace("2026-01-01", '"May"'),
        "16:14",
        "valid_from",
        "valid_from = 2026-01-01",
    ),
    ("curly quotes", "[sms]\nstop_reply_by = “engine”\n", "13:17", "", "straight"),
]


@pytest.mark.parametrize(("text", "place", "key", "words"), [row[1:] for row in MISTAKES], ids=[r[0] for r in MISTAKES])
def test_a_mistake_is_told_with_its_place_and_what_to_write(
    project: Callable[[str], Path], text: str, place: str, key: str, words: str
) -> None:
    (finding,) = refused(project(SOUND + text))
    assert str(finding).startswith(f"settings.toml:{place}  ")
    assert key in finding.key
    assert words in str(finding)


CLINIC = [
    ("name", '" "', "It is empty"),
    ("brand", '"Harbor Clinic of Boston"', "at most 15"),
    ("brand", '"Harbor’s"', "plain letters"),
    ("phone", '"555-0142"', "no area code"),
    ("site", '"harborclinic.example"', "https://"),
    ("public_url", '"https://x.example/?a=b"', "plain address"),
    ("zone", '"Eastern"', "no such time zone"),
    ("zone", '"America/New York"', 'Did you mean "America/New_York"?'),
    ("state", '"Massachusetts"', 'state = "MA"'),
    ("email", '"hello"', "no @"),
    ("address", '"12 Example Street\\nBoston"', "one line"),
    ("phone", "6175550142", "text in quotes"),
]


@pytest.mark.parametrize(("key", "value", "words"), CLINIC, ids=[f"{key} {value}" for key, value, _ in CLINIC])
def test_a_clinic_that_cannot_be_right_is_refused(
    project: Callable[[str], Path], key: str, value: str, words: str
) -> None:
    text = re.sub(rf"^{key} = .*$", lambda _: f"{key} = {value}", SOUND, flags=re.MULTILINE)
    (finding,) = refused(project(text))
    assert finding.key == f"clinic.{key}"
    assert words in str(finding)


def test_all_mistakes_are_told_at_once(project: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NURTURE_CAPS__SMS", "many")
    text = SOUND.replace('state = "MA"', "") + "[sending]\nchunk = 0\nemial = 'mailbox'\n"
    assert [finding.key for finding in refused(project(text))] == [
        "NURTURE_CAPS__SMS",
        "clinic.state",
        "sending.chunk",
        "sending.emial",
    ]


def test_a_missing_section_says_what_it_needs(project: Callable[[str], Path]) -> None:
    (finding,) = refused(project(""))
    assert str(finding).startswith("settings.toml  clinic: It is missing. Write a section [clinic] with name, brand")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("NURTURE_CAPS__SMS", "many", "NURTURE_CAPS__SMS=1 per 24 hours"),
        ("NURTURE_SENDING__CHUNKS", "8", "NURTURE_SENDING__CHUNK"),
        ("NURTURE_SENDNG__CHUNK", "8", "Did you mean NURTURE_SENDING__CHUNK?"),
        ("NURTURE_SECRTE_KEY", "x", "Did you mean NURTURE_SECRET_KEY?"),
        ("NURTURE_SENDING", "chunk", "must be JSON"),
        ("NURTURE_TWILIO_AUTH_TOKEN", "x", "Did you mean NURTURE_TWILIO__AUTH_TOKEN? Two underscores"),
        ("NURTURE_SMTP_BAA_ON", "x", "Did you mean NURTURE_SMTP__BAA__ON? Two underscores"),
    ],
    ids=["a bad value", "an unknown key", "an unknown section", "a misspelt secret", "no JSON", "one _", "one _ twice"],
)
def test_a_variable_that_cannot_be_right_is_named(
    project: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    (finding,) = refused(project(SOUND))
    assert finding.file == "environment"
    assert words in str(finding)
