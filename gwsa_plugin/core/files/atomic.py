"""Outputs appear under their final name only when they are whole."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_file(path):
    """Yield a temporary path beside ``path`` (same ending); rename it to ``path`` on success, delete it on failure."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with scratch_folder(path) as folder:
        part = folder / path.name
        yield part
        part.replace(path)


@contextmanager
def atomic_folder(path):
    """Yield a temporary folder; on success its files move into ``path``, replacing those of the same name."""
    path = Path(path)
    with scratch_folder(path) as folder:
        yield folder
        _move_into(folder, path)


@contextmanager
def scratch_folder(path: Path):
    """A scratch folder on the same disk as ``path``, gone at the end whatever happens."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{path.stem}-", suffix=".part", dir=path.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _move_into(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for item in sorted(source.iterdir()):
        if item.is_dir():
            _move_into(item, target / item.name)
        else:
            item.replace(target / item.name)
