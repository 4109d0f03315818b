"""Find and read the rasters of predictors: which file and band holds each month."""

from __future__ import annotations

import glob
import re
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.months import find_month, month_range, name_runs
from ..files.stack import MISSING
from ..rasters import with_osgeo
from ..rasters.gdal_errors import RasterError
from ..rasters.geotiff import SOURCE_TAG
from ..rasters.names import raster_exists
from ..rasters.raster import Band, Raster, Window
from ..rasters.reading import open_raster
from .catalogue import Catalogue, Predictor

# The two scales of a predictor set, which are also the names of its folders.
FINE = "fine"
COARSE = "coarse"
# Stands for the month of a static predictor.
ALWAYS = None
# Months of a climatology.
EVERY_YEAR = month_range("1900-01", "2099-12")
# A message lists at most this many missing files per predictor, and otherwise pattern and months.
MAX_LISTED_FILES = 6


def locate(catalogue: Catalogue, period=(None, None)) -> tuple[np.ndarray, dict[str, dict]]:
    """Find the files of all predictors and the months that they share.

    Parameters
    ----------
    catalogue : Catalogue
        Predictors and the folder of their files. Predictors without files are skipped.
    period : (numpy.datetime64 or None, numpy.datetime64 or None)
        First and last month; None for the first or last month that all monthly predictors have.

    Returns
    -------
    months : numpy.ndarray
        datetime64[M], consecutive; empty when all predictors are static.
    files : dict
        Name of the predictor -> {month: (file, band)}, with ALWAYS as the month of a static one.

    Raises
    ------
    InputError
        When files are missing; the message names all of them.
    """
    found = {item.name: _locate_bands(item, catalogue.folder) for item in catalogue.with_files}
    monthly = [item for item in catalogue.with_files if item.monthly]
    months = _shared_months({item.name: list(found[item.name]) for item in monthly}, period)
    missing = [
        item.files for item in catalogue.with_files if not item.monthly and not found[item.name]
    ]
    for item in monthly:
        is_missing = [month not in found[item.name] for month in months]
        missing += _missing_files(item, catalogue.folder, months[is_missing])
        if not found[item.name] and not months.size:
            missing.append(item.files)
    if missing:
        raise InputError(
            f"{len(missing)} of the inputs that the catalogue names are missing in the folder "
            f"{catalogue.folder.resolve().name}: {', '.join(missing)}; add them, shorten the "
            "period, or remove their predictors from the catalogue."
        )
    return months, found


def months_before(catalogue: Catalogue, found: dict[str, dict], months: np.ndarray) -> np.ndarray:
    """Find the months before ``months`` that lags and antecedent means need and files exist for.

    Parameters
    ----------
    catalogue : Catalogue
        Predictors.
    found : dict
        Files per predictor and month, as returned by ``locate``.
    months : numpy.ndarray
        datetime64[M], consecutive.

    Returns
    -------
    numpy.ndarray
        datetime64[M], consecutive, ending with the month before the first of ``months``. Every
        monthly predictor has all of them.
    """
    monthly = [item for item in catalogue.predictors if item.monthly]
    reach = max((item.reach[-1] for item in monthly), default=0)
    for back in range(1, reach + 1):
        if any(months[0] - back not in found[item.name] for item in monthly if item.files):
            reach = back - 1
            break
    return months[0] - np.arange(reach, 0, -1) if reach else months[:0]


def _locate_bands(predictor: Predictor, folder: Path) -> dict:
    if predictor.monthly:
        return month_bands(predictor, folder)
    path = folder / predictor.files
    return {ALWAYS: (path, 1)} if raster_exists(path) else {}


def _shared_months(months_by_name: dict[str, list], period) -> np.ndarray:
    """The calendar months of the period, whose ends default to those that all predictors share."""
    covered = {name: months for name, months in months_by_name.items() if months}
    if not covered and None in period:
        return np.array([], dtype="datetime64[M]")
    if None in period and all(months[0] == EVERY_YEAR[0] for months in covered.values()):
        raise InputError(
            "All monthly predictors are the same in every year; state the first and the last month."
        )
    first = period[0] or max(months[0] for months in covered.values())
    last = period[1] or min(months[-1] for months in covered.values())
    if covered and last < first:
        spans = ", ".join(f"{name} {months[0]}..{months[-1]}" for name, months in covered.items())
        raise InputError(
            f"The monthly predictors have no month of the period in common ({spans}); "
            "choose another period or add files."
        )
    return month_range(first, last)


def _missing_files(predictor: Predictor, folder: Path, months: np.ndarray) -> list[str]:
    """Describe the files that are needed for ``months``, which no file holds."""
    files = list(dict.fromkeys(predictor.file_of(month) for month in months))
    if len(files) > MAX_LISTED_FILES:
        return [f"{predictor.files} for {name_runs(months)}"]
    described = []
    for file in files:
        # A file that exists lacks only some of its months.
        lacking = months[[predictor.file_of(month) == file for month in months]]
        exists = raster_exists(folder / file)
        described.append(f"{file} (lacks {name_runs(lacking)})" if exists else file)
    return described


