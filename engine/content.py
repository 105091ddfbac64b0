"""What the content gate says of the clinic's own words: each template is judged once, by who gets it and for what.

Here the clinic's settings and campaigns become the scenes that the gate (`engine.core.gate`) judges words by.
"""

from collections.abc import Iterator
from functools import cache, cached_property
from urllib.parse import urlsplit

from engine.catalogue import RULES, SERVICE, Catalogue, Key, Template
from engine.config import Settings
from engine.core.campaign import Campaign, Step
from engine.core.consent import Purpose
from engine.core.contact import Channel
from engine.core.findings import Finding, Severity
from engine.core.gate import (
    NOT_JUDGED,
    Concern,
    ContentRules,
    Judged,
    Role,
    Scene,
    Told,
    judge_message,
    judge_sequence,
    judge_template,
)
from engine.core.render import Email, Sms

_ANSWERS: dict[str, Role] = {"stop": "stop", "start": "start", "help": "help"}


@cache
def read_content_rules() -> ContentRules:
    """The rules on words, read once. ValueError when a file of ours is damaged."""
    files = {file.stem: file.read_text(encoding="utf-8") for file in sorted((RULES / "content").glob("*.toml"))}
    return ContentRules.parse(files.pop("rules"), **files)


class Content:
    """The words of one clinic and what is said of them. A template is judged when it is first asked about."""

    def __init__(self, catalogue: Catalogue, settings: Settings) -> None:
        self.catalogue, self.settings = catalogue, settings
        self._scenes: dict[tuple[Purpose, Channel, str, Role], Scene] = {}
        self._judged: dict[tuple[Key, Purpose | None], Judged] = {}

    @cached_property
    def rules(self) -> ContentRules:
        """The rules, read when first needed."""
        return read_content_rules()

    def judged(self, key: Key, purpose: Purpose | None = None) -> Judged:
        """What the gate says of a template, and what of its words need not be looked at again.

        `purpose`: what a message is for; without it, what its campaign is for today. People who are on an older
        version of a campaign keep its purpose.
        """
        purpose = purpose or self._purpose(key)
        if (key, purpose) not in self._judged:
            self._judged[key, purpose] = self._judge(key, purpose)
        return self._judged[key, purpose]

    def refused(self, key: Key, purpose: Purpose | None = None) -> Finding | None:
        """The first thing for which a template's messages are held; None: there is none."""
        found = self.judged(key, purpose).findings
        return next((f for f in found if f.severity is Severity.ERROR), None) if found else None

    def refused_hashes(self) -> set[str]:
        """The hashes of the templates that were found to be refused, as far as they have been looked at."""
        found = [key for key, purpose in self._judged if self.refused(key, purpose) is not None]
        return {self.catalogue.templates[key].hash for key in found}

    def concern(
        self, key: Key, words: Email | Sms, names: tuple[str | None, ...], purpose: Purpose | None = None
    ) -> Concern | None:
        """What is wrong with one message now that a person's values stand in it: an error, or None.

        `names`: the person's own, as they are printed. `purpose`: as for `judged`.
        """
        scene = self.scene(key, purpose)
        if scene is None:
            return None
        found = judge_message(words, self.judged(key, purpose), scene, self.rules, names)
        return next((concern for concern in found if concern.severity is Severity.ERROR), None) if found else None

    def findings(self) -> tuple[Finding, ...]:
        """Everything about the words of all templates, and about those of each campaign one after another."""
        found = [finding for key in self.catalogue.templates for finding in self.judged(key).findings]
        for campaign in self.catalogue.campaigns.values():
            for language in sorted({key[3] for key in self.catalogue.templates if key[0] == campaign.name}):
                found += self._of_sequence(campaign, language)
        # What is wrong with the layout is wrong in every email: it is said once.
        return tuple(dict.fromkeys(found))

    def everything(self) -> tuple[Finding, ...]:
        """All there is to mend in campaigns and templates: what cannot be read, and what must not be said."""
        return (*self.catalogue.findings, *self.findings())

    def scene(self, key: Key, purpose: Purpose | None = None) -> Scene | None:
        """What a template is judged by; None: nobody knows what it is for, or there are no rules in its language."""
        campaign, name, channel, language = key
        purpose = purpose or self._purpose(key)
        if purpose is None or language not in self.rules.languages:
            return None
        plan = self.catalogue.campaigns.get(campaign)
        return self._scene(purpose, channel, language, _role(plan, name) if channel is Channel.SMS else "")

    def _purpose(self, key: Key) -> Purpose | None:
        plan = self.catalogue.campaigns.get(key[0])
        if plan is not None:
            return plan.purpose
        return Purpose.SERVICE if key[0] == SERVICE else None

    def _scene(self, purpose: Purpose, channel: Channel, language: str, role: Role) -> Scene:
        # One of each kind: the gate remembers by the scene.
        kind = (purpose, channel, language, role)
        if kind not in self._scenes:
            clinic, said = self.settings.clinic, self.settings
            self._scenes[kind] = Scene(
                purpose=purpose,
                channel=channel,
                language=language,
                brand=clinic.brand,
                name=clinic.name,
                phone=clinic.phone,
                address=clinic.address,
                hosts=tuple(dict.fromkeys(_host(url) for url in (clinic.public_url, clinic.site))),
                sites=said.links.sites,
                state=clinic.state,
                notice=clinic.notice,
                confirmed=frozenset(said.facts.confirmed),
                role=role,
            )
        return self._scenes[kind]

    def _judge(self, key: Key, purpose: Purpose | None) -> Judged:
        template, scene = self.catalogue.templates[key], self.scene(key, purpose)
        if scene is not None:
            return judge_template(template, self._source(template), scene, self.rules)
        if key[3] not in self.rules.languages:
            return Judged((_no_rules(template, self.rules),))
        return NOT_JUDGED

    def _source(self, template: Template) -> str:
        """The text of its file, to find places in; it may be gone since it was read, and then there are none."""
        try:
            return (self.settings.project / template.file).read_text(encoding="utf-8-sig", errors="replace")
        except OSError:
            return ""

    def _of_sequence(self, campaign: Campaign, language: str) -> tuple[Finding, ...]:
        told = list(self._told(campaign, language))
        if not told or language not in self.rules.languages:
            return ()
        return judge_sequence(told, self._scene(campaign.purpose, told[0].channel, language, ""), self.rules)

    def _told(self, campaign: Campaign, language: str) -> Iterator[Told]:
        """The messages of a campaign as its plan brings them, with their days."""
        for day, step in _in_turn(campaign):
            for choice in step.choices:
                key = (campaign.name, choice.template, choice.channel, language) if choice.channel else None
                if key in self.catalogue.templates:
                    assert key is not None
                    yield Told(self.catalogue.templates[key].file, key[2], self.judged(key), day)


