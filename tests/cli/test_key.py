"""One database, one NURTURE_SECRET_KEY: with another one every STOP in it would be lost."""

from pathlib import Path

import pytest

from engine.config import DEVELOPMENT_KEY
from tests.cli.conftest import NOON

FIRST, OTHER = "first-key-" * 5, "other-key-" * 5


@pytest.fixture
def with_key(monkeypatch):
    """`with_key(FIRST)`: from now on the commands have this key; None: the development key."""

    def change(key):
        monkeypatch.delenv("NURTURE_SECRET_KEY", raising=False)
        if key is not None:
            monkeypatch.setenv("NURTURE_SECRET_KEY", key)

    return change


@pytest.mark.parametrize(("before", "after"), [(FIRST, OTHER), (None, FIRST), (FIRST, None)])
def test_a_database_made_with_another_key_is_refused(nurture, with_key, before, after):
    with_key(before)
    nurture.ann()
    nurture("reply", "STOP", "--from", "+16175550101", "--now", NOON)
    with_key(after)
    commands = [("tick", "--now", NOON), ("status",), ("contact", "list"), ("log",), ("run",), ("tasks",)]
    for command in commands:
        said = nurture(*command, code=1)
        assert said.stdout == ""
        assert said.stderr.startswith(
            "This database was made with another NURTURE_SECRET_KEY: STOPs recorded in it would not be recognised.\n"
            "Set the one that was used then."
        )
        assert not any(key in said.output for key in (FIRST, OTHER, DEVELOPMENT_KEY.decode()))
    with_key(before)
    nurture("status")


def test_a_new_database_takes_the_key_of_its_first_use(nurture, with_key, tmp_path):
    with_key(FIRST)
    nurture("contact", "list", code=3)
    with_key(OTHER)
    nurture("tick", "--now", NOON, code=1)
    nurture.database = f"sqlite:///{tmp_path / 'not_there_yet.db'}"
    nurture("tick", "--now", NOON)
    with_key(FIRST)
    nurture("tick", "--now", NOON, code=1)


def test_the_key_itself_is_not_in_the_database(nurture, with_key):
    with_key(FIRST)
    nurture("status")
    for ending in ("", "-wal"):
        path = Path(nurture.database.removeprefix("sqlite:///") + ending)
        assert not path.exists() or b"first-key" not in path.read_bytes()


def test_what_needs_no_database_asks_for_no_key(nurture, with_key):
    nurture("status")
    with_key(FIRST)
    nurture("check")
