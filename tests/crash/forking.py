"""Processes to be killed: forked from one that has imported everything, so that each begins at once."""

import multiprocessing
import signal
from collections.abc import Callable
from typing import Any

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.crash.worker", "tests.crash.provider_worker"])


def dies(target: Callable[..., None], *arguments: Any) -> bool:
    """Whether a process that does this is killed by SIGKILL. What else went wrong it says on the standard error."""
    process = _CONTEXT.Process(target=target, args=arguments)
    process.start()
    process.join()
    with_what = process.exitcode
    process.close()
    return with_what == -signal.SIGKILL
