"""Rows of an enquiry export: what becomes of each, and what may be written to whom afterwards."""

from collections import Counter
from collections.abc import Set
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.consent import Purpose
from engine.core.contact import Channel, Refusal
from engine.core.enquiry import Enquiry, NoteKind, Reader, normalise
from engine.core.enquiry_cells import YES, language_code, own_words, says_yes, submitted_moment
from engine.core.enquiry_consent import Form, consent_troubles
from engine.core.enquiry_mapping import Mapping, guess_mapping
from engine.core.enquiry_table import Reject, Row, Table, read_table, rejects_csv
from engine.core.jurisdiction import phone_places, zip_place
from tests.core.people import RULES

ROOT = Path(__file__).parent.parent.parent
ODD = ROOT / "tests" / "data" / "enquiries_odd.csv"
NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)
CLINIC = "America/New_York"


@dataclass(frozen=True)
class WebForm:
    """A consent form as settings would have it: marketing by these channels."""

    channels: frozenset[Channel] = frozenset(Channel)
    language: str = "en"
    valid_from: date = date(2026, 1, 1)

    def box(self, channel: Channel, purpose: Purpose, /) -> object | None:
        return "wording" if channel in self.channels and purpose is Purpose.MARKETING else None

    def shown_on(self, day: date, /) -> bool:
        return day >= self.valid_from


FORMS: dict[str, Form] = {"web_form_2026": WebForm()}

_STATES = {"191": "PA", "021": "MA", "029": "RI", "787": "TX", "331": "FL", "981": "WA", "011": "MA"}
_AREAS = {"215": "PA", "617": "MA", "401": "RI", "206": "WA"}


def state_of_zip(code: str) -> Set[str]:
    return frozenset(filter(None, [_STATES.get(code[:3])]))


def states_of_phone(e164: str) -> Set[str]:
    return frozenset(filter(None, [_AREAS.get(e164[2:5])]))


def with_form(mapping: Mapping, form: str | None = "web_form_2026") -> Mapping:
    return replace(mapping, consents=tuple(replace(c, form=form) for c in mapping.consents))


def reader(table: Table, **changes) -> Reader:
    mapping = with_form(guess_mapping(table.header))
    plain = Reader(table.header, mapping, FORMS, CLINIC, state_of_zip, states_of_phone)
    return replace(plain, **changes)


@pytest.fixture(scope="module")
def odd() -> Table:
    table = read_table(ODD.read_bytes())
    assert isinstance(table, Table)
    return table


@pytest.fixture(scope="module")
def fates(odd: Table) -> dict[int, Enquiry | Reject]:
    """By the row's number in a spreadsheet."""
    return {row.number: normalise(row, reader(odd), NOW) for row in odd.rows}


def enquiry(fates: dict[int, Enquiry | Reject], number: int) -> Enquiry:
    fate = fates[number]
    assert isinstance(fate, Enquiry), fate
    return fate


def rejected(fates: dict[int, Enquiry | Reject], number: int) -> Reject:
    fate = fates[number]
    assert isinstance(fate, Reject), fate
    return fate


def granted(of: Enquiry) -> set[str]:
    return {grant.channel.value for grant in of.consents}


def notes(of: Enquiry) -> list[tuple[NoteKind, str]]:
    return [(note.kind, note.text) for note in of.notes]


# --------------------------------------------------------------------------------------- the odd fixture


def test_a_plain_row(fates) -> None:
    ann = enquiry(fates, 2)
    assert (ann.first_name, ann.last_name, ann.zip, ann.state, ann.ip) == (
        "Ann",
        "Ångström",
        "19103",
        "PA",
        "203.0.113.7",
    )
    assert ann.email is not None
    assert ann.email.key == "ann@example.com"
    assert ann.phone is not None
    assert ann.phone.e164 == "+12155550101"
    assert ann.submitted_at == datetime(2026, 11, 4, 15, 54, tzinfo=UTC)
    assert (ann.language, ann.prefers, ann.condition, ann.comment) == ("en", "en", "knee", None)
    assert (ann.named_condition, ann.phi_level, ann.revocations, notes(ann)) == (True, 1, frozenset(), [])
    (by_email, by_text) = ann.consents
    assert (by_email.channel, by_email.purpose, by_email.form) == (
        Channel.EMAIL,
        Purpose.MARKETING,
        "web_form_2026",
    )
    assert (by_text.channel, by_text.given_at, by_text.ip) == (Channel.SMS, ann.submitted_at, "203.0.113.7")


