"""The sentences of `nurture why`: one message, one address, what is next."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from engine.cli.showing import CHANNELS, day, day_and_time
from engine.core.campaign import Campaign, Step
from engine.core.consent import PURPOSES, SuppressionReason, consent_for, suppressed
from engine.core.decisions import Ask, Complete, Decision, Send, Skip, Wait, where
from engine.core.jurisdiction import Whereabouts
from engine.core.messages import Status
from engine.core.permission import Reached, Terms, allowed_from, reach
from engine.core.reasons import SENTENCES, Reason
from engine.core.situation import Point, Situation

_BECAME = {
    Status.QUEUED: "waits in the outbox",
    Status.HELD: "is held back",
    Status.SENDING: "is being handed over",
    Status.IN_DOUBT: "may have gone or not",
    Status.SENT: "was sent",
    Status.DELIVERED: "was sent and has arrived",
    Status.FAILED: "did not go through",
    Status.SKIPPED: "was left out",
    Status.CANCELLED: "was taken back before it went",
}
_CLOSED = {
    SuppressionReason.STOP: "they answered STOP",
    SuppressionReason.REVOKED: "they took consent back in their own words",
    SuppressionReason.BOUNCED: "the provider says that the address takes no messages",
    SuppressionReason.COMPLAINT: "they reported a message as spam",
    SuppressionReason.STAFF: "somebody at the clinic said so",
}
# What is sent within this of its moment was sent at that moment.
_SOON = timedelta(minutes=2)
_KNOWN_FROM = {
    "own word": "as they told us themselves",
    "ZIP": "as their ZIP says",
    "state": "as their state says",
    "country": "as their country says",
    "area code": "as far as their phone's area code tells",
    "clinic": "the clinic's own, because nothing tells where they are",
}


def why(reason: str) -> str:
    """The sentence for a reason; for an unknown one the word itself."""
    return SENTENCES[Reason(reason)] if reason in {r.value for r in Reason} else f"{reason}."


def about_message(row: Any, step: Step | None, consent: Any, zone: str, *, full: bool = False) -> str:
    """What became of a message and why, with the rule and the data it rested on. `full`: also of what went well."""
    status = Status(row.status)
    name = f"“{row.step}”" + (f" by {CHANNELS[row.channel]}" if row.channel else "")
    if not full and status in (Status.SENT, Status.DELIVERED):
        return f"{name} {_BECAME[status]}, {_in_time(row, zone)}."
    parts = [f"{name} {_BECAME[status]}.", f"It was due {day_and_time(row.due_at, zone)}."]
    if row.first_allowed is not None and row.first_allowed > row.due_at:
        parts.append(f"The first allowed moment after that was {day_and_time(row.first_allowed, zone)}.")
    if consent is not None and row.channel is not None and full:
        parts.append(_agreed(consent, zone))
    parts.append(why(row.reason))
    parts += _details(row, step, zone)
    return " ".join(parts) + ("" if row.rule == "decide" else f" (Rule: {row.rule})")


def _in_time(row: Any, zone: str) -> str:
    """How the moment of sending lies to the moments that were meant."""
    allowed = row.first_allowed or row.due_at
    if row.sent_at - row.due_at < _SOON:
        return "as it fell due"
    if allowed <= row.sent_at < allowed + _SOON:
        return f"at the first allowed moment after it fell due ({day_and_time(row.due_at, zone)})"
    return f"after it fell due {day_and_time(row.due_at, zone)} and could go from {day_and_time(allowed, zone)} on"


def _agreed(consent: Any, zone: str) -> str:
    form = f" on the form “{consent.form}”" if consent.form else ""
    return f"They agreed to such messages on {day(consent.given_at, zone)}{form} (consent {consent.id})."


def _details(row: Any, step: Step | None, zone: str) -> list[str]:
    """The data that decided it, as far as they say more than the reason."""
    facts: Mapping[str, Any] = row.facts
    found = []
    if row.reason == Reason.LATE and step is not None:
        found.append(f"The campaign says: late = “{step.late}”.")
    if "if" in facts:
        found.append(f"The campaign says: if = “{facts['if']}”.")
    if "problem" in facts:
        found.append(str(facts["problem"]))
    for name in ("because", "waited_for"):
        if facts.get(name) and facts[name] != row.reason:
            found.append(f"{'It had waited: ' if name == 'waited_for' else ''}{why(str(facts[name]))}")
    if row.status == Status.QUEUED and row.send_at is not None and row.reason != Reason.DUE:
        found.append(f"It is tried again on {day_and_time(row.send_at, zone)}.")
    if row.status == Status.HELD:
        found.append("It is tried again every hour, once that is repaired.")
    if row.status == Status.IN_DOUBT:
        found.append(f"Find out, then: nurture settle {row.ref} sent | not-sent | resend")
    return found


def ended(row: Any, zone: str) -> str:
    """Why an enrolment is over: an event's own word, or a reason of ours."""
    when = f" on {day_and_time(row.ended_at, zone)}" if row.ended_at else ""
    if row.reason in {r.value for r in Reason}:
        return f"Nothing: it ended{when}. {why(row.reason)}"
    return f"Nothing: it ended{when}, with the event “{row.reason}”."


