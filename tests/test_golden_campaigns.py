"""Every shipped campaign as people get it: timeline and all the words, in files that are read when they change."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.cli import app

ROOT = Path(__file__).parent.parent
FRIDAY = "2026-11-20T15:00Z"  # ten in the morning at the clinic

CASES = {
    "therapy_basics/ann_both_channels": ["--state", "MA", "--zip", "02139"],
    "therapy_basics/bob_texts_only_in_texas": ["--state", "TX", "--consent", "sms", "--first-name", "Bob"],
    "therapy_basics/dan_email_only_no_name": ["--state", "OR", "--consent", "email", "--first-name", ""],
    "booking_nudge/ann_both_channels": ["--state", "MA", "--zip", "02139"],
    "appointment/ann_both_channels": ["--state", "MA", "--data", "starts_at=2026-12-03T19:30Z"],
    "appointment/ann_moved_once": [
        "--state",
        "MA",
        "--data",
        "starts_at=2026-12-03T19:30Z",
        "--move-on",
        "2026-12-02T20:30Z",
        "--move-to",
        "2026-12-09T13:30Z",
        "--no-words",
    ],
    "appointment/bob_texts_only_in_chicago": [
        "--state",
        "IL",
        "--consent",
        "sms",
        "--first-name",
        "Bob",
        "--data",
        "starts_at=2026-12-03T14:00Z",
    ],
    "no_show/ann_both_channels": ["--state", "MA"],
    "aftercare/ann_both_channels": ["--state", "MA"],
    "aftercare/dan_email_only": ["--state", "OR", "--consent", "email", "--first-name", "Dan", "--no-words"],
    "aftercare/cat_nobody_may_write": ["--state", "TX", "--consent", "none", "--first-name", "Cat", "--no-words"],
}


@pytest.mark.parametrize("name", CASES)
def test_a_campaign_as_one_person_gets_it(name: str, golden: Callable[[str, str], None]) -> None:
    campaign = name.partition("/")[0]
    asked = ["--project", str(ROOT), "preview", campaign, "--start", FRIDAY, *CASES[name]]
    shown = CliRunner().invoke(app, asked, env={"NURTURE_PROJECT": ""})
    assert shown.exit_code == 0, shown.output
    golden(f"campaigns/{name}.txt", shown.output)
