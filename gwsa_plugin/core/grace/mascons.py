"""The mascon grids of CSR, JPL and GSFC as their centres distribute them, or as others cropped them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.grid import Grid
from ..base.progress import SILENT, Progress
from ..base.units import cm_per
from ..files.netcdf import NetCdf
from ..spatial.regrid import Regridding

THICKNESS, SIGMA, GAIN, LAND, MASCON = (
    "lwe_thickness",
    "uncertainty",
    "scale_factor",
    "land_mask",
    "mascon_ID",
)
MASKS = ("LO_val", LAND, "GLDAS_mask")
NO_VALUE = -99999.0  # in GRACE products, also where no _FillValue says so
CENTRES = {
    "CSR": r"\bCSR\b|UTCSR|Center for Space Research",
    "JPL": r"\bJPL\b|Jet Propulsion",
    "GSFC": r"\bGSFC\b|Goddard",
}
MINUTES = {"second": 1 / 60, "minute": 1.0, "hour": 60.0, "day": 1440.0}
DAY = np.timedelta64(1440, "m")
CLOCK = re.compile(
    r"(day|hour|minute|second)s? since (\d{1,4})-(0?[1-9]|1[0-2])-(0?[1-9]|[12]\d|3[01])(?:[T ](\d\d:\d\d))?(?!\d)",
    re.I,
)
LONGEST = 1e9  # minutes from an epoch to a solution; more is a fill value
HALF_MONTH = np.timedelta64(21_915, "m")  # 365.25 days / 24
BLOCK_CELLS = 50_000_000  # read at once: 200 MB of float32


@dataclass(frozen=True)
class MasconFile:
    """What the file says about itself; the fields stay on disk.

    ``centre`` is CSR, JPL, GSFC or empty, from the attributes, never from the file's name. ``spans``: datetime64[m],
    shape (solutions, 2), start and exclusive end; not ``spans_stated`` when they are half a month to each side of the
    file's times. ``listed_missing``: datetime64[M], None without the attribute.
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
        """Raises InputError for a file that is not NetCDF, holds no lwe_thickness, or whose times cannot be read."""
        file = NetCdf(path)
        _require_time_lat_lon(file, THICKNESS)
        return cls(
            file,
            _centre(file),
            _release(file),
            file.text("title"),
            *_spans(file),
            _listed_missing(file),
        )

    @property
    def name(self) -> str:
        return self.file.name

    def has(self, variable: str) -> bool:
        return variable in self.file.variables

    def regridding(self, target: Grid) -> Regridding:
        return regridding_of(self.file, THICKNESS, target)

    def gain_factors(self, regridding: Regridding) -> np.ndarray:
        """JPL's land gain factors on the source cells that ``regridding`` needs; NaN where there is none."""
        if not self.has(GAIN):
            raise InputError(
                f"{self.name} has no {GAIN}; only JPL's CRI mascons do, so switch gain factors off."
            )
        return read_fields(self.file, GAIN, regridding)

    def identifiers(self, regridding: Regridding) -> np.ndarray | None:
        """The mascon of each target cell: int32, -1 where the file names none; None for a file without mascon_ID."""
        if not self.has(MASCON):
            return None
        return np.nan_to_num(
            regridding.largest(read_fields(self.file, MASCON, regridding)), nan=-1
        ).astype(np.int32)

    def fields(
        self, variable: str, wanted: np.ndarray, regridding: Regridding, progress: Progress = SILENT
    ):
        """Yield (solution, field) for the ``wanted`` solutions: cm, float (rows, columns) of ``regridding``'s source.

        Read in the file's own compressed blocks of time, so that none is unpacked twice where memory allows.
        """
        factor = _centimetres(self.file, variable)
        block = min(
            self.file.chunk(variable)[0], max(BLOCK_CELLS // prod(regridding.source_shape), 1)
        )
        for start in range(0, wanted.size, block):
            places = np.flatnonzero(wanted[start : start + block]) + start
            if not places.size:
                continue
            times = slice(int(places[0]), int(places[-1]) + 1)
            fields = read_fields(self.file, variable, regridding, times, progress=progress)
            for place in places:
                progress.advance(place / wanted.size)
                yield place, fields[place - times.start] * factor


def read_land(file: NetCdf, target: Grid) -> np.ndarray:
    """The land mask in a file (1 = land) on ``target``: bool, True where at least half of a cell is land.

    Raises InputError when the file holds no mask or leaves part of the target uncovered.
    """
    named = [variable for variable in MASKS if variable in file.variables]
    if not named:
        raise InputError(
            f"{file.name} has no land mask variable ({', '.join(MASKS)}); give the centre's land mask."
        )
    regridding = regridding_of(file, named[0], target)
    if regridding.covered() is None:
        raise InputError(f"The land mask {file.name} lies outside the region; give a global one.")
    leading = [slice(0, 1)] * (len(file.shape(named[0])) - 2)
    mask = read_fields(file, named[0], regridding, *leading)
    share = regridding((mask.reshape(mask.shape[-2:]) == 1).astype(np.float64))
    if not np.isfinite(share).all():
        raise InputError(
            f"The land mask {file.name} covers only a part of the region; give a global one."
        )
    return share >= 0.5


def regridding_of(file: NetCdf, variable: str, target: Grid) -> Regridding:
    """From the last two dimensions of ``variable``, latitude and longitude, to ``target``."""
    latitude, longitude = file.dimensions(variable)[-2:]
    return Regridding(file.read(latitude), file.read(longitude), target, file.name)


def read_fields(
    file: NetCdf,
    variable: str,
    regridding: Regridding,
    *leading: slice,
    progress: Progress = SILENT,
):
    """The source cells that ``regridding`` needs: float32, shape (..., rows, columns), after the ``leading`` slices."""
    values = np.empty(
        (*(part.stop - part.start for part in leading), *regridding.source_shape), dtype=np.float32
    )
    top = regridding.rows.start
    for rows in _steps(regridding.rows, file.chunk(variable)[-2]):
        progress.stop_if_cancelled()
        parts = [file.read(variable, *leading, rows, columns) for columns in regridding.columns]
        values[..., rows.start - top : rows.stop - top, :] = np.concatenate(parts, axis=-1)
    values[values == NO_VALUE] = np.nan
    return values


def _steps(rows: slice, block: int) -> list[slice]:
    """``rows`` cut where the file's compressed blocks meet; whole where it has none."""
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
    """``RL06.3``, ``RL06Mv2``, ``RL06.3Mv04``, ``RL06 v1.0``; empty where the file does not say.

    GSFC's RL06v2.0 half-degree file still says v1.0; what the file says is repeated, not corrected.
    """
    stated = " ".join(
        file.text(attribute) for attribute in ("product_version", "title", "subtitle")
    )
    found = re.search(r"RL\d\d[\w.]*(?: v[\d.]+)?", stated)
    return found[0].rstrip(".") if found else ""


def _spans(file: NetCdf) -> tuple[np.ndarray, bool]:
    """Start and exclusive end of each solution, and whether the file states them; a crop of one variable does not."""
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
            f"{bounds} in {file.name} is not two dates a solution; give the file as distributed."
        )
    outside = (times < spans[:, 0]) | (times > spans[:, 1])
    if outside.any():
        place = int(outside.argmax())
        raise InputError(
            f"In {file.name} the time of solution {place + 1}, {times[place]}, lies outside its {bounds}, "
            f"{spans[place, 0]} to {spans[place, 1]}; one of the two was damaged, so give the file as distributed."
        )
    return _with_last_day(spans)