def _role(plan: Campaign | None, name: str) -> Role:
    """What a text is within its programme. A marketing campaign that begins with a text confirms the opt-in by it."""
    if plan is None:
        return _ANSWERS.get(name, "")
    first = plan.steps[0].choices[0]
    opens = plan.purpose is Purpose.MARKETING and first.channel is Channel.SMS and first.template == name
    return "opt_in" if opens else ""


def _in_turn(campaign: Campaign) -> list[tuple[float, Step]]:
    """Each occurrence of each step with its day, in the order of the days, as far as the plan itself says."""
    turns: list[tuple[float, Step]] = []
    reached = 0.0
    for step in campaign.steps:
        days = step.offset.days + step.offset.exact.total_seconds() / 86_400
        if step.kind == "after":
            reached += days
            days = reached
        elif step.kind == "before":
            days = -days
        weeks = range(0, step.repeat.weeks, step.repeat.every) if step.repeat else (0,)
        a_week = len(step.repeat.weekdays) if step.repeat else 1
        turns += [(days + 7 * week + number * 7 / a_week, step) for week in weeks for number in range(a_week)]
    return sorted(turns, key=lambda turn: turn[0])


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").removeprefix("www.")


def _no_rules(template: Template, rules: ContentRules) -> Finding:
    known = " and ".join(f"“{language}”" for language in rules.languages)
    problem = f"There are no rules on words in “{template.language}”, so nobody can say whether these may be sent."
    return Finding(template.file, 0, 0, "", problem, f"Write it in {known}, or have rules written for this language.")


__all__ = ["Content", "read_content_rules"]
