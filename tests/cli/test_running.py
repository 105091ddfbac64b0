"""nurture run, tick, pause, resume."""

import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from engine.store import open_store, seeing, senders
from tests.cli.conftest import NOON, Nurture
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
    with _running(nurture) as running:
        assert re.search(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d E[SD]T INFO ", _until(running, "enrolments looked at"))
        edit("campaigns/visit.toml", 'title = "A visit"', 'titel = "A visit"')
        assert "campaigns/visit.toml:2:1" in _until(running, "campaigns/visit.toml")
        running.send_signal(signal.SIGTERM)
        said = _until(running, "ended")
        assert "finishing what is in flight" in said
        assert running.wait(30) == 0
    looked_at = json.loads(nurture("status", "--json").stdout)
    assert looked_at["last_tick"] is not None
    assert looked_at["account"]["due"] in (0, 1)  # at night the law's hours hold it back


@contextmanager
def _running(nurture: Nurture) -> "Iterator[subprocess.Popen[str]]":
    """`nurture run` in a process of its own, which is given a minute."""
    command = [sys.executable, "-c", "from engine.cli import main; main()", "--project", str(nurture.project)]
    running = subprocess.Popen(
        [*command, "--database", nurture.database, "run"], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    end = threading.Timer(60, running.kill)
    end.start()
    try:
        yield running
    finally:
        end.cancel()
        running.kill()
        running.wait()
        assert running.stderr is not None
        running.stderr.close()


def _until(running: "subprocess.Popen[str]", words: str) -> str:
    """What the process says, up to the line with these words."""
    assert running.stderr is not None
    said = ""
    for line in running.stderr:
        said += line
        if words in line:
            return said
    raise AssertionError(f"it ended without saying “{words}”:\n{said}")


@pytest.fixture
def by_day_and_night(edit):
    """The campaign may send at any hour, and a look is taken every second: for tests by the real clock."""
    edit("settings.toml", "[clinic]", "[sending]\ntick_seconds = 1\n\n[clinic]")
    edit("campaigns/guide.toml", '[send]\nhours = "09:00-18:00"\n', "")


@pytest.mark.usefixtures("by_day_and_night")
def test_run_says_when_a_provider_is_paused_and_when_it_works_again(nurture):
    store = open_store(nurture.database)
    with _running(nurture) as running:
        _until(running, "running; a look every")
        now = datetime.now(UTC)
        with store.begin() as conn:
            senders.pause(conn, "mailbox", "The key was refused.", now)
        said = _until(running, "mailbox is paused until")
        line = r"E[SD]T ERROR mailbox is paused until 20.* E[SD]T: The key was refused\. Its messages wait\."
        assert re.search(rf"{line} Run: nurture doctor\n", said)
        with store.begin() as conn:
            senders.lift(conn, "mailbox", now)
        said = _until(running, "mailbox works again")
        assert "INFO mailbox works again" in said
        assert "is paused" not in said  # it is told once
    store.engine.dispose()


@pytest.mark.usefixtures("by_day_and_night")
def test_run_begins_with_a_probe_of_what_is_paused(nurture):
    store = open_store(nurture.database)
    with store.begin() as conn:
        senders.pause(conn, "mailbox", "The key was refused.", datetime.now(UTC))
    nurture("event", "enquiry", "--email", "ann@example.com", "--consent", "web_form:email")
    with _running(nurture) as running:
        assert "is paused" not in _until(running, "enrolments looked at")
    with store.read() as conn:
        assert not any(row.until for row in seeing.provider_pauses(conn))
    store.engine.dispose()


@pytest.mark.usefixtures("by_day_and_night")
def test_run_warns_of_a_doubt_that_is_given_to_staff(nurture, edit):
    edit("settings.toml", "[clinic]", '[[mailbox.faults]]\nto = "ann@*"\noutcome = "in_doubt"\n\n[clinic]')
    # By day, when the law lets it go, and long ago by the real clock, by which `run` works.
    a_week_ago = f"{datetime.now(UTC) - timedelta(days=7):%Y-%m-%d}T17:00Z"
    nurture.ann(a_week_ago)
    assert "1 in doubt" in nurture("tick", "--now", a_week_ago).stdout
    edit("settings.toml", "[[mailbox.faults]]", "[mailbox]\ncan_be_asked = false\n[[mailbox.faults]]")
    with _running(nurture) as running:
        assert re.search(r"WARNING .*1 doubts given to staff", _until(running, "doubts given to staff"))


def test_campaigns_that_could_not_be_read_again_are_tried_at_every_look(nurture, edit):
    edit("settings.toml", "[clinic]", "[sending]\ntick_seconds = 1\n\n[clinic]")
    with _running(nurture) as running:
        _until(running, "running; a look every")
        edit("campaigns/visit.toml", 'title = "A visit"', f"title = {'[' * 5000}{']' * 5000}")  # too deep for Python
        _until(running, "cannot be read again (RecursionError)")
        _until(running, "cannot be read again (RecursionError)")


def test_a_clock_that_was_turned_on_ends_run_with_a_sentence(nurture):
    nurture("tick", "--now", NOON, "--until", "2036-01-01T00:00Z")
    command = [sys.executable, "-c", "from engine.cli import main; main()", "--project", str(nurture.project)]
    done = subprocess.run(
        [*command, "--database", nurture.database, "run"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "A clock is never turned back on one database" in done.stderr
    assert "Traceback" not in done.stderr


def _signalled(*names: str) -> "subprocess.CompletedProcess[str]":
    """A process that sends itself these signals while something is in flight."""
    script = (
        "import os, signal\n"
        "from engine.cli.running import stopping\n"
        # Python's own answer to Ctrl+C: whoever starts the tests in the background has it switched off.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "with stopping() as stop:\n"
        f"    for name in {names!r}:\n"
        "        os.kill(os.getpid(), getattr(signal, name))\n"
        "        assert stop.is_set()\n"
        "assert signal.getsignal(signal.SIGINT) is signal.default_int_handler\n"
        "print('finished')\n"
    )
    return subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("names", [["SIGINT"], ["SIGTERM"], ["SIGTERM"] * 4, ["SIGTERM", "SIGINT"]], ids=" ".join)
def test_who_is_told_to_end_finishes_what_is_in_flight(names):
    done = _signalled(*names)
    assert (done.returncode, done.stdout, done.stderr) == (0, "finished\n", "")


def test_a_second_ctrl_c_is_answered_and_the_third_one_kills():
    done = _signalled("SIGINT", "SIGINT")
    assert (done.returncode, done.stdout) == (0, "finished\n")
    assert done.stderr == "still finishing what is in flight; a third Ctrl+C leaves it in doubt\n"
    assert _signalled("SIGINT", "SIGINT", "SIGINT").returncode == -signal.SIGINT
