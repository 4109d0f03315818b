"""Hydrology of the sample world at 1 km: soil water, vegetation and explainable groundwater.

A month is one time step. Precipitation fills a soil bucket. The surplus over evapotranspiration
and a threshold infiltrates according to sand content, slope and topographic wetness index, passes
the unsaturated zone and fills a linear reservoir whose response time depends on the depth to
bedrock. Groundwater is pumped where vegetation is green although the air is dry; the resulting
loss recovers slowly.
"""

from __future__ import annotations

import numpy as np

from ..base.months import calendar_month, decimal_years
from .cases import CASES, Case
from .land import Land
from .random_fields import SplineGrid, generator
from .weather import Weather

# Canopy of irrigated crops in January..December, as a fraction of full canopy.
CROP = np.array([0.95, 1.0, 0.8, 0.35, 0.2, 0.35, 0.7, 0.95, 0.9, 0.55, 0.5, 0.8])
RECHARGE_THRESHOLD_MM = 20
# Constant surplus of a world whose recharge does not vary, mm per month.
MEAN_SURPLUS_MM = 12
DEFAULT = CASES["default"]
# Months whose mean recharge sets the equilibrium of a slow response.
SETTLING_MONTHS = 24


class Hydrology:
    """Soil and groundwater storage, advanced month by month.

    Parameters
    ----------
    land : Land
        The land of the sample world.
    months : ndarray of datetime64[M], shape (months,)
        Consecutive months of the simulation.
    seed : int
        Seed of the world.
    case : Case
        Response time of groundwater and whether recharge varies.

    Attributes
    ----------
    drivers : dict of str to ndarray of float32, shape (rows, columns)
        The eleven monthly predictors after the last step, without measurement noise.
    soil : ndarray of float32, shape (rows, columns)
        Soil water, mm.
    irrigation : ndarray of float32, shape (rows, columns)
        Evapotranspiration of irrigation water in the last step, mm.
    storage : ndarray of float32, shape (rows, columns)
        Groundwater storage that the drivers explain, cm.
    """

    def __init__(self, land: Land, months: np.ndarray, seed: int, case: Case = DEFAULT):
        self._land = land
        self._months = months
        self._case = case
        self._weather = Weather(land, months, seed)
        self._plots = SplineGrid(land.grid.shape, 4)
        vigour_rng = generator(seed, "vigour")
        self._vigour = self._plots.random_series(vigour_rng, months.size, length=9, memory=0.6)
        drivers = land.drivers
        self._capacity = 70 + 2.2 * drivers["clay"] - 0.4 * (drivers["sand"] - 50)
        self._infiltration = infiltration(drivers)
        # Irrigation starts earlier where the water table is shallow.
        self._irrigated_since = 2010 + 3 * np.log(drivers["water_table_depth"] / 7)
        # Fractions of the three groundwater storages that remain after a month.
        self._transit = np.exp(-1 / np.clip(drivers["water_table_depth"] / 12, 0.3, 2))
        response = 1.5 + 4.5 * np.tanh(drivers["depth_to_bedrock"] / 40)
        if case.memory_months:
            # The same pattern with the mean of the given time.
            response *= case.memory_months / response.mean()
        self._memory = np.exp(-1 / response)
        self._recovery = np.exp(-1 / (4 + 8 * (1 - self._infiltration)))
        self.soil = 0.45 * self._capacity
        self.irrigation = np.zeros_like(self.soil)
        self._seeping = np.zeros_like(self.soil)
        self._stored = 12 * self._infiltration / (1 - self._memory)
        self._pumped = np.zeros_like(self.soil)
        self._settled = 0
        self._arrived = np.zeros_like(self.soil)
        self._prepared: dict[int, tuple[dict[str, np.ndarray], np.ndarray]] = {}
        self.drivers: dict[str, np.ndarray] = {}
        self.storage = np.zeros_like(self.soil)

    def step(self, i: int) -> None:
        """Advance to month number ``i``; the months must be simulated in order."""
        self.prepare(i)
        weather, plots = self._prepared.pop(i)
        wetness = self.soil / self._capacity
        green = np.clip(self._greenness(i, weather, wetness) + plots, 0.02, 0.9)
        evaporation, runoff = self._step_soil(weather, wetness, green)
        surplus = weather["precipitation"] - evaporation - RECHARGE_THRESHOLD_MM
        if not self._case.recharge:
            surplus = np.full_like(surplus, MEAN_SURPLUS_MM)
        recharge = self._infiltration * np.maximum(surplus, 0)
        baseflow = self._step_groundwater(recharge, pumping(weather, green))
        leaves = -np.log(np.clip((0.93 - green) / 0.85, 0.05, 1)) / 0.5
        dry = 1 - 0.75 * evaporation / weather["potential_evapotranspiration"]
        bare = dry * (1 - 0.5 * green)
        self.drivers = {
            **weather,
            "actual_evapotranspiration": evaporation,
            "runoff": runoff + baseflow,
            "root_zone_soil_moisture": 0.08 + 0.32 * self.soil / self._capacity,
            "ndvi": green,
            "lai": leaves * (0.7 + 0.6 * self._land.farmland),
            "land_surface_temperature": weather["temperature"] + 0.05 * weather["radiation"] * bare,
        }

    def prepare(self, i: int) -> None:
        """Compute what month number ``i`` needs of no earlier month, in any order.

        Another thread may call it while an earlier month is simulated.
        """
        if i not in self._prepared:
            plots = 0.01 * self._plots.interpolate(self._vigour[i])
            self._prepared[i] = self._weather.month(i), plots

    def _greenness(self, i: int, weather: dict, wetness: np.ndarray) -> np.ndarray:
        """NDVI without the differences between plots.

        Rain-fed plants follow soil water and temperature, irrigated crops the calendar.
        """
        season = calendar_month(self._months[i : i + 1])[0] - 1
        years = np.float32(decimal_years(self._months[i])) - self._irrigated_since
        irrigated = self._land.farmland / (1 + np.exp(-years / 2.5))
        warmth = np.clip((weather["temperature"] + 4) / 22, 0.05, 1)
        rainfed = 0.1 + 0.52 * np.clip(wetness, 0, 1) * warmth
        crop = np.maximum(rainfed, 0.18 + 0.62 * CROP[season])
        return (1 - irrigated) * rainfed + irrigated * crop

    def _step_soil(self, weather: dict, wetness, green) -> tuple[np.ndarray, np.ndarray]:
        """Advance the soil bucket.

        Returns evapotranspiration, including irrigation water, and surface runoff, both in mm.
        """
        demand = weather["potential_evapotranspiration"]
        rain = weather["precipitation"]
        cover = 0.45 + 0.75 * green
        available = 0.75 * (self.soil + rain)
        from_soil = np.minimum(demand * cover * np.minimum(wetness + 0.15, 1), available)
        steep = np.minimum(self._land.drivers["slope"] / 15, 1)
        runoff = rain * np.minimum(0.08 + 0.35 * wetness**2 + 0.2 * steep, 0.8)
        filled = self.soil + rain - runoff - from_soil
        self.soil = np.clip(filled, 0.02 * self._capacity, self._capacity)
        self.irrigation = np.maximum(green - 0.35, 0) * np.maximum(0.8 * demand - from_soil, 0)
        return from_soil + self.irrigation, runoff

    def _step_groundwater(self, recharge: np.ndarray, pumped: np.ndarray) -> np.ndarray:
        """Advance the groundwater storages; return the baseflow to streams, mm."""
        self._seeping = self._seeping * self._transit + recharge
        arriving = self._seeping * (1 - self._transit)
        self._seeping -= arriving
        if self._case.memory_months:
            self._settle(arriving)
        leaving = self._stored * (1 - self._memory)
        self._stored = self._stored - leaving + arriving
        self._pumped = self._pumped * self._recovery + pumped
        self.storage = (self._stored - self._pumped) / 10
        return 0.6 * leaving

    def _settle(self, arriving: np.ndarray) -> None:
        """Start a slow response from equilibrium with the recharge of the first months."""
        if self._settled < SETTLING_MONTHS:
            self._settled += 1
            self._arrived += arriving
            if self._settled == SETTLING_MONTHS:
                self._stored = self._arrived / SETTLING_MONTHS / (1 - self._memory)


