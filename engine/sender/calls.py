"""The calls on their way: some threads hand messages over, and bring back what became of them."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from queue import SimpleQueue
from threading import Lock, Thread
from types import TracebackType
from typing import Self

from engine.providers import (
    InDoubt,
    Outcome,
    Outgoing,
    Provider,
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


@dataclass(frozen=True, slots=True)
class NotBegun:
    """Its call had not begun when the engine was told to end, or when it was too late for it: it surely did not go."""

    detail: str


Finished = tuple[Ready, Outcome | NotBegun]


class Calls:
    """The calls on their way: some threads that hand messages over, and what became of them.

    Waking a thread costs as much as making a message. So one is woken, or started, at a time, and wakes the next when
    it begins a call and finds more to do: there are as many as the provider is slow. Whoever waits for many outcomes is
    woken once.
    """

    def __init__(self, most: int, clock: Clock) -> None:
        self._clock = clock
        self.in_flight = 0
        self._lock = Lock()  # guards all below; a thread may be started under it, but nothing waits for an outcome
        self._most = most
        self._threads: list[Thread] = []
        self._idle = 0  # threads that wait to be woken
        self._todo: deque[Ready] = deque()
        self._done: list[Finished] = []
        self._waking = False  # a thread was woken and has not looked for work yet
        self._wanted = 0  # as many outcomes is somebody waiting for; 0: nobody is
        self._wake: SimpleQueue[bool] = SimpleQueue()  # one thread: look for work; False: no more
        self._enough: SimpleQueue[None] = SimpleQueue()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """What is on its way is finished first; what has not begun when something broke is left to the sweep."""
        with self._lock:
            self._most = 0  # no new ones
        for _thread in self._threads:
            self._wake.put(False)
        for thread in self._threads:
            thread.join()

    def submit(self, ready: Sequence[Ready]) -> None:
        """Have these called as soon as a thread is free."""
        self.in_flight += len(ready)
        with self._lock:
            self._todo.extend(ready)
            self._wake_one()

    def finished(self, at_least: int) -> list[Finished]:
        """What has come back; waits until so many have."""
        with self._lock:
            waits = len(self._done) < min(at_least, self.in_flight)
            self._wanted = min(at_least, self.in_flight) if waits else 0
        if waits:
            self._enough.get()
        with self._lock:
            found, self._done = self._done, []
        self.in_flight -= len(found)
        return found

    def take_back(self) -> None:
        """What has not begun is not begun any more: it comes back at once."""
        with self._lock:
            self._done += [(item, NotBegun("The engine was told to end.")) for item in self._todo]
            self._todo.clear()

    def _wake_one(self) -> None:
        """Under the lock: see that somebody begins what is left to do."""
        if not self._todo or self._waking:
            return
        if self._idle:
            self._waking = True
            self._idle -= 1
            self._wake.put(True)
        elif len(self._threads) < self._most:
            self._waking = self._started()

    def _started(self) -> bool:
        """Under the lock: one thread more."""
        thread = Thread(target=self._work, name="nurture-call")
        try:
            thread.start()
        except RuntimeError:  # the machine gives no more threads
            if not self._threads:
                raise
            return False
        self._threads.append(thread)
        return True

    def _work(self) -> None:
        more = True
        while more:
            with self._lock:
                self._waking = False
            while (item := self._next()) is not None:
                self._came_back(item, self._call(item))
            more = self._wake.get()

    def _next(self) -> Ready | None:
        with self._lock:
            if not self._todo:
                self._idle += 1
                return None
            item = self._todo.popleft()
            self._wake_one()
            return item

    def _came_back(self, item: Ready, outcome: Outcome | NotBegun) -> None:
        with self._lock:
            self._done.append((item, outcome))
            if self._wanted and len(self._done) >= self._wanted:
                self._wanted = 0
                self._enough.put(None)

    def _call(self, item: Ready) -> Outcome | NotBegun:
        if self._clock() > item.begins_by:
            return NotBegun("Its call could not begin in time.")
        try:
            return item.provider.send(item.out, item.at)
        except Exception as error:  # a provider that raises has not said whether it took the message
            log.error("message %s: the provider raised %s", item.out.message, type(error).__name__)
            return InDoubt(type(error).__name__)
