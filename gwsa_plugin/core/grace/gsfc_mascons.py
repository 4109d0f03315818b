"""GSFC's HDF5 file of mascons, read as a grid.

References
----------
Loomis et al. (2019), doi:10.1007/s00190-019-01252-y. Layout: the description of the HDF5 file at
https://earth.gsfc.nasa.gov/geo/data/grace-mascons.
"""

from __future__ import annotations

import numpy as np

from ..base.errors import InputError
from ..rasters.netcdf import NetCdfFile

VALUES = "solution/cmwe"
LOCATION = "mascon/location"
SIDES = tuple(f"mascon/{name}" for name in ("lat_center", "lat_span", "lon_center", "lon_span"))
NOISE = "uncertainty/noise_2sigma"
LEAKAGE = "uncertainty/leakage_2sigma"
# Year, day of the year and decimal year of the middle of each solution.
MIDDLE = "time/yyyy_doy_yrplot_middle"
# Days since 2002-01-00, so that 1 is 2002-01-01.
REFERENCE = tuple(f"time/ref_days_{name}" for name in ("first", "middle", "last"))
EPOCH = np.datetime64("2001-12-31")
# Codes of mascon/location: ice sheets, glaciers of Alaska, land. Others are ice shelves and water.
LAND_CODES = (1, 3, 5, 80)
# Degrees; mascons are about 1 x 1 degrees.
CELL = 0.25
ROWS, COLUMNS = 720, 1440
NO_MASCON = -1


def is_gsfc(source: NetCdfFile) -> bool:
    """Return True for GSFC's HDF5 file of mascons."""
    return source.has(VALUES)


