"""`nurture --help` is there at once, and says what the exit codes mean."""

import subprocess
import sys
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from engine.cli import app
from tests.conftest import ROOT

HEAVY = ("sqlalchemy", "pydantic", "jinja2", "rich.table", "phonenumbers", "alembic", "apscheduler")


def test_it_loads_nothing_heavy_to_show_its_help():
    code = f"""
import sys
from engine.cli import main
sys.argv = ["nurture", "--help"]
try:
    main()
except SystemExit:
    pass
print("LOADED", [name for name in {HEAVY!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Usage: nurture" in done.stdout
    assert done.stdout.rstrip().endswith("LOADED []")


def test_it_names_the_exit_codes():
    shown = " ".join(CliRunner().invoke(app, ["--help"]).stdout.split())
    assert "0 done. 1 it failed, or something was found wrong. 2 the command was not understood." in shown
    assert "3 what was named is not there. 130 ended by Ctrl+C." in shown


def _commands() -> list[tuple[str, ...]]:
    top: dict[str, Any] = get_command(app).commands  # type: ignore[attr-defined]
    names: list[tuple[str, ...]] = [(name,) for name in top]
    return names + [(name, inner) for name, command in top.items() for inner in getattr(command, "commands", {})]


@pytest.mark.parametrize("command", _commands(), ids=" ".join)
def test_every_command_explains_itself(command):
    result = CliRunner().invoke(app, [*command, "--help"])
    assert result.exit_code == 0
    assert len(result.stdout.split("\n\n")[1].strip()) > 20
