"""Moments and clocks as the tests write them: always with the weekday, which is checked."""

from datetime import UTC, datetime

from engine.core.timing import local


def utc(text: str) -> datetime:
    """The moment "Tue 2026-11-24 12:59" in UTC; the weekday must be right."""
    moment = datetime.strptime(text[4:], "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    assert f"{moment:%a}" == text[:3], f"{text} is a {moment:%A}"
    return moment


def seen(moment: datetime | None, zone: str) -> str | None:
    """What the clocks of the zone show, weekday first."""
    return None if moment is None else f"{local(moment, zone):%a %Y-%m-%d %H:%M}"
