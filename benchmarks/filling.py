"""A clinic's database as large as asked: people, their consents and enrolments, written by a few statements."""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice

import sqlalchemy as sa

from engine.core.campaign import Campaign
from engine.core.campaign_file import parse_campaign
from engine.core.contact import Channel
from engine.store import Store, enrolments
from engine.store.schema import enrolment

START = datetime(2026, 3, 3, 18, 30, tzinfo=UTC)  # a Tuesday: half past ten in Seattle, half past one in New York
LATER = START + timedelta(days=200)

_NUMBERS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {size})",
    "postgresql": "WITH n(i) AS (SELECT generate_series(1, {size}))",
}
# With two channels, every second person is reached by text only, the others by email only.
_TEXTED = "i % 2 = 1"
# Everybody began at a moment of their own in the day before, and lives in one of six cities of four time zones.
_BEGAN = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', :at, '-' || (i * 7919 % 86400) || ' seconds')",
    "postgresql": ":at - (i::bigint * 7919 % 86400) * interval '1 second'",
}
_STATE = "substr('NYILTXCOCAWA', 1 + 2 * (i % 6), 2)"
_ZIP = "substr('100606752802900981', 1 + 3 * (i % 6), 3) || (10 + i % 89)"
# Numbers that the numbering plan allows: +1 212 200 0001 and on.
_NUMBER = "'+1' || substr('212312214303213206', 1 + 3 * (i % 6), 3) || (2000000 + i)"
_PAYLOAD = """'{"interest": "knee", "source": "website", "comment": "since week ' || i || '"}'"""
_NAME = "substr('AnnBobKimDanEvaIanLeaTom', 1 + 3 * (i % 8), 3)"


def only(campaign: Campaign, channel: Channel) -> Campaign:
    """The campaign with its steps of this channel, as an older version of it that people are on.

    Otherwise the steps that do not reach somebody are skipped on the way: a message would be one and a skipped one.
    """
    head, *steps = campaign.text.split("[[step]]")
    mine = [step for step in steps if re.search(rf"^{channel}\s*=", step, re.MULTILINE)]
    return parse_campaign("[[step]]".join([head, *mine]), name=campaign.name, file=f"campaigns/{campaign.name}.toml")


def fill_store(store: Store, plans: Mapping[Channel, Campaign], size: int) -> None:
    """`size` people, each with an address, a consent and an enrolment that waits until LATER.

    `plans`: what they are on, by the channel that reaches them: of two channels, every second person is texted.
    """
    kind = store.engine.dialect.name
    numbers = _NUMBERS[kind].format(size=size)
    texted = _TEXTED if len(plans) > 1 else "1 = 0"
    channel = f"CASE WHEN {texted} THEN 'sms' ELSE 'email' END"
    plan = plans[Channel.EMAIL]
    version = f"CASE WHEN {texted} THEN '{plans.get(Channel.SMS, plan).version}' ELSE '{plan.version}' END"
    yes = "true" if kind == "postgresql" else "1"
    began = _BEGAN[kind]
    with store.begin() as conn:
        for each in plans.values():
            enrolments.keep_version(conn, each.name, each.version, each.text, START)

        def run(sql: str, **values: object) -> None:
            typed = [sa.bindparam(k, v, type_=enrolment.c.due_at.type) for k, v in values.items()]
            conn.execute(sa.text(sql).bindparams(*typed) if typed else sa.text(sql))

        run(
            f"INSERT INTO contact (id, ref, identity, language, zip, state, created_at) {numbers} "
            f"SELECT i, 'c' || i, 'c' || i, 'en', {_ZIP}, {_STATE}, {began} FROM n",
            at=START,
        )
        run(f"INSERT INTO person (contact_id, first_name) {numbers} SELECT i, {_NAME} FROM n")
        run(
            f"INSERT INTO contact_point (id, contact_id, channel, address, address_key, added_at) {numbers} "
            f"SELECT i, i, {channel}, CASE WHEN {texted} THEN {_NUMBER} ELSE 'a' || i || '@example.com' END, "
            f"'k' || i, {began} FROM n",
            at=START,
        )
        run(
            "INSERT INTO event (id, source, external_id, kind, contact_id, occurred_at, received_at, "
            f"payload) {numbers} SELECT i, 'bench', 'v' || i, 'enquiry', i, {began}, {began}, "
            f"CAST({_PAYLOAD} AS {'json' if kind == 'postgresql' else 'text'}) FROM n",
            at=START,
        )
        run(
            "INSERT INTO consent (id, contact_id, channel, address_key, purpose, granted, origin, given_at, "
            f"recorded_at) {numbers} "
            f"SELECT i, i, {channel}, 'k' || i, 'marketing', {yes}, 'bench', {began}, {began} FROM n",
            at=START,
        )
        run(
            "INSERT INTO enrolment (id, ref, campaign, version, contact_id, episode, event_id, started_at, "
            f"anchor_at, known_at, status, due_at) {numbers} SELECT i, 'e' || i, '{plan.name}', "
            f"{version}, i, 'x', i, {began}, {began}, {began}, 'active', :later FROM n",
            at=START,
            later=LATER,
        )


def count_up(store: Store) -> None:
    """Let the database count what it has, as it does by itself in time: its plans follow from that."""
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.exec_driver_sql("ANALYZE")


def anybody(size: int, channel: Channel = Channel.EMAIL, *, texts: bool = False) -> Iterator[int]:
    """Those whom this channel reaches, from all over the tables, as in life; the same order every time."""
    reached = range(1 if channel is Channel.SMS else 2, size + 1, 2) if texts else range(1, size + 1)
    return iter(random.Random(1).sample(reached, len(reached)))


def let_fall_due(store: Store, who: Iterator[int], count: int, at: datetime) -> None:
    """Of the waiting ones, `count` more fall due at `at`. Whoever was sent something before waits until LATER."""
    e = enrolment.c
    chosen: Sequence[int] = list(islice(who, count))
    if len(chosen) < count:
        raise ValueError("too few are waiting for so many rounds: more --waiting or less --due")
    with store.begin() as conn:
        conn.execute(sa.update(enrolment).where(e.id == sa.bindparam("which")).values(due_at=at), _each(chosen))


def put_off(store: Store, until: datetime) -> None:
    """Whoever would be due before `until` waits until LATER: what a round leaves does not weigh on the next."""
    e = enrolment.c
    with store.begin() as conn:
        waiting = sa.text("enrolment.status = 'active' AND enrolment.due_at IS NOT NULL")
        conn.execute(sa.update(enrolment).where(waiting, e.due_at < until).values(due_at=LATER))


def _each(ids: Sequence[int]) -> list[dict[str, int]]:
    return [{"which": one} for one in ids]
