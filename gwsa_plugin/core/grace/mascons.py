"""Mascon files of CSR, JPL and GSFC, as distributed or cropped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.grid import Grid
from ..base.progress import SILENT, Progress
from ..base.units import cm_per
from ..rasters.netcdf import NetCdf
from ..spatial.regrid import Regridding

THICKNESS = "lwe_thickness"
SIGMA = "uncertainty"
GAIN = "scale_factor"
LAND = "land_mask"
MASCON = "mascon_ID"
# Fill value of GRACE products, also where no _FillValue states it.
NO_VALUE = -99999.0
CENTRES = {
    "CSR": r"\bCSR\b|UTCSR|Center for Space Research",
    "JPL": r"\bJPL\b|Jet Propulsion",
    "GSFC": r"\bGSFC\b|Goddard",
}
MINUTES = {"second": 1 / 60, "minute": 1.0, "hour": 60.0, "day": 1440.0}
DAY = np.timedelta64(1440, "m")
TIME_UNIT = re.compile(
    r"(day|hour|minute|second)s? since "
    r"(\d{1,4})-(0?[1-9]|1[0-2])-(0?[1-9]|[12]\d|3[01])(?:[T ](\d\d:\d\d))?(?!\d)",
    re.IGNORECASE,
)
# Minutes from an epoch to a solution; a larger value is a fill value.
LONGEST = 1e9
# 365.25 days / 24
HALF_MONTH = np.timedelta64(21_915, "m")
# Cells that are read at once: 200 MB of float32.
BLOCK_CELLS = 50_000_000


@dataclass(frozen=True)
class MasconFile:
    """The metadata of a mascon file; the fields are read on demand.

    Parameters
    ----------
    file : NetCdf
    centre : str
        CSR, JPL, GSFC or empty, from the attributes of the file and not from its name.
    release, title : str
        As the attributes state them; may be empty.
    spans : ndarray of datetime64[m], shape (solutions, 2)
        Start and exclusive end of each solution.
    spans_stated : bool
        False when the file has no time bounds, so that the spans are half a month to each side of
        its times.
    listed_missing : ndarray of datetime64[M], optional
        The months that the file lists as missing; None without that attribute.
    """

    file: NetCdf
    centre: str
    release: str
    title: str
    spans: np.ndarray
    spans_stated: bool
    listed_missing: np.ndarray | None

    @classmethod
    def open(cls, path: Path) -> MasconFile:
        """Read the metadata of a file.

        Raises
        ------
        InputError
            When the file is not NetCDF, has no lwe_thickness(time, lat, lon), or when its times
            cannot be read.
        """
        file = NetCdf(path)
        _require_time_lat_lon(file, THICKNESS)
        spans, stated = _spans(file)
        return cls(
            file=file,
            centre=_centre(file),
            release=_release(file),
            title=file.text("title"),
            spans=spans,
            spans_stated=stated,
            listed_missing=_listed_missing(file),
        )

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.file.name

    def has(self, variable: str) -> bool:
        """Return True when the file has the variable."""
        return variable in self.file.variables

    def regridding(self, target: Grid) -> Regridding:
        """Return the regridding from the file's cells to ``target``."""
        return make_regridding(self.file, THICKNESS, target)

    def gain_factors(self, regridding: Regridding) -> np.ndarray:
        """Read JPL's land gain factors.

        Returns
        -------
        ndarray of float32, shape of the source of ``regridding``
            NaN where there is none.

        Raises
        ------
        InputError
            When the file has none.
        """
        if not self.has(GAIN):
            raise InputError(
                f"{self.name} has no {GAIN}; only JPL's CRI mascons do, so switch gain factors off."
            )
        return read_fields(self.file, GAIN, regridding)

    def identifiers(self, regridding: Regridding) -> np.ndarray | None:
        """Read the number of the mascon of each target cell.

        Returns
        -------
        ndarray of int32, shape of the target of ``regridding``, or None
            -1 where the file has no number; None for a file without mascon_ID.
        """
        if not self.has(MASCON):
            return None
        return np.nan_to_num(
            regridding.largest(read_fields(self.file, MASCON, regridding)), nan=-1
        ).astype(np.int32)

    def fields(
        self, variable: str, wanted: np.ndarray, regridding: Regridding, progress: Progress = SILENT
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Read the fields of some solutions.

        Several solutions are read at once, by the file's compressed blocks of time, so that no
        block is decompressed twice where memory allows.

        Parameters
        ----------
        variable : str
            Name of a variable over (time, lat, lon) in a unit of water height.
        wanted : ndarray of bool, shape (solutions,)
            The solutions to read.
        regridding : Regridding
            Selects the source cells.
        progress : Progress

        Yields
        ------
        place : int
            Index of the solution.
        field : ndarray of float, shape of the source of ``regridding``
            cm.
        """
        factor = _cm_factor(self.file, variable)
        block = min(
            self.file.chunk(variable)[0], max(BLOCK_CELLS // prod(regridding.source_shape), 1)
        )
        for start in range(0, wanted.size, block):
            places = np.flatnonzero(wanted[start : start + block]) + start
            if not places.size:
                continue
            # From the first to the last wanted solution of the block.
            times = slice(int(places[0]), int(places[-1]) + 1)
            fields = read_fields(self.file, variable, regridding, times, progress=progress)
            for place in places:
                progress.advance(place / wanted.size)
                yield place, fields[place - times.start] * factor


def make_regridding(file: NetCdf, variable: str, target: Grid) -> Regridding:
    """Return the regridding from the last two dimensions of a variable, latitude and longitude."""
    latitude, longitude = file.dimensions(variable)[-2:]
    return Regridding(file.read(latitude), file.read(longitude), target, file.name)


def read_fields(
    file: NetCdf,
    variable: str,
    regridding: Regridding,
    *leading: slice,
    progress: Progress = SILENT,
) -> np.ndarray:
    """Read the source cells that a regridding needs.

    Parameters
    ----------
    file : NetCdf
    variable : str
    regridding : Regridding
    *leading : slice
        The slices of the dimensions before latitude and longitude.
    progress : Progress

    Returns
    -------
    ndarray of float32, shape (..., rows, columns)
        In the unit of the file; NaN where there is no value.
    """
    values = np.empty(
        (*(part.stop - part.start for part in leading), *regridding.source_shape), dtype=np.float32
    )
    top = regridding.rows.start
    for rows in _row_blocks(regridding.rows, file.chunk(variable)[-2]):
        progress.stop_if_cancelled()
        parts = [file.read(variable, *leading, rows, columns) for columns in regridding.columns]
        values[..., rows.start - top : rows.stop - top, :] = np.concatenate(parts, axis=-1)
    values[values == NO_VALUE] = np.nan
    return values


def _row_blocks(rows: slice, block: int) -> list[slice]:
    """``rows`` split where the file's compressed blocks meet; undivided where it has none."""
    if block == 1:
        return [rows]
    cuts = [rows.start, *range(rows.start // block * block + block, rows.stop, block), rows.stop]
    return [slice(start, stop) for start, stop in zip(cuts, cuts[1:])]


def _require_time_lat_lon(file: NetCdf, variable: str) -> None:
    dimensions = tuple(name[:3].lower() for name in file.dimensions(variable))
    if dimensions != ("tim", "lat", "lon"):
        raise InputError(
            f"{variable} in {file.name} has the dimensions {', '.join(file.dimensions(variable))}; "
            "give a file in which they are time, lat, lon."
        )
    if 0 in file.shape(variable):
        raise InputError(
            f"{variable} in {file.name} is empty; crop it again so that it holds cells and months."
        )


def _centre(file: NetCdf) -> str:
    for attribute in ("institution", "title", "creator_institution"):
        for centre, pattern in CENTRES.items():
            if re.search(pattern, file.text(attribute), re.IGNORECASE):
                return centre
    return ""


def _release(file: NetCdf) -> str:
    """The release, for example RL06.3, RL06Mv2, RL06.3Mv04 or RL06 v1.0; empty where not stated.

    GSFC's RL06v2.0 half-degree file still states v1.0, which is not corrected.
    """
    stated = " ".join(
        file.text(attribute) for attribute in ("product_version", "title", "subtitle")
    )
    found = re.search(r"RL\d\d[\w.]*(?: v[\d.]+)?", stated)
    return found[0].rstrip(".") if found else ""


def _spans(file: NetCdf) -> tuple[np.ndarray, bool]:
    """Start and exclusive end of each solution, and whether the file states them.

    A crop of a single variable has no time bounds.
    """
    time = file.dimensions(THICKNESS)[0]
    times = _dates(file, time, file.unit(time))
    for bounds in (file.text("bounds", time), "time_bounds", "time_bnds"):
        if bounds in file.variables:
            return _stated_spans(file, bounds, times, file.unit(time)), True
    return np.stack([times - HALF_MONTH, times + HALF_MONTH], axis=1), False


def _stated_spans(file: NetCdf, bounds: str, times: np.ndarray, epoch: str) -> np.ndarray:
    spans = _dates(file, bounds, file.unit(bounds) or epoch)
    if spans.shape != (times.size, 2):
        raise InputError(
            f"{bounds} in {file.name} does not have two dates for each solution; "
            "give the file as distributed."
        )
    outside = (times < spans[:, 0]) | (times > spans[:, 1])
    if outside.any():
        place = int(outside.argmax())
        raise InputError(
            f"In {file.name} the time of solution {place + 1}, {times[place]}, lies outside its "
            f"{bounds}, {spans[place, 0]} to {spans[place, 1]}; one of the two is damaged, "
            "so give the file as distributed."
        )
    return _with_exclusive_ends(spans)


def _with_exclusive_ends(spans: np.ndarray) -> np.ndarray:
    """Spans that end with the day after the last one.

    The ends of CSR are such days, those of GSFC are the last day itself. Most solutions cover a
    calendar month, so that the ends that begin a month are the exclusive ones.
    """
    following = spans[:, 1] + DAY
    included = _starts_month(following).sum() > _starts_month(spans[:, 1]).sum()
    return np.stack([spans[:, 0], following if included else spans[:, 1]], axis=1)


def _starts_month(dates: np.ndarray) -> np.ndarray:
    return dates == dates.astype("datetime64[M]").astype(dates.dtype)


def _dates(file: NetCdf, variable: str, unit: str) -> np.ndarray:
    """Dates, datetime64[m], of a variable in a unit such as "days since 2002-01-01T00:00:00Z"."""
    stated = TIME_UNIT.match(unit)
    if not stated:
        raise InputError(
            f"{variable} in {file.name} has {_unit_text(unit)}; it must be days since a date."
        )
    step, year, month, day, clock = stated.groups()
    epoch = np.datetime64(f"{int(year):04}-{int(month):02}-{int(day):02}T{clock or '00:00'}", "m")
    minutes = np.rint(file.read(variable).astype(np.float64) * MINUTES[step.lower()])
    if not (np.abs(minutes) < LONGEST).all():
        raise InputError(
            f"{variable} in {file.name} has an empty entry; give the file as distributed."
        )
    return epoch + minutes.astype("timedelta64[m]")


def _listed_missing(file: NetCdf) -> np.ndarray | None:
    """The months of the attribute months_missing.

    They are found by a pattern, because separators differ and JPL once joined two months by a
    hyphen.
    """
    months = re.findall(r"(?<!\d)\d{4}-(?:0[1-9]|1[0-2])(?!\d)", file.text("months_missing"))
    return np.unique(np.array(months, dtype="datetime64[M]")) if months else None


def _cm_factor(file: NetCdf, variable: str) -> float:
    """The factor that converts a variable to cm."""
    unit = file.unit(variable)
    factor = cm_per(unit)
    if factor is None:
        raise InputError(
            f"{variable} in {file.name} has {_unit_text(unit)}; it must be cm, mm, kg m-2 or m."
        )
    return factor


def _unit_text(unit: str) -> str:
    return f"the unit “{unit}”" if unit else "no unit"
