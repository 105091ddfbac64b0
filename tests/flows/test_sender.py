"""A message waits in the outbox: every way a call can end, and everything that may come between."""

import shutil
from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest
import sqlalchemy as sa

from engine.core.contact import Channel
from engine.providers import Carriers, Outcome, Outgoing
from engine.providers.mailbox import MailboxProvider
from engine.sender import deliver_batch
from engine.store import enrolments, marks, outbox, schema
from engine.store.schema import attempt, message, message_body, provider_pause
from tests.core.moments import utc
from tests.people import ANN, BOB, DAN, DESK, START, WEB, Clinic, fault


def fill_only(clinic: Clinic) -> list[int]:
    """Decide what is due and send none of it; the ids of what is queued."""
    from engine.scheduler import fill

    fill(clinic.house, clinic.now)
    return [m.id for m in clinic.rows(message, message.c.status == "queued")]


# --- it goes


def test_what_is_sent_is_kept_word_for_word(clinic: Clinic) -> None:
    clinic.enquires()
    clinic.tick()
    (body,) = clinic.rows(message_body)
    (letter,) = clinic.letters()
    assert (body.attempt, body.to_address, body.subject, body.html) == (1, ANN.phone, None, None)
    assert letter.words.endswith(f"\n\n{body.text}\n")
    row = clinic.message("welcome")
    assert (row.status, row.sent_at, row.settled_at, row.tries, row.segments) == ("sent", START, START, 1, 1)
    assert (row.provider, row.provider_id) == ("mailbox", f"mailbox-{row.ref}-a1")
    (tried,) = clinic.rows(attempt)
    assert (tried.number, tried.outcome, tried.started_at, tried.ended_at) == (1, "accepted", START, START)


def test_an_email_carries_its_ways_out(clinic: Clinic) -> None:
    clinic.enquires(DAN)
    clinic.turn("Tue 2027-01-05 15:10")
    raw = clinic.letters()[0].path.read_bytes()
    assert b"List-Unsubscribe: <https://go.clinic.example/l/" in raw
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in raw
    assert b'From: "Test Clinic" <hello@clinic.example>' in raw


def test_a_text_does_not_wait_at_the_provider_beyond_its_hours(clinic: Clinic) -> None:
    """At 19:44 a marketing text has until 19:55; one at ten in the morning has the longest there is."""
    seen: list[timedelta | None] = []

    class Watched(MailboxProvider):
        def send(self, out: Outgoing, now: object) -> Outcome:
            seen.append(out.expires_in)
            return super().send(out, now)  # type: ignore[arg-type]

    clinic.carriers = Carriers.only(Watched(clinic.folder / "mailbox"))
    clinic.enquires(ANN)
    clinic.tick()
    clinic.at("Wed 2027-01-06 00:44").enquires(BOB)
    clinic.tick()
    assert seen[0] == timedelta(hours=9, minutes=55)
    assert seen[-1] == timedelta(minutes=11)


def test_somebody_looked_at_during_a_call_goes_on_when_it_was_accepted(clinic: Clinic) -> None:
    """A look in between finds the message on its way, and waits for its outcome: the acceptance has to tell."""
    from engine.scheduler import fill

    class LookedAt(MailboxProvider):
        def send(self, out: Outgoing, now: object) -> Outcome:
            with clinic.store.begin() as conn:
                enrolments.wake(conn, schema.enrolment.c.status == "active", clinic.now)
            fill(clinic.house, clinic.now)  # on PostgreSQL the tick itself may come first
            return super().send(out, now)  # type: ignore[arg-type]

    clinic.carriers = Carriers.only(LookedAt(clinic.folder / "mailbox"))
    clinic.enquires()
    clinic.tick()
    (standing,) = clinic.rows(schema.enrolment)
    assert (standing.waits_for, standing.due_at) == ("not_due", START + timedelta(minutes=10))


