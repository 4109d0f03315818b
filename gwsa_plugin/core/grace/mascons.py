"""Mascon files of CSR, JPL and GSFC, as distributed or cropped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np

from ..base.errors import InputError
from ..base.grid import Grid
from ..base.plausible import LIMITS, STORAGE, require_plausible
from ..base.progress import SILENT, Progress
from ..base.units import cm_per
from ..rasters import hdf5
from ..rasters.netcdf import NetCdfFile
from ..rasters.netcdf_grid import GriddedVariable, is_gridded, unit_text
from ..spatial.regrid import Regridding
from .gsfc_mascons import GsfcMascons, is_gsfc
from .solution_spans import read_spans

# Names of water thickness, the first ones first where a file has several.
THICKNESS = (
    "lwe_thickness", "twsa", "lwe", "tws_anomaly", "tws_anomalies", "tws", "ewh", "ewt", "cmwe",
    "water_thickness", "equivalent_water_thickness", "equivalent_water_height",
)  # fmt: skip
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
FILL_ADVICE = "set {0} as the _FillValue of the variable, for example with ncatted or xarray"
# Cells that are read at once: 200 MB of float32.
BLOCK_CELLS = 50_000_000


@dataclass(frozen=True)
class MasconFile:
    """The metadata of a mascon file; the fields are read on demand.

    Parameters
    ----------
    file : NetCdfFile
    thickness : GriddedVariable
        Water thickness.
    unit : str
        Unit of the thickness, as the file or the user states it.
    centre : str
        CSR, JPL, GSFC or empty, from the attributes of the file and not from its name.
    release, title : str
        As the attributes state them; may be empty.
    spans : ndarray of datetime64[m], shape (frames, 2)
        Start and exclusive end of the fields.
    spans_stated : bool
        False when the file has no time bounds, so that the spans are half a month to each side of
        its times.
    listed_missing : ndarray of datetime64[M], optional
        The months that the file lists as missing; None without that attribute.
    """

    file: NetCdfFile
    thickness: GriddedVariable
    unit: str
    centre: str
    release: str
    title: str
    spans: np.ndarray
    spans_stated: bool
    listed_missing: np.ndarray | None

    @classmethod
    def read(
        cls, file: NetCdfFile, variable: str | None = None, unit: str | None = None
    ) -> MasconFile:
        """Read the metadata of an open file.

        Parameters
        ----------
        file : NetCdfFile
            A NetCDF file over time, latitude and longitude, or GSFC's HDF5 file of mascons.
        variable : str, optional
            The variable with the water thickness; by default it is recognised by its name.
        unit : str, optional
            Unit of the variable; by default that of the file.

        Raises
        ------
        InputError
            When the file has no such variable over time, latitude and longitude, or its unit or its
            times are not understood.
        """
        source = GsfcMascons(file) if is_gsfc(file) else file
        thickness = _thickness(source, variable)
        spans, stated = read_spans(thickness)
        return cls(
            file=source,
            thickness=thickness,
            unit=_known_unit(thickness, unit),
            centre=_centre(source),
            release=_release(source),
            title=source.text("title"),
            spans=spans,
            spans_stated=stated,
            listed_missing=_listed_missing(source),
        )

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.file.name

    def has(self, variable: str) -> bool:
        """Return True when the file has the variable."""
        return variable in self.file.variables

    def variable(self, name: str) -> GriddedVariable:
        """Return a variable over the cells of the file."""
        return GriddedVariable(self.file, name)

    def regridding(self, target: Grid) -> Regridding:
        """Return the regridding from the file's cells to ``target``."""
        return make_regridding(self.thickness, target)

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
        return read_fields(self.variable(GAIN), regridding)[0]

    def identifiers(self, regridding: Regridding) -> np.ndarray | None:
        """Read the number of the mascon of each target cell.

        Returns
        -------
        ndarray of int32, shape of the target of ``regridding``, or None
            -1 where the file has no number; None for a file without mascon_ID.
        """
        if not self.has(MASCON):
            return None
        numbers = read_fields(self.variable(MASCON), regridding)[0]
        return np.nan_to_num(regridding.largest(numbers), nan=-1).astype(np.int32)

    def fields(
        self,
        variable: GriddedVariable,
        wanted: np.ndarray,
        regridding: Regridding,
        progress: Progress = SILENT,
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Read some fields of a variable.

        Several fields are read at once, by the file's compressed blocks of time, so that no block
        is decompressed twice where memory allows.

        Parameters
        ----------
        variable : GriddedVariable
            The thickness or its sigma; a sigma without a unit has that of the thickness.
        wanted : ndarray of bool, shape (frames,)
            The fields to read.
        regridding : Regridding
            Selects the source cells.
        progress : Progress

        Yields
        ------
        place : int
            Index of the field.
        field : ndarray of float, shape of the source of ``regridding``
            cm.

        Raises
        ------
        InputError
            When a value is impossible, such as a fill value that the file does not declare.
        """
        is_thickness = variable is self.thickness
        unit = self.unit if is_thickness else variable.file.unit(variable.name) or self.unit
        factor = _cm_factor(variable, unit)
        limits = STORAGE if is_thickness else LIMITS["SIGMA_TWSA"]._replace(least=-np.inf)
        block = fields_at_once(variable, regridding)
        for start in range(0, wanted.size, block):
            places = np.flatnonzero(wanted[start : start + block]) + start
            if not places.size:
                continue
            # From the first to the last wanted field of the block.
            times = slice(int(places[0]), int(places[-1]) + 1)
            fields = read_fields(variable, regridding, times, progress) * np.float32(factor)
            spans = self.spans[times]
            labels = (spans[:, 0] + (spans[:, 1] - spans[:, 0]) // 2).astype("datetime64[M]")
            name = f"{variable.name} in {self.name}"
            require_plausible(fields, limits, name, labels, (factor, 0.0), FILL_ADVICE)
            for place in places:
                progress.advance(place / wanted.size)
                yield place, fields[place - times.start]


def make_regridding(variable: GriddedVariable, target: Grid) -> Regridding:
    """Return the regridding from the cells of a variable."""
    return Regridding(variable.latitudes, variable.longitudes, target, variable.file.name)


def fields_at_once(variable: GriddedVariable, regridding: Regridding) -> int:
    """Return how many fields of a variable are read at a time."""
    return min(variable.chunk[0], max(BLOCK_CELLS // prod(regridding.source_shape), 1))


def read_fields(
    variable: GriddedVariable,
    regridding: Regridding,
    times: slice = slice(0, 1),
    progress: Progress = SILENT,
) -> np.ndarray:
    """Read the source cells that a regridding needs.

    Returns
    -------
    ndarray of float32, shape (times, rows, columns)
        In the unit of the file; NaN where there is no value.
    """
    count = times.stop - times.start
    values = np.empty((count, *regridding.source_shape), dtype=np.float32)
    top = regridding.rows.start
    for rows in _row_blocks(regridding.rows, variable.chunk[1]):
        progress.stop_if_cancelled()
        parts = [variable.read(times, rows, columns) for columns in regridding.columns]
        values[:, rows.start - top : rows.stop - top] = np.concatenate(parts, axis=-1)
    values[values == NO_VALUE] = np.nan
    return values


def _row_blocks(rows: slice, block: int) -> list[slice]:
    """``rows`` split where the file's compressed blocks meet; undivided where it has none."""
    if block == 1:
        return [rows]
    cuts = [rows.start, *range(rows.start // block * block + block, rows.stop, block), rows.stop]
    return [slice(start, stop) for start, stop in zip(cuts, cuts[1:])]


def _thickness(file: NetCdfFile, wanted: str | None) -> GriddedVariable:
    """The variable with the water thickness: the wanted one, else one with a known name."""
    by_name = {name.lower(): name for name in file.variables}
    if wanted and wanted.lower() in by_name:
        return GriddedVariable(file, by_name[wanted.lower()])
    if not file.variables and hdf5.trouble():
        raise InputError(f"{file.name} has no variables outside groups; {hdf5.lack()}.")
    known = [by_name[name] for name in THICKNESS if name in by_name]
    gridded = [name for name in file.variables if is_gridded(file, name)]
    if not (wanted or known):
        known = [name for name in gridded if re.search("lwe|tws", name.lower())]
        known = known if len(known) == 1 else []
    if wanted or not known:
        raise InputError(
            f"{file.name} has no variable {wanted or 'that is known as water thickness'} "
            f"(it has {', '.join(gridded or file.variables) or 'none'}); name one in VARIABLE."
        )
    return GriddedVariable(file, known[0])


def _known_unit(thickness: GriddedVariable, given: str | None) -> str:
    """The given unit, else that of the file; InputError for an unknown one."""
    unit = given or thickness.file.unit(thickness.name)
    if not unit:
        middle = thickness.shape[0] // 2
        rows, columns = (slice(0, size) for size in thickness.shape[1:])
        field = thickness.read(slice(middle, middle + 1), rows, columns)
        size = np.nanmax(np.abs(field)) if np.isfinite(field).any() else np.nan
        raise InputError(
            f"{thickness.name} in {thickness.file.name} has no unit; give it in UNIT (cm, mm, m or "
            f"kg m-2; the largest value in the middle of the record is {size:.3g})."
        )
    _cm_factor(thickness, unit)
    return unit


def _centre(file: NetCdfFile) -> str:
    for attribute in ("institution", "title", "creator_institution"):
        for centre, pattern in CENTRES.items():
            if re.search(pattern, file.text(attribute), re.IGNORECASE):
                return centre
    return ""


def _release(file: NetCdfFile) -> str:
    """The release, for example RL06.3, RL06Mv2, RL06.3Mv04 or RL06 v1.0; empty where not stated.

    GSFC's RL06v2.0 half-degree file still states v1.0, which is not corrected.
    """
    stated = " ".join(
        file.text(attribute) for attribute in ("product_version", "title", "subtitle")
    )
    found = re.search(r"RL\d\d[\w.]*(?: v[\d.]+)?", stated)
    return found[0].rstrip(".") if found else ""


def _listed_missing(file: NetCdfFile) -> np.ndarray | None:
    """The months of the attribute months_missing.

    They are found by a pattern, because separators differ and JPL once joined two months by a
    hyphen.
    """
    months = re.findall(r"(?<!\d)\d{4}-(?:0[1-9]|1[0-2])(?!\d)", file.text("months_missing"))
    return np.unique(np.array(months, dtype="datetime64[M]")) if months else None


def _cm_factor(variable: GriddedVariable, unit: str) -> float:
    """The factor that converts a variable to cm."""
    factor = cm_per(unit)
    if factor is None:
        raise InputError(
            f"{variable.name} in {variable.file.name} has {unit_text(unit)}; it must be cm, mm, "
            "kg m-2 or m, which can be given in UNIT."
        )
    return factor
