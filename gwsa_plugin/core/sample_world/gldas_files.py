"""Land surface of the sample world at 0.25°, written as monthly GLDAS Noah 2.1 files.

Soil moisture, snow and canopy water follow the 1 km simulation through simple response functions.
The files have the layout of GLDAS_NOAH025_M 2.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..base.grid import Grid
from ..base.months import calendar_month
from ..base.progress import Progress
from ..rasters.netcdf_writer import NetCdfWriter, new_netcdf
from .land import Land
from .random_fields import fractal, generator
from .surroundings import Surroundings

FILL = -9999.0
GLDAS_GRID = Grid(-180.0, 90.0, 0.25, 0.25, 600, 1440)
CHUNK = (1, 60, 120)
# Standard name, long name, unit and cell method of each variable, as in the real granules.
VARIABLES = {
    "Rainf_f_tavg": ("precipitation_flux", "Total precipitation rate", "kg m-2 s-1", "mean"),
    "Evap_tavg": ("water_evaporation_flux", "Evapotranspiration", "kg m-2 s-1", "mean"),
    "Tair_f_inst": ("air_temperature", "Temperature", "K", "point"),
    "SWE_inst": ("surface_snow_amount", "Snow depth water equivalent", "kg m-2", "point"),
    "SoilMoi0_10cm_inst": ("soil_moisture_content", "Soil moisture", "kg m-2", "point"),
    "SoilMoi10_40cm_inst": ("soil_moisture_content", "Soil moisture", "kg m-2", "point"),
    "SoilMoi40_100cm_inst": ("soil_moisture_content", "Soil moisture", "kg m-2", "point"),
    "SoilMoi100_200cm_inst": ("soil_moisture_content", "Soil moisture", "kg m-2", "point"),
    "RootMoist_inst": ("root_zone_soil_moisture", "Root zone soil moisture", "kg m-2", "point"),
    "CanopInt_inst": ("canopy_water_amount", "Plant canopy surface water", "kg m-2", "point"),
}
LAYERS = tuple(name for name in VARIABLES if name.startswith("SoilMoi"))
ROOT_ZONE = LAYERS[:3]
STORAGES = (*LAYERS, "SWE_inst", "RootMoist_inst", "CanopInt_inst")
# Range of wavelengths of the errors of GLDAS, 0.25° cells.
ERROR_CELLS = (4, 16)
# For each layer: the fraction of the soil bucket, the water of an empty bucket (kg m-2), and the
# weight of the previous month. Deep layers respond late and weakly.
LAYER_RESPONSE = ((0.10, 12.0, 0.0), (0.28, 38.0, 0.2), (0.40, 90.0, 0.5), (0.42, 170.0, 0.75))
# A cell is land if at least this fraction of it is.
MIN_LAND_FRACTION = 0.4
COMPONENTS = ("SMS", "SWES", "CWS")
MELT_MM_PER_K_MONTH = 60.0
# Snow beyond this depth is removed, as by avalanches and wind.
MAX_SNOW_MM = 600.0
SECONDS_PER_MONTH = 86400 * 30.44


@dataclass
class LandSurface:
    """Soil, snow and canopy water of the 0.25° cells, advanced month by month.

    Parameters
    ----------
    land : Land
        The land of the sample world.
    """

    land: Land

    def __post_init__(self):
        shape = self.land.coarse.shape
        self._layers = np.zeros((len(LAYERS), *shape))
        self._started = False
        self._snow = np.where(self.land.ice_cells, 4000.0 + 500.0 * np.arange(shape[1]), 0.0)

    def step(self, soil: np.ndarray, drivers: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Advance by one month.

        Parameters
        ----------
        soil : ndarray, shape (rows, columns)
            Soil water at 1 km, mm.
        drivers : dict of str to ndarray
            The monthly drivers at 1 km, without measurement noise.

        Returns
        -------
        dict of str to ndarray of float32
            Each variable of ``VARIABLES`` on the 0.25° cells, NaN without land.
        """
        names = ("precipitation", "temperature", "actual_evapotranspiration", "lai")
        mean = {name: self.land.cell_mean(drivers[name]) for name in names}
        soil = self.land.cell_mean(soil)
        for i, (fraction, _, memory) in enumerate(LAYER_RESPONSE):
            kept = memory if self._started else 0.0
            self._layers[i] = kept * self._layers[i] + (1 - kept) * fraction * soil
        self._started = True
        self._step_snow(mean["precipitation"], mean["temperature"])
        layers = {
            name: water + dry
            for name, water, (_, dry, _) in zip(LAYERS, self._layers, LAYER_RESPONSE)
        }
        rain = mean["precipitation"]
        values = {
            "Rainf_f_tavg": rain / SECONDS_PER_MONTH,
            "Evap_tavg": mean["actual_evapotranspiration"] / SECONDS_PER_MONTH,
            "Tair_f_inst": mean["temperature"] + 273.15,
            "SWE_inst": self._snow,
            **layers,
            "RootMoist_inst": _total(layers, ROOT_ZONE),
            "CanopInt_inst": np.minimum(0.12 * mean["lai"] * rain / (rain + 60), 0.5),
        }
        return {name: field.astype(np.float32) for name, field in values.items()}

    def _step_snow(self, rain: np.ndarray, temperature: np.ndarray) -> None:
        """Accumulate snow below 2 °C and melt it above 0 °C.

        Permanent ice changes by one hundredth of the snowfall less the melt.
        """
        fall = rain * np.clip((2 - temperature) / 2, 0, 1)
        melt = MELT_MM_PER_K_MONTH * np.maximum(temperature, 0)
        snow = np.clip(self._snow + fall - melt, 0, MAX_SNOW_MM)
        ice = self._snow + 0.01 * (fall - melt)
        self._snow = np.where(self.land.ice_cells, ice, snow)