def test_a_row_with_a_phone_alone(fates) -> None:
    bob = enquiry(fates, 3)
    assert (bob.first_name, bob.last_name, bob.zip, bob.email) == ("Bob", "O'Hara", "02139", None)
    assert bob.submitted_at == datetime(2026, 11, 14, 2, 7, tzinfo=UTC)  # 9:07 PM in New York
    assert (granted(bob), bob.revocations, bob.named_condition, notes(bob)) == (
        {"sms"},
        frozenset(),
        False,
        [],
    )


def test_stop_in_the_comment_takes_everything_back(fates) -> None:
    cat = enquiry(fates, 4)
    assert (set(cat.revocations), granted(cat), cat.zip) == ({Channel.EMAIL, Channel.SMS}, set(), "02903")
    assert Counter(note.kind for note in cat.notes) == {NoteKind.REVOKED: 1, NoteKind.CONSENT: 2}


def test_email_only_closes_texts_and_keeps_email(fates) -> None:
    eve = enquiry(fates, 6)
    assert (eve.first_name, set(eve.revocations), granted(eve)) == ("李", {Channel.SMS}, {"email"})


def test_a_row_with_an_email_alone_and_another_language(fates) -> None:
    dan = enquiry(fates, 5)
    assert (dan.phone, dan.last_name, dan.language, dan.prefers, granted(dan)) == (
        None,
        None,
        "en",
        "es",
        {"email"},
    )
    assert dan.submitted_at == datetime(2026, 11, 5, 5, 28, tzinfo=UTC)  # a spreadsheet's day number
    assert (dan.named_condition, dan.phi_level) == (False, 0)
    kinds = dict(notes(dan))
    assert "(es) than the form's (en)" in kinds[NoteKind.LANGUAGE]
    assert "There is no usable phone number that takes texts." in kinds[NoteKind.CONSENT]


@pytest.mark.parametrize(
    ("number", "kind", "says"),
    [
        (7, NoteKind.PLACE, "The ZIP has 4 digits; with a 0 in front it does not agree with the state"),
        (
            7,
            NoteKind.CONSENT,
            "“x” in “Text me” is not a clear yes: not taken as consent. If your form writes x",
        ),
        (8, NoteKind.NAME, "What “First name” holds was left out."),
        (8, NoteKind.NAME, "What “Last name” holds was left out."),
        (8, NoteKind.PHONE, "kept for calls only. It has an extension"),
        (8, NoteKind.CONSENT, "“Text me” was ticked but gives no consent. There is no usable phone number"),
        (9, NoteKind.PHONE, "kept for calls only. It is a toll-free number"),
        (9, NoteKind.PLACE, "ZIP and state do not agree"),
        (10, NoteKind.PHONE, "kept for calls only. It is a landline"),
        (10, NoteKind.LANGUAGE, "(fr) than the form's (en)"),
        (11, NoteKind.EMAIL, "The email address was left out. There is more than one @"),
        (
            11,
            NoteKind.CONSENT,
            "“Email me the guide” was ticked but gives no consent. There is no usable email",
        ),
        (12, NoteKind.EMAIL, "cannot send to"),
        (13, NoteKind.PHONE, "The phone number was left out. The phone number has no area code."),
        (13, NoteKind.PLACE, "The state was left out."),
        (13, NoteKind.LANGUAGE, "one we do not know"),
        (13, NoteKind.PROOF, "What “IP” holds is no internet address"),
    ],
)
def test_what_cannot_be_used_is_left_out_with_a_note(fates, number: int, kind: NoteKind, says: str) -> None:
    assert [text for noted, text in notes(enquiry(fates, number)) if noted is kind and says in text]


@pytest.mark.parametrize(
    ("number", "consents"),
    [
        (7, {"email"}),
        (8, {"email"}),
        (9, {"email"}),
        (10, {"email"}),
        (11, {"sms"}),
        (12, {"sms"}),
        (13, set()),
    ],
)
def test_only_a_clear_yes_at_a_usable_address_is_consent(fates, number: int, consents: set[str]) -> None:
    assert granted(enquiry(fates, number)) == consents


