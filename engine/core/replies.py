"""What an inbound text or a form comment means: STOP, START, HELP, or a clear wish not to be written to.

Two readings, both of words only. `meaning` knows the exact words that carriers and the FCC name (TCPA-R-1).
`read_comment` knows plain sentences that can hardly mean anything else. A full reading of free text, with its
"a person must look at this" (TCPA-R-2), is not built yet: what neither of the two understands is OTHER, and
the caller hands it to staff.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from engine.core.contact import Channel


class Kind(StrEnum):
    """What an inbound text asks for."""

    STOP = "stop"  # no more texts to this number, for any purpose (decision 11)
    START = "start"  # appointment and care texts again, marketing not (decision 12)
    HELP = "help"  # who are you?
    OTHER = "other"  # anything else: a person reads it


@dataclass(frozen=True, slots=True)
class Meaning:
    """What was understood. `word` is the normal form of a known word, never the person's own text."""

    kind: Kind
    word: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Revocation:
    """A wish not to be written to, on these channels; `pattern` names the row of the table that heard it."""

    channels: frozenset[Channel]
    pattern: str


BOTH = frozenset(Channel)
SMS = frozenset({Channel.SMS})
EMAIL = frozenset({Channel.EMAIL})

# FCC: stop to unsubscribe. Twilio: stopall, optout. Carriers and French Canada: remove, arret, td.
_STOP = "stop|quit|end|revoke|opt out|cancel|unsubscribe|stopall|optout|remove|arret|td"
# Whole messages that say the same with one slip, one courtesy or in Spanish (TCPA-R-2, the data's own list).
_STOP_TOO = (
    "stop all|stop it|stop now|stop please|please stop|stop messaging|stop texting|stop texting me|"
    "sotp|stahp|stopp|stpo|unsub|unsubscribe me|alto|baja|parar"
)
STOP_WORDS = frozenset(f"{_STOP}|{_STOP_TOO}".split("|"))
START_WORDS = frozenset({"start", "unstop"})
HELP_WORDS = frozenset({"help", "info"})
_STOP_SIGNS = frozenset("🛑⛔✋🚫")

_YES_NOTE = "YES alone lifts no STOP here. START does, for appointment and care texts."


def meaning(text: str) -> Meaning:
    """What an inbound SMS means by its exact words (TCPA-R-1, decisions 11 and 12).

    >>> [meaning(t).kind.value for t in ("“STOP.”", "ＳＴＯＰ", "Opt-Out!", "🛑", "unstop", "Help?", "Yes")]
    ['stop', 'stop', 'stop', 'stop', 'start', 'help', 'other']
    """
    signs = "".join(c for c in text if not c.isspace() and c != "\ufe0f")
    if signs and set(signs) <= _STOP_SIGNS:
        return Meaning(Kind.STOP, "stop")
    for words in _readings(text):
        if words in STOP_WORDS:
            return Meaning(Kind.STOP, words)
        if words in START_WORDS:
            return Meaning(Kind.START, words)
        if words in HELP_WORDS:
            return Meaning(Kind.HELP, words)
        if words == "yes":
            return Meaning(Kind.OTHER, words, _YES_NOTE)
    return Meaning(Kind.OTHER)


def _readings(text: str) -> Iterator[str]:
    """The text as bare words: with punctuation read as a space ("opt-out") and as nothing ("s.t.o.p")."""
    bare = _plain(text)
    for between in (" ", ""):
        words = "".join(c if c.isalnum() or c.isspace() else between for c in bare).split()
        # "STOP STOP STOP" is one STOP, said with feeling.
        yield words[0] if words and len(set(words)) == 1 else " ".join(words)


