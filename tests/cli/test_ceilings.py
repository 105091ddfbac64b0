"""nurture check says beforehand what no provider may carry, and which providers the settings put together."""

import json

import pytest

from engine.catalogue import catalogue
from engine.cli.opening import carriers_of, read_again, with_catalogue
from engine.config import load_settings
from engine.core.contact import Channel
from engine.core.pacing import Pace
from engine.core.phi import PhiLevel
from engine.store import open_store
from tests.cli.conftest import Nurture
from tests.conftest import ROOT

SECRETS = {
    "NURTURE_SECRET_KEY": "k" * 32,
    "NURTURE_TWILIO__AUTH_TOKEN": "a-token",
    "NURTURE_SENDGRID__API_KEY": "a-key",
    "NURTURE_SMTP__PASSWORD": "a-password",
}
REAL = """
[sending]
email = {email}
sms = "twilio"
[twilio]
account_sid = "AC00000000000000000000000000000000"
from_number = "+16175550142"
base_url = "http://127.0.0.1:9"
per_second = 3
per_day = 2000
[sendgrid]
base_url = "http://127.0.0.1:9"
[smtp]
host = "127.0.0.1"
security = "none"
username = "nurture"
"""
SMTP_BAA = '[smtp.baa]\nsigned_by = "Dr. Ortiz"\non = 2026-01-31\n'
TWILIO_BAA = '[twilio.baa]\nsigned_by = "Dr. Ortiz"\non = 2026-01-31\nhipaa_project = true\n'
BOTH = '["sendgrid", "smtp"]'


