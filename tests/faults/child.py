"""A stage in a child process whose disk fails, and how it ended."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from threading import Timer

from gwsa.tests.faults.disk import ONCE, Disk, Fault

GOOD, REFUSED, KILLED = "good", "refused", "killed"
LONGEST = 1 << 16


def run_child(
    stage,
    inputs,
    out: Path,
    number: int = 0,
    fault: Fault = Fault(ONCE),
    see: Callable[[str, bool], None] | None = None,
    kill_after_s: float | None = None,
) -> tuple[str, str]:
    """Run a stage in a child process; return how it ended and its last word.

    Parameters
    ----------
    stage : Stage
    inputs : object
        What the stage has prepared.
    out : Path
        Folder of its outputs.
    number : int
        Operation on files that fails; 0 for none.
    fault : Fault
        How it fails.
    see : callable, optional
        Is given each operation, and whether the child waits before it because it changed a name or
        what is not temporary; the fault is then WAIT.
    kill_after_s : float, optional
        Time after which the child is killed.
    """
    reading, writing = os.pipe()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    child = os.fork()
    if child == 0:
        ours.close()
        code = 1
        try:
            Disk(out).start(number, fault, theirs.fileno() if see else -1)
            os.write(writing, json.dumps(_run(stage, inputs, out)).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    theirs.close()
    killer = Timer(kill_after_s or 0, os.kill, (child, signal.SIGKILL))
    if kill_after_s is not None:
        killer.start()
    with ours, os.fdopen(reading, "rb") as pipe:
        while see and (line := ours.recv(LONGEST)):
            waits, _, operation = line.decode().partition(" ")
            see(operation, waits == "1")
            if waits == "1":
                ours.send(b".")
        ended = pipe.read()
    # Its number is not given to another process before the wait.
    killer.cancel()
    if killer.ident:
        killer.join()
    _, status = os.waitpid(child, 0)
    if status == signal.SIGKILL:
        return KILLED, ""
    return tuple(json.loads(ended)) if ended else (f"ended with status {status}", "")


def _run(stage, inputs, out: Path) -> tuple[str, str]:
    try:
        stage.run(inputs, out)
    except Exception as error:
        is_known = isinstance(error, stage.refusals)
        return REFUSED if is_known else type(error).__name__, str(error)
    return GOOD, ""
