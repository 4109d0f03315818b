"""Monthly weather of the sample world at 1 km."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..base.months import calendar_month
from .land import Land
from .random_fields import SplineGrid, generator, standardised

# Relative precipitation of January..December in monsoon and winter-rain climates.
MONSOON = np.array([0.25, 0.25, 0.2, 0.15, 0.3, 1.2, 3.1, 3.0, 1.9, 0.4, 0.12, 0.13])
WINTER_RAIN = np.array([2.0, 2.2, 2.0, 1.2, 0.7, 0.4, 0.6, 0.6, 0.4, 0.3, 0.5, 1.1])
MID_MONTH_DAY = 30.44 * (np.arange(12) + 0.5)
LAPSE_K_PER_M = 0.006


class Weather:
    """Precipitation, temperature, radiation, humidity and evaporative demand of each month.

    Parameters
    ----------
    land : Land
        The land of the sample world.
    months : ndarray of datetime64[M], shape (months,)
        Months of the simulation.
    seed : int
        Seed of the world.
    """

    def __init__(self, land: Land, months: np.ndarray, seed: int):
        self._land = land
        self._seasons = calendar_month(months) - 1
        rng = generator(seed, "weather")
        self._broad = SplineGrid(land.grid.shape, 30)
        self._storms = SplineGrid(land.grid.shape, 10)
        # All series share one random stream, so their order is fixed.
        self._wet_broad = self._broad.random_series(rng, months.size, length=220, memory=0.4)
        self._wet_storms = self._storms.random_series(rng, months.size, length=22, memory=0.1)
        self._warm = self._broad.random_series(rng, months.size, length=300, memory=0.45)
        self._wet_years = _yearly_rain_anomaly(rng, months)
        self._mean_rain = _mean_rain(land)
        self._winter = np.clip(0.25 + 0.2 * land.region, 0, 0.9)
        self._latitude = land.grid.latitudes[:, None].astype(np.float32)

    def month(self, i: int) -> dict[str, np.ndarray]:
        """Return the weather of month number ``i``.

        Parameters
        ----------
        i : int
            Index into ``months``; any order is allowed.

        Returns
        -------
        dict of str to ndarray of float32, shape (rows, columns)
            ``precipitation`` and ``potential_evapotranspiration`` in mm/month, ``temperature`` in
            °C, ``radiation`` in W m-2 and ``vapour_pressure_deficit`` in kPa.
        """
        season = self._seasons[i]
        rain = self._rain(i, season)
        cloud = 1 - np.exp(-rain / 130)
        warmth = 1.1 * self._broad.interpolate(self._warm[i])
        seasonal = self._amplitude() * _temperature_cycle(season)
        air = self._mean_temperature() + seasonal - 2.0 * cloud + warmth
        radiation = _top_of_atmosphere(self._latitude, season) * (0.71 - 0.24 * cloud)
        humidity = 0.36 + 0.42 * cloud - 0.02 * warmth
        deficit = 0.611 * np.exp(17.27 * air / (air + 237.3)) * (1 - humidity)
        wind = 0.8 + 0.1 * deficit
        demand = 0.0145 * np.maximum(air + 14, 1) * radiation * (0.0353 * 30.44) * wind
        return {
            "precipitation": rain,
            "temperature": air,
            "radiation": radiation,
            "vapour_pressure_deficit": deficit,
            "potential_evapotranspiration": np.maximum(demand, 3),
        }

    def _rain(self, i: int, season: int) -> np.ndarray:
        """Precipitation in mm/month.

        It is a seasonal cycle between monsoon and winter rain, multiplied by random factors for
        wet years, fronts and storms.
        """
        if self._latitude.mean() < 0:
            season = (season + 6) % 12
        cycle = (1 - self._winter) * MONSOON[season] + self._winter * WINTER_RAIN[season]
        fronts = 0.5 * self._broad.interpolate(self._wet_broad[i])
        storms = 0.34 * self._storms.interpolate(self._wet_storms[i])
        # The constant keeps the mean of the log-normal factor of fronts and storms at 1.
        factor = np.exp(fronts + storms + self._wet_years[i] - 0.5 * (0.5**2 + 0.34**2))
        return (self._mean_rain * cycle * factor).astype(np.float32)

    def _mean_temperature(self) -> np.ndarray:
        """Annual mean temperature in °C by latitude and elevation."""
        return 28 - 0.0078 * self._latitude**2 - LAPSE_K_PER_M * self._land.drivers["elevation"]

    def _amplitude(self) -> np.ndarray:
        """Amplitude of the annual temperature cycle in K, negative in the southern hemisphere."""
        return 0.33 * self._latitude


def _mean_rain(land: Land) -> np.ndarray:
    """Mean monthly precipitation in mm; it increases with elevation and varies by region."""
    height = standardised(np.sqrt(ndimage.gaussian_filter(land.drivers["elevation"], 6)))
    return (70 * np.exp(0.28 * np.clip(height, -2, 2) + 0.25 * land.region)).astype(np.float32)


def _yearly_rain_anomaly(rng: np.random.Generator, months: np.ndarray) -> np.ndarray:
    """Logarithm of a rain factor that is autoregressive from year to year, shape (months,)."""
    years = months.astype("datetime64[Y]").astype(int)
    wet = np.zeros(years[-1] - years[0] + 1)
    for year in range(wet.size):
        wet[year] = 0.45 * wet[year - 1] + 0.22 * rng.standard_normal()
    return wet[years - years[0]]


def _temperature_cycle(season: int) -> float:
    """Annual cycle from -1 in January to 1 in July."""
    return float(-np.cos(2 * np.pi * (season - 0.3) / 12))


def _top_of_atmosphere(latitude: np.ndarray, season: int) -> np.ndarray:
    """Daily mean extraterrestrial radiation in W m-2.

    References
    ----------
    Allen et al. (1998), FAO Irrigation and Drainage Paper 56, equation 21.
    """
    day = 2 * np.pi * MID_MONTH_DAY[season] / 365
    declination = 0.409 * np.sin(day - 1.39)
    distance = 1 + 0.033 * np.cos(day)
    phi = np.radians(latitude)
    sunset = np.arccos(np.clip(-np.tan(phi) * np.tan(declination), -1, 1))
    constant = sunset * np.sin(phi) * np.sin(declination)
    varying = np.cos(phi) * np.cos(declination) * np.sin(sunset)
    return (1367 / np.pi * distance * (constant + varying)).astype(np.float32)
