"""Settings as somebody might write them, and what becomes of them."""

from pathlib import Path

import pytest

from engine.config import Settings, Shown, load_settings, provenance
from engine.core.campaign import Refused
from engine.core.findings import Finding

SOUND = """
[clinic]
name = "Harbor Clinic"
brand = "Harbor Clinic"
phone = "617-555-0142"
address = "12 Example Street, Boston, MA 02110"
site = "https://harborclinic.example/"
public_url = "https://go.harborclinic.example"
zone = "America/New_York"
state = "MA"
email = "hello@harborclinic.example"
"""
FORM = """
[consent_forms.form]
url = "https://harborclinic.example/guide"
language = "en"
valid_from = 2026-01-01
valid_to = 2026-06-30
[[consent_forms.form.boxes]]
channel = "sms"
purposes = ["marketing"]
wording = "Text me (up to 4 msgs/mo)"
frequency = "4 per 30 days"
"""
LONG_KEY = "k" * 32


def refused(folder: Path) -> tuple[Finding, ...]:
    with pytest.raises(Refused) as caught:
        load_settings(folder)
    return caught.value.findings


def shown(settings: Settings, key: str) -> Shown:
    return next(row for row in provenance(settings) if row.key == key)
