"""Every key of a campaign file, where it belongs, which are still to come, and what others call them."""

from collections.abc import Mapping

KEYS: Mapping[str, tuple[str, ...]] = {
    "": ("title", "purpose", "owner", "priority", "enrol", "exit", "send", "step"),
    "enrol": ("on", "if", "again", "per", "anchor", "move"),
    "exit": ("on", "goal"),
    "send": ("days", "hours", "avoid", "cap"),
    "step": (
        *("key", "after", "day", "before", "after_move", "at", "repeat"),
        *("email", "sms", "task", "else", "if", "late", "doubt"),
    ),
    "step.else": ("email", "sms", "task"),
}
LATER: Mapping[str, tuple[str, ...]] = {  # refused for now, so that nobody believes they work
    "": ("test",),
    "step": ("ask", "reply", "holdout", "alert"),
}

_SAID: Mapping[str, Mapping[str, str]] = {
    "": {
        "name": "`title`",
        "type": "`purpose`",
        "kind": "`purpose`",
        "trigger": "`[enrol]` with `on`",
        "steps": "`[[step]]`",
    },
    "enrol": {"when": "`if`", "condition": "`if`", "event": "`on`", "trigger": "`on`", "once_per": "`per`"},
    "exit": {
        "when": "`on`",
        "event": "`on`",
        "success": "`goal`",
        "if": "the condition at each step, as `if`",
    },
    "send": {"time": "`hours`", "holidays": "`avoid`", "limit": "`cap`", "max": "`cap`", "window": "`hours`"},
    "step": {
        "name": "`key`",
        "id": "`key`",
        "text": "`sms`",
        "mail": "`email`",
        "call": "`task`",
        "phone": "`task`",
        "delay": "`after`",
        "wait": "`after`",
        "days": "`day`",
        "time": "`at`",
        "hour": "`at`",
        "hours": "`at`",
        "when": "`if`",
        "condition": "`if`",
        "unless": "`if` with `not`",
        "fallback": "`else`",
        "every": "`repeat`",
        "template": "`email` or `sms`",
        "subject": "the subject in the email's template",
    },
    "step.else": {"text": "`sms`", "mail": "`email`", "call": "`task`", "phone": "`task`"},
}


def elsewhere(table: str) -> dict[str, str]:
    """For keys that do not belong in this table: the remedy that names what does, or where they do.

    >>> elsewhere("step")["delay"], elsewhere("step")["goal"]
    ('Write `after` instead.', 'It belongs under `[exit]`.')
    """
    remedies: dict[str, str] = {}
    for other, keys in KEYS.items():
        if other and other != "step.else" and other != table:
            heading = "a `[[step]]`" if other == "step" else f"`[{other}]`"
            remedies |= {key: f"It belongs under {heading}." for key in keys if key not in remedies}
    remedies |= {key: "It belongs at the top, above the first heading." for key in KEYS[""][:4] if table}
    remedies |= {key: f"Write {instead} instead." for key, instead in _SAID[table].items()}
    return {key: remedy for key, remedy in remedies.items() if key not in KEYS[table]}
