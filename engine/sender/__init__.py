"""A message waits in the outbox: claim, ask again, render, commit the intent, call, write the outcome.

No transaction is open during a call. A process killed in between leaves the message `sending`; `doubt.py` settles it.
"""

from collections.abc import Sequence
from datetime import datetime

from engine.house import House
from engine.providers import Carriers
from engine.sender.calls import Calls, Clock, Finished, Ready, Sent
from engine.sender.launching import LEASE, launch
from engine.sender.settling import settle
from engine.sender.taking import take


def deliver_batch(house: House, carriers: Carriers, ids: Sequence[int], now: datetime) -> Sent:
    """Deliver these messages: the same function wherever it runs. Handing it the same ids twice does no harm."""
    result = Sent()
    with house.store.begin() as conn:
        ready = take(conn, house, carriers, ids, now, result)
    if ready:
        with Calls(house.settings.sending.concurrency, lambda: now) as calls:
            calls.submit(ready)
            finished = calls.finished(len(ready))
        with house.store.begin() as conn:
            settle(conn, house, finished, now, result)
    return result


__all__ = ["LEASE", "Calls", "Clock", "Finished", "Ready", "Sent", "deliver_batch", "launch", "settle", "take"]
