"""Campaigns, templates and rules are read from their files here, and compiled once.

A campaign or template that is broken is set aside with its findings; the others work.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.config import Settings
from engine.core.campaign import Campaign, Refused
from engine.core.campaign_checks import Legal
from engine.core.campaign_file import parse_campaign
from engine.core.consent import Purpose
from engine.core.contact import Channel
from engine.core.findings import Finding
from engine.core.jurisdiction import legal_windows, whereabouts
from engine.core.phi import patient_kinds
from engine.core.render import EmailTemplate, Layout, SmsTemplate, TemplateRefused, compile_email, compile_sms
from engine.core.rulebook import Rules
from engine.core.template_name import how_to_name, read_name
from engine.core.timing import ZonedWindow
from engine.core.toml_text import read_toml
from engine.core.utf8 import decoded

RULES = Path(__file__).parent / "rules"
LAYOUT = "_layout"
LAYOUT_FILES = ("email.html", "email.text.txt")
# templates/service/ holds the answers to STOP, START and HELP, which belong to no campaign.
SERVICE = "service"
# A template whose name says no language is in this one.
UNSAID = "en"

Template = EmailTemplate | SmsTemplate
Key = tuple[str, str, Channel, str]  # campaign, name, channel, language

_FOOTER = re.compile(r"\{\{ *footer *\}\}")  # its words are in footer.html, footer.es.html and so on


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything the clinic wrote, read once.

    `campaigns`: the sound ones, by name. `broken`: what is wrong with each of the others. `mistakes`: what is
    wrong with templates; a message that needs such a one is held, its campaign goes on. `patient_kinds`: the kinds
    of events that only happen to patients (`engine.core.phi`).
    """

    campaigns: Mapping[str, Campaign]
    broken: Mapping[str, tuple[Finding, ...]]
    templates: Mapping[Key, Template]
    mistakes: tuple[Finding, ...]
    rules: Rules
    patient_kinds: frozenset[str]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything there is to mend, in the order of files and lines."""
        every = [finding for findings in self.broken.values() for finding in findings] + list(self.mistakes)
        return tuple(sorted(every, key=lambda finding: (finding.file, finding.line, finding.column)))

    def template(self, campaign: str, name: str, channel: Channel, language: str) -> Template | None:
        """The words in that language; None when missing or broken: no other is put in their place."""
        return self.templates.get((campaign, name, channel, language))


def catalogue(project: Path, settings: Settings) -> Catalogue:
    """Read campaigns/*.toml and templates/** of the project, and the rules. Broken files raise nothing."""
    rules = read_rules()
    words = _Words(project)
    law = _law_at(settings, rules)
    campaigns: dict[str, Campaign] = {}
    broken: dict[str, tuple[Finding, ...]] = {}
    perhaps = _Perhaps()
    for file in _files(project / "campaigns", "*.toml"):
        try:
            campaigns[file.stem] = _read_campaign(file, settings, words.of(file.stem), law)
        except Refused as refused:
            broken[file.stem] = refused.findings
            perhaps.read(file)
    kinds = patient_kinds(campaigns.values()) | perhaps.kinds(campaigns.values())
    return Catalogue(campaigns, broken, words.templates, tuple(words.mistakes), rules, kinds)


@dataclass(slots=True)
class _Perhaps:
    """Kinds of events in broken files that may only happen to patients: a typing error makes no patient an enquirer.

    What `engine.core.phi.patient_kinds` would have found in them. A file counts unless it says it is marketing.
    """

    begun: set[str] = field(default_factory=set)  # by these people come in; a goal is as good
    ended: set[str] = field(default_factory=set)

    def read(self, file: Path) -> None:
        """Take up what a broken file says."""
        try:
            said = read_toml(file.read_text(encoding="utf-8", errors="replace")).data or {}
        except OSError:
            return
        if said.get("purpose") != Purpose.MARKETING:
            self.begun |= _words(said, "enrol", "on") | _words(said, "enrol", "move") | _words(said, "exit", "goal")
            self.ended |= _words(said, "exit", "on")

    def kinds(self, sound: Iterable[Campaign]) -> set[str]:
        """Those that no sound marketing campaign begins with, nor, of what ends a campaign, leaves by."""
        marketing = [campaign for campaign in sound if campaign.purpose is Purpose.MARKETING]
        enquiring = {kind for campaign in marketing for kind in campaign.enrol.on}
        leaving = {kind for campaign in marketing for kind in campaign.exit.on}
        return (self.begun | (self.ended - leaving)) - enquiring


def _words(said: Mapping[str, Any], table: str, key: str) -> set[str]:
    """The words under a key of a file that nobody has checked: one, several or none."""
    inside = said.get(table)
    some = inside.get(key) if isinstance(inside, dict) else None
    return {word for word in (some if isinstance(some, list) else [some]) if isinstance(word, str)}


def read_rules() -> Rules:
    """The law's hours and where numbers and ZIPs lie. ValueError when a file of ours is damaged."""
    names = ("quiet_hours", "area_codes", "zips", "countries")
    return Rules.parse(**{name: (RULES / f"{name}.toml").read_text(encoding="utf-8") for name in names})


def read_version(name: str, source: str) -> Campaign | None:
    """An older version of a campaign, from the text that was kept; None when it cannot be read any more.

    Only what its steps need is checked: its people go on with it, whatever is asked of new files today.
    """
    try:
        return parse_campaign(source, name=name, file=f"campaigns/{name}.toml")
    except Refused:
        return None


def _files(folder: Path, pattern: str) -> Iterator[Path]:
    """In the order of their names; without those that editors and desktops leave behind."""
    for path in sorted(folder.glob(pattern)):
        if path.is_file() and not path.name.startswith(".") and not path.name.endswith(("~", ".swp", ".bak")):
            yield path


def _read_campaign(file: Path, settings: Settings, templates: Collection[tuple[Channel, str]], law: Legal) -> Campaign:
    name, place = file.stem, f"campaigns/{file.name}"
    if name == SERVICE:
        problem = f"“{name}” is the name of the answers to STOP, START and HELP."
        raise Refused([Finding(place, 0, 0, "", problem, "Give the campaign another name.")])
    try:
        source = file.read_bytes()
    except OSError as error:
        raise Refused([_unreadable(place, error)]) from None
    return parse_campaign(
        source,
        name=name,
        file=place,
        templates=templates,
        caps={Channel.EMAIL: settings.caps.email, Channel.SMS: settings.caps.sms},
        legal=law,
        events=settings.events.words or None,
    )


def _law_at(settings: Settings, rules: Rules) -> Legal:
    """The law's hours for somebody who lives where the clinic is: by them a campaign is checked."""
    clinic = settings.clinic
    there = whereabouts(
        zone=clinic.zone,
        zip=None,
        state=clinic.state,
        country="US",
        phone=None,
        clinic_zone=clinic.zone,
        rules=rules,
    )

    def law(purpose: Purpose, channel: Channel) -> tuple[ZonedWindow, ...]:
        return legal_windows(there, purpose, channel, rules.as_of, rules)

    return law


def _unreadable(place: str, error: OSError) -> Finding:
    return Finding(place, 0, 0, "", f"The file cannot be read ({error.strerror}).", "Check that you may read it.")


class _Words:
    """All templates of a project, and what is wrong with them."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self.templates: dict[Key, Template] = {}
        self.mistakes: list[Finding] = []
        self._written: dict[Key, str] = {}  # each with its file's name
        self._layouts: dict[str, Layout | None] = {}
        for file in _files(project / "templates", "*/*"):
            if not file.parent.name.startswith("_"):
                self._read(file)

    def of(self, campaign: str) -> set[tuple[Channel, str]]:
        """What there are files of, sound or not: a broken template holds its messages, not the campaign."""
        return {(channel, name) for folder, name, channel, _ in self._written if folder == campaign}

    def _layout(self, language: str) -> Layout | None:
        """What stands around every email of a language; None, with findings, when a part of it cannot be had."""
        if language not in self._layouts:
            html, text = (self._page(name, language) for name in LAYOUT_FILES)
            self._layouts[language] = Layout(html, text) if html is not None and text is not None else None
        return self._layouts[language]

    def _page(self, name: str, language: str) -> str | None:
        """One file of the layout, with the footer of the language where the page asks for it."""
        folder = self.project / "templates" / LAYOUT
        page = self._text(folder / name)
        if page is None or not _FOOTER.search(page):
            return page
        said = "" if language == UNSAID else f".{language}"
        words = self._text(folder / name.replace("email", f"footer{said}"))
        return None if words is None else _FOOTER.sub(lambda _: words.rstrip("\n"), page)

    def _text(self, path: Path) -> str | None:
        try:
            text = decoded(path.read_bytes(), self._place(path))
        except FileNotFoundError:
            self._say(path, "The file is missing; every email needs it.", "Put it back: the project came with it.")
            return None
        except OSError as error:
            text = _unreadable(self._place(path), error)
        if isinstance(text, Finding):
            self.mistakes.append(text)
            return None
        return text

    def _read(self, file: Path) -> None:
        found = read_name(file.name)
        if found is None:
            return self._say(file, "This is not how a template's file is named.", how_to_name(file.name))
        language = found.language or UNSAID
        key: Key = (file.parent.name, found.name, found.channel, language)
        if key in self._written:
            problem = f"There are two files of these words in one language: this and {self._written[key]}."
            return self._say(file, problem, "Delete one of them: a name that says no language is English (en).")
        self._written[key] = file.name
        source = self._text(file)
        if source is None:
            return None
        place = self._place(file)
        try:
            if key[2] is Channel.SMS:
                self.templates[key] = compile_sms(source, place, language)
            elif (layout := self._layout(language)) is not None:
                self.templates[key] = compile_email(source, layout, place, language)
        except TemplateRefused as refused:
            # The layout is checked with every email; what is wrong with it is said once.
            self.mistakes += [finding for finding in refused.findings if finding not in self.mistakes]

    def _place(self, path: Path) -> str:
        return path.relative_to(self.project).as_posix()

    def _say(self, path: Path, problem: str, remedy: str) -> None:
        self.mistakes.append(Finding(self._place(path), 0, 0, "", problem, remedy))
