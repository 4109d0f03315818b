"""Absolute paths of predictor files, and paths relative to the folder of a catalogue."""

from __future__ import annotations

import os
from pathlib import Path


def absolute_path(path) -> Path:
    """Return a path without ``..``; links are kept, because their names can contain the month."""
    return Path(os.path.normpath(Path(path).absolute()))


def relative_path(file: str, folder: Path) -> str:
    """Return a path relative to a folder, or the absolute path if it is on another drive."""
    try:
        return Path(os.path.relpath(file, folder)).as_posix()
    except ValueError:
        return Path(file).as_posix()
