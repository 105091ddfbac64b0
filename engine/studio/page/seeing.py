"""What the page shows of one message, put into words: nothing here knows how it looks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from engine.catalogue import UNSAID
from engine.core import wording
from engine.core.contact import Channel
from engine.core.decisions import Ask, Send, Skip
from engine.core.findings import Finding
from engine.core.reasons import SENTENCES
from engine.core.segments import outside_gsm, segments
from engine.core.timing import local
from engine.studio.page.mail import by_day, by_night, row_words
from engine.studio.preview import Shown
from engine.words import Held, Words

# What a locked phone shows of a text, more or less: anybody near it may read that.
LOCKED = 100
_ENDINGS = {Channel.EMAIL: "email.md", Channel.SMS: "sms.txt"}


@dataclass(frozen=True, slots=True)
class Told:
    """One person's campaign in one language: `about` are sentences on the person, `shown` is what `play` gave."""

    language: str
    about: tuple[str, ...]
    zone: str
    start: datetime
    shown: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class Mail:
    """An email in its frames."""

    subject: str
    row: str  # what the mailbox shows after the subject
    light: str
    dark: str
    plain: str
    attached: tuple[str, ...]
    kilobytes: int  # of the HTML: some mailboxes cut off what is longer than 102


@dataclass(frozen=True, slots=True)
class Text:
    """A text in its frames, and what it costs; `strange` are the characters that make its parts shorter."""

    words: str
    locked: str
    segments: int
    encoding: str
    strange: tuple[str, ...]
    cost: Decimal | None


@dataclass(frozen=True, slots=True)
class Seen:
    """One occurrence in one language. Exactly one of `mail`, `text` and `sentence` is there."""

    at: datetime
    day: int
    date: str
    time: str
    here: Mapping[str, str]  # the day and time in the reader's language: `day`, `time`
    kind: str  # email, text, held, skip, task
    mail: Mail | None
    text: Text | None
    sentence: str
    waited: tuple[str, ...]
    findings: tuple[Finding, ...]


def seen(
    one: Shown, told: Told, campaign: str, findings: Mapping[str, Sequence[Finding]], price: Decimal | None
) -> Seen:
    """What to show of one occurrence. `findings` by file; `price` is that of one segment, in US dollars."""
    decision, words = one.decision, one.words
    when = wording.anchor_words(one.at, told.zone, told.zone, UNSAID)
    tongue = told.language if told.language in wording.TONGUES else UNSAID
    return Seen(
        at=one.at,
        day=(local(one.at, told.zone).date() - local(told.start, told.zone).date()).days,
        date=when["day"],
        time=when["time"],
        here=wording.anchor_words(one.at, told.zone, told.zone, tongue),
        kind=_kind(one),
        mail=_mail(words) if isinstance(words, Words) and words.html is not None else None,
        text=_text(words, price) if isinstance(words, Words) and words.html is None else None,
        sentence=_sentence(one),
        waited=tuple(SENTENCES[reason] for reason in one.waited),
        findings=_findings(decision, campaign, told.language, findings) if isinstance(decision, Send) else (),
    )


def _kind(one: Shown) -> str:
    match one.decision, one.words:
        case Send(), Held():
            return "held"
        case Send(), Words(html=html):
            return "text" if html is None else "email"
        case Ask(), _:
            return "task"
    return "skip"


def _sentence(one: Shown) -> str:
    match one.decision, one.words:
        case Send(), Held(problem=problem):
            return problem
        case Ask(words=words), _:
            return words
        case Skip(reason=reason), _:
            return SENTENCES[reason]
    return ""


def _mail(words: Words) -> Mail:
    html = words.html or ""
    return Mail(
        words.subject or "",
        row_words(html),
        by_day(html),
        by_night(html),
        words.text,
        tuple(attachment.filename for attachment in words.attachments),
        -(-len(html.encode()) // 1024),
    )


def _text(words: Words, price: Decimal | None) -> Text:
    parts = segments(words.text)
    locked = words.text if len(words.text) <= LOCKED else words.text[:LOCKED].rstrip() + "…"
    strange = outside_gsm(words.text) if parts.encoding == "UCS-2" else ()
    cost = None if price is None else price * parts.count
    return Text(words.text, locked, parts.count, parts.encoding, strange, cost)


def _findings(
    send: Send, campaign: str, language: str, findings: Mapping[str, Sequence[Finding]]
) -> tuple[Finding, ...]:
    """What is to be mended in the file of these words, whichever way its name says the language."""
    start, ending = f"templates/{campaign}/{send.choice.template}", _ENDINGS[send.point.channel]
    files = [f"{start}.{language}.{ending}"]
    if language == UNSAID:
        files.append(f"{start}.{ending}")
    return tuple(finding for file in files for finding in findings.get(file, ()))


@dataclass(frozen=True, slots=True)
class Total:
    """What one person gets over the whole campaign in one language. `cost` is None where the price is not known."""

    language: str
    emails: int
    texts: int
    segments: int
    cost: Decimal | None
    held: int
    left_out: int
    tasks: int


def total(language: str, every: Sequence[Seen], price: Decimal | None) -> Total:
    """Add up what `seen` made of one language."""
    kinds = [one.kind for one in every]
    parts = sum(one.text.segments for one in every if one.text is not None)
    return Total(
        language,
        emails=kinds.count("email"),
        texts=kinds.count("text"),
        segments=parts,
        cost=None if price is None else price * parts,
        held=kinds.count("held"),
        left_out=kinds.count("skip"),
        tasks=kinds.count("task"),
    )


def dollars(amount: Decimal) -> str:
    """US dollars, with as many cents and parts of one as there are."""
    whole, _, cents = f"{amount:,.4f}".partition(".")
    return f"${whole}.{cents.rstrip('0').ljust(2, '0')}"
