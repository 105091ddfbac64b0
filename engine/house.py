"""What every flow needs at hand: the store, plans and words, the clinic's settings, the makers of names and links."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from engine.catalogue import SERVICE, Catalogue, read_version
from engine.config import Settings
from engine.content import Content
from engine.core import wording
from engine.core.campaign import Campaign
from engine.core.consent import Purpose
from engine.core.contact import Channel, address_key
from engine.core.links import Links
from engine.core.permission import Terms
from engine.core.refs import Refs
from engine.core.signoff import Signed, Which, every_hash, missing, words_hash
from engine.store import Store, enrolments, marks
from engine.store.signoffs import Signatures


class UnknownForm(Exception):
    """A consent names a form that settings.toml does not have, or that was not shown on that day."""


@dataclass(frozen=True, slots=True)
class House:
    """One clinic's engine, opened. Nothing in it changes while it runs, but for the plans of older versions."""

    store: Store
    catalogue: Catalogue
    settings: Settings
    terms: Terms
    refs: Refs
    links: Links
    clinic: wording.Clinic
    content: Content
    patient_kinds: frozenset[str] = frozenset()  # the events that only happen to patients
    signatures: Signatures = field(default_factory=Signatures)
    _plans: dict[tuple[str, str], Campaign | None] = field(default_factory=dict)
    _words: dict[Which, str] = field(default_factory=dict)

    def campaigns(self) -> list[Campaign]:
        """The sound campaigns, higher priority first."""
        return sorted(self.catalogue.campaigns.values(), key=lambda c: (-c.priority, c.name))

    def running(self, conn: sa.Connection | None = None) -> list[str]:
        """The campaigns that may decide and send: sound and not paused, higher priority first."""
        if conn is None:
            with self.store.read() as reading:
                return self.running(reading)
        paused = marks.paused(conn)
        return [c.name for c in self.campaigns() if c.name not in paused]

    def plan(self, name: str, version: str) -> Campaign | None:
        """The plan that somebody is on: today's, or the kept text of the version they started on.

        None when that text cannot be read any more. A file that is broken today does not matter here: its people
        wait because `running` leaves it out, and their exits go on working.
        """
        today = self.catalogue.campaigns.get(name)
        if today is not None and today.version == version:
            return today
        if (name, version) not in self._plans:
            with self.store.read() as conn:
                source = enrolments.version_source(conn, name, version)
            self._plans[name, version] = None if source is None else read_version(name, source)
        return self._plans[name, version]

    def form(self, name: str, channel: Channel, at: datetime) -> list[Mapping[str, Any]]:
        """What a consent form's boxes for a channel grant, a row a purpose, with the wording's digest (TCPA-C-2).

        Raises UnknownForm.
        """
        form = self.settings.consent_forms.get(name)
        if form is None:
            raise UnknownForm(
                f"There is no consent form '{name}'. Write a section [consent_forms.{name}] in settings.toml."
            )
        day = at.astimezone(ZoneInfo(self.settings.clinic.zone)).date()
        if not form.shown_on(day):
            remedy = "Correct its valid_from and valid_to in settings.toml."
            raise UnknownForm(f"The consent form '{name}' was not shown on {day}. {remedy}")
        return [
            {
                "form": name,
                "purpose": purpose,
                "wording": box.wording,
                "wording_hash": _digest(box.wording),
                "url": form.url,
                "language": form.language,
                "most": box.frequency.count if box.frequency else None,
                "most_days": box.frequency.period.days or 1 if box.frequency else None,
            }
            for box in form.boxes
            if box.channel is channel
            for purpose in box.purposes
        ]

    def address_key(self, channel: Channel, address: str) -> str:
        """What suppression, caps and the log know an address by (in its normal form): a keyed digest, so that the
        address itself stands in `contact_point` and nowhere else (decision 28).
        """
        return self.refs("address", address_key(channel, address))

    def words(self) -> Mapping[Which, str]:
        """What there is to sign: the messages of all sound campaigns and our answers, with the hash of their words."""
        if not self._words:
            self._words.update(every_hash(self.catalogue.templates, self._purposes(), self.clinic))
        return self._words

    def hash_of(self, which: Which, purpose: Purpose) -> str:
        """What a signature of these words is of, when they are sent for this purpose (`engine.core.signoff`)."""
        if self._purposes().get(which.campaign) is purpose:
            return self.words()[which]
        # An older version of the campaign, whose purpose was another.
        return words_hash(which, self.catalogue.templates[which], purpose, self.clinic)

    def _purposes(self) -> dict[str, Purpose]:
        return {SERVICE: Purpose.SERVICE} | {name: plan.purpose for name, plan in self.catalogue.campaigns.items()}

    def unsigned(self, words: str, signed: Signed) -> tuple[str, ...]:
        """The roles that have yet to sign these words."""
        said = self.settings.signoff
        return missing(words, signed, said.roles, demo=said.demo)

    def we_answer(self) -> bool:
        """Whether we, and not the SMS provider, answer STOP, START and HELP (decision 13, TCPA-R-7)."""
        said = self.settings.sms.stop_reply_by
        return said == "engine" or (said is None and self.settings.sending.sms == "mailbox")


def _digest(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()


def open_house(store: Store, catalogue: Catalogue, settings: Settings) -> House:
    """Put the parts together."""
    terms = Terms(
        rules=catalogue.rules,
        clinic_zone=settings.clinic.zone,
        caps={Channel.EMAIL: tuple(settings.caps.email), Channel.SMS: tuple(settings.caps.sms)},
        priorities={c.name: c.priority for c in catalogue.campaigns.values() if c.purpose is Purpose.MARKETING},
    )
    said = settings.clinic
    clinic = wording.Clinic(
        name=said.name,
        brand=said.brand,
        phone=said.phone,
        address=said.address,
        site=said.site,
        zone=said.zone,
        email=said.email,
        notice=said.notice,
    )
    links = Links(said.public_url, settings.key)
    content = Content(catalogue, settings)
    return House(store, catalogue, settings, terms, Refs(settings.key), links, clinic, content, catalogue.patient_kinds)
