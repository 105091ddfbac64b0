"""A small project to run `nurture` in: two campaigns, six messages, one consent form, an empty database."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from engine.cli import app
from tests.conftest import ROOT, Databases

SETTINGS = """
[clinic]
name = "Harbor Clinic"
brand = "Harbor Clinic"
phone = "617-555-0142"
address = "12 Example Street, Boston, MA 02110"
site = "https://harborclinic.example"
public_url = "https://go.harborclinic.example"
zone = "America/New_York"
state = "MA"
email = "hello@harborclinic.example"

[signoff]
demo = true

[consent_forms.web_form]
url = "https://harborclinic.example/guide"
language = "en"
valid_from = 2026-01-01
[[consent_forms.web_form.boxes]]
channel = "email"
purposes = ["marketing", "appointment"]
wording = "Email me."
[[consent_forms.web_form.boxes]]
channel = "sms"
purposes = ["marketing", "appointment"]
frequency = "8 per 30 days"
wording = "Text me."
"""
GUIDE = """
title = "The guide"
purpose = "marketing"
[enrol]
on = "enquiry"
again = "after 30 days"
[exit]
on = ["booking", "not_interested"]
goal = "booking"
[send]
hours = "09:00-18:00"
[[step]]
key = "hello"
after = "0 minutes"
email = "hello"
[[step]]
key = "question"
after = "2 days"
at = "10:00"
sms = "question"
else = { task = "Phone and ask whether they have questions." }
[[step]]
key = "in_english"
after = "1 day"
if = "contact.language == 'es'"
email = "hello"
"""
VISIT = """
title = "A visit"
purpose = "appointment"
[enrol]
on = "booking"
per = "appointment"
anchor = "event.starts_at"
move = "reschedule"
[exit]
on = ["cancel"]
[[step]]
key = "confirmation"
after = "0 minutes"
email = "confirmation"
[[step]]
key = "reminder"
before = "24 hours"
sms = "reminder"
else = { email = "confirmation" }
"""
EMAIL = """---
subject: {subject}
preheader: A few words from us
---
Dear {{{{ contact.first_name or "friend" }}}},

thank you for writing to us.
"""
TEMPLATES = {
    "guide/hello.email.md": EMAIL.format(subject="The guide you asked for"),
    "guide/question.sms.txt": "{{ clinic.brand }}: Have you a question? Call {{ clinic.phone }}. STOP to opt out.\n",
    "visit/confirmation.email.md": EMAIL.format(subject="Your visit"),
    "visit/reminder.sms.txt": "{{ clinic.brand }}: See you {{ anchor.day }} at {{ anchor.time }}. STOP to opt out.\n",
}
NOON = "2026-11-23T17:00Z"  # a Monday, noon in Boston
ANN = ("--email", "ann@example.com", "--phone", "617-555-0101", "--first-name", "Ann", "--last-name", "Archer")
BOTH = ("--consent", "web_form:email", "--consent", "web_form:sms")


@dataclass
class Nurture:
    """`nurture`, run in this process on one project and database."""

    project: Path
    database: str
    runner: CliRunner = field(default_factory=CliRunner)

    def __call__(self, *args: str, code: int = 0, said: str | None = None) -> Result:
        """Run a command that is to end with this exit code."""
        result = self.runner.invoke(
            app,
            ["--project", str(self.project), "--database", self.database, *args],
            input=said,
            catch_exceptions=False,
        )
        assert result.exit_code == code, f"{args} ended with {result.exit_code}\n{result.output}"
        assert "Traceback" not in result.output
        return result

    def ann(self, now: str = NOON) -> str:
        """Ann asks for the guide and agrees to everything; the name by which we know her."""
        out = self("event", "enquiry", *ANN, *BOTH, "--state", "MA", "--now", now).stdout
        return out.split("Contact ")[1].split(".")[0]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The folder of the small project."""
    folder = tmp_path / "project"
    for name, text in {"guide": GUIDE, "visit": VISIT}.items():
        (folder / "campaigns").mkdir(parents=True, exist_ok=True)
        (folder / "campaigns" / f"{name}.toml").write_text(text)
    shutil.copytree(ROOT / "templates" / "_layout", folder / "templates" / "_layout")
    shutil.copytree(ROOT / "templates" / "service", folder / "templates" / "service")
    for name, text in TEMPLATES.items():
        path = folder / "templates" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    (folder / "settings.toml").write_text(SETTINGS)
    return folder


@pytest.fixture
def nurture(project: Path, databases: Databases, tmp_path: Path) -> Nurture:
    """`nurture` on the small project, with an empty SQLite database."""
    return Nurture(project, databases.new("sqlite", tmp_path, migrated=True))


@pytest.fixture
def edit(project: Path) -> Callable[[str, str, str], None]:
    """`edit("campaigns/guide.toml", "old", "new")`: change a file of the project."""

    def change(name: str, old: str, new: str) -> None:
        path = project / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return change
