"""A file of enquiries becomes events, one transaction a row; every row has a fate, and one bad row stops no other."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.core.enquiry import Enquiry, NoteKind, Reader, normalise
from engine.core.enquiry_mapping import Mapping as ColumnMapping
from engine.core.enquiry_table import Problem, Reject, Row, Table
from engine.core.enrolment import Event
from engine.core.jurisdiction import phone_places, zip_place
from engine.house import House, UnknownForm
from engine.intake import Granted, Incoming, IntakeError, Who, identity_of, take_event
from engine.store import people

# Notes that ask something of a person; the others stand in the list of fates only.
_TASKS = {NoteKind.LANGUAGE, NoteKind.REVOKED}


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one row. Holds no personal data: row number, opaque contact, sentences of ours."""

    row: int
    line: int
    fate: str  # enrolled, taken, duplicate, rejected, empty
    contact: str | None = None
    enrolled: tuple[str, ...] = ()
    declined: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(slots=True)
class Imported:
    """The whole file: a fate a row, and the rejects as they are to be corrected."""

    fates: list[Fate] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)

    def counts(self) -> Mapping[str, int]:
        """How many rows had each fate."""
        return Counter(f.fate for f in self.fates)


def reader_for(house: House, table: Table, mapping: ColumnMapping) -> Reader:
    """What the rows of this file are read with."""
    rules = house.terms.rules

    def state_of_zip(zip5: str) -> set[str]:
        place = zip_place(zip5, rules)
        return set(place.states) if place else set()

    def states_of_phone(e164: str) -> set[str]:
        return {state for place in phone_places(e164, rules) for state in place.states}

    return Reader(
        header=table.header,
        mapping=mapping,
        forms=house.settings.consent_forms,
        clinic_zone=house.settings.clinic.zone,
        state_of_zip=state_of_zip,
        states_of_phone=states_of_phone,
    )


def import_rows(
    house: House,
    table: Table,
    mapping: ColumnMapping,
    now: datetime,
    *,
    dry_run: bool = False,
    event: str = "enquiry",
    progress: Callable[[Row], None] = lambda _: None,
) -> Imported:
    """Take every row of an enquiry export, in the file's order. A dry run reads and judges, and writes nothing."""
    reader = reader_for(house, table, mapping)
    done = Imported()
    seen: set[str] = set()
    for row in table.rows:
        enquiry = normalise(row, reader, now)
        if isinstance(enquiry, Reject):
            done.fates.append(_rejected(enquiry))
            if not enquiry.blank:
                done.rejects.append(enquiry)
        else:
            done.fates.append(_dry(house, enquiry, seen) if dry_run else _take(house, enquiry, event, now, done, row))
        progress(row)
    return done


def _rejected(reject: Reject) -> Fate:
    fate = "empty" if reject.blank else "rejected"
    problems = tuple(f"{p} {p.remedy}".strip() for p in reject.problems)
    return Fate(reject.number, reject.line, fate, problems=problems)


def incoming_of(enquiry: Enquiry, event: str) -> Incoming:
    """The enquiry as an event. What hurts and what was written stay in the event's payload, and nowhere else."""
    payload: dict[str, Any] = {"source": enquiry.source, "phi": enquiry.phi_level}
    for name, words in (("condition", enquiry.condition), ("comment", enquiry.comment)):
        if words is not None:
            payload[name] = words
    # One form gives consent for all that its box allows: a channel and form once.
    granted = dict.fromkeys(Granted(c.channel, c.form, c.ip) for c in enquiry.consents)
    country = None if enquiry.phone is None else enquiry.phone.country
    return Incoming(
        event=Event(enquiry.source, enquiry.id, event, enquiry.submitted_at, payload),
        who=Who(
            first_name=enquiry.first_name,
            last_name=enquiry.last_name,
            email=enquiry.email.address if enquiry.email else None,
            phone=enquiry.phone.e164 if enquiry.phone else None,
            can_text=enquiry.phone is None or enquiry.phone.can_text,
            zip=enquiry.zip,
            state=enquiry.state,
            country=country,
            language=enquiry.language,
        ),
        granted=tuple(granted),
        revoked=enquiry.revocations,
        notes=tuple((n.kind.value, n.text) for n in enquiry.notes if n.kind in _TASKS),
        origin="import",
    )


def _take(house: House, enquiry: Enquiry, event: str, now: datetime, done: Imported, row: Row) -> Fate:
    try:
        taken = take_event(house, incoming_of(enquiry, event), now)
    except (IntakeError, UnknownForm) as error:
        done.rejects.append(Reject(row.number, row.line, (Problem("", str(error), ""),), row.cells))
        return Fate(enquiry.number, enquiry.line, "rejected", problems=(str(error),))
    fate = "duplicate" if taken.fate == "duplicate" else "enrolled" if taken.enrolled else "taken"
    return Fate(
        enquiry.number,
        enquiry.line,
        fate,
        taken.contact,
        taken.enrolled,
        tuple((name, why.value) for name, why in taken.declined),
        tuple(str(n) for n in enquiry.notes),
    )


def _dry(house: House, enquiry: Enquiry, seen: set[str]) -> Fate:
    """What would become of the row, from what stands now and the rows above it."""
    incoming = incoming_of(enquiry, "enquiry")
    with house.store.read() as conn:
        known = people.find_event(conn, incoming.event.source, incoming.event.id) is not None
    duplicate = known or incoming.event.id in seen
    seen.add(incoming.event.id)
    contact = house.refs("contact", identity_of(incoming.who))
    would = "duplicate" if duplicate else "would enrol" if incoming.granted else "would be taken"
    return Fate(enquiry.number, enquiry.line, would, contact, notes=tuple(str(n) for n in enquiry.notes))


def fates_csv(fates: list[Fate]) -> Iterator[str]:
    """The fates as CSV lines, for a file beside the import."""
    yield "row,fate,contact,enrolled,declined,notes\r\n"
    for f in fates:
        declined = "; ".join(f"{name}: {why}" for name, why in f.declined)
        cells = (
            str(f.row),
            f.fate,
            f.contact or "",
            " ".join(f.enrolled),
            declined,
            " | ".join((*f.problems, *f.notes)),
        )
        yield ",".join('"' + c.replace('"', '""') + '"' for c in cells) + "\r\n"
