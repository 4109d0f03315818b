"""The files of a monthly stack: one raster with a band for each month, or a folder of rasters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.grid import Grid
from ..base.memory import require_memory
from ..base.months import month_range, name_runs
from ..base.plausible import LIMITS, STORAGE, limits_for, require_plausible
from ..base.progress import Progress
from ..base.units import CM, is_dimensionless, require_cm_per
from ..rasters.geotiff import UNIT_TAG
from ..rasters.raster import Raster
from ..rasters.reading import band_months, open_lonlat, read_bands
from .atomic import require_consistent
from .packed_tiles import TILES_DOMAIN, unpack_tiles
from .stack_tags import stated_source

VARIABLE_TAG = "GWSA_VARIABLE"
# Copies of the values of a stack, float32, while it is read: those of GDAL, the stored numbers, the
# values, and the stack. Measured: benchmarks/memory.py.
READ_COPIES = 4
BYTES_PER_VALUE = 4
SUFFIXES = (".tif", ".tiff", ".vrt", ".img", ".asc", ".bil")
NO_UNIT = "1"


@dataclass(frozen=True, eq=False)
class StackFile:
    """What one file of a stack holds.

    Parameters
    ----------
    name : str
        Name of the file.
    grid : Grid
    months : ndarray of datetime64[M], shape (bands,)
        In the order of the bands.
    values : ndarray of float32, shape (bands, rows, columns)
        NaN for no value, in cm unless the unit is a spelling of no unit.
    sources : list of str or None
        The tag GWSA_SOURCE of each band.
    variable : str
        The tag GWSA_VARIABLE; empty without it.
    unit : str
        As the file states it; empty where it states none.
    scaled : bool
        Whether a scale or an offset is stated.
    tags : dict of str to str
        All tags of the file.
    tiles : ndarray of int32, shape (rows, columns), or None
        Mascon tiles that ``write_stack`` stored.
    """

    name: str
    grid: Grid
    months: np.ndarray
    values: np.ndarray
    sources: list[str | None]
    variable: str
    unit: str
    scaled: bool
    tags: dict[str, str]
    tiles: np.ndarray | None


def read_files(path: Path, label: str | None, progress: Progress) -> list[StackFile]:
    """Read the files of a stack and check that they are one series.

    Parameters
    ----------
    path : Path
        A raster, or a folder of rasters, of which each has one month or several.
    label : str or None
        Name of the variable for messages, which may be followed by that of the file in brackets.
    progress : Progress

    Raises
    ------
    InputError
        As in ``open_lonlat``, ``band_months`` and ``require_plausible``; when a unit is not known;
        when bands or files differ in unit, scale, variable or grid, or hold the same month.
    """
    files: list[StackFile] = []
    for one in raster_paths(path):
        progress.stop_if_cancelled()
        files.append(_read_file(one, label, progress))
        _require_one_series(files[0], files[-1])
    _require_different_months(files)
    return files


def raster_paths(path: Path) -> list[Path]:
    """Return the rasters of a folder in the order of their names, or the path of a raster itself.

    Raises
    ------
    InputError
        When the folder contains no raster, or those of two runs.
    """
    if not path.is_dir():
        return [path]
    require_consistent(path)
    paths = sorted(
        one
        for one in path.iterdir()
        if one.suffix.lower() in SUFFIXES and not one.name.startswith(".")
    )
    if not paths:
        raise InputError(
            f"The folder {path.name} contains no raster of the types {', '.join(SUFFIXES)}; choose "
            "the folder that holds one GeoTIFF a month, such as TWSA_2004-01.tif."
        )
    return paths


def variable_name(label: str) -> str:
    """The variable of a label such as ``"TWSA (filled.tif)"``."""
    return label.split(" (")[0]


def variable_in_name(name: str) -> str | None:
    """The variable of the product that is the only one among the words of a name, else None."""
    words = {word.upper() for word in re.split(r"[\W_]+", name)}
    known = [variable for variable in LIMITS if variable in words]
    return known[0] if len(known) == 1 else None


def _read_file(path: Path, label: str | None, progress: Progress) -> StackFile:
    with open_lonlat(path) as source:
        _require_memory(source, path, progress)
        tags = source.tags()
        variable = tags.get(VARIABLE_TAG, "")
        kind = variable or label or variable_in_name(path.stem) or path.stem
        months = band_months(source, path, progress)
        unit = _stated_unit(source, path.name)
        file = StackFile(
            name=path.name,
            grid=Grid.from_transform(source.transform, source.shape, path.name),
            months=months,
            values=_in_cm(source, months, unit, kind, path.name),
            sources=[stated_source(source, band + 1, path.name) for band in range(months.size)],
            variable=variable,
            unit=unit,
            scaled=_is_scaled(source, path.name),
            tags=tags,
            tiles=unpack_tiles(source.tags(domain=TILES_DOMAIN), source.shape),
        )
    return file


def _require_memory(source: Raster, path: Path, progress: Progress) -> None:
    rows, columns = source.shape
    months = len(source.bands)
    needed = READ_COPIES * BYTES_PER_VALUE * months * rows * columns
    subject = f"Reading {path.name}, {months} months of {rows} x {columns} cells,"
    require_memory(needed, subject, progress)


def _in_cm(source: Raster, months: np.ndarray, unit: str, variable: str, name: str) -> np.ndarray:
    """The values of all bands, which are checked to be plausible."""
    without = is_dimensionless(unit)
    factor = 1.0 if without else require_cm_per(unit or CM, name)
    values = read_bands(source)
    if factor != 1.0:
        values *= np.float32(factor)
    limits = None if without else limits_for(variable_name(variable)) or STORAGE
    scalings = {(band.scale * factor, band.offset * factor) for band in source.bands}
    scaling = scalings.pop() if len(scalings) == 1 else (1.0, 0.0)
    require_plausible(values, limits, name, list(months), scaling)
    return values


def _stated_unit(source: Raster, name: str) -> str:
    """The unit of all bands; empty where none is stated."""
    file_unit = _unit_tag(source.tags())
    units = [
        (band.unit or _unit_tag(source.tags(number)) or file_unit).strip()
        for number, band in enumerate(source.bands, start=1)
    ]
    for number, unit in enumerate(units, start=1):
        if unit != units[0]:
            raise InputError(
                f"Band {number} of {name} has {_unit_text(unit)} and band 1 {_unit_text(units[0])};"
                " give all bands one unit."
            )
    return units[0]


def _unit_tag(tags: dict[str, str]) -> str:
    named = (text for key, text in tags.items() if key == UNIT_TAG or key.lower() == "units")
    return next(named, "")


def _is_scaled(source: Raster, name: str) -> bool:
    """Whether the bands state a scale; InputError when only some of them do."""
    scaled = [(band.scale, band.offset) != (1.0, 0.0) for band in source.bands]
    if any(scaled) and not all(scaled):
        raise InputError(
            f"Band {scaled.index(False) + 1} of {name} states no scale, while band "
            f"{scaled.index(True) + 1} does; state the scale of all bands, or of none if they hold "
            "values."
        )
    return scaled[0]


def _require_one_series(first: StackFile, other: StackFile) -> None:
    """Refuse a file that differs from the first one of its folder."""
    if not other.grid.same_as(first.grid):
        raise InputError(
            f"{other.name} has another grid than {first.name}; give files on one grid, or warp "
            "them to it."
        )
    if other.variable != first.variable:
        raise InputError(
            f"{other.name} contains {other.variable or 'an unnamed variable'} and {first.name} "
            f"{first.variable or 'an unnamed variable'} (tag {VARIABLE_TAG}); keep the files of "
            "one variable in the folder."
        )
    if bool(other.unit) != bool(first.unit):
        raise InputError(
            f"{other.name} has {_unit_text(other.unit)} and {first.name} {_unit_text(first.unit)}; "
            "state the unit of all files, or of none if they are in cm."
        )
    if other.scaled != first.scaled:
        without, having = (other, first) if first.scaled else (first, other)
        raise InputError(
            f"{without.name} states no scale, while {having.name} does; state the scale of all "
            "files, or of none if they hold values."
        )


def _require_different_months(files: Sequence[StackFile]) -> None:
    found: dict[np.datetime64, str] = {}
    for file in files:
        for month in file.months:
            if month in found:
                raise InputError(
                    f"{file.name} and {found[month]} both hold {month}; keep one of them."
                )
            found[month] = file.name


def _unit_text(unit: str) -> str:
    return f"the unit “{unit}”" if unit else "no unit"


def reading_line(files: Sequence[StackFile], label: str, place: str, filled: int) -> str:
    """Describe what was read in one line.

    Parameters
    ----------
    files : sequence of StackFile
    label : str
        The variable, as in ``read_files``.
    place : str
        Name of the file or folder.
    filled : int
        Number of months that were filled.

    Returns
    -------
    str
        For example ``"182 months 2002-04..2017-06 of TWSA in mm from twsa.tif, 25 of them filled;
        cells of 0.25°."``
    """
    known = [np.isfinite(file.values).any(axis=(1, 2)) for file in files]
    months = np.sort(np.concatenate([file.months[kept] for file, kept in zip(files, known)]))
    unit = files[0].unit or f"{CM} (no unit is stated)"
    source = place if len(files) == 1 else f"{len(files)} files in {place}"
    return (
        f"{_months_text(months)} of {variable_name(label)} in {unit} from {source}"
        + (f", {filled} of them filled" if filled else "")
        + f"; cells of {files[0].grid.dx:.6g}°."
    )


def _months_text(months: np.ndarray) -> str:
    """The number of months, their period and those that it lacks."""
    if months.size < 2:
        return f"1 month {months[0]}" if months.size else "No month"
    missing = np.setdiff1d(month_range(months[0], months[-1]), months)
    without = f" without {name_runs(missing)}" if missing.size else ""
    return f"{months.size} months {months[0]}..{months[-1]}{without}"
