"""nurture run, tick, pause, resume."""

import json
import os
import signal
import subprocess
import sys

import pytest

from engine.cli.running import stopping
from tests.cli.conftest import NOON
from tests.conftest import ROOT


def test_a_look_says_what_it_did(nurture):
    nurture.ann()
    assert nurture("tick", "--now", NOON).stdout.startswith("2026-11-23 12:00 EST: ")
    assert nurture("tick", "--now", NOON).stdout == "2026-11-23 12:00 EST: nothing was due.\n"


def test_the_clock_is_turned_and_goes_on_from_where_it_stands(nurture):
    nurture.ann()
    assert "1 sent" in nurture("tick", "--now", NOON, "--until", "2026-11-24T00:00Z").stdout
    # No --now: it goes on from where the clock of this database stands, which is later than the real one or not.
    said = nurture("tick", "--until", "2036-01-01T00:00Z").stdout
    assert "1 sent" in said or "1 skipped" in said


def test_a_paused_campaign_waits_and_resume_counts_what_it_would_release(nurture):
    ann = nurture.ann()
    assert "Paused." in nurture("pause", "guide", "--now", NOON).stdout
    assert "It was paused already." in nurture("pause", "guide", "--now", NOON).stdout
    assert "nothing was due" in nurture("tick", "--now", NOON).stdout
    count = "It would release 1 person and 1 message. 0 messages are stale and would be left out."
    assert count in nurture("resume", "guide", "--dry-run", "--now", NOON).stdout
    late = "It would release 1 person and 0 messages. 1 message is stale and would be left out."
    assert late in nurture("resume", "guide", "--dry-run", "--now", "2026-11-30T17:00Z").stdout
    assert "Add --yes" in nurture("resume", "guide", "--now", NOON, code=2).stderr
    assert "paused" in nurture("why", ann, "--now", NOON).stdout
    assert "It goes on at the next look." in nurture("resume", "guide", "--yes", "--now", NOON).stdout
    assert "It is not paused." in nurture("resume", "guide", "--yes", "--now", NOON).stdout
    assert "1 sent" in nurture("tick", "--now", NOON).stdout


def test_what_waits_in_the_outbox_is_counted_too(nurture, edit):
    edit("settings.toml", "[clinic]", '[[mailbox.faults]]\nto = "ann@*"\noutcome = "try_later"\n\n[clinic]')
    nurture.ann()
    nurture("tick", "--now", NOON)
    nurture("pause", "guide", "--now", NOON)
    count = "It would release 0 people and 1 message. 0 messages are stale and would be left out."
    assert count in nurture("resume", "guide", "--dry-run", "--now", NOON).stdout
    late = "It would release 0 people and 0 messages. 1 message is stale and would be left out."
    assert late in nurture("resume", "guide", "--dry-run", "--now", "2026-11-30T17:00Z").stdout


def test_run_sends_what_is_due_reads_changes_and_ends_cleanly(nurture, edit):
    edit("settings.toml", "[clinic]", "[sending]\ntick_seconds = 1\n\n[clinic]")
    # Open around the clock, because this test runs by the real one.
    edit("campaigns/guide.toml", '[send]\nhours = "09:00-18:00"\n', "")
    nurture("event", "enquiry", "--email", "ann@example.com", "--consent", "web_form:email")
    command = [sys.executable, "-c", "from engine.cli import main; main()", "--project", str(nurture.project)]
    running = subprocess.Popen(
        [*command, "--database", nurture.database, "run"], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    try:
        _until(running, "enrolments looked at")
        edit("campaigns/visit.toml", 'title = "A visit"', 'titel = "A visit"')
        assert "campaigns/visit.toml:1:1" in _until(running, "campaigns/visit.toml")
        running.send_signal(signal.SIGTERM)
        said = _until(running, "ended")
        assert "finishing what is in flight" in said
        assert running.wait(30) == 0
    finally:
        running.kill()
        running.wait()
        assert running.stderr is not None
        running.stderr.close()
    looked_at = json.loads(nurture("status", "--json").stdout)
    assert looked_at["last_tick"] is not None
    assert looked_at["account"]["due"] in (0, 1)  # at night the law's hours hold it back


def _until(running: "subprocess.Popen[str]", words: str) -> str:
    """What the process says, up to the line with these words."""
    assert running.stderr is not None
    said = ""
    for line in running.stderr:
        said += line
        if words in line:
            return said
    raise AssertionError(f"it ended without saying “{words}”:\n{said}")


def test_a_clock_that_was_turned_on_ends_run_with_a_sentence(nurture):
    nurture("tick", "--now", NOON, "--until", "2036-01-01T00:00Z")
    command = [sys.executable, "-c", "from engine.cli import main; main()", "--project", str(nurture.project)]
    done = subprocess.run(
        [*command, "--database", nurture.database, "run"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "A clock is never turned back on one database" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def at_a_terminal():
    """Python's own answer to Ctrl+C: whoever starts the tests in the background has it switched off."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("at_a_terminal")
def test_the_first_signal_asks_to_stop_and_the_second_one_kills():
    with stopping() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.is_set()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
