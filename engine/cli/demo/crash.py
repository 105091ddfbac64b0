"""The demo's kill: a process of its own that hands some messages over and then dies as in a power cut.

Run as `python -m engine.cli.demo.crash PROJECT MOMENT COUNT`.
"""

import os
import signal
import sys
import threading
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from engine.cli.opening import store_of, with_catalogue
from engine.config import load_settings
from engine.providers import Carriers, Outcome, Outgoing
from engine.providers.mailbox import MailboxProvider
from engine.tick import tick


@dataclass(slots=True)
class Death:
    """Comes with the n-th message that is handed over."""

    left: int
    lock: threading.Lock = field(default_factory=threading.Lock)

    def nearer(self) -> None:
        """One message more; the last never returns."""
        with self.lock:
            self.left -= 1
            if self.left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Dying(MailboxProvider):
    """The mailbox; with the last message that it takes the whole process is killed."""

    death: Death = field(kw_only=True)

    def send(self, out: Outgoing, now: datetime) -> Outcome:
        """As the mailbox does, and then the light goes out: the answer is known to nobody."""
        outcome = MailboxProvider.send(self, out, now)
        self.death.nearer()
        return outcome


def main(project: str, moment: str, count: str) -> None:
    """One tick that does not survive."""
    settings = load_settings(Path(project))
    opened = with_catalogue(settings, store_of(settings))
    dying = Dying(settings.mailbox_folder, death=Death(int(count)))
    now = datetime.fromisoformat(moment)
    tick(opened.house, Carriers.only(dying), lambda: now)


if __name__ == "__main__":
    main(*sys.argv[1:])
