"""Who carries messages: whether they take our credentials, what they may carry, and who answers STOP."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from engine.checkup import Check, failed, not_checked, ok, warning
from engine.checkup.machine import Clock, Reading
from engine.config import Settings
from engine.core.contact import Channel
from engine.core.phi import EnquirerPolicy, PhiLevel
from engine.providers import Carriers, Health, InDoubt, Misconfigured, Provider, Unreachable, Works

_WORDS = {Channel.EMAIL: "emails", Channel.SMS: "texts"}


# ---------------------------------------------------------------------------------------------------- credentials


def credentials(settings: Settings, provider: Provider, clock: Clock, readings: list[Reading]) -> Iterator[Check]:
    """Whether a provider is there and takes our credentials. Nothing is sent; the clock it tells is kept."""
    health = provider.probe()
    if isinstance(health, Works) and health.clock is not None:
        readings.append(Reading(provider.name, health.clock, clock()))
    yield _stands(settings, provider.name, health)


def _stands(settings: Settings, provider: str, health: Health) -> Check:
    name = f"{provider}: access"
    match health:
        case Works():
            return ok(name, health.detail)
        case Misconfigured():
            return failed(name, health.detail, _refused(settings, provider, health.detail))
        case Unreachable():
            remedy = "Check this machine's way out: DNS, firewall, proxy, and the provider's address in settings."
            return failed(name, health.detail, remedy)
        case InDoubt() if "base_url" in health.detail:
            return failed(name, health.detail, "")
        case InDoubt():
            return failed(name, health.detail, "Ask again in some minutes; the provider's status page may know more.")


def _refused(settings: Settings, provider: str, detail: str) -> str:
    """What to compare when the credentials are refused. Any other detail says itself what to mend."""
    if provider == "mailbox":
        return "Let nurture write into mailbox.folder."
    if provider == "twilio" and "credentials" in detail:
        if settings.twilio.api_key_sid is not None:
            return "Compare account_sid, api_key_sid and NURTURE_TWILIO__API_KEY_SECRET with Twilio's console."
        return "Compare account_sid and NURTURE_TWILIO__AUTH_TOKEN with Twilio's console."
    if provider == "sendgrid" and "does not take the API key" in detail:
        return "Make an API key that may send mail (Mail Send), and set it as NURTURE_SENDGRID__API_KEY."
    return ""


def addresses(settings: Settings) -> Iterator[Check]:
    """Whether a provider is called at its own host: one of a rehearsal, forgotten, takes all and delivers none."""
    for name, url in (("twilio", settings.twilio.base_url), ("sendgrid", settings.sendgrid.base_url)):
        host = urlsplit(url).hostname or ""
        if name in settings.sending.real and not host.endswith(f".{name}.com"):
            reached = "a phone" if name == "twilio" else "an inbox"
            found = f"base_url leads to {host}, which is not the provider's own: nothing reaches {reached}."
            remedy = f"Right for a rehearsal only: take base_url out of [{name}] or the environment."
            yield warning(f"{name}: address", found, remedy)


# ---------------------------------------------------------------------------------------- health information


def ceilings(settings: Settings, carriers: Carriers) -> Iterator[Check]:
    """What each provider may carry and by whose signature, and what is held because nobody may (decision 18)."""
    for provider in carriers:
        yield _agreement(settings, provider)
    for channel in Channel:
        yield _held(channel, carriers.ceiling(channel))
    yield _policy(settings)
    if not settings.only_mailbox and "mailbox" in (*settings.sending.email, settings.sending.sms):
        found = "The mailbox stands beside real providers: some messages leave, others end in a folder."
        yield warning("rehearsal", found, "Right for a rehearsal only: before patients wait, take rehearsal out.")


def _agreement(settings: Settings, provider: Provider) -> Check:
    name = f"{provider.name}: health information"
    if provider.name == "mailbox":
        return ok(name, "It carries everything: nothing leaves this machine.")
    if provider.name == "sendgrid":
        return ok(name, "It carries general education only: nurture takes it to sign no BAA.")
    agreement = settings.twilio.baa if provider.name == "twilio" else settings.smtp.baa
    if provider.ceiling >= PhiLevel.PATIENT:
        where = ", to numbers in the US" if provider.name == "twilio" else ""
        signed = f"The BAA was signed by {agreement.signed_by} on {agreement.on}."
        return ok(name, f"It carries what goes to patients{where}. {signed}")
    if agreement.signed_by is not None:
        found = "It carries general education only: the BAA is signed, but this account is no HIPAA project."
        return warning(name, found, "Ask Twilio to mark the account, then write hipaa_project = true: [twilio.baa]")
    remedy = f"Once it is signed, write who signed it and when: [{provider.name}.baa]. docs/providers.md says how."
    return warning(name, "It carries general education only: settings name no signed BAA.", remedy)


def _held(channel: Channel, most: PhiLevel) -> Check:
    name = f"{_WORDS[channel]} to patients"
    if most >= PhiLevel.PATIENT:
        return ok(name, "They have a provider that may carry them.")
    found = (
        f"Appointment and care {_WORDS[channel]}, and marketing to those who count as patients, are held"
        " (phi_provider): nobody may carry them."
    )
    remedies = {
        Channel.EMAIL: "Add an SMTP relay with a signed BAA: docs/providers.md",
        Channel.SMS: "Sign Twilio's BAA and write it into [twilio.baa]: docs/providers.md",
    }
    return warning(name, found, remedies[channel])


def _policy(settings: Settings) -> Check:
    phi = settings.phi
    words = {
        EnquirerPolicy.LITERAL: "who named a condition, wrote a comment or ever booked",
        EnquirerPolicy.BY_CONTENT: "who ever booked",
        EnquirerPolicy.STRICT: "everybody",
    }
    decided = f" Decided by {phi.decided_by} on {phi.decided_on}." if phi.decided_by and phi.decided_on else ""
    found = f"{phi.enquirer_policy.value}: {words[phi.enquirer_policy]} counts as a patient.{decided}"
    return ok("enquirer policy", found)


# ------------------------------------------------------------------------------------------------------ texts


def texts(settings: Settings) -> Iterator[Check]:
    """What cannot be seen in one's own settings about a sender of texts."""
    if settings.sending.sms == "mailbox":
        return
    name = "STOP and HELP"
    if settings.sms.stop_reply_by == "engine":
        found = "nurture answers them. Twilio does so too, unless it was told not to: people would get two answers."
        remedy = 'Switch Twilio\'s own answers off, or write stop_reply_by = "provider" under [sms].'
        yield warning(name, found, remedy)
    else:
        yield ok(name, "Twilio answers them; nurture closes the number and says nothing.")
    yield not_checked(
        "registration of the texts' sender",
        "US carriers block texts from numbers that are not registered; whether yours is cannot be seen from here.",
        "In Twilio's console see that the A2P 10DLC campaign, or the toll-free verification, is approved.",
    )
