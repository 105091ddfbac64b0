"""Sign-off: what a signature is of, when it stands, and what is missing (decision 22)."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.consent import Purpose
from engine.core.contact import Channel
from engine.core.render import Layout, compile_email, compile_sms
from engine.core.signoff import Signature, State, Which, after, every_hash, missing, parts, standing, words_hash
from engine.core.wording import Clinic
from tests.core.moments import utc

ROLES = ("marketing", "clinician")
DAY = date(2026, 11, 20)
NOW = utc("Fri 2026-11-20 15:00")
CLINIC = Clinic("Harbor Clinic", "Harbor", "617-555-0142", "12 Example Street", "https://harborclinic.example", "UTC")
HELLO = Which("guide", "hello", Channel.EMAIL, "en")
LAYOUT = Layout("<html><body>{{ body }}{{ clinic.notice }}</body></html>", "{{ body }}\n{{ clinic.phone }}")
SOURCE = "---\nsubject: {subject}\npreheader: Some words\nphi: {phi}\n---\n{words}\n"


def hash_of(
    which: Which = HELLO,
    purpose: Purpose = Purpose.MARKETING,
    clinic: Clinic = CLINIC,
    layout: Layout = LAYOUT,
    **said: Any,
) -> str:
    """The hash of a small email, a part of it changed."""
    source = SOURCE.format(**{"subject": "Hello", "phi": 0, "words": "Some words.", **said})
    template = compile_email(source, layout, "templates/guide/hello.email.md", which.language)
    return words_hash(which, template, purpose, clinic)


# --- what a signature is of


@pytest.mark.parametrize(
    "changed",
    [
        {"words": "Other words."},
        {"subject": "Good morning"},
        {"phi": 1},
        {"layout": replace(LAYOUT, html=LAYOUT.html.replace("<body>", "<body>Sale!"))},
        {"layout": replace(LAYOUT, text="{{ body }}\nSale! {{ clinic.phone }}")},
        {"which": HELLO._replace(language="es")},
        {"which": HELLO._replace(template="goodbye")},
        {"which": HELLO._replace(campaign="aftercare")},
        {"purpose": Purpose.CARE},
        {"clinic": replace(CLINIC, notice="This therapy is not approved.")},
        {"clinic": replace(CLINIC, phone="617-555-0143")},
    ],
    ids=str,
)
def test_whatever_a_reader_would_see_changed_is_something_else_to_sign(changed: dict[str, Any]) -> None:
    assert hash_of(**changed) != hash_of()


def test_what_the_words_do_not_print_is_no_part_of_them() -> None:
    assert hash_of(clinic=replace(CLINIC, address="14 Example Street", email="new@harborclinic.example")) == hash_of()


def test_the_same_words_read_again_are_what_was_signed() -> None:
    assert hash_of() == hash_of()
    assert len(hash_of()) == 64


def test_a_text_message_is_signed_with_what_it_prints_of_the_clinic() -> None:
    which = Which("guide", "question", Channel.SMS, "en")
    text = compile_sms("{{ clinic.brand }}: A question?", "templates/guide/question.sms.txt", "en")
    first = words_hash(which, text, Purpose.MARKETING, CLINIC)
    assert first != words_hash(which, text, Purpose.MARKETING, replace(CLINIC, brand="Port"))
    assert first == words_hash(which, text, Purpose.MARKETING, replace(CLINIC, name="Port Clinic"))


def test_words_of_a_broken_campaign_have_no_purpose_and_so_nothing_to_sign() -> None:
    text = compile_sms("Hello", "x.sms.txt", "en")
    keys = [("guide", "a", Channel.SMS, "en"), ("broken", "a", Channel.SMS, "en")]
    found = every_hash(dict.fromkeys(keys, text), {"guide": Purpose.MARKETING}, CLINIC)
    assert list(found) == keys[:1]


# --- what stands


def entry(words: str, role: str = "clinician", *, by: str = "Dr. Maria Ortiz", **more: Any) -> Signature:
    """One line of the log."""
    return Signature(HELLO, words, role, by, DAY, NOW, "front desk", **more)


def signed(*entries: Signature) -> Any:
    return after({}, [(one.hash, one.role, one.withdrawn) for one in entries])


def test_every_role_signs_for_itself() -> None:
    assert missing("a", signed(), ROLES) == ROLES
    assert missing("a", signed(entry("a")), ROLES) == ("marketing",)
    assert missing("a", signed(entry("a"), entry("a", "marketing")), ROLES) == ()


def test_a_signature_of_other_words_or_by_another_role_counts_for_nothing() -> None:
    assert missing("a", signed(entry("b"), entry("a", "owner")), ROLES) == ROLES


def test_rehearsals_ask_for_no_signature() -> None:
    assert missing("a", {}, ROLES, demo=True) == ()


def test_a_withdrawal_ends_a_signature_and_signing_again_renews_it() -> None:
    both = (entry("a"), entry("a", "marketing"))
    gone = (*both, entry("a", withdrawn=True))
    assert missing("a", signed(*gone), ROLES) == ("clinician",)
    assert missing("a", signed(*gone, entry("a")), ROLES) == ()


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(ROLES), st.booleans())),
    st.integers(min_value=0, max_value=20),
)
def test_reading_the_log_in_two_parts_gives_the_same(log: list[tuple[str, str, bool]], cut: int) -> None:
    assert after(after({}, log[:cut]), log[cut:]) == after({}, log)


# --- what each role has said


@pytest.mark.parametrize(
    ("entries", "state"),
    [
        ([], State.NEVER),
        ([entry("a")], State.SIGNED),
        ([entry("old")], State.CHANGED),
        ([entry("a"), entry("a", withdrawn=True)], State.WITHDRAWN),
        ([entry("old"), entry("old", withdrawn=True)], State.WITHDRAWN),
        ([entry("a"), entry("other"), entry("other", withdrawn=True)], State.SIGNED),
        ([entry("a"), entry("a", withdrawn=True), entry("a")], State.SIGNED),
        ([entry("a", "marketing")], State.NEVER),
    ],
    ids=["nothing", "these words", "earlier words", "withdrawn", "earlier ones withdrawn", "changed back", "again",
         "another role"],
)  # fmt: skip
def test_a_role_has_signed_these_words_or_earlier_ones_or_none(entries: list[Signature], state: State) -> None:
    (part,) = parts("a", entries, ["clinician"])
    assert part.state is state


def test_of_words_that_changed_it_is_said_who_signed_the_last_ones_before() -> None:
    before = [replace(entry("old"), on=DAY - timedelta(days=9)), entry("newer", by="Dr. Jo Lee")]
    (part,) = parts("a", before, ["clinician"])
    assert part.entry == before[1]


def test_a_withdrawal_ends_all_that_stands_of_the_role_in_words_past_and_present() -> None:
    log = [entry("a"), entry("b"), entry("b", withdrawn=True), entry("c", "marketing"), entry("d")]
    assert [one.hash for one in standing(log, "clinician")] == ["a", "d"]
