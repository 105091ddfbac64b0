"""What there is to sign: the messages in their order, what each role has said of them, what is wrong with them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from engine.cli.opening import Opened
from engine.cli.refusing import not_found

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from engine.catalogue import Catalogue
    from engine.core.findings import Finding
    from engine.core.signoff import Part, Signature, Which

_LAYOUT = "templates/_layout/"
SHOWN = 12  # digits of a hash: enough to compare by eye

Campaigns = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[CAMPAIGN]...", help="Only these campaigns; “service”: the answers to STOP, START and HELP."
    ),
]


class Scope(NamedTuple):
    """Which messages a command is about."""

    campaigns: tuple[str, ...]  # none: all
    template: str | None
    languages: frozenset[str] | None  # None: all

    def has(self, campaign: str, template: str, language: str) -> bool:
        """Whether this message is among them."""
        return (
            (not self.campaigns or campaign in self.campaigns)
            and self.template in (None, template)
            and (self.languages is None or language in self.languages)
        )


def scope_of(
    opened: Opened,
    campaigns: list[str] | None,
    template: str | None,
    language: str | None,
    languages: "Sequence[str] | None",
) -> Scope:
    """What was asked for; without a language, these. Names of nothing are refused."""
    from engine.store.outbox import SERVICE

    read = opened.catalogue
    known = {*read.campaigns, *read.broken, SERVICE}
    if unknown := set(campaigns or ()) - known:
        names = ", ".join(sorted(unknown))
        raise not_found(f"There is no campaign {names}. There are: {', '.join(sorted(known))}.")
    chosen = frozenset([language]) if language else None if languages is None else frozenset(languages)
    return Scope(tuple(campaigns or ()), template, chosen)


@dataclass(frozen=True, slots=True)
class Words:
    """One message in one language, as it stands now, and what each role has said of it."""

    which: "Which"
    file: str
    hash: str
    parts: "tuple[Part, ...]"

    def part(self, role: str) -> "Part":
        """The part of a role that is asked for."""
        return next(part for part in self.parts if part.role == role)

    def stands_in(self, files: "Collection[str]") -> bool:
        """Whether it is made of one of these files: its own, its campaign's, or the layout of every email."""
        layout = any(file.startswith(_LAYOUT) for file in files) and self.which.channel == "email"
        return layout or not {self.file, f"campaigns/{self.which.campaign}.toml"}.isdisjoint(files)

    @property
    def missing(self) -> list[str]:
        """The roles whose signature does not stand."""
        from engine.core.signoff import State

        return [part.role for part in self.parts if part.state is not State.SIGNED]


def words_of(opened: Opened, scope: Scope) -> list[Words]:
    """What there is to sign: campaign by campaign, in the order in which its steps say it."""
    from engine.core.signoff import Which, parts
    from engine.store import signoffs

    read = opened.catalogue
    hashes = opened.house.words()
    with opened.store.read() as conn:
        entries = signoffs.entries(conn, scope.campaigns)
    said: dict[Which, list[Signature]] = {}
    for entry in entries:
        said.setdefault(entry.which, []).append(entry)
    roles = opened.settings.signoff.roles
    return [
        Words(which, read.templates[which].file, hashes[which], parts(hashes[which], said.get(which, []), roles))
        for which in _in_order(read, hashes)
        if scope.has(which.campaign, which.template, which.language)
    ]


def _in_order(read: "Catalogue", every: "Iterable[Which]") -> "list[Which]":
    """As somebody would read them; what no step says comes last."""
    turn: dict[tuple[str, str], int] = {}
    for campaign in read.campaigns.values():
        for number, step in enumerate(campaign.steps):
            for choice in step.choices:
                turn.setdefault((campaign.name, choice.template), number)
    last = max(turn.values(), default=0) + 1
    return sorted(every, key=lambda w: (w.campaign, turn.get(w[:2], last), w.template, w.language, w.channel))


def findings(opened: Opened, scope: Scope) -> "list[Finding]":
    """What is wrong in the files of these words, in their campaigns, and in the layout of all emails."""
    return [finding for finding in opened.house.content.everything() if _concerns(finding.file, scope)]


def _concerns(file: str, scope: Scope) -> bool:
    from engine.catalogue import UNSAID

    folder, _, path = file.partition("/")
    name, _, words = path.partition("/")
    if folder == "campaigns":
        return not scope.campaigns or name.removesuffix(".toml") in scope.campaigns
    if folder != "templates" or file.startswith(_LAYOUT):
        return file.startswith(_LAYOUT)
    template, *endings = words.split(".")
    return scope.has(name, template, endings[0] if len(endings) > 2 else UNSAID)


def is_error(finding: "Finding") -> bool:
    """Whether it keeps words from being signed; a warning is for the eye of whoever signs."""
    from engine.core.findings import Severity

    return finding.severity is Severity.ERROR
