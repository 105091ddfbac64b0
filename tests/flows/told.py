"""A provider for tests: it does as it is told, keeps what it took, and finds it by address and words like Twilio."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

from engine.core.contact import Channel
from engine.core.pacing import UNLIMITED, Pace
from engine.core.phi import PhiLevel
from engine.intake import Who
from engine.providers import Absent, Accepted, Carriers, Evidence, Found, Health, Outcome, Outgoing, Sought, Works


@dataclass(frozen=True, slots=True)
class Took:
    """What the provider has accepted, and when."""

    provider_id: str
    out: Outgoing
    at: datetime


@dataclass(slots=True)
class Told:
    """`say` decides how a call ends; None: as it should. `taking` before it says whether the message was taken."""

    name: str = "told"
    channels: frozenset[Channel] = frozenset(Channel)
    can_be_asked: bool = True
    ceiling: PhiLevel = PhiLevel.PERSONAL
    pace: Pace = UNLIMITED
    say: Callable[[Outgoing], Outcome | None] = lambda _: None
    taking: Callable[[Outgoing], bool] = lambda _: False  # also when `say` says otherwise
    answer: Callable[[Sought], Evidence | None] = lambda _: None
    health: Health = field(default_factory=lambda: Works("there"))
    calls: int = 0
    probes: int = 0
    took: list[Took] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def carries(self, level: PhiLevel, to: str) -> bool:
        return level <= self.ceiling and bool(to)

    def send(self, out: Outgoing, now: datetime) -> Outcome:
        said = self.say(out)
        with self._lock:
            self.calls += 1
            if said is None or self.taking(out):
                self.took.append(Took(f"{self.name}-{len(self.took) + 1}", out, now))
                return said or Accepted(self.took[-1].provider_id)
        return said

    def find(self, sought: Sought) -> Evidence:
        with self._lock:
            self.asked.append(sought.message)
        said = self.answer(sought)
        if said is not None:
            return said
        like = [
            t.provider_id
            for t in self.took
            if (t.out.to, t.out.text) == (sought.to, sought.text) and t.at >= sought.started_at
        ]
        return Found(tuple(like)) if like else Absent()

    def probe(self) -> Health:
        self.probes += 1
        return self.health

    def close(self) -> None:
        """It holds nothing open."""

    def twice(self) -> list[str]:
        """Messages taken more than once."""
        messages = [took.out.message for took in self.took]
        return sorted({message for message in messages if messages.count(message) > 1})


def only(*providers: Told) -> Carriers:
    """These for every channel they carry, the preferred first."""
    return Carriers({c: [p for p in providers if c in p.channels] for c in Channel})


def crowd(number: int) -> list[Who]:
    """So many people in Boston who can only be texted."""
    return [Who(first_name="P", last_name=f"Q{i}", phone=f"+1617555{1000 + i}", state="MA") for i in range(number)]
