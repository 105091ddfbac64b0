"""One row of an enquiry export becomes an Enquiry with its consents and revocations, or a Reject.

What the person wrote is health information; the notes made here are sentences for staff and hold none of it.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from engine.core.contact import (
    Channel,
    Email,
    Phone,
    Refusal,
    address_key,
    normal_email,
    normal_name,
    normal_phone,
    tidy,
)
from engine.core.enquiry_cells import (
    ip_address,
    language_code,
    own_words,
    submitted_moment,
)
from engine.core.enquiry_consent import Boxes, Form, Grant
from engine.core.enquiry_mapping import Mapping as ColumnMapping
from engine.core.enquiry_table import Problem, Reject, Row
from engine.core.postal import StatesOfZip, normal_state, normal_zip
from engine.core.replies import read_comment


class NoteKind(StrEnum):
    """What a note is about, so that staff tasks can be made of some and counts of others."""

    NAME = "name"  # left out: the person is greeted without it
    EMAIL = "email"  # not usable; the phone is
    PHONE = "phone"  # not usable, or not for texts
    PLACE = "place"  # ZIP or state left out, or at odds with each other
    LANGUAGE = "language"  # the person prefers another language than the form's (decision 16)
    CONSENT = "consent"  # a box that gave no consent although it is not empty
    REVOKED = "revoked"  # the comment asks not to be written to
    PROOF = "proof"  # something that would belong to the proof of consent is not there


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence for staff, without personal data."""

    kind: NoteKind
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Enquiry:
    """A person who filled in the form. `id` is the same each time the row, or its corrected form, is read."""

    number: int
    line: int
    source: str
    id: str
    submitted_at: datetime
    first_name: str | None = field(repr=False)
    last_name: str | None = field(repr=False)
    email: Email | None = field(repr=False)
    phone: Phone | None = field(repr=False)
    zip: str | None = field(repr=False)
    state: str | None
    language: str | None  # of the form the person read and agreed on (decision 16)
    prefers: str | None  # the language they named
    condition: str | None = field(repr=False)  # what hurts, in their words: health information, level 1
    comment: str | None = field(repr=False)  # whatever they wrote: to be treated as health information
    ip: str | None = field(repr=False)
    consents: tuple[Grant, ...]
    revocations: frozenset[Channel]
    notes: tuple[Note, ...]

    @property
    def named_condition(self) -> bool:
        """Whether the person named what hurts: level 1 (decision 18)."""
        return self.condition is not None

    @property
    def phi_level(self) -> int:
        """1 when there are words of the person's own, because any of them may name a condition; else 0."""
        return 1 if self.condition is not None or self.comment is not None else 0


@dataclass(frozen=True, slots=True)
class Reader:
    """What the rows of one file are read with. `forms` are the settings' consent forms by name."""

    header: Sequence[str]
    mapping: ColumnMapping
    forms: Mapping[str, Form]
    clinic_zone: str
    state_of_zip: StatesOfZip
    states_of_phone: Callable[[str], Set[str]]
    region: str = "US"


def normalise(row: Row, reader: Reader, now: datetime) -> Enquiry | Reject:
    """What the row says, in normal forms; or a Reject with every reason.

    Rejected are rows that are blank, that have too few or too many cells, whose date cannot be read or is
    still to come, and that leave neither an email address nor a phone number. Whatever else cannot be used is
    left out with a note.
    """
    if row.blank:
        return _reject(row, Problem("", "The row is empty.", ""), blank=True)
    misfit = row.misfit(len(reader.header))
    if misfit is not None:
        # Any cell may hold the comment, because it is not sure that they stand in their columns.
        return _reject(row, misfit, *_unheard(row.cells))
    return _Enquirer(row, reader, now).enquiry()


def enquiry_id(source: str, address: str, submitted_at: datetime) -> str:
    """The opaque name of an enquiry: form, normal email or phone, and moment (decision 17).

    It must not change when a key does: an import after that would take everybody anew.
    """
    parts = "\x1f".join((source, address, submitted_at.isoformat()))
    return hashlib.sha256(parts.encode()).hexdigest()[:32]