@pytest.mark.parametrize(
    ("state", "phone", "code"),
    [
        ("MA", "206-555-0101", "02139"),
        ("", "617-555-0101", "02139"),
        ("WA", "617-555-0101", None),
        ("", "", None),
    ],
    ids=["the state says so", "no state: the area code says so", "the state says no", "nobody says"],
)
def test_a_lost_zero_comes_back_by_the_state_else_by_the_area_code(
    odd: Table, state: str, phone: str, code: str | None
) -> None:
    row = odd.rows[0].cells
    fate = normalise(Row(2, 2, (*row[:3], phone, "2139", state, *row[6:])), reader(odd), NOW)
    assert isinstance(fate, Enquiry)
    assert fate.zip == code


def test_what_people_wrote_is_kept_as_it_is(fates) -> None:
    assert enquiry(fates, 8).comment == '=HYPERLINK("http://evil.example","click")'
    assert enquiry(fates, 9).comment == "Line one\nline two"
    assert enquiry(fates, 9).phi_level == 1


@pytest.mark.parametrize(
    ("number", "problems"),
    [
        (
            14,
            {
                ("E-mail", "there is no @"),
                ("Mobile phone", "not a phone number"),
                ("", "asks not to be written to"),
            },
        ),
        (15, {("Submitted at", "still to come")}),
        (16, {("Submitted at", "cannot be read")}),
        (17, {("", "The row has 4 of 13 cells.")}),
        (18, {("", "The row is empty.")}),
        (19, {("", "The row has 15 cells instead of 13.")}),
    ],
    ids=["nothing to write to", "from the future", "no date", "short", "blank", "long"],
)
def test_rejected_rows_say_everything_that_is_wrong(fates, number: int, problems: set[tuple[str, str]]) -> None:
    no = rejected(fates, number)
    assert len(no.problems) == len(problems)
    for column, says in problems:
        assert [p for p in no.problems if p.column == column and says in p.problem and (p.remedy or no.blank)]
    assert no.blank is (number == 18)


def test_the_same_enquiry_written_in_capitals_has_the_same_id(fates) -> None:
    assert enquiry(fates, 2).id == enquiry(fates, 20).id
    assert len({fate.id for fate in fates.values() if isinstance(fate, Enquiry)}) == 12


def test_every_row_has_a_fate(odd: Table, fates) -> None:
    assert len(fates) == len(odd.rows) == 19
    assert sum(isinstance(fate, Reject) for fate in fates.values()) == 6


def test_notes_and_problems_hold_nothing_of_the_person(odd: Table, fates) -> None:
    ours = {"cells"}
    personal = {cell.strip().casefold() for row in odd.rows for cell in row.cells if len(cell.strip()) > 3} - ours
    for fate in fates.values():
        said = fate.notes if isinstance(fate, Enquiry) else fate.problems
        words = " | ".join(map(str, said)).casefold()
        assert [cell for cell in personal if cell in words] == [], words


def test_the_person_is_not_in_what_a_log_would_show(fates) -> None:
    ann = replace(enquiry(fates, 2), notes=())
    for secret in ("Ann", "Ångström", "ann@example.com", "5550101", "19103", "knee", "203.0.113.7"):
        assert secret not in repr(ann)


# --------------------------------------------------------------------------------- correcting the rejects


def test_corrected_rejects_are_taken_and_the_others_rejected_again(odd: Table, fates) -> None:
    rejects = [fate for fate in fates.values() if isinstance(fate, Reject)]
    text = rejects_csv(odd.as_written, rejects)
    corrected = text.replace('"none","call me"', '"ola@example.com","call me"').replace('"soon"', '"2026-11-11 10:00"')
    back = read_table(corrected.encode())
    assert isinstance(back, Table)
    assert back.header == odd.header
    again = [normalise(row, reader(back), NOW) for row in back.rows]
    assert [type(fate).__name__ for fate in again] == ["Enquiry", "Reject", "Enquiry", "Reject", "Reject"]
    ola = again[0]
    assert isinstance(ola, Enquiry)
    assert ola.email is not None
    assert (ola.email.key, set(ola.revocations)) == ("ola@example.com", {Channel.EMAIL, Channel.SMS})


