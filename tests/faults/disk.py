"""The library of ``faulty_disk.c``: built once, preloaded, and set to fail at one operation."""

from __future__ import annotations

import ctypes
import errno
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).with_name("faulty_disk.c")
# How an operation fails, as in the source.
ONCE, PART_ONLY, FULL, KILL, WAIT = range(5)


class Fault(NamedTuple):
    """A way in which an operation fails.

    Attributes
    ----------
    manner : int
        ONCE, PART_ONLY (a write writes half), FULL (all later writes fail too), KILL, or WAIT
        (each operation waits for a byte from the log, a socket).
    error : int
        Number of the error of the system.
    """

    manner: int
    error: int = 0


FAULTS = {
    "enospc": Fault(ONCE, errno.ENOSPC),
    "eio": Fault(ONCE, errno.EIO),
    "eacces": Fault(ONCE, errno.EACCES),
    "short": Fault(PART_ONLY, errno.ENOSPC),
    "full": Fault(FULL, errno.ENOSPC),
    "kill": Fault(KILL),
}

# Operations at which a fault differs from a full disk, and can come from the system.
PLACES = {
    "eacces": ("open", "mkdir", "rename", "remove", "link"),
    "short": ("write",),
}


def occurs(name: str, operation: str) -> bool:
    """Whether a fault can happen at an operation, whose name comes first."""
    return operation.split(" ")[0] in PLACES.get(name, (operation.split(" ")[0],))


def start_again_with_library(folder: Path) -> None:
    """Start this Python program again with the library preloaded, unless it is already."""
    library = folder / "faulty_disk.so"
    if os.environ.get("LD_PRELOAD") == str(library):
        return
    folder.mkdir(parents=True, exist_ok=True)
    command = ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True)
    # Libraries of threads do not work in child processes that are forked.
    environment = {**os.environ, "LD_PRELOAD": str(library), "OMP_NUM_THREADS": "1"}
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


class Disk:
    """The preloaded library in this process, for operations under one folder.

    Attributes
    ----------
    log : int
        Open file that gets all operations; -1 for none.
    """

    log = -1

    def __init__(self, folder: Path):
        self._library = ctypes.CDLL(os.environ["LD_PRELOAD"])
        self._folder = str(folder).encode()

    def start(self, number: int = 0, fault: Fault = Fault(ONCE), log: int = -1) -> None:
        """Count from now on; operation ``number`` fails, none if it is 0; ``log`` gets them all."""
        Disk.log = log
        at = ctypes.c_long(number)
        self._library.disk_start(self._folder, at, fault.manner, fault.error, log)


def summary(operations: list[str]) -> str:
    """Count the operations, which are followed by a path, by name."""
    counts = Counter(operation.partition(" ")[0] for operation in operations)
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())
