"""nurture check: how it tells what is to mend, to people and to machines."""

import json
import time
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from engine.cli import app
from engine.cli.checking import in_order
from engine.cli.quoting import account, shown
from engine.core.findings import Finding, Severity
from engine.core.sarif import sarif
from tests.cli.conftest import EMAIL
from tests.conftest import ROOT

CLAIM = Finding(
    "templates/guide/hello.email.md", 5, 12, "", "“cures” promises a result.", "Write “may help”.",
    rule="CL-01", phrase="cures", why="Nobody can promise one.",
)  # fmt: skip
CAUTION = Finding("campaigns/guide.toml", 2, 1, "title", "Read it once more.", "", severity=Severity.WARNING)


@pytest.fixture
def show(tmp_path):
    """`show(line, column, phrase)`: how a finding in a template with this one line is told."""

    def shown_of(line: str | bytes, column: int, phrase: str = "", file: str = "templates/x/y.sms.txt") -> list[str]:
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(line if isinstance(line, bytes) else line.encode())
        return list(shown(Finding(file, 1, column, "", "It is wrong.", "Mend it.", phrase=phrase), tmp_path))

    return shown_of


# ------------------------------------------------------------------------------------------------ to people


def test_a_mistake_is_told_with_its_line_a_caret_and_the_remedy(nurture, edit):
    edit("campaigns/guide.toml", '"2 days"', '"2 dys"')
    assert nurture("check", code=1).stdout == (
        "campaigns/guide.toml:18:9  step.after: “2 dys” is no length of time.\n"
        '   18 | after = "2 dys"\n'
        "      |         ^^^^^^^\n"
        '   Write `after = "2 days"`.\n'
        "\n"
        "1 error in campaigns/guide.toml.\n"
    )


def test_files_are_kept_together_and_counted(nurture, edit):
    edit("campaigns/guide.toml", '"2 days"', '"2 dys"')
    edit("campaigns/guide.toml", "marketing", "marketting")
    edit("templates/visit/reminder.sms.txt", "anchor.day", "anchor.dya")
    told = nurture("check", code=1).stdout
    assert told.endswith(
        "3 errors in 2 files:\n"
        "   campaigns/guide.toml              2 errors\n"
        "   templates/visit/reminder.sms.txt  1 error\n"
    )


def test_a_rule_of_content_says_why(tmp_path):
    assert list(shown(CLAIM, tmp_path)) == [
        "templates/guide/hello.email.md:5:12  “cures” promises a result.",
        "   Why: Nobody can promise one. (CL-01)",
        "   Write “may help”.",
    ]


def test_errors_come_before_warnings_and_files_stay_together():
    later = replace(CLAIM, line=9)
    other = replace(CLAIM, file="campaigns/visit.toml")
    assert in_order([CAUTION, later, other, CLAIM]) == (other, CLAIM, later, CAUTION)


def test_a_warning_says_that_it_is_one_and_both_are_counted(tmp_path):
    assert next(shown(CAUTION, tmp_path)) == "campaigns/guide.toml:2:1  warning: title: Read it once more."
    assert list(account([CLAIM, CAUTION, CAUTION])) == [
        "1 error and 2 warnings in 2 files:",
        "   templates/guide/hello.email.md  1 error",
        "   campaigns/guide.toml            2 warnings",
    ]


@pytest.mark.parametrize(
    ("line", "column", "phrase", "marked"),
    [
        ("Call {{ contact.phone }} now", 6, "", "{{ contact.phone }}"),
        ("It is Risk-free for you", 1, "risk-free", "Risk-free"),
        ("two  spaces here", 1, "two spaces", "two  spaces"),
        ("no such words", 4, "other", "such "),
        ("a [guide](http://x.example) here", 10, "", "(http://x.example)"),
        ('<a href="x">here</a>', 1, "", '<a href="x">'),
        ("Hi {name},", 4, "", "{name}"),
        ("the end", 8, "", ""),
    ],
)
def test_the_caret_stands_under_the_words(show, line, column, phrase, marked):
    _, quoted, carets, _ = show(line, column, phrase)
    assert quoted == f"    1 | {line}"
    begin = carets.index("^")
    assert quoted[begin : begin + carets.count("^")] == marked


def test_of_a_place_without_words_no_line_is_shown(show):
    assert show("", 1) == ["templates/x/y.sms.txt:1:1  It is wrong.", "   Mend it."]


def test_the_caret_minds_letters_that_are_wide_or_without_width(show):
    _, _, carets, _ = show("日Ａ e\u0301 risk", 7, "risk")
    assert carets == "      | " + " " * len("xxxx x ") + "^^^^"


def test_of_a_long_line_only_the_part_that_is_meant_is_shown(show):
    line = "word " * 60 + "cures " + "word " * 60
    _, quoted, carets, _ = show(line, 301, "cures")
    assert len(quoted) < 120 and quoted.startswith("    1 | … ") and quoted.endswith(" …")
    assert quoted[carets.index("^") :].startswith("cures")


