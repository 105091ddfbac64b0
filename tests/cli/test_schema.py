"""docs/campaign.schema.json: it says what the parser says, and a real TOML language tool can use it."""

import json
import re
import shutil
import subprocess
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from engine.config import load_settings
from engine.core.campaign import Refused
from engine.core.campaign_file import parse_campaign
from engine.core.campaign_keys import KEYS, LATER
from engine.core.campaign_schema import campaign_schema
from engine.core.toml_text import read_toml
from tests.conftest import ROOT

KEPT = ROOT / "docs" / "campaign.schema.json"
SCHEMA = json.loads(KEPT.read_text(encoding="utf-8"))
SHIPPED = sorted((ROOT / "campaigns").glob("*.toml"))
BROKEN = sorted((ROOT / "tests/golden/check").glob("*.toml"))
FIRST_LINE = "#:schema ../docs/campaign.schema.json\n"
EVENTS = frozenset(load_settings(ROOT).events.words)
TOMBI = shutil.which("tombi") or shutil.which("tombi", path=str(ROOT / ".venv/bin"))

needs_tombi = pytest.mark.skipif(TOMBI is None, reason="tombi, the TOML language tool, is not installed here")


def mistakes(data: Any) -> list[str]:
    """What the schema has against a file, as `step.0.after: ...`."""
    return [f"{error.json_path}: {error.message}" for error in Draft7Validator(SCHEMA).iter_errors(data)]


def taken(text: str) -> bool:
    """Whether the parser takes it."""
    try:
        parse_campaign(text, name="example", file="campaigns/example.toml")
    except Refused:
        return False
    return True


def table(name: str) -> dict[str, Any]:
    """The part of the schema for one of `campaign_keys.KEYS`."""
    properties = SCHEMA["properties"]
    within = {
        "": SCHEMA,
        "step": properties["step"]["items"],
        "step.else": properties["step"]["items"]["properties"]["else"],
    }
    part: dict[str, Any] = within.get(name) or properties[name]
    return part


# ------------------------------------------------------------------------------------------- it keeps true


def test_the_kept_schema_is_the_one_that_is_printed(nurture):
    (nurture.project / "settings.toml").write_text((ROOT / "settings.toml").read_text(encoding="utf-8"))
    assert nurture("schema").stdout == KEPT.read_text(encoding="utf-8"), "nurture schema > docs/campaign.schema.json"


def test_it_is_a_schema():
    Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", KEYS)
def test_a_table_has_the_keys_of_the_parser_and_no_other(name):
    assert tuple(table(name)["properties"]) == KEYS[name]
    assert table(name)["additionalProperties"] is False
    assert not set(LATER.get(name, ())) & set(table(name)["properties"])


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, keys in KEYS.items() for key in keys])
def test_a_key_is_explained_with_an_example_that_both_take(name, key):
    said = table(name)["properties"][key]
    assert said["title"] and len(said["description"]) > 20
    line = re.search(r"Example: `(.+)`$", said["description"])
    assert line is not None
    value = tomllib.loads(line[1])
    assert list(value) == [key]
    assert list(Draft7Validator(said).iter_errors(value[key])) == []
    assert taken(whole(name, key, line[1]))


APPOINTMENT = 'on = "booking"\nper = "appointment"\nanchor = "event.starts_at"\nmove = "reschedule"'
NEED_APPOINTMENT = ("per", "anchor", "move", "before", "after_move", "late")
WHEN, HOW = ("after", "day", "before", "after_move"), ("email", "sms", "task")


def whole(name: str, key: str, line: str) -> str:
    """A whole campaign with this line in it, and nothing that does not go with it."""
    parts = {
        "": {"title": 'title = "T"', "purpose": 'purpose = "care"'},
        "enrol": {"on": APPOINTMENT if key in NEED_APPOINTMENT else 'on = "enquiry"'},
        "exit": {"on": 'on = ["booking", "not_interested"]'} if key == "goal" else {},
        "send": {},
        "[step]": {"key": 'key = "first"', "after": 'after = "1 day"', "sms": 'sms = "first"'},
    }
    if name in ("step", "step.else"):
        step = parts["[step]"]
        if name == "step.else":
            key, line = "else", f"else = {{ {line} }}"
            step["sms"] = 'email = "first"' if "sms =" in line else step["sms"]
        elif key in (*WHEN, "repeat"):
            step["after"] = "day = 21" if key == "repeat" else ""
        elif key in HOW:
            step["sms"] = ""
        step[key] = line
    else:
        parts[name].pop(key, None)
        own = APPOINTMENT.splitlines() if key in NEED_APPOINTMENT else []
        if own:
            parts["enrol"]["on"] = "\n".join(each for each in own if not each.startswith(f"{key} "))
        parts[name][key] = line
        if not name and key in ("enrol", "exit", "send", "step"):
            parts.pop(key if key != "step" else "[step]")
    return "".join(
        (f"[{heading}]\n" if heading else "") + "".join(f"{each}\n" for each in lines.values())
        for heading, lines in parts.items()
        if lines
    )


