"""Events: what begins an enrolment, what ends it, what moves it, and why something was declined."""

from dataclasses import replace
from typing import Any

import pytest

from engine.core.enrolment import (
    DECLINED_SENTENCES,
    Begin,
    Declined,
    Enrolment,
    EnrolmentStatus,
    Event,
    anchor_of,
    enrols,
    exits,
    moves,
)
from tests.core.moments import utc
from tests.core.people import NY
from tests.core.situations import VISIT, plan, step

STEP = step("only", 'after = "1 day"', 'email = "only"')
ONCE = plan(STEP)
AGAIN = plan(STEP, head='again = "after 180 days"\n')
ALWAYS = plan(STEP, head='again = "always"\n')
IF = plan(STEP, head="if = \"event.topic == 'knee' and not happened('treatment')\"\n")
VISITS = plan(
    step("only", 'before = "1 day"', 'email = "only"'),
    purpose="appointment",
    head=VISIT + '[exit]\non = ["cancel", "arrived"]\n',
)
NOON = "Tue 2027-01-05 12:00"


def happening(kind: str = "enquiry", moment: str = NOON, name: str = "e-9", **payload: Any) -> Event:
    return Event("web", name, kind, utc(moment), payload)


def earlier(
    started: str,
    status: EnrolmentStatus = EnrolmentStatus.COMPLETED,
    *,
    campaign: str = "plan",
    episode: str = "e-1",
) -> Enrolment:
    at = utc(started)
    return Enrolment(1, "r", campaign, "v", 7, episode, at, utc("Wed 2027-01-20 19:00"), at, 0, status)


def asked(campaign, event, *before, happened=()):
    fields = {
        "contact": {},
        "event": event.fields,
        "happened": lambda kind: kind in happened,
        "consented": bool,
    }
    return enrols(campaign, event, before, lambda: fields, NY)


ACTIVE = EnrolmentStatus.ACTIVE
BEGUN = Begin("e-9", utc(NOON))


@pytest.mark.parametrize(
    ("campaign", "event", "before", "answer"),
    [
        pytest.param(ONCE, happening(), (), BEGUN, id="the first time"),
        pytest.param(ONCE, happening("booking"), (), None, id="an event it does not listen to"),
        pytest.param(ONCE, happening(), (earlier("Tue 2025-01-07 12:00"),), Declined.ALREADY, id="never twice"),
        pytest.param(
            ONCE,
            happening(),
            (earlier("Tue 2025-01-07 12:00", campaign="other"),),
            BEGUN,
            id="another campaign",
        ),
        pytest.param(ALWAYS, happening(), (earlier("Mon 2027-01-04 12:00"),), BEGUN, id="always again"),
        pytest.param(
            ALWAYS,
            happening(),
            (earlier("Mon 2027-01-04 12:00", ACTIVE),),
            Declined.ALREADY,
            id="but not while it runs",
        ),
        pytest.param(
            AGAIN,
            happening(moment="Tue 2027-01-05 12:59"),
            (earlier("Thu 2026-07-09 12:00"),),
            Declined.TOO_SOON,
            id="180 days later by the wall clock, a minute too soon",
        ),
        pytest.param(
            AGAIN,
            happening(moment="Tue 2027-01-05 13:00"),
            (earlier("Thu 2026-07-09 12:00"),),
            Begin("e-9", utc("Tue 2027-01-05 13:00")),
            id="180 days later",
        ),
        pytest.param(
            AGAIN,
            happening(),
            (earlier("Tue 2025-01-07 12:00"), earlier("Fri 2026-07-10 12:00")),
            Declined.TOO_SOON,
            id="the last time counts",
        ),
        pytest.param(IF, happening(topic="knee"), (), BEGUN, id="condition met"),
        pytest.param(IF, happening(topic="back"), (), Declined.CONDITION, id="condition not met"),
        pytest.param(IF, happening(), (), Declined.CONDITION_ERROR, id="condition without an answer"),
        pytest.param(
            VISITS,
            happening("booking", appointment="a-1", starts_at="2027-01-20T19:00:00+00:00"),
            (),
            Begin("a-1", utc("Wed 2027-01-20 19:00")),
            id="an episode with its own anchor",
        ),
        pytest.param(
            VISITS,
            happening("booking", appointment=17, starts_at="2027-01-20T14:00:00-05:00"),
            (),
            Begin("17", utc("Wed 2027-01-20 19:00")),
            id="a number as episode, a moment of another zone",
        ),
        pytest.param(
            VISITS,
            happening("booking", starts_at="2027-01-20T19:00:00+00:00"),
            (),
            Declined.NO_EPISODE,
            id="no episode",
        ),
        pytest.param(
            VISITS,
            happening("booking", appointment="", starts_at="2027-01-20T19:00:00+00:00"),
            (),
            Declined.NO_EPISODE,
            id="an empty episode",
        ),
        pytest.param(VISITS, happening("booking", appointment="a-1"), (), Declined.NO_ANCHOR, id="no anchor"),
        pytest.param(
            VISITS,
            happening("booking", appointment="a-1", starts_at="soon"),
            (),
            Declined.NO_ANCHOR,
            id="an anchor that is no moment",
        ),
        pytest.param(
            VISITS,
            happening("booking", appointment="a-1", starts_at="2027-01-20T19:00:00"),
            (),
            Declined.NO_ANCHOR,
            id="an anchor without its zone",
        ),
        pytest.param(
            VISITS,
            happening("booking", appointment="a-1", starts_at="2027-01-20T19:00:00+00:00"),
            (earlier("Mon 2027-01-04 12:00", episode="a-1"),),
            Declined.ALREADY,
            id="an episode once",
        ),
        pytest.param(
            VISITS,
            happening("booking", appointment="a-2", starts_at="2027-01-20T19:00:00+00:00"),
            (earlier("Mon 2027-01-04 12:00", ACTIVE, episode="a-1"),),
            Begin("a-2", utc("Wed 2027-01-20 19:00")),
            id="two episodes side by side",
        ),
    ],
)
def test_enrols(campaign, event, before, answer) -> None:
    assert asked(campaign, event, *before) == answer


