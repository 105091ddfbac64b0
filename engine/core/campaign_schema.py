"""The campaign file as a JSON Schema, so that an editor completes, explains and checks it while it is written.

Its keys are those of `campaign_keys.KEYS`, its words those of the parser. It refuses nothing that the parser takes;
what needs more than one key to be judged is left to `nurture check`, which says it better.
"""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, get_args

from engine.core.campaign import Doubt
from engine.core.campaign_keys import KEYS
from engine.core.campaign_words import HOLIDAYS
from engine.core.consent import PURPOSES
from engine.core.time_words import WEEKDAYS

Schema = dict[str, Any]


class _Said(NamedTuple):
    """What an editor shows beside a key: a few words, what it does, and a line to copy."""

    title: str
    words: str
    example: str


_SAID: Mapping[str, Mapping[str, _Said]] = {
    "": {
        "title": _Said("The campaign's name", "What people at the clinic see. Needed.", 'title = "Therapy basics"'),
        "purpose": _Said(
            "What the messages are for",
            "Needed. `marketing` teaches and invites people who have enquired. `appointment` confirms and reminds of "
            "one appointment, without advertising. `care` looks after patients after a treatment, without offers. "
            "It decides which consent is needed, the hours, and how many messages a person may get.",
            'purpose = "marketing"',
        ),
        "owner": _Said(
            "Who answers for it", "An address or a name. May be left out.", 'owner = "marketing@clinic.example"'
        ),
        "priority": _Said(
            "Which campaign goes first",
            "A whole number from 0 to 100, without quotes. When two marketing campaigns want the same person on the "
            "same day, the higher number goes first.",
            "priority = 20",
        ),
        "enrol": _Said(
            "Who is taken in",
            "A heading. The lines under it say which event takes a person in. Needed.",
            'enrol = { on = "enquiry" }',
        ),
        "exit": _Said(
            "What ends it",
            "A heading. May be left out; then it ends after its last step.",
            'exit = { on = ["booking", "not_interested"] }',
        ),
        "send": _Said(
            "When it may send",
            "A heading. The campaign's own days and hours, in the recipient's own time. They only narrow what the law "
            "leaves. May be left out.",
            'send = { hours = "09:00-18:00" }',
        ),
        "step": _Said(
            "What is sent, and when",
            "A heading with two brackets, `[[step]]`, once for each step. Every step has a `key`, one way to say when "
            "(`after`, `day`, `before` or `after_move`) and one of `email`, `sms` and `task`.",
            'step = [{ key = "welcome", after = "0 minutes", email = "welcome" }]',
        ),
    },
    "enrol": {
        "on": _Said(
            "The event that takes a person in",
            "One event, or a list of them. Needed. The clinic's words stand in settings.toml under `[events]`.",
            'on = "enquiry"',
        ),
        "if": _Said(
            "Only people for whom this holds",
            "A condition, asked at that moment. Inside the double quotes write single ones.",
            "if = \"not happened('booking')\"",
        ),
        "again": _Said(
            "Whether the same person may come again",
            "`never` (so it is when left out), `always`, or `after` a length of time.",
            'again = "after 180 days"',
        ),
        "per": _Said(
            "Once for each what",
            "A field of the event, such as the appointment's id: a person with two appointments is then in it twice.",
            'per = "appointment"',
        ),
        "anchor": _Said(
            "The date everything is counted from",
            "A field of the event that holds a date. Left out, it is the day the person was taken in.",
            'anchor = "event.starts_at"',
        ),
        "move": _Said(
            "The event that moves that date",
            "What was not sent yet moves along. Needs `per` and `anchor`.",
            'move = "reschedule"',
        ),
    },
    "exit": {
        "on": _Said(
            "The events that end it",
            "One event, or a list of them. It ends at once, and what is queued is cancelled.",
            'on = ["booking", "not_interested"]',
        ),
        "goal": _Said("Which of them is success", "One of those in `on`.", 'goal = "booking"'),
    },
    "send": {
        "days": _Said("On which weekdays", "Alone or from-to, with commas between.", 'days = "mon-thu, sat"'),
        "hours": _Said("In which hours", "From-to, with 24 hours.", 'hours = "09:00-18:00"'),
        "avoid": _Said("On which days not", "Nothing goes on the national holidays.", 'avoid = "US holidays"'),
        "cap": _Said(
            "The most for one person",
            "So many messages of this campaign in a length of time. What is too much waits until there is room.",
            'cap = "2 per 7 days"',
        ),
    },
    "step": {
        "key": _Said(
            "The step's own name",
            "Needed. Small letters, digits and _. Never change it, and never use the key of a removed step again: "
            "by it the send log knows who got the message.",
            'key = "welcome"',
        ),
        "after": _Said(
            "So long after the step before it",
            "Minutes, hours, days or weeks. For the first step: after the start. `0 minutes` is at once.",
            'after = "2 days"',
        ),
        "day": _Said(
            "So many days after the anchor",
            "A whole number without quotes; 0 is the day itself. It waits for no other step.",
            "day = 14",
        ),
        "before": _Said(
            "So long before the anchor",
            "For reminders. Needs `anchor` under `[enrol]`. If it may not go then, it goes earlier, never later.",
            'before = "24 hours"',
        ),
        "after_move": _Said(
            "So long after the date was moved",
            "Once for each move. Needs `move` under `[enrol]`.",
            'after_move = "5 minutes"',
        ),
        "at": _Said(
            "At what time of day",
            "With 24 hours, where the recipient lives. Goes with `day`, and with an `after` of whole days.",
            'at = "10:00"',
        ),
        "repeat": _Said(
            "On which weekdays it comes again, for how long",
            "Goes with `day`. With `every 2 weeks` each second week is left out.",
            'repeat = "tue, fri for 3 weeks"',
        ),
        "email": _Said(
            "The email that is sent",
            "The template's name: `welcome` is the file `templates/<campaign>/welcome.email.md`.",
            'email = "welcome"',
        ),
        "sms": _Said(
            "The text message that is sent",
            "The template's name: `welcome` is the file `templates/<campaign>/welcome.sms.txt`.",
            'sms = "welcome"',
        ),
        "task": _Said(
            "What staff are to do",
            "No message, but a task in these very words. Nothing is filled in.",
            'task = "Phone the patient and ask how the first night was."',
        ),
        "else": _Said(
            "What to do for people whom it cannot reach",
            "When there is no address or no consent for the step's own channel. They are tried in their order.",
            'else = { email = "welcome" }',
        ),
        "if": _Said(
            "Only if this holds",
            "A condition, asked when the step falls due. If it does not hold, the step is skipped.",
            "if = \"not happened('booking')\"",
        ),
        "late": _Said(
            "When a late message has lost its point",
            "`send` (however late), `skip once it has begun`, or `skip after` a length of time.",
            'late = "skip after 1 day"',
        ),
        "doubt": _Said(
            "What to do when nobody knows whether it went",
            "`resend`: look for evidence, and send it once more if it never went. `hold`: staff decide.",
            'doubt = "hold"',
        ),
    },
    "step.else": {
        "email": _Said("Send this email instead", "The template's name.", 'email = "welcome"'),
        "sms": _Said("Send this text message instead", "The template's name.", 'sms = "welcome"'),
        "task": _Said("Make this task for staff instead", "In these very words. Put it last.", 'task = "Phone them."'),
    },
}

