"""Compare the outputs of two runs of the demonstration, file by file.

Usage: python3 -m gwsa.benchmarks.same_outputs BEFORE AFTER

Rasters, tables and models have to be the same bytes. JSON has to be equal once the keys of
BEFORE are renamed as ``renamed_keys.json`` states (``parent.key`` -> new key, or ``key`` -> new
key). Reports, pictures, logs and run.json, which holds times and paths, are not compared.
Rasters that differ are compared pixel by pixel as well.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import rasterio

RENAMED = json.loads(Path(__file__).with_name("renamed_keys.json").read_text())
NOT_COMPARED = (
    ".html", ".png", ".txt", ".qml", ".xml", "run.json", ".gpkg", ".gpkg-shm", ".gpkg-wal",
)  # fmt: skip


def differences(before: Path, after: Path) -> list[str]:
    """Return a line for each file that is in one folder only, or that differs."""
    names = [_names(folder) for folder in (before, after)]
    lines = [f"only in one: {name}" for name in sorted(set(names[0]) ^ set(names[1]))]
    for name in sorted(set(names[0]) & set(names[1])):
        line = _difference(before / name, after / name)
        if line:
            lines.append(f"{name}: {line}")
    return lines


def _names(folder: Path) -> list[str]:
    return [
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file()
        and not path.name.endswith(NOT_COMPARED)
        and "profile" not in path.relative_to(folder).parts
    ]


def _difference(before: Path, after: Path) -> str:
    if before.suffix == ".json":
        same = _renamed(_content(before)) == _content(after)
        return "" if same else "JSON differs"
    if before.read_bytes() == after.read_bytes():
        return ""
    return _pixels(before, after) if before.suffix == ".tif" else "bytes differ"


def _content(path: Path) -> object:
    """The content, with NaN as null."""
    return json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda name: None)


def _renamed(value: object, parent: str = "") -> object:
    if isinstance(value, list):
        return [_renamed(item, parent) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        RENAMED.get(f"{parent}.{key}", RENAMED.get(key, key)): _renamed(item, key)
        for key, item in value.items()
    }


def _pixels(before: Path, after: Path) -> str:
    with rasterio.open(before) as one, rasterio.open(after) as other:
        if str(one.profile) != str(other.profile) or one.tags() != other.tags():
            return "bytes differ, and so do profile or tags"
        values = one.read().astype(float), other.read().astype(float)
    missing = [np.isnan(value) for value in values]
    if (missing[0] != missing[1]).any():
        return "bytes differ, and so do missing pixels"
    change = np.abs(values[0] - values[1])[~missing[0]]
    return f"bytes differ, pixels by at most {change.max() if change.size else 0:g}"


if __name__ == "__main__":
    found = differences(Path(sys.argv[1]), Path(sys.argv[2]))
    print("\n".join(found) or "no difference")
    sys.exit(bool(found))
