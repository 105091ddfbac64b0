"""How much a message says about its reader's health, only by who gets what: the level that providers have ceilings for.

HIP-2, HIP-20 and decision 18. The words themselves are the content gate's business (no condition, body part or
therapy of a person ever stands in a message); here it is about who is written to, and for what.
"""

import re
from collections.abc import Iterable, Mapping
from enum import IntEnum, StrEnum
from typing import Any

from engine.core.campaign import Campaign
from engine.core.consent import Purpose
from engine.core.enrolment import HEALTH_FIELDS

# In a condition every field is a plain word, so that its text tells which it asks for.
_HEALTH_WORDS = re.compile(rf"\b({'|'.join(sorted(HEALTH_FIELDS))})\b")
_OF_PATIENTS = frozenset({Purpose.APPOINTMENT, Purpose.CARE})


class PhiLevel(IntEnum):
    """What the mere sending tells about a person (HIP-2)."""

    GENERIC = 0  # general education to somebody who only asked
    PATIENT = 1  # links a person to an appointment, a treatment or a condition they named
    PERSONAL = 2  # says a therapy, body part or condition of that person: never sent (decision 20)


class EnquirerPolicy(StrEnum):
    """Which enquirers count as PATIENT for marketing. The clinic's counsel chooses (decision 18)."""

    LITERAL = "literal"  # who named a condition, wrote a comment, or ever booked
    BY_CONTENT = "by_content"  # who ever booked; else only what the message itself tells counts
    STRICT = "strict"  # everybody


def level_of(
    campaign: Campaign,
    *,
    policy: EnquirerPolicy,
    happened: frozenset[str],
    named_health: bool,
    patient_kinds: frozenset[str],
    declared: int = 0,
) -> PhiLevel:
    """The level of a message of this campaign to one person, judged anew for each: it rises at once (HIP-20).

    `happened`: the kinds of all events of the contact. `named_health`: whether any of them has words on their health
    (`names_health`). `patient_kinds`: as the function of that name has them. `declared`: what the template's `phi`
    says. An answer to STOP, START or HELP belongs to no campaign and is GENERIC.
    """
    if always_patient(campaign, policy) or declared > PhiLevel.GENERIC or not happened.isdisjoint(patient_kinds):
        return PhiLevel.PATIENT
    return PhiLevel.PATIENT if named_health and policy is EnquirerPolicy.LITERAL else PhiLevel.GENERIC


def always_patient(campaign: Campaign, policy: EnquirerPolicy) -> bool:
    """Whether every message of the campaign is PATIENT, whoever its reader is."""
    if campaign.purpose in _OF_PATIENTS or policy is EnquirerPolicy.STRICT:
        return True
    return policy is EnquirerPolicy.BY_CONTENT and asks_of_health(campaign)


def asks_of_health(campaign: Campaign) -> bool:
    """Whether a condition of the campaign looks at what people wrote of their health: to be in it then tells."""
    conditions = (campaign.enrol.condition, *(step.condition for step in campaign.steps))
    return any(condition is not None and _HEALTH_WORDS.search(condition.text) for condition in conditions)


def names_health(payload: Mapping[str, Any]) -> bool:
    """Whether an event has words of the person on their health. A comment may name anything, so it counts."""
    return any(payload.get(field) not in (None, "") for field in HEALTH_FIELDS)


def patient_kinds(campaigns: Iterable[Campaign]) -> frozenset[str]:
    """The kinds of events that only happen to patients. The code knows no word (decision 8), the campaigns do.

    What begins or moves an appointment or care campaign; what any campaign counts as its success (a booking), unless
    marketing begins with it; and what ends an appointment or care campaign, unless marketing listens to it as well:
    "not interested" ends both and makes nobody a patient.
    """
    every = list(campaigns)
    ours = [campaign for campaign in every if campaign.purpose in _OF_PATIENTS]
    marketing = [campaign for campaign in every if campaign.purpose not in _OF_PATIENTS]
    begun = {kind for campaign in ours for kind in (*campaign.enrol.on, *campaign.enrol.move)}
    goals = {campaign.exit.goal for campaign in every if campaign.exit.goal is not None}
    ended = {kind for campaign in ours for kind in campaign.exit.on}
    enquiring = {kind for campaign in marketing for kind in campaign.enrol.on}
    leaving = {kind for campaign in marketing for kind in campaign.exit.on}
    return frozenset(begun | (goals - enquiring) | (ended - enquiring - leaving))