def test_handing_over_the_same_ids_twice_sends_once(clinic: Clinic) -> None:
    clinic.enquires()
    ids = fill_only(clinic)
    first = deliver_batch(clinic.house, clinic.providers, ids, clinic.now)
    second = deliver_batch(clinic.house, clinic.providers, ids, clinic.now)
    assert (first.sent, second.sent) == (1, 0)
    assert len(clinic.letters()) == 1


# --- it does not go


def test_try_later_waits_longer_each_time_and_then_gives_up(clinic: Clinic) -> None:
    clinic.faults.append(fault("try_later"))
    clinic.enquires(BOB)
    clinic.turn("Tue 2027-01-05 20:00")
    assert clinic.log()[0] == "guide.welcome sms failed (tries_used_up)"
    assert clinic.outcomes("welcome") == ["try_later"] * 6
    times = [a.started_at for a in clinic.rows(attempt, attempt.c.message_id == clinic.message("welcome").id)]
    waits = [(b - a) / timedelta(minutes=1) for a, b in pairwise(times)]
    # A quarter of spread, and up to a minute because the test's clock jumps to whole minutes.
    assert all(least <= wait <= least * 1.25 + 1 for least, wait in zip((1, 2, 4, 8, 16), waits, strict=True))
    assert clinic.letters() == []
    assert clinic.message("welcome").counts_at is None


def test_try_later_and_then_it_goes(clinic: Clinic) -> None:
    clinic.faults.append(fault("try_later", attempts=[1, 2]))
    clinic.enquires(BOB)
    clinic.turn("Tue 2027-01-05 15:09")
    assert clinic.log() == ["guide.welcome sms sent (accepted)"]
    assert clinic.outcomes("welcome") == ["try_later", "try_later", "accepted"]
    assert [letter.attempt for letter in clinic.letters()] == [3]
    (row,) = clinic.rows(schema.enrolment)
    assert row.due_at > clinic.message("welcome").settled_at  # the chain counts from when it went


def test_a_provider_that_says_how_long_is_listened_to(clinic: Clinic) -> None:
    from engine.providers import TryLater

    class Busy(MailboxProvider):
        def send(self, out: Outgoing, now: object) -> Outcome:
            return TryLater("busy", timedelta(hours=2))

    clinic.carriers = Carriers.only(Busy(clinic.folder / "mailbox"))
    clinic.enquires(BOB)
    clinic.tick()
    assert clinic.message("welcome").send_at == clinic.now + timedelta(hours=2)


def test_refused_is_final_for_this_message_only(clinic: Clinic) -> None:
    clinic.faults.append(fault("refused", "ann@*", [1]))
    clinic.enquires()
    clinic.turn("Tue 2027-01-05 15:10")
    clinic.faults.clear()
    clinic.turn("Fri 2027-01-08 15:00")
    assert clinic.log() == [
        "guide.welcome sms sent (accepted)",
        "guide.first email failed (refused)",
        "guide.second email sent (accepted)",
    ]
    assert clinic.message("first").rule == "provider mailbox"
    assert clinic.rows(schema.suppression) == []


def test_a_blocked_address_is_closed_and_a_task_asks_for_another(clinic: Clinic) -> None:
    clinic.faults.append(fault("address_blocked", "dan@*"))
    clinic.enquires(DAN)
    clinic.turn("Tue 2027-01-05 15:10")
    assert clinic.log() == ["guide.welcome - skipped (no_address)", "guide.first email failed (address_blocked)"]
    assert {(s.reason, s.lifted) for s in clinic.rows(schema.suppression)} == {("bounced", False)}
    assert clinic.tasks() == ["address"]
    assert clinic.enrolments() == ["guide exited (unreachable)"]


def test_who_has_another_consented_address_goes_on(clinic: Clinic) -> None:
    clinic.faults.append(fault("address_blocked", "+1*"))
    clinic.enquires(ANN)
    clinic.turn("Fri 2027-01-08 15:00")
    assert clinic.log() == [
        "guide.welcome sms failed (address_blocked)",
        "guide.first email sent (accepted)",
        "guide.second email sent (accepted)",
    ]


