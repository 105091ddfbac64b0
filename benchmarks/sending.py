"""One run in a process of its own: the whole engine, the bare loop of the same client, or the library as it comes.

python -m benchmarks.sending '{"kind": "engine", ...}'     see Job; prints one line of JSON, see Result
"""

import json
import os
import pickle
import resource
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from engine.catalogue import catalogue
from engine.config import load_settings
from engine.core.contact import Channel
from engine.core.pacing import UNLIMITED, Pace
from engine.core.phi import PhiLevel
from engine.house import House, open_house
from engine.providers import Accepted, Carriers, Evidence, Health, Outcome, Outgoing, Provider, Sought, Unknown, Works
from engine.store import open_store
from engine.tick import tick

PROJECT = Path(__file__).parent.parent
WARM = 300  # messages before the measured ones: they open connections, fill caches and compile statements
# Two ticks of one run: those who warm it, then those who are measured.
THEN = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Job:
    """What to run. No `url`: the provider is a null one, and what remains is the engine's own work."""

    # engine; record: the same, keeping what it would send; resume: the same, after a kill; bare: the loop of our
    # provider; stock: of the SDK's own client
    kind: str
    channel: Channel
    count: int
    concurrency: int
    chunk: int = 0  # 0: as large as the concurrency
    url: str | None = None
    database: str = ""  # engine, record: its file
    at: str = ""  # engine, record: when the first fall due
    payloads: str = ""  # bare, stock: a file of messages; record: where to write it

    @property
    def largest(self) -> int:
        """Messages claimed in one go."""
        return self.chunk or self.concurrency


@dataclass(frozen=True, slots=True)
class Result:
    """What it took: seconds by the wall, seconds of CPU of all its threads, and the most memory in MB."""

    messages: int
    seconds: float
    cpu: float
    memory: float

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds

    @property
    def cost(self) -> float:
        """Microseconds of CPU a message."""
        return self.cpu / self.messages * 1e6


@dataclass(slots=True)
class Null:
    """A provider that takes everything at once, and keeps it if told to."""

    name: str = "null"
    channels: frozenset[Channel] = frozenset(Channel)
    can_be_asked: bool = False
    ceiling: PhiLevel = PhiLevel.PERSONAL
    pace: Pace = UNLIMITED
    keep: bool = False
    kept: list[Outgoing] = field(default_factory=list)

    def carries(self, level: PhiLevel, to: str) -> bool:  # noqa: ARG002
        """Anything."""
        return True

    def send(self, out: Outgoing, now: datetime) -> Outcome:  # noqa: ARG002
        """Taken."""
        if self.keep:
            self.kept.append(out)
        return Accepted(out.message)

    def find(self, sought: Sought) -> Evidence:  # noqa: ARG002
        """Nothing."""
        return Unknown("null")

    def probe(self) -> Health:
        """Always."""
        return Works("null")

    def close(self) -> None:
        """Nothing to let go."""


