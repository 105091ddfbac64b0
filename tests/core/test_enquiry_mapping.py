"""Which column says what: proposed, written, read back, refused with everything that is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.consent import Purpose
from engine.core.contact import Channel
from engine.core.enquiry_mapping import PARTS, ConsentColumn, Mapping, fingerprint, guess_mapping

HEADER = (
    "First name", "Last name", "E-mail", "Mobile phone", "ZIP", "State", "Preferred language",
    "Where does it hurt?", "Email me the guide", "Text me (up to 4 msgs/mo)", "Submitted at", "IP",
    "Anything else?",
)  # fmt: skip


def read(text: str) -> Mapping:
    mapping = Mapping.read(text)
    assert isinstance(mapping, Mapping), mapping
    return mapping


def test_a_proposal_reads_every_column_of_our_form_and_names_no_consent_form() -> None:
    mapping = guess_mapping(HEADER)
    assert mapping.columns == {
        "first_name": ("First name",),
        "last_name": ("Last name",),
        "email": ("E-mail",),
        "phone": ("Mobile phone",),
        "zip": ("ZIP",),
        "state": ("State",),
        "language": ("Preferred language",),
        "condition": ("Where does it hurt?",),
        "comment": ("Anything else?",),
        "ip": ("IP",),
        "submitted_at": ("Submitted at",),
    }
    assert mapping.consents == (
        ConsentColumn("Email me the guide", Channel.EMAIL, Purpose.MARKETING, None),
        ConsentColumn("Text me (up to 4 msgs/mo)", Channel.SMS, Purpose.MARKETING, None),
    )
    assert mapping.unused(HEADER) == ()


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("first_name", "first_name"),
        ("Surname", "last_name"),
        ("Email address", "email"),
        ("Cell", "phone"),
        ("Telephone", "phone"),
        ("Postal code", "zip"),
        ("Timestamp", "submitted_at"),
        ("Date created", "submitted_at"),
        ("IP address", "ip"),
        ("What is your main concern?", "condition"),
        ("Your message", "comment"),
        ("Idioma", "language"),
    ],
)
def test_other_forms_words_are_known_too(name: str, part: str) -> None:
    assert guess_mapping([name]).columns == {part: (name,)}


@pytest.mark.parametrize(
    ("name", "channel"),
    [
        ("Send me emails", Channel.EMAIL),
        ("Subscribe to our newsletter", Channel.EMAIL),
        ("SMS updates", Channel.SMS),
    ],
)
def test_boxes_are_told_from_addresses(name: str, channel: Channel) -> None:
    mapping = guess_mapping([name])
    assert (mapping.columns, [c.channel for c in mapping.consents]) == ({}, [channel])


def test_what_is_not_understood_is_left_for_staff_to_say() -> None:
    assert guess_mapping(["Shoe size", "E-mail"]).unused(["Shoe size", "E-mail"]) == ("Shoe size",)


def test_it_fits_its_own_header_whatever_the_capitals_and_no_other() -> None:
    mapping = guess_mapping(HEADER)
    assert mapping.fits([f" {name.upper()}" for name in HEADER])
    assert not mapping.fits((*HEADER, "May we call you?"))
    assert not mapping.fits(HEADER[::-1])


def test_without_a_mark_it_fits_whatever_has_its_columns() -> None:
    mapping = Mapping("form", {"email": ("E-mail",), "submitted_at": ("Sent",)})
    assert mapping.fits(("Sent", "E-mail", "Other"))
    assert mapping.missing(("E-mail",)) == ("Sent",)
    assert not mapping.fits(("E-mail",))


def test_cells_are_found_by_name_and_missing_ones_are_empty() -> None:
    mapping = Mapping("form", {"email": ("e-mail",), "submitted_at": ("Sent",)})
    assert mapping.cells(("Sent", "E-mail "), ("today",)) == {"e-mail": "", "Sent": "today"}


_NAME = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=8).filter(str.strip)


@given(
    st.lists(_NAME, min_size=5, max_size=8, unique=True),
    st.sets(st.sampled_from(["yes", "x", "✓", "si", "y"]), min_size=1),
    st.sampled_from([None, "web_form_2026", 'a "quoted" name']),
    st.booleans(),
)
def test_what_is_written_is_read_back(names: list[str], yes: set[str], form: str | None, marked: bool) -> None:
    columns = {"email": (names[0],), "submitted_at": (names[1],), "condition": tuple(names[2:4])}
    consents = tuple(ConsentColumn(n, Channel.SMS, Purpose.CARE, form) for n in names[4:])
    mapping = Mapping("form_2", columns, consents, frozenset(yes), fingerprint(names) if marked else None)
    assert read(mapping.write()) == mapping


def test_the_file_explains_itself() -> None:
    text = guess_mapping(HEADER).write()
    assert "health information" in text
    assert "do not change it" in text
    assert all(f"\n{part} = " in text for part in PARTS)


def test_yes_words_and_purpose_have_defaults() -> None:
    mapping = read(
        'source = "a"\n[columns]\nphone = "P"\nsubmitted_at = "S"\n[[consent]]\ncolumn = "T"\nchannel = "sms"\n'
    )
    assert mapping.yes == {"yes", "true", "1"}
    assert mapping.consents == (ConsentColumn("T", Channel.SMS, Purpose.MARKETING, None),)


BROKEN = """\
sorce = "web form"
yes = ["no"]
[columns]
emial = "E"
phone = 3
[[consent]]
chanel = "sms"
channel = "fax"
purpose = "service"
form = ""
"""


def test_everything_that_is_wrong_is_said_at_once_with_its_place() -> None:
    findings = Mapping.read(BROKEN, "mappings/web.toml")
    assert isinstance(findings, tuple)
    assert {(f.line, f.key) for f in findings} == {
        (0, "source"),
        (1, "sorce"),
        (2, "yes"),
        (3, "columns"),
        (4, "columns.emial"),
        (5, "columns.phone"),
        (0, "consent.column"),
        (7, "consent.chanel"),
        (8, "consent.channel"),
        (9, "consent.purpose"),
        (10, "consent.form"),
    }
    assert all(f.file == "mappings/web.toml" and f.problem and f.remedy for f in findings)
    assert "`email`" in next(f.remedy for f in findings if f.key == "columns.emial")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "source = ",
        'source = "Web Form"\n[columns]\nemail = "E"\nsubmitted_at = "S"\n',
        'source = "a"\ncolumns = 3\n',
        'source = "a"\nconsent = "x"\n[columns]\nemail = "E"\nsubmitted_at = "S"\n',
        'source = "a"\nyes = []\n[columns]\nemail = "E"\nsubmitted_at = "S"\n',
        'source = "a"\nyes = ["yes", 1]\n[columns]\nemail = "E"\nsubmitted_at = "S"\n',
        'source = "a"\nheader = 3\n[columns]\nemail = "E"\nsubmitted_at = "S"\n',
        'source = "a"\n[columns]\nemail = "E"\n',
        'source = "a"\n[columns]\nsubmitted_at = "S"\n',
        'source = "a"\n[columns]\nemail = "E"\nphone = "E"\nsubmitted_at = "S"\n',
        'source = "a"\n[columns]\nemail = ["E", "F"]\nsubmitted_at = "S"\n',
    ],
)
def test_a_mapping_that_cannot_be_used_is_refused(text: str) -> None:
    assert isinstance(Mapping.read(text), tuple)


@given(st.text(max_size=200))
def test_no_text_breaks_the_reading(text: str) -> None:
    assert isinstance(Mapping.read(text), Mapping | tuple)
