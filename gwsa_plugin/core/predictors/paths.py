"""Absolute paths of predictor files, and paths relative to the folder of a catalogue."""

from __future__ import annotations

import os
from pathlib import Path

from ..rasters.names import is_virtual


def absolute_path(path) -> Path:
    """Return a path without ``..``; links are kept, because their names can contain the month."""
    path = Path(path)
    return path if is_virtual(path) else Path(os.path.normpath(path.absolute()))


def relative_path(file: str, folder: Path) -> str:
    """Return a path relative to a folder; unchanged on another drive, in archives, on servers."""
    if is_virtual(Path(file)):
        return Path(file).as_posix()
    try:
        return Path(os.path.relpath(file, folder)).as_posix()
    except ValueError:
        return Path(file).as_posix()
