"""Every setting, with what it means, what it is when nobody says, and an example.

The names below are those of settings.toml: `clinic.brand` is the line `brand = ...` under `[clinic]`. The
environment goes over the file: NURTURE_CLINIC__BRAND. Secrets come from the environment only.
"""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, PrivateAttr, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from engine.config.consent_forms import ConsentForm
from engine.config.providers import Mailbox, Phi, SendGrid, Smtp, Twilio
from engine.config.values import (
    Brand,
    Caps,
    EmailAddress,
    EmailCarriers,
    Facts,
    Languages,
    Line,
    Paragraph,
    PhoneNumber,
    Roles,
    Section,
    Sites,
    State,
    Unfit,
    Url,
    Wait,
    Words,
    Zone,
    caps,
)
from engine.core.contact import Channel
from engine.providers.mailbox import Fault

# Stands in for NURTURE_SECRET_KEY where nothing leaves the machine. Everybody knows it: it protects nothing.
DEVELOPMENT_KEY = b"nurture development key, known to everybody: for the mailbox provider only"
SHORTEST_KEY = 32
SHORTEST_GRACE = timedelta(minutes=1)


class Clinic(Section):
    """Who writes: these stand in messages and are what law asks every message to say."""

    name: Line = Field(description="The clinic's name.", examples=["Harbor Clinic"])
    brand: Brand = Field(description="The name that begins every text message.", examples=["Harbor Clinic"])
    phone: PhoneNumber = Field(description="Where patients call.", examples=["617-555-0142"])
    address: Line = Field(
        description="The postal address, in every marketing email (CAN-SPAM).",
        examples=["12 Example Street, Boston, MA 02110"],
    )
    site: Url = Field(description="The clinic's website.", examples=["https://harborclinic.example"])
    public_url: Url = Field(
        description="Where this engine's own pages will be reached: every link in a message begins with it.",
        examples=["https://go.harborclinic.example"],
    )
    zone: Zone = Field(description="The clinic's time zone.", examples=["America/New_York"])
    state: State = Field(description="The state the clinic is in.", examples=["MA"])
    email: EmailAddress = Field(description="The sender of every email.", examples=["hello@harborclinic.example"])
    reply_to: EmailAddress | None = Field(
        default=None,
        description="Where answers go; without it, to `email`.",
        examples=["frontdesk@harborclinic.example"],
    )
    unsubscribe_mailto: EmailAddress | None = Field(
        default=None,
        description="A mailbox that takes unsubscriptions by email (the List-Unsubscribe header).",
        examples=["unsubscribe@harborclinic.example"],
    )
    notice: Paragraph | None = Field(
        default=None,
        description="The notice that the clinic's state asks for in every advertisement, word for word from its law"
        " (Florida, Washington). It stands at the top of every marketing email (SSN-1, SSN-3).",
        examples=["Copied from the statute by counsel."],
    )
    appointment_minutes: int = Field(
        default=45,
        ge=5,
        le=480,
        description="How long an appointment lasts in calendar files.",
        examples=[45],
    )


class Database(Section):
    """Where everything is kept."""

    url: Line = Field(
        default="sqlite:///var/nurture.db",
        description="An SQLAlchemy URL. A relative SQLite path starts at the project's folder.",
        examples=["sqlite:///var/nurture.db"],
    )


