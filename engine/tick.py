"""One look at everything: what lost its process, what is due, what waits to go. And the clock turned by hand."""

import gc
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Event

from engine.doubt import Swept, next_look, sweep
from engine.house import House
from engine.outage import probe_all
from engine.providers import Carriers
from engine.scheduler import Filled, decide_batch, queue
from engine.sender import Calls, Clock, Finished, Ready, Sent, launch, settle, take
from engine.store import marks, outbox, seeing

log = logging.getLogger("nurture.tick")

LOOK_AFTER = timedelta(minutes=1)  # so often paused providers and doubts are looked after, however long sending takes
COLLECT_AFTER = 20_000  # objects that were made and are still there, before garbage is looked for while sending
# Seconds to wait before each attempt at writing what came back; within the lease, so that nobody looks for it yet.
SAVE_AFTER = (0.0, 1.0, 4.0, 15.0, 40.0)


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
    house.content.rules  # noqa: B018  # read now, and not while a transaction is open
    done = Ticked(now)
    with _little_to_collect(), Calls(house.settings.sending.concurrency, clock) as calls:
        while True:
            _look_after(house, carriers, clock(), done)
            if _send(house, carriers, calls, clock, stop, done) or stop():
                return done


@contextmanager
def _little_to_collect() -> Iterator[None]:
    """What a message needs is let go of when it went. To look for rings among it as often as Python does by itself
    takes a twentieth of the time.
    """
    before = gc.get_threshold()
    gc.set_threshold(COLLECT_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _look_after(house: House, carriers: Carriers, now: datetime, done: Ticked) -> None:
    """Probe paused providers, and settle what is in doubt."""
    probe_all(house, carriers, now)
    swept = sweep(house, carriers, now)
    for name in Swept.__dataclass_fields__:
        setattr(done.swept, name, getattr(done.swept, name) + getattr(swept, name))


def _send(house: House, carriers: Carriers, calls: Calls, clock: Clock, stop: Callable[[], bool], done: Ticked) -> bool:
    """Decide and send until nothing is due and nothing is on its way. False: a minute was over before."""
    sending = house.settings.sending
    # While as many are called as may be, a chunk waits for its turn and another one is made ready: so many are in
    # doubt at most when the process is killed (decision 25).
    most = sending.concurrency + 2 * sending.chunk
    until = clock() + LOOK_AFTER
    finished: list[Finished] = []
    try:
        while True:
            before = (done.filled.looked_at, replace(done.sent))
            if stop():
                calls.take_back()
            over = stop() or clock() >= until
            room = 0 if over else min(most - calls.in_flight, sending.chunk)
            ready = _step(house, carriers, clock(), finished, room, done)
            calls.submit(ready)
            resting = not ready and (done.filled.looked_at, done.sent) == before
            if not calls.in_flight and (resting or over):
                return not over
            finished = calls.finished(sending.chunk if resting else calls.in_flight + sending.chunk - most)
    except Exception:
        # What came back, or still does, must not fall into doubt with whatever else went wrong.
        calls.take_back()
        finished += calls.finished(calls.in_flight)
        _save(house, finished, clock, done)
        raise


def _save(house: House, finished: Sequence[Finished], clock: Clock, done: Ticked) -> None:
    """Write what became of these calls as soon as the database takes it: it may be starting anew."""
    for wait in SAVE_AFTER:
        Event().wait(wait)
        try:
            with house.store.begin() as conn:
                settle(conn, house, finished, clock(), done.sent)
            return
        except Exception as error:
            log.error("%s outcomes cannot be written (%s); tried again", len(finished), type(error).__name__)


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
            # One look may bring forth several messages; those that there is no room for wait in the outbox.
            ready += launch(conn, house, carriers, decided[:room], now, done.sent)
            queue(conn, decided[room:], now)
            room -= max(looked_at, len(decided))
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
