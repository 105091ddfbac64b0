"""Events at the clinic and what they do to enrolments: begin one, end it, move its anchor."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from engine.core import timing
from engine.core.campaign import Campaign
from engine.core.conditions import ConditionError


class EnrolmentStatus(StrEnum):
    """Where an enrolment stands. Only ACTIVE ones are ever looked at by the scheduler."""

    ACTIVE = "active"  # set by an enrolling event
    COMPLETED = "completed"  # set by the scheduler: every step is settled
    EXITED = "exited"  # set by an exit event, by staff, or when no address is left


class Declined(StrEnum):
    """Why an event did not begin an enrolment. Kept, so that staff can see it."""

    CONDITION = "condition"
    CONDITION_ERROR = "condition_error"
    ALREADY = "already_enrolled"
    TOO_SOON = "too_soon"
    NO_ANCHOR = "no_anchor"
    NO_EPISODE = "no_episode"
    NO_CONSENT = "no_consent"
    OVER = "over_already"


DECLINED_SENTENCES: dict[Declined, str] = {
    Declined.CONDITION: "The campaign's condition for enrolling (`enrol.if`) was not met.",
    Declined.CONDITION_ERROR: "The condition for enrolling (`enrol.if`) uses a value that the event does not carry.",
    Declined.ALREADY: "This person is, or was, enrolled already, and the campaign takes nobody twice.",
    Declined.TOO_SOON: "This person was enrolled before, and `enrol.again` says to wait longer.",
    Declined.NO_ANCHOR: "The event does not carry the date that the campaign counts from (`enrol.anchor`).",
    Declined.NO_EPISODE: "The event does not say which one it is about (`enrol.per`).",
    Declined.NO_CONSENT: "This person has no consented address for anything the campaign sends.",
    Declined.OVER: "What ends the campaign happened to this person after this event, so there is nothing to begin.",
}


# What people wrote of themselves. Kept with the event and seen by conditions, never printed in a message (HIP-20).
HEALTH_FIELDS = frozenset({"condition", "comment"})


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at the clinic. `id` is the outside's own name for it: taken once."""

    source: str
    id: str
    kind: str
    occurred_at: datetime
    payload: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fields(self) -> dict[str, Any]:
        """What conditions and templates see as `event`."""
        return {**self.payload, "kind": self.kind}


@dataclass(slots=True)
class Enrolment:
    """One contact going through one campaign for one episode."""

    id: int
    ref: str
    campaign: str
    version: str
    contact_id: int
    episode: str
    started_at: datetime  # what the chain of `after` steps counts from
    anchor_at: datetime  # what `day` and `before` count from
    known_at: datetime  # when we learned of the anchor
    moves: int  # how often the anchor was moved
    status: EnrolmentStatus
    event: Mapping[str, Any] = field(default_factory=dict)
    waits_for: str | None = None  # the reason it waited for when last looked at


@dataclass(frozen=True, slots=True)
class Begin:
    """The event begins an enrolment in this episode, counted from this anchor."""

    episode: str
    anchor_at: datetime


def anchor_of(campaign: Campaign, event: Event) -> datetime | None:
    """The moment the campaign counts from: a field of the event (`event.starts_at`), else when it happened."""
    path = campaign.enrol.anchor
    if path is None:
        return event.occurred_at
    value = event.payload.get(path.removeprefix("event."))
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime) or value.tzinfo is None:
        return None
    return value


def enrols(
    campaign: Campaign,
    event: Event,
    earlier: Iterable[Enrolment],
    conditions: Callable[[], Mapping[str, Any]],
    zone: str,
    others: Iterable[Event] = (),
) -> Begin | Declined | None:
    """Whether this event begins an enrolment for a contact whose enrolments so far are `earlier`.

    None when the campaign does not listen to it. `zone` is the contact's: "after 180 days" counts their days.
    `others`: what else happened to them; an enquiry that is imported after their booking begins nothing.
    """
    enrol = campaign.enrol
    if event.kind not in enrol.on:
        return None
    if enrol.condition is not None:
        try:
            if not enrol.condition.holds(conditions()):
                return Declined.CONDITION
        except ConditionError:
            return Declined.CONDITION_ERROR
    named = _episode_named(campaign, event)
    if enrol.per is not None and named is None:
        return Declined.NO_EPISODE
    anchor = anchor_of(campaign, event)
    if anchor is None:
        return Declined.NO_ANCHOR
    if any(_ended_by(campaign, other, event, named) for other in others):
        return Declined.OVER
    mine = [e for e in earlier if e.campaign == campaign.name]
    no = _once_only(campaign, event, mine, named, zone)
    return no if no is not None else Begin(named or event.id, anchor)


