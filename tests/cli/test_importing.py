"""nurture import: columns asked about once, a fate for every row, rejects that can be corrected and come back."""

import json
import os
import pty
import select
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import NOON, Nurture
from tests.conftest import ROOT

HEADER = "First name,Last name,E-mail,Mobile phone,State,Email me the guide,Text me,Submitted at\n"
ANN = "Ann,Archer,ann@example.com,617-555-0101,MA,Yes,Yes,11/20/2026 09:00 AM\n"
BOB = "Bob,Barker,bob(at)example.org,,MA,Yes,No,11/20/2026 10:00 AM\n"
DAN = "Dan,Dover,dan@example.net,,MA,No,No,11/20/2026 11:00 AM\n"
MAPPING = """
source = "form"
[columns]
first_name = "First name"
last_name = "Last name"
email = "E-mail"
phone = "Mobile phone"
state = "State"
submitted_at = "Submitted at"
[[consent]]
column = "Email me the guide"
channel = "email"
form = "web_form"
[[consent]]
column = "Text me"
channel = "sms"
form = "web_form"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "export.csv"
    path.write_text(HEADER + ANN + BOB + DAN)
    return path


@pytest.fixture
def mapped(nurture: Nurture) -> Nurture:
    (nurture.project / "mappings").mkdir()
    (nurture.project / "mappings" / "form.toml").write_text(MAPPING)
    return nurture


def test_every_row_has_a_fate_and_twice_changes_nothing(mapped, file):
    done = mapped("import", str(file), "--now", NOON)
    assert "Read with the mapping mappings/form.toml" in done.stderr
    assert "2   taken and enrolled" in done.stdout  # Dan too: staff may phone him
    assert "1   rejected: to be corrected" in done.stdout
    again = json.loads(mapped("import", str(file), "--json", "--now", NOON).stdout)
    assert again["counts"] == {"duplicate": 2, "rejected": 1}


def test_a_dry_run_writes_nothing(mapped, file):
    done = mapped("import", str(file), "--dry-run", "--now", NOON)
    assert "A dry run: nothing was written." in done.stdout
    assert "There is nobody yet." in mapped("contact", "list", code=3).stderr
    assert not file.with_name("export.rejects.csv").exists()


def test_rejects_are_private_and_come_back_corrected(mapped, file):
    mapped("import", str(file), "--now", NOON)
    rejects = file.with_name("export.rejects.csv")
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600
    assert "What to write" in rejects.read_text(encoding="utf-8-sig")
    rejects.write_text(rejects.read_text(encoding="utf-8-sig").replace("bob(at)example.org", "bob@example.org"))
    assert "1   taken and enrolled" in mapped("import", str(rejects), "--now", NOON).stdout
    assert mapped("contact", "list", "bob@example.org").stdout.count("B. B.") == 1


def test_a_file_of_rejects_that_somebody_corrects_is_never_written_over(mapped, file):
    mapped("import", str(file), "--now", NOON)
    rejects = file.with_name("export.rejects.csv")
    rejects.write_text("corrected")
    assert "export.rejects-2.csv" in mapped("import", str(file), "--now", NOON).stdout
    assert rejects.read_text() == "corrected"


def test_the_report_holds_a_line_for_every_row_and_nobodys_name(mapped, file, tmp_path):
    report = tmp_path / "fates.csv"
    mapped("import", str(file), "--report", str(report), "--now", NOON)
    lines = report.read_text().splitlines()
    assert len(lines) == 4
    assert not {"Ann", "bob", "example"} & set(report.read_text().replace('"', " ").replace("@", " ").split())


def test_new_columns_are_proposed_and_nothing_is_taken_when_nobody_can_be_asked(nurture, file):
    done = nurture("import", str(file), "--form", "web_form", "--now", NOON, code=1)
    assert "consent: marketing by email" in done.stdout
    assert "Read it, correct it, and save it as mappings/export.toml. Then import again." in done.stderr
    proposed = nurture.project / "mappings" / "export.proposed.toml"
    assert 'form = "web_form"' in proposed.read_text()
    assert nurture("import", str(file), "--form", "web_form", "--now", NOON, code=1)  # not yet a mapping
    proposed.rename(proposed.with_name("export.toml"))
    assert "2   taken and enrolled" in nurture("import", str(file), "--now", NOON).stdout


def test_columns_are_asked_about_once_and_remembered(nurture, file):
    said = _at_a_terminal(nurture, ["import", str(file), "--now", NOON], answers=["web_form", "y"])
    assert "On which form were these boxes ticked?" in said
    assert "Is that right?" in said
    assert 'form = "web_form"' in (nurture.project / "mappings" / "export.toml").read_text()
    assert "duplicate" in nurture("import", str(file), "--json", "--now", NOON).stdout


def _at_a_terminal(nurture: Nurture, args: list[str], answers: list[str]) -> str:
    """Run `nurture` as somebody at a terminal would, and type the answers as they are asked for."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "from engine.cli import main; main()", "--project", str(nurture.project)]
    running = subprocess.Popen(
        [*command, "--database", nurture.database, *args], cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    said = b""
    waiting = list(answers)
    while select.select([ours], [], [], 60)[0]:
        try:
            said += os.read(ours, 4096)
        except OSError:  # the other end has closed
            break
        if waiting and said.rstrip().endswith((b"or none):", b"[y/N]:")):
            os.write(ours, waiting.pop(0).encode() + b"\n")
            said += b"\n"
    os.close(ours)
    assert running.wait(60) == 0, said
    return said.decode()


def test_a_mapping_that_does_not_fit_says_which_columns_are_missing(mapped, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("Name,E-mail\nAnn,ann@example.com\n")
    assert "First name" in mapped("import", str(other), "--mapping", "form", code=1).stderr


def test_a_consent_column_without_a_form_is_told_before_the_import(mapped, file):
    path = mapped.project / "mappings" / "form.toml"
    path.write_text(path.read_text().replace('form = "web_form"', 'form = "nothing"'))
    no = mapped("import", str(file), "--now", NOON, code=1).stderr
    assert "Settings have no consent form “nothing”." in no
    assert "Nothing was imported" in no
    assert "Settings have no consent form" in mapped("import", str(file), "--dry-run", "--now", NOON).stderr


def test_when_every_row_is_rejected_it_has_failed(mapped, tmp_path):
    bad = tmp_path / "bad.csv"
    bad.write_text(HEADER + BOB)
    mapped("import", str(bad), "--now", NOON, code=1)


# ------------------------------------------------------------------------------------ the real export


@pytest.mark.contract
def test_the_shared_export_is_read_with_the_shipped_mapping(nurture, shared, tmp_path):
    shipped = Nurture(ROOT, nurture.database)
    export = str(shared / "data" / "enquiries.csv")
    args = ("import", export, "--rejects", str(tmp_path / "rejects.csv"), "--json", "--now", "2026-11-20T15:00Z")
    taken = json.loads(shipped(*args).stdout)
    assert len(taken["fates"]) == sum(taken["counts"].values()) == 326
    assert taken["counts"]["enrolled"] > 200
    assert all(fate["problems"] for fate in taken["fates"] if fate["fate"] == "rejected")
    again = json.loads(shipped(*args).stdout)["counts"]
    assert set(again) == {"duplicate", "rejected", "empty"}


@pytest.mark.slow
@pytest.mark.contract
def test_ninety_days_of_the_shared_export_balance_and_come_out_the_same_twice(databases, shared, tmp_path):
    logs = []
    for name in ("one", "two"):
        folder = tmp_path / name
        for part in ("campaigns", "templates", "mappings"):
            shutil.copytree(ROOT / part, folder / part)
        shutil.copy(ROOT / "settings.toml", folder)
        clinic = Nurture(folder, databases.new("sqlite", folder, migrated=True))
        rejects = str(folder / "rejects.csv")
        clinic("import", str(shared / "data/enquiries.csv"), "--rejects", rejects, "--now", "2026-11-20T15:00Z")
        clinic("tick", "--now", "2026-11-20T15:00Z", "--until", "2027-02-18T15:00Z")
        assert "It balances." in clinic("status", "--now", "2027-02-18T15:00Z").stdout
        logs.append(clinic("log", "--json").stdout)
    assert logs[0] == logs[1]
    rows = [json.loads(line) for line in logs[0].splitlines()]
    assert len({(row["contact"], row["campaign"], row["step"], row["occurrence"]) for row in rows}) == len(rows) > 2000
    assert all(row["facts"]["consent"] for row in rows if row["status"] == "sent")
    assert all(row["sentence"] for row in rows)
