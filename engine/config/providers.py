"""The sections of the providers, and what counsel decided on health information.

Secrets are fields too, so that the environment sets them (NURTURE_TWILIO__AUTH_TOKEN); in settings.toml they are
refused. What a chosen provider cannot do without is asked for in `engine.config.together`: a section may stand
here before its provider is used.
"""

from datetime import date
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from engine.config.values import (
    AccountSid,
    ApiKeySid,
    Attempts,
    Host,
    HostPart,
    Line,
    Section,
    SelectorNames,
    Sender,
    ServiceSid,
    Unfit,
    Url,
)
from engine.core.pacing import Pace
from engine.core.phi import EnquirerPolicy
from engine.providers.mailbox import Failure, Fault


class FaultRule(Section):
    """One `[[mailbox.faults]]`: how the mailbox fails, for rehearsals and tests."""

    to: Line = Field(description="Which addresses, as in file names.", examples=["*@example.org"])
    outcome: Failure = Field(description="How the call ends.", examples=["try_later"])
    attempts: Attempts = Field(default=(), description="On which attempts, or all of them.", examples=[[1, 2]])
    accepted: bool = Field(
        default=False,
        description="With in_doubt: taken all the same, only the answer was lost.",
        examples=[True],
    )
    detail: Line = Field(
        default="told to fail by [[mailbox.faults]]",
        description="What the send log says.",
        examples=["greylisted"],
    )

    @model_validator(mode="after")
    def _accepted_means_doubt(self) -> Self:
        if self.accepted and self.outcome is not Failure.IN_DOUBT:
            raise Unfit("`accepted` goes with in_doubt only.", 'Write: outcome = "in_doubt"')
        return self

    @property
    def fault(self) -> Fault:
        """As the provider takes it."""
        return Fault(self.to, self.outcome, self.attempts, self.accepted, self.detail)


class Mailbox(Section):
    """The provider that writes messages into a folder instead of sending them."""

    folder: Line = Field(
        default="var/mailbox", description="The folder. Only its owner can read it.", examples=["var/mailbox"]
    )
    can_be_asked: bool = Field(
        default=True,
        description="false: it answers no question about what it took, as SMTP.",
        examples=[True],
    )
    faults: tuple[FaultRule, ...] = Field(
        default=(),
        description="How it is told to fail.",
        examples=[[{"to": "*@example.org", "outcome": "refused"}]],
    )


class Agreement(Section):
    """A business associate agreement (BAA): who at the clinic signed it, and when. Both, or none (HIP-1)."""

    signed_by: Line | None = Field(
        default=None, description="Who signed it for the clinic.", examples=["Dr. Maria Ortiz, privacy officer"]
    )
    on: date | None = Field(default=None, description="The day it was signed.", examples=[date(2026, 1, 31)])

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.signed_by is None) != (self.on is None):
            raise Unfit(
                "A signed agreement has a name and a date; one of the two is missing.",
                'Write both: signed_by = "Dr. Maria Ortiz, privacy officer" and on = 2026-01-31',
            )
        return self

    @property
    def holds(self) -> bool:
        """Whether the provider may carry what tells that somebody is a patient."""
        return self.signed_by is not None


class TwilioAgreement(Agreement):
    """The BAA with Twilio. It holds only together with the account's flag."""

    hipaa_project: bool = Field(
        default=False,
        description="Whether Twilio has marked this account as a HIPAA project: only then the agreement covers it.",
        examples=[True],
    )

    @property
    def holds(self) -> bool:
        """Signed, and the account is marked."""
        return self.signed_by is not None and self.hipaa_project


class Limits(Section):
    """What every real provider has: how fast it may be called, and how long a call may take."""

    per_second: float | None = Field(
        default=None, gt=0, le=10_000, description="Emails a second at most; without it, no limit.", examples=[10]
    )
    per_day: int | None = Field(
        default=None, ge=1, description="Emails in 24 hours at most; without it, no limit.", examples=[50_000]
    )
    connect_seconds: float = Field(
        default=5, gt=0, le=60, description="How many seconds a connection may take to come about.", examples=[5]
    )
    # Well under what a claim lasts: a call in flight must not be taken for lost (decision 25).
    total_seconds: float = Field(
        default=15,
        gt=0,
        le=60,
        description="How many seconds a whole call may take; then its message is in doubt.",
        examples=[15],
    )

    @property
    def pace(self) -> Pace:
        """As a provider takes it."""
        return Pace(self.per_second, self.per_day)