def infiltration(drivers: dict[str, np.ndarray]) -> np.ndarray:
    """Compute the fraction of the surplus that becomes recharge.

    Parameters
    ----------
    drivers : dict of str to ndarray
        Static drivers; ``sand`` (%), ``twi`` and ``slope`` (degrees) are used.

    Returns
    -------
    ndarray
        0 to 0.95. The factors for sandy soil, gentle slope and high wetness index are multiplied.
    """
    sandy = 1 / (1 + np.exp(-(drivers["sand"] - 48) / 11))
    wet = 1 / (1 + np.exp(-(drivers["twi"] - 8) / 1.6))
    return 0.95 * (0.2 + 0.8 * sandy) * np.exp(-drivers["slope"] / 9) * (0.4 + 0.6 * wet)


def pumping(weather: dict[str, np.ndarray], green: np.ndarray) -> np.ndarray:
    """Compute the groundwater pumped for irrigation in one month.

    Parameters
    ----------
    weather : dict of str to ndarray
        One month of weather, as returned by ``Weather.month``.
    green : ndarray
        NDVI.

    Returns
    -------
    ndarray
        mm; proportional to the canopy above an NDVI of 0.36 and to the deficit of precipitation.
    """
    deficit = weather["potential_evapotranspiration"] - weather["precipitation"] - 30
    dryness = np.clip(weather["vapour_pressure_deficit"] / 1.8, 0.2, 2)
    return 3.4 * np.maximum(green - 0.36, 0) * np.maximum(deficit, 0) * dryness
