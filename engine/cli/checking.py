"""Everything the clinic wrote, looked over: what `nurture check` has to tell."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from engine.cli.refusing import not_found
from engine.cli.showing import count
from engine.core.findings import Finding, Severity

if TYPE_CHECKING:
    from pathlib import Path

    from engine.catalogue import Catalogue
    from engine.cli.ceilings import Over
    from engine.config import Settings
    from engine.core.campaign import Campaign
    from engine.core.contact import Channel

_LANGUAGES = {"en": "English", "es": "Spanish"}


class Looked(NamedTuple):
    """What there is to tell. `notes` are only to be known; `campaigns` and `templates` were looked at."""

    findings: tuple[Finding, ...]
    notes: tuple[Finding, ...]
    campaigns: int
    templates: int

    def count(self, severity: Severity) -> int:
        """How many findings there are of a kind."""
        return sum(finding.severity is severity for finding in self.findings)


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors, then warnings; each by file, line and column."""
    return tuple(
        sorted(findings, key=lambda f: (f.severity is not Severity.ERROR, f.file, f.line, f.column)),
    )


def look_over(settings: "Settings", chosen: Sequence[str] = ()) -> Looked:
    """Campaigns, templates and mappings of the project; only these campaigns where any are `chosen`."""
    from engine.catalogue import catalogue
    from engine.content import Content

    read = catalogue(settings.project, settings)
    known = {*read.campaigns, *read.broken}
    if set(chosen) - known:
        raise not_found(f"There is no such campaign. There are: {', '.join(sorted(known)) or 'none yet'}.")
    over = _over_ceilings(read, settings)
    found = [*Content(read, settings).everything(), *(one.finding for one in over if one.whole)]
    found += _not_translated(read, settings)
    if not chosen:
        found += [*_answers(settings), *_mappings(settings.project)]
    if not known:
        problem = "There is no campaign here: no file campaigns/NAME.toml."
        found.append(Finding("campaigns", 1, 1, "", problem, "Write one (docs/campaigns.md), or name another folder."))
    notes = [one.finding for one in over if not one.whole]
    if chosen:
        places = tuple(
            f"{kind}/{name}{end}" for name in chosen for kind, end in (("campaigns", ".toml"), ("templates", "/"))
        )
        # The layout stands around every campaign's emails.
        found = [finding for finding in found if finding.file.startswith((*places, "templates/_layout/"))]
        notes = [note for note in notes if note.file.startswith(places)]
    return Looked(in_order(found), in_order(notes), len(chosen or known), len(read.templates))


def _over_ceilings(read: "Catalogue", settings: "Settings") -> "list[Over]":
    """Messages that nobody may carry."""
    from engine.cli.ceilings import over_ceilings
    from engine.cli.opening import carriers_of

    with closing(carriers_of(settings)) as carriers:
        return list(over_ceilings(read, settings, carriers))


def _mappings(project: "Path") -> list[Finding]:
    from engine.cli.mapping import read_mappings

    return [finding for _, findings in read_mappings(project).values() for finding in findings]


def _answers(settings: "Settings") -> Iterator[Finding]:
    """STOP, START and HELP have an answer, unless the provider gives it (OPT-2, OPT-3)."""
    from engine.core.contact import Channel

    if settings.sms.stop_reply_by == "provider":
        return
    for name in ("stop", "start", "help"):
        for language in settings.languages.served:
            if not _written(settings.project, "service", name, Channel.SMS, language):
                problem = f"There is no answer to {name.upper()} in {_tongue(language)}."
                remedy = "Put it back: the project came with one."
                yield Finding(f"templates/service/{_file(name, Channel.SMS, language)}", 0, 0, "", problem, remedy)


def _not_translated(read: "Catalogue", settings: "Settings") -> Iterator[Finding]:
    """For each campaign and language that is served: the messages that nobody has written in it (INT-3)."""
    for campaign in read.campaigns.values():
        for language in settings.languages.served:
            finding = _missing_in(campaign, language, settings.project)
            if finding is not None:
                yield finding


def _missing_in(campaign: "Campaign", language: str, project: "Path") -> Finding | None:
    from engine.core.toml_table import Page
    from engine.core.toml_text import read_toml

    every: dict[tuple[str, Channel], tuple[str | int, ...]] = {}  # each message once, where it is first named
    for number, step in enumerate(campaign.steps):
        for place, choice in enumerate(step.choices):
            if choice.channel is not None:
                path = ("step", number, *(("else",) if place else ()), choice.channel.value)
                every.setdefault((choice.template, choice.channel), path)
    missing = [one for one in every if not _written(project, campaign.name, *one, language)]
    if not missing:
        return None
    files = [_file(name, channel, language) for name, channel in missing]
    are = f"{len(missing)} {'is' if len(missing) == 1 else 'are'} not written in {_tongue(language)}"
    problem = f"Of {count(len(every), 'message')} {are}: {', '.join(files)}."
    remedy = f"Write {'it' if len(files) == 1 else 'them'} in templates/{campaign.name}/."
    why = "Nobody is sent another language in its place: the messages of these people are held."
    page = Page(f"campaigns/{campaign.name}.toml", read_toml(campaign.text))
    page.wrong(every[missing[0]], problem, remedy)
    (found,) = page.findings
    return Finding(found.file, found.line, found.column, found.key, problem, remedy, rule="INT-3", why=why)


def _written(project: "Path", campaign: str, name: str, channel: "Channel", language: str) -> bool:
    """Whether there is a file of these words, sound or not."""
    from engine.catalogue import UNSAID
    from engine.core.campaign_steps import ENDINGS

    folder = project / "templates" / campaign
    named = (folder / f"{name}.{language}{ENDINGS[channel]}").is_file()
    return named or (language == UNSAID and (folder / f"{name}{ENDINGS[channel]}").is_file())


def _file(name: str, channel: "Channel", language: str) -> str:
    from engine.catalogue import UNSAID
    from engine.core.campaign_steps import ENDINGS

    return f"{name}{'' if language == UNSAID else f'.{language}'}{ENDINGS[channel]}"


def _tongue(language: str) -> str:
    return f"{_LANGUAGES[language]} ({language})" if language in _LANGUAGES else f"the language “{language}”"