def test_what_happened_before_can_forbid_it() -> None:
    assert asked(IF, happening(topic="knee"), happened={"treatment"}) is Declined.CONDITION


def test_the_condition_is_not_asked_of_an_event_it_does_not_listen_to() -> None:
    def never():
        raise AssertionError("asked")

    assert enrols(IF, happening("booking"), (), never, NY) is None


def test_every_decline_has_its_sentence() -> None:
    assert set(DECLINED_SENTENCES) == set(Declined)


RUNNING = earlier("Mon 2027-01-04 12:00", ACTIVE, episode="a-1")


@pytest.mark.parametrize(
    ("event", "enrolment", "ends"),
    [
        pytest.param(happening("cancel", appointment="a-1"), RUNNING, True, id="its own episode"),
        pytest.param(happening("cancel", appointment="a-2"), RUNNING, False, id="another episode"),
        pytest.param(happening("cancel"), RUNNING, True, id="no episode named: all of them"),
        pytest.param(happening("enquiry"), RUNNING, False, id="another event"),
        pytest.param(
            happening("cancel", appointment="a-1"),
            replace(RUNNING, status=EnrolmentStatus.EXITED),
            False,
            id="over already",
        ),
    ],
)
def test_exits(event, enrolment, ends) -> None:
    assert exits(VISITS, event, enrolment) is ends


NEW = "2027-01-27T19:00:00+00:00"
COMPLETED = replace(RUNNING, status=EnrolmentStatus.COMPLETED)


@pytest.mark.parametrize(
    ("event", "enrolment", "anchor"),
    [
        pytest.param(
            happening("reschedule", appointment="a-1", starts_at=NEW),
            RUNNING,
            utc("Wed 2027-01-27 19:00"),
            id="moved",
        ),
        pytest.param(happening("reschedule", appointment="a-2", starts_at=NEW), RUNNING, None, id="another episode"),
        pytest.param(
            happening("reschedule", appointment="a-1", starts_at="2027-01-20T19:00:00+00:00"),
            RUNNING,
            None,
            id="to where it was",
        ),
        pytest.param(happening("reschedule", appointment="a-1"), RUNNING, None, id="to nowhere"),
        pytest.param(
            happening("reschedule", starts_at=NEW),
            RUNNING,
            utc("Wed 2027-01-27 19:00"),
            id="no episode named",
        ),
        pytest.param(happening("booking", appointment="a-1", starts_at=NEW), RUNNING, None, id="another event"),
        pytest.param(
            happening("reschedule", appointment="a-1", starts_at=NEW),
            COMPLETED,
            utc("Wed 2027-01-27 19:00"),
            id="missed, and moved to come",
        ),
        pytest.param(
            happening("reschedule", appointment="a-1", starts_at="2026-12-01T19:00:00+00:00"),
            COMPLETED,
            None,
            id="over, and moved to the past",
        ),
        pytest.param(happening("reschedule", starts_at=NEW), COMPLETED, None, id="over, and no episode named"),
    ],
)
def test_moves(event, enrolment, anchor) -> None:
    assert moves(VISITS, event, enrolment) == anchor


def test_without_an_anchor_of_its_own_a_campaign_counts_from_the_event() -> None:
    assert anchor_of(ONCE, happening()) == utc(NOON)


def test_an_event_shows_its_payload_and_its_kind() -> None:
    assert happening(topic="knee").fields == {"topic": "knee", "kind": "enquiry"}
    assert happening(kind="enquiry", topic="knee").fields["kind"] == "enquiry"