def _ended_by(campaign: Campaign, other: Event, event: Event, episode: str | None) -> bool:
    """Whether the other event, which came later, would have ended what this one begins."""
    if other.kind not in campaign.exit.on or other.occurred_at < event.occurred_at:
        return False
    return (other.source, other.id) != (event.source, event.id) and _episode_named(campaign, other) in (None, episode)


def _once_only(
    campaign: Campaign, event: Event, mine: list[Enrolment], episode: str | None, zone: str
) -> Declined | None:
    """Re-entry: one enrolment an episode; else as `enrol.again` says."""
    again = campaign.enrol.again
    if episode is not None:
        return Declined.ALREADY if any(e.episode == episode for e in mine) else None
    if any(e.status is EnrolmentStatus.ACTIVE for e in mine):
        return Declined.ALREADY
    if not mine or again.always:
        return None
    if again.after is None:
        return Declined.ALREADY
    free = timing.add(max(e.started_at for e in mine), again.after, zone)
    return Declined.TOO_SOON if event.occurred_at < free else None


def _episode_named(campaign: Campaign, event: Event) -> str | None:
    value = event.payload.get(campaign.enrol.per) if campaign.enrol.per else None
    return None if value in (None, "") else str(value)


def exits(campaign: Campaign, event: Event, enrolment: Enrolment) -> bool:
    """Whether the event ends this enrolment at once. One that names no episode ends them all."""
    if event.kind not in campaign.exit.on or enrolment.status is not EnrolmentStatus.ACTIVE:
        return False
    if event.occurred_at < enrolment.started_at:
        return False  # told late: it ended what came before
    return _episode_named(campaign, event) in (None, enrolment.episode)


def newest_move(campaign: Campaign, begun: Event, others: Iterable[Event]) -> datetime | None:
    """The anchor that events which reached us before their booking gave its episode; None when there is none."""
    named = _episode_named(campaign, begun)
    moved = [
        (o.occurred_at, anchor)
        for o in others
        if o.kind in campaign.enrol.move and named is not None and _episode_named(campaign, o) == named
        if (anchor := anchor_of(campaign, o)) is not None
    ]
    return max(moved)[1] if moved else None


def unreadable_move(campaign: Campaign, event: Event) -> bool:
    """Whether the event should move an anchor and does not say, in a way we can read, to when."""
    return event.kind in campaign.enrol.move and anchor_of(campaign, event) is None


def moves(campaign: Campaign, event: Event, enrolment: Enrolment, others: Iterable[Event] = ()) -> datetime | None:
    """The new anchor this event gives the enrolment, or None when it moves nothing.

    `others`: what else is known to have happened since. Of two moves the later one counts, whichever is told
    first, and a move is over when the episode was ended after it.

    An enrolment that has ended is moved too when the event names its episode and the new date is still to
    come: an appointment that was missed and then rescheduled needs its reminders again.
    """
    if event.kind not in campaign.enrol.move:
        return None
    named = _episode_named(campaign, event)
    anchor = anchor_of(campaign, event)
    if anchor is None or anchor == enrolment.anchor_at or named not in (None, enrolment.episode):
        return None
    words = (*campaign.enrol.move, *campaign.exit.on)
    if any(
        o.kind in words
        and o.occurred_at > event.occurred_at
        and _episode_named(campaign, o) in (None, enrolment.episode)
        for o in others
    ):
        return None
    if enrolment.status is EnrolmentStatus.ACTIVE:
        return anchor
    return anchor if named is not None and anchor > event.occurred_at else None
