"""How the file of a template is named: NAME.email.md, NAME.sms.txt, and NAME.es.email.md in Spanish."""

import re
import unicodedata
from typing import NamedTuple

from engine.core.contact import Channel

_NAME = re.compile(r"(?P<name>[a-z][a-z0-9_]*)(\.(?P<language>[a-z]{2}))?\.(?P<ending>email\.md|sms\.txt)")
_CHANNELS = {"email.md": Channel.EMAIL, "sms.txt": Channel.SMS}
# What people call them: the channel is said, or else the ending tells what it is like.
_SAID = re.compile(r"[ ._-]*(?P<channel>e-?mail|sms|text)?(?P<ending>\.[a-z0-9]+)?$", re.IGNORECASE)
_PLAIN = {".md": "email.md", ".markdown": "email.md", ".txt": "sms.txt"}


class TemplateName(NamedTuple):
    """What a file's name says; no language: it says none."""

    name: str
    language: str | None
    channel: Channel


def read_name(file: str) -> TemplateName | None:
    """What the name of a file says; None when it is not a template's.

    >>> read_name("hello.es.email.md")
    TemplateName(name='hello', language='es', channel=<Channel.EMAIL: 'email'>)
    """
    found = _NAME.fullmatch(file)
    return TemplateName(found["name"], found["language"], _CHANNELS[found["ending"]]) if found else None


def how_to_name(file: str) -> str:
    """What to do with a file whose name is not a template's.

    >>> how_to_name("Hello again.email.md")
    'Rename it, for example to hello_again.email.md: small letters, digits and _.'
    >>> how_to_name("hello.docx")
    'Save its words as plain text, for example as hello.email.md, or hello.sms.txt for a text message.'
    """
    said = _SAID.search(file)
    assert said is not None  # it may be empty
    ending = (said["ending"] or "").lower()
    stem, language = re.fullmatch(r"(.*?)(\.[a-zA-Z]{2})?", file[: said.start()], re.DOTALL).groups()  # type: ignore[union-attr]
    name = f"{_plain(stem)}{(language or '').lower()}"
    if ending and ending not in _PLAIN:
        return f"Save its words as plain text, for example as {name}.email.md, or {name}.sms.txt for a text message."
    channel = said["channel"]
    kind = ("email.md" if "mail" in channel.lower() else "sms.txt") if channel else _PLAIN.get(ending, "email.md")
    other = "" if channel else f" ({name}.{'sms.txt' if kind == 'email.md' else 'email.md'} if it is the other kind)"
    return f"Rename it, for example to {name}.{kind}{other}: small letters, digits and _."


def _plain(stem: str) -> str:
    """A name of small letters, digits and _ that reads like this one, and begins with a letter."""
    letters = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "_", letters).strip("_")
    return name if name[:1].isalpha() else f"message_{name}".rstrip("_")
