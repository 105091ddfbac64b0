"""The whole clinic in numbers, and the account that must balance (decision 23). Reads only."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from engine.catalogue import Catalogue
from engine.config import Settings
from engine.core.contact import Channel
from engine.core.enrolment import EnrolmentStatus
from engine.core.messages import Status
from engine.store import seeing
from engine.store.outbox import SERVICE

# Due for longer than this and still not looked at: nothing runs, or it cannot keep up.
BEHIND_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class CampaignNumbers:
    """One campaign. `people`: in it now. `notes`: what keeps it from running."""

    name: str
    people: int
    due_now: int
    behind: int
    messages: Mapping[str, int]
    ended: Mapping[str, int]
    waits_for: Mapping[str, int]
    next: datetime | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProviderNumbers:
    """One provider and channel. What was never handed to a provider stands under the one that would carry it."""

    provider: str
    channel: str
    messages: Mapping[str, int]
    paused_until: datetime | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """`due`: as the enrolments counted. `parts`: as the log holds. `missing`: the difference, by campaign."""

    due: int
    parts: Mapping[str, int]
    missing: Mapping[str, int] = field(default_factory=dict)

    @property
    def balances(self) -> bool:
        """Whether nothing is missing and nothing is over."""
        return not self.missing


@dataclass(frozen=True, slots=True)
class Clinic:
    """What `nurture status` shows."""

    now: datetime
    last_tick: datetime | None
    campaigns: tuple[CampaignNumbers, ...]
    providers: tuple[ProviderNumbers, ...]
    tasks: Mapping[str, int]
    account: Account


def look(conn: sa.Connection, catalogue: Catalogue, settings: Settings, now: datetime) -> Clinic:
    """Count everything, in one transaction, so that the numbers belong together."""
    rows = seeing.counts(conn)
    tasks = Counter(row.kind for row in seeing.tasks(conn))
    return Clinic(
        now=now,
        last_tick=seeing.last_tick(conn),
        campaigns=tuple(_campaigns(conn, catalogue, rows, now)),
        providers=tuple(_providers(conn, settings, rows)),
        tasks=dict(sorted(tasks.items())),
        account=account_of(rows, seeing.decided(conn)),
    )


def account_of(rows: Sequence[seeing.Row], decided: Mapping[str, int]) -> Account:
    """Compare, campaign by campaign, so that one's surplus does not hide another's loss."""
    held: dict[str, Counter[str]] = {}
    for row in rows:
        if row.campaign != SERVICE:
            held.setdefault(row.campaign, Counter())[row.status] += row.n
    parts = sum(held.values(), Counter[str]())
    missing = {
        name: decided.get(name, 0) - held.get(name, Counter[str]()).total() for name in sorted({*decided, *held})
    }
    ordered = {status.value: parts[status] for status in Status}
    return Account(sum(decided.values()), ordered, {name: n for name, n in missing.items() if n})


def _campaigns(
    conn: sa.Connection, catalogue: Catalogue, rows: Sequence[seeing.Row], now: datetime
) -> list[CampaignNumbers]:
    enrolled = seeing.enrolment_counts(conn)
    behind = {row.campaign: row for row in seeing.behind(conn, now - BEHIND_AFTER)}
    following = {row.campaign: row.at for row in seeing.next_due(conn, now)}
    paused = seeing.paused_campaigns(conn)
    known = sorted(
        {*catalogue.campaigns, *catalogue.broken, *(r.campaign for r in rows), *(r.campaign for r in enrolled)}
    )
    found = []
    for name in known:
        mine = [row for row in enrolled if row.campaign == name]
        active = [row for row in mine if row.status == EnrolmentStatus.ACTIVE]
        late = behind.get(name)
        found.append(
            CampaignNumbers(
                name=name,
                people=sum(row.n for row in active),
                due_now=seeing.due_by(conn, name, now)[0],
                behind=late.n if late else 0,
                messages=_by_status(row for row in rows if row.campaign == name),
                ended=_tally((row.reason or row.status, row.n) for row in mine if row.status != EnrolmentStatus.ACTIVE),
                waits_for=_tally((row.waits_for, row.n) for row in active if row.waits_for),
                next=following.get(name),
                notes=tuple(_notes(name, catalogue, paused, late)),
            )
        )
    return found


def _notes(name: str, catalogue: Catalogue, paused: Mapping[str, seeing.Row], late: seeing.Row | None) -> list[str]:
    notes = []
    if name in catalogue.broken:
        findings = catalogue.broken[name]
        more = f" And {len(findings) - 1} more: nurture check {name}" if len(findings) > 1 else ""
        notes.append(f"its file is broken and its people wait. {findings[0]}{more}")
    elif name not in catalogue.campaigns and name != SERVICE:
        notes.append("its file is gone and its people wait.")
    if name in paused:
        row = paused[name]
        notes.append(f"paused by {row.actor} since {row.paused_at:%Y-%m-%d %H:%M} UTC. To go on: nurture resume {name}")
    if late is not None and not notes:
        notes.append(f"{late.n} have been due since {late.since:%Y-%m-%d %H:%M} UTC. Is `nurture run` running?")
    return notes


def _providers(conn: sa.Connection, settings: Settings, rows: Sequence[seeing.Row]) -> list[ProviderNumbers]:
    chosen = {channel.value: settings.sending.names(channel) for channel in Channel}
    pauses = {row.provider: row for row in seeing.provider_pauses(conn) if row.until is not None}
    # What was handed to nobody yet stands with the provider that is preferred.
    carried = [(row.provider or chosen[row.channel][0], row) for row in rows if row.channel is not None]
    known = {(name, channel) for channel, names in chosen.items() for name in names}
    pairs = sorted({(name, row.channel) for name, row in carried} | known)
    return [
        ProviderNumbers(
            provider=name,
            channel=channel,
            messages=_by_status(row for by, row in carried if (by, row.channel) == (name, channel)),
            paused_until=pauses[name].until if name in pauses else None,
            problem=pauses[name].detail if name in pauses else None,
        )
        for name, channel in pairs
    ]


def _by_status(rows: Iterable[seeing.Row]) -> dict[str, int]:
    return _tally((row.status, row.n) for row in rows)


def _tally(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    totals: Counter[str] = Counter()
    for name, number in pairs:
        totals[name] += number
    return dict(totals)
