"""Outputs of a run: whether they are whole, and in what they differ from those of another run."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import rasterio

MOST = 1e5  # no value of an output is larger


def complaint(out: Path) -> str:
    """Return what is wrong with the outputs in a folder; empty for nothing."""
    for path in _files(out):
        if path.name.startswith("."):
            return f"{path.name} is left over"
        if path.suffix == ".tif":
            values = _values(path)
            if np.isinf(values).any() or (np.abs(values[np.isfinite(values)]) > MOST).any():
                return f"{path.name} has values of {np.nanmax(np.abs(values)):g}"
        elif path.suffix == ".json":
            json.loads(path.read_text())
        elif path.stat().st_size == 0:
            return f"{path.name} is empty"
    return ""


def difference(out: Path, expected: Path) -> str:
    """Return the first difference in values between two folders; empty for none."""
    names = [path.relative_to(expected) for path in _files(expected)]
    for name in names:
        if not (out / name).is_file():
            return f"{name} is missing"
        if name.suffix == ".tif" and not _same_maps(out / name, expected / name):
            return f"{name} has other values"
        if name.suffix == ".csv" and _table(out / name) != _table(expected / name):
            return f"{name} has other values"
    return ""


def _files(folder: Path) -> list[Path]:
    """All files but the statistics that QGIS keeps beside rasters."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".xml")


def _values(path: Path) -> np.ndarray:
    with rasterio.open(path) as file:
        return file.read(masked=True).astype(float).filled(np.nan)


def _same_maps(one: Path, other: Path) -> bool:
    values = _values(one), _values(other)
    with rasterio.open(one) as first, rasterio.open(other) as second:
        same_place = first.transform.almost_equals(second.transform, 1e-6)
        same_names = first.descriptions == second.descriptions
    if not (same_place and same_names and values[0].shape == values[1].shape):
        return False
    return np.allclose(*values, rtol=1e-4, atol=1e-3, equal_nan=True)


def _table(path: Path) -> list:
    """The rows of a table, with numbers rounded as the maps are compared."""
    with path.open(newline="", encoding="utf-8") as file:
        return [[_rounded(field) for field in row] for row in csv.reader(file)]


def _rounded(field: str):
    try:
        return round(float(field), 2)
    except ValueError:
        return field
