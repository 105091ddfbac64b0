"""A message's statuses, what a receipt may change, and when to try again."""

from datetime import timedelta

import pytest

from engine.core.messages import SETTLED, WAITING, Status, next_try, receipt_moves
from tests.core.moments import utc

FORWARD = {
    (Status.QUEUED, Status.SENT),
    (Status.QUEUED, Status.DELIVERED),
    (Status.HELD, Status.SENT),
    (Status.HELD, Status.DELIVERED),
    (Status.SENDING, Status.SENT),
    (Status.SENDING, Status.DELIVERED),
    (Status.SENDING, Status.FAILED),
    (Status.IN_DOUBT, Status.SENT),
    (Status.IN_DOUBT, Status.DELIVERED),
    (Status.IN_DOUBT, Status.FAILED),
    (Status.SENT, Status.DELIVERED),
    (Status.SENT, Status.FAILED),
    (Status.DELIVERED, Status.FAILED),
}


@pytest.mark.parametrize("reported", Status)
@pytest.mark.parametrize("now_at", Status)
def test_a_receipt_moves_a_status_forward_only(now_at, reported) -> None:
    assert receipt_moves(now_at, reported) is ((now_at, reported) in FORWARD)


def test_what_was_never_tried_cannot_be_reported_on() -> None:
    assert not receipt_moves(Status.QUEUED, Status.DELIVERED, tries=0)
    assert not receipt_moves(Status.HELD, Status.SENT, tries=0)


def test_receipts_never_lead_back_to_where_a_message_was() -> None:
    def reached(status, seen=()):
        return [r for r in Status if receipt_moves(status, r) and r not in seen]

    for status in Status:
        for first in reached(status):
            for second in reached(first):
                assert second is not status


def test_no_status_is_settled_and_waiting() -> None:
    assert not SETTLED & WAITING
    assert set(Status) - SETTLED - WAITING == {Status.SENDING, Status.IN_DOUBT}


NOON = utc("Fri 2026-11-20 12:00")


@pytest.mark.parametrize(("tries", "least"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (8, 128), (9, 240), (12, 240)])
def test_waits_double_up_to_the_longest(tries, least) -> None:
    for message in ("one", "two", "three"):
        wait = next_try(message, tries, NOON, timedelta(minutes=1), timedelta(hours=4)) - NOON
        assert timedelta(minutes=least) <= wait <= timedelta(minutes=least * 5 / 4)


def test_the_spread_is_of_the_message_and_not_of_dice() -> None:
    def wait(message: str, tries: int = 9):
        return next_try(message, tries, NOON, timedelta(minutes=1), timedelta(hours=4))

    assert wait("one") == wait("one")
    assert len({wait(f"m{n}") for n in range(50)}) > 40
