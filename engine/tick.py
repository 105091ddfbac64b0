"""One look at everything: what lost its process, what is due, what waits to go. And the clock turned by hand."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from engine.doubt import Swept, next_look, sweep
from engine.house import House
from engine.outage import probe_all
from engine.providers import Carriers
from engine.scheduler import Filled, decide_batch
from engine.sender import Calls, Clock, Finished, Ready, Sent, launch, settle, take
from engine.store import marks, outbox, seeing


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


def tick(house: House, carriers: Carriers, clock: Clock, stop: Callable[[], bool] = lambda: False) -> Ticked:
    """Do all that is due, then rest. Harmless in many processes at once, and at any time again.

    Raises ClockTurnedBack: a message sent "tomorrow" must not be sent again because somebody set the clock back.
    """
    now = clock()
    _guard(house, now)
    probe_all(house, carriers, now)
    done = Ticked(now, swept=sweep(house, carriers, now))
    sending = house.settings.sending
    # While as many are called as may be, a chunk waits for its turn and another one is made ready: so many are in
    # doubt at most when the process is killed (decision 25).
    most = sending.concurrency + 2 * sending.chunk
    with Calls(sending.concurrency, clock) as calls:
        finished: list[Finished] = []
        try:
            while True:
                before = (done.filled.looked_at, replace(done.sent))
                room = 0 if stop() else min(most - calls.in_flight, sending.chunk)
                ready = _step(house, carriers, clock(), finished, room, done)
                calls.submit(ready)
                resting = not ready and (done.filled.looked_at, done.sent) == before
                if not calls.in_flight and (resting or stop()):
                    return done
                finished = calls.finished(sending.chunk if resting else calls.in_flight + sending.chunk - most)
        except Exception:
            # What came back, or still does, must not fall into doubt with whatever else went wrong.
            finished += calls.finished(calls.in_flight)
            with house.store.begin() as conn:
                settle(conn, house, finished, clock(), done.sent)
            raise


def _step(
    house: House, carriers: Carriers, now: datetime, finished: Sequence[Finished], room: int, done: Ticked
) -> list[Ready]:
    """One transaction: what came back is written, and as many messages as there is room for are made ready."""
    with house.store.begin() as conn:
        settle(conn, house, finished, now, done.sent)
        running = house.running(conn)
        queued = outbox.due_ids(conn, (outbox.SERVICE, *running), now, room) if room else []
        ready = take(conn, house, carriers, queued, now, done.sent) if queued else []
        room -= len(queued)
        for campaign in running:
            if room <= 0:
                break
            looked_at, decided = decide_batch(conn, house, campaign, now, room, done.filled)
            ready += launch(conn, house, carriers, decided, now, done.sent)
            room -= looked_at
    return ready


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


def turn(house: House, carriers: Carriers, start: datetime, until: datetime) -> Iterator[Ticked]:
    """Turn the clock from `start` to `until` (UTC), from one moment at which something is due to the next."""
    now = start
    while now <= until:
        moment = now
        yield tick(house, carriers, lambda at=moment: at)  # type: ignore[misc]
        following = _next(house, carriers, now)
        if following is None or following > until:
            break
        now = following
    if now < until:
        yield tick(house, carriers, lambda: until)


def _next(house: House, carriers: Carriers, now: datetime) -> datetime | None:
    """The next whole minute at which there is something to do."""
    with house.store.read() as conn:
        moments = (outbox.next_moment(conn, house.running()), next_look(conn, house, carriers, now))
    moment = min((at for at in moments if at is not None), default=None)
    if moment is None:
        return None
    later = max(moment, now + timedelta(seconds=1))
    return (
        later
        if later.second == 0 and later.microsecond == 0
        else later.replace(second=0, microsecond=0) + timedelta(minutes=1)
    )
