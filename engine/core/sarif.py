"""Findings as a SARIF 2.1.0 log, the form in which code reviews and build servers show them beside the line."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from engine.core.findings import Finding

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
# What breaks no rule of content is named after the kind of file it stands in: its form is wrong.
_FORMS = {
    "campaigns": ("campaign", "A campaign file must be readable and complete. docs/campaigns.md explains every key."),
    "templates": ("template", "A template must be readable and complete. docs/campaigns.md explains what it may hold."),
    "mappings": ("mapping", "A mapping must name each column of the file that it is for."),
}
_SETTINGS = ("settings", "The settings must be readable and complete. settings.toml itself explains each.")


def sarif(findings: Iterable[Finding], notes: Iterable[Finding], version: str) -> dict[str, Any]:
    """The log of one check. `notes` are only to be known; `version` is that of nurture.

    Places are relative to the project's folder, and the fingerprint of a finding outlives a shift of its line.
    """
    told = [*((finding, finding.severity.value) for finding in findings), *((note, "note") for note in notes)]
    rules = {_rule(finding)[0]: _rule(finding)[1] for finding, _ in told}
    places = {rule: number for number, rule in enumerate(rules)}
    seen: Counter[str] = Counter()
    results = []
    for finding, level in told:
        result = _result(finding, level, places)
        digest = _fingerprint(finding)
        seen[digest] += 1
        results.append(result | {"partialFingerprints": {"nurture/v1": f"{digest}:{seen[digest]}"}})
    driver = {
        "name": "nurture",
        "version": version,
        "rules": [_described(rule, words) for rule, words in rules.items()],
    }
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(finding: Finding) -> tuple[str, str]:
    """The id of the rule that is broken, and what it is for."""
    if finding.rule:
        return finding.rule, finding.why or finding.problem
    return _FORMS.get(finding.file.partition("/")[0], _SETTINGS)


def _described(rule: str, words: str) -> dict[str, Any]:
    return {"id": rule, "shortDescription": {"text": words}, "help": {"text": words}}


def _result(finding: Finding, level: str, places: dict[str, int]) -> dict[str, Any]:
    rule = _rule(finding)[0]
    said: Sequence[str] = (f"{finding.key}: " if finding.key else "", finding.problem)
    text = " ".join(filter(None, ("".join(said), finding.why, finding.remedy)))
    place: dict[str, Any] = {"artifactLocation": {"uri": quote(finding.file), "uriBaseId": "%SRCROOT%"}}
    if finding.line > 0:
        place["region"] = _region(finding)
    return {
        "ruleId": rule,
        "ruleIndex": places[rule],
        "level": level,
        "message": {"text": text},
        "locations": [{"physicalLocation": place}],
    }


def _region(finding: Finding) -> dict[str, int]:
    region = {"startLine": finding.line}
    if finding.column > 0:
        region["startColumn"] = finding.column
        if finding.phrase:
            region["endColumn"] = finding.column + len(finding.phrase)
    return region


def _fingerprint(finding: Finding) -> str:
    """What stays the same when lines are put in above: not the line, nor other lines that are named."""
    problem = re.sub(r"\bline \d+", "line", finding.problem)
    parts = (_rule(finding)[0], finding.file, finding.key, finding.phrase.casefold(), problem)
    return sha256("\0".join(parts).encode()).hexdigest()[:16]
