"""Where links and phone numbers of a message lead: only to the clinic, or to sites that it has named (CTIA-3, 4)."""

import re

from engine.core.gate.rules import ContentRules
from engine.core.gate.scene import Concern, Part, Scene
from engine.core.gate.units import OWN_LINK, plain

#: Public shorteners of links (CTIA-3, S-TWAI).
SHORTENERS = frozenset(
    "bit.ly tinyurl.com goo.gl t.co ow.ly is.gd buff.ly cutt.ly rb.gy t.ly shorturl.at tiny.cc rebrand.ly".split()
)
# Endings by which a word with a dot in it is taken for an address, as phones do.
_ENDINGS = frozenset(
    "com org net edu gov info biz io co us uk eu mx es ly me gl cc gd gy at app dev site online shop store xyz top link"
    " click page health clinic care doctor example test".split()
)
_HOST = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?(?:[^\s/@]*@)?(?P<host>[\w-]+(?:\.[\w-]+)+|localhost)(?=[/:?#,;!)\]\"'.>]|$)"
)
_NUMBER = re.compile(r"(?<![\w/.#-])(?:\+\d{1,3}[ .-]?)?(?:\(\d{2,4}\)|\d{2,4})[ .-]{0,2}\d{3}[ .-]?\d{3,4}(?![\w/])")
_TOO_SHORT = 7
_SAME = 10


class Addresses:
    """Looks at the addresses and numbers of units of one kind of message."""

    def __init__(self, rules: ContentRules, scene: Scene) -> None:
        self._rules, self._scene = rules, scene
        self._own = tuple(host.lower() for host in scene.hosts)
        self._sites = tuple(site.lower() for site in scene.sites)
        self._phone = plain(scene.phone)
        self._digits = _digits(scene.phone)
        self._address = plain(scene.address)

    def concerns(self, said: str, part: Part) -> list[Concern]:
        """What is wrong with the addresses and numbers of a unit that `units.plain` has made."""
        found: list[Concern] = []
        for word in said.split(" "):
            if "." in word[:-1] or "://" in word:
                self._link(word, said, part, found)
        rest = said.replace(self._phone, "") if self._phone else said
        if _NUMBER.search(rest):
            self._numbers(rest, said, part, found)
        return found

    def _link(self, word: str, said: str, part: Part, found: list[Concern]) -> None:
        at = 0
        while match := _HOST.search(word, at):
            at = match.end()
            host, scheme = match["host"], match["scheme"]
            if word.startswith(OWN_LINK, match.start()) or (scheme is None and not _looks_live(host)):
                continue
            link = f"{scheme}://{host}" if scheme else host
            if _below(host, SHORTENERS):
                self._say("CTIA-3", link, said, part, found)
            elif not _below(host, (*self._own, *self._sites)):
                self._say("CTIA-4", link, said, part, found)
            if scheme == "http" and host not in ("localhost", "127.0.0.1"):
                self._say("LINK-1", link, said, part, found)
            if word.startswith("/", at):
                return  # the rest is its path

    def _numbers(self, rest: str, said: str, part: Part, found: list[Concern]) -> None:
        if self._address:
            rest = rest.replace(self._address, "")
        words = " ".join(word for word in rest.split(" ") if "://" not in word)
        for match in _NUMBER.finditer(words):
            digits = _digits(match[0])
            if len(digits) >= _TOO_SHORT and digits[-_SAME:] != self._digits[-_SAME:]:
                self._say("CTIA-4", match[0], said, part, found)

    def _say(self, rule_id: str, phrase: str, said: str, part: Part, found: list[Concern]) -> None:
        rule = self._rules.rules[rule_id]
        severity = rule.severity_in(self._scene)
        if severity is not None:
            found.append(Concern(rule.id, severity, phrase, rule.problem, rule.why, rule.remedy, "", said, part))


def _looks_live(host: str) -> bool:
    """Whether a phone would make a link of a word with a dot in it."""
    return host.rsplit(".", 1)[-1] in _ENDINGS


def _below(host: str, sites: frozenset[str] | tuple[str, ...]) -> bool:
    """Whether a host is one of the sites, or under one of them."""
    return any(host == site or host.endswith(f".{site}") for site in sites)


def _digits(number: str) -> str:
    return "".join(filter(str.isdigit, number))
