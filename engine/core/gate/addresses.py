"""Where links and phone numbers of a message lead: only to the clinic, or to sites that it has named (CTIA-3, 4)."""

import re
from urllib.parse import unquote

from engine.core.gate.rules import ContentRules, Pattern
from engine.core.gate.scene import Concern, Part, Scene
from engine.core.gate.units import OPAQUE, OWN_HOST, OWN_LINK, plain

#: Public shorteners of links (CTIA-3, S-TWAI).
SHORTENERS = frozenset(
    "bit.ly tinyurl.com goo.gl t.co ow.ly is.gd buff.ly cutt.ly rb.gy t.ly shorturl.at tiny.cc rebrand.ly".split()
)
# Endings by which a word with a dot in it is taken for an address, as phones do.
_ENDINGS = frozenset(
    "com org net edu gov info biz io co us uk eu mx es ly me gl cc gd gy at app dev site online shop store xyz top link"
    " click page health clinic care doctor bio ee example test".split()
)
_HOST = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?(?P<user>[^\s/@]*@)?(?P<host>[\w-]+(?:\.[\w-]+)+|localhost)"
    r"(?![\w-])"
)
_ENDING = re.compile(r"[^\W\d][\w-]+")
# Phone-shaped: ten digits as 3-3-4, with or without a 1 in front; or a number of another country, by its plus. What
# has fewer digits, or others before and after them, is a postal code, a booking or a date.
_GAP = r"[ .-]{0,3}"
_NUMBER = re.compile(
    rf"(?<![\w/.#-])(?:(?:\+?1{_GAP})?(?:\(\d{{3}}\)|\d{{3}}){_GAP}\d{{3}}{_GAP}\d{{4}}|\+\d(?:{_GAP}\(?\d\)?){{7,14}})"
    r"(?![\w/])"
)
_DIGITS = re.compile(r"\d[ .()-]{0,3}\d")  # without two of them there is no number
_SAME = 10
_OPAQUE = re.compile(OPAQUE)
_SEPARATED = re.compile(r"[\W_]+")


class Addresses:
    """Looks at the addresses and numbers of units of one kind of message."""

    def __init__(self, rules: ContentRules, scene: Scene, health: Pattern) -> None:
        """`health`: what no path of a page of ours may say (HIP-3)."""
        self._rules, self._scene, self._health = rules, scene, health
        self._own = tuple(host.lower() for host in scene.hosts)
        self._sites = tuple(site.lower() for site in scene.sites)
        self._phone = plain(scene.phone)
        self._digits = _digits(scene.phone)
        self._address = plain(scene.address)

    def concerns(self, said: str, part: Part) -> list[Concern]:
        """What is wrong with the addresses and numbers of a unit that `units.plain` has made."""
        found: list[Concern] = []
        for word in said.split(" "):
            if ("." in word[:-1] or "://" in word) and word.rstrip(".,:") != OWN_LINK:
                self._link(word, said, part, found)
        if _DIGITS.search(said):
            self._numbers(said.replace(self._phone, "") if self._phone else said, said, part, found)
        return found

    def _link(self, word: str, said: str, part: Part, found: list[Concern]) -> None:
        at = 0
        while match := _HOST.search(word, at):
            at = match.end()
            host, scheme, user = match["host"], match["scheme"], match["user"]
            if scheme is None and not _looks_live(host, word[at : at + 1]):
                continue
            link = f"{scheme}://{user or ''}{host}" if scheme else host
            own = host == OWN_HOST or _below(host, self._own)
            if _below(host, SHORTENERS):
                self._say("CTIA-3", link, said, part, found)
            elif (user and scheme) or not (own or _below(host, self._sites)):
                self._say("CTIA-4", link, said, part, found)
            if scheme == "http" and host not in ("localhost", "127.0.0.1"):
                self._say("LINK-1", link, said, part, found)
            if own:
                self._path(word[at:], said, part, found)
            if word.startswith("/", at):
                return  # the rest is its path

    def _path(self, path: str, said: str, part: Part, found: list[Concern]) -> None:
        """What the address of a page of ours says of its reader, to everybody who sees the address."""
        words = unquote(_OPAQUE.sub("", path, count=1) if _OPAQUE.match(path) else path)
        for match in self._health.matches(plain(_SEPARATED.sub(" ", words))):
            there = re.search(_SEPARATED.pattern.join(map(re.escape, match[0].split())), path)
            self._say("LINK-2", there[0] if there else match[0], said, part, found)

    def _numbers(self, rest: str, said: str, part: Part, found: list[Concern]) -> None:
        if self._address:
            rest = rest.replace(self._address, "")
        words = " ".join(word for word in rest.split(" ") if "://" not in word)
        for match in _NUMBER.finditer(words):
            if _digits(match[0])[-_SAME:] != self._digits[-_SAME:]:
                self._say("CTIA-4", match[0], said, part, found)

    def _say(self, rule_id: str, phrase: str, said: str, part: Part, found: list[Concern]) -> None:
        rule = self._rules.rules[rule_id]
        severity = rule.severity_in(self._scene)
        if severity is not None:
            found.append(Concern(rule.id, severity, phrase, rule.problem, rule.why, rule.remedy, "", said, part))


def _looks_live(host: str, after: str) -> bool:
    """Whether a phone would make a link of a word with a dot in it: by its ending, or the path after it."""
    ending = host.rsplit(".", 1)[-1]
    return ending in _ENDINGS or (after == "/" and _ENDING.fullmatch(ending) is not None)


def _below(host: str, sites: frozenset[str] | tuple[str, ...]) -> bool:
    """Whether a host is one of the sites, or under one of them."""
    return any(host == site or host.endswith(f".{site}") for site in sites)


def _digits(number: str) -> str:
    return "".join(filter(str.isdigit, number))
