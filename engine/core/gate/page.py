"""The HTML of an email as mail programs see it: what they drop, what has no words, what cannot be read."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser

from engine.core.gate import colors
from engine.core.gate.judging import Judge
from engine.core.gate.scene import Concern
from engine.core.gate.styles import DarkRules, declarations, font_size
from engine.core.gate.units import plain
from engine.core.render import Email

#: Gmail cuts off what is heavier, in bytes.
HEAVIEST = 102_000
LEAST_CONTRAST = 4.5
_NOTICES = ("SSN-1", "SSN-3")

_NOT_SHOWN = frozenset(("script", "form", "input", "button", "select", "textarea", "iframe", "object", "embed", "video",
                        "audio", "svg", "canvas", "base", "applet"))  # fmt: skip
_VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
_BAD_STYLES = {
    "position": re.compile(r"absolute|fixed|relative|sticky"),
    "display": re.compile(r"(?:inline-)?(?:flex|grid)"),
    "background-image": re.compile(r"url\("),
    "background": re.compile(r"url\("),
    "float": re.compile(r"left|right"),
}
_REMOTE = re.compile(r"@import|@font-face|url\(\s*['\"]?https?:")
_LEADING = ("href", "src", "action", "background", "srcset", "poster", "cite")
_SPOKEN = ("alt", "title", "aria-label", "aria-description", "summary")
_SILENT = ("style", "script")
_LIGHT, _DARK = (colors.WHITE, colors.BLACK), (colors.NIGHT, colors.WHITE)


@dataclass(slots=True)
class _Element:
    """An open element: its name and classes, and what its text looks like."""

    tag: str
    classes: frozenset[str]
    size: float
    light: tuple[colors.Color, colors.Color]  # background, text
    dark: tuple[colors.Color, colors.Color]
    hidden: bool
    silent: bool = False  # what stands in it is no text at all


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of text as it is shown: its size in pixels, and its colors in light and dark."""

    words: str
    size: float
    light: tuple[colors.Color, colors.Color]
    dark: tuple[colors.Color, colors.Color]


