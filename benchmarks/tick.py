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
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from engine.catalogue import catalogue
from engine.config import load_settings
from engine.core.campaign import Campaign
from engine.house import House, open_house
from engine.scheduler import fill
from engine.store import Store, enrolments, open_store
from engine.store.schema import enrolment
from tests import postgres

PROJECT = Path(__file__).parent.parent
START = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)  # a Tuesday, ten in the morning in New York
DUE = 1000
LIMIT = 1.3

_NUMBERS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {size})",
    "postgresql": "WITH n(i) AS (SELECT generate_series(1, {size}))",
}


def _fill_store(store: Store, campaign: Campaign, size: int, rounds: int) -> None:
    """`size` people, each with an address, a consent and an enrolment; a thousand are due in each round."""
    kind = store.engine.dialect.name
    numbers = _NUMBERS[kind].format(size=size)
    yes = "true" if kind == "postgresql" else "1"
    later = START + timedelta(days=200)
    with store.begin() as conn:
        enrolments.keep_version(conn, campaign.name, campaign.version, campaign.text, START)

        def run(sql: str, **values: object) -> None:
            typed = [sa.bindparam(k, v, type_=enrolment.c.due_at.type) for k, v in values.items()]
            conn.execute(sa.text(sql).bindparams(*typed) if typed else sa.text(sql))

        run(
            f"INSERT INTO contact (id, ref, identity, language, state, created_at) {numbers} "
            "SELECT i, 'c' || i, 'c' || i, 'en', 'NY', :at FROM n",
            at=START,
        )
        run(f"INSERT INTO person (contact_id, first_name) {numbers} SELECT i, 'Ann' FROM n")
        run(
            f"INSERT INTO contact_point (id, contact_id, channel, address, address_key, added_at) {numbers} "
            "SELECT i, i, 'email', 'a' || i || '@example.com', 'k' || i, :at FROM n",
            at=START,
        )
        run(
            "INSERT INTO event (id, source, external_id, kind, contact_id, occurred_at, received_at, "
            "payload) VALUES (1, 'bench', '1', 'enquiry', 1, :at, :at, '{}')",
            at=START,
        )
        run(
            "INSERT INTO consent (id, contact_id, channel, address_key, purpose, granted, origin, given_at, "
            f"recorded_at) {numbers} SELECT i, i, 'email', 'k' || i, 'marketing', {yes}, 'bench', :at, :at FROM n",
            at=START,
        )
        run(
            "INSERT INTO enrolment (id, ref, campaign, version, contact_id, episode, event_id, started_at, "
            f"anchor_at, known_at, status, due_at) {numbers} SELECT i, 'e' || i, '{campaign.name}', "
            f"'{campaign.version}', i, 'x', 1, :at, :at, :at, 'active', :later FROM n",
            at=START,
            later=later,
        )
        # Spread over the whole table, as in life.
        step = size // (DUE * rounds)
        for number in range(rounds):
            due = START + timedelta(minutes=30 + number)
            which = sa.and_(
                enrolment.c.id % step == 0,
                enrolment.c.id <= step * DUE * rounds,
                enrolment.c.id.op("/")(step) % rounds == number,
            )
            conn.execute(sa.update(enrolment).where(which).values(due_at=due))
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.exec_driver_sql("ANALYZE")


def _houses(kind: str, sizes: list[int], rounds: int, stack: ExitStack) -> Iterator[tuple[int, House]]:
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
        _fill_store(store, read.campaigns["therapy_basics"], size, rounds)
        print(f"  {kind}: {size:>9,} enrolled, made in {time.perf_counter() - began:.0f} s", flush=True)
        yield size, open_house(store, read, settings)


def measure(kind: str, sizes: list[int], rounds: int) -> float:
    """Prints a row a size and returns the largest median over the smallest."""
    with ExitStack() as stack:
        houses = list(_houses(kind, sizes, rounds + 1, stack))
        times: dict[int, list[float]] = {size: [] for size in sizes}
        for number in range(rounds + 1):
            now = START + timedelta(minutes=30 + number)
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
