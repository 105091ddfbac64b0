"""What nurture stands on: secrets, the database, the disk, the clock."""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from engine.checkup import Check, failed, not_checked, ok, warning
from engine.config import Settings
from engine.config.mistakes import variable
from engine.store import Store, StoreError, health, open_store

Clock = Callable[[], datetime]

LITTLE_SPACE, NO_SPACE = 1_000_000_000, 100_000_000  # bytes
# A clock that is off by more spoils quiet hours by minutes; by less, only the order of rows.
CLOCK_SLIPS, CLOCK_WRONG = timedelta(seconds=5), timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Reading:
    """Another clock, and ours at the same moment."""

    whose: str
    theirs: datetime
    ours: datetime


# -------------------------------------------------------------------------------------------------- settings


def readable(settings: Settings) -> Check:
    """They were read, or we would not be here."""
    return ok("settings", f"settings.toml in {settings.project} can be read, and nothing in it is wrong.")


def secrets(settings: Settings) -> Check:
    """Which are set, by name. That none is missing is seen when the settings are read."""
    known = {
        ("secret_key",): settings.secret_key,
        ("twilio", "auth_token"): settings.twilio.auth_token,
        ("twilio", "api_key_secret"): settings.twilio.api_key_secret,
        ("sendgrid", "api_key"): settings.sendgrid.api_key,
        ("smtp", "password"): settings.smtp.password,
    }
    there = [variable(place) for place, value in known.items() if value is not None]
    if not there:
        return ok("secrets", "None is set, and none is needed while every provider is the mailbox.")
    return ok("secrets", f"Set in the environment: {', '.join(there)}.")


# --------------------------------------------------------------------------------------------------- database


def database(url: str, clock: Clock, readings: list[Reading]) -> Iterator[Check]:
    """Whether it can be opened, is of this version, can be written and is sound. PostgreSQL's clock is read as well.

    An SQLite file that is not there yet is not made.
    """
    try:
        where = sa.make_url(url)
    except sa.exc.ArgumentError:
        yield failed("database", "`database.url` is no address of a database.", "Correct it: nurture settings shows it")
        return
    embedded = where.get_backend_name() == "sqlite"
    path = Path(where.database or ":memory:")
    if embedded and not path.exists():
        yield _not_yet(path)
        return
    if embedded:
        yield _file(path)
    store = open_store(url)
    try:
        yield from _opened(store, embedded, clock, readings)
    except sa.exc.DBAPIError as error:
        # The class only: the driver's text may repeat the password, or somebody's data.
        remedy = "Check `database.url`, and that the database runs and lets nurture in."
        yield failed("database", f"It cannot be opened ({type(error.orig).__name__}).", remedy)
    finally:
        store.engine.dispose()


def _not_yet(path: Path) -> Check:
    folder = nearest_folder(path)
    if not os.access(folder, os.W_OK):
        return failed("database", f"{path} is not there, and cannot be made.", f"Let nurture write into {folder}.")
    return not_checked("database", f"{path} is not there yet; the first command that needs it makes it.")


def _file(path: Path) -> Check:
    files = [file for end in ("", "-wal", "-shm") if (file := path.with_name(path.name + end)).exists()]
    open_ones = [str(file) for file in files if file.stat().st_mode & 0o077]
    if open_ones:
        found = "Others on this machine can read or change patients' data."
        return failed("database: file", found, f"chmod 600 {' '.join(open_ones)}")
    return ok("database: file", f"{path}, for its owner only.")


def _opened(store: Store, embedded: bool, clock: Clock, readings: list[Reading]) -> Iterator[Check]:
    with store.read() as conn:
        if embedded:
            yield _sound(conn)
        else:
            readings.append(Reading("PostgreSQL", health.postgresql_clock(conn), clock()))
            yield _durable(health.postgresql_settings(conn))
    try:
        store.check()
    except StoreError as error:
        yield failed("database: schema", str(error), "Stop every `nurture run` first.")
        return
    yield ok("database: schema", "It is that of this version.")
    yield _writing(store, clock())


