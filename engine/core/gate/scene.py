"""What the gate must know beside the words: for whom they are, and what the clinic has said of itself."""

from dataclasses import dataclass, field
from typing import Literal

from engine.core.consent import Purpose
from engine.core.contact import Channel
from engine.core.findings import Severity

#: What a text message is within its programme: the first of a marketing campaign, or an answer to a word.
Role = Literal["", "opt_in", "help", "stop", "start"]

#: Where a unit of a message stands.
Part = Literal["sms", "subject", "preheader", "body"]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One kind of message of one clinic. Equal only to itself, so that answers can be kept by it: make few.

    `hosts`: the clinic's own, as in clinic.example; `sites`: others that messages may lead to. `confirmed`: the facts
    that the clinic stands for (F-3). `state`: where the clinic is, two letters.
    """

    purpose: Purpose
    channel: Channel
    language: str
    brand: str
    name: str
    phone: str
    address: str
    hosts: tuple[str, ...]
    sites: tuple[str, ...] = ()
    state: str | None = None
    notice: str | None = None
    confirmed: frozenset[str] = frozenset()
    role: Role = ""


@dataclass(frozen=True, slots=True)
class Concern:
    """One thing that a message must not, or should not, say; or that it leaves out.

    `phrase`: the words of it, as they were read (small letters, plain quotes); empty when something is missing.
    `unit`: the paragraph that it stands in; empty when it is about the whole message. `instead`: a sentence that
    would do, where there is one.
    """

    rule: str
    severity: Severity
    phrase: str
    problem: str
    why: str
    remedy: str
    instead: str = ""
    unit: str = ""
    part: Part = field(default="body")
