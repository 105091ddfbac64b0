"""No words, however long and unlucky, keep the gate busy: each pattern is done with 2,000 characters at once."""

import random
import re
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.gate.rules import Pattern
from tests.core.gate.shipped import content_rules

LONGEST = 2_000
LIMIT = 0.002  # seconds of CPU
ROUNDS = 9  # the best counts: other work on the machine is none of the pattern's fault
_WORD = re.compile(r"[a-záéíóúñ]{2,}")


def searched() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Everything that is searched for, by language and rule."""
    for code, said in content_rules().languages.items():
        yield f"{code} negator", said.negator
        every: dict[str, Pattern] = {
            **said.patterns,
            **said.wording,
            **said.hedges,
            **said.facts,
            "therapy": said.therapy,
        }
        for key, one in every.items():
            yield f"{code} {key}", one.pattern
            yield from ((f"{code} {key} except {number}", spared) for number, spared in enumerate(one.spared, 1))


SEARCHED = list(searched())


def seconds(pattern: re.Pattern[str], text: str) -> float:
    """What it costs to find every match."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.thread_time()
        for _found in pattern.finditer(text):
            pass
        best = min(best, time.thread_time() - began)
        if best <= LIMIT:
            break
    return best


def hostile(pattern: re.Pattern[str]) -> Iterator[str]:
    """Texts of the pattern's own words: each again and again, all of them in turn, and in a random order."""
    own = list(dict.fromkeys(_WORD.findall(re.sub(r"\\[a-zA-Z]", " ", pattern.pattern)))) or ["a"]
    for word in own[:: max(1, len(own) // 12)]:
        yield f"{word} " * LONGEST
    yield " ".join(own) * LONGEST
    dice = random.Random(pattern.pattern)
    for glue in (" ", ", ", " no "):
        yield glue.join(dice.choices(own, k=LONGEST))


@pytest.mark.parametrize(("name", "pattern"), SEARCHED, ids=[name for name, _ in SEARCHED])
def test_a_pattern_is_quick_even_on_its_own_words_over_and_over(name: str, pattern: re.Pattern[str]) -> None:
    for text in hostile(pattern):
        assert seconds(pattern, text[:LONGEST]) <= LIMIT, text[:80]


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet=st.sampled_from("abehinorstuy áñ.,!?'\"-%$0123456789"), max_size=40), st.integers(0, 10**6))
def test_every_pattern_is_quick_on_any_letters(piece: str, pick: int) -> None:
    name, pattern = SEARCHED[pick % len(SEARCHED)]
    assert seconds(pattern, (piece * LONGEST)[:LONGEST]) <= LIMIT, name
