"""A process that ticks with a real provider, and dies as it is told. test_killed_at_providers.py forks it."""

import socket
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Timer
from typing import Any

import twilio.rest.api  # type: ignore[import-untyped]  # noqa: F401 - before the fork: twilio loads it late, and long

from engine.providers import Carriers, Outcome, Outgoing, Provider
from engine.providers.sendgrid import SendGridProvider
from engine.providers.smtp import SmtpProvider
from engine.providers.twilio import TwilioProvider
from tests.crash.worker import STATEMENTS, Death, at_statement, die
from tests.fakes.sendgrid import KEY
from tests.fakes.twilio import ACCOUNT, TOKEN
from tests.people import Clinic

KINDS = ("twilio", "sendgrid", "smtp")
# Half of the n-th write to the provider has left; all of it has, and nobody will read the answer. What is written is
# a request, by SMTP a command or a part of the mail.
WRITES = ("writing", "waiting")
POINTS = (*STATEMENTS, "after_intent", *WRITES, "after_answer", "any_time")


@dataclass(frozen=True, slots=True)
class Job:
    """Tick this clinic, and die at the point when the n-th message gets there; `any_time`: so many seconds later."""

    folder: Path
    url: str
    now: datetime
    kind: str
    port: int
    point: str
    nth: int
    delay: float


def provider_at(kind: str, port: int) -> Provider:
    """As a clinic would set it up, but for the address."""
    match kind:
        case "twilio":
            return TwilioProvider(
                ACCOUNT,
                auth_token=TOKEN,
                from_number="+18005550142",
                callback_base="https://go.clinic.example",
                base_url=f"http://127.0.0.1:{port}",
                baa=True,
            )
        case "sendgrid":
            return SendGridProvider(KEY, base_url=f"http://127.0.0.1:{port}")
        case _:
            return SmtpProvider("127.0.0.1", port, security="none")


def work(job: Job) -> None:
    """One tick, or as much of it as there is time for."""
    clinic = Clinic(job.folder, job.url, now=job.now)
    provider = provider_at(job.kind, job.port)
    death = Death(job.nth)
    if job.point in STATEMENTS:
        at_statement(job.point, death)
    elif job.point in WRITES:
        at_write(job.point, death)
    else:
        at_call(provider, job, death)
    clinic.carriers = Carriers.only(provider)
    clinic.tick()
    clinic.close()


def at_write(point: str, death: Death) -> None:
    """Have the process die in the middle of a write to the provider, or after it."""
    really = socket.socket.sendall

    def sendall(self: socket.socket, data: Any, flags: int = 0) -> None:
        last = death.comes()
        if not last or point == "waiting":
            really(self, data, flags)
        else:
            really(self, data[: len(data) // 2], flags)
        if last:
            die()

    socket.socket.sendall = sendall  # type: ignore[assignment, method-assign]


def at_call(provider: Any, job: Job, death: Death) -> None:
    """Have the process die before a call, after it, or some moments after it began, whatever goes on by then."""
    really = provider.send

    def send(out: Outgoing, now: datetime) -> Outcome:
        last = death.comes()
        if last and job.point == "after_intent":
            die()
        if last and job.point == "any_time":
            Timer(job.delay, die).start()  # the process does not end before it
        outcome: Outcome = really(out, now)
        if last and job.point == "after_answer":
            die()
        return outcome

    provider.send = send