def components(variables: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Compute SMS, SWES and CWS from the GLDAS variables of one month.

    Parameters
    ----------
    variables : dict of str to ndarray
        As returned by ``LandSurface.step``; storages in kg m-2, which equals mm.

    Returns
    -------
    dict of str to ndarray
        The storages in cm.
    """
    return {
        "SMS": _total(variables, LAYERS) / 10,
        "SWES": variables["SWE_inst"] / 10,
        "CWS": variables["CanopInt_inst"] / 10,
    }


def _total(variables: dict[str, np.ndarray], names: tuple[str, ...]) -> np.ndarray:
    """Sum of the named variables, added in their order."""
    total = variables[names[0]]
    for name in names[1:]:
        total = total + variables[name]
    return total


def file_name(month: np.datetime64) -> str:
    """Return the name of the GLDAS file of a month."""
    return f"GLDAS_NOAH025_M.A{str(month).replace('-', '')}.021.nc4"


def with_errors(
    variables: dict[str, np.ndarray], land: Land, amplitude: float, delay: float, seed: int
) -> dict[str, np.ndarray]:
    """Give the storages errors of amplitude and phase that vary by region.

    Parameters
    ----------
    variables : dict of str to ndarray, shape (months, rows, columns)
        The variables of consecutive months.
    land : Land
        The land of the sample world. Permanent ice stays unchanged.
    amplitude : float
        Standard deviation, between places, of the relative error of the amplitude.
    delay : float
        Largest shift in time, months.
    seed : int
        Seed of the world.

    Returns
    -------
    dict of str to ndarray
        All variables; fluxes and temperature are unchanged.
    """
    rng = generator(seed, "GLDAS errors")
    shape = land.coarse.shape
    factor = 1 + amplitude * np.clip(fractal(rng, shape, *ERROR_CELLS), -2, 2)
    shift = delay * np.clip(fractal(rng, shape, *ERROR_CELLS) / 2, -1, 1)
    erring = {}
    for name, values in variables.items():
        if name not in STORAGES:
            erring[name] = values
            continue
        earlier, later = (np.roll(values, step, axis=0) for step in (1, -1))
        earlier[0] = values[0]
        later[-1] = values[-1]
        # Linear interpolation between months: a positive shift delays.
        shifted = (1 - np.abs(shift)) * values + np.abs(shift) * np.where(shift > 0, earlier, later)
        mean = values.mean(axis=0)
        changed = np.maximum(mean + factor * (shifted - mean), 0)
        erring[name] = np.where(land.ice_cells, values, changed).astype(np.float32)
    return erring


def write_files(
    folder: Path,
    surroundings: Surroundings,
    months: np.ndarray,
    variables: dict[str, np.ndarray],
    progress: Progress,
) -> None:
    """Write the monthly files of the region and its surroundings.

    Parameters
    ----------
    folder : Path
        Folder of the files.
    surroundings : Surroundings
        The region and its surroundings.
    months : ndarray of datetime64[M], shape (months,)
    variables : dict of str to ndarray, shape (months, region rows, region columns)
        The variables of the region.
    progress : Progress
        Receives the fraction written.
    """
    for i, month in enumerate(months):
        progress.advance(i / months.size)
        fields = {name: surroundings.extend(values[i]) for name, values in variables.items()}
        write_month(folder / file_name(month), surroundings, month, fields)


def write_month(
    path, land: Land | Surroundings, month: np.datetime64, variables: dict[str, np.ndarray]
) -> None:
    """Write one monthly file on the global GLDAS grid.

    Parameters
    ----------
    path : path-like
        The file to write.
    land : Land or Surroundings
        Land of the cells of ``variables``. Cells outside them, and cells with less land than
        ``MIN_LAND_FRACTION``, get the fill value.
    month : datetime64[M]
        The month of the file.
    variables : dict of str to ndarray
        As returned by ``LandSurface.step``.
    """
    grid = land.coarse
    is_land = land.land_fraction >= MIN_LAND_FRACTION
    rows, columns = GLDAS_GRID.latitudes[::-1], GLDAS_GRID.longitudes
    # The library of NetCDF ends the definition of a file when values are written, and starts it
    # anew for each further variable, which takes longer than to write them.
    with new_netcdf(path, _attributes()) as file:
        _define_axis(file, "lat", rows.size, "latitude", "degrees_north")
        _define_axis(file, "lon", columns.size, "longitude", "degrees_east")
        _define_time(file, month)
        for name in variables:
            _define_variable(file, name)
        file.write("lat", rows.astype(np.float32))
        file.write("lon", columns.astype(np.float32))
        file.write("time", np.array([_days(month)]))
        top, left = _first_row_and_column(grid)
        for name, values in variables.items():
            # Rows of the file go from south to north.
            block = np.where(is_land, values, FILL).astype(np.float32)[None, ::-1]
            file.write(name, block, (0, GLDAS_GRID.rows - top - grid.rows, left))


def _define_axis(file: NetCdfWriter, name: str, size: int, long_name: str, unit: str) -> None:
    file.dimension(name, size)
    file.variable(
        name, name, "f4", {"units": unit, "standard_name": long_name, "long_name": long_name}
    )


def _define_time(file: NetCdfWriter, month: np.datetime64) -> None:
    """Define the time axis. Its unit begins with a space, as in the real files."""
    attributes = {
        "units": " days since 2000-01-01 00:00:00",
        "long_name": "time",
        "time_increment": str(calendar_month(month)),
        "begin_date": f"{str(month).replace('-', '')}01",
        "begin_time": "000000",
    }
    file.dimension("time", 1)
    file.variable("time", "time", "f8", attributes)


def _define_variable(file: NetCdfWriter, name: str) -> None:
    standard_name, long_name, unit, method = VARIABLES[name]
    attributes = {
        "units": unit,
        "standard_name": standard_name,
        "long_name": long_name,
        "cell_methods": f"time: {method}",
        "scale_factor": 1.0,
        "add_offset": 0.0,
        "missing_value": FILL,
    }
    file.variable(name, "time lat lon", "f4", attributes, chunks=CHUNK, fill=FILL)


def _days(month: np.datetime64) -> float:
    return (month.astype("datetime64[D]") - np.datetime64("2000-01-01")).astype(float)


def _first_row_and_column(grid: Grid) -> tuple[int, int]:
    """Northernmost row and westernmost column of a region on the GLDAS grid."""
    row = round((GLDAS_GRID.north - grid.north) / grid.dy)
    column = round((grid.west - GLDAS_GRID.west) / grid.dx)
    return row, column


def _attributes() -> dict[str, str | float]:
    return {
        "missing_value": FILL,
        "title": "GLDAS2.1 LIS land surface model output",
        "institution": "GWSA contributors (synthetic data in the layout of NASA GSFC's)",
        "source": "Noah_v3.3",
        "references": "Rodell_etal_BAMS_2004, Kumar_etal_EMS_2006, Peters-Lidard_etal_ISSE_2007",
        "conventions": "CF-1.6",
        "comment": "website: http://ldas.gsfc.nasa.gov/gldas, http://lis.gsfc.nasa.gov/",
        "MAP_PROJECTION": "EQUIDISTANT CYLINDRICAL",
        "SOUTH_WEST_CORNER_LAT": -59.875,
        "SOUTH_WEST_CORNER_LON": -179.875,
        "DX": 0.25,
        "DY": 0.25,
    }
