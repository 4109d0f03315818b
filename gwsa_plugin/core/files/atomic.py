"""Atomic writes: an output gets its final name only when it is complete."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# What GDAL and QGIS keep beside a raster and read with it: statistics and georeference, overviews
# and mask, after its name; style, title and record of the run, in place of its ending.
AFTER_NAME = (".aux.xml", ".ovr", ".msk")
IN_PLACE_OF_ENDING = (".qml", ".qmd", ".run.json")


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
        for file in _matching_files(path, earlier) if earlier else ():
            remove_file(file)
        _move_files(folder, path)


def replace_text(path: Path, text: str) -> None:
    """Write a small file in UTF-8 in one step, without a folder that a killed run would leave."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def publish(part: Path, path: Path) -> None:
    """Give a complete file its final name, and remove what describes the file that it replaces."""
    _remove_descriptions(path)
    part.replace(path)


def remove_file(path: Path) -> None:
    """Remove a file and, with a GeoTIFF, the files that describe it."""
    _remove_descriptions(path)
    path.unlink(missing_ok=True)


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
            publish(item, target / item.name)


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