def test_the_id_is_that_of_form_address_and_moment_alone(odd: Table) -> None:
    row = odd.rows[0]

    def id_of(cells: tuple[str, ...], **changes) -> str:
        fate = normalise(Row(9, 9, cells), reader(odd, **changes), NOW)
        assert isinstance(fate, Enquiry)
        return fate.id

    def changed(place: int, cell: str) -> tuple[str, ...]:
        return (*row.cells[:place], cell, *row.cells[place + 1 :])

    first = id_of(row.cells)
    assert id_of(changed(0, "Anna")) == id_of(changed(3, "")) == id_of(changed(10, "2026-11-04 10:54")) == first
    other_form = replace(with_form(guess_mapping(odd.header)), source="spring_form")
    others = {
        id_of(changed(2, "anna@example.com")),
        id_of(changed(2, "")),
        id_of(changed(10, "2026-11-04 10:55")),
    }
    assert len({first, *others, id_of(row.cells, mapping=other_form)}) == 5
    assert "ann" not in first


# -------------------------------------------------------------------------------------------- consent


def consented(odd: Table, **changes) -> Enquiry:
    fate = normalise(odd.rows[0], reader(odd, **changes), NOW)
    assert isinstance(fate, Enquiry)
    return fate


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"mapping": "no form"}, "The mapping names no consent form for this column."),
        ({"forms": {}}, "Settings have no consent form “web_form_2026”."),
        ({"forms": {"web_form_2026": WebForm(frozenset())}}, "has no box for sms and marketing."),
        ({"forms": {"web_form_2026": WebForm(valid_from=date(2026, 11, 5))}}, "was not in use on that day"),
    ],
    ids=["mapping without a form", "unknown form", "form without the box", "before the form was shown"],
)
def test_without_the_forms_wording_a_tick_is_no_consent(odd: Table, changes, says: str) -> None:
    if changes.get("mapping"):
        changes = {"mapping": with_form(guess_mapping(odd.header), None)}
    ann = consented(odd, **changes)
    assert granted(ann) == set()
    assert [text for kind, text in notes(ann) if kind is NoteKind.CONSENT and "“Text me”" in text and says in text]


def test_a_box_counts_only_for_the_channels_and_purposes_of_its_form(odd: Table) -> None:
    mapping = with_form(guess_mapping(odd.header))
    care = replace(mapping, consents=tuple(replace(c, purpose=Purpose.CARE) for c in mapping.consents))
    assert granted(consented(odd, mapping=care)) == set()
    by_email = {"web_form_2026": WebForm(frozenset({Channel.EMAIL}))}
    assert granted(consented(odd, forms=by_email)) == {"email"}


def test_what_is_wrong_with_every_tick_is_known_before_an_import(odd: Table) -> None:
    mapping = guess_mapping(odd.header)
    assert [(p.column, bool(p.remedy)) for p in consent_troubles(mapping, FORMS)] == [
        ("Email me the guide", True),
        ("Text me", True),
    ]
    assert consent_troubles(with_form(mapping), FORMS) == ()


def test_the_form_is_judged_by_the_clinics_calendar(odd: Table) -> None:
    """15:54 UTC on November 4 is the 5th in Auckland."""
    later = {"web_form_2026": WebForm(valid_from=date(2026, 11, 5))}
    assert granted(consented(odd, forms=later, clinic_zone="Pacific/Auckland")) == {"email", "sms"}


@pytest.mark.parametrize(
    ("cell", "sms"),
    [("Yes", True), (" yes ", True), ("TRUE", True), ("1", True), ("1.0", True), ("x", False), ("", False),
     ("No", False), ("false", False), ("0", False), ("off", False), ("maybe", False), ("yes please", False),
     ("n/a", False)],
)  # fmt: skip
def test_yes_and_no(odd: Table, cell: str, sms: bool) -> None:
    cells = list(odd.rows[0].cells)
    cells[9] = cell
    fate = normalise(Row(2, 2, tuple(cells)), reader(odd), NOW)
    assert isinstance(fate, Enquiry)
    assert granted(fate) == ({"email", "sms"} if sms else {"email"})
    unclear = cell in ("x", "maybe", "yes please", "n/a")
    assert any("is not a clear yes" in note.text for note in fate.notes) is unclear