def _plain(text: str) -> str:
    """One width, one case, no accents, no marks nobody sees."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    seen = "".join(c for c in folded if unicodedata.category(c) not in ("Mn", "Cf", "Me"))
    return re.sub("[\u2018\u2019\u02bc`\u00b4]", "'", seen)


# ----------------------------------------------------------------------------------------------- comments

_NOT = r"(?:do\s*n[o']?t|don't|dont|no\s+longer)"
_SMS_VERB, _EMAIL_VERB = r"(?:text|sms|txt|call|phone|ring)", r"(?:e-?mail)"
_VERB = rf"(?:{_SMS_VERB}|{_EMAIL_VERB}|message|msg|contact|write(?:\s+to)?)\b(?:\s+me\b)?"
_VERBS = rf"{_VERB}(?:(?:\s*,\s*{_VERB})*\s*,?\s*(?:or|and|nor|/|&)\s*{_VERB})?"
_ING = r"(?:text|messag|contact|email|e-mail|call|spamm|harass|writ)ing"
_INGS = rf"{_ING}(?:\s*(?:,|or|and|/|&)\s*{_ING})*"
_NOUN = r"(?:(?:text\s+|sms\s+)?(?:messages?|msgs?)|texts?|sms|e-?mails?|calls?|spam|mail(?:ing)?s?|newsletters?)"
_NOUNS = rf"{_NOUN}(?:\s*(?:,|or|and|nor|/|&)\s*{_NOUN})*\b"
_BEGIN = r"(?:^|[.;:,!?\n-]\s*|\b(?:please|pls|plz|but|and|just|kindly|so)\s+)"
# What follows makes it a matter of hours, places or conditions, or a report.
_LIMITED = (
    r"(?!\s*,?\s*(?:me\s+)?(?:back\s+)?(?:before|after|until|till|during|between|too\s+late|early|while|if|unless|"
    r"when|yet|so\s+far|came|come|arrived?|today|tomorrow|at\s+(?:work|night|home|my\s+work)|this\s+(?:week|month)|"
    r"on\s+(?:week|mon|tue|wed|thu|fri|sat|sun|my\s+work)|in\s+the\s+(?:morning|evening|after)))"
)
_FILLING = r"(?:(?:any|more|these|this|those|the|your|all|me|to\s+(?:get|receive|see|have))\s+)*"
_WANT = rf"\b{_NOT}\s+(?:want|wish|need)\s+"
_THEIRS = r"my\s+(?:phone\s+|e-?mail\s+)?(?:name|number|phone|e-?mail|address|info\w*|data|details)"
_ES_NOUNS = r"(?:mas\s+)?(?:mensajes|textos|correos|llamadas)"

# What the match names decides the channels; naming none of them means both. The wording is that of the rule
# data (TCPA-R-2), narrowed where a patient's own sentence would match: "my pain will not stop bothering me",
# "I don't want any surgery", "I want it to go away", "not interested in injections".
_WISHES: dict[str, str] = {
    "do-not-verb": rf"\b{_NOT}\s+(?:ever\s+)?{_VERBS}{_LIMITED}",
    "never-verb": rf"{_BEGIN}never\s+{_VERBS}{_LIMITED}",
    "do-not-send": rf"\b(?:{_NOT}|never)\s+send\s+{_FILLING}(?:{_NOUNS}|(?:any)?thing\b)",
    "stop-verb": rf"\b(?:stop|quit|cease)\s+(?:all\s+)?{_INGS}\b",
    "stop-sending": rf"\b(?:stop|quit)\s+sending\b\s*{_FILLING}(?:{_NOUNS})?",
    "stop-messages": rf"\b(?:stop|quit)\s+(?:with\s+)?(?:all|the|these|those|this|your)\s+{_FILLING}{_NOUNS}",
    "stop-bothering": rf"{_BEGIN}(?:stop|quit)\s+bothering\s+me\b",
    "stop-at-once": r"^(?:please\s+)?stop\b(?=\s*(?:[.,;!\n]|$))",
    "not-wanted": rf"{_WANT}{_FILLING}{_NOUNS}",
    "not-wanted-these": rf"{_WANT}(?:to\s+(?:get|receive)\s+)?(?:these|this)\s*(?:[.,;!\n]|$)",
    "not-hear": rf"{_WANT}to\s+(?:hear\s+from\s+you|be\s+(?:contacted|messaged|texted|emailed|called))\b",
    "no-more": rf"\bno\s+more\s+{_NOUNS}",
    "no-messages": rf"{_BEGIN}no\s+{_NOUNS}{_LIMITED}",
    "remove-me": rf"\b(?:remove|delete|erase)\s+(?:me|{_THEIRS})\b",
    "take-me-off": rf"\btake\s+(?:me|{_THEIRS})\s+off\s*(?:$|[.,;!\n]|of\b|your\b|the\b|this\b)",
    "unsubscribe": r"\b(?:unsubscribe|unsub|opt(?:ing)?[\s-]*(?:me\s+)?out)\b"
    r"(?!\s+(?:later|at\s+any|any\s*time|of\s+(?:the\s+)?surg))",
    "leave-alone": r"\bleave\s+me\s+alone\b",
    "lose-number": rf"{_BEGIN}lose\s+(?:my|this)\s+number\b",
    "wrong-number": r"\bwrong\s+number\b",
    "wrong-person": r"\bwrong\s+person\b",
    "consent": r"\b(?:revoke|withdraw|take\s+back)\s+(?:all\s+)?(?:my|the)?\s*(?:consent|permission)\b",
    "not-interested": r"\bnot\s+interested\b(?:(?!\s+in\b)|\s+in\s+(?:hearing|receiving|"
    r"(?:your|these|any)\s+(?:e-?mail|text|message)))",
    "go-away": r"^(?:please\s+)?go\s+away\b|\bf+u*c*k*\s+off\b",
    "email-only": r"\be-?mails?\s+only\b|\bonly\s+(?:by\s+)?e-?mail\b(?!\s+(?:address|i\b))|"
    r"\bjust\s+e-?mail\s+me\b",
    "text-only": r"\b(?:text|sms)(?:\s+messages?|s)?\s+only\b|"
    r"\bonly\s+(?:by\s+)?(?:text|sms)\s*(?:me\b|$|[.,;!\n])",
    "es-no-mas": rf"^no\s+mas(?:\s+por\s+favor|\s+gracias)?\W*$|\bno\s+{_ES_NOUNS}",
    "es-no-me": r"\bno\s+me\s+(?:mand|escrib|envi|contact|llam|interesa(?!\s+(?:la|el|los|las)\b))\w*"
    rf"(?:\s+{_ES_NOUNS})?",
    "es-dejar": r"\bdej(?:e|en|a)\s+de\s+(?:mandar|escribir|enviar|contactar|llamar|molestar)\w*"
    rf"(?:\s+{_ES_NOUNS})?",
    "es-no-quiero": rf"\bno\s+quiero\s+(?:recibir\s+)?{_ES_NOUNS}\b",
}
_PATTERNS = tuple((name, re.compile(pattern)) for name, pattern in _WISHES.items())

# A refusal that somebody else makes, or a symptom that does not stop, is no wish of the writer.
_NOT_THEIR_WISH = re.compile(
    r"(?:\b(?:they|you|he|she|it|we|who|people|doctors?|clinics?|insurance|why)\s+(?:also\s+|just\s+|always\s+)?"
    r"|(?:n't|\bnot|\bnever|\bcannot|\bwont|\bdoesnt|\bdidnt|\bcant)\s+(?:ever\s+)?)$"
)
_LOOK_BACK = 40  # letters; the whole of a long comment for each match would take minutes
_SAYS_SMS = re.compile(r"\b(?:text\w*|txt|sms|call\w*|phone|ring|number|llam\w*)\b")
_SAYS_EMAIL = re.compile(r"\b(?:e-?mail\w*|newsletters?|mailings?|mails?|correos)\b")
_INVITES_TEXT = re.compile(r"\b(?:text|sms|txt)\b")
_FIXED = {
    "email-only": SMS,
    "text-only": EMAIL,
    "wrong-number": SMS,
    "lose-number": SMS,
    "wrong-person": BOTH,
}
_CALL = re.compile(r"\b(?:call|phone|ring|llam)\w*")


def read_comment(text: str) -> Revocation | None:
    """The clear wish in a form's comment, or in other words by SMS or email, not to be written to; else None.

    Naming one channel closes that one ("do not text me, email only"); naming none closes both (TCPA-R-14).
    A call counts as a text, unless texts are asked for in the same breath. Hours and conditions ("do not call
    me before 10") are no revocation: staff read them.

    >>> sorted(read_comment("STOP").channels)
    [<Channel.EMAIL: 'email'>, <Channel.SMS: 'sms'>]
    >>> read_comment("do not text me, email only").channels
    frozenset({<Channel.SMS: 'sms'>})
    >>> read_comment("my pain won't stop") is None
    True
    """
    if meaning(text).kind is Kind.STOP:
        return Revocation(BOTH, "exact")
    plain = re.sub(r"[^\S\n]+", " ", _plain(text)).strip()
    found = [
        (name, _channels(name, match.group(), plain))
        for name, pattern in _PATTERNS
        for match in pattern.finditer(plain)
        if not _NOT_THEIR_WISH.search(plain[max(0, match.start() - _LOOK_BACK) : match.start()])
    ]
    channels = frozenset[Channel]().union(*(closed for _, closed in found))
    return Revocation(channels, found[0][0]) if channels else None


def _channels(name: str, matched: str, plain: str) -> frozenset[Channel]:
    if name in _FIXED:
        return _FIXED[name]
    sms, email = bool(_SAYS_SMS.search(matched)), bool(_SAYS_EMAIL.search(matched))
    if sms and not _INVITES_TEXT.search(matched) and _CALL.search(matched) and _INVITES_TEXT.search(plain):
        return EMAIL if email else frozenset()
    if sms == email:
        return BOTH
    return SMS if sms else EMAIL
