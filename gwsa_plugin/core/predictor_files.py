"""Where a predictor's rasters are: which file and band holds which month, and the values in them."""

from __future__ import annotations

import glob
import re
from pathlib import Path

import numpy as np
import rasterio

from .catalogue import Predictor
from .errors import InputError
from .stack import band_months


def open_raster(path: Path):
    """A rasterio dataset; InputError when there is none to open."""
    try:
        source = rasterio.open(path)
    except rasterio.errors.RasterioIOError:
        problem = "cannot be opened as a raster" if path.exists() else "does not exist"
        raise InputError(f"{path.parent.name}/{path.name} {problem}; give a GeoTIFF or another raster there.") from None
    if not source.count:
        source.close()
        raise InputError(f"{path.parent.name}/{path.name} holds several rasters; export the one meant to a GeoTIFF.")
    return source


def read_values(source, predictor: Predictor, band: int, window=None) -> np.ndarray:
    """One band in the predictor's unit: float32 (rows, columns), NaN where there is no value."""
    values = source.read(band, window=window, masked=True, out_dtype="float32").filled(np.nan)
    if predictor.nodata is not None:
        values[values == np.float32(predictor.nodata)] = np.nan
    return in_unit(values, source, predictor, band)


def in_unit(values: np.ndarray, source, predictor: Predictor, band: int) -> np.ndarray:
    """Stored numbers in the predictor's unit, by its own scale and offset or else those the file states."""
    scale = source.scales[band - 1] if predictor.scale is None else predictor.scale
    offset = source.offsets[band - 1] if predictor.offset is None else predictor.offset
    if (scale, offset) == (1.0, 0.0):
        return values
    return values * np.float32(scale) + np.float32(offset)


def month_bands(predictor: Predictor, folder: Path) -> dict[np.datetime64, tuple[Path, int]]:
    """Every month that a monthly predictor has under ``folder``, in order, and the file and band that holds it."""
    found = {}
    for path in _existing(predictor, folder):
        if "{MM}" in predictor.files:
            found[_month_in(path, predictor, folder)] = (path, 1)
            continue
        with open_raster(path) as source:
            for band, month in enumerate(band_months(source, path), start=1):
                found.setdefault(month, (path, band))
    return dict(sorted(found.items()))


def _existing(predictor: Predictor, folder: Path) -> list[Path]:
    """The files of the pattern that exist."""
    parts = (folder / predictor.files).parts
    fixed = next((i for i, part in enumerate(parts) if "{" in part), len(parts) - 1)
    blank = glob.escape("/".join(parts[fixed:])).replace("{YYYY}", "[0-9]" * 4).replace("{MM}", "[0-9]" * 2)
    pattern = _pattern(predictor, folder)
    return sorted(path for path in Path(*parts[:fixed]).glob(blank) if pattern.fullmatch(path.as_posix()))


def _month_in(path: Path, predictor: Predictor, folder: Path) -> np.datetime64:
    year, month = _pattern(predictor, folder).fullmatch(path.as_posix()).group("year", "month")
    return np.datetime64(f"{year}-{month}", "M")


def _pattern(predictor: Predictor, folder: Path) -> re.Pattern:
    """A regular expression of the files; a placeholder that comes twice must hold the same number."""
    text = re.escape((folder / predictor.files).as_posix())
    for mark, name, digits in (("{YYYY}", "year", r"\d{4}"), ("{MM}", "month", "(?:0[1-9]|1[0-2])")):
        mark = re.escape(mark)
        text = text.replace(mark, f"(?P<{name}>{digits})", 1).replace(mark, f"(?P={name})")
    return re.compile(text)
