"""Four real processes on one database, two thousand messages due: each is sent once."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.core.contact import Channel
from engine.store import enrolments, schema
from tests.people import ROOT, Clinic, project

DUE = 2000
PROCESSES = 4


@pytest.fixture
def lean(migrated_url: str, tmp_path: Path) -> Iterator[Clinic]:
    """With chunks as large as they are by default."""
    folder = project(tmp_path / "clinic", "lean")
    settings = folder / "settings.toml"
    settings.write_text(settings.read_text().replace("= 16", "= 32"), encoding="utf-8")
    clinic = Clinic(folder, migrated_url)
    yield clinic
    clinic.close()


def mass(clinic: Clinic, many: int) -> None:
    """So many people with a consented number and one text due; written set-wise, as nobody would import them."""
    now, plan = clinic.now, clinic.house.catalogue.campaigns["note"]
    number = [f"+1617{555 + n // 10000}{n % 10000:04d}" for n in range(many)]
    key = [clinic.house.address_key(Channel.SMS, each) for each in number]
    who = [
        {"ref": f"c{n:015d}", "identity": f"{n}", "language": "en", "state": "MA", "created_at": now}
        for n in range(many)
    ]
    point = {"channel": "sms", "added_at": now}
    consent = {
        "channel": "sms",
        "purpose": "care",
        "granted": True,
        "origin": "event",
        "given_at": now,
        "recorded_at": now,
    }
    event = {"source": "test", "kind": "note", "occurred_at": now, "received_at": now, "payload": {}}
    enrolled = {
        "campaign": plan.name,
        "version": plan.version,
        "started_at": now,
        "anchor_at": now,
        "known_at": now,
        "status": "active",
        "due_at": now,
    }
    each = range(many)
    rows: dict[sa.Table, list[dict[str, object]]] = {
        schema.contact: who,
        schema.person: [{"contact_id": n + 1, "first_name": None} for n in each],
        schema.contact_point: [
            point | {"contact_id": n + 1, "address": number[n], "address_key": key[n]} for n in each
        ],
        schema.consent: [consent | {"contact_id": n + 1, "address_key": key[n]} for n in each],
        schema.event: [event | {"contact_id": n + 1, "external_id": f"{n}"} for n in each],
        schema.enrolment: [
            enrolled | {"contact_id": n + 1, "event_id": n + 1, "ref": f"e{n:015d}", "episode": f"{n}"} for n in each
        ],
    }
    with clinic.store.begin() as conn:
        enrolments.keep_version(conn, plan.name, plan.version, plan.text, now)
        for table, values in rows.items():
            conn.execute(sa.insert(table), values)


def test_each_is_sent_once(lean: Clinic) -> None:
    mass(lean, DUE)
    arguments = (str(lean.folder), lean.url, lean.now.isoformat(), "together", "0")
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.crash.worker", *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    said = [worker.communicate() for worker in workers]
    assert [err for _, err in said] == [""] * PROCESSES
    shares = [int(out) for out, _ in said]
    assert sum(shares) == DUE
    assert sum(share > 0 for share in shares) > 1, "one process did all of it"
    taken = Counter(letter.message for letter in lean.letters())
    assert len(taken) == DUE
    assert set(taken.values()) == {1}
    assert {m.status for m in lean.rows(schema.message)} == {"sent"}
    assert len(lean.rows(schema.attempt)) == DUE
    lean.later(minutes=1).tick()
    assert {e.status for e in lean.rows(schema.enrolment)} == {"completed"}
