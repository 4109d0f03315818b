"""Children of ``child_process`` for fuzzing: forked, not started, which takes milliseconds.

A damaged file costs its child, and a new one takes longer to start than hundreds of files to read.
What a child does with its files is the same.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from types import SimpleNamespace

from gwsa.gwsa_plugin.core.rasters import child, child_process, hdf5, netcdf, reading

MOST_OPEN_FILES = 256


class ForkedChild:
    """A child with what ``child_process`` uses of ``subprocess.Popen``.

    It runs the program of the child, whatever the arguments are.
    """

    def __init__(self, arguments: list[str], **options):
        requests, self.stdin = _pipe()
        self.stdout, answers = _pipe()
        self._status: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            _run(requests.fileno(), answers.fileno())
        requests.close()
        answers.close()

    def kill(self) -> None:
        """End the child; it may have ended."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> None:
        """Wait for the end of the child."""
        if self._status is None:
            _, self._status = os.waitpid(self.pid, 0)

    def poll(self) -> int | None:
        """Return None while the child runs."""
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._status = status if pid else None
        return self._status


def fork_children() -> None:
    """Let this process fork the children that it would start."""
    hdf5.usable()  # imports h5py, which each child would import otherwise
    child_process.subprocess = SimpleNamespace(  # type: ignore[assignment]
        Popen=ForkedChild, PIPE=subprocess.PIPE, DEVNULL=subprocess.DEVNULL
    )


def read_here(here: bool) -> None:
    """Let this process read what children read, or children again."""
    trouble = (lambda: "files are read here") if here else child_process.trouble
    for module in (reading, netcdf):
        module.trouble = trouble


def _pipe():
    reading, writing = os.pipe()
    return os.fdopen(reading, "rb"), os.fdopen(writing, "wb")


def _run(requests: int, answers: int) -> None:
    """Run the program of a child with its streams; never returns."""
    try:
        os.dup2(requests, 0)
        os.dup2(answers, 1)
        os.closerange(3, MOST_OPEN_FILES)
        sys.stdin = os.fdopen(0)
        child.main()
    finally:
        os._exit(0)
