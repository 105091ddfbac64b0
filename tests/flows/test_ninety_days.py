"""A form's export is imported and ninety days pass: what must hold of the send log afterwards, whoever enquired."""

import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.catalogue import catalogue
from engine.config import load_settings
from engine.core.consent import Purpose, consent_for, suppressed
from engine.core.enquiry_mapping import Mapping
from engine.core.enquiry_table import Table, read_table
from engine.core.reasons import SENTENCES, Reason
from engine.house import House, open_house
from engine.importing import Imported, import_rows
from engine.providers import Carriers
from engine.providers.mailbox import MailboxProvider
from engine.store import open_store, people, seeing
from engine.store.schema import enrolment, message
from engine.tick import turn

ROOT = Path(__file__).parent.parent.parent
SHARED = Path(os.environ.get("NURTURE_SHARED", ROOT.parent / "shared")) / "data" / "enquiries.csv"


def opened(url: str) -> House:
    settings = load_settings(ROOT)
    store = open_store(url)
    store.migrate()
    return open_house(store, catalogue(ROOT, settings), settings)


def run(url: str, folder: Path, file: Path, start: datetime, days: int = 90) -> tuple[House, Imported]:
    house = opened(url)
    table = read_table(file.read_bytes())
    mapping = Mapping.read((ROOT / "mappings" / "web_form.toml").read_text(encoding="utf-8"))
    assert isinstance(table, Table) and isinstance(mapping, Mapping)
    imported = import_rows(house, table, mapping, start)
    mailbox = MailboxProvider(folder, ())
    for _ in turn(house, Carriers.only(mailbox), start, start + timedelta(days=days)):
        pass
    return house, imported


def close(*houses: House) -> None:
    for house in houses:
        house.store.engine.dispose()


def log_of(house: House) -> bytes:
    with house.store.read() as conn:
        return "\n".join(repr(tuple(row)) for row in seeing.log_rows(conn)).encode()


def files_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def check_all(house: House, imported: Imported, folder: Path, rows: int) -> None:
    """Decision 23's account, nothing twice, consent for everything, a reason for everything."""
    assert len(imported.fates) == rows
    assert all(f.problems for f in imported.fates if f.fate in ("rejected", "empty"))
    with house.store.read() as conn:
        log = seeing.log_rows(conn)
        decided = sum(seeing.decided(conn).values())
        assert Counter(r.status for r in log).total() == decided == len(log)
        assert max(Counter((r.enrolment_id, r.step, r.occurrence) for r in log).values()) == 1
        assert all(SENTENCES[Reason(r.reason)] for r in log)
        assert {r.status for r in log} <= {"sent", "skipped"}
        sent = [r for r in log if r.status == "sent"]
        ids = sorted({r.contact_id for r in sent})
        consents = people.load_consents(conn, ids)
        closed = people.load_suppressions(conn, sorted({r.address_key for r in sent}))
        for r in sent:
            assert consent_for(consents[r.contact_id], r.address_key, Purpose(r.purpose)), r.ref
            assert suppressed(closed.get(r.address_key, ()), r.address_key, Purpose(r.purpose)) is None, r.ref
        still = sa.select(sa.func.count()).where(enrolment.c.status == "active")
        assert conn.execute(still).scalar_one() == 0
        assert conn.execute(sa.select(sa.func.count()).select_from(message)).scalar_one() == len(log)
    accepted = Counter(path.stem.split("_")[3] for path in folder.glob("*/*.txt"))
    assert accepted == {r.ref: 1 for r in sent}


def test_the_sample_balances_and_runs_the_same_twice(tmp_path: Path) -> None:
    start = datetime(2026, 3, 5, 14, 0, tzinfo=UTC)
    file = ROOT / "examples" / "enquiries.csv"
    house, imported = run(f"sqlite:///{tmp_path}/1.db", tmp_path / "1", file, start)
    check_all(house, imported, tmp_path / "1", 31)
    again, _ = run(f"sqlite:///{tmp_path}/2.db", tmp_path / "2", file, start)
    assert log_of(again) == log_of(house)
    assert files_of(tmp_path / "2") == files_of(tmp_path / "1")
    close(house, again)


@pytest.mark.slow
@pytest.mark.contract
@pytest.mark.skipif(not SHARED.exists(), reason="the shared enquiries.csv is not beside this checkout")
def test_the_shared_export_balances_and_runs_the_same_twice(tmp_path: Path, database_url: str) -> None:
    start = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
    house, imported = run(database_url, tmp_path / "1", SHARED, start)
    check_all(house, imported, tmp_path / "1", 326)
    counts = imported.counts()
    assert (counts["duplicate"], counts["rejected"], counts["empty"]) == (15, 4, 1)
    again, _ = run(f"sqlite:///{tmp_path}/2.db", tmp_path / "2", SHARED, start)
    assert log_of(again) == log_of(house)
    assert files_of(tmp_path / "2") == files_of(tmp_path / "1")
    close(house, again)
