"""Checkpoints: intermediate results that let an interrupted run continue where it stopped.

Beside each is a seal, ``NAME.seal``, with the length and the digest of a complete checkpoint.
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from uuid import uuid4

from ..base.errors import InputError
from ..base.progress import Progress
from .atomic import PART, full_disk_named
from .lock import locked
from .provenance import sha256

# Characters of a fingerprint in the folder name, enough to distinguish runs.
DIGITS = 16
SEAL = ".seal"


@contextmanager
def resumable_folder(path: str | Path, fingerprint: str, progress: Progress) -> Iterator[Path]:
    """Provide a folder for checkpoints that is removed on success, and without any on failure.

    Parameters
    ----------
    path : str or Path
        Output of the run; the folder ``.NAME.unfinished`` beside it holds the checkpoints.
    fingerprint : str
        Digest of all that the results depend on. Checkpoints of a run with another fingerprint are
        deleted.
    progress : Progress
        Its log states whether checkpoints are reused, damaged or kept.

    Yields
    ------
    Path
        Folder inside ``.NAME.unfinished``. It is named after the fingerprint, so that a worker that
        is still busy with an earlier run does not write into it. All that it has is complete.

    Raises
    ------
    InputError
        When another run works in the folder.
    """
    path = Path(path).absolute()
    folder = path.with_name(f".{path.name}.unfinished")
    own = folder / fingerprint[:DIGITS]
    with locked(folder):
        if own.is_dir():
            progress.info(
                "An earlier run was interrupted; this run continues from its results in "
                f"{folder.name}."
            )
            _remove_damaged(own, progress)
        else:
            shutil.rmtree(folder, ignore_errors=True)
            own.mkdir(parents=True)
        try:
            yield own
        except BaseException:
            if not any(own.rglob(f"*{SEAL}")):
                shutil.rmtree(folder, ignore_errors=True)
                raise
            progress.info(
                f"The results so far are kept in {folder.name}: the same run continues from them. "
                "Delete the folder if you do not need them."
            )
            raise
        shutil.rmtree(folder, ignore_errors=True)


def save_checkpoint(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a checkpoint as ``new_checkpoint``.

    Parameters
    ----------
    path : Path
        A file in the folder of ``resumable_folder``.
    write : callable
        Writes the content to an open file.
    """
    # numpy writes arrays to a file of mode "wb" without Python, and does not see that it fails.
    with new_checkpoint(path) as temporary, open(temporary, "w+b") as file:
        write(file)


@contextmanager
def new_checkpoint(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside ``path``, which the file gets at the end, with a seal.

    A worker that was given up as dead may write the same file at the same time, so that each uses a
    temporary name of its own. No folder is made: such a worker must not restore a deleted one.
    """
    temporary = path.with_name(f"{path.name}.{uuid4().hex}{PART}")
    with full_disk_named(path):
        yield temporary
        temporary.replace(path)
        seal(path)


def seal(path: Path) -> None:
    """Write the length and the digest of a complete file beside it.

    Nothing is synchronised with the disk: after a power cut the seal shows what is damaged.
    """
    temporary = path.with_name(f"{path.name}.{uuid4().hex}{PART}")
    temporary.write_text(_sealed(path), encoding="utf-8")
    temporary.replace(_seal_of(path))


def _sealed(path: Path) -> str:
    return f"{path.stat().st_size} {sha256(path)}"


def _seal_of(path: Path) -> Path:
    return path.with_name(path.name + SEAL)


def _remove_damaged(folder: Path, progress: Progress) -> None:
    """Remove checkpoints without a seal or with another content, and state how many."""
    damaged = 0
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        progress.stop_if_cancelled()
        if path.name.endswith(SEAL):
            continue
        is_temporary = PART in path.relative_to(folder).as_posix()
        try:
            is_good = _seal_of(path).read_text(encoding="utf-8") == _sealed(path)
        except (OSError, ValueError):
            is_good = False
        if not is_good:
            path.unlink(missing_ok=True)
            _seal_of(path).unlink(missing_ok=True)
            damaged += not is_temporary
    if damaged:
        progress.info(
            f"{damaged} of the results in {folder.parent.name} are not complete, and are made "
            "again."
        )


def require_folder(*folders: Path) -> None:
    """Check that this machine can access the folders.

    Raises
    ------
    InputError
        When it cannot access one of them.
    """
    for folder in folders:
        if not folder.is_dir():
            raise InputError(
                f"{platform.node()} cannot access the folder {folder}; every machine that works on "
                "the maps needs it under this path."
            )