class Sending(Section):
    """Who carries messages, how many at once, and what happens when that fails."""

    email: EmailCarriers = Field(
        default=("mailbox",),
        description="Who carries email: one, or several, the preferred first. A message goes by the first that may"
        " carry what it tells.",
        examples=[["sendgrid", "smtp"]],
    )
    sms: Literal["mailbox", "twilio"] = Field(
        default="mailbox", description="Who carries text messages.", examples=["mailbox"]
    )
    rehearsal: bool = Field(
        default=False,
        description="Whether the mailbox may stand beside real providers: some messages leave, others do not.",
        examples=[False],
    )
    chunk: int = Field(default=32, ge=1, le=1000, description="Messages claimed for sending in one go.", examples=[32])
    concurrency: int = Field(
        default=32, ge=1, le=256, description="Calls to a provider at the same time.", examples=[32]
    )
    tick_seconds: int = Field(
        default=15, ge=1, le=3600, description="Seconds between two looks for what is due.", examples=[15]
    )
    tries: int = Field(
        default=6,
        ge=1,
        le=20,
        description="Attempts at one message before it counts as failed.",
        examples=[6],
    )
    first_delay: Wait = Field(
        default=timedelta(minutes=1), description="The wait before the second attempt.", examples=["1 minute"]
    )
    longest_delay: Wait = Field(
        default=timedelta(hours=4),
        description="Each wait is twice the one before, up to this.",
        examples=["4 hours"],
    )
    doubt_grace: Wait = Field(
        default=timedelta(minutes=3),
        description="How long after a lost answer the provider is first asked whether it has the message.",
        examples=["3 minutes"],
    )

    @field_validator("doubt_grace")
    @classmethod
    def _list_may_lag(cls, grace: timedelta) -> timedelta:
        # Asked too early, a provider does not show what it took, and the message would go out twice.
        if grace < SHORTEST_GRACE:
            raise Unfit("It is less than 1 minute, and a provider's list may lag behind what it took.", "")
        return grace

    @model_validator(mode="after")
    def _within_the_lease(self) -> Self:
        # What is claimed must be called before its lease ends, or a second process takes it for lost (decision 25).
        if self.chunk > self.concurrency:
            raise Unfit(
                "`chunk` is larger than `concurrency`: what waits for its call could be taken for lost.",
                f"Write: chunk = {self.concurrency}",
            )
        return self

    def names(self, channel: Channel) -> tuple[str, ...]:
        """The names of the providers that carry a channel, the preferred first."""
        return self.email if channel is Channel.EMAIL else (self.sms,)

    @property
    def real(self) -> tuple[str, ...]:
        """The names of all providers by which messages leave this machine."""
        return tuple(name for name in (*self.email, self.sms) if name != "mailbox")


class MarketingCaps(Section):
    """At most so many marketing messages, per person and per address, over all campaigns (decision 7)."""

    email: Caps = Field(
        default=caps("1 per 24 hours, 3 per 7 days"),
        description="Marketing emails.",
        examples=["1 per 24 hours, 3 per 7 days"],
    )
    sms: Caps = Field(
        default=caps("1 per 24 hours, 2 per 7 days"),
        description="Marketing texts. The number that a consent form advertised holds as well.",
        examples=["1 per 24 hours, 2 per 7 days"],
    )


class Sms(Section):
    """Text messages."""

    stop_reply_by: Literal["provider", "engine"] | None = Field(
        default=None,
        description="Who answers STOP and HELP; without it, the provider where it does so, else the engine.",
        examples=["provider"],
    )
    price_per_segment: Decimal | None = Field(
        default=None,
        ge=0,
        le=1,
        description="What one segment of a text costs, in US dollars, carrier's fee included: for previews.",
        examples=[0.0113],
    )


class Links(Section):
    """Where the links in messages may lead."""

    sites: Sites = Field(
        default=(),
        description="Websites, beside the clinic's own, that emails may lead to (CTIA-4).",
        examples=[["doi.org", "fda.gov"]],
    )


class FactsConfirmed(Section):
    """What the clinic says of its own practice."""

    confirmed: Facts = Field(
        default=(),
        description="The facts that messages state of this clinic, and that a clinician here has confirmed. A message"
        " with another is held.",
        examples=[["F-10", "F-12"]],
    )


