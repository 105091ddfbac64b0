"""Single sentences in two languages: those that were tuned on are all judged rightly, the others are measured."""

import re
from collections.abc import Callable

import pytest

from tests.conftest import GOLDEN
from tests.core.gate.figures import FILES, Verdict, amiss, measured, sentences, table
from tests.core.gate.shipped import content_rules

WRONG = (Verdict.MISSED, Verdict.WRONG_RULE, Verdict.FALSE_ALARM)
RECORDED = "sentences.txt"


def recorded() -> dict[tuple[str, str], dict[str, int]]:
    """The figures as they stand in the golden file, by file and language."""
    head, *rows = (re.split(r" {2,}", line) for line in (GOLDEN / RECORDED).read_text(encoding="utf-8").splitlines())
    return {(row[0], row[1]): dict(zip(head[2:], map(int, row[2:]), strict=True)) for row in rows}


def test_of_the_sentences_that_were_tuned_on_none_is_missed_and_no_honest_one_is_refused() -> None:
    assert [words for words in amiss("tuned") if words.startswith(tuple(WRONG))] == []


def test_the_figures_are_recorded_and_get_no_worse(golden: Callable[[str, str], None]) -> None:
    """Also `--update` records nothing worse: who accepts that writes it into the file by hand, and says why."""
    figures = [row for file in FILES for row in measured(file)]
    print(f"\n{table(figures)}")
    before = recorded()
    for row in figures:
        assert row.verdicts[Verdict.MISSED] <= before[row.file, row.language]["missed"], row
        assert row.verdicts[Verdict.FALSE_ALARM] <= before[row.file, row.language]["false alarm"], row
    golden(RECORDED, table(figures))


def test_none_of_the_sentences_that_are_only_measured_was_tuned_on() -> None:
    tuned, unseen = ({sentence.text for sentence in sentences(file)} for file in FILES)
    assert tuned & unseen == set()
    assert len(unseen) == len(sentences("unseen"))


@pytest.mark.parametrize("file", FILES)
def test_every_rule_that_is_expected_is_one(file: str) -> None:
    expected = {rule for sentence in sentences(file) for rule in sentence.rules}
    assert expected <= content_rules().rules.keys()


def test_every_claim_is_measured_by_a_sentence_that_nobody_tuned_on() -> None:
    claims = {rule.id for rule in content_rules().rules.values() if rule.family == "claim"}
    assert claims <= {rule for sentence in sentences("unseen") for rule in sentence.rules}
