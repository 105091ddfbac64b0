"""How hard words are to read, on texts whose level is known."""

import pytest

from engine.core.gate.reading import reading_level, syllables, too_hard

GETTYSBURG = (
    "Four score and seven years ago our fathers brought forth on this continent, a new nation, conceived in Liberty, "
    "and dedicated to the proposition that all men are created equal."
)
QUIJOTE = (
    "En un lugar de la Mancha, de cuyo nombre no quiero acordarme, no ha mucho tiempo que vivía un hidalgo de los de "
    "lanza en astillero, adarga antigua, rocín flaco y galgo corredor."
)


@pytest.mark.parametrize(
    ("word", "count"),
    [
        ("the", 1), ("cells", 1), ("time", 1), ("table", 2), ("asked", 1), ("wanted", 2), ("nation", 2), ("radio", 3),
        ("medicine", 3), ("injection", 3), ("area", 3), ("idea", 3), ("science", 2), ("social", 2), ("serious", 3),
        ("physician", 3), ("create", 2), ("people", 2), ("arthritis", 3), ("cartilage", 3), ("anesthesia", 4),
        ("mother-in-law", 4), ("don't", 1), ("inflammation", 4), ("knee", 1), ("every", 3), ("being", 2),
    ],
)  # fmt: skip
def test_english_syllables_are_counted_as_a_dictionary_does_within_one(word: str, count: int) -> None:
    assert abs(syllables(word, "en") - count) <= (word in {"every", "anesthesia", "create"})


@pytest.mark.parametrize(
    ("word", "count"),
    [
        ("sol", 1), ("casa", 2), ("médula", 3), ("día", 2), ("aéreo", 4), ("queso", 2), ("guerra", 2), ("pingüino", 3),
        ("ciudad", 2), ("cuidado", 3), ("rodilla", 3), ("inyección", 3), ("hoy", 1), ("muy", 1), ("y", 1), ("país", 2),
        ("oído", 3), ("tratamiento", 4), ("células", 3), ("poeta", 3), ("leer", 2), ("cuyo", 2), ("aquí", 2),
    ],
)  # fmt: skip
def test_spanish_syllables_are_counted_by_its_rules(word: str, count: int) -> None:
    assert syllables(word, "es") == count


def test_a_known_english_sentence_has_its_known_grade() -> None:
    # 30 words, one sentence, 46 syllables by the dictionary: 0.39 * 30 + 11.8 * 46 / 30 - 15.59 = 14.2.
    level = reading_level([GETTYSBURG], "en")
    assert level == pytest.approx(14.2, abs=0.8)


def test_a_known_spanish_sentence_has_its_known_ease() -> None:
    # 33 words, one sentence, 60 syllables counted by hand: 206.84 - 60 * 60 / 33 - 1.02 * 33 = 64.1.
    level = reading_level([QUIJOTE], "es")
    assert level == pytest.approx(64.1, abs=0.1)


def test_each_paragraph_ends_a_sentence_and_addresses_are_no_words() -> None:
    assert reading_level(["See the cat", "See the dog"], "en") == reading_level(["See the cat. See the dog."], "en")
    assert reading_level(["See https://clinic.example/abc"], "en") == reading_level(["See"], "en")
    assert reading_level(["2026, 480."], "en") is None


def test_the_limit_is_a_grade_in_english_and_an_ease_in_spanish() -> None:
    assert too_hard(9.1, "en", 9) and not too_hard(9.0, "en", 9)
    assert too_hard(59.9, "es", 60) and not too_hard(60.0, "es", 60)
    assert not too_hard(None, "en", 9)
