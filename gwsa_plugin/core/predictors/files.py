"""Find and read the rasters of predictors: which file and band holds each month."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.months import month_range, name_runs
from ..files.stack import MISSING
from ..rasters import with_osgeo
from ..rasters.band_times import stated_months
from ..rasters.gdal_errors import RasterError
from ..rasters.geotiff import SOURCE_TAG
from ..rasters.names import raster_exists
from ..rasters.raster import Band, Raster, Window
from .catalogue import Catalogue, Predictor
from .inputs import open_input

# The two scales of a predictor set, which are also the names of its folders.
FINE = "fine"
COARSE = "coarse"
# Stands for the month of a static predictor.
ALWAYS = None
# Months of a climatology.
EVERY_YEAR = np.arange("1900-01", "2100-01", dtype="datetime64[M]")
# Placeholder -> its name and digits. Three digits in the place of the month are a day of the year.
PLACEHOLDERS = {
    "{YYYY}": ("year", r"(?:19|20)\d\d"),
    "{MM}": ("month", r"(?:0[1-9]|1[0-2]|00[1-9]|0[1-9]\d|[12]\d\d|3[0-5]\d|36[0-6])"),
    "{DD}": ("day", r"(?:0[1-9]|[12]\d|3[01])"),
}
# Months that a predictor may lack: never two in a row, and this fraction of all, but at least one.
MOST_MISSING = 0.05
# A message lists at most this many missing files per predictor, and otherwise pattern and months.
MAX_LISTED_FILES = 6


def locate(catalogue: Catalogue, period=(None, None)) -> tuple[np.ndarray, dict[str, dict]]:
    """Find the files of all predictors and the months that they share.

    A predictor may lack single months, in which it then has no value.

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
        missing += _missing_files(
            item, catalogue.folder, too_many_missing(found[item.name], months)
        )
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
        monthly predictor has all of them but single ones.
    """
    monthly = [item for item in catalogue.predictors if item.monthly]
    reach = max((item.reach[-1] for item in monthly), default=0)
    before = months[:0]
    for back in range(1, reach + 1):
        earlier = months[0] - np.arange(back, 0, -1)
        stored = np.concatenate([earlier, months])
        if any(too_many_missing(found[item.name], stored).size for item in monthly if item.files):
            break
        before = earlier
    return before


def too_many_missing(found: dict, months: np.ndarray) -> np.ndarray:
    """Return the months that a predictor lacks, unless they are few enough to be left out.

    A few single months between others may be missing: an antecedent mean over them is that of the
    other months.

    Parameters
    ----------
    found : dict
        Keys are the months that the predictor has, ascending.
    months : numpy.ndarray
        Months that are needed, datetime64[M], consecutive.

    Returns
    -------
    numpy.ndarray
        Empty where nothing is missing or the gaps are tolerated.
    """
    missing = months[[month not in found for month in months]]
    if not missing.size or not found:
        return missing
    own = list(found)
    are_inside = ((missing > own[0]) & (missing < own[-1])).all()
    are_single = (np.diff(missing).astype(int) > 1).all()
    are_few = missing.size <= max(1, MOST_MISSING * months.size)
    return missing[:0] if are_inside and are_single and are_few else missing


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
    numbers = read_numbers(source, predictor, band, window)
    return in_unit(numbers, *scaling(source.bands[band - 1], predictor))


def read_numbers(
    source: Raster, predictor: Predictor, band: int, window: Window | None = None
) -> np.ndarray:
    """Read the stored numbers of one band of an open raster.

    Returns
    -------
    numpy.ndarray of float32
        Shape (rows, columns), NaN for no value.
    """
    numbers = source.read_floats([band], window)[0]
    if np.issubdtype(source.bands[band - 1].dtype, np.floating):
        numbers[np.isinf(numbers)] = np.nan
    if predictor.nodata is not None:
        numbers[numbers == np.float32(predictor.nodata)] = np.nan
    return numbers


def read_stored(path: Path, bands: list[int], window: Window, values: np.ndarray) -> None:
    """Read bands of a raster of a predictor set as stored numbers.

    Parameters are those of ``with_osgeo.read_stored``; the message of the InputError names the
    folder of the file, which is that of its scale.
    """
    try:
        with_osgeo.read_stored(path, bands, window, values)
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
        months = (
            {np.datetime64(f"{year}-{number}", "M"): 1}
            if number
            else _months_in(path, year, predictor)
        )
        for month, band in months.items():
            if month in found:
                raise InputError(
                    f"{path.name} and {found[month][0].name} both hold {month}; keep one of them."
                )
            found[month] = (path, band)
    return dict(sorted(found.items()))


def _months_in(path: Path, year: str | None, predictor: Predictor) -> dict[np.datetime64, int]:
    """Month -> band of a file with several months.

    The months are those that the bands state; bands without one, and bands marked as missing,
    are skipped. If no description names a month, twelve bands are January to December of the year,
    or of every year where the name has none, and one band is the value of all months of the year.
    """
    with open_input(path, predictor) as source:
        described = stated_months(source, path.name)
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
    fixed = next((i for i, part in enumerate(parts) if re.search(r"[{*]", part)), len(parts) - 1)
    wildcards = re.sub(r"(?:\{(?:YYYY|MM|DD)\}|\*)+", "*", "/".join(parts[fixed:]))
    pattern = _file_pattern(predictor, folder)
    matches = (
        (path, pattern.fullmatch(path.as_posix()))
        for path in sorted(Path(*parts[:fixed]).glob(wildcards.replace("[", "[[]")))
    )
    found = ((path, match.groupdict()) for path, match in matches if match)
    return [(path, parts.get("year"), _month_number(parts)) for path, parts in found]


def _month_number(parts: dict[str, str]) -> str | None:
    """The two digits of the month in a file name, which can be a day of the year."""
    text = parts.get("month")
    if text is None or len(text) == 2:
        return text
    january = np.datetime64(parts["year"], "Y").astype("datetime64[D]")
    return str((january + (int(text) - 1)).astype("datetime64[M]"))[-2:]


def _file_pattern(predictor: Predictor, folder: Path) -> re.Pattern:
    """A regular expression of the paths; repeated placeholders must hold the same number."""
    text = re.escape((folder / predictor.files).as_posix()).replace(re.escape("*"), "[^/]*")
    for placeholder, (name, digits) in PLACEHOLDERS.items():
        escaped = re.escape(placeholder)
        text = text.replace(escaped, f"(?P<{name}>{digits})", 1).replace(escaped, f"(?P={name})")
    return re.compile(text)
