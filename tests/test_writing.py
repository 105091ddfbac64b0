"""docs/writing.md: what it calls good passes the gate, and what it calls bad breaks the rules that it names."""

import re
import tomllib
from pathlib import Path

import pytest

from engine.core.consent import Purpose
from engine.core.contact import Channel
from engine.core.front_matter import KEYS
from engine.core.gate import ContentRules, Scene, judge_template
from engine.core.render import Layout, compile_email, compile_sms

ROOT = Path(__file__).parent.parent
DOCS = (ROOT / "docs" / "writing.md").read_text(encoding="utf-8")
CONTENT = ROOT / "engine" / "rules" / "content"
FILES = {file.stem: file.read_text(encoding="utf-8") for file in CONTENT.glob("*.toml")}
RULES = ContentRules.parse(FILES["rules"], en=FILES["en"], es=FILES["es"])
SENTENCES = {code: tomllib.loads(FILES[code])["hedges"] for code in ("en", "es")}

# The least that the law and the carriers want around an email, so that only the example's own words can be wrong.
LAYOUT = Layout(
    "<html><body>{{ body }}<p>{{ clinic.address }}</p><p>{{ link.unsubscribe }}</p></body></html>",
    "{{ body }}\n\n{{ clinic.address }}\n\n{{ link.unsubscribe }}",
)
EXAMPLE = re.compile(r"^```(good|bad) (email|sms) (\w+)((?: [\w-]+)*)\n((?:.*\n)*?)```$", re.MULTILINE)
EXAMPLES = [
    pytest.param(*found.groups(), id=f"line {DOCS[: found.start()].count(chr(10)) + 1}")
    for found in EXAMPLE.finditer(DOCS)
]


def whole(words: str, language: str) -> str:
    """An example that is a part of an email, as a whole one that carries every reminder."""
    if words.startswith("---\n"):
        return words
    hedges = SENTENCES[language]
    head = f"---\nsubject: Hola\npreheader: Hola\nphi: 0\nhedges: {', '.join(hedges)}\n---\n"
    return head + words + "\n" + "\n\n".join(hedge["sentence"] for hedge in hedges.values()) + "\n"


def broken(channel: Channel, purpose: Purpose, language: str, words: str) -> set[str]:
    """The rules that the gate says an example breaks."""
    scene = Scene(
        purpose=purpose,
        channel=channel,
        language=language,
        brand="Harbor Clinic",
        name="Harbor Clinic",
        phone="617-555-0142",
        address="12 Example Street, Boston, MA 02110",
        hosts=("go.harborclinic.example", "harborclinic.example"),
        sites=("doi.org", "www.fda.gov"),
        state="MA",
        confirmed=frozenset(("F-3", "F-10", "F-12", "F-13", "F-15", "F-21")),
    )
    if channel is Channel.SMS:
        sms = compile_sms(words, "example.sms.txt", language)
        return {finding.rule for finding in judge_template(sms, words, scene, RULES).findings}
    source = whole(words, language)
    email = compile_email(source, LAYOUT, "example.email.md", language)
    return {finding.rule for finding in judge_template(email, source, scene, RULES).findings}


@pytest.mark.parametrize(("kind", "channel", "purpose", "more", "words"), EXAMPLES)
def test_an_example_is_judged_as_the_page_says(kind: str, channel: str, purpose: str, more: str, words: str) -> None:
    said = more.split()
    named = {word for word in said if word.isupper()}
    language = next((word for word in said if word.islower()), "en")
    assert bool(named) is (kind == "bad"), "a bad example names its rules, a good one none"
    assert broken(Channel(channel), Purpose(purpose), language, words) == named


def test_no_example_is_overlooked() -> None:
    assert len(EXAMPLES) == len(re.findall(r"^```[^\S\n]*(?:good|bad)", DOCS, re.MULTILINE))


def test_there_are_enough_examples_of_both_kinds_and_languages() -> None:
    kinds = [example.values[0] for example in EXAMPLES]
    assert kinds.count("good") >= 12
    assert kinds.count("bad") >= 20
    assert sum("es" in str(example.values[3]).split() for example in EXAMPLES) >= 5


def test_every_claim_has_a_bad_example() -> None:
    shown = {word for example in EXAMPLES for word in str(example.values[3]).split()}
    assert {rule for rule in RULES.rules if rule.startswith("CL-")} <= shown


@pytest.mark.parametrize("key", KEYS)
def test_every_key_of_the_head_is_explained(key: str) -> None:
    assert re.search(rf"^\| `{key}\b", DOCS, re.MULTILINE)


@pytest.mark.parametrize("hedge", SENTENCES["en"])
def test_the_sentence_of_every_reminder_is_the_shipped_one(hedge: str) -> None:
    assert re.search(rf"^\| {hedge} \|.*\| {re.escape(SENTENCES['en'][hedge]['sentence'])} \|$", DOCS, re.MULTILINE)


@pytest.mark.parametrize("fact", tomllib.loads(FILES["en"])["facts"])
def test_every_fact_to_confirm_is_explained(fact: str) -> None:
    assert f"\n| {fact} |" in DOCS