def _reject(row: Row, *problems: Problem, blank: bool = False) -> Reject:
    return Reject(row.number, row.line, problems, row.cells, blank)


def _unheard(cells: Iterable[str]) -> tuple[Problem, ...]:
    """A wish not to be written to in a row that is rejected: it is recorded only when the row is taken."""
    if not _revoked(cells):
        return ()
    remedy = "Correct this row first, and see that nobody writes to the person meanwhile."
    return (Problem("", "The person asks not to be written to.", remedy),)


def _revoked(cells: Iterable[str]) -> frozenset[Channel]:
    heard = (read_comment(cell) for cell in cells)
    return frozenset[Channel]().union(*(one.channels for one in heard if one is not None))


class _Enquirer:
    """One row being read: problems reject it, notes go with it."""

    def __init__(self, row: Row, reader: Reader, now: datetime) -> None:
        self.row, self.reader, self.now = row, reader, now
        self.said = reader.mapping.cells(reader.header, row.cells)
        self.problems: list[Problem] = []
        self.notes: list[Note] = []
        self.refused: dict[str, Refusal] = {}

    def enquiry(self) -> Enquiry | Reject:
        submitted = submitted_moment(self.text("submitted_at"), self.reader.clinic_zone, self.now)
        email, phone = self.email(), self.phone()
        if isinstance(submitted, Refusal):
            self.problem("submitted_at", submitted)
        if email is None and phone is None:
            self.unreachable()
        if isinstance(submitted, Refusal) or self.problems:
            return _reject(self.row, *self.problems, *_unheard(self.own_words()))
        state = self.state()
        condition, comment = self.words("condition"), self.words("comment")
        revocations = self.revocations()
        ip = self.ip()
        language, prefers = self.languages()
        return Enquiry(
            number=self.row.number,
            line=self.row.line,
            source=self.reader.mapping.source,
            id=enquiry_id(self.reader.mapping.source, _own_address(email, phone), submitted),
            submitted_at=submitted,
            first_name=self.name("first_name"),
            last_name=self.name("last_name"),
            email=email,
            phone=phone,
            zip=self.zip(state, phone),
            state=state,
            language=language,
            prefers=prefers,
            condition=condition,
            comment=comment,
            ip=ip,
            consents=self.consents(submitted, _usable(email, phone), revocations, ip),
            revocations=revocations,
            notes=tuple(self.notes),  # last: the readings above make them
        )

    # ----------------------------------------------------------------------------------- saying things

    def texts(self, part: str) -> list[str]:
        return [self.said[name] for name in self.reader.mapping.columns.get(part, ())]

    def own_words(self) -> list[str]:
        return self.texts("comment") + self.texts("condition")

    def text(self, part: str) -> str:
        return next(iter(self.texts(part)), "")

    def column(self, part: str) -> str:
        return next(iter(self.reader.mapping.columns.get(part, ())), part)

    def note(self, kind: NoteKind, text: str) -> None:
        self.notes.append(Note(kind, text))

    def problem(self, part: str, no: Refusal) -> None:
        self.problems.append(Problem(self.column(part), no.problem, no.remedy))

    # -------------------------------------------------------------------------------------- the person

    def email(self) -> Email | None:
        email = normal_email(self.text("email"))
        if isinstance(email, Email):
            return email
        self.left_out("email", NoteKind.EMAIL, "The email address was left out.", email)
        return None

    def phone(self) -> Phone | None:
        phone = normal_phone(self.text("phone"), self.reader.region)
        if isinstance(phone, Refusal):
            self.left_out("phone", NoteKind.PHONE, "The phone number was left out.", phone)
            return None
        if phone.note is not None:
            self.note(NoteKind.PHONE, f"The phone number is kept for calls only. {phone.note}")
        return phone

    def left_out(self, part: str, kind: NoteKind, what: str, no: Refusal) -> None:
        self.refused[part] = no
        if tidy(self.text(part)):
            self.note(kind, f"{what} {no.problem}")

    def unreachable(self) -> None:
        """Neither address is usable: say of each that the form asks for why."""
        for part, no in self.refused.items():
            if part in self.reader.mapping.columns:
                self.problem(part, no)

    def name(self, part: str) -> str | None:
        cell = self.text(part)
        if not tidy(cell):
            return None
        name = normal_name(cell)
        if isinstance(name, str):
            return name
        self.note(NoteKind.NAME, f"What “{self.column(part)}” holds was left out. {name.problem}")
        return None

    def state(self) -> str | None:
        cell = self.text("state")
        if not tidy(cell):
            return None
        state = normal_state(cell)
        if isinstance(state, str):
            return state
        self.note(NoteKind.PLACE, f"The state was left out. {state.problem}")
        return None

    def zip(self, state: str | None, phone: Phone | None) -> str | None:
        cell = self.text("zip")
        if not tidy(cell):
            return None
        # The state is the person's own word; the area code is asked only where they gave none.
        of_phone = self.reader.states_of_phone(phone.e164) if phone is not None else frozenset[str]()
        code = normal_zip(cell, {state} if state else of_phone, self.reader.state_of_zip)
        if isinstance(code, Refusal):
            self.note(NoteKind.PLACE, f"The ZIP was left out. {code.problem}")
            return None
        if state and state not in self.reader.state_of_zip(code.code):
            self.note(NoteKind.PLACE, "ZIP and state do not agree: the hours of both are kept.")
        return code.code

    def words(self, part: str) -> str | None:
        kept = [words for cell in self.texts(part) if (words := own_words(cell)) is not None]
        return "\n".join(kept) or None

    def ip(self) -> str | None:
        cell = self.text("ip")
        ip = ip_address(cell)
        if ip is None and tidy(cell):
            self.note(NoteKind.PROOF, f"What “{self.column('ip')}” holds is no internet address: left out.")
        return ip

    def languages(self) -> tuple[str | None, str | None]:
        """The form's language, and the one the person named. A difference is for staff to see."""
        forms = (self.reader.forms.get(c.form) for c in self.reader.mapping.consents if c.form is not None)
        of_form = next((form.language for form in forms if form is not None), None)
        cell = self.text("language")
        prefers = language_code(cell)
        if tidy(cell) and prefers is None:
            self.note(NoteKind.LANGUAGE, "The preferred language is one we do not know: ask the person.")
        elif prefers is not None and of_form is not None and prefers != of_form:
            self.note(
                NoteKind.LANGUAGE,
                f"The person prefers another language ({prefers}) than the form's ({of_form}), in which the"
                " messages are. Agree with them on how to go on.",
            )
        return of_form, prefers

    # --------------------------------------------------------------------------------- what is allowed

    def revocations(self) -> frozenset[Channel]:
        channels = _revoked(self.own_words())
        if channels:
            by = " and ".join({"email": "email", "sms": "text"}[c] for c in Channel if c in channels)
            self.note(NoteKind.REVOKED, f"The person asks in the form not to be written to by {by}: honoured.")
        return channels

    def consents(
        self, submitted: datetime, usable: Set[Channel], revoked: Set[Channel], ip: str | None
    ) -> tuple[Grant, ...]:
        boxes = Boxes(self.reader.mapping, self.reader.forms, self.reader.clinic_zone, usable, revoked)
        grants, refused = boxes.read(self.said, submitted, ip)
        for text in refused:
            self.note(NoteKind.CONSENT, text)
        return grants


def _usable(email: Email | None, phone: Phone | None) -> frozenset[Channel]:
    """The channels for which there is an address that takes messages."""
    sms = {Channel.SMS} if phone is not None and phone.can_text else set()
    return frozenset(sms | ({Channel.EMAIL} if email is not None else set()))


def _own_address(email: Email | None, phone: Phone | None) -> str:
    if email is not None:
        return address_key(Channel.EMAIL, email.key)
    assert phone is not None, "a row without any address was rejected before"
    return address_key(Channel.SMS, phone.e164)