def test_misconfigured_stops_the_provider_spends_no_tries_and_comes_back(clinic: Clinic) -> None:
    clinic.faults.append(fault("misconfigured"))
    clinic.enquires(BOB)
    clinic.turn("Tue 2027-01-05 22:00")
    row = clinic.message("welcome")
    assert (row.status, row.reason, row.retries) == ("queued", "provider_paused", 0)
    assert row.tries > 6  # probes, which are no tries
    assert clinic.tasks() == ["provider"]
    (pause,) = clinic.rows(provider_pause)
    assert pause.until - clinic.now <= timedelta(hours=1)
    assert "told to fail" in pause.detail
    clinic.faults.clear()
    clinic.turn(pause.until)
    assert clinic.log() == ["guide.welcome sms sent (accepted)"]
    assert clinic.rows(provider_pause) == []
    assert len(clinic.letters()) == 1


def test_a_paused_provider_is_left_alone_and_everybody_elses_messages_wait(clinic: Clinic) -> None:
    clinic.faults.append(fault("misconfigured", "+16175550102"))
    clinic.enquires(BOB)
    clinic.tick()
    clinic.later(minutes=1).enquires(ANN)
    clinic.tick()
    ann = clinic.rows(message)[1]
    assert (ann.status, ann.reason, ann.tries) == ("queued", "provider_paused", 0)
    assert ann.send_at == utc("Tue 2027-01-05 15:05")


def test_a_provider_that_raises_has_said_nothing(clinic: Clinic) -> None:
    class Broken(MailboxProvider):
        def send(self, out: Outgoing, now: object) -> Outcome:
            raise RuntimeError(f"connection to {out.to} lost")

    clinic.carriers = Carriers.only(Broken(clinic.folder / "mailbox"))
    clinic.enquires(BOB)
    clinic.tick()
    assert clinic.log() == ["guide.welcome sms in_doubt (no_answer)"]
    (tried,) = clinic.rows(attempt)
    assert (tried.outcome, tried.detail) == ("in_doubt", "RuntimeError")


# --- what comes between deciding and sending


def test_a_stop_between_wins(clinic: Clinic) -> None:
    clinic.enquires()
    ids = fill_only(clinic)
    clinic.replies("STOP")
    assert deliver_batch(clinic.house, clinic.providers, ids, clinic.now).sent == 0
    assert clinic.log()[0] == "guide.welcome sms cancelled (revoked)"


def test_a_suppression_that_cancelled_nothing_is_seen_too(clinic: Clinic) -> None:
    """Asked again in the transaction of the intent, whatever happened to the row before."""
    from engine.core.consent import SuppressionReason
    from engine.store import people

    clinic.enquires()
    ids = fill_only(clinic)
    with clinic.store.begin() as conn:
        key = clinic.message("welcome").address_key
        people.suppress(conn, Channel.SMS, key, SuppressionReason.STOP, "test", clinic.now)
    assert deliver_batch(clinic.house, clinic.providers, ids, clinic.now).not_sent == 1
    assert clinic.log() == ["guide.welcome sms skipped (stopped)"]
    assert clinic.message("welcome").rule == "TCPA-R-1"


def test_a_consent_taken_back_between_wins(clinic: Clinic) -> None:
    clinic.enquires()
    ids = fill_only(clinic)
    (yes,) = clinic.rows(schema.consent, schema.consent.c.channel == "sms")
    with clinic.store.begin() as conn:
        no = {k: getattr(yes, k) for k in ("contact_id", "channel", "address_key", "purpose")}
        moments = {"given_at": clinic.now, "recorded_at": clinic.now}
        conn.execute(schema.consent.insert().values(**no, **moments, granted=False, origin="staff"))
    deliver_batch(clinic.house, clinic.providers, ids, clinic.now)
    assert clinic.log() == ["guide.welcome sms skipped (no_consent)"]


