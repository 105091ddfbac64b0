"""docs/campaigns.md: every key has its place in it, and every example in it is read."""

import re
import tomllib
from pathlib import Path

import pytest

from engine.core.campaign import LATE, Campaign
from engine.core.campaign_file import parse_campaign
from engine.core.campaign_keys import KEYS, LATER
from engine.core.condition_check import CONTACT_FIELDS, FILTERS, TESTS
from engine.core.consent import PURPOSES
from engine.core.merge import KNOWN

ROOT = Path(__file__).parent.parent
DOCS = (ROOT / "docs" / "campaigns.md").read_text(encoding="utf-8")

EXAMPLES = [
    pytest.param(found.group(1).strip(), found.group(2), id=f"line {DOCS[: found.start()].count(chr(10)) + 1}")
    for found in re.finditer(r"^```toml(.*)\n((?:.*\n)*?)```$", DOCS, re.MULTILINE)
]

# The smallest campaign: an example that is a part of a file takes the place of that part.
SMALLEST = {
    "top": 'title = "An example"\npurpose = "care"\n',
    "enrol": '[enrol]\non = "enquiry"\n',
    "exit": "",
    "send": "",
    "step": '[[step]]\nkey = "first"\nafter = "1 day"\nemail = "first"\n',
}
APPOINTMENT = '[enrol]\non = "booking"\nper = "appointment"\nanchor = "event.starts_at"\nmove = "reschedule"\n'


def whole(kind: str, text: str) -> str:
    """The example as a whole file. No kind: it is one already."""
    if not kind:
        return text
    part, _, what_for = kind.partition(" of ")
    assert part in SMALLEST, f"an example is marked `toml {kind}`, which is no part of a file"
    assert what_for in ("", "an appointment")
    parts = SMALLEST | ({"enrol": APPOINTMENT} if what_for else {})
    if part == "top":
        said = tomllib.loads(text)
        text += "".join(line for line in parts["top"].splitlines(True) if line.split(" =")[0] not in said)
    return "".join((parts | {part: text}).values())


def events() -> frozenset[str]:
    """The words of the table of events."""
    table = DOCS.split("## Events\n")[1].split("\n## ")[0]
    return frozenset(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))


def read(kind: str, text: str) -> Campaign:
    return parse_campaign(whole(kind, text), name="example", file="docs/campaigns.md", events=events())


@pytest.mark.parametrize(("kind", "text"), EXAMPLES)
def test_an_example_is_read(kind: str, text: str) -> None:
    assert read(kind, text).steps


def test_there_is_an_example_of_every_key() -> None:
    shown = set()
    for example in EXAMPLES:
        kind, text = example.values
        said = tomllib.loads(whole(str(kind), str(text)))
        for step in said["step"]:
            shown |= {f"step.{key}" for key in step} | {f"step.else.{key}" for key in step.get("else", {})}
        for key, value in said.items():
            shown |= {key} | ({f"{key}.{inner}" for inner in value} if isinstance(value, dict) else set())
    wanted = {f"{table}.{key}".lstrip(".") for table, keys in KEYS.items() for key in keys}
    assert wanted - shown == {"step.else.sms"}  # the same as the other two


@pytest.mark.parametrize(("table", "key"), [(table, key) for table, keys in KEYS.items() for key in keys])
def test_a_key_has_a_heading_or_a_row(table: str, key: str) -> None:
    name = f"{table}.{key}".lstrip(".")
    if not table and key in KEYS:
        assert f"\n## `[{key}]`:" in DOCS or f"\n## `[[{key}]]`:" in DOCS
    else:
        assert f"\n### `{name}`\n" in DOCS or f"\n| `{name}` |" in DOCS


@pytest.mark.parametrize(("table", "key"), [(table, key) for table, keys in LATER.items() for key in keys])
def test_a_key_that_is_to_come_has_a_row(table: str, key: str) -> None:
    assert f"\n| `{f'{table}.{key}'.lstrip('.')}` |" in DOCS.split("## Not yet built")[1]


def test_no_heading_names_a_key_that_is_not_there() -> None:
    known = {f"{table}.{key}".lstrip(".") for table, keys in KEYS.items() for key in keys}
    assert set(re.findall(r"^### `(.+)`$", DOCS, re.MULTILINE)) <= known


def test_the_table_of_events_is_that_of_the_settings() -> None:
    settings = tomllib.loads((ROOT / "settings.toml").read_text(encoding="utf-8"))
    assert events() == frozenset(settings["events"]["words"])


def test_what_conditions_and_templates_may_name_is_in_the_docs() -> None:
    conditions = DOCS.split("## Conditions\n")[1].split("\n## ")[0]
    for name in (*(f"`contact.{field}`" for field in CONTACT_FIELDS), *FILTERS, *TESTS):
        assert name in conditions
    templates = DOCS.split("## Templates\n")[1].split("\n## ")[0]
    for owner, fields in KNOWN.items():
        assert f"{{{{ {owner}." in templates
        for field in fields:
            assert f"`{{{{ {owner}.{field} }}}}`" in templates


def test_purposes_and_what_late_means_unsaid_are_in_the_docs() -> None:
    for purpose in PURPOSES:
        assert f"\n| `{purpose}` |" in DOCS
    late = DOCS.split("## When a message is late\n")[1].split("\n## ")[0]
    for kind, rule in LATE.items():
        assert re.search(rf'^\| `{kind}`.*\| `"{rule}"` \|$', late, re.MULTILINE)


def test_every_link_inside_the_page_leads_somewhere() -> None:
    titles = re.findall(r"^#+ (.+)$", DOCS, re.MULTILINE)
    places = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
    assert set(re.findall(r"\]\(#([^)]+)\)", DOCS)) <= places