class Twilio(Limits):
    """Text messages by Twilio."""

    account_sid: AccountSid | None = Field(
        default=None,
        description="The account: AC and 32 hexadecimal digits, from Twilio's console.",
        examples=["AC00000000000000000000000000000000"],
    )
    auth_token: SecretStr | None = Field(
        default=None, description="The account's token. From the environment only.", examples=["(secret)"]
    )
    api_key_sid: ApiKeySid | None = Field(
        default=None,
        description="An API key, used instead of the account's token: SK and 32 hexadecimal digits.",
        examples=["SK00000000000000000000000000000000"],
    )
    api_key_secret: SecretStr | None = Field(
        default=None, description="The API key's secret. From the environment only.", examples=["(secret)"]
    )
    from_number: Sender | None = Field(
        default=None,
        description="The number that texts come from (+16175550142, or a short code of 5 or 6 digits).",
        examples=["+16175550142"],
    )
    messaging_service_sid: ServiceSid | None = Field(
        default=None,
        description="Or the Messaging Service they come from: MG and 32 hexadecimal digits.",
        examples=["MG00000000000000000000000000000000"],
    )
    region: HostPart | None = Field(
        default=None, description="Twilio's region, where the account is not in the US.", examples=["ie1"]
    )
    edge: HostPart | None = Field(default=None, description="Twilio's edge location.", examples=["ashburn"])
    base_url: Url = Field(
        default="https://api.twilio.com",
        description="Where its API is reached: another only for rehearsals.",
        examples=["https://api.twilio.com"],
    )
    per_second: float | None = Field(
        default=1,
        gt=0,
        le=10_000,
        description="SMS segments a second at most, as the sender's kind allows: long code 1, toll-free 3,"
        " short code 100; 10DLC as its campaign was rated.",
        examples=[1],
    )
    per_day: int | None = Field(
        default=None,
        ge=1,
        description="SMS segments in 24 hours at most, as the 10DLC brand allows; without it, no limit.",
        examples=[2_000],
    )
    baa: TwilioAgreement = Field(default=TwilioAgreement(), description="The BAA with Twilio.")

    @model_validator(mode="after")
    def _one_sender(self) -> Self:
        if self.from_number is not None and self.messaging_service_sid is not None:
            raise Unfit(
                "It names two senders: `from_number` and `messaging_service_sid`.",
                "Keep one: the service where there is one.",
            )
        return self


class SendGrid(Limits):
    """Email by SendGrid. It signs no BAA, so it carries general education only (HIP-1)."""

    api_key: SecretStr | None = Field(
        default=None, description="The API key. From the environment only.", examples=["(secret)"]
    )
    base_url: Url = Field(
        default="https://api.sendgrid.com",
        description="Where its API is reached. For accounts in the EU: https://api.eu.sendgrid.com",
        examples=["https://api.sendgrid.com"],
    )
    dkim_selectors: SelectorNames = Field(
        default=("s1", "s2"),
        description="The names of its DKIM keys in the sender's DNS, looked up by `nurture doctor`.",
        examples=[["s1", "s2"]],
    )


_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


class Smtp(Limits):
    """Email by a relay that speaks SMTP."""

    host: Host | None = Field(default=None, description="The relay's name.", examples=["smtp.relay.example"])
    port: int = Field(default=587, ge=1, le=65_535, description="Its port: 587 as a rule, 465 for tls.", examples=[587])
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        description="How the connection is encrypted; none only on this machine.",
        examples=["starttls"],
    )
    username: Line | None = Field(
        default=None, description="The name to log in with; without it, nobody logs in.", examples=["nurture"]
    )
    password: SecretStr | None = Field(
        default=None, description="The password to it. From the environment only.", examples=["(secret)"]
    )
    total_seconds: float = Field(
        default=30,
        gt=0,
        le=60,
        description="How many seconds a whole call may take; then its message is in doubt.",
        examples=[30],
    )
    dkim_selectors: SelectorNames = Field(
        default=(),
        description="The names of the relay's DKIM keys in the sender's DNS, looked up by `nurture doctor`.",
        examples=[["relay1"]],
    )
    baa: Agreement = Field(default=Agreement(), description="The BAA with the relay.")

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        if self.security == "none" and self.host not in (None, *_HERE):
            raise Unfit(
                "Without encryption everybody on the way could read the messages and the password.",
                'Write: security = "starttls" (or "tls")',
            )
        return self

    @model_validator(mode="after")
    def _port_fits(self) -> Self:
        # RFC 8314: on 465 TLS begins at once; on 587 the relay greets first, and STARTTLS follows.
        wanted = {(465, "starttls"): "tls", (587, "tls"): "starttls"}.get((self.port, self.security))
        if wanted is not None:
            raise Unfit(
                f'Port {self.port} and security = "{self.security}" do not go together.',
                f'Port {self.port} wants: security = "{wanted}"',
            )
        return self


class Phi(Section):
    """What counsel decided on health information."""

    enquirer_policy: EnquirerPolicy = Field(
        default=EnquirerPolicy.LITERAL,
        description="Which enquirers count as patients when marketing goes out: literal (who named a condition,"
        " wrote a comment or ever booked), by_content (who ever booked) or strict (all).",
        examples=["literal"],
    )
    decided_by: Line | None = Field(
        default=None, description="Who decided it. by_content needs it.", examples=["Jane Roe, counsel"]
    )
    decided_on: date | None = Field(
        default=None, description="The day it was decided. by_content needs it.", examples=[date(2026, 1, 31)]
    )

    @model_validator(mode="after")
    def _by_somebody(self) -> Self:
        if self.enquirer_policy is EnquirerPolicy.BY_CONTENT and not (self.decided_by and self.decided_on):
            raise Unfit(
                "by_content is counsel's choice, and who made it and when is not recorded (HIP-2).",
                'Write: decided_by = "Jane Roe, counsel" and decided_on = 2026-01-31',
            )
        return self
