"""Who has signed which words: only what every role has signed is sent (decision 22).

A signature is of words, not of a file: it is bound to their hash, so it ends by itself when they change and stands
again when they are changed back. Nothing here is ever changed: to withdraw a signature is an entry of its own.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from engine.core.consent import Purpose
from engine.core.contact import Channel
from engine.core.render import EmailTemplate, SmsTemplate
from engine.core.wording import Clinic


class Which(NamedTuple):
    """One message in one language: a file of words, by the names it goes by."""

    campaign: str  # "service": an answer to STOP, START or HELP
    template: str
    channel: Channel
    language: str


# By the hash of the words, the roles whose signature stands.
Signed = Mapping[str, frozenset[str]]


def words_hash(which: Which, template: EmailTemplate | SmsTemplate, purpose: Purpose, clinic: Clinic) -> str:
    """What a signature is of, as 64 hexadecimal digits: everything in the message that is the same for all its readers.

    The words with their head (subject, what they tell of health), the layout around them, the language, the purpose
    (by which the layout chooses its footer, and the rules what may be said), and whatever they print of the clinic:
    its name, its number, its state's notice. And which message they are: what is right after an appointment may be
    wrong before it.
    """
    ours = [(name, clinic.printed[name]) for name in sorted(clinic.printed) if f"clinic.{name}" in template.fields]
    said = json.dumps((*which, purpose, template.hash, ours))
    return hashlib.sha256(said.encode()).hexdigest()


def every_hash(
    templates: Mapping[tuple[str, str, Channel, str], EmailTemplate | SmsTemplate],
    purposes: Mapping[str, Purpose],
    clinic: Clinic,
) -> dict[Which, str]:
    """What there is to sign, in the order given. `purposes`: of the sound campaigns; words of no such have none yet."""
    return {
        Which(*key): words_hash(Which(*key), template, purposes[key[0]], clinic)
        for key, template in templates.items()
        if key[0] in purposes
    }


@dataclass(frozen=True, slots=True)
class Signature:
    """One entry: somebody on the staff signed these words in a role, or withdrew a signature of that role."""

    which: Which
    hash: str
    role: str
    by: str
    on: date
    recorded_at: datetime
    actor: str  # who sat at the terminal
    withdrawn: bool = False
    why: str | None = None  # of a withdrawal


def after(signed: Signed, entries: Iterable[tuple[str, str, bool]]) -> Signed:
    """What stands after more entries (hash, role, withdrawn), oldest first: the last of a role for the words counts.

    >>> after({}, [("a1", "marketing", False), ("a1", "clinician", False), ("a1", "clinician", True)])
    {'a1': frozenset({'marketing'})}
    """
    now = dict(signed)
    for words, role, withdrawn in entries:
        roles = now.get(words, frozenset())
        now[words] = roles - {role} if withdrawn else roles | {role}
    return now


def missing(words: str, signed: Signed, roles: Sequence[str], *, demo: bool = False) -> tuple[str, ...]:
    """The roles that have yet to sign the words of this hash; none: they may be sent.

    `demo`: rehearsals into the mailbox, where nothing has to be signed.

    >>> missing("a1", {"a1": frozenset({"marketing"})}, ("marketing", "clinician"))
    ('clinician',)
    """
    if demo:
        return ()
    by = signed.get(words, frozenset())
    return tuple(role for role in roles if role not in by)


class State(StrEnum):
    """How a role stands to a message."""

    SIGNED = "signed"
    NEVER = "never"  # not these words, nor any before them
    CHANGED = "changed"  # earlier words
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Part:
    """One role's part in the sign-off of a message, and the entry that says so; None: there is none yet."""

    role: str
    state: State
    entry: Signature | None


def parts(words: str, entries: Sequence[Signature], roles: Sequence[str]) -> tuple[Part, ...]:
    """How each role stands to a message with these words now. `entries`: those of the message, oldest first."""
    return tuple(_part(words, [entry for entry in entries if entry.role == role], role) for role in roles)


def _part(words: str, mine: list[Signature], role: str) -> Part:
    of_these = [entry for entry in mine if entry.hash == words]
    last = next(reversed(of_these or mine), None)
    if last is None:
        return Part(role, State.NEVER, None)
    if last.withdrawn:
        return Part(role, State.WITHDRAWN, last)
    return Part(role, State.SIGNED if of_these else State.CHANGED, last)


def standing(entries: Iterable[Signature], role: str) -> list[Signature]:
    """The signatures of a role that nobody has withdrawn, of words past and present: what a withdrawal ends."""
    last = {(entry.which, entry.hash): entry for entry in entries if entry.role == role}
    return [entry for entry in last.values() if not entry.withdrawn]