def test_an_exit_between_wins(clinic: Clinic) -> None:
    clinic.enquires()
    ids = fill_only(clinic)
    clinic.happens("not_interested", ANN)
    assert deliver_batch(clinic.house, clinic.providers, ids, clinic.now).sent == 0
    assert clinic.log() == ["guide.welcome sms cancelled (exited)"]
    assert clinic.message("welcome").rule == "exit.not_interested"


def test_a_care_check_in_that_is_stopped_between_becomes_a_task(clinic: Clinic) -> None:
    clinic.happens("treatment", ANN, consents=[DESK], treatment="t-1")
    clinic.at("Wed 2027-01-06 15:00")
    ids = fill_only(clinic)
    clinic.faults.append(fault("refused"))
    deliver_batch(clinic.house, clinic.providers, ids, clinic.now)
    assert clinic.log() == ["care.day_1 sms failed (refused)"]
    assert clinic.tasks() == ["step"]


def test_a_message_that_waited_too_long_is_not_sent(clinic: Clinic) -> None:
    clinic.enquires(BOB)
    ids = fill_only(clinic)
    clinic.at("Fri 2027-01-08 15:01")
    deliver_batch(clinic.house, clinic.providers, ids, clinic.now)
    assert clinic.log() == ["guide.welcome sms skipped (late)"]


def test_a_message_that_waited_into_the_night_goes_in_the_morning(clinic: Clinic) -> None:
    clinic.enquires(BOB)
    ids = fill_only(clinic)
    clinic.at("Wed 2027-01-06 03:00")
    assert deliver_batch(clinic.house, clinic.providers, ids, clinic.now).put_off == 1
    row = clinic.message("welcome")
    assert (row.status, row.reason, row.send_at) == ("queued", "quiet_hours", utc("Wed 2027-01-06 13:00"))
    clinic.turn("Wed 2027-01-06 13:00")
    assert clinic.log()[0] == "guide.welcome sms sent (accepted)"


def test_a_paused_campaign_sends_nothing_until_it_is_resumed(clinic: Clinic) -> None:
    clinic.enquires(BOB)
    fill_only(clinic)
    with clinic.store.begin() as conn:
        marks.pause(conn, "guide", "test", clinic.now)
    clinic.turn("Tue 2027-01-05 18:00")
    assert clinic.log() == ["guide.welcome sms queued (due)"]
    with clinic.store.begin() as conn:
        marks.resume(conn, "guide")
    clinic.tick()
    assert clinic.log()[0] == "guide.welcome sms sent (accepted)"


def test_a_broken_file_leaves_the_others_running_and_its_own_people_waiting(clinic: Clinic) -> None:
    clinic.enquires(ANN)
    clinic.happens("treatment", DAN, consents=[DESK], treatment="t-1")
    file = clinic.folder / "campaigns/guide.toml"
    sound = file.read_text()
    file.write_text(sound.replace('purpose  = "marketing"', 'purpose  = "adverts"'), encoding="utf-8")
    clinic.restart()
    assert list(clinic.house.catalogue.broken) == ["guide"]
    clinic.turn("Fri 2027-01-08 15:00")
    assert clinic.log() == ["care.day_1 - skipped (task_instead)", "care.day_3 email sent (accepted)"]
    assert clinic.enrolments()[0] == "guide active"
    file.write_text(sound, encoding="utf-8")
    clinic.restart()
    clinic.tick()
    assert clinic.log(campaign="guide")[0].startswith("guide.welcome")


def test_people_of_a_broken_file_still_leave_it(clinic: Clinic) -> None:
    clinic.enquires(ANN)
    (clinic.folder / "campaigns/guide.toml").write_text("title = ", encoding="utf-8")
    clinic.restart()
    assert clinic.books().exited == ("guide",)


