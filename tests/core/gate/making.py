"""Templates and scenes for the tests of the gate, as short as they can be."""

from typing import Any

from engine.core.consent import Purpose
from engine.core.contact import Channel
from engine.core.findings import Finding
from engine.core.gate import Judged, Scene, judge_template
from engine.core.render import Layout, compile_email, compile_sms
from tests.core.gate.shipped import content_rules, scene

HTML = (
    "<!doctype html><html><head><title>x</title></head><body>"
    '{% if clinic.notice %}<p style="font-size:32px">{{ clinic.notice }}</p>{% endif %}'
    "{{ body }}<p>{{ clinic.address }}</p>"
    '<a href="{{ link.unsubscribe }}">Unsubscribe</a></body></html>'
)
TEXT = (
    "{% if clinic.notice %}{{ clinic.notice }}\n\n{% endif %}"
    "{{ body }}\n\n{{ clinic.address }}\n\nUnsubscribe:\n{{ link.unsubscribe }}"
)
FILE = "templates/x/hello.email.md"


def email(
    body: str,
    *,
    subject: str = "Hello",
    preheader: str = "A word",
    head: str = "",
    html: str = HTML,
    text: str = TEXT,
    **changes: Any,
) -> Judged:
    """A marketing email with this body, judged."""
    source = f"---\nsubject: {subject}\npreheader: {preheader}\n{head}---\n{body}\n"
    template = compile_email(source, Layout(html, text), FILE, changes.get("language", "en"))
    return judge_template(template, source, scene(**changes), content_rules())


def sms(text: str, **changes: Any) -> Judged:
    """A marketing text message with these words, judged."""
    template = compile_sms(text, "templates/x/hello.sms.txt", "en")
    return judge_template(template, text, text_scene(**changes), content_rules())


def text_scene(**changes: Any) -> Scene:
    """The scene of a text message."""
    return scene(**{"channel": Channel.SMS, "purpose": Purpose.MARKETING, **changes})


def rules_of(judged: Judged) -> list[str]:
    """The rules that are broken, in the order of the file."""
    return [finding.rule for finding in judged.findings]


def finding(judged: Judged, rule: str) -> Finding:
    """The one finding of a rule."""
    (found,) = [finding for finding in judged.findings if finding.rule == rule]
    return found