def if_nothing_changes(decision: Decision, plan: Campaign, situation: Situation, terms: Terms, zone: str) -> str:
    """The decision taken now, as a sentence about the future."""
    match decision:
        case Send():
            return f"{_step(decision)} by {CHANNELS[decision.point.channel]}, at the next look."
        case Skip():
            return f"{_step(decision)} is left out at the next look. {why(decision.reason)}"
        case Ask():
            because = why(str(decision.facts["because"]))
            return f"{_step(decision)} becomes a staff task at the next look. {because}"
        case Complete():
            return "Nothing: every step is settled."
        case Wait():
            return _waiting(decision, plan, situation, terms, zone)


def _step(decision: Send | Skip | Ask) -> str:
    return f"“{decision.occurrence.step.key}”"


def _waiting(wait: Wait, plan: Campaign, situation: Situation, terms: Terms, zone: str) -> str:
    if wait.occurrence is None:
        reason = "Every step so far is settled." if wait.reason is Reason.NOT_DUE else why(wait.reason)
        until = f" The date may still be moved until {day_and_time(wait.until, zone)}." if wait.until else ""
        return f"Nothing at the moment. {reason}{until}"
    name = f"“{wait.occurrence.step.key}”"
    if wait.reason is not Reason.NOT_DUE:
        again = f" It is looked at again on {day_and_time(wait.until, zone)}." if wait.until else ""
        return f"{name} is due and waits. {why(wait.reason)}{again} (Rule: {wait.rule})"
    when, how = _expected(wait, plan, situation, terms)
    return f"{name} {how} on {day_and_time(when, zone)} at the earliest, if nothing changes before."


def _expected(wait: Wait, plan: Campaign, situation: Situation, terms: Terms) -> tuple[datetime, str]:
    """When an occurrence that is not due yet may go, and by which way, as things stand."""
    assert wait.occurrence is not None
    due = wait.until or wait.occurrence.due
    route = reach(wait.occurrence.step, plan.purpose, situation)
    if not isinstance(route, Reached):
        if route.task is not None:
            return due, "becomes a staff task"
        return due, f"would be left out ({why(route.reason).rstrip('.').lower()})"
    place = where(situation, terms)
    first = allowed_from(plan, situation, wait.occurrence, route.point, place, terms)
    return first or due, f"by {CHANNELS[route.point.channel]}"


def standing(
    point: Point, situation: Situation, closings: Sequence[Any], ledger: Sequence[Any], zone: str
) -> dict[str, str]:
    """For each purpose whether messages may go to this address, and since when or why not."""
    answers = {}
    for purpose in PURPOSES:
        closed = suppressed(situation.suppressions, point.key, purpose)
        agreed = consent_for(situation.consents, point.key, purpose)
        if closed is not None:
            last = [r for r in closings if r.purpose == purpose and r.reason == closed and not r.lifted][-1]
            answers[purpose.value] = f"no: {_CLOSED[closed]} ({day(last.at, zone)})"
        elif agreed is None:
            taken_back = any(r.address_key == point.key and r.purpose == purpose for r in ledger)
            answers[purpose.value] = "no: consent was taken back" if taken_back else "no consent"
        else:
            form = f", form “{agreed.form}”" if agreed.form else ""
            most = f", at most {agreed.most} in {agreed.most_days} days" if agreed.most else ""
            answers[purpose.value] = f"yes, since {day(agreed.given_at, zone)}{form}{most}"
    return answers


def whereabouts_in_words(place: Whereabouts) -> str:
    """Whose clock counts, how we know, and where else they may be."""
    sentence = f"Their clock: {place.home_zone}, {_KNOWN_FROM.get(place.home_from, place.home_from)}."
    others = [zone for zone in place.zones if zone != place.home_zone]
    if others:
        named = ", ".join(others) if len(others) <= 4 else f"{', '.join(others[:3])} and {len(others) - 3} more zones"
        sentence += f" They may also be in {named}; a text waits until it is allowed everywhere."
    return sentence
