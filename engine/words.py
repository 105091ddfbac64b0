"""The words of one message to one person, with everything that goes around them: links, headers, calendar file."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from engine.catalogue import Key
from engine.core import wording
from engine.core.calendar import CONTENT_TYPE, FILE_NAME, appointment_file
from engine.core.consent import Purpose
from engine.core.contact import Channel
from engine.core.enrolment import HEALTH_FIELDS, Enrolment
from engine.core.links import unsubscribe_headers
from engine.core.reasons import Reason
from engine.core.render import Email, EmailTemplate, MissingValue, Sms, SmsTemplate
from engine.core.situation import Contact
from engine.house import House
from engine.providers import Attachment

_ANCHOR = frozenset({"anchor.day", "anchor.date", "anchor.time"})
_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Held:
    """It cannot be said yet, and what must be repaired. Never names a value, only the field.

    `template`: it is the template's fault, and all its messages are held until that is mended.
    """

    reason: Reason
    problem: str
    template: bool = False


@dataclass(slots=True)
class Words:
    """A message as it would be said, and the digest of the template that said so.

    `unfit`: the content gate says that it must not be: a preview shows it all the same, nobody gets it.
    """

    subject: str | None
    text: str
    html: str | None
    headers: tuple[tuple[str, str], ...]
    attachments: tuple[Attachment, ...]
    hash: str
    segments: int | None
    unfit: Held | None = None


def words_of(
    house: House,
    *,
    message_id: int,
    campaign: str,
    template: str,
    channel: Channel,
    purpose: Purpose,
    contact: Contact,
    enrolment: Enrolment | None,
    home_zone: str,
    now: datetime,
) -> Words | Held:
    """Render a message for a person, in the language of their consent form (decision 16)."""
    key = (campaign, template, channel, contact.language)
    found = house.catalogue.template(*key)
    if found is None:
        kind = "email.md" if channel is Channel.EMAIL else "sms.txt"
        return Held(
            Reason.TEMPLATE_BROKEN,
            f"The words templates/{campaign}/{template}.{kind} are missing or broken"
            f" (language {contact.language}). `nurture check` says what to repair.",
        )
    if contact.language not in wording.TONGUES:
        return Held(Reason.TEMPLATE_BROKEN, f"There are no words for days and times in language {contact.language}.")
    event = enrolment.event if enrolment is not None and _prints_event(found.fields) else _NOTHING
    context = wording.message_context(
        first_name=contact.first_name,
        last_name=contact.last_name,
        clinic=house.clinic,
        links=house.links.make_all(found.fields, message_id, now),
        anchor=enrolment.anchor_at if enrolment is not None and not _ANCHOR.isdisjoint(found.fields) else None,
        home_zone=home_zone,
        language=contact.language,
        purpose=purpose,
        event={k: v for k, v in event.items() if k not in HEALTH_FIELDS},
    )
    try:
        if isinstance(found, SmsTemplate):
            sms = found.render(context)
            unfit = _unfit(house, key, purpose, sms, context)
            return Words(None, sms.text, None, (), (), found.hash, sms.segments.count, unfit)
        return _email(house, key, purpose, found, context, enrolment, contact, now)
    except MissingValue as missing:
        return Held(Reason.MISSING_VALUE, str(missing))


@lru_cache(maxsize=4096)
def _prints_event(fields: frozenset[str]) -> bool:
    """Whether a template prints anything of the enrolling event."""
    return any(field.partition(".")[0] == "event" for field in fields)


def _unfit(house: House, key: Key, purpose: Purpose, words: Email | Sms, context: Mapping[str, Any]) -> Held | None:
    """What the content gate has against the words: those of the template, or those with this person's values."""
    refused = house.content.refused(key, purpose)
    if refused is not None:
        problem = f"{refused.file} breaks a rule on what may be said ({refused.rule}). `nurture check` shows where."
        return Held(Reason.CONTENT, problem, template=True)
    contact = context["contact"]
    concern = house.content.concern(key, words, (contact["first_name"], contact["last_name"]), purpose)
    if concern is None:
        return None
    # Not the words themselves: they are what somebody typed of themselves.
    problem = f"What is filled in for this person breaks a rule on what may be said ({concern.rule})."
    return Held(Reason.CONTENT, f"{problem} Look at the name, and at what the event carries, and correct it.")


def _email(
    house: House,
    key: Key,
    purpose: Purpose,
    template: EmailTemplate,
    context: Mapping[str, Any],
    enrolment: Enrolment | None,
    contact: Contact,
    now: datetime,
) -> Words:
    email = template.render(context)
    unfit = _unfit(house, key, purpose, email, context)
    clinic = house.settings.clinic
    headers = [("From", f'"{clinic.name}" <{clinic.email}>'), ("Reply-To", clinic.reply_to or clinic.email)]
    if unsubscribe := context["link"].get("unsubscribe"):
        headers += unsubscribe_headers(unsubscribe, clinic.unsubscribe_mailto or clinic.email)
    attachments: tuple[Attachment, ...] = ()
    if template.attach_calendar and enrolment is not None:
        content = appointment_file(
            ref=enrolment.ref,
            starts_at=enrolment.anchor_at,
            lasts=timedelta(minutes=clinic.appointment_minutes),
            moves=enrolment.moves,
            clinic=house.clinic,
            language=contact.language,
            now=now,
        )
        attachments = (Attachment(FILE_NAME, CONTENT_TYPE, content),)
    return Words(email.subject, email.text, email.html, tuple(headers), attachments, template.hash, None, unfit)
