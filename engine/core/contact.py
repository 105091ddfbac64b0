"""Addresses and names of people: normal forms, what cannot be used and why, and masks for logs.

A sentence made here never repeats what a cell held, so it may be logged and shown.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

import phonenumbers
from email_validator import EmailNotValidError, EmailSyntaxError, validate_email


class Channel(StrEnum):
    """How a message reaches somebody."""

    EMAIL = "email"  # to an address with an @
    SMS = "sms"  # to a number in E.164


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that cannot be used: what is wrong with it, and what to write instead."""

    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.problem} {self.remedy}".strip()


@dataclass(frozen=True, slots=True)
class Phone:
    """A number that exists. `note` says why it takes no texts; None means that texts may be tried."""

    e164: str
    country: str | None  # ISO 3166, None for numbers that belong to no country
    extension_dropped: str | None = None  # the digits after "x": E.164 has no room for them
    toll_free: bool = False
    note: str | None = None

    @property
    def can_text(self) -> bool:
        """Whether a text could arrive on somebody's own screen."""
        return self.note is None


@dataclass(frozen=True, slots=True)
class Email:
    """An address that can be written to, and the lower-case form by which the clinic knows it."""

    address: str  # as typed before the @, lower case after it: what a mail server is given
    key: str  # lower case throughout: what identity, suppression and caps go by


_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u2060\u202a-\u202e\u2066-\u2069\ufeff]")


def tidy(text: str) -> str:
    """Without spaces at the ends, and without the unseen marks that spreadsheets leave in cells."""
    return _INVISIBLE.sub("", text).strip()


# ------------------------------------------------------------------------------------------------ phones

_NUMBER = re.compile(r"\+?[\d\s().\-/\u2010-\u2015]+")
_EXTENSION = re.compile(r"(?i)^(.*?\d[\s).]*)(?:[,;]?\s*(?:x|ext(?:ension)?|extn)[\s.:=]*|\s*#\s*)(\d{1,7})$")
_ROUNDED = re.compile(r"(?i)^\d(?:[.,]\d+)?e\+?\d+$")
_LONGEST_PHONE = 60
_WRITE_PHONE = "Write ten digits with the area code, or + and the country code, such as 215-555-0109."

_TEXTABLE = {phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE}
_WHY_NO_TEXTS = {
    phonenumbers.PhoneNumberType.TOLL_FREE: "It is a toll-free number, which usually takes no texts.",
    phonenumbers.PhoneNumberType.FIXED_LINE: "It is a landline, where a text is lost or read aloud.",
}
_OTHER_LINE = "It is a special number (not somebody's mobile phone), and such numbers usually take no texts."
_OFFICE_LINE = "It has an extension: an office line, which takes no texts."


def normal_phone(text: str, region: str = "US") -> Phone | Refusal:
    """The number in E.164, read as a local one of `region` where no country code is written.

    A toll-free number, a landline and a number with an extension are kept for calls, with a note (TCPA-TZ-5).

    >>> normal_phone("(215) 555-0109").e164
    '+12155550109'
    >>> normal_phone("call me").problem
    'It is not a phone number.'
    """
    cell = unicodedata.normalize("NFKC", tidy(text)).lstrip("'").strip()
    if not cell:
        return Refusal("There is no phone number.", _WRITE_PHONE)
    if len(cell) > _LONGEST_PHONE:
        return Refusal("It is not a phone number.", _WRITE_PHONE)
    if _ROUNDED.match(cell):
        return Refusal("A spreadsheet has rounded the phone number.", "Make the column text and export again.")
    with_extension = _EXTENSION.match(cell)
    number, extension = with_extension.groups() if with_extension else (cell.removesuffix(".0"), None)
    if not _NUMBER.fullmatch(number):
        return Refusal("It is not a phone number.", _WRITE_PHONE)
    return _checked_phone(number, extension, region)


def _checked_phone(number: str, extension: str | None, region: str) -> Phone | Refusal:
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return Refusal("It is not a phone number.", _WRITE_PHONE)
    possible = phonenumbers.is_possible_number_with_reason(parsed)
    if possible == phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
        return Refusal("The phone number has no area code.", _WRITE_PHONE)
    if possible == phonenumbers.ValidationResult.TOO_SHORT:
        return Refusal("The phone number has too few digits.", _WRITE_PHONE)
    if possible == phonenumbers.ValidationResult.TOO_LONG:
        return Refusal("The phone number has too many digits.", "Write one number only. " + _WRITE_PHONE)
    if not phonenumbers.is_valid_number(parsed):
        return Refusal("No numbering plan has such a phone number.", _WRITE_PHONE)
    kind = phonenumbers.number_type(parsed)
    note = None if kind in _TEXTABLE else _WHY_NO_TEXTS.get(kind, _OTHER_LINE)
    country = phonenumbers.region_code_for_number(parsed)
    return Phone(
        e164=phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164),
        country=None if country in (None, "001") else country,
        extension_dropped=extension,
        toll_free=kind == phonenumbers.PhoneNumberType.TOLL_FREE,
        note=_OFFICE_LINE if extension is not None else note,
    )


# ------------------------------------------------------------------------------------------------ emails

_WRITE_EMAIL = "Write one address, such as ann@example.com."


