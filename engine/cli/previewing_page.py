"""nurture preview --html: the same, as a page for the browser."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.opening import Opened
from engine.cli.refusing import No, misused
from engine.cli.showing import count, day_and_time, say

if TYPE_CHECKING:
    from engine.core.campaign import Campaign
    from engine.core.situation import Situation
    from engine.studio.preview import Move


def checked_file(file: Path) -> Path:
    """Where the page is to be written. Only pages are written over, never a setting or a campaign mistyped here."""
    if file.suffix.lower() not in (".html", ".htm"):
        raise misused("--html names a file that ends in .html, such as preview.html.")
    return file


def write_page(
    file: Path,
    opened: Opened,
    plan: "Campaign",
    situations: "Sequence[Situation]",
    moves: "Sequence[Move]",
    about: "Callable[[Situation], list[str]]",
) -> None:
    """Play the campaign for each of these, one a language, and write the page. Only its owner can read the file."""
    from engine.core.decisions import where
    from engine.studio.page import Told, harmless, page
    from engine.studio.preview import play

    house = harmless(opened.house)
    told = []
    for situation in situations:
        zone, start = where(situation, house.terms).home_zone, situation.enrolment.started_at
        sentences = (f"Begun {day_and_time(start, zone)}", *about(situation))
        shown = tuple(play(house, plan, situation, moves))
        told.append(Told(situation.contact.language, sentences, zone, start, shown))
    _write(file, page(house, plan, told, opened.house.content.everything()))
    messages = sum(one.words is not None for each in told for one in each.shown)
    say(f"Written: {file} ({count(messages, 'message')}). Open it in a browser.")


def _write(file: Path, text: str) -> None:
    """May show a real person's name: the file is for the eyes of who asked."""
    try:
        file.touch(mode=0o600)
        file.chmod(0o600)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise No(f"The page cannot be written to {file} ({error.strerror}).") from None
