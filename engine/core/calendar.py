"""An appointment as a calendar file: neutral words only, the same file for the same facts (decision 20)."""

from datetime import UTC, datetime, timedelta

from icalendar import Alarm, Calendar, Event, vCalAddress, vText

from engine.core.wording import Clinic, tongue

FILE_NAME = "appointment.ics"
CONTENT_TYPE = "text/calendar; charset=utf-8; method=PUBLISH"


def appointment_file(
    *,
    ref: str,
    starts_at: datetime,
    lasts: timedelta,
    moves: int,
    clinic: Clinic,
    language: str,
    now: datetime,
) -> bytes:
    """The .ics of one appointment. `ref` is the enrolment's opaque name, `moves` how often it has been moved.

    The file says "Appointment", when, where and whom to call: no therapy, no body part, no clinician, and no
    name of the person. A later file with the same `ref` and more moves replaces the entry in the calendar.
    Times are in UTC, which every calendar shows on its owner's clock.
    """
    words = tongue(language)
    event = Event()
    event.add("uid", ref)
    event.add("sequence", moves)
    event.add("dtstamp", now.astimezone(UTC))
    event.add("dtstart", starts_at.astimezone(UTC))
    event.add("dtend", starts_at.astimezone(UTC) + lasts)
    event.add("summary", words.appointment)
    event.add("location", ", ".join(clinic.address.splitlines()))
    event.add("description", words.change.format(phone=clinic.phone))
    event.add("class", "PRIVATE")
    event.add("status", "CONFIRMED")
    event.add("transp", "OPAQUE")
    if clinic.email:
        event.add("organizer", _organizer(clinic.email, clinic.brand))
    event.add_component(_alarm(words.appointment))
    calendar = Calendar()
    calendar.add("prodid", "-//nurture//appointments//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def _organizer(email: str, brand: str) -> vCalAddress:
    address = vCalAddress(f"mailto:{email}")
    address.params["CN"] = vText(brand)
    return address


def _alarm(words: str) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("trigger", timedelta(hours=-2))
    alarm.add("description", words)
    return alarm
