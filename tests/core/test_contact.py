"""Phones, emails, names, ZIPs and states as people and spreadsheets write them."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.contact import (
    Channel,
    Email,
    Phone,
    Refusal,
    address_key,
    mask_email,
    mask_phone,
    normal_email,
    normal_name,
    normal_phone,
)
from engine.core.postal import STATES, Zip, normal_state, normal_zip

ANN_PHONE = "+12155550101"


@pytest.mark.parametrize(
    "written",
    [
        "215-555-0101",
        "(215) 555-0101",
        "215.555.0101",
        "215 555-0101 ",
        "2155550101",
        "2155550101.0",
        "1-215-555-0101",
        "+1 215 555 0101",
        "'+12155550101",
        "\u202a+1 215‑555‑0101\u202c",
        "\ufeff２１５ ５５５ ０１０１",
        "215\u00a0555\u00a00101",
    ],
)
def test_a_number_however_written_is_one_number(written: str) -> None:
    assert normal_phone(written) == Phone(ANN_PHONE, "US")


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("", "There is no phone number."),
        ("call me", "It is not a phone number."),
        ("215-555-0101 or 0102", "It is not a phone number."),
        ("<script>2155550101</script>", "It is not a phone number."),
        ("=2155550101", "It is not a phone number."),
        ("1" * 200, "It is not a phone number."),
        ("555-0100", "The phone number has no area code."),
        ("12345", "The phone number has too few digits."),
        ("2155550101 2155550102", "It is not a phone number."),
        ("215-555-0101/0102", "The phone number has too many digits."),
        ("555-123-4567", "No numbering plan has such a phone number."),  # as in the synthetic patients
        ("2.15556E+09", "A spreadsheet has rounded the phone number."),
    ],
)
def test_what_is_no_number_is_refused_with_a_remedy(written: str, problem: str) -> None:
    refused = normal_phone(written)
    assert isinstance(refused, Refusal)
    assert refused.problem == problem
    assert refused.remedy


@pytest.mark.parametrize(
    "written", ["215-555-0101 x12", "2155550101 ext. 12", "+1 215 555 0101 #12", "215 555 0101,x12"]
)
def test_an_office_line_is_kept_without_its_extension_and_takes_no_texts(written: str) -> None:
    phone = normal_phone(written)
    assert isinstance(phone, Phone)
    assert (phone.e164, phone.extension_dropped, phone.can_text) == (ANN_PHONE, "12", False)
    assert phone.note is not None
    assert "extension" in phone.note


@pytest.mark.parametrize(
    ("written", "e164", "country", "toll_free", "note"),
    [
        ("+1 800 555 0199", "+18005550199", "US", True, "toll-free"),
        ("+44 20 7946 0958", "+442079460958", "GB", False, "landline"),
        ("+1 900 555 0100", "+19005550100", "US", False, "special number"),
    ],
    ids=["toll-free (TZ-5)", "a London landline", "premium rate"],
)
def test_numbers_that_take_no_texts_are_kept_with_the_reason(
    written: str, e164: str, country: str, toll_free: bool, note: str
) -> None:
    phone = normal_phone(written)
    assert isinstance(phone, Phone)
    assert (phone.e164, phone.country, phone.toll_free, phone.can_text) == (e164, country, toll_free, False)
    assert note in (phone.note or "")


def test_a_foreign_mobile_is_kept_with_its_country() -> None:
    # one of the mobile numbers that Australia keeps for fiction
    assert normal_phone("+61 491 570 006") == Phone("+61491570006", "AU")


@pytest.mark.parametrize(
    "written", ["ann@example.com", " ann@example.com ", "\u200bann@EXAMPLE.com\u00a0", "'ann@example.com"]
)
def test_an_address_however_written_is_one_address(written: str) -> None:
    assert normal_email(written) == Email("ann@example.com", "ann@example.com")


def test_capitals_before_the_at_are_kept_for_the_mail_server_but_not_for_the_key() -> None:
    assert normal_email("LOUIS.M@EXAMPLE.NET") == Email("LOUIS.M@example.net", "louis.m@example.net")


def test_a_domain_with_an_accent_is_written_in_ascii() -> None:
    assert normal_email("ann@exámple.com") == Email("ann@xn--exmple-qta.com", "ann@xn--exmple-qta.com")


@pytest.mark.parametrize("domain", ["example.com", "example.net", "example.org"])
def test_the_domains_of_test_people_are_taken(domain: str) -> None:
    assert isinstance(normal_email(f"bob@{domain}"), Email)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("", "There is no email address."),
        ("none", "there is no @"),
        ("no-at-sign.example.com", "there is no @"),
        ("julio@@example.com", "more than one @"),
        ("ann@example.com, bob@example.com", "more than one @"),
        ("john@", "A part of the email address is missing."),
        ("adán@example.org", "cannot send to"),  # SMTPUTF8, decision 17
        ("ann lee@example.com", "not an email address that can be written to"),
        ("Ann <ann@example.com>", "not an email address that can be written to"),
        ("ann@localhost", "not an email address that can be written to"),
        ("ann@[203.0.113.7]", "not an email address that can be written to"),
        ("ann@example.com\r\nBcc: x", "not an email address that can be written to"),
        ("a" * 65 + "@example.com", "not an email address that can be written to"),
    ],
)
def test_what_is_no_address_is_refused_with_a_remedy(written: str, says: str) -> None:
    refused = normal_email(written)
    assert isinstance(refused, Refusal)
    assert says in refused.problem
    assert refused.remedy


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Ann", "Ann"),
        ("  Ann   Marie ", "Ann Marie"),
        ("JANENE", "Janene"),
        ("ANNE-MARIE", "Anne-Marie"),
        ("O'HARA", "O'Hara"),
        ("O’BRIEN", "O’Brien"),
        ("D'Angelo ", "D'Angelo"),
        ("KA'ANA", "Ka'ana"),
        ("MCDERMOTT", "McDermott"),
        ("DuBuque", "DuBuque"),
        ("van der Berg", "van der Berg"),
        ("VAN DER BERG", "Van der Berg"),
        ("MARÍA DEL CARMEN", "María del Carmen"),
        ("ORDÓÑEZ", "Ordóñez"),
        ("ED", "Ed"),
        ("LI", "Li"),
        ("JP", "JP"),
        ("AJ", "AJ"),
        ("J.P.", "J.P."),
        ("HENRY III", "Henry III"),
        ("bell", "bell"),
        ("李", "李"),
        ("Nguyễn Thị", "Nguyễn Thị"),
        ("Ǝ\u200b", "Ǝ"),
    ],
)
def test_a_name_is_written_as_a_letter_begins(written: str, name: str) -> None:
    assert normal_name(written) == name


@pytest.mark.parametrize(
    "written",
    [
        "",
        " \t",
        "-",
        "evil.example",
        "http://evil.example",
        "[click](http://evil.example)",
        "<b>Ann</b>",
        "=1+1",
        "@SUM(A1)",
        "{{ 7*7 }}",
        "Ann & Bob",
        "Ann\nBob",
        "Ann\x00",
        "Ann\x1b[31m",
        "😊",
        "215-555-0101",
        "A" * 61,
    ],
)
def test_what_is_no_name_is_left_out(written: str) -> None:
    assert isinstance(normal_name(written), Refusal)


def test_bidirectional_overrides_do_not_survive_in_a_name() -> None:
    assert normal_name("Ann\u202e") == "Ann"


@given(st.text())
def test_no_text_breaks_the_normal_forms_or_changes_them_twice(text: str) -> None:
    name, email, phone = normal_name(text), normal_email(text), normal_phone(text)
    if isinstance(name, str):
        assert normal_name(name) == name
    if isinstance(email, Email):
        assert normal_email(email.address) == email
    if isinstance(phone, Phone):
        again = normal_phone(phone.e164)
        assert isinstance(again, Phone)
        assert again.e164 == phone.e164


@given(st.text(min_size=4), st.sampled_from([normal_name, normal_email, normal_phone]))
def test_a_refusal_never_repeats_what_the_cell_held(text: str, normal) -> None:
    refused = normal(f"ZZ9{text}")
    if isinstance(refused, Refusal):
        assert "ZZ9" not in str(refused)


def test_masks_show_too_little_to_write_to() -> None:
    assert mask_phone(ANN_PHONE) == "+1********01"
    assert mask_email("ann@example.com") == "a***@e***.com"
    assert (mask_phone("1"), mask_email("nothing")) == ("********", "***")


def test_everybody_who_shares_an_address_shares_its_key() -> None:
    assert address_key(Channel.EMAIL, "Ann@Example.com") == address_key(Channel.EMAIL, "ann@example.com")
    assert address_key(Channel.SMS, ANN_PHONE) == f"sms:{ANN_PHONE}"


# ---------------------------------------------------------------------------------------- ZIPs and states


def states(code: str) -> frozenset[str]:
    """A little post office: two states meet in 021."""
    known = {"021": {"MA", "NH"}, "065": {"CT"}, "011": {"MA"}, "006": {"PR"}, "191": {"PA"}}
    return frozenset(known.get(code[:3], set()))


@pytest.mark.parametrize(
    "written", ["02139", "02139-4307", "021394307", "02139 4307", " 02139 ", "'02139", "０２１３９"]
)
def test_five_digits_are_kept_and_the_rest_cut(written: str) -> None:
    assert normal_zip(written, frozenset(), states) == Zip("02139")


@pytest.mark.parametrize(
    ("written", "evidence", "code"),
    [
        ("2139", {"MA"}, "02139"),
        ("2139.0", {"MA"}, "02139"),
        ("2139-4307", {"NH"}, "02139"),
        ("601", {"PR"}, "00601"),
    ],
)
def test_a_lost_zero_comes_back_when_the_state_agrees(written: str, evidence: set[str], code: str) -> None:
    assert normal_zip(written, evidence, states) == Zip(code, repaired=True)


@pytest.mark.parametrize(
    ("written", "evidence"),
    [("1120", {"NY"}), ("0651", {"CT"}), ("2139", set()), ("9999", {"MA"})],
    ids=["would be in another state", "lost its last digit instead", "no evidence", "no such ZIP"],
)
def test_a_lost_zero_is_not_guessed(written: str, evidence: set[str]) -> None:
    refused = normal_zip(written, evidence, states)
    assert isinstance(refused, Refusal)
    assert refused.problem.startswith("The ZIP has 4 digits; with a 0 in front it does not agree")


@pytest.mark.parametrize("written", ["", "SW1A 1AA", "K1A 0B1", "99999", "12", "123456", "٠٢١٣٩", "zip"])
def test_what_is_no_zip_of_ours_is_refused(written: str) -> None:
    assert isinstance(normal_zip(written, {"MA"}, states), Refusal)


@pytest.mark.parametrize(
    ("written", "state"),
    [
        ("MA", "MA"),
        (" ma ", "MA"),
        ("Massachusetts", "MA"),
        ("new  york", "NY"),
        ("D.C.", "DC"),
        ("PR", "PR"),
    ],
)
def test_states(written: str, state: str) -> None:
    assert normal_state(written) == state


@pytest.mark.parametrize("written", ["", "XX", "Texass", "Ontario"])
def test_what_is_no_state_is_refused(written: str) -> None:
    assert isinstance(normal_state(written), Refusal)


def test_there_are_fifty_states_the_capital_and_five_territories() -> None:
    assert len(STATES) == 56
    assert all(len(code) == 2 and set(code) <= set(string.ascii_uppercase) for code in STATES)
