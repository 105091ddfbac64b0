"""How hard words are to read: Flesch-Kincaid for English, Fernandez-Huerta for Spanish (decision 31)."""

import re
from collections.abc import Iterable
from itertools import pairwise

_SENTENCE_END = re.compile(r"[.!?]+(?=\s|$|[\"')])")
_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_ADDRESS = re.compile(r"\S*://\S+|\S+@\S+")
_GROUP_EN = re.compile(r"[aeiouy]+")
_SILENT_E = re.compile(r"(?:[^aeiouylr]|[aeiouy][lr])es?$|[^aeiouydt]ed$")
# Vowels that stand together and are two: radio, idea, create, actual; but nation, million, special.
_APART_EN = re.compile(
    r"(?<![tscgxn])(?<!ll)i[aou]|(?<=[aeiou]r)ea$|(?<=id)ea$|eo(?=[^u])(?<!peo)|ua(?=l)|scie|ying|eing"
)
_GROUP_ES = re.compile(r"(?:[aeiouáéíóúü]|y(?![aeiouáéíóúü]))+")
_STRONG_ES, _ACCENTED_WEAK_ES = "aeoáéó", "íú"


def syllables(word: str, language: str) -> int:
    """The syllables of one word in small letters, at least one.

    >>> [syllables(word, "en") for word in ("care", "injection", "stopped", "people", "physician", "the")]
    [1, 3, 1, 2, 3, 1]
    >>> [syllables(word, "es") for word in ("médula", "día", "aéreo", "cuidado", "hoy", "y", "queso")]
    [3, 2, 4, 3, 1, 1, 2]
    """
    return (
        sum(_spanish(part) if language == "es" else _english(part) for part in word.replace("'", "").split("-") if part)
        or 1
    )


def _english(word: str) -> int:
    groups = len(_GROUP_EN.findall(word))
    if groups > 1 and _SILENT_E.search(word) and not word.endswith(("le", "les")):
        groups -= 1
    groups += len(_APART_EN.findall(word))
    return max(groups, 1)


def _spanish(word: str) -> int:
    word = re.sub(r"qu(?=[eiéí])|gu(?=[eiéí])", "q", word)
    count = 0
    for group in _GROUP_ES.findall(word):
        nuclei = 1
        for left, right in pairwise(group):
            strong = left in _STRONG_ES and right in _STRONG_ES
            nuclei += strong or left in _ACCENTED_WEAK_ES or right in _ACCENTED_WEAK_ES
        count += nuclei
    return max(count, 1)


def reading_level(units: Iterable[str], language: str) -> float | None:
    """The school grade of English words (lower is easier), the ease of Spanish ones (higher is easier); None: no words.

    Flesch-Kincaid: 0.39 words a sentence + 11.8 syllables a word - 15.59. Fernandez-Huerta: 206.84 - 60 syllables a
    word - 1.02 words a sentence. Each unit ends a sentence; addresses are left out.

    >>> round(reading_level(["The cat sat on the mat."], "en"), 2)
    -1.45
    >>> round(reading_level(["El gato come pan."], "es"), 2)
    112.76
    """
    sentences = words = sounds = 0
    for unit in units:
        for sentence in _SENTENCE_END.split(_ADDRESS.sub("", unit.lower().replace("\u2019", "'"))):
            found = _WORD.findall(sentence)
            sentences += bool(found)
            words += len(found)
            sounds += sum(syllables(word, language) for word in found)
    if not words:
        return None
    if language == "es":
        return 206.84 - 60 * sounds / words - 1.02 * words / sentences
    return 0.39 * words / sentences + 11.8 * sounds / words - 15.59


def too_hard(level: float | None, language: str, limit: float) -> bool:
    """Whether words of this level are harder than the limit of the language allows."""
    return level is not None and (level < limit if language == "es" else level > limit)
