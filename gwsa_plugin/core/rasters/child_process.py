"""Child processes for files that can crash or hang the library that has them open.

HDF5 and GDAL's drivers of NetCDF end the process, or never return, on some damaged files, and at
some failures of a disk while they write. Inside QGIS they would take the project of the user with
them. Each open file has a child of its own; the child stays for the next file.
"""

from __future__ import annotations

import atexit
import os
import subprocess  # nosec B404
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from threading import Event, Lock, Thread
from time import monotonic, sleep
from typing import Any

from ..base.errors import InputError
from ..base.interpreter import find_python, python_home
from .gdal_errors import RasterError
from .hdf5 import UnreadableFile
from .messages import receive, send

# Seconds for an answer: beyond them GDAL hangs. Large parts of files on slow drives take longer.
ANSWER_SECONDS = 9.0
BYTES_A_SECOND = 4e6
MOST_SECONDS = 600.0
START_SECONDS = 60.0
POLL_SECONDS = 0.2
# Linux's F_SETPIPE_SZ, and the most that a process may ask for by default.
SET_PIPE_SIZE = 1031
PIPE_BYTES = 1 << 20
PROGRAM = (
    "import sys; from importlib import import_module; sys.path[:] = sys.argv[2:]; "
    "import_module(sys.argv[1]).main()"
)
MODULE = "gwsa_plugin.core.rasters.child"
# glibc keeps the memory of an array for the next one, which otherwise costs a tenth of the time.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(64 << 20), "MALLOC_TRIM_THRESHOLD_": str(256 << 20)}
ERRORS = {"InputError": InputError, "RasterError": RasterError, "UnreadableFile": UnreadableFile}


class NoChild(InputError):
    """No child process can be started."""

    def __init__(self, cause: str):
        super().__init__(f"the Python of QGIS cannot be started ({cause}); restart QGIS.")


class Ended(Exception):
    """The child ended, or was ended because it did not answer in time."""


class Child:
    """A process that has one file open at a time.

    Raises
    ------
    NoChild
        When QGIS's Python is not found, cannot be started or lacks a library.
    """

    def __init__(self):
        python = find_python()
        if python is None:
            raise NoChild("its program is not found")
        package = Path(__file__).parents[3]
        path = [*sys.path, str(package)]
        environment = {**os.environ, **KEEP_MEMORY}
        if sys.platform == "darwin":
            environment["PYTHONHOME"] = str(python_home())
        try:
            self._process = start([str(python), "-c", PROGRAM, MODULE, *path], environment)
        except OSError as error:
            raise NoChild(str(error)) from None
        self._requests: Any = self._process.stdin
        self._answers: Any = self._process.stdout
        self._owner = os.getpid()
        self._deadline = 0.0
        try:
            self._exchange(None, START_SECONDS)
        except Ended:
            raise NoChild("it cannot import GDAL, numpy or the plugin") from None

    @property
    def usable(self) -> bool:
        """Whether the child runs and belongs to this process, not to the one that forked it."""
        return self._owner == os.getpid() and self._process.poll() is None

    def ask(self, request: dict, seconds: float = ANSWER_SECONDS):
        """Send a request and return the answer.

        Raises
        ------
        Ended
            When the child ends, or does not answer within ``seconds``.
        InputError, RasterError
            As the file in the child raises it.
        """
        return self._exchange(request, seconds)

    def _exchange(self, request: dict | None, seconds: float):
        """Send a request, if there is one, and return the answer; see ``ask``."""
        if self._requests.closed:
            raise Ended
        self._deadline = monotonic() + seconds
        try:
            _watch(self)
            if request:
                send(self._requests, request)
            answer = receive(self._answers)
        except (OSError, EOFError):
            self.end()
            raise Ended from None
        finally:
            _asked.discard(self)
        if "error" in answer:
            raise ERRORS[answer["error"]](*answer["arguments"])
        return answer["value"]

    def end_if_late(self) -> None:
        """End the process if it belongs to this one and has not answered in time."""
        if monotonic() > self._deadline and self._owner == os.getpid():
            self._process.kill()

    def end(self) -> None:
        """End the process; it may have ended."""
        self._process.kill()
        self._process.wait()
        for stream in (self._requests, self._answers):
            with suppress(OSError):
                stream.close()


