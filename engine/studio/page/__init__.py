"""`nurture preview --html`: one person's campaign as a page, each message as a phone and a mailbox show it.

One file that fetches nothing: its policy forbids the browser every address, the emails lie in sandboxed frames, and
the links in them have a key that opens nothing. Names and words are put in escaped; the page shows them, it never
obeys them.
"""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from engine.core.campaign import Campaign
from engine.core.findings import Finding
from engine.core.links import Links
from engine.house import House
from engine.studio.page.seeing import Seen, Told, dollars, seen, total

_FILES = Path(__file__).parent
# A preview's messages have the numbers 1, 2, 3, which are other people's: links to them must not be real.
_OPENS_NOTHING = b"the links of a preview open nothing"
LANGUAGES = {"en": "English", "es": "Español"}


@dataclass(frozen=True, slots=True)
class Moment:
    """One occurrence of a step, as each language has it, in the order of the languages; None: not in that one."""

    step: str
    seen: tuple[Seen | None, ...]

    @property
    def first(self) -> Seen:
        """What there is of it in the language that has it first."""
        return min((one for one in self.seen if one is not None), key=lambda one: one.at)

    @property
    def kind(self) -> str:
        """What it is, in a word; held in one language is held."""
        return "held" if any(one is not None and one.kind == "held" for one in self.seen) else self.first.kind


def harmless(house: House) -> House:
    """The same house, but for the links it makes: they look like real ones, and no page takes them."""
    return replace(house, links=Links(house.settings.clinic.public_url, _OPENS_NOTHING))


def page(house: House, campaign: Campaign, told: Sequence[Told], findings: Iterable[Finding] = ()) -> str:
    """The page for one person and campaign, a `Told` a language. `findings`: whatever the checks of words found."""
    by_file: dict[str, list[Finding]] = {}
    for finding in findings:
        by_file.setdefault(finding.file, []).append(finding)
    price = house.settings.sms.price_per_segment
    every = [[seen(one, each, campaign.name, by_file, price) for one in each.shown] for each in told]
    script = (_FILES / "page.js").read_text(encoding="utf-8")
    return _template().render(
        campaign=campaign,
        clinic=house.settings.clinic,
        sender=house.settings.twilio.from_number or "The clinic’s number",
        told=told,
        names=[LANGUAGES.get(each.language, each.language) for each in told],
        moments=_moments(told, every),
        totals=[total(each.language, some, price) for each, some in zip(told, every, strict=True)],
        style=(_FILES / "page.css").read_text(encoding="utf-8"),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _moments(told: Sequence[Told], every: Sequence[Sequence[Seen]]) -> list[Moment]:
    """The occurrences of all languages, each once, in the order in which they come."""
    found: dict[tuple[str, int], dict[str, Seen]] = {}
    for each, some in zip(told, every, strict=True):
        for shown, one in zip(each.shown, some, strict=True):
            occurrence = shown.decision.occurrence
            found.setdefault((occurrence.step.key, occurrence.number), {})[each.language] = one
    moments = [
        Moment(step, tuple(by_language.get(each.language) for each in told)) for (step, _), by_language in found.items()
    ]
    return sorted(moments, key=lambda moment: moment.first.at)


@cache
def _template() -> Template:
    shelf = Environment(
        loader=FileSystemLoader(_FILES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shelf.filters["dollars"] = dollars
    return shelf.get_template("page.html")


__all__ = ["Told", "harmless", "page"]