@dataclass(slots=True)
class Page(HTMLParser):
    """An HTML page, read once: its texts as they are shown, and what mail programs would not show.

    `unseen`: texts that are hidden, which lists of mail show all the same; `spoken`: words in attributes, which are
    read out or shown on pointing; `links`: where the page leads, and what it fetches.
    """

    html: str
    texts: list[Text] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    spoken: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    without_words: int = 0

    def __post_init__(self) -> None:
        HTMLParser.__init__(self)
        style = " ".join(re.findall(r"<style[^>]*>(.*?)</style>", self.html, re.DOTALL | re.IGNORECASE))
        self._rules = DarkRules.read(style)
        if _REMOTE.search(style):
            self.dropped.append("a style that is fetched from elsewhere (@import, @font-face, url)")
        # A page that says nothing of dark screens is left to the mail program, which turns its colors as a whole.
        night = _DARK if self._rules.rules else _LIGHT
        self._open = [_Element("", frozenset(), 16.0, _LIGHT, night, hidden=False)]
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Takes an element up: how its text looks, and whether it is shown at all."""
        given = {key: value or "" for key, value in attrs}
        styles = declarations(given.get("style", ""))
        self._look_at(tag, given, styles)
        self.links += [given[name] for name in _LEADING if given.get(name)]
        self.spoken += [given[name] for name in _SPOKEN if given.get(name)]
        if tag in _VOID:
            return
        above = self._open[-1]
        element = _Element(
            tag,
            frozenset(given.get("class", "").split()),
            font_size(tag, styles, above.size),
            colors.shown(styles, above.light),
            above.dark,
            above.hidden or tag in ("title", "head") or styles.get("display") == "none",
            tag in _SILENT,
        )
        self._open.append(element)
        dark = self._rules.of(tuple((one.tag, one.classes) for one in self._open[1:]))
        element.dark = colors.shown({**styles, **dark} if dark else styles, above.dark)

    def handle_endtag(self, tag: str) -> None:
        """Closes the nearest open element of this name, with what was left open in it."""
        for number in range(len(self._open) - 1, 0, -1):
            if self._open[number].tag == tag:
                del self._open[number:]
                return

    def handle_data(self, data: str) -> None:
        """Keeps a text, shown or hidden."""
        here = self._open[-1]
        if here.silent or not data.strip():
            return
        if here.hidden:
            self.unseen.append(data)
        else:
            self.texts.append(Text(data, here.size, here.light, here.dark))

    def _look_at(self, tag: str, given: dict[str, str], styles: Mapping[str, str]) -> None:
        if tag in _NOT_SHOWN:
            self.dropped.append(f"<{tag}>")
        if tag == "link" and "stylesheet" in given.get("rel", ""):
            self.dropped.append("a style sheet of its own file")
        if "background" in given:
            self.dropped.append("a picture as background")
        for name, bad in _BAD_STYLES.items():
            if name in styles and bad.search(styles[name]):
                self.dropped.append(f"{name}: {styles[name]}")
        if tag == "img" and "alt" not in given:
            self.without_words += 1


def of_page(judge: Judge, page: Page) -> list[Concern]:
    """What is wrong with how the HTML of an email looks, and with what it asks of mail programs."""
    told = [judge.concern("MAIL-HTML", phrase=what) for what in dict.fromkeys(page.dropped)]
    if page.without_words:
        told.append(judge.concern("MAIL-ALT"))
    weight = len(page.html.encode())
    if weight > HEAVIEST:
        told.append(judge.concern("MAIL-SIZE", said=f"The email weighs {weight // 1000} kB, more than 102 kB."))
    told += [_contrast(judge, *too_faint) for too_faint in dict.fromkeys(_too_faint(page))]
    if judge.scene.notice and any(judge.concern(rule) for rule in _NOTICES):
        told += _notice(judge, page, judge.scene.notice)
    return [concern for concern in told if concern is not None]


def only_here(judge: Judge, page: Page, words: Email) -> Iterator[Concern]:
    """What is wrong with words and links that stand in the page, and in nothing else of the email (judged already)."""
    said = plain(words.text)
    for text in dict.fromkeys([*(shown.words for shown in page.texts), *page.spoken]):
        if plain(text) not in said:
            yield from judge.block("body", judge.links_out(text)).concerns
    head = {plain(words.subject), plain(words.preheader)}
    for text in dict.fromkeys(page.unseen):
        # Lists of mail show it beside the subject; but it stands in the layout, and is looked for there.
        if plain(text) not in head:
            for concern in judge.block("preheader", judge.links_out(text)).concerns:
                yield replace(concern, part="body")
    for link in dict.fromkeys(page.links):
        if link not in words.text:
            yield from judge.addresses.concerns(plain(judge.links_out(link)), "body")


def _too_faint(page: Page) -> list[tuple[str, str, str, str]]:
    found = []
    for text in page.texts:
        for scheme, (behind, front) in (("light", text.light), ("dark", text.dark)):
            contrast = colors.contrast(behind, front)
            if contrast < LEAST_CONTRAST:
                found.append((f"{contrast:.1f}", colors.named(front), colors.named(behind), scheme))
    return found


def _contrast(judge: Judge, contrast: str, front: str, behind: str, scheme: str) -> Concern | None:
    said = f"Text in {front} on {behind} ({scheme} mode) has a contrast of only {contrast} to 1."
    return judge.concern("MAIL-CONTRAST", said=said)


def _notice(judge: Judge, page: Page, notice: str) -> list[Concern | None]:
    """Where the state's notice stands and how large it is (SSN-6)."""
    words = "".join(text.words for text in page.texts)
    at = words.find(notice)
    if at < 0:
        return [judge.concern(rule, said="The state's notice is not in the page, word for word.") for rule in _NOTICES]
    told = []
    if at > len(words) / 2:
        told.append(judge.concern("SSN-6", said="The state's notice does not stand in the top half of the email."))
    position, small = 0, 0.0
    for text in page.texts:
        if position < at + len(notice) and position + len(text.words) > at:
            small = min(small or text.size, text.size)
        position += len(text.words)
    largest = max(text.size for text in page.texts)
    if small < largest:
        said = f"The state's notice is {small:g} px high; the largest letters of the email are {largest:g} px."
        told.append(judge.concern("SSN-6", said=said))
    return told
