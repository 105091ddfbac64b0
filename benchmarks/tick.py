"""What a tick costs with 1,000 enrolments due, while 10 thousand, 100 thousand or a million wait.

    .venv/bin/python -m benchmarks.tick [--sizes 10000,100000,1000000] [--rounds 7] [--only sqlite|postgresql]

The due ones are decided for real: claimed, their situations loaded, decided, written and committed, on the
shipped campaign `therapy_basics`. Rounds go through the sizes in turn, so that a slow moment of the machine
hits all alike; the figure of a size is the median of its rounds, and the verdict the largest over the smallest.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from benchmarks.filling import START, anybody, count_up, fill_store, let_fall_due
from engine.catalogue import catalogue
from engine.config import load_settings
from engine.core.contact import Channel
from engine.house import House, open_house
from engine.scheduler import fill
from engine.store import open_store
from tests import postgres

PROJECT = Path(__file__).parent.parent
DUE = 1000
LIMIT = 1.3


def _houses(kind: str, sizes: list[int], moments: list[datetime], stack: ExitStack) -> Iterator[tuple[int, House]]:
    settings = load_settings(PROJECT)
    read = catalogue(PROJECT, settings)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    socket = stack.enter_context(postgres.server()) if kind == "postgresql" else None
    for size in sizes:
        if socket is not None:
            admin = sa.create_engine(postgres.url(socket, "postgres"), isolation_level="AUTOCOMMIT")
            with admin.connect() as conn:
                conn.exec_driver_sql(f"CREATE DATABASE bench_{size}")
            store = open_store(postgres.url(socket, f"bench_{size}"))
        else:
            store = open_store(f"sqlite:///{folder}/bench_{size}.db")
        store.migrate()
        began = time.perf_counter()
        fill_store(store, {Channel.EMAIL: read.campaigns["therapy_basics"]}, size)
        people = anybody(size)
        for at in moments:
            let_fall_due(store, people, DUE, at)
        count_up(store)
        print(f"  {kind}: {size:>9,} enrolled, made in {time.perf_counter() - began:.0f} s", flush=True)
        yield size, open_house(store, read, settings)


def measure(kind: str, sizes: list[int], rounds: int) -> float:
    """Prints a row a size and returns the largest median over the smallest."""
    with ExitStack() as stack:
        moments = [START + timedelta(minutes=30 + number) for number in range(rounds + 1)]
        houses = list(_houses(kind, sizes, moments, stack))
        times: dict[int, list[float]] = {size: [] for size in sizes}
        for number, now in enumerate(moments):
            for size, house in houses if number % 2 else houses[::-1]:
                began = time.perf_counter()
                filled = fill(house, now)
                took = time.perf_counter() - began
                if filled.looked_at != DUE:
                    sys.exit(f"{kind} {size}: {filled.looked_at} were looked at instead of {DUE}")
                if number:  # the first round warms caches and compiles statements
                    times[size].append(took)
        medians = {size: statistics.median(took) for size, took in times.items()}
        smallest = min(medians.values())
        for size, median in medians.items():
            spread = f"{min(times[size]) * 1000:.0f}-{max(times[size]) * 1000:.0f}"
            ratio = median / smallest
            print(f"  {kind:10}  {size:>9,} enrolled  {median * 1000:7.1f} ms ({spread})  x{ratio:.2f}")
        for _, house in houses:
            house.store.engine.dispose()
        return max(medians.values()) / smallest


def main() -> None:
    """Both databases, or one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,100000,1000000")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    asked = parser.parse_args()
    sizes = [int(s) for s in asked.sizes.split(",")]
    for kind in ("sqlite", "postgresql"):
        if asked.only in (None, kind):
            ratio = measure(kind, sizes, asked.rounds)
            verdict = "within" if ratio <= LIMIT else "ABOVE"
            print(f"  {kind}: largest over smallest {ratio:.2f}, {verdict} the limit of {LIMIT}\n", flush=True)


if __name__ == "__main__":
    main()