def test_what_no_eye_can_see_is_made_visible_in_the_quoted_line(show):
    _, quoted, _, _ = show("a\x1b[31m\u200bb\tc", 1)
    assert quoted == "    1 | a\ufffd[31m\ufffdb c"


def test_a_file_that_is_no_utf_8_is_quoted_all_the_same(show):
    assert show(b"caf\xe9 now", 4)[1] == "    1 | caf\ufffd now"


def test_no_line_of_the_settings_is_shown_for_it_may_hold_a_secret(nurture):
    with (nurture.project / "settings.toml").open("a") as file:
        file.write('\n[smtp]\npassword = "hunter2-hunter2"\n')
    told = nurture("check", code=1)
    assert "A secret stands in settings.toml" in told.stdout
    for form in ((), ("--json",), ("--sarif",)):
        assert "hunter2" not in nurture("check", *form, code=1).output


# ------------------------------------------------------------------------------------------------ languages


def serve(nurture, *languages: str) -> None:
    with (nurture.project / "settings.toml").open("a") as file:
        file.write(f"\n[languages]\nserved = {json.dumps(languages)}\n")


def test_what_is_not_written_in_a_language_is_told_once_a_campaign(nurture):
    serve(nurture, "en", "es")
    written = nurture.project / "templates/guide/hello.es.email.md"
    written.write_text(EMAIL.format(subject="Su carta"))
    told = nurture("check", "guide", code=1).stdout
    assert told.startswith(
        "campaigns/guide.toml:20:7  step.sms: Of 2 messages 1 is not written in Spanish (es): question.es.sms.txt.\n"
    )
    assert "Nobody is sent another language in its place" in told
    assert "Write it in templates/guide/." in told
    missing = [one for one in of_json(nurture, "check", code=1) if one["rule"] == "INT-3"]
    assert [(one["file"], one["line"]) for one in missing] == [
        ("campaigns/guide.toml", 20),
        ("campaigns/visit.toml", 14),
    ]


def test_what_is_written_and_broken_is_not_called_missing(nurture, edit):
    edit("templates/visit/reminder.sms.txt", "anchor.day", "anchor.dya")
    assert [one["rule"] for one in of_json(nurture, "check", code=1)] == [""]


def test_another_language_than_english_alone_is_checked_too(nurture):
    serve(nurture, "es")
    told = nurture("check", "guide", code=1).stdout
    assert "Of 2 messages 2 are not written in Spanish (es): hello.es.email.md, question.es.sms.txt." in told


def test_an_answer_to_stop_is_needed_in_each_language_where_the_engine_answers(nurture):
    serve(nurture, "en", "es")
    (nurture.project / "templates/service/stop.es.sms.txt").unlink()
    with (nurture.project / "settings.toml").open("a") as file:
        file.write('\n[sms]\nstop_reply_by = "engine"\n')
    told = nurture("check", code=1).stdout
    assert "templates/service/stop.es.sms.txt  There is no answer to STOP in Spanish (es)." in told
    assert "templates/service/stop.sms.txt" not in told


# ---------------------------------------------------------------------------------------------- to machines


def of_json(nurture, *args, code=0):
    return [json.loads(line) for line in nurture(*args, "--json", code=code).stdout.splitlines()]


def test_json_has_every_part_of_a_finding(nurture, edit):
    edit("campaigns/guide.toml", '"2 days"', '"2 dys"')
    (one,) = of_json(nurture, "check", code=1)
    assert one == {
        "file": "campaigns/guide.toml",
        "line": 18,
        "column": 9,
        "key": "step.after",
        "problem": "“2 dys” is no length of time.",
        "remedy": 'Write `after = "2 days"`.',
        "rule": "",
        "severity": "error",
        "phrase": "",
        "why": "",
    }


def test_one_form_at_a_time(nurture):
    assert "Either --json or --sarif." in nurture("check", "--json", "--sarif", code=2).stderr


# What a reader of SARIF 2.1.0 relies on, as its schema has it. Of a URI only what is relative will do here.
TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
NUMBER = {"type": "integer", "minimum": 1}
URI = {"type": "string", "pattern": r"^(?![/.])(?!.*(://|\\|\.\./| ))[\x21-\x7e]+$"}
PLACE = {
    "type": "object",
    "required": ["physicalLocation"],
    "properties": {
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation"],
            "additionalProperties": False,
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "required": ["uri"],
                    "additionalProperties": False,
                    "properties": {"uri": URI, "uriBaseId": {"type": "string"}},
                },
                "region": {
                    "type": "object",
                    "required": ["startLine"],
                    "additionalProperties": False,
                    "properties": {"startLine": NUMBER, "startColumn": NUMBER, "endColumn": NUMBER},
                },
            },
        }
    },
}
RESULT = {
    "type": "object",
    "required": ["ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints"],
    "additionalProperties": False,
    "properties": {
        "ruleId": {"type": "string"},
        "ruleIndex": {"type": "integer", "minimum": 0},
        "level": {"enum": ["none", "note", "warning", "error"]},
        "message": TEXT,
        "locations": {"type": "array", "minItems": 1, "items": PLACE},
        "partialFingerprints": {"type": "object", "minProperties": 1, "additionalProperties": {"type": "string"}},
    },
}
RULE = {
    "type": "object",
    "required": ["id", "shortDescription", "help"],
    "additionalProperties": False,
    "properties": {"id": {"type": "string", "minLength": 1}, "shortDescription": TEXT, "help": TEXT},
}
DRIVER = {
    "type": "object",
    "required": ["name", "version", "rules"],
    "additionalProperties": False,
    "properties": {
        "name": {"const": "nurture"},
        "version": {"type": "string"},
        "rules": {"type": "array", "uniqueItems": True, "items": RULE},
    },
}
LOG = {
    "type": "object",
    "required": ["version", "runs", "$schema"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "additionalProperties": False,
                "properties": {
                    "tool": {"type": "object", "required": ["driver"], "properties": {"driver": DRIVER}},
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "results": {"type": "array", "items": RESULT},
                },
            },
        },
    },
}


