"""Child processes that are forked, so that their disk fails as that of the stage.

A process that is started anew would load the library, and its operations would not be counted.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from gwsa.gwsa_plugin.core.rasters import child, child_process
from gwsa.tests.faults.disk import Disk


class Forked:
    """What ``child_process.Child`` uses of ``subprocess.Popen``."""

    def __init__(self, command: list[str], environment: dict[str, str]):
        requests, answers = os.pipe(), os.pipe()
        self._code: int | None = None
        self._pid = os.fork()
        if not self._pid:
            _serve(requests, answers)
        os.close(requests[0])
        os.close(answers[1])
        self.stdin, self.stdout = os.fdopen(requests[1], "wb"), os.fdopen(answers[0], "rb")

    def poll(self) -> int | None:
        """How the process ended; None while it runs."""
        if self._code is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code

    def kill(self) -> None:
        """End the process, unless it has ended."""
        if self.poll() is None:
            os.kill(self._pid, signal.SIGKILL)

    def wait(self) -> None:
        """Wait until the process has ended."""
        if self._code is None:
            self._code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])


def _serve(requests: tuple[int, int], answers: tuple[int, int]) -> None:
    """Be the child."""
    try:
        os.dup2(requests[0], 0)
        os.dup2(answers[1], 1)
        # The disk writes to the log. What else is open would keep others waiting for its end; its
        # numbers stay taken, because objects of the stage close them.
        nothing = os.open(os.devnull, os.O_RDWR)
        for file in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
            if file > 2 and file != Disk.log:
                with suppress(OSError):
                    os.dup2(nothing, file)
        sys.stdin = os.fdopen(0)
        # It has the memory of the stage too.
        child._limit_memory = lambda: None
        child.main()
    finally:
        os._exit(0)


def fork_children() -> None:
    """Have children forked from now on."""
    child_process.start = Forked