def test_people_stay_on_the_version_they_began_with(clinic: Clinic) -> None:
    clinic.enquires(ANN)
    clinic.tick()
    file = clinic.folder / "campaigns/guide.toml"
    file.write_text(file.read_text().replace('after = "2 days"', 'after = "1 day"'), encoding="utf-8")
    clinic.restart()
    clinic.enquires(DAN)
    clinic.turn("Fri 2027-01-08 15:00")
    seconds = clinic.rows(message, message.c.step == "second")
    assert [f"{m.sent_at:%a %H:%M}" for m in sorted(seconds, key=lambda m: m.contact_id)] == ["Thu 15:00", "Wed 15:10"]


# --- words that cannot be said


def test_a_missing_value_holds_the_message_and_says_which(clinic: Clinic) -> None:
    clinic.happens("letter", ANN, consents=[DESK])
    clinic.tick()
    assert clinic.log() == ["letter.letter email held (missing_value)"]
    row = clinic.message("letter")
    assert "event.room" in row.facts["problem"]
    assert "letter.email.md" in row.facts["problem"]
    assert (row.counts_at, row.send_at, row.tries) == (None, None, 0)
    assert clinic.tasks() == ["held"]
    clinic.turn("Tue 2027-01-05 20:00")
    assert clinic.log() == ["letter.letter email held (missing_value)"]
    assert clinic.tasks() == ["held"]


def test_a_held_message_goes_when_its_words_are_repaired(clinic: Clinic) -> None:
    clinic.happens("letter", ANN, consents=[DESK])
    clinic.tick()
    words = clinic.folder / "templates/letter/letter.email.md"
    words.write_text(words.read_text().replace("event.room", 'event.room | default("7")'), encoding="utf-8")
    clinic.restart()
    clinic.turn("Tue 2027-01-05 15:59")
    assert clinic.log() == ["letter.letter email held (missing_value)"]
    clinic.turn("Tue 2027-01-05 16:00")
    assert clinic.log()[0] == "letter.letter email sent (accepted)"
    assert "room 7" in clinic.letters()[0].words
    assert clinic.tasks() == []


def test_a_broken_template_holds_its_messages_and_no_others(clinic: Clinic) -> None:
    (clinic.folder / "templates/guide/first.email.md").write_text("Hello {{ nobody }}", encoding="utf-8")
    clinic.enquires(ANN)
    clinic.happens("letter", DAN, consents=[DESK], room="7")
    clinic.turn("Tue 2027-01-05 15:10")
    assert sorted(clinic.log()) == [
        "guide.first email held (template_broken)",
        "guide.welcome sms sent (accepted)",
        "letter.letter email sent (accepted)",
    ]


def test_words_that_cannot_be_made_hold_one_message_and_not_the_outbox(clinic: Clinic) -> None:
    """There are no French names of weekdays."""
    shutil.copy(clinic.folder / "templates/_layout/footer.html", clinic.folder / "templates/_layout/footer.fr.html")
    text = clinic.folder / "templates/_layout/footer.text.txt"
    shutil.copy(text, clinic.folder / "templates/_layout/footer.fr.text.txt")
    english = (clinic.folder / "templates/letter/letter.email.md").read_text()
    (clinic.folder / "templates/letter/letter.fr.email.md").write_text(english, encoding="utf-8")
    clinic.happens("letter", DAN, consents=[DESK], room="7")
    with clinic.store.begin() as conn:
        conn.execute(schema.contact.update().values(language="fr"))
    clinic.happens("letter", ANN, consents=[DESK], room="7")
    clinic.tick()
    assert clinic.log() == ["letter.letter email held (template_broken)", "letter.letter email sent (accepted)"]


# --- a worker that comes back late