def start(command: list[str], environment: dict[str, str]) -> subprocess.Popen:
    """Start a child, whose standard input and output are pipes."""
    # The program of QGIS's own Python with fixed arguments, without a shell.
    process = subprocess.Popen(  # nosec B603
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # Windows alone has it.
    )
    for stream in (process.stdin, process.stdout):
        _enlarge(stream)
    return process


def _enlarge(pipe) -> None:
    """Let a pipe hold more, where the system allows it, so that arrays pass in fewer pieces."""
    with suppress(ImportError, OSError):
        from fcntl import fcntl

        if sys.platform == "linux":
            fcntl(pipe.fileno(), SET_PIPE_SIZE, PIPE_BYTES)


# Children without an open file, and those that have not answered yet.
_idle: list[Child] = []
_asked: set[Child] = set()
_lock = Lock()
_has_asked = Event()
# The process whose thread ends children that are late: a fork has no threads.
_watched_in: int | None = None


def _watch(child: Child) -> None:
    """Have a child ended if it does not answer in time; a thread for each request takes longer."""
    global _watched_in
    _asked.add(child)
    _has_asked.set()
    if _watched_in != os.getpid():
        with _lock:
            if _watched_in != os.getpid():
                Thread(target=_end_late_children, daemon=True).start()
                _watched_in = os.getpid()


def _end_late_children() -> None:
    while True:
        _has_asked.wait()
        _has_asked.clear()
        sleep(POLL_SECONDS)
        for child in list(_asked):
            child.end_if_late()
            _has_asked.set()


@lru_cache(maxsize=1)
def trouble() -> str | None:
    """Return why no child can be started, None where it can."""
    try:
        _keep(_take())
    except NoChild as error:
        warnings.warn(
            "Files of NetCDF and HDF5 are read and written by QGIS itself, which a damaged file or "
            f"a failing disk can crash, because {error}",
            RuntimeWarning,
            stacklevel=2,
        )
        return str(error)
    return None


class OpenFile:
    """A file that a child has open; the child ends with a request that it does not answer.

    Parameters
    ----------
    kind : str
        A key of ``child.KINDS``.
    path : Path
    *arguments : object
        Further arguments with which the file is opened.
    seconds : float
        Most time for the opening: a slow disk is no damage where a file is written.
    """

    def __init__(self, kind: str, path: Path, *arguments, seconds: float = ANSWER_SECONDS):
        self._child: Child | None = _take()
        self._has_failed = False
        request = {"open": kind, "path": str(path), "arguments": arguments}
        try:
            self.description = self._ask(request, seconds)
        except BaseException:
            self.close()
            raise

    def call(self, method: str, *arguments, size: float = 0.0) -> Any:
        """Call a method; ``size`` is that of its arguments and its answer in bytes."""
        return self._ask({"call": method, "arguments": arguments}, _time_for(size))

    def run(self, function: Callable, *arguments, size: float = 0.0) -> Any:
        """Call a function of a module of the core with the open file.

        ``arguments`` and result are what ``messages.send`` takes.
        """
        _, _, module = function.__module__.partition(".core.")
        request = {"function": [module, function.__name__], "arguments": arguments}
        return self._ask(request, _time_for(size))

    def close(self) -> None:
        """Close the file, and keep the child for the next one.

        After an error it ends: GDAL may keep a damaged file open, which hides a new file that takes
        its place.
        """
        child, self._child = self._child, None
        if child is None:
            return
        with suppress(InputError, RasterError, Ended):
            if not self._has_failed:
                child.ask({"close": True})
                _keep(child)
                return
        child.end()

    def _ask(self, request: dict, seconds: float = ANSWER_SECONDS):
        if self._child is None:
            raise Ended
        try:
            return self._child.ask(request, seconds)
        except BaseException:
            self._has_failed = True
            raise


def _time_for(size: float) -> float:
    """Seconds for an answer when ``size`` bytes are read or written."""
    return min(ANSWER_SECONDS + size / BYTES_A_SECOND, MOST_SECONDS)


def _take() -> Child:
    with _lock:
        while _idle:
            child = _idle.pop()
            if child.usable:
                return child
    return Child()


def _keep(child: Child) -> None:
    with _lock:
        _idle.append(child)


def _end_idle() -> None:
    while _idle:
        child = _idle.pop()
        if child.usable:
            child.end()


atexit.register(_end_idle)
