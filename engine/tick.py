"""One look at everything: what lost its process, what is due, what waits to go. And the clock turned by hand."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engine.doubt import Swept, next_look, sweep
from engine.house import House
from engine.scheduler import Filled, fill
from engine.sender import Dispatch, Providers, Sent, deliver, inline
from engine.store import marks, outbox, seeing

# Deciding and sending wake each other (a sent step makes the next one due); this many rounds bring a tick to rest.
ROUNDS = 100


class ClockTurnedBack(Exception):
    """The database has seen a later moment than the clock shows."""


@dataclass(slots=True)
class Ticked:
    """What one tick did."""

    now: datetime
    swept: Swept = field(default_factory=Swept)
    filled: Filled = field(default_factory=Filled)
    sent: Sent = field(default_factory=Sent)

    @property
    def idle(self) -> bool:
        """Whether there was nothing to do."""
        return self.filled.looked_at == 0 and self.sent == Sent() and self.swept == Swept()


def tick(
    house: House,
    providers: Providers,
    clock: Callable[[], datetime],
    stop: Callable[[], bool] = lambda: False,
    dispatch: Dispatch | None = None,
) -> Ticked:
    """Do all that is due, then rest. Harmless in many processes at once, and at any time again.

    Raises ClockTurnedBack: a message sent "tomorrow" must not be sent again because somebody set the clock back.
    """
    now = clock()
    _guard(house, now)
    dispatch = dispatch or inline(house, providers)
    done = Ticked(now, swept=sweep(house, providers, now))
    for _ in range(ROUNDS):
        if stop():
            break
        filled = fill(house, clock())
        sent = deliver(house, dispatch, clock, stop)
        _add(done.filled, filled)
        done.sent.add(sent)
        if filled.looked_at == 0 and sent == Sent():
            break
    return done


def _guard(house: House, now: datetime) -> None:
    with house.store.begin() as conn:
        last = seeing.last_tick(conn)
        # A minute's grace: the clocks of two machines differ a little.
        if last is not None and now < last - timedelta(minutes=1):
            raise ClockTurnedBack(
                f"This database has seen {last:%Y-%m-%d %H:%M} UTC, and the clock shows {now:%Y-%m-%d %H:%M} UTC. "
                "A clock is never turned back on one database: use another database, or a later --now."
            )
        marks.tick_at(conn, now)


def _add(total: Filled, more: Filled) -> None:
    for name in Filled.__dataclass_fields__:
        setattr(total, name, getattr(total, name) + getattr(more, name))


def turn(house: House, providers: Providers, start: datetime, until: datetime) -> Iterator[Ticked]:
    """Turn the clock from `start` to `until` (UTC), from one moment at which something is due to the next."""
    now = start
    while now <= until:
        moment = now
        yield tick(house, providers, lambda at=moment: at)  # type: ignore[misc]
        following = _next(house, now)
        if following is None or following > until:
            break
        now = following
    if now < until:
        yield tick(house, providers, lambda: until)


def _next(house: House, now: datetime) -> datetime | None:
    """The next whole minute at which there is something to do."""
    with house.store.read() as conn:
        moments = (outbox.next_moment(conn, house.running()), next_look(conn, house, now))
    moment = min((at for at in moments if at is not None), default=None)
    if moment is None:
        return None
    later = max(moment, now + timedelta(seconds=1))
    return (
        later
        if later.second == 0 and later.microsecond == 0
        else later.replace(second=0, microsecond=0) + timedelta(minutes=1)
    )
