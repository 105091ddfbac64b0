"""Every email that the project ships, as an imagined person gets it, in each language it is written in."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from engine.catalogue import catalogue
from engine.config import load_settings
from engine.core.contact import Channel
from engine.core.enrolment import Declined
from engine.core.situation import Situation
from engine.house import House, open_house
from engine.providers import Outgoing
from engine.providers.mime import built
from engine.store import open_store
from engine.studio.preview import EMAIL, Person, begun, example_event, imagined
from engine.words import Held, Words, words_of

FRIDAY = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)  # ten in the morning at the clinic
# What the reader's own server writes before a mail, and spam filters read. Names and numbers of examples.
ARRIVAL = (
    b"Return-Path: <bounces@harborclinic.example>\r\n"
    b"Received: from relay.harborclinic.example (relay.harborclinic.example [IPv6:2001:db8::25])\r\n"
    b"\tby mx.example.com (Postfix) with ESMTPS id 4Xyz12345\r\n"
    b"\tfor <ann@example.com>; Fri, 20 Nov 2026 15:00:02 +0000 (UTC)\r\n"
)


@dataclass(frozen=True)
class Rendered:
    """One email: the file it is written in, its words, and the whole of it as it arrives."""

    file: str
    words: Words
    mail: bytes


def every_email(project: Path) -> Iterator[Rendered]:
    """All emails of a project, in the order of their files."""
    settings = load_settings(project)
    read = catalogue(project, settings)
    house = open_house(open_store("sqlite://"), read, settings)
    for (campaign, name, channel, language), template in sorted(read.templates.items()):
        if channel is Channel.EMAIL:
            words = _words(house, campaign, name, language)
            assert not isinstance(words, Held), f"{template.file}: {words.problem}"
            yield Rendered(template.file, words, _as_it_arrives(words))


def _words(house: House, campaign: str, name: str, language: str) -> Words | Held:
    situation = _somebody(house, campaign, language)
    return words_of(
        house,
        message_id=1,
        campaign=campaign,
        template=name,
        channel=Channel.EMAIL,
        purpose=house.catalogue.campaigns[campaign].purpose,
        contact=situation.contact,
        enrolment=situation.enrolment,
        home_zone=house.settings.clinic.zone,
        now=FRIDAY,
    )


def _somebody(house: House, campaign: str, language: str) -> Situation:
    plan = house.catalogue.campaigns[campaign]
    event = example_event(plan, FRIDAY, {}, house.settings.clinic.zone)
    person = Person(state=house.settings.clinic.state, language=language)
    situation = begun(plan, event, imagined(house, plan, person, event), house.terms)
    assert not isinstance(situation, Declined)
    return situation


def _as_it_arrives(words: Words) -> bytes:
    out = Outgoing(
        message="pq7kx2mns4tv",
        attempt=1,
        contact="c7w2hx4k",
        channel=Channel.EMAIL,
        to=EMAIL,
        text=words.text,
        subject=words.subject,
        html=words.html,
        headers=words.headers,
        attachments=words.attachments,
    )
    return ARRIVAL + built(out, FRIDAY, "pq7kx2mns4tv.1@harborclinic.example")