def test_a_worker_that_comes_back_late_does_not_disturb_a_newer_try(clinic: Clinic) -> None:
    """The first call hangs past its lease; the message is looked for, not found, sent again; then it answers."""
    from engine import sender
    from engine.providers import TryLater
    from engine.sender import Sent

    clinic.enquires(BOB)
    ids = fill_only(clinic)
    with clinic.store.begin() as conn:
        (hanging,) = sender.take(conn, clinic.house, clinic.providers, ids, clinic.now, Sent())
    for _ in range(6):
        clinic.later(minutes=5)
        from engine.doubt import sweep

        sweep(clinic.house, clinic.providers, clinic.now)
    assert (clinic.message("welcome").status, clinic.message("welcome").resent) == ("queued", True)
    with clinic.store.begin() as conn:
        (second,) = sender.take(conn, clinic.house, clinic.providers, ids, clinic.now, Sent())
        assert second.out.attempt == 2
    with clinic.store.begin() as conn:
        sender.settle(conn, clinic.house, [(hanging, TryLater("at last"))], clinic.now, Sent())
    assert clinic.message("welcome").status == "sending"
    assert clinic.outcomes("welcome") == ["try_later", "None"]


# --- many at once


def test_a_tick_works_through_more_than_a_chunk(clinic: Clinic) -> None:
    from engine.intake import Who

    for n in range(150):
        clinic.enquires(Who(first_name="P", phone=f"+1617555{n:04d}", state="MA"), name=f"n-{n}")
    done = clinic.tick()
    assert done.sent.sent == 150
    with clinic.store.read() as conn:
        assert outbox.due_ids(conn, ["guide"], clinic.now, 9) == []
    assert len({letter.message for letter in clinic.letters()}) == len(clinic.letters()) == 150


def test_two_enrolments_of_one_person_share_the_cap(clinic: Clinic) -> None:
    clinic.happens("interest", ANN, consents=[WEB])
    clinic.enquires(ANN)
    clinic.turn("Tue 2027-01-12 15:00")
    emails = clinic.rows(message, message.c.channel == "email", message.c.status == "sent")
    times = sorted(m.sent_at for m in emails)
    assert len(times) == 3
    assert all(b - a >= timedelta(hours=24) for a, b in pairwise(times))


def test_what_went_is_written_down_also_when_the_next_decisions_break(clinic: Clinic) -> None:
    """A deadlock or a full disk while more is decided: the messages on their way come back all the same."""
    from engine.intake import Who

    class Busy(Exception):
        pass

    for n in range(100):
        clinic.enquires(Who(first_name="P", phone=f"+1617555{n:04d}", state="MA"), name=f"n-{n}")
    left = [2]

    def refuse(*_: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Busy

    # A commit fails while calls are on their way.
    sa.event.listen(clinic.store.engine, "commit", lambda _: refuse() if clinic.letters() else None)
    with pytest.raises(Busy):
        clinic.tick()
    took = Counter(letter.message for letter in clinic.letters())
    standing = {m.ref: m.status for m in clinic.rows(schema.message)}
    assert took and set(took.values()) == {1}
    assert {standing[ref] for ref in took} == {"sent"}


def test_a_stop_that_only_the_provider_heard_is_a_stop(clinic: Clinic) -> None:
    """21610: not a bounce, so START may lift it, and staff do not ask for another number (decisions 11 and 12)."""
    from engine.providers import AddressBlocked

    class Stopped(MailboxProvider):
        def send(self, out: Outgoing, now: object) -> Outcome:
            return AddressBlocked("21610", "It answered STOP.", stopped=True)

    clinic.carriers = Carriers.only(Stopped(clinic.folder / "mailbox"))
    clinic.enquires(BOB)
    clinic.tick()
    assert {row.reason for row in clinic.rows(schema.suppression)} == {"stop"}
    (task,) = clinic.rows(schema.task)
    assert "answered STOP" in task.words


def test_a_message_that_cannot_be_judged_is_held_and_the_look_comes_to_its_end(clinic: Clinic) -> None:
    """It must not stay due: the same look would take it again and again."""
    clinic.enquires(BOB)
    (only,) = fill_only(clinic)
    with clinic.store.begin() as conn:
        conn.execute(schema.contact.update().values(zone="Nowhere/Land"))
    clinic.tick()
    assert clinic.message("welcome").status == "held"
    assert clinic.tasks() == ["held"]
    assert clinic.message("welcome").id == only
