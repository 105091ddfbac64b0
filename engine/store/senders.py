"""What each provider may send now: its rate and its day, how long it is spared, and when it is paused.

Whoever charges or changes anything here takes one lock for all providers, so that several processes agree and never
wait for each other in a circle. A provider without limits and without trouble is only looked at, without the lock.
"""

from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from engine.core.messages import Status
from engine.core.pacing import STRIKES, Meter, pause_length, slow_length
from engine.core.reasons import Reason
from engine.store import people, sql
from engine.store.schema import message, provider_pause, sender, task

# A probe is given so long: a process that dies while probing leaves the next probe to another one after this.
PROBE = timedelta(minutes=1)
# A provider that names a moment far away is asked once an hour all the same: nobody is told of it, as of a pause.
LONGEST_WORD = timedelta(hours=1)

_CHARGING = 727172  # the advisory lock of whoever charges or changes a provider's account

_P = provider_pause.c


# ------------------------------------------------------------------------------------------------------- rates


def meter(conn: sa.Connection, provider: str) -> Meter:
    """A sender's account; no other process charges any until the transaction ends."""
    row = _locked(conn, provider)
    return Meter(**{field.name: getattr(row, field.name) for field in fields(Meter)})


def keep_meter(conn: sa.Connection, provider: str, meter: Meter) -> None:
    """Write a sender's account back. Only for a meter read in this transaction."""
    conn.execute(sa.update(sender).where(sender.c.provider == provider).values(**asdict(meter)))


def slow(conn: sa.Connection, provider: str, after: timedelta | None, now: datetime) -> datetime:
    """It asked us to send more slowly: spare it for 30 s, doubling to 15 min, and at least for `after`.

    Until when. Calls that were on their way together are told so together: that doubles nothing.
    """
    row = _locked(conn, provider)
    again: bool = row.slow_until is None or row.slow_until <= now
    until: datetime = now + slow_length(row.slow_times) if again else row.slow_until
    if after is not None:
        until = max(until, now + min(after, LONGEST_WORD))
    values = {"slow_until": until, "slow_times": row.slow_times + again}
    conn.execute(sa.update(sender).where(sender.c.provider == provider).values(**values))
    return until


def _lock(conn: sa.Connection) -> None:
    # A row a provider would not do: one transaction takes providers as its messages come, in any order.
    if sql.postgres(conn):
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_CHARGING)))


def _locked(conn: sa.Connection, provider: str) -> sa.Row[Any]:
    """The provider's account, read under the lock."""
    _lock(conn)
    query = sa.select(sender).where(sender.c.provider == provider)
    row = conn.execute(query).first()
    if row is None:
        conn.execute(sa.insert(sender).values(provider=provider))
        row = conn.execute(query).one()
    return row


# ----------------------------------------------------------------------------------------------------- outages


def waiting(conn: sa.Connection, now: datetime) -> dict[str, tuple[datetime, str]]:
    """Providers that must not be used now: when to ask again, later than now, and the reason's word.

    A paused one stays here until a probe lifts the pause, a spared one until its moment.
    """
    found: dict[str, tuple[datetime, str]] = {}
    for name, until, paused in sql.rows(conn, _WAITING, sql.stored(conn, now)):
        at = sql.moment(until)
        reason = Reason.PROVIDER_PAUSED if paused else Reason.SLOW_DOWN
        found[name] = (_ask_again(at, now) if paused else at, reason.value)
    return found


# The paused come last: of a provider that is both, the pause counts.
_WAITING = """
    SELECT provider, slow_until, 0 FROM sender WHERE slow_until > ?
    UNION ALL SELECT provider, until, 1 FROM provider_pause WHERE until IS NOT NULL
"""
_TROUBLED = "SELECT provider FROM provider_pause UNION SELECT provider FROM sender WHERE slow_times > 0"


def on_trial(conn: sa.Connection) -> dict[str, bool]:
    """Providers that a probe has just let go on and that have not accepted anything since, and whether a message is
    on its way by them.
    """
    return {name: bool(busy) for name, busy in sql.rows(conn, _ON_TRIAL)}


_ON_TRIAL = """
    SELECT p.provider, EXISTS (
        SELECT 1 FROM message m
        WHERE m.status IN ('sending', 'in_doubt', 'held') AND m.status = 'sending' AND m.provider = p.provider
    ) FROM provider_pause p WHERE p.until IS NULL AND p.times > 0
"""


def _ask_again(until: datetime, now: datetime) -> datetime:
    """When to look at a paused provider's messages again: one whose pause has run out is about to be probed."""
    return until if until > now else now + PROBE


def troubled(conn: sa.Connection) -> frozenset[str]:
    """Providers with something to forget: only of these does an acceptance have to be told to `works`."""
    return frozenset(row[0] for row in sql.rows(conn, _TROUBLED))


def works(conn: sa.Connection, provider: str) -> None:
    """It accepted something: strikes and doubling are forgotten.

    Not a pause: calls that began before it are still coming back; only a probe lifts it. Nor the moment until which
    it is spared: a provider that asks us to slow down takes some of what we send all the same.
    """
    if _locked(conn, provider).slow_times:
        conn.execute(sa.update(sender).where(sender.c.provider == provider).values(slow_times=0))
    conn.execute(sa.delete(provider_pause).where(_P.provider == provider, _P.until.is_(None)))
    conn.execute(sa.update(provider_pause).where(_P.provider == provider).values(strikes=0, times=1))


