"""The calls on their way: some threads hand messages over, and bring back what became of them."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from queue import Empty, SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Self

from engine.providers import (
    InDoubt,
    Outcome,
    Outgoing,
    Provider,
    TryLater,
)
from engine.store.outbox import Decided

log = logging.getLogger("nurture.sender")

Clock = Callable[[], datetime]


@dataclass(slots=True)
class Sent:
    """What a delivery did."""

    sent: int = 0
    put_off: int = 0
    not_sent: int = 0
    in_doubt: int = 0

    def add(self, other: "Sent") -> None:
        """Sum up."""
        self.sent += other.sent
        self.put_off += other.put_off
        self.not_sent += other.not_sent
        self.in_doubt += other.in_doubt


@dataclass(slots=True)
class Ready:
    """A message whose intent is committed: what to hand over, by whom, and until when its call may begin."""

    decided: Decided
    provider: Provider
    out: Outgoing
    at: datetime
    begins_by: datetime


Finished = tuple[Ready, Outcome]


class Calls:
    """The calls on their way: some threads that hand messages over, and what became of them."""

    def __init__(self, most: int, clock: Clock) -> None:
        self._most, self._clock = most, clock
        self._todo: SimpleQueue[Ready | None] = SimpleQueue()
        self._done: SimpleQueue[Finished] = SimpleQueue()
        self._threads: list[Thread] = []
        self.in_flight = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """What is on its way is finished first; what has not begun when something broke is left to the sweep."""
        for _thread in self._threads:
            self._todo.put(None)
        for thread in self._threads:
            thread.join()

    def submit(self, ready: Sequence[Ready]) -> None:
        """Have these called as soon as a thread is free."""
        self.in_flight += len(ready)
        for _ in range(min(self._most, self.in_flight) - len(self._threads)):
            thread = Thread(target=self._work, name="nurture-call")
            thread.start()
            self._threads.append(thread)
        for item in ready:
            self._todo.put(item)

    def finished(self, at_least: int) -> list[Finished]:
        """What has come back; waits until so many have."""
        found = [self._done.get() for _ in range(min(at_least, self.in_flight))]
        try:
            while True:
                found.append(self._done.get_nowait())
        except Empty:
            self.in_flight -= len(found)
            return found

    def _work(self) -> None:
        while (item := self._todo.get()) is not None:
            self._done.put((item, self._call(item)))

    def _call(self, item: Ready) -> Outcome:
        if self._clock() > item.begins_by:
            return TryLater("Its call could not begin in time.")
        try:
            return item.provider.send(item.out, item.at)
        except Exception as error:  # a provider that raises has not said whether it took the message
            log.error("message %s: the provider raised %s", item.out.message, type(error).__name__)
            return InDoubt(type(error).__name__)