# --------------------------------------------------------------------- what it refuses, the parser refuses


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_what_ships_is_right_by_it(file):
    text = file.read_text(encoding="utf-8")
    assert mistakes(tomllib.loads(text)) == []
    assert text.startswith(FIRST_LINE)


@pytest.mark.parametrize("file", BROKEN, ids=lambda file: file.stem)
def test_what_it_refuses_the_parser_refuses(file):
    text = file.read_text(encoding="utf-8")
    data = read_toml(text).data
    if data is not None and mistakes(data):
        assert not taken(text)


def test_it_finds_a_good_part_of_the_mistakes():
    """Those that one value shows. The rest needs the whole file, the templates or the law."""
    found = [file.stem for file in BROKEN if (data := read_toml(file.read_text("utf-8")).data) and mistakes(data)]
    assert {"duration_misspelt", "unknown_key", "purpose_misspelt", "day_in_quotes", "days_in_full"} <= set(found)
    assert len(found) >= 30


WORDS = {
    ("enrol", "again"): ["never", "always", "after 3 days", "sometimes"],
    ("send", "days"): ["mon", "Mon - Fri", "mon,wed , fri", "sat-mon", "monday", "mon to fri", "mon-"],
    ("send", "hours"): ["9:00-18:00", "09:00 - 24:00", "9-18", "09:00 to 18:00", "18:00-09:00"],
    ("send", "cap"): ["3 per 7 days", " 3 per 7 days", "3 per week", "0 per 1 day"],
    ("step", "after"): ["2 days", "2Days", "1 day 12 hours", "1 day, 12 hours", "2 dys", "soon", "2", "6 months"],
    ("step", "at"): ["9:30", "09:30", " 17:00 ", "24:00", "9:30 am", "noon"],
    ("step", "repeat"): ["mon for 9 weeks", "MON every 2 weeks for 12 weeks", "mon  for 1 week", "weekly", "mon"],
    ("step", "late"): ["send", "skip after 1 day", "skip once it has begun", "skip after  2 days", "1 day"],
    ("step", "key"): ["a", "a_1", "1a", "A", "a b"],
    ("enrol", "anchor"): ["event.starts_at", "starts_at", "event.Starts"],
    ("enrol", "per"): ["appointment", "event.appointment"],
}
GLUE = st.sampled_from(["", " ", "  ", ",", ", ", "-", " - ", " and "])
PIECE = st.sampled_from(
    "1 2 30 day days Week hours minute month mon tue fri for every weeks per skip after 9:30".split()
)


def refused_by_the_schema_only(name: str, key: str, value: str) -> bool:
    line = f"{key} = {json.dumps(value, ensure_ascii=False)}"
    refused = list(Draft7Validator(table(name)["properties"][key]).iter_errors(value))
    return bool(refused) and taken(whole(name, key, line))


@pytest.mark.parametrize(("name", "key"), WORDS)
def test_no_value_is_refused_that_the_parser_takes(name, key):
    assert [value for value in WORDS[name, key] if refused_by_the_schema_only(name, key, value)] == []


@given(st.sampled_from(sorted(WORDS)), st.lists(st.tuples(PIECE, GLUE), min_size=1, max_size=6))
@example(("step", "after"), [("1", " "), ("day", ", "), ("12", " "), ("hours", "")])
def test_no_odd_value_is_refused_that_the_parser_takes(where, pieces):
    value = "".join(piece + glue for piece, glue in pieces)
    assert not refused_by_the_schema_only(where[0], where[1], value)


@pytest.mark.parametrize(("name", "key"), [("", "priority"), ("step", "day")])
def test_limits_are_those_of_the_parser(name, key):
    said = table(name)["properties"][key]
    for limit, beyond in ((said["minimum"], said["minimum"] - 1), (said["maximum"], said["maximum"] + 1)):
        assert taken(whole(name, key, f"{key} = {limit}"))
        assert not taken(whole(name, key, f"{key} = {beyond}"))


def test_a_word_of_the_clinics_own_is_offered_and_a_new_one_not_refused():
    event = campaign_schema(["fitting"])["properties"]["exit"]["properties"]["goal"]
    assert event["anyOf"][0]["enum"] == ["fitting"]
    assert list(Draft7Validator(event).iter_errors("another")) == []


# ------------------------------------------------------------------------------ in a TOML language tool


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with the schema, for an editor to open."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "campaigns").mkdir()
    shutil.copy(KEPT, tmp_path / "docs")
    return tmp_path


def lint(folder: Path, *files: Path) -> list[dict[str, Any]]:
    told = folder / "told.json"
    asked = [
        str(TOMBI),
        "lint",
        "--offline",
        "--quiet",
        "--diagnostics-format",
        "json",
        "--diagnostics-file",
        str(told),
    ]
    subprocess.run([*asked, *map(str, files)], cwd=folder, timeout=60, capture_output=True, check=False)
    found: list[dict[str, Any]] = json.loads(told.read_text(encoding="utf-8") or "[]")
    return found


