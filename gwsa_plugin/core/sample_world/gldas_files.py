"""The sample world as GLDAS Noah 2.1 gives it: one file a month, and the water it holds above the groundwater."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..base.grid import Grid
from ..base.months import calendar_month
from .land import Land
from .netcdf_writer import writing

FILL = -9999.0
GLDAS_GRID = Grid(-180.0, 90.0, 0.25, 0.25, 600, 1440)
CHUNK = (1, 60, 120)
# Standard name, long name, unit and cell method of the variables written, after the real granule.
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
# Each layer's share of the soil bucket, its water at the bucket's empty state in kg m-2, and its memory from month to
# month: deep layers answer late and little.
LAYER_RESPONSE = ((0.10, 12.0, 0.0), (0.28, 38.0, 0.2), (0.40, 90.0, 0.5), (0.42, 170.0, 0.75))
LAND_SHARE = 0.4  # of a cell that counts as land
COMPONENTS = ("SMS", "SWES", "CWS")
MELT_MM_PER_K_MONTH = 60.0
DEEPEST_SNOW_MM = 600.0  # more than that slides or blows away
SECONDS_PER_MONTH = 86400 * 30.44


@dataclass
class Surface:
    """Soil, snow and canopy of the 0.25° cells of one world; ``step`` moves them on by a month."""

    land: Land

    def __post_init__(self):
        shape = self.land.coarse.shape
        self._layers = np.zeros((len(LAYERS), *shape))
        self._started = False
        self._snow = np.where(self.land.ice_cells, 4000.0 + 500.0 * np.arange(shape[1]), 0.0)

    def step(self, soil: np.ndarray, drivers: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """``soil`` and ``drivers`` at 1 km -> each GLDAS variable on the 0.25° cells, NaN where there is no land."""
        names = ("precipitation", "temperature", "actual_evapotranspiration", "lai")
        mean = {name: self.land.cell_mean(drivers[name]) for name in names}
        soil = self.land.cell_mean(soil)
        for i, (share, _, memory) in enumerate(LAYER_RESPONSE):
            kept = memory if self._started else 0.0
            self._layers[i] = kept * self._layers[i] + (1 - kept) * share * soil
        self._started = True
        self._move_snow(mean["precipitation"], mean["temperature"])
        layers = {
            name: water + dry for name, water, (_, dry, _) in zip(LAYERS, self._layers, LAYER_RESPONSE)
        }  # fmt: skip
        rain = mean["precipitation"]
        values = {
            "Rainf_f_tavg": rain / SECONDS_PER_MONTH,
            "Evap_tavg": mean["actual_evapotranspiration"] / SECONDS_PER_MONTH,
            "Tair_f_inst": mean["temperature"] + 273.15,
            "SWE_inst": self._snow,
            **layers,
            "RootMoist_inst": sum(layers[name] for name in LAYERS[:3]),
            "CanopInt_inst": np.minimum(0.12 * mean["lai"] * rain / (rain + 60), 0.5),
        }
        return {name: field.astype(np.float32) for name, field in values.items()}

    def _move_snow(self, rain, temperature) -> None:
        """Snow falls below 2 °C and melts above 0 °C; ice keeps its mass but for a hundredth of that."""
        fall = rain * np.clip((2 - temperature) / 2, 0, 1)
        melt = MELT_MM_PER_K_MONTH * np.maximum(temperature, 0)
        snow, ice = (
            np.clip(self._snow + fall - melt, 0, DEEPEST_SNOW_MM),
            self._snow + 0.01 * (fall - melt),
        )
        self._snow = np.where(self.land.ice_cells, ice, snow)


def components(variables: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """SMS, SWES and CWS in cm from one month of GLDAS variables (kg m-2 is mm)."""
    return {
        "SMS": sum(variables[name] for name in LAYERS) / 10,
        "SWES": variables["SWE_inst"] / 10,
        "CWS": variables["CanopInt_inst"] / 10,
    }


def file_name(month: np.datetime64) -> str:
    return f"GLDAS_NOAH025_M.A{str(month).replace('-', '')}.021.nc4"


def write_month(path, land: Land, month: np.datetime64, variables: dict[str, np.ndarray]) -> None:
    """One monthly file on the whole GLDAS grid, fill value outside the region and in cells that are mostly water."""
    grid, seen = land.coarse, land.land_share >= LAND_SHARE
    with writing(path, _attributes()) as file:
        for name, values in (("lat", GLDAS_GRID.latitudes[::-1]), ("lon", GLDAS_GRID.longitudes)):
            file.dimension(name, values.size)
            long_name, unit = {
                "lat": ("latitude", "degrees_north"),
                "lon": ("longitude", "degrees_east"),
            }[name]
            file.variable(
                name,
                name,
                "f4",
                {"units": unit, "standard_name": long_name, "long_name": long_name},
            )
            file.write(name, values.astype(np.float32))
        _write_time(file, month)
        top, left = _place(grid)
        for name, values in variables.items():
            standard_name, long_name, unit, method = VARIABLES[name]
            described = {
                "units": unit, "standard_name": standard_name, "long_name": long_name,
                "cell_methods": f"time: {method}", "scale_factor": 1.0, "add_offset": 0.0, "missing_value": FILL,
            }  # fmt: skip
            file.variable(name, "time lat lon", "f4", described, CHUNK, FILL)
            block = np.where(seen, values, FILL).astype(np.float32)[None, ::-1]
            file.write(name, block, (0, GLDAS_GRID.rows - top - grid.rows, left))


def _write_time(file, month: np.datetime64) -> None:
    """The time axis, with the space that opens its units in the real files."""
    days = (month.astype("datetime64[D]") - np.datetime64("2000-01-01")).astype(float)
    file.dimension("time", 1)
    described = {
        "units": " days since 2000-01-01 00:00:00", "long_name": "time", "time_increment": str(calendar_month(month)),
        "begin_date": f"{str(month).replace('-', '')}01", "begin_time": "000000",
    }  # fmt: skip
    file.variable("time", "time", "f8", described)
    file.write("time", np.array([days]))


def _place(grid: Grid) -> tuple[int, int]:
    """First row from the north and first column of a region on the GLDAS grid."""
    return round((GLDAS_GRID.north - grid.north) / grid.dy), round(
        (grid.west - GLDAS_GRID.west) / grid.dx
    )


def _attributes() -> dict:
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