def normal_email(text: str) -> Email | Refusal:
    """The address in the form a mail server takes; no look-up on the network is made.

    Letters outside ASCII before the @ need SMTPUTF8, which our providers do not speak: refused (decision 17).

    >>> normal_email(" Ann.Lee@Example.COM ")
    Email(address='Ann.Lee@example.com', key='ann.lee@example.com')
    """
    cell = tidy(text).lstrip("'")
    if not cell:
        return Refusal("There is no email address.", _WRITE_EMAIL)
    if "@" not in cell:
        return Refusal("It is not an email address: there is no @ in it.", _WRITE_EMAIL)
    if cell.count("@") > 1:
        return Refusal("There is more than one @ in it.", _WRITE_EMAIL)
    before, after = cell.split("@")
    if not before or not after:
        return Refusal("A part of the email address is missing.", _WRITE_EMAIL)
    if not before.isascii():
        return Refusal(
            "The part before the @ has letters (such as á or ñ) that our mail service cannot send to.",
            "Ask for the address as their mail program writes it; it is mostly the same without the accent.",
        )
    try:
        valid = validate_email(cell, check_deliverability=False, allow_smtputf8=False, strict=True)
    except (EmailSyntaxError, EmailNotValidError):
        return Refusal("It is not an email address that can be written to.", _WRITE_EMAIL)
    address = valid.ascii_email
    if address is None:
        return Refusal("It is not an email address that can be written to.", _WRITE_EMAIL)
    return Email(address=address, key=address.lower())


def address_key(channel: Channel, normal: str) -> str:
    """What consent, suppression and caps know an address by, whoever shares it.

    >>> address_key(Channel.EMAIL, "Ann@example.com")
    'email:ann@example.com'
    """
    return f"{channel.value}:{normal.lower()}"


def mask_phone(e164: str) -> str:
    """For logs: the country's first digit and the last two.

    >>> mask_phone("+12155550109")
    '+1********09'
    """
    return f"{e164[:2]}{'*' * 8}{e164[-2:]}" if len(e164) >= 7 else "*" * 8


def mask_email(address: str) -> str:
    """For logs: first letters, and the last part of the domain.

    >>> mask_email("ann@example.com")
    'a***@e***.com'
    """
    before, at, domain = address.partition("@")
    if not (before and at and domain):
        return "***"
    return f"{before[0]}***@{domain[0]}***.{domain.rpartition('.')[2]}"


# ------------------------------------------------------------------------------------------------- names

_APOSTROPHES = "'\u2018\u2019\u02bc\u02bb"
_PUNCTUATION = frozenset(_APOSTROPHES + "-\u2010\u2011 .,\u00b7\u200c\u200d")
_LIKE_A_DOMAIN = re.compile(r"\w\.\w{2,}")
_PIECES = re.compile(rf"([-\u2010\u2011\s{_APOSTROPHES}]+)")
_PARTICLES = frozenset(
    ("van", "der", "den", "de", "del", "della", "di", "da", "dos", "la", "le", "von", "zu", "y", "e")
)
_NUMERALS = frozenset({"II", "III", "IV"})
LONGEST_NAME = 60


def normal_name(text: str) -> str | Refusal:
    """The name as a letter would begin with it. CAPITALS become Capitals; anything else keeps its letters.

    What is no name (links, markup, formulas, control characters, digits) is refused: such a person is greeted
    without a name.

    >>> [normal_name(n) for n in ("JANENE", " van der  Berg", "O'HARA", "D'Angelo ", "JP", "李")]
    ['Janene', 'van der Berg', "O'Hara", "D'Angelo", 'JP', '李']
    """
    name = unicodedata.normalize("NFC", " ".join(re.split(r"[ \t\u00a0\u3000]+", tidy(text)))).strip()
    if not name:
        return Refusal("There is no name.", "Write the name.")
    strange = [c for c in name if not (c in _PUNCTUATION or unicodedata.category(c)[0] in "LM")]
    if strange or _LIKE_A_DOMAIN.search(name) or not any(c.isalpha() for c in name):
        return Refusal("It is not a name.", "Write letters only.")
    if len(name) > LONGEST_NAME:
        return Refusal("It is too long for a name.", f"Write at most {LONGEST_NAME} letters.")
    return _without_capitals(name)


def _without_capitals(name: str) -> str:
    """Each run of capitals in the name written as a name is."""
    pieces = _PIECES.split(name)
    result = []
    for i, piece in enumerate(pieces):
        before, gap = (pieces[i - 2], pieces[i - 1]) if i >= 2 else ("", "")
        inside = bool(gap) and all(c in _APOSTROPHES for c in gap)
        result.append(_one_word(piece, first=i == 0, after_apostrophe=inside, before=before))
    return "".join(result)


def _one_word(word: str, *, first: bool, after_apostrophe: bool, before: str) -> str:
    if not word.isupper() or word in _NUMERALS:
        return word
    if after_apostrophe:
        # O'HARA and D'ANGELO, but not ANN'S or KA'ANA.
        return word.capitalize() if len(before) == 1 else word.lower()
    if not first and word.lower() in _PARTICLES:
        return word.lower()
    if len(word) == 1 or "." in word or (len(word) == 2 and _is_initials(word)):
        return word
    if word.startswith("MC") and len(word) > 4:
        return "Mc" + word[2:].capitalize()
    return word.capitalize()


def _is_initials(word: str) -> bool:
    """JP and AJ are initials, ED and LI are names."""
    return word.endswith("J") or not set(word) & set("AEIOUY")