@needs_tombi
def test_tombi_finds_nothing_in_what_ships(folder):
    for file in SHIPPED:
        shutil.copy(file, folder / "campaigns")
    files = sorted((folder / "campaigns").iterdir())
    assert lint(folder, *files) == []


@needs_tombi
@pytest.mark.parametrize(
    "name", ["unknown_key", "purpose_misspelt", "duration_misspelt", "day_in_quotes", "doubt_unknown", "quotes_missing"]
)
def test_tombi_finds_the_line_of_a_mistake(folder, name):
    written = folder / "campaigns" / f"{name}.toml"
    source = (ROOT / f"tests/golden/check/{name}.toml").read_text(encoding="utf-8")
    written.write_text(FIRST_LINE + source, encoding="utf-8")
    golden = (ROOT / f"tests/golden/check/{name}.txt").read_text(encoding="utf-8")
    line = int(golden.split(":")[1]) + 1
    assert line in {found["range"]["start"]["line"] for found in lint(folder, written)}


class Editor:
    """As much of an editor as asks a language server: JSON-RPC over its stdin and stdout."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._asked = folder, 0
        self._process = subprocess.Popen(
            [str(TOMBI), "lsp", "--offline"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.ask("initialize", {"processId": None, "rootUri": folder.as_uri(), "capabilities": {}})
        self.tell("initialized", {})

    def open(self, text: str) -> dict[str, Any]:
        """Open a campaign; the place of the `@` in it, which is taken out."""
        before, _, after = text.partition("@")
        file = self.folder / "campaigns" / "new.toml"
        file.write_text(before + after)
        document = {"uri": file.as_uri(), "languageId": "toml", "version": 1, "text": before + after}
        self.tell("textDocument/didOpen", {"textDocument": document})
        place = {"line": before.count("\n"), "character": len(before.rpartition("\n")[2])}
        return {"textDocument": {"uri": file.as_uri()}, "position": place}

    def tell(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def ask(self, method: str, params: Any) -> Any:
        self._asked += 1
        self._send({"id": self._asked, "method": method, "params": params})
        while True:
            said = self._read()
            if "method" in said and "id" in said:  # it asks in turn
                self._send({"id": said["id"], "result": None})
            elif said.get("id") == self._asked:
                return said.get("result")

    def ask_until_answered(self, method: str, params: Any) -> Any:
        """Ask again, as editors do at every letter: the schema is read while the first questions come."""
        until = time.monotonic() + 30
        while not (answer := self.ask(method, params)):
            assert time.monotonic() < until, f"no answer to {method}"
        return answer

    def close(self) -> None:
        self._process.kill()
        self._process.communicate(timeout=10)

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._process.stdin.flush()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        length = 0
        while head := self._process.stdout.readline().strip():
            if head.lower().startswith(b"content-length:"):
                length = int(head.partition(b":")[2])
        assert length, "the language server has ended"
        said: dict[str, Any] = json.loads(self._process.stdout.read(length))
        return said


@pytest.fixture
def editor(folder: Path) -> Iterator[Editor]:
    opened = Editor(folder)
    yield opened
    opened.close()


def labels(items: Any) -> dict[str, str]:
    """What is offered, with its text."""
    listed = items if isinstance(items, list) else items["items"]
    return {one["label"]: json.dumps(one, ensure_ascii=False) for one in listed}


STARTED = FIRST_LINE + 'title = "T"\npurpose = "care"\n[enrol]\non = "booking"\n'


@needs_tombi
def test_keys_are_completed_with_our_words(editor):
    place = editor.open(STARTED + '[[step]]\nkey = "first"\n@\n')
    offered = labels(editor.ask_until_answered("textDocument/completion", place))
    assert set(KEYS["step"]) - {"key"} <= set(offered)
    assert table("step")["properties"]["after"]["title"] in offered["after"]
    assert "Minutes, hours, days or weeks." in offered["after"]


@needs_tombi
def test_values_are_completed(editor):
    place = editor.open(FIRST_LINE + 'title = "T"\npurpose = @\n')
    offered = labels(editor.ask_until_answered("textDocument/completion", place))
    assert {'"marketing"', '"appointment"', '"care"'} <= set(offered)


@needs_tombi
def test_events_are_completed(editor):
    place = editor.open(FIRST_LINE + 'title = "T"\npurpose = "care"\n[enrol]\non = @\n')
    offered = labels(editor.ask_until_answered("textDocument/completion", place))
    assert {f'"{word}"' for word in EVENTS} <= set(offered)


@needs_tombi
def test_a_key_is_explained_where_the_pointer_rests(editor):
    place = editor.open(STARTED + '[[step]]\nkey = "first"\naf@ter = "2 days"\nemail = "first"\n')
    told = json.dumps(editor.ask_until_answered("textDocument/hover", place), ensure_ascii=False)
    assert "So long after the step before it" in told
    assert "2 days" in told
