"""A fake in a process of its own, for as long as a block lasts."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from tests.conftest import ROOT


@contextmanager
def apart(kind: Literal["twilio", "sendgrid", "smtp"], *options: str) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """Its port, and the process, which is killed in the end without time to tidy up.

    with apart("twilio", "--state", str(path)) as (port, process): ...
    """
    command = [sys.executable, "-m", f"tests.fakes.{kind}", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline()), process
        finally:
            process.kill()