@pytest.fixture
def real(project, monkeypatch):
    """`real('"sendgrid"', SMTP_BAA)`: the project sends by real providers, with these sections besides."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    sound = (project / "settings.toml").read_text()

    def write(email: str, *sections: str) -> None:
        (project / "settings.toml").write_text(sound + REAL.format(email=email) + "".join(sections))

    return write


def test_messages_of_patients_that_nobody_may_carry_are_there_to_mend(nurture, real):
    real('"sendgrid"')
    told = nurture("check", code=1).stdout.splitlines()
    assert told[0] == (
        "campaigns/visit.toml:14:1  step.email: It tells that its reader is a patient, which sendgrid may not carry"
        " (HIP-1): all 2 emails of this kind would be held."
    )
    assert told[3] == (
        "   Add a relay that has signed a BAA:"
        ' email = ["sendgrid", "smtp"], [smtp], and [smtp.baa] with signed_by and on.'
    )
    assert told[5].startswith(
        "campaigns/visit.toml:18:1  step.sms: It tells that its reader is a patient, which twilio"
    )
    assert told[8].endswith("write [twilio.baa] with signed_by, on and hipaa_project = true.")
    assert told[-1] == "2 errors in campaigns/visit.toml."


def test_a_relay_without_an_agreement_is_told_to_get_one(nurture, real):
    real(BOTH, TWILIO_BAA)
    told = nurture("check", code=1).stdout
    assert "which sendgrid and smtp may not carry" in told
    assert "\n   Once the relay's BAA is signed, write [smtp.baa] with signed_by and on.\n" in told


def test_whose_marketing_would_be_held_is_a_note_and_no_mistake(nurture, real, project):
    real('"sendgrid"', TWILIO_BAA)
    (project / "campaigns" / "visit.toml").unlink()
    told = nurture("check").stdout.splitlines()
    assert told[0] == (
        "campaigns/guide.toml:15:1  note: step.email: Who named a condition, wrote a comment or ever booked counts as a"
        " patient (HIP-2), to whom sendgrid may not carry it (HIP-1): for them it would be held."
    )
    assert told[-1] == "1 campaign and 10 templates are in order."
    (note,) = [json.loads(line) for line in nurture("check", "--json").stdout.splitlines()]
    assert (note["note"], note["file"], note["line"]) == (True, "campaigns/guide.toml", 15)


def test_only_the_campaigns_asked_for_are_told_of(nurture, real):
    real('"sendgrid"')
    told = nurture("check", "guide").stdout
    assert "campaigns/guide.toml" in told and "campaigns/visit.toml" not in told
    told = nurture("check", "visit", code=1).stdout
    assert "campaigns/visit.toml" in told and "campaigns/guide.toml" not in told


POLICIES = [
    ("by_content", 'decided_by = "Jane Roe"\ndecided_on = 2026-01-31', "note: ", "Who ever booked counts as a patient"),
    ("strict", "", "", "all 2 emails of this kind would be held"),
]


@pytest.mark.parametrize(("policy", "more", "kind", "words"), POLICIES, ids=[row[0] for row in POLICIES])
def test_the_policy_decides_whom_it_concerns(nurture, real, policy, more, kind, words):
    real('"sendgrid"', TWILIO_BAA, f'[phi]\nenquirer_policy = "{policy}"\n{more}\n')
    told = nurture("check", "guide", code=0 if kind else 1).stdout
    assert told.startswith(f"campaigns/guide.toml:15:1  {kind}step.email: ")
    assert words in told


def test_words_that_tell_are_to_mend_in_marketing_too(nurture, real, edit):
    real('"sendgrid"', TWILIO_BAA)
    edit("templates/guide/hello.email.md", "preheader:", "phi: 1\npreheader:")
    told = nurture("check", "guide", code=1).stdout
    assert told.startswith("campaigns/guide.toml:15:1  step.email: It tells")


def test_a_clinic_with_every_agreement_has_nothing_to_mend(nurture, real, project):
    real(BOTH, SMTP_BAA, TWILIO_BAA)
    assert nurture("check").stdout == "2 campaigns and 10 templates are in order.\n"


@pytest.mark.usefixtures("real")
def test_what_ships_can_be_sent_by_a_clinic_with_every_agreement(tmp_path, nurture):
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    for name in ("campaigns", "templates", "mappings"):
        (shipped / name).symlink_to(ROOT / name)
    text = (ROOT / "settings.toml").read_text(encoding="utf-8")
    words = text[text.index("[links]") : text.index("[signoff]")]
    own = text.partition("[sending]")[0] + words
    (shipped / "settings.toml").write_text(own + REAL.format(email=BOTH) + SMTP_BAA + TWILIO_BAA)
    assert "are in order." in Nurture(shipped, nurture.database)("check").stdout
    (shipped / "settings.toml").write_text(own + REAL.format(email='"sendgrid"') + TWILIO_BAA)
    told = Nurture(shipped, nurture.database)("check", code=1).stdout
    assert "campaigns/aftercare.toml" in told and "campaigns/appointment.toml" in told


def test_what_is_over_the_ceiling_is_not_broken(project, real):
    real('"sendgrid"')
    read = catalogue(project, load_settings(project))
    assert set(read.campaigns) == {"guide", "visit"} and not read.broken


# --------------------------------------------------------------------------------------- the providers themselves


def test_the_settings_put_the_providers_together_in_their_order(project, real):
    real(BOTH, SMTP_BAA, TWILIO_BAA)
    carriers = carriers_of(load_settings(project))
    assert [provider.name for provider in carriers.by_channel[Channel.EMAIL]] == ["sendgrid", "smtp"]
    assert [provider.name for provider in carriers.by_channel[Channel.SMS]] == ["twilio"]
    assert (carriers.ceiling(Channel.EMAIL), carriers.ceiling(Channel.SMS)) == (PhiLevel.PATIENT, PhiLevel.PATIENT)
    twilio = carriers.named("twilio")
    assert twilio is not None and twilio.pace == Pace(per_second=3, per_day=2000)
    by_level = [carriers.choose(Channel.EMAIL, level, "ann@example.com") for level in PhiLevel]
    assert [provider and provider.name for provider in by_level] == ["sendgrid", "smtp", None]
    carriers.close()


def test_without_agreements_nobody_carries_what_tells(project, real):
    real(BOTH)
    carriers = carriers_of(load_settings(project))
    assert carriers.choose(Channel.EMAIL, PhiLevel.PATIENT, "ann@example.com") is None
    assert carriers.choose(Channel.SMS, PhiLevel.PATIENT, "+16175550101") is None
    carriers.close()


def test_the_mailbox_carries_everything_and_is_one_for_both_channels(project):
    carriers = carriers_of(load_settings(project))
    assert [provider.name for provider in carriers] == ["mailbox"]
    assert carriers.ceiling(Channel.SMS) is PhiLevel.PERSONAL


def test_providers_are_made_once_and_outlive_changed_campaigns(project, edit):
    opened = with_catalogue(load_settings(project), open_store("sqlite://"))
    carriers = opened.carriers
    edit("campaigns/guide.toml", 'title = "The guide"', 'title = "Our guide"')
    again = read_again(opened)
    assert again.catalogue.campaigns["guide"].title == again.house.catalogue.campaigns["guide"].title == "Our guide"
    assert again.carriers is carriers


def test_an_agreement_of_a_day_to_come_is_refused_by_the_command_line(nurture, real):
    real(BOTH, SMTP_BAA.replace("2026-01-31", "2999-01-31"), TWILIO_BAA)
    assert "smtp.baa.on: This day is still to come." in nurture("check", code=1).stdout


@pytest.fixture(autouse=True)
def _every_word_signed(monkeypatch):
    """With real providers no unsigned word may pass, and nothing here is about that."""
    monkeypatch.setenv("NURTURE_SIGNOFF__DEMO", "false")