def test_a_mapping_may_say_that_x_is_a_yes(odd: Table) -> None:
    mapping = replace(with_form(guess_mapping(odd.header)), yes=frozenset({"yes", "x"}))
    fate = normalise(odd.rows[5], reader(odd, mapping=mapping), NOW)
    assert isinstance(fate, Enquiry)
    assert granted(fate) == {"email", "sms"}


def test_a_comment_is_heard_in_every_free_text_column(odd: Table) -> None:
    cells = list(odd.rows[0].cells)
    cells[7] = "knee. Do not email me."
    fate = normalise(Row(2, 2, tuple(cells)), reader(odd), NOW)
    assert isinstance(fate, Enquiry)
    assert (set(fate.revocations), granted(fate)) == ({Channel.EMAIL}, {"sms"})


# ------------------------------------------------------------------------------------- dates and words


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("2026-11-04T15:54:00Z", "2026-11-04T15:54:00"),
        ("2026-11-04 15:54 UTC", "2026-11-04T15:54:00"),
        ("2026-11-04T15:54:00.123+01:00", "2026-11-04T14:54:00"),
        ("2026-11-04T10:54-0500", "2026-11-04T15:54:00"),
        ("2026-11-18 23:18", "2026-11-19T04:18:00"),
        ("2026-11-18 23:18:30", "2026-11-19T04:18:30"),
        ("11/13/2026 09:07 PM", "2026-11-14T02:07:00"),
        ("11/13/2026 9:07pm", "2026-11-14T02:07:00"),
        ("11/13/2026, 9:07 a.m.", "2026-11-13T14:07:00"),
        ("11/13/2026 21:07", "2026-11-14T02:07:00"),
        ("11/14/2026 12:00 AM", "2026-11-14T05:00:00"),
        ("11/14/2026 12:00 PM", "2026-11-14T17:00:00"),
        ("11/14/2026", "2026-11-14T05:00:00"),
        ("2026-11-14", "2026-11-14T05:00:00"),
        ("46331.01944", "2026-11-05T05:28:00"),
        ("46338.85000", "2026-11-13T01:24:00"),
        ("46340.98958", "2026-11-15T04:45:00"),
        ("46340", "2026-11-14T05:00:00"),
        ("46331.019560185", "2026-11-05T05:28:10"),
        ("2026-03-08 02:30", "2026-03-08T07:00:00"),  # the clocks of New York skip it
        ("2026-11-01 01:30", "2026-11-01T05:30:00"),  # and show this one twice: the first
    ],
)
def test_moments_in_every_format(written: str, utc: str) -> None:
    assert submitted_moment(written, CLINIC, NOW) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("", "missing"),
        ("soon", "cannot be read"),
        ("13/11/2026 09:07", "cannot be read"),
        ("11/13/26 9:07 PM", "cannot be read"),
        ("2026-02-30 10:00", "cannot be read"),
        ("2026-11-18 24:30", "cannot be read"),
        ("11/13/2026 13:07 PM", "cannot be read"),
        ("2026-11-18T10:00+25:00", "cannot be read"),
        ("1999-12-31 10:00", "cannot be read"),
        ("9999-12-31 23:59", "cannot be read"),
        ("10000.5", "cannot be read"),
        ("2026-11-20 10:11", "still to come"),
        ("99999", "still to come"),
    ],
)
def test_moments_that_are_none(written: str, says: str) -> None:
    refused = submitted_moment(written, CLINIC, NOW)
    assert isinstance(refused, Refusal)
    assert says in refused.problem
    assert "2026-11-18 21:07" in refused.remedy


def test_a_forms_clock_may_be_a_little_ahead_of_ours() -> None:
    assert submitted_moment("2026-11-20 10:10", CLINIC, NOW) == datetime(2026, 11, 20, 15, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("English", "en"),
        ("en-US", "en"),
        ("ESPAÑOL", "es"),
        ("Espan\u0303ol", "es"),
        ("zh", "zh"),
        ("", None),
        ("x", None),
    ],
)
def test_languages(written: str, code: str | None) -> None:
    assert language_code(written) == code


def test_control_characters_do_not_survive_in_peoples_words() -> None:
    assert own_words(" a\x1b[31mb\x00\r\nc\td ") == "a[31mb\nc\td"
    assert own_words("\x00 ") is None


