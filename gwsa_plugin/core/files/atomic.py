"""Atomic writes: an output gets its final name only when it is complete and on the disk.

This is the one place that gives outputs their names.
"""

from __future__ import annotations

import errno
import glob
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from ..base.errors import InputError

IS_WINDOWS = sys.platform == "win32"
if not IS_WINDOWS:
    import fcntl

# .NAME-abcdefgh.part has the temporary files in one folder, and beside it a file that is locked
# while the process runs.
PART = ".part"
SCRATCH = "new"
OWNER = "owner"
# What GDAL and QGIS keep beside a raster and read with it: statistics and georeference, overviews
# and mask, after its name; style, title and record of the run, in place of its ending.
AFTER_NAME = (".aux.xml", ".ovr", ".msk")
IN_PLACE_OF_ENDING = (".qml", ".qmd", ".run.json")
# A disk or a quota that is full, and a file that is larger than the system allows.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# In a folder while its files are replaced.
REPLACING = ".replacing"


@contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Write a file under a temporary name and rename it on success.

    Parameters
    ----------
    path : str or Path
        Final name. Missing parent folders are created, and a file of that name is replaced. With
        a GeoTIFF, the files that describe it are removed.

    Yields
    ------
    Path
        Temporary file of the same name in a scratch folder beside ``path``. It is deleted when the
        context ends with an exception; ``path`` is then unchanged.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with scratch_folder(path) as folder:
        part = folder / path.name
        yield part
        publish(part, path)


@contextmanager
def atomic_folder(path: str | Path, earlier: str | None = None) -> Iterator[Path]:
    """Write files to a temporary folder and move them to their final folder on success.

    Parameters
    ----------
    path : str or Path
        Final folder. Its files of the same names are replaced.
    earlier : str, optional
        Regular expression for the relative paths of files that belong to an earlier run and are
        removed. All other files are kept.

    Yields
    ------
    Path
        Temporary folder beside ``path``. It is deleted when the context ends with an exception;
        ``path`` is then unchanged.
    """
    path = Path(path)
    with scratch_folder(path) as folder:
        yield folder
        names = [file.relative_to(folder) for file in sorted(folder.rglob("*")) if file.is_file()]
        # A temporary folder inside is there still if the disk refused to remove it.
        new = [name for name in names if not any(part.endswith(PART) for part in name.parts)]
        for name in new:
            sync(folder / name)
        for name in new:
            (path / name).parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(parents=True, exist_ok=True)
        # From here on old and new files are mixed until the last has its name.
        replace_text(path / REPLACING, "\n".join(name.as_posix() for name in new))
        for file in _matching_files(path, earlier) if earlier else ():
            remove_file(file)
        for name in new:
            _rename(folder / name, path / name)
        for place in {path, *((path / name).parent for name in new)}:
            sync(place)
        (path / REPLACING).unlink()


def require_consistent(folder: Path) -> None:
    """Check that the files of a folder are those of one run.

    Raises
    ------
    InputError
        When a run that replaced them is not done, or was killed.
    """
    if (folder / REPLACING).exists():
        raise InputError(
            f"The folder {folder.name} has files of two runs, because the run that replaces them "
            "is not done or was interrupted; run it again, or choose another folder."
        )


def replace_text(path: Path, text: str) -> None:
    """Write a small file in UTF-8 in one step, without a folder that a killed run would leave."""
    new = path.with_name(f".{path.name.lstrip('.')}.new")
    try:
        with full_disk_named(path):
            new.write_text(text, encoding="utf-8")
        publish(new, path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def publish(part: Path, path: Path) -> None:
    """Give a complete file its final name, and remove what describes the file that it replaces.

    The content is on the disk before the name is, so that no power cut leaves the name alone.
    """
    sync(part)
    _rename(part, path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file or the names in a folder are on the disk.

    Raises
    ------
    OSError
        When something that was written before has not reached the disk.
    """
    is_folder = path.is_dir()
    if is_folder and IS_WINDOWS:
        return  # Windows opens no folders.
    file = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
    try:
        os.fsync(file)
    except OSError as error:
        # Some network file systems cannot do this with folders.
        if not is_folder or error.errno in (errno.EIO, *FULL):
            error.filename = str(path)
            raise
    finally:
        os.close(file)


def sync_all(folder: Path) -> None:
    """Wait until all files in a folder, with their names, are on the disk; errors as ``sync``."""
    for path in (*folder.rglob("*"), folder):
        sync(path)


def _rename(part: Path, path: Path) -> None:
    _remove_descriptions(path)
    part.replace(path)


def remove_file(path: Path) -> None:
    """Remove a file and, with a GeoTIFF, the files that describe it."""
    _remove_descriptions(path)
    path.unlink(missing_ok=True)


@contextmanager
def full_disk_named(path: Path) -> Iterator[None]:
    """State what is written in errors of a full disk: the system raises them without a file."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL and error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``path``, on the same disk, that is deleted at the end.

    Those that processes left there for the same path when they were killed are deleted first.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for _ in remove_abandoned(path):
        pass
    owner = _new_place(path)
    place = Path(owner.name).parent
    try:
        folder = place / SCRATCH
        folder.mkdir()
        with full_disk_named(path):
            yield folder
    finally:
        # The owner last, without which nobody could tell that the folder is abandoned.
        shutil.rmtree(place / SCRATCH, ignore_errors=True)
        owner.close()
        shutil.rmtree(place, ignore_errors=True)


def remove_abandoned(path: Path) -> Iterator[Path]:
    """Yield each folder that ``scratch_folder`` made for ``path`` in a process that was killed.

    A folder is deleted when the next one is asked for.
    """
    for place in path.parent.glob(f".{glob.escape(path.stem)}-*{PART}"):
        owner = place / OWNER
        with suppress(OSError):
            if IS_WINDOWS:
                owner.unlink()  # Windows refuses while the file is open.
                yield place / SCRATCH
                shutil.rmtree(place, ignore_errors=True)
            else:
                with owner.open("r+b") as file:  # NFS locks only what can be written.
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    yield place / SCRATCH
                    shutil.rmtree(place, ignore_errors=True)
        with suppress(OSError):
            place.rmdir()  # It has nothing yet, or nothing any more.


def _new_place(path: Path) -> IO[bytes]:
    """Create a folder and return the open file in it that states that it is in use.

    The system unlocks the file when the process ends.
    """
    while True:
        place = Path(tempfile.mkdtemp(prefix=f".{path.stem}-", suffix=PART, dir=path.parent))
        # Another process may take the folder for an abandoned one before the file is locked.
        with suppress(FileNotFoundError, BlockingIOError):
            owner = (place / OWNER).open("wb")
            if not IS_WINDOWS:
                _lock(owner)
            if (place / OWNER).exists():
                return owner
            owner.close()


def _lock(file: IO[bytes]) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise
    except OSError:
        # The file system has no locks, so that no process can take the folder for abandoned.
        pass


def _remove_descriptions(path: Path) -> None:
    """Remove what describes a GeoTIFF: statistics of other pixels would be shown with the new."""
    if path.suffix.lower() in (".tif", ".tiff"):
        beside = [path.with_name(path.name + ending) for ending in AFTER_NAME]
        for file in (*beside, *map(path.with_suffix, IN_PLACE_OF_ENDING)):
            file.unlink(missing_ok=True)


def _matching_files(folder: Path, pattern: str) -> list[Path]:
    """The files in a folder whose relative paths, with ``/``, match a regular expression."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and re.fullmatch(pattern, path.relative_to(folder).as_posix())
    ]
