"""TOML with places: where each key and value stands, and how a line that cannot be read is told."""

import pytest

from engine.core.toml_text import Path, read_toml

TEXT = """\
# é
title = "é"   # a remark
[enrol]
on = ["é", "b"]
[[step]]
key = "k"
else = { email = "x", sms = "y" }
[[step]]
key = "l"
[step.inner]
x = 1
[[step.reply]]
when = "z"
"""


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        (("title",), (2, 1), (2, 9)),
        (("enrol",), (3, 1), (3, 1)),
        (("enrol", "on"), (4, 1), (4, 6)),
        (("enrol", "on", 1), (4, 12), (4, 12)),
        (("step", 0), (5, 1), (5, 1)),
        (("step", 0, "else", "sms"), (7, 23), (7, 29)),
        (("step", 1), (8, 1), (8, 1)),
        (("step", 1, "key"), (9, 1), (9, 7)),
        (("step", 1, "inner", "x"), (11, 1), (11, 5)),
        (("step", 1, "reply", 0, "when"), (13, 1), (13, 8)),
    ],
)
def test_the_place_of_a_key_and_its_value(path: Path, key: tuple[int, int], value: tuple[int, int]) -> None:
    spot = read_toml(TEXT).spots[path]
    assert (spot.key_line, spot.key_column) == key
    assert (spot.line, spot.column) == value


def test_the_index_of_a_value_counts_letters() -> None:
    assert TEXT[read_toml(TEXT).spots[("step", 0, "key")].index :].startswith('"k"')


@pytest.mark.parametrize(
    ("text", "line", "column", "told"),
    [
        ("a = b", 1, 5, 'Write `a = "b"`.'),
        ("at = 10:00", 1, 6, 'Write `at = "10:00"`.'),
        ("day = 21 days", 1, 7, "Write `day = 21`."),
        ('a = "b\nc = 1', 1, 5, 'The closing quote is missing. Write `a = "b"`.'),
        ('a = b"', 1, 5, 'The opening quote is missing. Write `a = "b"`.'),
        ('a = "b" c', 1, 8, "Something stands behind the closing quote."),
        ('a = "it is "so" now"', 1, 5, "Inside the text use single ones: `a = \"it is 'so' now\"`."),
        ('a = "b\\c"', 1, 7, "A backslash means something else in TOML."),
        ("a = “b”", 1, 5, 'Write straight ones: `a = "b"`.'),
        ('a\u00a0= "b"', 1, 2, "an invisible character here (a non-breaking space)"),
        ('a: "b"', 1, 1, 'Write `a = "b"`.'),
        ('two words = "b"', 1, 1, 'Write `two_words = "b"`.'),
        ('a == "b"', 1, 3, 'Write `a = "b"`.'),
        ("a =", 1, 4, "`a` has no value."),
        ("hello", 1, 1, "neither a `[heading]` nor `key = value`"),
        ('a = ["b" "c"]', 1, 10, "A comma is missing between two entries."),
        ('a = ["b",\nc = "d"', 1, 10, "End it with `]`."),
        ('a = { b = "c"\nd = 1', 1, 5, "must be on one line"),
        ('a = """b\nc', 1, 1, "Close it with three quotes."),
        ("[a", 1, 1, "Write `[a]` on a line of its own."),
        ("[[step]", 1, 1, "Write `[[step]]` on a line of its own."),
        ("[step]\n", 1, 1, "Write `[[step]]`."),
        ("[a]\n[a]", 2, 1, "`[a]` is written twice."),
        ("a = 1\na = 2", 2, 1, "`a` is written twice. Keep one of the two."),
        ("a = { b = 1, b = 2 }", 1, 1, "`b` is written twice."),
    ],
)
def test_a_line_that_cannot_be_read_is_told(text: str, line: int, column: int, told: str) -> None:
    troubles = read_toml(text).troubles
    assert len(troubles) == 1
    assert (troubles[0].line, troubles[0].column) == (line, column)
    assert told in f"{troubles[0].problem} {troubles[0].remedy}"


def test_the_rest_is_read_all_the_same() -> None:
    document = read_toml('a = b\n[step]\nkey = "x\n[[step]]\nkey = "y"\n')
    assert document.data == {"step": [{}, {"key": "y"}]}
    assert [trouble.line for trouble in document.troubles] == [2, 1, 3]
    assert document.spots["step", 1, "key"].line == 5


def test_a_file_that_is_no_toml_at_all_comes_to_an_end() -> None:
    document = read_toml("\n".join(f"line {number}" for number in range(500)))
    assert document.data is None
    assert len(document.troubles) == 20
