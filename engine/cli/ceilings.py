"""What `nurture check` says beforehand of messages that no provider may carry (decision 18, HIP-1, HIP-2)."""

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from engine.catalogue import Catalogue
from engine.config import Settings
from engine.core.campaign import Campaign
from engine.core.contact import Channel
from engine.core.findings import Finding
from engine.core.phi import EnquirerPolicy, PhiLevel, always_patient
from engine.core.render import EmailTemplate
from engine.core.toml_table import Page
from engine.core.toml_text import Path, read_toml
from engine.providers import Carriers

_COUNT_AS_PATIENTS = {
    EnquirerPolicy.LITERAL: "Who named a condition, wrote a comment or ever booked",
    EnquirerPolicy.BY_CONTENT: "Who ever booked",
}


class Over(NamedTuple):
    """Messages above the ceiling of everybody who carries their channel."""

    finding: Finding
    whole: bool  # for every reader, so that there is something to mend; else only for some


def over_ceilings(read: Catalogue, settings: Settings, carriers: Carriers) -> Iterator[Over]:
    """What would be held, by campaign and channel, at the first step that it concerns."""
    for campaign, channel in product(read.campaigns.values(), Channel):
        if carriers.ceiling(channel) >= PhiLevel.PATIENT:
            continue
        # A campaign with nobody's health in it may still have an email that says of itself that it tells something.
        places = list(_places(campaign, channel, read, settings))
        for whole in (True, False):
            concerned = [path for path, always in places if always is whole]
            if concerned:
                problem = _all(len(concerned), channel, settings) if whole else _some(channel, settings)
                yield Over(_finding(campaign, concerned[0], problem, _remedy(channel, settings)), whole)


def _places(campaign: Campaign, channel: Channel, read: Catalogue, settings: Settings) -> Iterator[tuple[Path, bool]]:
    """Where the campaign chooses the channel, and whether what it sends there is PATIENT whoever reads it."""
    whole = always_patient(campaign, settings.phi.enquirer_policy)
    for number, step in enumerate(campaign.steps):
        for place, choice in enumerate(step.choices):
            if choice.channel is channel:
                tongues = settings.languages.served
                words = [read.template(campaign.name, choice.template, channel, tongue) for tongue in tongues]
                told = any(isinstance(one, EmailTemplate) and one.phi > PhiLevel.GENERIC for one in words)
                yield ("step", number, *(("else",) if place else ()), channel.value), whole or told


def _finding(campaign: Campaign, path: Path, problem: str, remedy: str) -> Finding:
    page = Page(f"campaigns/{campaign.name}.toml", read_toml(campaign.text))
    page.wrong(path, problem, remedy, at_key=True)
    return page.findings[0]


def _all(number: int, channel: Channel, settings: Settings) -> str:
    kind = {Channel.EMAIL: "email", Channel.SMS: "text"}[channel]
    these = f"the one {kind} of this kind" if number == 1 else f"all {number} {kind}s of this kind"
    names = " and ".join(settings.sending.names(channel))
    return f"It tells that its reader is a patient, which {names} may not carry (HIP-1): {these} would be held."


def _some(channel: Channel, settings: Settings) -> str:
    who = _COUNT_AS_PATIENTS[settings.phi.enquirer_policy]
    names = " and ".join(settings.sending.names(channel))
    return f"{who} counts as a patient (HIP-2), to whom {names} may not carry it (HIP-1): for them it would be held."


def _remedy(channel: Channel, settings: Settings) -> str:
    names = settings.sending.names(channel)
    if channel is Channel.SMS:
        return "Once Twilio's BAA is signed, write [twilio.baa] with signed_by, on and hipaa_project = true."
    if "smtp" in names:
        return "Once the relay's BAA is signed, write [smtp.baa] with signed_by and on."
    listed = ", ".join(f'"{name}"' for name in (*names, "smtp"))
    return f"Add a relay that has signed a BAA: email = [{listed}], [smtp], and [smtp.baa] with signed_by and on."