class Signoff(Section):
    """Who must have signed words before they are sent."""

    roles: Roles = Field(
        default=("marketing", "clinician"),
        min_length=1,
        description="The roles that sign, each for itself, by `nurture signoff`.",
        examples=[["marketing", "clinician"]],
    )
    demo: bool = Field(
        default=False,
        description="Let unsigned words through, as “demo”: only while every provider is the mailbox.",
        examples=[True],
    )


class Writing(Section):
    """What the clinic writes in."""

    served: Languages = Field(
        default=("en",), min_length=1, description="Languages with messages of their own.", examples=[["en"]]
    )


class Events(Section):
    """What happens at the clinic. The code knows no word of it."""

    words: Words = Field(
        default=(),
        description="The words that campaigns may name; another in a campaign is a mistake. None: any.",
        examples=[["enquiry", "booking"]],
    )


class Settings(BaseSettings):
    """All settings. Made by `load_settings`; never changed afterwards."""

    model_config = SettingsConfigDict(
        env_prefix="NURTURE_",
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    clinic: Clinic = Field(description="Who writes.")
    database: Database = Field(default=Database(), description="Where everything is kept.")
    mailbox: Mailbox = Field(default=Mailbox(), description="The folder that stands in for a provider.")
    sending: Sending = Field(default=Sending(), description="Who carries messages.")
    twilio: Twilio = Field(default=Twilio(), description="Text messages by Twilio.")
    sendgrid: SendGrid = Field(default=SendGrid(), description="Email by SendGrid.")
    smtp: Smtp = Field(default=Smtp(), description="Email by a relay.")
    phi: Phi = Field(default=Phi(), description="What counsel decided on health information.")
    caps: MarketingCaps = Field(default=MarketingCaps(), description="Marketing messages at most.")
    sms: Sms = Field(default=Sms(), description="Text messages.")
    consent_forms: dict[str, ConsentForm] = Field(default={}, description="The forms people agreed on.")
    languages: Writing = Field(default=Writing(), description="What the clinic writes in.")
    links: Links = Field(default=Links(), description="Where links may lead.")
    facts: FactsConfirmed = Field(default=FactsConfirmed(), description="What the clinic says of its own practice.")
    signoff: Signoff = Field(default=Signoff(), description="Who must have signed words.")
    events: Events = Field(default=Events(), description="What happens at the clinic.")
    secret_key: SecretStr | None = Field(
        default=None,
        description="Signs links and names rows. From the environment only.",
        examples=["(secret)"],
    )

    _project: Path = PrivateAttr(default=Path())
    _in_file: dict[str, Any] = PrivateAttr(default_factory=dict)
    _in_environment: dict[str, Any] = PrivateAttr(default_factory=dict)
    _variables: frozenset[str] = PrivateAttr(default=frozenset())

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the library's own signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment first, then settings.toml (given as arguments); no other file is read."""
        return (env_settings, init_settings)

    @property
    def project(self) -> Path:
        """The folder of settings.toml, campaigns/ and templates/."""
        return self._project

    @property
    def database_url(self) -> str:
        """`database.url`, with a relative SQLite path counted from the project's folder."""
        kind, relative, path = self.database.url.partition(":///")
        if kind.startswith("sqlite") and relative and path not in ("", ":memory:"):
            return f"{kind}:///{(self._project / path).resolve()}"
        return self.database.url

    @property
    def mailbox_folder(self) -> Path:
        """`mailbox.folder`, counted from the project's folder."""
        return (self._project / self.mailbox.folder).resolve()

    @property
    def faults(self) -> tuple[Fault, ...]:
        """`[[mailbox.faults]]`, as the mailbox takes them."""
        return tuple(rule.fault for rule in self.mailbox.faults)

    @property
    def only_mailbox(self) -> bool:
        """Whether nothing leaves the machine."""
        return not self.sending.real

    @property
    def key(self) -> bytes:
        """The secret that signs links; the development key where nothing leaves the machine."""
        return self.secret_key.get_secret_value().encode() if self.secret_key else DEVELOPMENT_KEY