def _with_last_day(spans: np.ndarray) -> np.ndarray:
    """Ends as the day after the last one: CSR's are, GSFC's are the last day itself.

    Most solutions are whole months, so that the ends tell it.
    """
    following = spans[:, 1] + DAY
    included = _starts_month(following).sum() > _starts_month(spans[:, 1]).sum()
    return np.stack([spans[:, 0], following if included else spans[:, 1]], axis=1)


def _starts_month(dates: np.ndarray) -> np.ndarray:
    return dates == dates.astype("datetime64[M]").astype(dates.dtype)


def _dates(file: NetCdf, variable: str, unit: str) -> np.ndarray:
    """Dates to the minute, datetime64[m], of a variable in ``unit``: "days since 2002-01-01T00:00:00Z" or the like."""
    stated = CLOCK.match(unit)
    if not stated:
        raise InputError(
            f"{variable} in {file.name} has {_named(unit)}; it must be days since a date."
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
    """Separators differ and JPL once joined two months by a hyphen, so the months are searched for."""
    months = re.findall(r"(?<!\d)\d{4}-(?:0[1-9]|1[0-2])(?!\d)", file.text("months_missing"))
    return np.unique(np.array(months, dtype="datetime64[M]")) if months else None


def _centimetres(file: NetCdf, variable: str) -> float:
    """The factor that makes cm of a variable."""
    unit = file.unit(variable)
    factor = cm_per(unit)
    if factor is None:
        raise InputError(
            f"{variable} in {file.name} has {_named(unit)}; it must be cm, mm, kg m-2 or m."
        )
    return factor


def _named(unit: str) -> str:
    return f"the unit “{unit}”" if unit else "no unit"
