"""Rates, spared providers and outages, as several processes see them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta

import pytest
import sqlalchemy as sa

from engine.core.pacing import STRIKES, Meter, Pace, reserve
from engine.store import Store, open_store, schema, senders
from tests.store.rows import NOW, add

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def strikes(store: Store, number: int, now: datetime = NOW) -> datetime | None:
    """So many calls without an answer, one after another; what the last of them said."""
    said = None
    for _ in range(number):
        with store.begin() as conn:
            said = senders.strike(conn, "twilio", "no answer", now)
    return said


def paused(store: Store, now: datetime = NOW) -> datetime:
    """Twilio refuses us, and ops are told."""
    with store.begin() as conn:
        until = senders.pause(conn, "twilio", "wrong password", now)
        senders.alert(conn, "twilio", "wrong password", now)
    return until


def lifted(store: Store, now: datetime) -> None:
    with store.begin() as conn:
        assert senders.to_probe(conn, now) == ["twilio"]
        senders.lift(conn, "twilio", now)


def worked(store: Store) -> None:
    with store.begin() as conn:
        senders.works(conn, "twilio")


def waits(store: Store, now: datetime = NOW) -> dict[str, tuple[datetime, str]]:
    with store.read() as conn:
        return senders.waiting(conn, now)


def alerts(store: Store) -> list[str | None]:
    """By whom each was closed; None: it is open."""
    with store.read() as conn:
        return list(conn.execute(sa.select(schema.task.c.closed_by).order_by(schema.task.c.id)).scalars())


# --- rates


def test_an_account_is_kept_as_it_was_written(bare_store: Store) -> None:
    full = Meter(free_at=NOW, day=date(2027, 1, 5), used=7, promised=NOW + MINUTE)
    with bare_store.begin() as conn:
        assert senders.meter(conn, "twilio") == Meter()
        senders.keep_meter(conn, "twilio", full)
    with bare_store.begin() as conn:
        assert senders.meter(conn, "twilio") == full
        assert senders.meter(conn, "smtp") == Meter()


def test_processes_that_charge_at_once_together_keep_to_the_rate(migrated_url: str) -> None:
    def process(_: int) -> int:
        store = open_store(migrated_url)
        went = 0
        for _ in range(20):
            with store.begin() as conn:
                meter = senders.meter(conn, "twilio")
                answers, meter = reserve(Pace(per_second=1), meter, [1, 1], NOW, NOW.date(), NOW + timedelta(days=1))
                senders.keep_meter(conn, "twilio", meter)
            went += answers.count(None)
        store.engine.dispose()
        return went

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(process, range(4))) == 60


def test_transactions_that_take_two_providers_in_either_order_both_end(migrated_url: str) -> None:
    def process(names: tuple[str, str]) -> None:
        store = open_store(migrated_url)
        for _ in range(25):
            with store.begin() as conn:
                for name in names:
                    senders.strike(conn, name, "no answer", NOW)
                    senders.keep_meter(conn, name, senders.meter(conn, name))
        store.engine.dispose()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(process, [("twilio", "smtp"), ("smtp", "twilio")] * 2))
    store = open_store(migrated_url)
    assert set(waits(store)) == {"twilio", "smtp"}
    store.engine.dispose()


# --- slower


def slowed(store: Store, now: datetime, after: timedelta | None = None) -> timedelta:
    with store.begin() as conn:
        return senders.slow(conn, "twilio", after, now) - now


def test_a_provider_that_asks_for_less_is_spared_for_longer_each_time(bare_store: Store) -> None:
    now, seconds = NOW, []
    for _ in range(7):
        wait = slowed(bare_store, now)
        assert waits(bare_store, now) == {"twilio": (now + wait, "slow_down")}
        now += wait
        assert waits(bare_store, now) == {}
        seconds.append(wait // SECOND)
    assert seconds == [30, 60, 120, 240, 480, 900, 900]


def test_calls_that_were_on_their_way_together_double_nothing(bare_store: Store) -> None:
    assert [slowed(bare_store, NOW) // SECOND for _ in range(64)] == [30] * 64
    assert slowed(bare_store, NOW + 30 * SECOND) == 60 * SECOND


def test_what_the_provider_says_itself_is_kept_to_but_for_an_hour_at_most(bare_store: Store) -> None:
    assert slowed(bare_store, NOW, 5 * SECOND) == 30 * SECOND
    assert slowed(bare_store, NOW, 90 * SECOND) == 90 * SECOND
    assert slowed(bare_store, NOW, timedelta(days=400)) == timedelta(hours=1)


def test_an_acceptance_ends_the_doubling_and_not_the_wait(bare_store: Store) -> None:
    for moment in (0, 30, 90):
        slowed(bare_store, NOW + moment * SECOND)
    with bare_store.begin() as conn:
        assert senders.troubled(conn) == {"twilio"}
        senders.works(conn, "twilio")
        assert senders.troubled(conn) == frozenset()
    assert waits(bare_store, NOW + 91 * SECOND) == {"twilio": (NOW + 210 * SECOND, "slow_down")}
    assert slowed(bare_store, NOW + 210 * SECOND) == 30 * SECOND


# --- outages


def test_five_in_a_row_pause_a_provider_and_four_do_not(bare_store: Store) -> None:
    assert strikes(bare_store, STRIKES - 1) is None
    assert waits(bare_store) == {}
    assert strikes(bare_store, 1) == NOW + 5 * MINUTE
    assert waits(bare_store) == {"twilio": (NOW + 5 * MINUTE, "provider_paused")}


def test_an_acceptance_between_begins_the_row_anew(bare_store: Store) -> None:
    strikes(bare_store, STRIKES - 1)
    with bare_store.begin() as conn:
        assert senders.troubled(conn) == {"twilio"}
    worked(bare_store)
    with bare_store.begin() as conn:
        assert senders.troubled(conn) == frozenset()
    assert strikes(bare_store, STRIKES - 1) is None


def test_a_provider_that_refuses_us_is_paused_at_once(bare_store: Store) -> None:
    assert paused(bare_store) == NOW + 5 * MINUTE


@pytest.mark.parametrize("more", [paused, lambda store, now: strikes(store, 1, now)], ids=["refused", "no answer"])
def test_calls_that_were_on_their_way_make_a_pause_no_longer(
    bare_store: Store, more: Callable[[Store, datetime], datetime]
) -> None:
    until = paused(bare_store)
    assert [more(bare_store, NOW + SECOND) for _ in range(9)] == [until] * 9
    assert alerts(bare_store) == [None]


def test_a_paused_provider_waits_for_its_probe_also_when_the_time_is_over(bare_store: Store) -> None:
    until = paused(bare_store)
    assert waits(bare_store, until) == {"twilio": (until + MINUTE, "provider_paused")}
    lifted(bare_store, until)
    assert waits(bare_store, until) == {}


def test_an_acceptance_that_was_on_its_way_does_not_lift_a_pause(bare_store: Store) -> None:
    paused(bare_store)
    worked(bare_store)
    assert set(waits(bare_store)) == {"twilio"}


def test_one_process_probes(bare_store: Store) -> None:
    until = paused(bare_store)
    with bare_store.begin() as conn:
        assert senders.next_probe(conn) == until
        assert senders.to_probe(conn, until - SECOND) == []
        assert senders.to_probe(conn, until) == ["twilio"]
        assert senders.to_probe(conn, until) == []
        # The one that took it may have died.
        assert senders.to_probe(conn, until + MINUTE) == ["twilio"]


def test_a_pause_goes_on_for_longer_each_time_a_probe_fails(bare_store: Store) -> None:
    until = paused(bare_store)
    minutes = []
    for _ in range(5):
        now = until
        with bare_store.begin() as conn:
            assert senders.to_probe(conn, now) == ["twilio"]
            again = senders.still_down(conn, "twilio", "wrong password", now)
            assert again is not None
            until = again
            assert not senders.alert(conn, "twilio", "wrong password", now)
        minutes.append((until - now) // MINUTE)
    assert minutes == [10, 20, 40, 60, 60]
    assert alerts(bare_store) == [None]


def test_after_a_probe_that_worked_one_failure_is_enough_and_the_pause_is_longer(bare_store: Store) -> None:
    until = paused(bare_store)
    lifted(bare_store, until)
    assert strikes(bare_store, 1, until) == until + 10 * MINUTE


def test_after_an_acceptance_all_is_as_at_first(bare_store: Store) -> None:
    until = paused(bare_store)
    lifted(bare_store, until)
    worked(bare_store)
    assert strikes(bare_store, STRIKES - 1, until) is None
    assert strikes(bare_store, 1, until) == until + 5 * MINUTE


def test_a_late_probe_does_not_pause_what_came_back_meanwhile(bare_store: Store) -> None:
    until = paused(bare_store)
    lifted(bare_store, until)
    with bare_store.begin() as conn:
        assert senders.still_down(conn, "twilio", "no answer", until) is None
    assert waits(bare_store, until) == {}


# --- the alert


def test_each_outage_has_one_alert_and_its_end_closes_it(bare_store: Store) -> None:
    until = paused(bare_store)
    assert alerts(bare_store) == [None]
    lifted(bare_store, until)
    assert alerts(bare_store) == ["engine"]
    paused(bare_store, until)
    assert alerts(bare_store) == ["engine", None]


def test_an_alert_says_what_is_wrong_that_nothing_is_lost_and_what_to_run(bare_store: Store) -> None:
    paused(bare_store)
    with bare_store.read() as conn:
        row = conn.execute(sa.select(schema.task)).one()
    assert row.kind == "provider"
    for part in ("twilio is paused since 2027-01-05 15:00 UTC: wrong password.", "none is lost", "nurture doctor"):
        assert part in row.words


def test_who_closed_the_alert_by_hand_is_not_told_again_of_the_same_outage(bare_store: Store) -> None:
    until = paused(bare_store)
    with bare_store.begin() as conn:
        conn.execute(sa.update(schema.task).values(closed_at=NOW, closed_by="ann"))
        senders.to_probe(conn, until)
        senders.still_down(conn, "twilio", "wrong password", until)
        assert not senders.alert(conn, "twilio", "wrong password", until)
    assert alerts(bare_store) == ["ann"]


def test_a_provider_that_is_not_paused_has_no_alert(bare_store: Store) -> None:
    strikes(bare_store, 1)
    with bare_store.begin() as conn:
        assert not senders.alert(conn, "twilio", "no answer", NOW)


def test_a_provider_that_the_settings_have_no_more_leaves_nothing_open(bare_store: Store) -> None:
    until = paused(bare_store)
    with bare_store.begin() as conn:
        senders.forget(conn, "twilio", until)
        assert senders.next_probe(conn) is None
    assert waits(bare_store, until) == {}
    assert alerts(bare_store) == ["engine"]


# --- what waited for it


def test_what_a_pause_put_off_goes_as_soon_as_it_is_lifted(store: Store) -> None:
    later = NOW + timedelta(hours=1)

    def waiting(number: int, **changed: object) -> int:
        row = {"reason": "provider_paused", "send_at": later, "counts_at": later, "provider": "twilio", **changed}
        return add(store, "message", ref=f"m-{number}", origin=f"o-{number}", occurrence=number, **row)

    woken = [waiting(1), waiting(2), waiting(3, provider=None)]
    others = [
        waiting(4, provider="smtp"),
        waiting(5, reason="try_later"),
        waiting(6, status="cancelled"),
    ]
    now = NOW + MINUTE
    with store.begin() as conn:
        assert senders.wake(conn, "twilio", now, 2) == 2
        assert senders.wake(conn, "twilio", now, 2) == 1
        assert senders.wake(conn, "twilio", now, 2) == 0
        m = schema.message.c
        at = {r.id: (r.send_at, r.counts_at) for r in conn.execute(sa.select(schema.message).where(m.id > 1))}
    assert at == dict.fromkeys(woken, (now, now)) | dict.fromkeys(others, (later, later))