# No pattern is narrower than the parser, which takes capitals and spaces that nobody is taught to write.
_DAY = "|".join(WEEKDAYS)
_NAME: Schema = {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,59}$"}
_TEXT: Schema = {"type": "string", "minLength": 1}
_LENGTH: Schema = {"type": "string", "pattern": r"(?i:\d\s*(minute|hour|day|week))"}


def _one_of(*words: str, or_like: str = "") -> Schema:
    """One of these words; `or_like`: or what fits this pattern."""
    listed: Schema = {"type": "string", "enum": list(words)}
    return {"anyOf": [listed, {"type": "string", "pattern": or_like}]} if or_like else listed


def _event(words: Collection[str]) -> list[Schema]:
    """An event's word. The clinic may have added some since the schema was made, so any name will do."""
    return [*([_one_of(*words)] if words else []), _NAME]


def _values(table: str, events: Collection[str]) -> dict[str, Schema]:
    """What may stand behind each key of a table."""
    event = _event(events)
    some: Schema = {"anyOf": [*event, {"type": "array", "minItems": 1, "items": {"anyOf": event}}]}
    late = _one_of("send", "skip once it has begun", "skip after 1 day", "skip after 3 days", or_like="^skip after ")
    top: dict[str, Schema] = {
        "title": _TEXT,
        "purpose": _one_of(*(purpose.value for purpose in PURPOSES)),
        "owner": _TEXT,
        "priority": {"type": "integer", "minimum": 0, "maximum": 100, "default": 0},
    }
    templates: dict[str, Schema] = {"email": _NAME, "sms": _NAME, "task": _TEXT}
    match table:
        case "":
            return top | {
                **{key: _table(key, events) for key in ("enrol", "exit", "send")},
                "step": {"type": "array", "minItems": 1, "items": _table("step", events)},
            }
        case "enrol":
            again = _one_of("never", "always", "after 180 days", or_like="^after ") | {"default": "never"}
            anchor = {"type": "string", "pattern": r"^event\.[a-z][a-z0-9_]*$"}
            return {"on": some, "if": _TEXT, "again": again, "per": _NAME, "anchor": anchor, "move": some}
        case "exit":
            return {"on": some, "goal": {"anyOf": event}}
        case "send":
            return {
                "days": {"type": "string", "pattern": rf"^(?i:\s*({_DAY})(\s*[-,]\s*({_DAY}))*\s*)$"},
                "hours": {"type": "string", "pattern": r"^\s*\d?\d:\d\d\s*-\s*\d\d?:\d\d\s*$"},
                "avoid": _one_of(*HOLIDAYS),
                "cap": {"type": "string", "pattern": r"^\s*\d+ per \d"},
            }
        case "step.else":
            return templates
    return {
        "key": _NAME,
        "day": {"type": "integer", "minimum": 0, "maximum": 3650},
        **dict.fromkeys(("after", "before", "after_move"), _LENGTH),
        "at": {"type": "string", "pattern": r"^\s*\d?\d:\d\d\s*$"},
        "repeat": {"type": "string", "pattern": r"(?i:\sfor\s+\d+\s+weeks?\s*)$"},
        **templates,
        "else": _table("step.else", events) | {"minProperties": 1},
        "if": _TEXT,
        "late": late,
        "doubt": _one_of(*get_args(Doubt)),
    }


_NEEDED = {"": ["title", "purpose", "enrol", "step"], "enrol": ["on"], "exit": ["on"], "step": ["key"]}


def _table(name: str, events: Collection[str]) -> Schema:
    """One table of the file, with every key that it may have and no other."""
    values = _values(name, events)
    properties = {key: {**_shown(_SAID[name][key]), **values[key]} for key in KEYS[name]}
    needed = {"required": _NEEDED[name]} if name in _NEEDED else {}
    return {"type": "object", "additionalProperties": False, **needed, "properties": properties}


def _shown(said: _Said) -> Schema:
    return {"title": said.title, "description": f"{said.words}\n\nExample: `{said.example}`"}


def campaign_schema(events: Collection[str] = ()) -> Schema:
    """The schema (draft-07). `events`: the clinic's words for what happens, which are offered, not demanded.

    >>> campaign_schema()["properties"]["enrol"]["properties"]["again"]["default"]
    'never'
    """
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A campaign",
        "description": "Who is taken in, what ends it, and what is sent when. docs/campaigns.md explains every key.",
        **_table("", events),
    }
