"""Where a predictor's rasters are: which file and band holds which month, and the values in them."""

from __future__ import annotations

import glob
import re
from pathlib import Path

import numpy as np
from osgeo import gdal

from ..base.errors import InputError
from ..base.months import find_month, month_range, name_runs
from ..files.geotiff import SOURCE_TAG
from ..files.rasters import open_raster
from ..files.stack import MISSING
from .catalogue import Catalogue, Predictor

FINE, COARSE = "fine", "coarse"  # the scales of a predictor set, and its folders
ALWAYS = None  # the "month" of a static predictor
LISTED = 6  # absent files of one predictor that a message spells out; more are given as pattern and months


def locate(catalogue: Catalogue, period=(None, None)) -> tuple[np.ndarray, dict[str, dict]]:
    """The months that a set can be built for, and per predictor month -> (file, band); a static one has ALWAYS.

    ``period`` is (first, last), None for what all monthly predictors share. Months: datetime64[M], consecutive, empty
    when all predictors are static. A predictor without files is left out. Raises InputError naming every file that is
    absent, at once.
    """
    found = {item.name: _bands(item, catalogue.folder) for item in catalogue.with_files}
    monthly = [item for item in catalogue.with_files if item.monthly]
    months = _months({item.name: list(found[item.name]) for item in monthly}, period)
    absent = [
        item.files for item in catalogue.with_files if not item.monthly and not found[item.name]
    ]
    for item in monthly:
        absent += _absent(
            item, catalogue.folder, months[[month not in found[item.name] for month in months]]
        )
        if not found[item.name] and not months.size:
            absent.append(item.files)
    if absent:
        raise InputError(
            f"{len(absent)} of the inputs that the catalogue names are missing in the folder "
            f"{catalogue.folder.resolve().name}: {', '.join(absent)}; add them, shorten the period, or take their "
            "predictors out of the catalogue."
        )
    return months, found


def months_before(catalogue: Catalogue, found: dict[str, dict], months: np.ndarray) -> np.ndarray:
    """The months just before ``months`` that lags and means reach back to, as far as every monthly predictor has them:
    datetime64[M], consecutive. ``found``: as ``locate`` gives it."""
    monthly = [item for item in catalogue.predictors if item.monthly]
    reach = max((item.reach[-1] for item in monthly), default=0)
    for back in range(1, reach + 1):
        if any(months[0] - back not in found[item.name] for item in monthly if item.files):
            reach = back - 1
            break
    return months[0] - np.arange(reach, 0, -1) if reach else months[:0]


def _bands(predictor: Predictor, folder: Path) -> dict:
    if predictor.monthly:
        return month_bands(predictor, folder)
    path = folder / predictor.files
    return {ALWAYS: (path, 1)} if path.exists() else {}


def _months(covered: dict[str, list], period) -> np.ndarray:
    """The calendar months from the first to the last that all predictors have, either end overruled by ``period``."""
    covered = {name: months for name, months in covered.items() if months}
    if not covered and None in period:
        return np.array([], dtype="datetime64[M]")
    first = period[0] or max(months[0] for months in covered.values())
    last = period[1] or min(months[-1] for months in covered.values())
    if covered and last < first:
        spans = ", ".join(f"{name} {months[0]}..{months[-1]}" for name, months in covered.items())
        raise InputError(
            f"The monthly predictors share no month of the period asked for ({spans}); "
            "choose another period or add files."
        )
    return month_range(first, last)


def _absent(predictor: Predictor, folder: Path, months: np.ndarray) -> list[str]:
    """What is missing for ``months``, as people would look for it."""
    files = list(dict.fromkeys(predictor.file_of(month) for month in months))
    if len(files) > LISTED:
        return [f"{predictor.files} for {name_runs(months)}"]
    return [
        f"{file} (only without {name_runs([m for m in months if predictor.file_of(m) == file])})"
        if (folder / file).exists()
        else file
        for file in files
    ]


def read_values(source, predictor: Predictor, band: int, window=None) -> np.ndarray:
    """One band in the predictor's unit: float32 (rows, columns), NaN where there is no value."""
    values = source.read(band, window=window, masked=True, out_dtype="float32").filled(np.nan)
    values[~np.isfinite(values)] = np.nan
    if predictor.nodata is not None:
        values[values == np.float32(predictor.nodata)] = np.nan
    return in_unit(values, *scaling(source, predictor, band))


