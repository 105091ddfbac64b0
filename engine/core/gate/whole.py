"""What a message as a whole must have: a brand, a way out, the hedges that its words call for."""

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from engine.core.consent import Purpose
from engine.core.gate.judging import THERAPY, Judge
from engine.core.gate.scene import Concern
from engine.core.segments import segments

#: The brand stands within so many characters (CTIA-1); no text is longer than this (TPL-SEG-1).
BRAND_WITHIN = 40
LONGEST = 320
#: The hedge that every booking path needs (F-20).
CANDIDACY = "H4"

# Which wordings each kind of text needs, by what it is within its programme (OPT-1, OPT-2, OPT-3).
_NEEDED = {
    "opt_in": ("OPT-1", ("frequency", "rates", "help", "STOP")),
    "help": ("OPT-2", ("rates", "STOP")),
    "stop": ("OPT-3", ("unsubscribed", "no_more", "rejoin")),
}
_MISSING = {
    "frequency": "how often texts come",
    "rates": "“Msg & data rates may apply”",
    "help": "what HELP does",
    "STOP": "how to stop",
    "unsubscribed": "that the person is unsubscribed",
    "no_more": "that no more texts come",
    "rejoin": "how to come back",
}


def of_sms(judge: Judge, text: str, has: int) -> tuple[Concern, ...]:
    """What a whole text message lacks, or has too much of."""
    found = list(_lacking_in_sms(judge, has))
    if not shows_brand(judge, text):
        found += _some(judge.concern("CTIA-1", part="sms"))
    # What is one unit a character cannot be more than twice as many units as characters.
    if len(text) * 2 > LONGEST and (units := segments(text).units) > LONGEST:
        said = f"The text has {units} characters where {LONGEST} are the most that may be sent."
        found += _some(judge.concern("TPL-SEG-1", said=said, part="sms"))
    if judge.scene.role == "help" and judge.scene.phone not in text:
        found += _some(judge.concern("OPT-2", said="The answer to HELP does not give the phone number.", part="sms"))
    return tuple(found)


def shows_brand(judge: Judge, text: str) -> bool:
    """Whether a text says early enough who is writing (CTIA-1)."""
    return judge.scene.brand in text[:BRAND_WITHIN]


@lru_cache(maxsize=4096)
def _lacking_in_sms(judge: Judge, has: int) -> tuple[Concern, ...]:
    found: list[Concern] = []
    if judge.scene.role in _NEEDED:
        rule, needed = _NEEDED[judge.scene.role]
        for wording in needed:
            if not has & judge.bit(wording):
                said = f"{judge.rules.rules[rule].problem[:-1]}: {_MISSING[wording]} is missing."
                found += _some(judge.concern(rule, said=said, part="sms"))
    elif judge.scene.purpose is Purpose.MARKETING and not has & judge.bit("STOP"):
        found += _some(judge.concern("CTIA-2", part="sms"))
    return tuple(found)


@lru_cache(maxsize=4096)
def of_email(judge: Judge, has: int, books: bool) -> tuple[Concern, ...]:
    """The hedges that an email lacks (HEDGE-*). `books`: it leads to a booking."""
    needed = set(judge.language.hedges) if has & judge.bit(THERAPY) else set()
    if books and judge.scene.purpose is Purpose.MARKETING:
        needed.add(CANDIDACY)
    found: list[Concern] = []
    for hedge, pattern in judge.language.hedges.items():
        if hedge in needed and not has & judge.bit(hedge):
            told = judge.concern(f"HEDGE-{hedge}")
            found += [replace(told, instead=pattern.instead)] if told else []
    return tuple(found)


def headers(judge: Judge, subject: str, preheader: str) -> tuple[Concern, ...]:
    """A line end in what becomes a header, or stands beside one (RFC-2)."""
    found: list[Concern] = []
    if "\n" in subject or "\r" in subject:
        found += _some(judge.concern("RFC-2", part="subject"))
    if "\n" in preheader or "\r" in preheader:
        found += _some(judge.concern("RFC-2", part="preheader"))
    return tuple(found)


def _some(concern: Concern | None) -> Iterable[Concern]:
    return () if concern is None else (concern,)
