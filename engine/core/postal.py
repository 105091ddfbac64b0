"""ZIP codes and states as people and spreadsheets write them."""

import re
import unicodedata
from collections.abc import Callable, Set
from dataclasses import dataclass

from engine.core.contact import Refusal, tidy

StatesOfZip = Callable[[str], Set[str]]  # five digits -> the states that may have them; empty: none


@dataclass(frozen=True, slots=True)
class Zip:
    """A five-digit ZIP. `repaired`: its leading zero had been lost and was put back on evidence."""

    code: str
    repaired: bool = False


_WRITE_ZIP = "Write the five digits, such as 02139, in a column formatted as text."
_ZIP = re.compile(r"(\d{3,5})(?:[- ]?(\d{4}))?")


def normal_zip(text: str, evidence: Set[str], state_of_zip: StatesOfZip) -> Zip | Refusal:
    """The five digits; what follows them (ZIP+4) is cut off.

    A ZIP that lost its leading zeros is repaired only when it then lies in one of the states of `evidence`:
    the state the person gave, else those of their area code (decision 17).

    >>> massachusetts = lambda code: {"MA"} if code.startswith("02") else {"NY"}
    >>> normal_zip("2139", {"MA"}, massachusetts)
    Zip(code='02139', repaired=True)
    >>> normal_zip("1120", {"NY"}, lambda code: {"MA"}).problem
    'The ZIP has 4 digits; with a 0 in front it does not agree with the state or area code.'
    """
    cell = unicodedata.normalize("NFKC", tidy(text)).lstrip("'").removesuffix(".0")
    if not cell:
        return Refusal("There is no ZIP.", _WRITE_ZIP)
    match = _ZIP.fullmatch(cell) if cell.isascii() else None
    if match is None:
        return Refusal("It is not a US ZIP.", _WRITE_ZIP)
    digits = match.group(1)
    code = digits.zfill(5)
    states = state_of_zip(code)
    if len(digits) == 5:
        return Zip(code) if states else Refusal("No state has such a ZIP.", _WRITE_ZIP)
    if states & evidence:
        return Zip(code, repaired=True)
    zeros = "a 0" if len(digits) == 4 else "zeros"
    why = f"with {zeros} in front it does not agree with the state or area code"
    return Refusal(f"The ZIP has {len(digits)} digits; {why}.", _WRITE_ZIP)


_STATES = (
    "AL Alabama|AK Alaska|AZ Arizona|AR Arkansas|CA California|CO Colorado|CT Connecticut|"
    "DE Delaware|DC District of Columbia|FL Florida|GA Georgia|HI Hawaii|ID Idaho|IL Illinois|"
    "IN Indiana|IA Iowa|KS Kansas|KY Kentucky|LA Louisiana|ME Maine|MD Maryland|MA Massachusetts|"
    "MI Michigan|MN Minnesota|MS Mississippi|MO Missouri|MT Montana|NE Nebraska|NV Nevada|"
    "NH New Hampshire|NJ New Jersey|NM New Mexico|NY New York|NC North Carolina|ND North Dakota|"
    "OH Ohio|OK Oklahoma|OR Oregon|PA Pennsylvania|RI Rhode Island|SC South Carolina|SD South Dakota|"
    "TN Tennessee|TX Texas|UT Utah|VT Vermont|VA Virginia|WA Washington|WV West Virginia|"
    "WI Wisconsin|WY Wyoming|PR Puerto Rico|GU Guam|VI Virgin Islands|AS American Samoa|"
    "MP Northern Mariana Islands"
)
_BY_NAME = {entry[3:].casefold(): entry[:2] for entry in _STATES.split("|")}
STATES = frozenset(_BY_NAME.values())


def normal_state(text: str) -> str | Refusal:
    """The two letters of a US state or territory.

    >>> normal_state(" ma "), normal_state("New York"), normal_state("D.C.")
    ('MA', 'NY', 'DC')
    """
    cell = " ".join(tidy(text).replace(".", "").split())
    if cell.upper() in STATES:
        return cell.upper()
    found = _BY_NAME.get(cell.casefold())
    return found or Refusal("It is not a US state.", "Write its two letters, such as MA.")