def run_of(log):
    """The one run of a log that is what readers expect."""
    assert [f"{e.json_path}: {e.message}" for e in Draft202012Validator(LOG).iter_errors(log)] == []
    (run,) = log["runs"]
    ids = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for result in run["results"]:
        assert ids[result["ruleIndex"]] == result["ruleId"]
    return run


def test_sarif_of_a_project_is_what_readers_expect(nurture, edit):
    edit("campaigns/guide.toml", '"2 days"', '"2 dys"')
    edit("templates/visit/reminder.sms.txt", "anchor.day", "anchor.dya")
    said = nurture("check", "--sarif", code=1).stdout
    run = run_of(json.loads(said))
    assert [(r["ruleId"], r["level"]) for r in run["results"]] == [("campaign", "error"), ("template", "error")]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "campaigns/guide.toml", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 18, "startColumn": 9}
    assert str(nurture.project) not in said


def test_sarif_of_what_is_in_order_is_a_log_without_results(nurture):
    assert run_of(json.loads(nurture("check", "--sarif").stdout))["results"] == []


def test_sarif_of_settings_that_cannot_be_read(nurture, edit):
    edit("settings.toml", 'state = "MA"', 'state = "Mass"')
    (result,) = run_of(json.loads(nurture("check", "--sarif", code=1).stdout))["results"]
    assert result["ruleId"] == "settings"


def test_sarif_names_rules_levels_and_the_words_that_are_meant():
    note = Finding("campaigns/a b.toml", 0, 0, "", "It would be held.", "")
    run = run_of(sarif([CLAIM, CAUTION], [note], "1.0"))
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["CL-01", "campaign"]
    assert run["tool"]["driver"]["rules"][0]["help"]["text"] == "Nobody can promise one."
    assert [result["level"] for result in run["results"]] == ["error", "warning", "note"]
    region = run["results"][0]["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 5, "startColumn": 12, "endColumn": 17}
    assert run["results"][2]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "campaigns/a%20b.toml"
    assert "region" not in run["results"][2]["locations"][0]["physicalLocation"]


def fingerprints(*findings: Finding) -> list[str]:
    return [result["partialFingerprints"]["nurture/v1"] for result in run_of(sarif(findings, (), "1.0"))["results"]]


def test_a_fingerprint_outlives_a_shift_of_the_line_and_tells_two_of_a_kind_apart():
    lower = replace(CLAIM, line=9, column=1)
    assert fingerprints(CLAIM) == fingerprints(lower)
    assert len(set(fingerprints(CLAIM, lower, CAUTION))) == 3


# ------------------------------------------------------------------------------------------------ exit codes


def test_a_warning_alone_is_no_failure_unless_asked_for_strictly(nurture, edit):
    edit("templates/guide/hello.email.md", "The guide you asked for", "READ OUR GUIDE NOW")
    told = nurture("check", code=0).stdout
    assert told.startswith("templates/guide/hello.email.md:2:10  warning: subject: More than 30 % of the letters")
    assert told.endswith("1 warning in templates/guide/hello.email.md.\n")
    assert nurture("check", "--strict", code=1).stdout == told
    for form in ("--json", "--sarif"):
        assert "TPL-CAPS" in nurture("check", form, code=0).stdout
        nurture("check", form, "--strict", code=1)
    edit("templates/visit/reminder.sms.txt", "anchor.day", "anchor.dya")
    assert "1 error and 1 warning in 2 files:" in nurture("check", code=1).stdout


def test_strict_makes_no_difference_where_all_is_in_order(nurture):
    assert "are in order." in nurture("check", "--strict").stdout


# ------------------------------------------------------------------------------------------------------ time


def test_what_ships_is_looked_over_in_a_second(nurture):
    """After the start: the first run in a process loads what it needs."""
    took = []
    for _ in range(3):
        begun = time.process_time()
        nurture.runner.invoke(app, ["--project", str(ROOT), "check"], catch_exceptions=False)
        took.append(time.process_time() - begun)
    assert min(took) < 1.0
