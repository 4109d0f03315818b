"""Locks of outputs, so that no two runs write the same file or folder at the same time.

The file ``.NAME.lock`` beside an output states who writes it. The system keeps it locked as long as
that process runs, so that the lock of a killed run is known by that, not by its age.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import IO

from ..base.errors import InputError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

# Windows does not let others read what is locked, so that a byte behind the text is.
FAR = 1 << 20


@contextmanager
def locked(*paths: str | Path) -> Iterator[None]:
    """Lock outputs against other runs, those in other threads of this process included.

    Parameters
    ----------
    paths : str or Path
        Files or folders, which need not exist. The folders that they are in are made, and removed
        if they are empty at the end.

    Raises
    ------
    InputError
        When another run writes one of them, or a run on another machine left its lock.
    OSError
        When a lock cannot be written.
    """
    with ExitStack() as held:
        for path in paths:
            held.enter_context(_locked(Path(path).resolve()))
        yield


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    made = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    # A drive has no name.
    place = path.parent / f".{path.name.lstrip('.')}.lock"
    with _taken(place, path) as file:
        file.seek(0)
        file.truncate()
        file.write(json.dumps(_this_process()).encode())
        file.flush()
        try:
            yield
        finally:
            if sys.platform == "win32":
                file.close()  # Windows removes no open file.
            with suppress(OSError):
                place.unlink()
                for folder in made:
                    folder.rmdir()


def _taken(place: Path, path: Path) -> IO[bytes]:
    """Open and lock the file at ``place`` for the output at ``path``."""
    while True:
        file = place.open("a+b")
        try:
            has_locks = _lock(file)
            owner = _read_owner(file)
            if owner and (_is_elsewhere(owner) or not (has_locks or _has_ended(owner))):
                raise InputError(
                    f"{path} was locked {_origin(owner)}; wait until that run ends, or delete "
                    f"{place.name} beside it if it has ended."
                )
            # Its owner may have removed it just before it was locked.
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), place.stat()):
                    return file
        except BlockingIOError:
            owner = _read_owner(file)
            file.close()
            if not owner and not place.exists():
                continue
            raise InputError(
                f"{path} is being written {_origin(owner)}; wait until that run ends, or choose "
                "another output."
            ) from None
        except BaseException:
            file.close()
            raise
        file.close()


def _lock(file: IO[bytes]) -> bool:
    """Lock a file; False where the file system has no locks, BlockingIOError if it is locked."""
    if sys.platform == "win32":
        file.seek(FAR)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            raise BlockingIOError from None
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True


def _this_process() -> dict:
    since = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    return {"host": platform.node(), "process": os.getpid(), "since": since}


def _read_owner(file: IO[bytes]) -> dict:
    """What the owner wrote; empty for a lock that is new or whose owner was killed before."""
    file.seek(0)
    try:
        owner = json.loads(file.read(FAR))
    except ValueError:
        return {}
    return owner if isinstance(owner, dict) else {}


def _is_elsewhere(owner: dict) -> bool:
    return owner.get("host") != platform.node()


def _has_ended(owner: dict) -> bool:
    """Whether a process of this machine has ended, where the file system has no locks."""
    try:
        os.kill(int(owner["process"]), 0)
    except ProcessLookupError:
        return True
    except (KeyError, TypeError, ValueError, PermissionError):
        return False
    return False


def _origin(owner: dict) -> str:
    """By whom, and since when."""
    if not owner:
        return "by another run"
    return f"by process {owner.get('process')} on {owner.get('host')} since {owner.get('since')}"