def measured(work: Callable[[], int]) -> Result:
    """Do it; it says how many messages that were."""
    began, used = time.perf_counter(), time.process_time()
    messages = work()
    seconds, cpu = time.perf_counter() - began, time.process_time() - used
    return Result(messages, seconds, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


# ------------------------------------------------------------------------------------------------- the engine


def open_bench(database: Path | str, concurrency: int, chunk: int) -> House:
    """The house over this database, with the project's own campaigns, templates and settings."""
    os.environ["NURTURE_SENDING__CONCURRENCY"] = str(concurrency)
    os.environ["NURTURE_SENDING__CHUNK"] = str(chunk)
    settings = load_settings(PROJECT)
    return open_house(open_store(f"sqlite:///{database}"), catalogue(PROJECT, settings), settings)


def send_due(house: House, provider: Provider, at: datetime) -> int:
    """One tick, its clock starting at `at` and going as ours does; how many messages went."""
    began = time.monotonic()

    def clock() -> datetime:
        return at + timedelta(seconds=time.monotonic() - began)

    return tick(house, Carriers(dict.fromkeys(provider.channels, (provider,))), clock).sent.sent


def _engine(job: Job) -> Result:
    house = open_bench(job.database, job.concurrency, job.largest)
    provider = Null(keep=job.kind == "record") if job.url is None else our_provider(job)
    at = datetime.fromisoformat(job.at)
    send_due(house, provider, at)
    result = measured(lambda: send_due(house, provider, at + THEN))
    if isinstance(provider, Null) and provider.keep:
        Path(job.payloads).write_bytes(pickle.dumps(provider.kept[-job.count :]))
    provider.close()
    return result


def _resume(job: Job) -> Result:
    """What a killed run left behind, settled: a tick a minute, for two hours by the clock."""
    house = open_bench(job.database, job.concurrency, job.largest)
    provider = our_provider(job)
    at = datetime.fromisoformat(job.at)
    for minute in range(1, 120):
        send_due(house, provider, at + minute * timedelta(minutes=1))
    return Result(0, 0.0, 0.0, 0.0)


def our_provider(job: Job) -> Provider:
    """The provider of the channel, its rate limit off, calling the stand-in."""
    assert job.url is not None
    if job.channel is Channel.EMAIL:
        from engine.providers.sendgrid import SendGridProvider

        return SendGridProvider("SG.benchmark", base_url=job.url, most=job.concurrency)
    from engine.providers.twilio import TwilioProvider

    return TwilioProvider(
        "AC" + "0" * 32,
        auth_token="0" * 32,
        from_number="+15005550006",
        callback_base="https://go.harborclinic.example",
        base_url=job.url,
        most=job.concurrency,
    )


# ----------------------------------------------------------------------------------------------- bare loops


def _loop(send: Callable[[Outgoing], bool], outs: Sequence[Outgoing], concurrency: int) -> int:
    """Send them all by so many threads; how many went."""
    left, went = iter(outs), []

    def work() -> None:
        for out in left:  # the threads share one iterator: each takes the next
            went.append(send(out))

    threads = [threading.Thread(target=work) for _ in range(concurrency)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(went)


def _bare(job: Job) -> Result:
    outs: list[Outgoing] = pickle.loads(Path(job.payloads).read_bytes())
    send = _by_us(job) if job.kind == "bare" else _by_default(job)
    _loop(send, outs[: min(WARM, job.count // 10)], job.concurrency)
    return measured(lambda: _loop(send, outs[: job.count], job.concurrency))


def _by_us(job: Job) -> Callable[[Outgoing], bool]:
    provider = our_provider(job)
    now = datetime.now(UTC)
    return lambda out: isinstance(provider.send(out, now), Accepted)


def _by_default(job: Job) -> Callable[[Outgoing], bool]:
    """The library as its README shows it, its own HTTP client included."""
    if job.channel is Channel.EMAIL:
        from sendgrid import SendGridAPIClient  # type: ignore[import-untyped]

        sendgrid = SendGridAPIClient("SG.benchmark", host=job.url)
        return lambda out: bool(sendgrid.send(_mail(out)).status_code == 202)
    from twilio.rest import Client  # type: ignore[import-untyped]

    twilio = Client("AC" + "0" * 32, "0" * 32)
    twilio.api.base_url = job.url

    def send(out: Outgoing) -> bool:
        made = twilio.messages.create(
            to=out.to,
            from_="+15005550006",
            body=out.text,
            status_callback=f"https://go.harborclinic.example/hooks/twilio/status?m={out.message}&a={out.attempt}",
        )
        return made.sid is not None

    return send


def _mail(out: Outgoing) -> dict[str, Any]:
    headers = {name: value for name, value in out.headers if name not in ("From", "Reply-To")}
    return {
        "from": {"email": "hello@harborclinic.example", "name": "Harbor Clinic"},
        "personalizations": [{"to": [{"email": out.to}], "custom_args": {"mid": out.message, "att": str(out.attempt)}}],
        "subject": out.subject,
        "headers": headers,
        "content": [{"type": "text/plain", "value": out.text}, {"type": "text/html", "value": out.html}],
    }


def main() -> None:
    """One job, one line of JSON."""
    told = json.loads(sys.argv[1])
    job = Job(**{**told, "channel": Channel(told["channel"])})
    kinds = {"engine": _engine, "record": _engine, "resume": _resume, "bare": _bare, "stock": _bare}
    result = kinds[job.kind](job)
    print(json.dumps(asdict(result)))


if __name__ == "__main__":
    main()
