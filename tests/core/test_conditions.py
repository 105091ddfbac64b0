"""Conditions: what they answer, what they refuse, and that nothing else can be done with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from engine.core.condition_check import mistakes
from engine.core.conditions import Condition, ConditionError, NotACondition

ANN = {"first_name": "Ann", "last_name": "Able", "language": "en", "state": "MA", "zip": "02139"}
HAPPENED = frozenset({"enquiry", "interest"})


def about(contact: object = None, consented: frozenset[str] = frozenset({"sms"}), **event: Any) -> Mapping[str, Any]:
    """What a condition sees of Ann, or of somebody else."""
    return {
        "contact": ANN if contact is None else contact,
        "event": {"kind": "enquiry", **event},
        "happened": lambda word: word in HAPPENED,
        "consented": lambda channel: channel in consented,
    }


# --- answers ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("contact.state == 'MA'", True),
        ("contact.state != 'MA'", False),
        ("contact.state in ['NH', 'VT']", False),
        ("contact.first_name == 'Ann' and contact.last_name == 'Able'", True),
        ("contact.zip == '02139' or happened('booking')", True),
        ("contact.language == 'es'", False),
        ("happened('enquiry')", True),
        ("not happened('booking')", True),
        ("happened('booking') or happened('interest')", True),
        ("consented('sms') and not consented('email')", True),
        ("event.kind == 'enquiry'", True),
        ("event['kind'] == 'enquiry'", True),
        ("'opt-in' in event.tags", True),
        ("'opt-out' not in event.tags", True),
        ("event.pain > 3 and event.pain <= 8", True),
        ("event.pain > -1", True),
        ("event.comment|lower == 'call me'", True),
        ("event.comment|trim|length > 3", True),
        ("event.nothing is defined", False),
        ("event.nothing|default(0) > 3", False),
        ("event.nothing is defined and event.nothing > 3", False),
        ("(event.pain > 8 or contact.state == 'MA') and not happened('booking')", True),
    ],
)
def test_a_condition_answers(text: str, expected: bool) -> None:
    context = about(tags=["opt-in"], pain=5, comment="Call me")
    assert Condition(text).holds(context) is expected


def test_a_field_that_is_unknown_of_this_person_equals_nothing() -> None:
    nowhere = ANN | {"state": None}
    assert Condition("contact.state == 'MA'").holds(about(nowhere)) is False
    assert Condition("contact.state is none").holds(about(nowhere)) is True


def test_a_contact_may_be_an_object() -> None:
    @dataclass(frozen=True)
    class Contact:
        state: str
        _secret: str = "x"

    assert Condition("contact.state == 'MA'").holds(about(Contact("MA"))) is True
    with pytest.raises(ConditionError, match=r"`contact\.zip` is not known for this person"):
        Condition("contact.zip == '1'").holds(about(Contact("MA")))


def test_a_field_never_is_a_method_of_what_carries_it() -> None:
    assert Condition("event.items == 3").holds(about(items=3)) is True
    with pytest.raises(ConditionError, match=r"`event\.keys` is not known"):
        Condition("event.keys == 3").holds(about())


def test_a_condition_knows_which_events_it_asks_about() -> None:
    condition = Condition("happened('booking') or not happened('treatment') and event.kind == 'enquiry'")
    assert condition.events == {"booking", "treatment"}


def test_equal_texts_are_equal_conditions() -> None:
    assert Condition("happened('booking')") == Condition("happened('booking')")
    assert len({Condition("happened('a')"), Condition("happened('a')"), Condition("happened('b')")}) == 2


# --- no answer ---


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("'opt-in' in event.tags", "`event.tags` is not known for this person."),
        ("event.pain > 3", "`event.pain` is not known for this person."),
        ("event.tags", "`event.tags` is not known for this person."),
        ("not event.tags", "`event.tags` is not known for this person."),
        ("event.pain|int > 3", "`event.pain` is not known for this person."),
        ("event.word > 3", "it compares values that cannot be compared."),
        ("'x' in event.none", "it compares values that cannot be compared."),
        ("event.none|length > 3", "it compares values that cannot be compared."),
    ],
)
def test_what_cannot_be_answered_is_told_plainly(text: str, told: str) -> None:
    with pytest.raises(ConditionError) as error:
        Condition(text).holds(about(word="private words", none=None))
    assert str(error.value) == f"“{text}” has no answer: {told}"


def test_the_values_of_a_person_are_never_told() -> None:
    with pytest.raises(ConditionError) as error:
        Condition("event.word > 3").holds(about(word="private words"))
    assert "private" not in str(error.value)
    assert error.value.__cause__ is None


# --- what is no condition ---


@pytest.mark.parametrize(
    ("text", "at", "told"),
    [
        ("contact.state = 'MA'", 14, "Write `==`."),
        ("contact.state === 'MA'", 14, "Write `==`."),
        ("contact.state <> 'MA'", 14, "Write `!=`."),
        ("contact.state == 'MA' && happened('x')", 22, "Write `and`."),
        ("happened('x') || happened('y')", 14, "Write `or`."),
        ("!happened('x')", 0, "Write `not`."),
        ("happened('x') AND happened('y')", 14, "Write `and`."),
        ("not contact.booked", 4, "Write `happened('booking')`."),
        ("contact.stat == 'MA'", 0, "Write `contact.state`."),
        ("contact.age > 60", 0, "A contact has: first_name, last_name, language, state, zip."),
        ("contakt.state == 'MA'", 0, "Write `contact.state`."),
        ("state == 'MA'", 0, "Write `contact.state`."),
        ("booking", 0, "Of an event write `happened('booking')`"),
        ("contact.state == MA", 17, "a word to compare with goes in quotes: `'MA'`."),
        ("contact", 0, "Say which field"),
        ("happened", 0, "Write `happened('booking')`."),
        ("happened(booking)", 0, "Write `happened('booking')`."),
        ("happened('a', 'b')", 0, "asks about one word in quotes"),
        ("hapened('booking')", 0, "Write `happened('booking')`."),
        ("consented('mail')", 11, "Write `consented('email')`."),
        ("clicked('guide_link')", 0, "`clicked(...)` is not yet built."),
        ("contact.state in MA, NH", 19, "A list needs square brackets."),
        ("contact.state is 'MA'", 17, "`is` does not compare with a word."),
        ("contact.state == “MA”", 17, "Write straight ones"),
        ("contact.state == 'MA", 17, "Every quote needs its partner"),
        ("happened('booking'", 18, "Every `(` needs its `)`."),
        ("happened('booking'))", 19, "Every `(` needs its `)`."),
        ("contact.state ==", 16, "The condition breaks off."),
        ("contact.state == 'MA' happened('x')", 22, "Join two questions"),
        ("{{ contact.state }}", 0, "Take out the braces."),
        ("event.tags | lenght > 2", 13, "Write `| length`."),
        ("event.tags is defned", 14, "Write `is defined`."),
        ("event.tags | random", 13, "There is no `| random`."),
        ("'booking'", 0, "The condition asks nothing"),
        ("1 == 1", 0, "The condition asks nothing"),
        ("", 0, "The condition is empty."),
        ("event.a.b == 1", 8, "A field is one word"),
        ("contact.state == $", 17, "“$” does not belong in a condition."),
        ("contact.zip == ٣", 15, "“٣” does not belong in a condition."),
        ("contact.zip == 1}", 16, "Every `{` needs its `}`."),
        ("contact.zip == " + "-" * 450 + "1", 0, "The condition is too deep."),
        ("contact.zip == '" + "1" * 500 + "'", 0, "The condition is longer than 500 letters."),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else None,
)
def test_what_is_no_condition_is_refused_with_place_and_remedy(text: str, at: int, told: str) -> None:
    with pytest.raises(NotACondition) as wrong:
        Condition(text)
    assert told in str(wrong.value)
    assert wrong.value.at == at


@pytest.mark.parametrize(
    "text",
    [
        "''.__class__ and contact.state",
        "event.__class__",
        "event['__class__']",
        "contact.state.__class__.__mro__",
        "event._private",
        "happened.__globals__",
        "contact.last_name.startswith('A')",
        "event.pop('kind')",
        "range(99999999) and contact.state",
        "'a' * 99999999 == contact.state",
        "2 ** 99 ** 99 == contact.zip",
        "event.tags ~ 'x'",
        "contact.state if happened('x') else contact.zip",
        "self.x",
        "cycler('a')",
        "event.tags[0]",
        "event.tags | attr('x')",
        "event.tags | map('upper')",
        "lipsum()",
        "(happened)('booking').__class__",
        "{'a': contact.state}",
    ],
)
def test_a_condition_reaches_nothing_but_its_own_words(text: str) -> None:
    assert mistakes(text)
    with pytest.raises(NotACondition):
        Condition(text)


@pytest.mark.parametrize("brackets", ["()", "[]"])
def test_brackets_in_brackets_in_brackets_do_no_harm(brackets: str) -> None:
    assert mistakes(brackets[0] * 240 + "contact.zip == 1" + brackets[1] * 240)


def test_every_mistake_is_told_at_once() -> None:
    found = mistakes("not contact.booked and clicked('guide_link') and contact.stat == 'MA'")
    assert [mistake.at for mistake in found] == [4, 23, 49]


def test_what_is_compiled_keeps_nothing_between_two_people() -> None:
    condition = Condition("event.pain > 3")
    assert [condition.holds(about(pain=pain)) for pain in (5, 1, 5)] == [True, False, True]
