"""The weather of the sample world month by month at 1 km: rain, warmth, sunshine and how dry the air is."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..base.months import calendar_month
from .land import Land
from .random_fields import Lattice, generator, standardised

MONSOON = np.array([0.25, 0.25, 0.2, 0.15, 0.3, 1.2, 3.1, 3.0, 1.9, 0.4, 0.12, 0.13])
WINTER_RAIN = np.array([2.0, 2.2, 2.0, 1.2, 0.7, 0.4, 0.6, 0.6, 0.4, 0.3, 0.5, 1.1])
MID_MONTH_DAY = 30.44 * (np.arange(12) + 0.5)
LAPSE_K_PER_M = 0.006


class Weather:
    """Every month of ``months`` (datetime64[M]), repeatable: ``month(i)`` may be asked in any order."""

    def __init__(self, land: Land, months: np.ndarray, seed: int):
        self._land, self._seasons = land, calendar_month(months) - 1
        rng = generator(seed, "weather")
        self._broad = Lattice(land.grid.shape, 30)
        self._storms = Lattice(land.grid.shape, 10)
        self._wet_broad = self._broad.evolving(rng, months.size, 220, 0.4)
        self._wet_storms = self._storms.evolving(rng, months.size, 22, 0.1)
        self._warm = self._broad.evolving(rng, months.size, 300, 0.45)
        self._wet_years = _year_to_year(rng, months)
        self._rain_share = _annual_rain(land)
        self._winter = np.clip(0.25 + 0.2 * land.region, 0, 0.9)
        self._latitude = land.grid.latitudes[:, None].astype(np.float32)

    def month(self, i: int) -> dict[str, np.ndarray]:
        """``precipitation`` mm/month, ``temperature`` °C, ``radiation`` W m-2, ``vapour_pressure_deficit`` kPa, and
        ``potential_evapotranspiration`` mm/month: float32, 1 km."""
        season = self._seasons[i]
        rain = self._rain(i, season)
        cloud = 1 - np.exp(-rain / 130)
        warmth = 1.1 * self._broad.refine(self._warm[i])
        air = self._mean_temperature() + self._swing() * _warm_season(season) - 2.0 * cloud + warmth
        radiation = _top_of_atmosphere(self._latitude, season) * (0.71 - 0.24 * cloud)
        humidity = 0.36 + 0.42 * cloud - 0.02 * warmth
        deficit = 0.611 * np.exp(17.27 * air / (air + 237.3)) * (1 - humidity)
        demand = (
            0.0145 * np.maximum(air + 14, 1) * radiation * (0.0353 * 30.44) * (0.8 + 0.1 * deficit)
        )
        return {
            "precipitation": rain,
            "temperature": air,
            "radiation": radiation,
            "vapour_pressure_deficit": deficit,
            "potential_evapotranspiration": np.maximum(demand, 3),
        }

    def _rain(self, i: int, season: int) -> np.ndarray:
        """mm/month: a seasonal course between monsoon and winter rain, times wet years, fronts and storms."""
        if self._latitude.mean() < 0:
            season = (season + 6) % 12
        course = (1 - self._winter) * MONSOON[season] + self._winter * WINTER_RAIN[season]
        fronts = 0.5 * self._broad.refine(self._wet_broad[i]) + 0.34 * self._storms.refine(
            self._wet_storms[i]
        )
        surprise = np.exp(fronts + self._wet_years[i] - 0.5 * (0.5**2 + 0.34**2))
        return (self._rain_share * course * surprise).astype(np.float32)

    def _mean_temperature(self) -> np.ndarray:
        return 28 - 0.0078 * self._latitude**2 - LAPSE_K_PER_M * self._land.drivers["elevation"]

    def _swing(self) -> np.ndarray:
        """Half the range from January to July, positive in the northern summer."""
        return 0.33 * self._latitude


def _annual_rain(land: Land) -> np.ndarray:
    """Mean monthly precipitation in mm: wetter on broad heights, drier by region."""
    height = standardised(np.sqrt(ndimage.gaussian_filter(land.drivers["elevation"], 6)))
    return (70 * np.exp(0.28 * np.clip(height, -2, 2) + 0.25 * land.region)).astype(np.float32)


def _year_to_year(rng, months: np.ndarray) -> np.ndarray:
    """Log-anomaly of each month's rain by a wetness that lasts for about two years: shape (months,)."""
    years = months.astype("datetime64[Y]").astype(int)
    wet = np.zeros(years[-1] - years[0] + 1)
    for year in range(wet.size):
        wet[year] = 0.45 * wet[year - 1] + 0.22 * rng.standard_normal()
    return wet[years - years[0]]


def _warm_season(season: int) -> float:
    """-1 in January to 1 in July."""
    return float(-np.cos(2 * np.pi * (season - 0.3) / 12))


def _top_of_atmosphere(latitude: np.ndarray, season: int) -> np.ndarray:
    """Daily mean solar radiation above the atmosphere in W m-2 (FAO-56, equation 21)."""
    day = 2 * np.pi * MID_MONTH_DAY[season] / 365
    tilt, distance = 0.409 * np.sin(day - 1.39), 1 + 0.033 * np.cos(day)
    phi = np.radians(latitude)
    sunset = np.arccos(np.clip(-np.tan(phi) * np.tan(tilt), -1, 1))
    beam = sunset * np.sin(phi) * np.sin(tilt) + np.cos(phi) * np.cos(tilt) * np.sin(sunset)
    return (1367 / np.pi * distance * beam).astype(np.float32)
