"""The parts of a text message, against the carrier's own calculator."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from engine.core.segments import Segments, outside_gsm, segments

CASES: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "data/segments.toml").read_text("utf-8"))["case"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["why"])
def test_agrees_with_the_carriers_calculator(case: dict[str, Any]) -> None:
    body = "".join(text * times for text, times in case["body"])
    assert segments(body) == Segments(case["count"], case["encoding"], case["units"])


@pytest.mark.contract
def test_agrees_with_every_shared_case(shared: Path) -> None:
    cases = json.loads((shared / "providers/sms-segments.json").read_text("utf-8"))["cases"]
    assert len(cases) >= 232
    for case in cases:
        units = case["message_bits"] // (7 if case["encoding"] == "GSM-7" else 16)
        assert segments(case["body"]) == Segments(case["segments"], case["encoding"], units), case["why"]


@pytest.mark.parametrize(
    ("body", "count"),
    [
        pytest.param("ç" * 66 + "👍🏽" + "ç" * 10, 2, id="a skin tone stays with its hand"),
        pytest.param("ç" * 64 + "🏳️‍🌈" + "ç" * 62, 3, id="a joined flag stays whole"),
        pytest.param("ç" * 71 + "e\u0301", 2, id="a letter and its combining accent"),
        pytest.param("e" + "\u0301" * 200, 3, id="a cluster wider than a part is cut after all"),
    ],
)
def test_what_belongs_together_is_not_cut(body: str, count: int) -> None:
    assert segments(body).count == count


def test_the_writer_is_told_which_characters_cost_more() -> None:
    assert outside_gsm("“Hi” – it’s you") == (
        "“ (left double quotation mark)",
        "” (right double quotation mark)",
        "– (en dash)",
        "’ (right single quotation mark)",
    )
    assert outside_gsm("Hi {€} ~ you") == ()
