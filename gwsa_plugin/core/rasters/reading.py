"""Open rasters for reading, read their bands and find the months of the bands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.months import calendar_number, find_months, name_runs
from ..base.progress import SILENT, Progress
from .backend import backend
from .band_times import stated_months
from .child_process import trouble
from .crs import crs_name, is_geographic
from .gdal_errors import RasterError
from .in_child import RasterInChild, is_risky
from .lonlat import arranged
from .names import raster_exists
from .raster import Raster, Window

# File -> coordinate reference system of its layer.
_assigned: dict[Path, str] = {}


def open_raster(path: Path) -> Raster:
    """Open a raster of any coordinate reference system for reading.

    Parameters
    ----------
    path : Path
        A file, or whatever else GDAL opens as one raster.

    Returns
    -------
    Raster
        Also a context manager that closes the raster. Without a coordinate reference system of its
        own it has that of ``assign_crs``.

    Raises
    ------
    InputError
        When the file does not exist, is not a raster, holds several rasters (subdatasets) or
        complex numbers, or has cells without size.
    """
    try:
        source = _open(path)
    except RasterError:
        problem = "cannot be opened as a raster" if raster_exists(path) else "does not exist"
        raise InputError(
            f"{_folder_and_name(path)} {problem}; "
            "give a complete GeoTIFF or another raster that GDAL reads."
        ) from None
    if not source.bands:
        mascons = _is_mascon_file(source, path)
        source.close()
        if mascons:
            raise InputError(_import_advice(path))
        raise InputError(
            f"{_folder_and_name(path)} holds several rasters; export the one meant to a GeoTIFF."
        )
    if any(np.issubdtype(band.dtype, np.complexfloating) for band in source.bands):
        source.close()
        raise InputError(f"{path.name} holds complex numbers; convert it to real numbers.")
    if not source.transform.is_invertible:
        # QGIS needs seconds to open a layer of it.
        source.close()
        raise InputError(
            f"{path.name} has a georeference that gives its cells no place or no size; correct it, "
            "for example with gdal_edit.py -a_ullr."
        )
    source.crs = source.crs or _assigned.get(path, "")
    return source


def _open(path: Path) -> Raster:
    """Open a raster, in a child process where its driver can crash and one can be started."""
    if is_risky(path) and not trouble():
        return RasterInChild(path)
    return backend().open_file(path)


def assign_crs(path: Path, crs: str) -> None:
    """Set the coordinate reference system of a raster that has none, as a layer of QGIS states it.

    Parameters
    ----------
    path : Path
        As in ``open_raster``.
    crs : str
        The coordinate reference system; empty to remove an earlier one.
    """
    _assigned[path] = crs


@contextmanager
def open_lonlat(path: Path) -> Iterator[Raster]:
    """Open a raster in degrees for reading and close it at the end of the context.

    It is turned to north-up and to longitudes from -180 to 180 where it is not (``arranged``).

    Parameters
    ----------
    path : Path
        As in ``open_raster``.

    Yields
    ------
    Raster

    Raises
    ------
    InputError
        As in ``open_raster`` and ``arranged``, when the raster has no coordinate reference system
        or one that is not geographic, and when GDAL fails in the context: nothing else than
        this raster may be read or written there.
    """
    with open_lonlat_beside_others(path) as source, readable(path):
        yield source


@contextmanager
def open_lonlat_beside_others(path: Path) -> Iterator[Raster]:
    """Open a raster as ``open_lonlat`` does, for a context in which others are used as well.

    Failures to read from it are not turned into InputErrors; wrap each read in ``readable``.
    """
    with open_raster(path) as source:
        if _is_mascon_file(source, path):
            raise InputError(_import_advice(path))
        if not source.crs:
            # GDAL opens a file that is cut off, without what followed.
            rows, columns = source.shape
            with readable(path):
                read_bands(source, [len(source.bands)], (slice(rows - 1, rows), slice(0, columns)))
            raise InputError(
                f"{path.name} has no coordinate reference system; set that of its layer in QGIS, "
                "or give a copy that states it, made with gdal_translate -a_srs EPSG:4326."
            )
        if not is_geographic(source.crs):
            raise InputError(
                f"{path.name} is in {crs_name(source.crs)}; warp it to EPSG:4326 first."
            )
        yield arranged(source, path.name)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn a failed read of a file in the context into an InputError that names the file."""
    try:
        yield
    except RasterError:
        raise InputError(
            f"{path.name} cannot be read completely; it is damaged or truncated, "
            "so copy or download it again."
        ) from None