def read_values(
    source: Raster, predictor: Predictor, band: int, window: Window | None = None
) -> np.ndarray:
    """Read one band of an open raster in the predictor's unit.

    Returns
    -------
    numpy.ndarray of float32
        Shape (rows, columns), NaN for no value.
    """
    values = source.read_floats([band], window)[0]
    values[~np.isfinite(values)] = np.nan
    if predictor.nodata is not None:
        values[values == np.float32(predictor.nodata)] = np.nan
    return in_unit(values, *scaling(source.bands[band - 1], predictor))


def read_stored(path: Path, bands: list[int], window: Window, dtype: str) -> np.ndarray:
    """Read bands of a raster of a predictor set as stored numbers.

    Parameters and result are those of ``with_osgeo.read_stored``; the message of the InputError
    names the folder of the file, which is that of its scale.
    """
    try:
        return with_osgeo.read_stored(path, bands, window, dtype)
    except RasterError:
        raise InputError(
            f"{path.parent.name}/{path.name} cannot be read; build the set again."
        ) from None


def in_unit(values: np.ndarray, scale: float, offset: float) -> np.ndarray:
    """Convert stored numbers, float32, to the predictor's unit."""
    if (scale, offset) == (1.0, 0.0):
        return values
    return values * np.float32(scale) + np.float32(offset)


def scaling(band: Band, predictor: Predictor) -> tuple[float, float]:
    """Scale and offset of a band: those of the predictor, or else those that the file states."""
    scale = band.scale if predictor.scale is None else predictor.scale
    offset = band.offset if predictor.offset is None else predictor.offset
    return scale, offset


def month_bands(predictor: Predictor, folder: Path) -> dict[np.datetime64, tuple[Path, int]]:
    """Find the file and the band of every month of a monthly predictor.

    Returns
    -------
    dict
        Month -> (file, band), in the order of the months.

    Raises
    ------
    InputError
        When two files hold the same month, or bands cannot be assigned to months.
    """
    found: dict[np.datetime64, tuple[Path, int]] = {}
    for path, year, number in matching_files(predictor, folder):
        months = {np.datetime64(f"{year}-{number}", "M"): 1} if number else _months_in(path, year)
        for month, band in months.items():
            if month in found:
                raise InputError(
                    f"{path.name} and {found[month][0].name} both hold {month}; keep one of them."
                )
            found[month] = (path, band)
    return dict(sorted(found.items()))


def _months_in(path: Path, year: str | None) -> dict[np.datetime64, int]:
    """Month -> band of a file with several months.

    The months are those in the band descriptions; bands without one, and bands marked as missing,
    are skipped. If no description names a month, twelve bands are January to December of the year,
    or of every year where the name has none, and one band is the value of all months of the year.
    """
    with open_raster(path) as source:
        described = [find_month(band.description) for band in source.bands]
        named = [
            (month, band) for band, month in enumerate(described, start=1) if month is not None
        ]
        if named:
            if len(dict(named)) < len(named):
                raise InputError(
                    f"{path.name} names a month in more than one band; keep one band per month."
                )
            return {
                month: band for month, band in named if source.tags(band).get(SOURCE_TAG) != MISSING
            }
        count = len(source.bands)
    if count == 12:
        calendar = month_range(f"{year}-01", f"{year}-12") if year else EVERY_YEAR
        return {month: number % 12 + 1 for number, month in enumerate(calendar)}
    if count == 1 and year:
        return dict.fromkeys(month_range(f"{year}-01", f"{year}-12"), 1)
    raise InputError(
        f"{path.name} has {count} bands that name no month; set their descriptions to YYYY-MM, or "
        "give twelve bands, January to December."
    )


def matching_files(predictor: Predictor, folder: Path) -> list[tuple[Path, str | None, str | None]]:
    """Find the existing files of a predictor.

    Returns
    -------
    list of tuple
        File, year and month of its name; None where the name has none.
    """
    parts = (folder / predictor.files).parts
    # Only the path from the first placeholder on contains wildcards.
    fixed = next((i for i, part in enumerate(parts) if "{" in part), len(parts) - 1)
    wildcards = (
        glob.escape("/".join(parts[fixed:]))
        .replace("{YYYY}", "[0-9]" * 4)
        .replace("{MM}", "[0-9]" * 2)
    )
    pattern = _file_pattern(predictor, folder)
    matches = (
        (path, pattern.fullmatch(path.as_posix()))
        for path in sorted(Path(*parts[:fixed]).glob(wildcards))
    )
    return [
        (path, match.groupdict().get("year"), match.groupdict().get("month"))
        for path, match in matches
        if match
    ]


def _file_pattern(predictor: Predictor, folder: Path) -> re.Pattern:
    """A regular expression of the paths; repeated placeholders must hold the same number."""
    text = re.escape((folder / predictor.files).as_posix())
    for placeholder, name, digits in (
        ("{YYYY}", "year", r"\d{4}"),
        ("{MM}", "month", "(?:0[1-9]|1[0-2])"),
    ):
        escaped = re.escape(placeholder)
        text = text.replace(escaped, f"(?P<{name}>{digits})", 1).replace(escaped, f"(?P={name})")
    return re.compile(text)