def _writing(store: Store, now: datetime) -> Check:
    try:
        health.write_and_take_back(store, now)
    except sa.exc.DBAPIError as error:
        remedy = "See that the disk has room, that nurture may write there, and that it is no read-only copy."
        return failed("database: writing", f"Nothing can be written ({type(error.orig).__name__}).", remedy)
    return ok("database: writing", "It can be written.")


def _sound(conn: sa.Connection) -> Check:
    if not health.sqlite_is_sound(conn):
        remedy = "Stop `nurture run`, keep a copy of the file, and go back to the last backup: docs/reliability.md"
        return failed("database: integrity", "SQLite's own check says that the file is damaged.", remedy)
    journal = health.sqlite_journal(conn)
    if journal != "wal":
        remedy = "Put the file on a disk of this machine: on a network drive SQLite may lose data."
        return warning("database: integrity", f"The file is sound; its journal is {journal} instead of wal.", remedy)
    return ok("database: integrity", "The file is sound; its journal is wal.")


def _durable(says: Mapping[str, str]) -> Check:
    name, version = "database: durability", f"PostgreSQL {says['server_version']}"
    off = [f"{setting} = off" for setting in ("fsync", "synchronous_commit") if says[setting] == "off"]
    if off:
        remedy = "Switch it on in postgresql.conf: after a power cut, what was sent could be sent again."
        return failed(name, f"{version} has {' and '.join(off)}: it forgets commits.", remedy)
    return ok(name, f"{version} keeps what it has committed.")


# ------------------------------------------------------------------------------------------------------- disk


def disk(places: Mapping[str, Path]) -> Iterator[Check]:
    """Free space where these lie, or will lie."""
    for name, place in places.items():
        folder = nearest_folder(place)
        yield space(f"disk: {name}", folder, shutil.disk_usage(folder).free)


def space(name: str, folder: Path, free: int) -> Check:
    """Whether so many bytes are enough. A full disk stops everything: no intent can be committed."""
    found = (
        f"{free / 1e9:,.1f} GB free at {folder}." if free >= LITTLE_SPACE else f"{free / 1e6:,.0f} MB free at {folder}."
    )
    if free >= LITTLE_SPACE:
        return ok(name, found)
    remedy = "Make room: when the disk is full nothing can be sent."
    return (failed if free < NO_SPACE else warning)(name, found, remedy)


def nearest_folder(place: Path) -> Path:
    """The folder itself, or the nearest above that is there."""
    return next(path for path in (place, *place.absolute().parents) if path.is_dir())


# ------------------------------------------------------------------------------------------------------ clock


def clocks(readings: Iterable[Reading]) -> Iterator[Check]:
    """Our clock against those that were read on the way: quiet hours and lateness go by ours."""
    none = True
    for reading in readings:
        none = False
        yield _off(f"clock against {reading.whose}", reading.theirs - reading.ours)
    if none:
        remedy = "See that the machine keeps its time (NTP, chrony, systemd-timesyncd)."
        yield not_checked("clock", "Nothing here tells the time: neither PostgreSQL nor a real provider.", remedy)


def _off(name: str, off: timedelta) -> Check:
    seconds = abs(off.total_seconds())
    found = f"Ours is {seconds:.0f} s {'slow' if off > timedelta(0) else 'fast'}."
    if abs(off) <= CLOCK_SLIPS:
        return ok(name, "Ours agrees within 5 s.")
    remedy = "Switch the machine's time service on (NTP, chrony, systemd-timesyncd), then restart `nurture run`."
    return (failed if abs(off) > CLOCK_WRONG else warning)(name, found, remedy)


def zone(name: str, now: datetime) -> Check:
    """The clinic's zone, and what its clock shows: quiet hours go by it where nothing better is known."""
    return ok("clock: the clinic's zone", f"{name}, where it is {now.astimezone(ZoneInfo(name)):%Y-%m-%d %H:%M %Z}.")