def read_bands(
    source: Raster, numbers: list[int] | None = None, window: Window | None = None
) -> np.ndarray:
    """Read bands of an open raster with the scale and the offset of each band applied.

    Parameters
    ----------
    source : Raster
    numbers : list of int, optional
        Band numbers, from 1; by default all bands.
    window : (slice, slice), optional
        Rows and columns to read; by default all.

    Returns
    -------
    ndarray of float32, shape (bands, rows, columns)
        NaN for nodata.
    """
    numbers = numbers or list(range(1, len(source.bands) + 1))
    values = source.read_floats(numbers, window)
    bands = [source.bands[number - 1] for number in numbers]
    scales = np.array([band.scale for band in bands], dtype=np.float32)
    offsets = np.array([band.offset for band in bands], dtype=np.float32)
    if (scales != 1).any() or (offsets != 0).any():
        values = values * scales[:, None, None] + offsets[:, None, None]
    return values


def band_months(source: Raster, path: Path, progress: Progress = SILENT) -> np.ndarray:
    """Find the month of each band of an open raster.

    The bands state their months (``stated_months``). Where none does, a single band has the month
    in the name of the file, and bands named January or Jan, or twelve unnamed bands, belong to the
    year in it.

    Parameters
    ----------
    source : Raster
    path : Path
        The file of ``source``.
    progress : Progress
        Is informed when twelve unnamed bands are taken as January to December.

    Returns
    -------
    ndarray of datetime64[M], shape (bands,)

    Raises
    ------
    InputError
        When a band has no month or names several, or when several bands have the same.
    """
    path = Path(path)
    found = stated_months(source, path.name)
    if all(month is None for month in found):
        return _months_of_file(source, path, progress)
    if None in found:
        raise InputError(
            f"Band {found.index(None) + 1} of {path.name} has no month in its description; set it "
            "to YYYY-MM, for example 2004-01."
        )
    months = np.array(found, dtype="datetime64[M]")
    unique, count = np.unique(months, return_counts=True)
    if (count > 1).any():
        raise InputError(
            f"{path.name} has more than one band for {name_runs(unique[count > 1])}; "
            "keep one band per month."
        )
    return months


def _months_of_file(source: Raster, path: Path, progress: Progress) -> np.ndarray:
    """The months of bands that state none, by the name of the file."""
    count = len(source.bands)
    in_name = find_months(path.stem)
    if count == 1 and in_name.size == 1:
        return in_name
    years = sorted(set(re.findall(r"(?<!\d)((?:19|20)\d{2})(?!\d)", path.stem)))
    if len(years) == 1 and not in_name.size:
        january = np.datetime64(f"{years[0]}-01", "M")
        numbers = [calendar_number(band.description) or 0 for band in source.bands]
        if (np.diff([0, *numbers]) > 0).all():
            return january + np.array(numbers) - 1
        if count == 12 and not any(numbers):
            progress.info(
                f"The bands of {path.name} name no months; the twelve are taken as January to "
                f"December {years[0]}."
            )
            return january + np.arange(12)
    bands = f"its {count} bands name" if count > 1 else "its band names"
    raise InputError(
        f"The months of {path.name} are unknown: {bands} none; set descriptions of bands to "
        "YYYY-MM, for example 2004-01, or give one file a month with its month in its name, such "
        "as TWSA_2004-01.tif."
    )


def _is_mascon_file(source: Raster, path: Path) -> bool:
    """Return True for a NetCDF file with the variable of GRACE mascons."""
    is_netcdf = any(ending in str(path).lower() for ending in (".nc", "netcdf:"))
    return is_netcdf and any(tag.startswith("lwe_thickness#") for tag in source.tags())


def _import_advice(path: Path) -> str:
    name = re.split(r'[/"\\]', str(path).rpartition(".nc")[0])[-1] + ".nc"
    return f"{name} is a file of GRACE mascons; import it with gwsa:importtwsa and give its output."


def _folder_and_name(path: Path) -> str:
    """The last two parts of a path: predictor sets have files of the same name in two folders."""
    return Path(*path.parts[-2:]).as_posix()