def read_numbers(path: Path, bands: list[int], window, dtype: str) -> np.ndarray:
    """Bands of a raster of ``dtype`` as they are stored: (bands, rows, columns).

    By GDAL's own binding, which opens a file in a sixth of the time that rasterio takes; a tile needs many files.
    """
    try:
        source = gdal.Open(str(path))
        numbers = source and source.ReadRaster(*window.flatten(), band_list=bands)
    except RuntimeError:  # where GDAL's exceptions are on
        numbers = None
    if numbers is None:
        raise InputError(f"{path.parent.name}/{path.name} cannot be read; build the set again.")
    return np.frombuffer(numbers, dtype=dtype).reshape(len(bands), window.height, window.width)


def in_unit(values: np.ndarray, scale: float, offset: float) -> np.ndarray:
    """Stored numbers in the predictor's unit."""
    if (scale, offset) == (1.0, 0.0):
        return values
    return values * np.float32(scale) + np.float32(offset)


def scaling(source, predictor: Predictor, band: int) -> tuple[float, float]:
    """The predictor's own scale and offset, or else those that the file states."""
    scale = source.scales[band - 1] if predictor.scale is None else predictor.scale
    offset = source.offsets[band - 1] if predictor.offset is None else predictor.offset
    return scale, offset


def month_bands(predictor: Predictor, folder: Path) -> dict[np.datetime64, tuple[Path, int]]:
    """Every month that a monthly predictor has under ``folder``, in order, and the file and band that holds it."""
    found = {}
    for path, year, number in _existing(predictor, folder):
        months = {np.datetime64(f"{year}-{number}", "M"): 1} if number else _months_in(path, year)
        for month, band in months.items():
            if month in found:
                raise InputError(
                    f"{path.name} and {found[month][0].name} both hold {month}; keep one of them."
                )
            found[month] = (path, band)
    return dict(sorted(found.items()))


def _months_in(path: Path, year: str | None) -> dict[np.datetime64, int]:
    """Month -> band: by the descriptions, or January to December in a file whose name states the year.

    Where any band names a month, one that names none, or is marked as missing, holds no month.
    """
    with open_raster(path) as source:
        named = [
            (find_month(text or ""), band) for band, text in enumerate(source.descriptions, start=1)
        ]
        named = [(month, band) for month, band in named if month is not None]
        if named:
            if len(dict(named)) < len(named):
                raise InputError(
                    f"{path.name} names a month in more than one band; keep one band a month."
                )
            return {
                month: band for month, band in named if source.tags(band).get(SOURCE_TAG) != MISSING
            }
        if year is None or source.count != 12:
            raise InputError(
                f"{path.name} has {source.count} bands that name no month; set their descriptions to YYYY-MM, or give "
                "twelve bands, January to December, in a file with {YYYY} in its name."
            )
        return {
            month: band
            for band, month in enumerate(month_range(f"{year}-01", f"{year}-12"), start=1)
        }


def _existing(predictor: Predictor, folder: Path) -> list[tuple[Path, str | None, str | None]]:
    """The files of the pattern that exist, each with the year and the month that its name states."""
    parts = (folder / predictor.files).parts
    fixed = next((i for i, part in enumerate(parts) if "{" in part), len(parts) - 1)
    blank = (
        glob.escape("/".join(parts[fixed:]))
        .replace("{YYYY}", "[0-9]" * 4)
        .replace("{MM}", "[0-9]" * 2)
    )
    pattern = _pattern(predictor, folder)
    matches = (
        (path, pattern.fullmatch(path.as_posix()))
        for path in sorted(Path(*parts[:fixed]).glob(blank))
    )
    return [
        (path, match.groupdict().get("year"), match.groupdict().get("month"))
        for path, match in matches
        if match
    ]


def _pattern(predictor: Predictor, folder: Path) -> re.Pattern:
    """A regular expression of the files; a placeholder that comes twice must hold the same number."""
    text = re.escape((folder / predictor.files).as_posix())
    for mark, name, digits in (
        ("{YYYY}", "year", r"\d{4}"),
        ("{MM}", "month", "(?:0[1-9]|1[0-2])"),
    ):
        mark = re.escape(mark)
        text = text.replace(mark, f"(?P<{name}>{digits})", 1).replace(mark, f"(?P={name})")
    return re.compile(text)
