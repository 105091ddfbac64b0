"""The shipped words, judged as the clinic of the demo would: for the tests of the gate and its benchmark."""

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from engine.core.consent import Purpose
from engine.core.contact import Channel
from engine.core.gate import ContentRules, Judged, Role, Scene, Told, judge_template
from engine.core.render import EmailTemplate, Layout, SmsTemplate, compile_email, compile_sms

ROOT = Path(__file__).parent.parent.parent.parent
CONTENT = ROOT / "engine" / "rules" / "content"
TEMPLATES = ROOT / "templates"
PURPOSES = {
    "therapy_basics": Purpose.MARKETING,
    "booking_nudge": Purpose.MARKETING,
    "appointment": Purpose.APPOINTMENT,
    "no_show": Purpose.APPOINTMENT,
    "aftercare": Purpose.CARE,
    "service": Purpose.SERVICE,
}
_ROLES: dict[str, Role] = {"welcome_text": "opt_in", "help": "help", "stop": "stop", "start": "start"}
ALL_FACTS = frozenset(("F-3", "F-10", "F-11", "F-12", "F-13", "F-15", "F-18", "F-21"))


class Shipped(NamedTuple):
    """One shipped template, and the scene it was judged in."""

    campaign: str
    template: EmailTemplate | SmsTemplate
    source: str
    scene: Scene
    judged: Judged


@cache
def content_rules() -> ContentRules:
    """The rules as they are shipped, in every language there is."""
    files = {file.stem: file.read_text(encoding="utf-8") for file in sorted(CONTENT.glob("*.toml"))}
    return ContentRules.parse(files.pop("rules"), **files)


def scene(**changes: Any) -> Scene:
    """A scene of the demo clinic."""
    said: dict[str, Any] = {
        "purpose": Purpose.MARKETING,
        "channel": Channel.EMAIL,
        "language": "en",
        "brand": "Harbor Clinic",
        "name": "Harbor Clinic",
        "phone": "617-555-0142",
        "address": "12 Example Street, Boston, MA 02110",
        "hosts": ("go.harborclinic.example", "harborclinic.example"),
        "sites": ("doi.org", "fda.gov"),
        "state": "MA",
        "confirmed": ALL_FACTS,
    }
    return Scene(**{**said, **changes})


def layout(language: str) -> Layout:
    """The layout with the footer of a language."""
    said = "" if language == "en" else f".{language}"
    folder = TEMPLATES / "_layout"
    html, text = (
        (folder / f"email{end}")
        .read_text("utf-8")
        .replace("{{ footer }}", (folder / f"footer{said}{end}").read_text("utf-8"))
        for end in (".html", ".text.txt")
    )
    return Layout(html, text)


def compiled(language: str) -> list[tuple[str, EmailTemplate | SmsTemplate, str]]:
    """Campaign, template and source of every shipped file of a language."""
    found: list[tuple[str, EmailTemplate | SmsTemplate, str]] = []
    page = layout(language)
    for file in sorted(TEMPLATES.glob("[a-z]*/*.*.*")):
        _, *middle, _, _ = file.name.split(".")
        if (middle or ["en"]) != [language]:
            continue
        place, source = file.relative_to(ROOT).as_posix(), file.read_text("utf-8")
        if file.suffix == ".md":
            found.append((file.parent.name, compile_email(source, page, place, language), source))
        else:
            found.append((file.parent.name, compile_sms(source, place, language), source))
    return found


def scene_of(campaign: str, template: EmailTemplate | SmsTemplate) -> Scene:
    """The scene that a shipped template is judged in."""
    sms = isinstance(template, SmsTemplate)
    return scene(
        purpose=PURPOSES[campaign],
        channel=Channel.SMS if sms else Channel.EMAIL,
        language=template.language,
        role=_ROLES.get(Path(template.file).name.partition(".")[0], "") if sms else "",
    )


@cache
def shipped(language: str = "en") -> tuple[Shipped, ...]:
    """Every shipped template of a language, judged."""
    found = []
    for campaign, template, source in compiled(language):
        there = scene_of(campaign, template)
        judged = judge_template(template, source, there, content_rules())
        found.append(Shipped(campaign, template, source, there, judged))
    return tuple(found)


def told(campaign: str, language: str = "en") -> list[Told]:
    """The messages of one shipped campaign, in the order of their files."""
    return [
        Told(one.template.file, one.scene.channel, one.judged) for one in shipped(language) if one.campaign == campaign
    ]
