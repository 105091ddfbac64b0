"""The demo's kill: a process of its own that hands some messages over and then dies as in a power cut.

Run as `python -m engine.cli.demo.crash PROJECT MOMENT COUNT`.
"""

import os
import signal
import sys
import threading
from datetime import datetime
from pathlib import Path

from engine.cli.opening import store_of, with_catalogue
from engine.config import load_settings
from engine.core.contact import Channel
from engine.providers import Evidence, Outcome, Outgoing, Provider
from engine.tick import tick


class Dying:
    """A provider that hands over `count` messages; with the last one the whole process is killed."""

    def __init__(self, inner: Provider, count: int) -> None:
        self._inner, self._left, self._lock = inner, count, threading.Lock()
        self.name, self.channels, self.can_be_asked = inner.name, inner.channels, inner.can_be_asked

    def send(self, out: Outgoing, now: datetime) -> Outcome:
        """As the provider does, and then the light goes out: the answer is known to nobody."""
        with self._lock:
            outcome = self._inner.send(out, now)
            self._left -= 1
            if self._left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return outcome

    def find(self, message: str, contact: str) -> Evidence:
        """As the provider does."""
        return self._inner.find(message, contact)


def main(project: str, moment: str, count: str) -> None:
    """One tick that does not survive."""
    settings = load_settings(Path(project))
    opened = with_catalogue(settings, store_of(settings))
    dying = Dying(opened.providers[Channel.EMAIL], int(count))
    now = datetime.fromisoformat(moment)
    tick(opened.house, dict.fromkeys(Channel, dying), lambda: now)


if __name__ == "__main__":
    main(*sys.argv[1:])
