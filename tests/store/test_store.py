"""One conformance suite for SQLite and PostgreSQL: what the database itself refuses, keeps and hands out."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from engine.core.consent import PURPOSES, Purpose, SuppressionReason, suppressed
from engine.core.contact import Channel
from engine.core.messages import Status
from engine.store import Store, StoreError, enrolments, marks, open_store, outbox, people, schema
from tests.core.moments import utc
from tests.store.rows import NOW, ROWS, add

# --- the schema


def test_migrations_lead_from_nothing_to_the_schema(empty_store: Store) -> None:
    empty_store.migrate()
    empty_store.check()
    with empty_store.read() as conn:
        assert set(sa.inspect(conn).get_table_names()) == {*schema.metadata.tables, "alembic_version"}


def test_the_migrations_and_the_schema_say_the_same(bare_store: Store) -> None:
    with bare_store.read() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, schema.metadata) == []


def test_partial_indexes_are_partial(bare_store: Store) -> None:
    """Autogenerate does not compare their conditions, and a whole index would cost every tick."""
    partial = {
        "ix_enrolment_due": "active",
        "ix_message_outbox": "queued",
        "ix_message_open": "in_doubt",
        "ix_task_open": "closed_at",
    }
    kind = bare_store.engine.dialect.name
    query = (
        "SELECT indexname, indexdef FROM pg_indexes" if kind == "postgresql" else "SELECT name, sql FROM sqlite_master"
    )
    with bare_store.read() as conn:
        made = {name: sql for name, sql in conn.execute(sa.text(query)) if name in partial}
    assert {name: word in made[name].partition("WHERE")[2] for name, word in partial.items()} == dict.fromkeys(
        partial, True
    )


def test_migrating_twice_does_no_harm(empty_store: Store) -> None:
    empty_store.migrate()
    add(empty_store, "contact")
    empty_store.migrate()
    with empty_store.read() as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(schema.contact)).scalar() == 1


def test_two_processes_may_migrate_at_once(database_url: str) -> None:
    code = "import sys; from engine.store import open_store; open_store(sys.argv[1]).migrate()"
    both = [
        subprocess.Popen([sys.executable, "-c", code, database_url], stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [(process.communicate()[1], process.returncode) for process in both] == [("", 0), ("", 0)]


def test_what_is_written_survives_a_reopening(migrated_url: str) -> None:
    first = open_store(migrated_url)
    add(first, "contact")
    first.engine.dispose()
    second = open_store(migrated_url)
    with second.read() as conn:
        assert people.contact_by_ref(conn, "contact-1") == 1
    second.engine.dispose()


# --- what is said when it cannot be used


def test_an_empty_database_says_what_to_run(empty_store: Store) -> None:
    with pytest.raises(StoreError, match=r"is at schema none, this version needs \S+\. Run: nurture migrate$"):
        empty_store.check()


def test_a_newer_database_is_refused(bare_store: Store) -> None:
    with bare_store.begin() as conn:
        conn.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="is at schema 9999"):
        bare_store.check()


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("postgresql+psycopg://postgres@/x?host=/nowhere", id="no server"),
        pytest.param("sqlite:////{folder}", id="a folder"),
        pytest.param("sqlite:////{folder}/notes.txt", id="a file of another kind"),
    ],
)
def test_a_database_that_cannot_be_opened_names_the_setting(url: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Buy milk. " * 200)
    store = open_store(url.format(folder=str(tmp_path).lstrip("/")))
    with pytest.raises(StoreError, match=r"cannot be opened \(\w+\)\. Check `database\.url` in settings\.toml\."):
        store.check()
    store.engine.dispose()


def test_an_error_repeats_nobodys_number(store: Store) -> None:
    with pytest.raises(sa.exc.IntegrityError) as caught:
        add(store, "contact_point", address="+16175550199")
    assert "+16175550199" not in str(caught.value).partition("[SQL")[2]


# --- what must not happen twice


@pytest.mark.parametrize(
    ("table", "changed"),
    [
        pytest.param("contact", {"ref": "other"}, id="a person of the same identity"),
        pytest.param("contact", {"identity": "other"}, id="a contact of the same name"),
        pytest.param("contact_point", {"address": "other"}, id="an address of a contact"),
        pytest.param("event", {"kind": "other"}, id="an event"),
        pytest.param("enrolment", {"ref": "other"}, id="an episode"),
        pytest.param("enrolment", {"episode": "other"}, id="an enrolment of the same name"),
        pytest.param("message", {"ref": "other", "origin": "other"}, id="a step's occurrence"),
        pytest.param("message", {"ref": "other", "step": "other"}, id="an origin"),
        pytest.param("message", {"origin": "other", "step": "other"}, id="a message of the same name"),
        pytest.param("attempt", {"provider": "other"}, id="an attempt's number"),
        pytest.param("message_body", {"text": "other"}, id="the words of an attempt"),
        pytest.param("receipt", {"word": "other"}, id="a receipt"),
        pytest.param("reply", {"words": "other"}, id="a reply"),
        pytest.param("task", {"words": "other"}, id="a task for one cause"),
        pytest.param("decline", {"reason": "other"}, id="a decline of one event"),
        pytest.param("campaign_version", {"source": "other"}, id="a version"),
        pytest.param("campaign_pause", {"actor": "other"}, id="a pause"),
    ],
)
def test_the_database_refuses_it_twice(store: Store, table: str, changed: dict[str, str]) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        add(store, table, **changed)
    with store.begin() as conn:
        # The same by the way that takes no for an answer.
        assert people.insert_once(conn, schema.metadata.tables[table], {**ROWS[table], **changed}) is None


@pytest.mark.parametrize(
    ("table", "changed"),
    [
        pytest.param("event", {"source": "other"}, id="the same id from another source"),
        pytest.param("enrolment", {"ref": "b", "episode": "e-2"}, id="another episode"),
        pytest.param("message", {"ref": "b", "origin": "b", "occurrence": 1}, id="another occurrence"),
        pytest.param("message", {"ref": "b", "origin": "b", "enrolment_id": None}, id="an answer beside it"),
        pytest.param("contact_point", {"channel": "email"}, id="the same key on another channel"),
        pytest.param("receipt", {"provider": "other"}, id="another provider's receipt"),
        pytest.param("attempt", {"number": 2}, id="another attempt"),
    ],
)
def test_what_only_looks_the_same_is_taken(store: Store, table: str, changed: dict[str, object]) -> None:
    add(store, table, **changed)
    with store.read() as conn:
        rows = sa.select(sa.func.count()).select_from(schema.metadata.tables[table])
        assert conn.execute(rows).scalar_one() == 2


@pytest.mark.parametrize(
    ("table", "changed"),
    [
        ("message", {"ref": "b", "origin": "b", "step": "b", "enrolment_id": 99}),
        ("enrolment", {"ref": "b", "episode": "b", "contact_id": 99}),
        ("attempt", {"message_id": 99}),
    ],
    ids=["a message of no enrolment", "an enrolment of nobody", "an attempt at nothing"],
)
def test_rows_that_hang_in_the_air_are_refused(store: Store, table: str, changed: dict[str, object]) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        add(store, table, **changed)


def test_a_failure_in_the_middle_leaves_nothing(bare_store: Store) -> None:
    def fail() -> None:
        with bare_store.begin() as conn:
            conn.execute(sa.insert(schema.contact).values(**ROWS["contact"]))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with bare_store.read() as conn:
        assert people.contact_by_ref(conn, "contact-1") is None


# --- moments


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2027, 1, 5, 15, 0, tzinfo=UTC),
        datetime(2027, 1, 5, 15, 0, 0, 1, tzinfo=UTC),
        datetime(2027, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2027, 1, 5, 20, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        datetime(1999, 2, 28, tzinfo=UTC),
    ],
    ids=str,
)
def test_a_moment_comes_back_as_it_was_in_utc(bare_store: Store, moment: datetime) -> None:
    with bare_store.begin() as conn:
        conn.execute(sa.insert(schema.mark).values(name="m", at=moment))
    with bare_store.read() as conn:
        found = conn.execute(sa.select(schema.mark.c.at)).scalar_one()
    assert found == moment
    assert found.utcoffset() == timedelta()


def test_moments_sort_and_compare_as_moments(bare_store: Store) -> None:
    moments = [
        datetime(2027, 1, 5, 15, 0, tzinfo=UTC),
        datetime(2027, 1, 5, 15, 0, 0, 500, tzinfo=UTC),
        datetime(2027, 1, 5, 10, 1, tzinfo=timezone(timedelta(hours=-5))),
        datetime(2027, 1, 5, 15, 1, 1, tzinfo=UTC),
    ]
    c = schema.mark.c
    with bare_store.begin() as conn:
        for name, at in reversed(list(enumerate(moments))):
            conn.execute(sa.insert(schema.mark).values(name=str(name), at=at))
        assert list(conn.execute(sa.select(c.name).order_by(c.at)).scalars()) == ["0", "1", "2", "3"]
        for number, at in enumerate(moments):
            before = conn.execute(sa.select(sa.func.count()).where(c.at < at)).scalar()
            until = conn.execute(sa.select(sa.func.count()).where(c.at <= at)).scalar()
            assert (before, until) == (number, number + 1)


def test_a_moment_without_a_zone_is_refused(bare_store: Store) -> None:
    with pytest.raises(sa.exc.StatementError, match="without a zone"), bare_store.begin() as conn:
        marks.tick_at(conn, datetime(2027, 1, 5, 15, 0))


# --- claims


def many(store: Store, count: int) -> None:
    """So many due enrolments and queued messages, beside the first of each."""
    with store.begin() as conn:
        rows = [{**ROWS["enrolment"], "ref": f"e{n}", "episode": f"x{n}"} for n in range(count - 1)]
        conn.execute(sa.insert(schema.enrolment), rows)
        queued = [
            {**ROWS["message"], "ref": f"m{n}", "origin": f"o{n}", "enrolment_id": n + 2} for n in range(count - 1)
        ]
        conn.execute(sa.insert(schema.message), queued)


def claims(store: Store, take: object) -> list[int]:
    """What four threads claim, each until nothing is left."""

    def worker(_: int) -> list[int]:
        mine: list[int] = []
        while True:
            with store.begin() as conn:
                found = take(conn)  # type: ignore[operator]
                if not found:
                    return mine
                mine += found

    with ThreadPoolExecutor(4) as pool:
        return [i for each in pool.map(worker, range(4)) for i in each]


def test_enrolments_are_claimed_once(store: Store) -> None:
    many(store, 200)

    def take(conn: sa.Connection) -> list[int]:
        found = [e.id for e in enrolments.claim_due(conn, "guide", NOW, 7)]
        conn.execute(sa.update(schema.enrolment).where(schema.enrolment.c.id.in_(found)).values(due_at=None))
        return found

    assert sorted(claims(store, take)) == list(range(1, 201))


def test_messages_are_claimed_once(store: Store) -> None:
    many(store, 200)

    def take(conn: sa.Connection) -> list[int]:
        ids = outbox.due_ids(conn, ["guide"], NOW, 7)
        found = [c.id for c in outbox.claim(conn, ids, NOW)]
        conn.execute(sa.update(schema.message).where(schema.message.c.id.in_(found)).values(status=Status.SENDING))
        # On PostgreSQL another may have been quicker with all of them: then there is more to come.
        return found or [-1] * bool(ids)

    assert sorted(i for i in claims(store, take) if i > 0) == list(range(1, 201))


@pytest.fixture
def two(store: Store) -> Iterator[tuple[sa.Connection, sa.Connection]]:
    """Two open transactions on PostgreSQL; SQLite has one writer at a time."""
    if store.engine.dialect.name == "sqlite":
        pytest.skip("SQLite lets one transaction write at a time")
    with store.begin() as one, store.begin() as other:
        yield one, other


def test_what_one_holds_another_passes_over(store: Store, two: tuple[sa.Connection, sa.Connection]) -> None:
    many(store, 3)
    one, other = two
    assert [e.id for e in enrolments.claim_due(one, "guide", NOW, 2)] == [1, 2]
    assert [e.id for e in enrolments.claim_due(other, "guide", NOW, 2)] == [3]
    assert [c.id for c in outbox.claim(one, [1, 2], NOW)] == [1, 2]
    assert [c.id for c in outbox.claim(other, [1, 2, 3], NOW)] == [3]


def test_a_message_is_not_taken_while_another_changes_its_enrolment(
    store: Store, two: tuple[sa.Connection, sa.Connection]
) -> None:
    many(store, 2)
    one, other = two
    enrolments.hold(one, ids=[1, None])
    assert [c.id for c in outbox.claim(other, [1, 2], NOW)] == [2]


def test_a_message_is_claimed_when_due_and_not_before(store: Store) -> None:
    with store.begin() as conn:
        assert outbox.due_ids(conn, ["guide"], NOW - timedelta(seconds=1), 9) == []
        assert outbox.claim(conn, [1], NOW - timedelta(seconds=1)) == []
        assert outbox.due_ids(conn, ["guide"], NOW, 9) == [1]
        assert [c.id for c in outbox.claim(conn, [1], NOW)] == [1]


def test_the_campaigns_come_in_the_order_given(store: Store) -> None:
    add(store, "message", ref="b", origin="b", step="b", campaign="care")
    with store.read() as conn:
        assert outbox.due_ids(conn, ["care", "guide"], NOW, 9) == [2, 1]
        assert outbox.due_ids(conn, ["care", "guide"], NOW, 1) == [2]
        assert outbox.due_ids(conn, ["guide"], NOW, 9) == [1]


def test_a_change_that_comes_too_late_changes_nothing(store: Store) -> None:
    with store.begin() as conn:
        assert outbox.change(conn, 1, Status.QUEUED, {"status": Status.SENDING})
        assert not outbox.change(conn, 1, Status.QUEUED, {"status": Status.SENDING})


# --- what only grows


def test_consents_and_suppressions_are_never_changed_or_removed(store: Store) -> None:
    seen: list[sa.Row[tuple[object, ...]]] = []
    for number, (reason, lifted) in enumerate(
        [(SuppressionReason.STOP, False), (SuppressionReason.STOP, True), (SuppressionReason.STOP, False)]
    ):
        with store.begin() as conn:
            people.suppress(
                conn,
                Channel.SMS,
                "k-1",
                reason,
                "test",
                NOW + timedelta(hours=number),
                purposes=PURPOSES,
                lifted=lifted,
            )
            rows = list(conn.execute(sa.select(schema.suppression).order_by(schema.suppression.c.id)))
            assert rows[: len(seen)] == seen
            seen = rows
            stands = suppressed(people.load_suppressions(conn, ["k-1"])["k-1"], "k-1", Purpose.CARE)
            assert stands is (None if lifted else SuppressionReason.STOP)
    assert len(seen) == 3 * len(PURPOSES)


def test_the_code_has_no_way_to_change_what_only_grows() -> None:
    """Nothing in the store updates or deletes these tables."""
    source = "".join(path.read_text() for path in Path(people.__file__).parent.glob("*.py"))
    for table in (
        "consent",
        "suppression",
        "event",
        "receipt",
        "message_body",
        "campaign_version",
        "decline",
    ):
        for verb in ("update", "delete"):
            assert f"sa.{verb}({table})" not in source


def test_a_version_keeps_the_text_it_was_first_seen_with(store: Store) -> None:
    with store.begin() as conn:
        enrolments.keep_version(conn, "guide", "v1", "another text", NOW)
        enrolments.keep_version(conn, "guide", "v2", "two", NOW)
        assert enrolments.version_source(conn, "guide", "v1") == "..."
        assert enrolments.version_source(conn, "guide", "v2") == "two"
        assert enrolments.version_source(conn, "guide", "v3") is None


def test_what_is_known_of_a_person_is_filled_in_and_not_overwritten(store: Store) -> None:
    with store.begin() as conn:
        people.fill_contact(conn, 1, {"state": "MA", "zip": None}, {"first_name": "Anna", "last_name": "Lee"})
        people.fill_contact(conn, 1, {"state": "FL", "zip": "02110"}, {"first_name": None, "last_name": "Li"})
        found = people.load_contacts(conn, [1])[1]
    assert (found.state, found.zip, found.first_name, found.last_name) == ("MA", "02110", "Ann", "Lee")


def test_the_clock_of_a_database_is_never_turned_back(bare_store: Store) -> None:
    with bare_store.begin() as conn:
        for moment in ("Tue 2027-01-05 15:00", "Tue 2027-01-05 16:00", "Tue 2027-01-05 15:30"):
            marks.tick_at(conn, utc(moment))
        assert conn.execute(sa.select(schema.mark.c.at)).scalar_one() == utc("Tue 2027-01-05 16:00")


def test_campaigns_are_paused_and_resumed(bare_store: Store) -> None:
    with bare_store.begin() as conn:
        assert marks.pause(conn, "guide", "ann", NOW)
        assert not marks.pause(conn, "guide", "bob", NOW)
        assert marks.paused(conn) == {"guide"}
        assert marks.resume(conn, "guide")
        assert not marks.resume(conn, "guide")
        assert marks.paused(conn) == frozenset()


def test_sqlite_keeps_what_it_was_told(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/new/folder/nurture.db")
    with store.begin() as conn:
        pragmas = {
            name: conn.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("synchronous", "foreign_keys", "journal_mode")
        }
    store.engine.dispose()
    assert pragmas == {"synchronous": 2, "foreign_keys": 1, "journal_mode": "wal"}
    assert (tmp_path / "new/folder").stat().st_mode & 0o077 == 0
