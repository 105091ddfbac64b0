"""A file of enquiries on a database: every row has a fate, and the same file again changes nothing."""

from dataclasses import replace
from datetime import timedelta

import sqlalchemy as sa

from engine.core.enquiry_mapping import Mapping, guess_mapping
from engine.core.enquiry_table import Table, read_table, rejects_csv
from engine.importing import Imported, import_rows
from engine.store import schema
from tests.core.moments import utc
from tests.people import ROOT, START, Clinic

HEADER = (
    "First name,Last name,E-mail,Mobile phone,ZIP,State,Preferred language,Where does it hurt?,"
    "Email me the guide,Text me (up to 4 msgs/mo),Submitted at,IP,Anything else?\n"
)
ROWS = """\
Ann,Lee,ann@example.com,617-555-0101,02139,MA,,knee,Yes,Yes,2027-01-05T14:00:00Z,203.0.113.7,
Bob,Orr,,617-555-0102,02139,MA,,,,Yes,2027-01-05T14:01:00Z,203.0.113.8,
Cat,Dee,cat@example.com,617-555-0103,02139,MA,,back,Yes,Yes,2027-01-05T14:02:00Z,203.0.113.9,STOP
Dan,Fox,dan@example.org,,02139,MA,,,Yes,,2027-01-05T14:03:00Z,203.0.113.10,
Eve,Ray,eve@example,12345,02139,MA,,,Yes,Yes,2027-01-05T14:04:00Z,203.0.113.11,
,,,,,,,,,,,,
Old,Kay,old@example.com,,02139,MA,,,Yes,,2026-12-15T14:00:00Z,203.0.113.12,
"""


def mapping() -> Mapping:
    found = Mapping.read((ROOT / "mappings/web_form.toml").read_text(encoding="utf-8"))
    assert isinstance(found, Mapping)
    return replace(found, consents=tuple(replace(c, form="web") for c in found.consents))


def imported(clinic: Clinic, text: str, *, dry_run: bool = False) -> Imported:
    table = read_table(text.encode())
    assert isinstance(table, Table)
    return import_rows(clinic.house, table, mapping(), clinic.now, dry_run=dry_run)


def everything(clinic: Clinic) -> dict[str, list[sa.Row[tuple[object, ...]]]]:
    with clinic.store.read() as conn:
        return {t.name: list(conn.execute(sa.select(t))) for t in schema.metadata.sorted_tables}


def test_every_row_has_a_fate(clinic: Clinic) -> None:
    done = imported(clinic, HEADER + ROWS)
    assert [f.fate for f in done.fates] == [
        "enrolled",
        "enrolled",
        "taken",
        "enrolled",
        "rejected",
        "empty",
        "enrolled",
    ]
    assert dict(done.fates[2].declined) == {"guide": "no_consent"}
    assert len(done.rejects) == 1
    assert done.fates[4].problems


def test_the_same_file_again_changes_nothing(clinic: Clinic) -> None:
    first = imported(clinic, HEADER + ROWS)
    clinic.turn(START + timedelta(days=5))
    before = everything(clinic)
    again = imported(clinic, HEADER + ROWS)
    assert [f.fate for f in again.fates] == ["duplicate" if f.contact else f.fate for f in first.fates]
    assert everything(clinic) == before
    clinic.turn(clinic.now + timedelta(days=30))
    assert clinic.twice() == {}


def test_a_corrected_reject_is_taken_and_the_rest_is_not_taken_twice(clinic: Clinic) -> None:
    done = imported(clinic, HEADER + ROWS)
    rejects = rejects_csv(HEADER.strip().split(","), done.rejects)
    corrected = rejects.replace("eve@example,", "eve@example.com,").replace("12345", "617-555-0105", 1)
    again = imported(clinic, corrected)
    assert [f.fate for f in again.fates] == ["enrolled"]
    assert [f.fate for f in imported(clinic, corrected).fates] == ["duplicate"]


def test_a_dry_run_writes_nothing(clinic: Clinic) -> None:
    before = everything(clinic)
    done = imported(clinic, HEADER + ROWS, dry_run=True)
    assert len(done.fates) == 7
    assert everything(clinic) == before


def test_rows_three_weeks_old_begin_with_one_message_at_most(clinic: Clinic) -> None:
    imported(clinic, HEADER + ROWS)
    clinic.turn(START + timedelta(hours=8))
    old = [row for row in clinic.log() if row.startswith("guide.")]
    assert "guide.welcome - skipped (no_address)" in old
    with clinic.store.read() as conn:
        m, p = schema.message.c, schema.contact_point.c
        query = sa.select(m.step, m.status, m.sent_at).join(schema.contact_point, p.contact_id == m.contact_id)
        rows = list(conn.execute(query.where(p.address == "old@example.com").order_by(m.id)))
    assert [(r.step, r.status) for r in rows] == [("welcome", "skipped"), ("first", "sent")]
    assert rows[1].sent_at == utc("Tue 2027-01-05 15:10")


def test_the_guessed_mapping_is_close_to_the_shipped_one() -> None:
    guessed = guess_mapping(HEADER.strip().split(","))
    assert dict(guessed.columns) == dict(mapping().columns)