class GsfcMascons:
    """GSFC's HDF5 file with the methods of ``NetCdf``: a global grid of 0.25 degrees.

    A cell has the values of the mascon in which its centre lies. The variables are lwe_thickness in
    cm, uncertainty (one standard deviation of noise and leakage together, cm; without that of the
    trend of leakage), land_mask, mascon_ID, and their coordinates.

    Parameters
    ----------
    source : NetCdfFile

    Attributes
    ----------
    name : str
        File name, for messages.

    Raises
    ------
    InputError
        When the file lacks a part of the layout, or its parts do not fit together.
    """

    def __init__(self, source: NetCdfFile):
        self.name = source.name
        self._source = source
        absent = [name for name in (VALUES, *SIDES) if not source.has(name)]
        if not (source.has(MIDDLE) or source.has(REFERENCE[1])):
            absent.append(MIDDLE)
        if absent:
            raise InputError(
                f"{self.name} looks like GSFC's HDF5 file of mascons but has no "
                f"{', '.join(absent)}; download it again."
            )
        times, bounds = self._times()
        self._mascons = self._find_mascons()
        self._count = source.read(SIDES[0]).size
        self._frames = times.size
        self._require_shape(VALUES)
        self._fixed = {
            "time": (("time",), times),
            "lat": (("lat",), CELL / 2 - 90 + CELL * np.arange(ROWS)),
            "lon": (("lon",), CELL / 2 + CELL * np.arange(COLUMNS)),
            "mascon_ID": (("lat", "lon"), self._by_cell(np.arange(self._count) + 1.0)),
        }
        if bounds is not None:
            self._fixed["time_bounds"] = (("time", "bounds"), bounds)
        if source.has(LOCATION):
            land = np.isin(source.read(LOCATION).ravel(), LAND_CODES)
            self._fixed["land_mask"] = (("lat", "lon"), self._by_cell(land.astype(float)))
        self._has_sigma = source.has(NOISE) and source.has(LEAKAGE)
        if self._has_sigma:
            self._require_shape(NOISE)

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables."""
        return ("lwe_thickness", *(["uncertainty"] if self._has_sigma else []), *self._fixed)

    def has(self, variable: str) -> bool:
        """Return True when the file has the variable."""
        return variable in self.variables

    def dimensions(self, variable: str) -> tuple[str, ...]:
        """Return the names of the dimensions of a variable."""
        return self._fixed[variable][0] if variable in self._fixed else ("time", "lat", "lon")

    def shape(self, variable: str) -> tuple[int, ...]:
        """Return the size of a variable along each dimension."""
        if variable in self._fixed:
            return self._fixed[variable][1].shape
        return self._frames, ROWS, COLUMNS

    def chunk(self, variable: str) -> tuple[int, ...]:
        """Return the window that is read at once: all times, single rows and columns."""
        return (self._frames, 1, 1)[-len(self.dimensions(variable)) :]

    def text(self, attribute: str, variable: str | None = None) -> str:
        """Return the title or the version; other attributes are empty."""
        if variable or attribute not in ("title", "product_version"):
            return ""
        version = self._source.text("Version", VALUES.partition("/")[0])
        return f"GSFC mascons {version}".strip() if attribute == "title" else version

    def unit(self, variable: str) -> str:
        """Return the unit of a variable."""
        if variable.startswith("time"):
            return f"days since {EPOCH}"
        return {"lat": "degrees_north", "lon": "degrees_east"}.get(variable, "cm")

    def read(self, variable: str, *window: slice) -> np.ndarray:
        """Read a variable or a window of it; NaN where no mascon is."""
        window = window or tuple(slice(0, size) for size in self.shape(variable))
        if variable in self._fixed:
            return self._fixed[variable][1][window].copy()
        times, rows, columns = window
        series = self._sigma(times) if variable == "uncertainty" else self._read(VALUES, times)
        cells = self._mascons[rows, columns]
        return np.where(cells == NO_MASCON, np.nan, series.T[:, cells])

    def _read(self, name: str, times: slice) -> np.ndarray:
        """Mascons x times."""
        return self._source.read(name, slice(0, self._count), times)

    def _sigma(self, times: slice) -> np.ndarray:
        """Half of the two-sigma values of noise and leakage, which are independent."""
        leakage = self._source.read(LEAKAGE)
        if leakage.size == self._count:
            leakage = leakage.reshape(-1, 1)
        else:
            self._require_shape(LEAKAGE)
            leakage = leakage[:, times]
        return np.hypot(self._read(NOISE, times), leakage) / 2

    def _require_shape(self, name: str) -> None:
        shape = self._source.shape(name)
        if shape != (self._count, self._frames):
            raise InputError(
                f"{name} in {self.name} has the shape {shape}, not the {self._count} mascons and "
                f"{self._frames} times of the file; download it again."
            )

    def _by_cell(self, values: np.ndarray) -> np.ndarray:
        """Values of the mascons on the grid, NaN where no mascon is."""
        return np.where(self._mascons == NO_MASCON, np.nan, values[self._mascons])

    def _times(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Middle of each solution, and its start and exclusive end, days since ``EPOCH``."""
        source = self._source
        known = [source.read(name).ravel() if source.has(name) else None for name in REFERENCE]
        first, middle, last = known
        if source.has(MIDDLE):
            dates = source.read(MIDDLE)
            if dates.ndim != 2 or len(dates) < 2:
                raise self._times_misfit()
            years, days = dates[:2]
            begins = (years.astype(int) - 1970).astype("datetime64[Y]").astype("datetime64[D]")
            times = (begins - EPOCH).astype(float) + days - 1
        else:
            times = middle
        if any(days is not None and days.size != times.size for days in known):
            raise self._times_misfit()
        if first is None or last is None or middle is None:
            return times, None
        return times, np.stack([times - (middle - first), times + (last - middle) + 1], axis=1)

    def _times_misfit(self) -> InputError:
        names = [name for name in (MIDDLE, *REFERENCE) if self._source.has(name)]
        shapes = ", ".join(f"{name} {self._source.shape(name)}" for name in names)
        return InputError(
            f"The times of {self.name} do not have one value a solution each ({shapes}); "
            "download it again."
        )

    def _find_mascons(self) -> np.ndarray:
        """The index of the mascon of each cell: int, shape (rows, columns), south first."""
        sides = [self._source.read(side).ravel() for side in SIDES]
        same_size = len({side.size for side in sides}) == 1
        if not same_size or not all((np.abs(side) <= 360).all() for side in sides):
            raise InputError(
                f"{self.name} has mascons without a place on the globe; download the file again."
            )
        latitudes, heights, longitudes, widths = sides
        found = np.full((ROWS, COLUMNS), NO_MASCON)
        # Cells whose centres lie from the lower to the upper side.
        bottom, top = (_first_centre(latitudes + 90 + side * heights / 2) for side in (-1, 1))
        left, right = (_first_centre(longitudes + side * widths / 2) for side in (-1, 1))
        for number in range(latitudes.size):
            columns = np.arange(left[number], right[number]) % COLUMNS
            found[max(bottom[number], 0) : top[number], columns] = number
        return found


def _first_centre(degrees: np.ndarray) -> np.ndarray:
    """The first cell whose centre is not below a side; sides are rounded in the file."""
    return np.ceil(degrees / CELL - 0.5 - 1e-4).astype(int)