# ------------------------------------------------------------------------------------ whatever may come

_CELL = st.one_of(
    st.text(st.characters(blacklist_categories=["Cs"]), max_size=30),
    st.sampled_from(["yes", "x", "STOP", "ann@example.com", "215-555-0101", "46331.01944", "2026-11-04", "2139", "MA"]),
)


@given(st.lists(st.one_of(st.none(), _CELL), min_size=13, max_size=13))
def test_no_cells_break_the_reading_and_none_gets_a_message_unasked(changes: list[str | None]) -> None:
    table = read_table(ODD.read_bytes())
    assert isinstance(table, Table)
    cells = [was if now is None else now for was, now in zip(table.rows[0].cells, changes, strict=True)]
    fate = normalise(Row(2, 2, tuple(cells)), reader(table), NOW)
    if isinstance(fate, Reject):
        assert fate.problems
        return
    assert fate.email or (fate.phone and fate.submitted_at <= NOW + timedelta(minutes=10))
    for consent in fate.consents:
        assert consent.channel not in fate.revocations
        assert says_yes(cells[8 if consent.channel is Channel.EMAIL else 9], frozenset(YES))
        assert fate.email if consent.channel is Channel.EMAIL else fate.phone and fate.phone.can_text


@given(st.lists(_CELL, max_size=15))
def test_no_row_breaks_the_reading(cells: list[str]) -> None:
    table = read_table(ODD.read_bytes())
    assert isinstance(table, Table)
    normalise(Row(2, 2, tuple(cells)), reader(table), NOW)


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_no_file_breaks_an_import(before: bytes, after: bytes) -> None:
    data = ODD.read_bytes()
    for bytes_of_a_file in (before, before + data[:400] + after):
        table = read_table(bytes_of_a_file)
        if isinstance(table, Table):
            for row in table.rows:
                normalise(row, reader(table), NOW)


# ------------------------------------------------------------------------------------ what we ship with


@pytest.fixture(scope="module")
def shipped() -> Mapping:
    mapping = Mapping.read((ROOT / "mappings" / "web_form.toml").read_text(encoding="utf-8"))
    assert isinstance(mapping, Mapping), mapping
    return mapping


def test_the_shipped_mapping_is_as_we_would_write_it(shipped: Mapping) -> None:
    assert shipped.write() == (ROOT / "mappings" / "web_form.toml").read_text(encoding="utf-8")


@pytest.mark.contract
def test_every_row_of_the_shared_export_has_a_fate(shared: Path, shipped: Mapping) -> None:
    table = read_table((shared / "data" / "enquiries.csv").read_bytes())
    assert isinstance(table, Table)
    assert shipped.fits(table.header)
    assert shipped.unused(table.header) == ()
    real = Reader(table.header, shipped, FORMS, CLINIC, _state_by_rules, _states_by_rules)
    fates = [normalise(row, real, NOW) for row in table.rows]
    assert len(fates) == 326
    rejects = [fate for fate in fates if isinstance(fate, Reject)]
    people = [fate for fate in fates if isinstance(fate, Enquiry)]
    assert [(no.number, no.blank) for no in rejects] == [
        (19, True),
        (57, False),
        (93, False),
        (122, False),
        (172, False),
    ]
    assert len({one.id for one in people}) == 306
    assert Counter(c.channel for one in people for c in one.consents) == {
        Channel.EMAIL: 222,
        Channel.SMS: 121,
    }
    assert Counter(len(one.revocations) for one in people) == {0: 288, 1: 15, 2: 18}
    repaired = [one.zip for row, one in zip(table.rows, fates, strict=True)
                if isinstance(one, Enquiry) and one.zip and len(row.cells[4]) == 4]  # fmt: skip
    assert repaired == ["02139", "01940", "01940"]
    back = read_table(rejects_csv(table.as_written, rejects).encode())
    assert isinstance(back, Table)
    assert back.header == table.header
    assert all(isinstance(normalise(row, real, NOW), Reject) for row in back.rows)


def _state_by_rules(code: str) -> Set[str]:
    place = zip_place(code, RULES)
    return frozenset(place.states) if place else frozenset()


def _states_by_rules(e164: str) -> Set[str]:
    return frozenset(state for place in phone_places(e164, RULES) for state in place.states)
