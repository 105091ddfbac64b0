"""Who may open a door into whom, and that the core only computes. Each checker is seen to catch something."""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

# The standard library's computing parts, and libraries that only compute.
PURE = {
    "base64", "binascii", "bisect", "calendar", "cmath", "codecs", "collections", "contextlib", "copy", "csv",
    "dataclasses", "datetime", "decimal", "difflib", "enum", "fractions", "functools", "graphlib", "hashlib",
    "heapq", "hmac", "html", "ipaddress", "itertools", "json", "math", "numbers", "operator", "re",
    "statistics", "string", "struct", "textwrap", "tomllib", "types", "typing", "unicodedata", "urllib.parse",
    "zoneinfo",
    "css_inline", "email_validator", "gsm0338", "holidays", "icalendar", "jinja2", "markdown_it",
    "phonenumbers", "pydantic", "tree_sitter", "tree_sitter_toml",
    "engine.core",
}  # fmt: skip
# What reads a file, a clock or the world although it needs no import.
IMPURE_CALLS = {"open", "input", "print", "eval", "exec", "__import__", "breakpoint"}
IMPURE_METHODS = {"now", "utcnow", "today", "read_text", "read_bytes", "write_text", "write_bytes", "getenv"}


def impurities(source: str) -> Iterator[str]:
    """What a core module must not do, as `line 3: import os`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or "."]
        else:
            modules = []
        for module in modules:
            if not any(module == known or module.startswith(f"{known}.") for known in PURE):
                yield f"line {node.lineno}: import {module}"  # type: ignore[attr-defined]
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name) and called.id in IMPURE_CALLS:
                yield f"line {node.lineno}: {called.id}()"
            if isinstance(called, ast.Attribute) and called.attr in IMPURE_METHODS:
                yield f"line {node.lineno}: .{called.attr}()"


CORE = sorted((ROOT / "engine/core").rglob("*.py"))


@pytest.mark.parametrize("path", CORE, ids=[path.stem for path in CORE])
def test_the_core_only_computes(path: Path) -> None:
    assert list(impurities(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import os", "line 1: import os"),
        ("import os.path as p", "line 1: import os.path"),
        ("from random import choice", "line 1: import random"),
        ("def f():\n    import sqlalchemy.orm", "line 2: import sqlalchemy.orm"),
        ("from urllib import request", "line 1: import urllib"),
        ("from engine.store import Store", "line 1: import engine.store"),
        ("from engine.core_like import x", "line 1: import engine.core_like"),
        ("from . import x", "line 1: import ."),
        ("open('x')", "line 1: open()"),
        ("d = datetime.now(UTC)", "line 1: .now()"),
        ("d = date.today()", "line 1: .today()"),
    ],
)
def test_an_impure_core_is_caught(source: str, found: str) -> None:
    assert list(impurities(source)) == [found]


def lint_imports(folder: Path) -> tuple[bool, str]:
    """Whether the layers of the project in this folder hold, with import-linter's own account of it."""
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )
    return done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "engine", tmp_path / "engine", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_layers_hold() -> None:
    holds, account = lint_imports(ROOT)
    assert holds, account


@pytest.mark.parametrize(
    ("module", "line", "account"),
    [
        ("engine/core/contact.py", "import socket", "engine.core.contact -> socket"),
        ("engine/core/contact.py", "import engine.store", "engine.core.contact -> engine.store"),
        ("engine/store/outbox.py", "import engine.config", "engine.store.outbox -> engine.config"),
        ("engine/scheduler.py", "import engine.sender", "engine.scheduler -> engine.sender"),
        ("engine/inbox.py", "import engine.providers.mailbox", "engine.inbox -> engine.providers"),
        ("engine/house.py", "import engine.cli", "engine.house -> engine.cli"),
        ("engine/stray.py", "import engine.core", "stray"),
    ],
    ids=[
        "the core opens a socket",
        "the core knows the store",
        "the store knows settings",
        "a verb knows another",
        "the inbox knows providers",
        "the house knows the command line",
        "a module without a layer",
    ],
)
def test_a_door_that_must_stay_shut_is_caught(copy: Path, module: str, line: str, account: str) -> None:
    with (copy / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    holds, told = lint_imports(copy)
    assert not holds
    assert account in told
