"""A provider that was paused is probed before anything is sent by it again: without sending, and by one process."""

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from engine.house import House
from engine.providers import Carriers, Health, InDoubt, Provider, Works
from engine.store import senders

log = logging.getLogger("nurture.outage")

CHUNK = 1000  # messages woken in one transaction


def probe_all(house: House, carriers: Carriers, now: datetime) -> int:
    """Probe every provider whose pause has run out. How many of them came back.

    No transaction is open meanwhile, and they are probed at the same time: one that hangs delays no other.
    """
    with house.store.read() as conn:
        # A tick mostly finds nobody to probe, and this look takes no lock.
        first = senders.next_probe(conn)
    if first is None or first > now:
        return 0
    with house.store.begin() as conn:
        names = senders.to_probe(conn, now)
    back = 0
    with ThreadPoolExecutor() as pool:
        for name, health in zip(names, pool.map(_probe, map(carriers.named, names)), strict=True):
            back += _conclude(house, name, health, now)
    return back


def _probe(provider: Provider | None) -> Health | None:
    """What its probe says; None when the settings have it no more."""
    if provider is None:
        return None
    try:
        return provider.probe()
    except Exception as error:  # one provider that breaks must not keep the others paused
        log.error("%s: the probe raised %s", provider.name, type(error).__name__)
        return InDoubt(type(error).__name__)


def _conclude(house: House, name: str, health: Health | None, now: datetime) -> bool:
    """Write what a probe found; whether the provider is back."""
    with house.store.begin() as conn:
        if health is None:
            senders.forget(conn, name, now)
        elif isinstance(health, Works):
            senders.lift(conn, name, now)
        elif senders.still_down(conn, name, health.detail, now):
            senders.alert(conn, name, health.detail, now)
            return False
    # In transactions of their own: after a long outage there may be very many.
    full = True
    while full:
        with house.store.begin() as conn:
            full = senders.wake(conn, name, now, CHUNK) == CHUNK
    return health is not None
