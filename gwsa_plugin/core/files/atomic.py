"""Atomic writes: an output gets its final name only when it is complete."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Write a file under a temporary name and rename it on success.

    Parameters
    ----------
    path : str or Path
        Final name. Missing parent folders are created, and a file of that name is replaced.

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
        part.replace(path)


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Write files to a temporary folder and move them to their final folder on success.

    Parameters
    ----------
    path : str or Path
        Final folder. Its files of the same names are replaced, all others are kept.

    Yields
    ------
    Path
        Temporary folder beside ``path``. It is deleted when the context ends with an exception;
        ``path`` is then unchanged.
    """
    path = Path(path)
    with scratch_folder(path) as folder:
        yield folder
        _move_files(folder, path)


@contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``path``, on the same disk, that is deleted at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{path.stem}-", suffix=".part", dir=path.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _move_files(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for item in sorted(source.iterdir()):
        if item.is_dir():
            _move_files(item, target / item.name)
        else:
            item.replace(target / item.name)
