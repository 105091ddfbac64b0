"""People of whom only a little is known, and the shipped rules, for the tests of both."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import engine.rules
from engine.core.jurisdiction import Whereabouts, whereabouts
from engine.core.rulebook import Rules

NY, CHI, DEN, LA = "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"
PHX, ANC, HON = "America/Phoenix", "America/Anchorage", "Pacific/Honolulu"
FOLDER = Path(next(iter(engine.rules.__path__)))
TEXTS = {
    name: (FOLDER / f"{name}.toml").read_text(encoding="utf-8")
    for name in ("quiet_hours", "area_codes", "zips", "countries")
}
RULES = Rules.parse(**TEXTS)


def somebody(known: Mapping[str, str | None], rules: Rules = RULES) -> Whereabouts:
    """A person of whom only this is known; the clinic is in Denver, where nobody here lives."""
    nothing: dict[str, Any] = dict.fromkeys(("zone", "zip", "state", "country", "phone"))
    return whereabouts(**{**nothing, **known}, clinic_zone=DEN, rules=rules)
