"""The water of the sample world: soil, vegetation, and the groundwater storage that its drivers explain, at 1 km.

A month is one step. Rain fills a soil bucket; what is left of rain after evapotranspiration and a threshold infiltrates
where sand, slope and wetness index let it, passes the unsaturated zone and a linear reservoir whose response time
follows the depth to bedrock. Where fields are green although the air is dry, people pump, and the loss recovers slowly.
"""

from __future__ import annotations

import numpy as np

from ..base.months import calendar_month, decimal_years
from .land import Land
from .random_fields import Lattice, generator
from .weather import Weather

CROP = np.array(
    [0.95, 1.0, 0.8, 0.35, 0.2, 0.35, 0.7, 0.95, 0.9, 0.55, 0.5, 0.8]
)  # share of full canopy, Jan..Dec
RECHARGE_THRESHOLD_MM = 20


class Water:
    """Soil and groundwater from the first month of ``months`` on; ``step(i)`` goes through them in order.

    After a step, ``drivers`` are the eleven monthly predictors without measurement noise, ``soil`` the soil water in mm
    and ``storage`` the explainable groundwater storage in cm, all float32 at 1 km.
    """

    def __init__(self, land: Land, months: np.ndarray, seed: int):
        self._land, self._months = land, months
        self._weather = Weather(land, months, seed)
        self._plots = Lattice(land.grid.shape, 4)
        self._vigour = self._plots.evolving(generator(seed, "vigour"), months.size, 9, 0.6)
        drivers = land.drivers
        self._capacity = 70 + 2.2 * drivers["clay"] - 0.4 * (drivers["sand"] - 50)
        self._infiltration = infiltration(drivers)
        self._irrigated_since = 2010 + 3 * np.log(
            drivers["water_table_depth"] / 7
        )  # shallow water is pumped first
        self._transit = np.exp(-1 / np.clip(drivers["water_table_depth"] / 12, 0.3, 2))
        self._memory = np.exp(-1 / (1.5 + 4.5 * np.tanh(drivers["depth_to_bedrock"] / 40)))
        self._recovery = np.exp(-1 / (4 + 8 * (1 - self._infiltration)))
        self.soil = 0.45 * self._capacity
        self._seeping = np.zeros_like(self.soil)
        self._stored = 12 * self._infiltration / (1 - self._memory)
        self._pumped = np.zeros_like(self.soil)
        self.drivers: dict[str, np.ndarray] = {}
        self.storage = np.zeros_like(self.soil)

    def step(self, i: int) -> None:
        weather = self._weather.month(i)
        wetness = self.soil / self._capacity
        green = self._greenness(i, weather, wetness)
        evaporation, runoff = self._soil_water(weather, wetness, green)
        surplus = weather["precipitation"] - evaporation - RECHARGE_THRESHOLD_MM
        baseflow = self._groundwater(
            self._infiltration * np.maximum(surplus, 0), pumping(weather, green)
        )
        leaves = -np.log(np.clip((0.93 - green) / 0.85, 0.05, 1)) / 0.5
        bare = (1 - 0.75 * evaporation / weather["potential_evapotranspiration"]) * (
            1 - 0.5 * green
        )
        self.drivers = {
            **weather,
            "actual_evapotranspiration": evaporation,
            "runoff": runoff + baseflow,
            "root_zone_soil_moisture": 0.08 + 0.32 * self.soil / self._capacity,
            "ndvi": green,
            "lai": leaves * (0.7 + 0.6 * self._land.farmland),
            "land_surface_temperature": weather["temperature"] + 0.05 * weather["radiation"] * bare,
        }

    def _greenness(self, i: int, weather, wetness) -> np.ndarray:
        """NDVI: rain-fed plants follow soil water and warmth, irrigated fields the crop calendar."""
        season = calendar_month(self._months[i : i + 1])[0] - 1
        years = np.float32(decimal_years(self._months[i])) - self._irrigated_since
        watered = self._land.farmland / (1 + np.exp(-years / 2.5))
        warm = np.clip((weather["temperature"] + 4) / 22, 0.05, 1)
        wild = 0.1 + 0.52 * np.clip(wetness, 0, 1) * warm
        crop = np.maximum(wild, 0.18 + 0.62 * CROP[season])
        patchy = 0.01 * self._plots.refine(self._vigour[i])
        return np.clip((1 - watered) * wild + watered * crop + patchy, 0.02, 0.9)

    def _soil_water(self, weather, wetness, green) -> tuple[np.ndarray, np.ndarray]:
        """Evapotranspiration (irrigation water included) and quick runoff in mm; moves the soil on by a month."""
        demand, rain = weather["potential_evapotranspiration"], weather["precipitation"]
        cover = 0.45 + 0.75 * green
        from_soil = np.minimum(
            demand * cover * np.minimum(wetness + 0.15, 1), 0.75 * (self.soil + rain)
        )
        steep = np.minimum(self._land.drivers["slope"] / 15, 1)
        quick = rain * np.minimum(0.08 + 0.35 * wetness**2 + 0.2 * steep, 0.8)
        self.soil = np.clip(
            self.soil + rain - quick - from_soil, 0.02 * self._capacity, self._capacity
        )
        irrigated = np.maximum(green - 0.35, 0) * np.maximum(0.8 * demand - from_soil, 0)
        return from_soil + irrigated, quick

    def _groundwater(self, recharge, pumped) -> np.ndarray:
        """Moves the storages on by a month; returns the groundwater that leaves to streams, mm."""
        self._seeping = self._seeping * self._transit + recharge
        arriving = self._seeping * (1 - self._transit)
        self._seeping -= arriving
        leaving = self._stored * (1 - self._memory)
        self._stored = self._stored - leaving + arriving
        self._pumped = self._pumped * self._recovery + pumped
        self.storage = (self._stored - self._pumped) / 10
        return 0.6 * leaving


def infiltration(drivers: dict[str, np.ndarray]) -> np.ndarray:
    """Share of the surplus that becomes recharge, 0 to 0.9: sandy, flat and wet places take most, and only together."""
    sandy = 1 / (1 + np.exp(-(drivers["sand"] - 48) / 11))
    gathering = 1 / (1 + np.exp(-(drivers["twi"] - 8) / 1.6))
    return 0.95 * (0.2 + 0.8 * sandy) * np.exp(-drivers["slope"] / 9) * (0.4 + 0.6 * gathering)


def pumping(weather: dict[str, np.ndarray], green: np.ndarray) -> np.ndarray:
    """mm taken from groundwater: grows with the canopy and, where there is one, with what rain does not supply."""
    wanted = np.maximum(weather["potential_evapotranspiration"] - weather["precipitation"] - 30, 0)
    thirst = np.clip(weather["vapour_pressure_deficit"] / 1.8, 0.2, 2)
    return 3.4 * np.maximum(green - 0.36, 0) * wanted * thirst