def strike(conn: sa.Connection, provider: str, detail: str, now: datetime) -> datetime | None:
    """One more call without a connection or an answer. Five in a row pause it: until when; else None.

    Of one that is paused already (a call that was on its way) nothing changes: until when it is.
    """
    row = _trouble(conn, provider)
    if row is not None and row.until is not None:
        return _ask_again(row.until, now)
    strikes = 1 if row is None else row.strikes + 1
    if strikes >= STRIKES:
        return _pause(conn, provider, row, detail, now)
    _write(conn, provider, row, {"strikes": strikes, "detail": detail, "times": 0 if row is None else row.times})
    return None


def pause(conn: sa.Connection, provider: str, detail: str, now: datetime) -> datetime:
    """It refuses us altogether: pause it at once. Until when; one that is paused already stays as it is."""
    row = _trouble(conn, provider)
    if row is not None and row.until is not None:
        return _ask_again(row.until, now)
    return _pause(conn, provider, row, detail, now)


def _pause(conn: sa.Connection, provider: str, row: sa.Row[Any] | None, detail: str, now: datetime) -> datetime:
    times = 0 if row is None else row.times
    since = now if row is None or row.since is None else row.since
    until = now + pause_length(times)
    values = {"strikes": STRIKES, "since": since, "until": until, "times": times + 1, "detail": detail}
    _write(conn, provider, row, values)
    return until


def _trouble(conn: sa.Connection, provider: str) -> sa.Row[Any] | None:
    """What is known of its failures, read under the lock; None: nothing."""
    _lock(conn)
    return conn.execute(sa.select(provider_pause).where(_P.provider == provider)).first()


def _write(conn: sa.Connection, provider: str, row: sa.Row[Any] | None, values: dict[str, Any]) -> None:
    if row is None:
        conn.execute(sa.insert(provider_pause).values(provider=provider, **values))
    else:
        conn.execute(sa.update(provider_pause).where(_P.provider == provider).values(**values))


# ------------------------------------------------------------------------------------------------------ probes


def next_probe(conn: sa.Connection) -> datetime | None:
    """When the next pause runs out; None when no provider is paused."""
    return conn.execute(sa.select(sa.func.min(_P.until, type_=_P.until.type))).scalar()


def to_probe(conn: sa.Connection, now: datetime) -> list[str]:
    """Providers whose pause has run out, taken for this probe: another process leaves them alone for a minute."""
    _lock(conn)
    query = sa.update(provider_pause).where(_P.until <= now).values(until=now + PROBE)
    return sorted(conn.execute(query.returning(_P.provider)).scalars())


def probe_now(conn: sa.Connection, now: datetime) -> None:
    """End the waiting of all pauses: the next look probes their providers. For after a repair."""
    _lock(conn)
    conn.execute(sa.update(provider_pause).where(_P.until > now).values(until=now))


def still_down(conn: sa.Connection, provider: str, detail: str, now: datetime) -> datetime | None:
    """A probe failed: the pause goes on, longer. Until when; None when it was lifted meanwhile."""
    row = _trouble(conn, provider)
    return None if row is None or row.until is None else _pause(conn, provider, row, detail, now)


def lift(conn: sa.Connection, provider: str, now: datetime) -> None:
    """A probe went through: it may send again, and its alert is closed. The next failure pauses it again, longer."""
    _close_alert(conn, provider, now)
    values = {"strikes": STRIKES - 1, "since": None, "until": None}
    conn.execute(sa.update(provider_pause).where(_P.provider == provider).values(**values))


def forget(conn: sa.Connection, provider: str, now: datetime) -> None:
    """The settings have it no more: its pause is gone, and its alert closed."""
    _close_alert(conn, provider, now)
    conn.execute(sa.delete(provider_pause).where(_P.provider == provider))


def wake(conn: sa.Connection, provider: str, now: datetime, limit: int) -> int:
    """Let up to `limit` messages that a pause put off be sent now; how many those were.

    One that has no provider's name was put off before it was handed to any.
    """
    m = message.c
    of = sa.or_(m.provider == provider, m.provider.is_(None))
    query = (
        sa.select(m.id)
        .where(sa.text("message.status = 'queued'"), m.reason == Reason.PROVIDER_PAUSED, m.send_at > now, of)
        .order_by(m.send_at, m.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = list(conn.execute(query).scalars())
    which = sa.and_(m.id.in_(ids), m.status == Status.QUEUED)
    conn.execute(sa.update(message).where(which).values(send_at=now, counts_at=now))
    return len(ids)


# ------------------------------------------------------------------------------------------------------- alert


def alert(conn: sa.Connection, provider: str, detail: str, now: datetime) -> bool:
    """Tell ops of an outage, once for each. False when they were told already, or it is over."""
    since = conn.execute(sa.select(_P.since).where(_P.provider == provider)).scalar()
    if since is None:
        return False
    words = (
        f"The provider {provider} is paused since {since:%Y-%m-%d %H:%M} UTC: {detail.strip().rstrip('.')}. "
        "Its messages wait, and none is lost; it is tried again by itself, without sending. "
        f"If it does not come back, run: nurture doctor. It says what to repair in {provider}'s settings or account."
    )
    return people.open_task(conn, _key(provider, since), "provider", words, now)


def _key(provider: str, since: datetime) -> str:
    return f"provider:{provider}:{since.isoformat()}"


def _close_alert(conn: sa.Connection, provider: str, now: datetime) -> None:
    row = _trouble(conn, provider)
    if row is not None and row.since is not None:
        mine = sa.and_(task.c.key == _key(provider, row.since), task.c.closed_at.is_(None))
        conn.execute(sa.update(task).where(mine).values(closed_at=now, closed_by="engine"))
