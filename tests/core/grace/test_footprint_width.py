"""The width of the footprint on fields that were observed through a known kernel."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from scipy import ndimage

from gwsa.gwsa_plugin.core.base.errors import Cancelled
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.files.stack import FILLED, OBSERVED, MonthlyStack
from gwsa.gwsa_plugin.core.grace.footprint_width import default_width, footprint_width

# At the equator, so that a cell is nearly a square of 27.8 km.
GRID = Grid(20.0, 7.0, 0.25, 0.25, 56, 56)
CELL_KM = 27.8
MONTHS = np.datetime64("2003-01") + np.arange(120)
# Cells beyond the grid, whose water leaks in.
BEYOND = 16
SIDE = GRID.rows + 2 * BEYOND


class Log(Progress):
    def __init__(self):
        self.lines = []

    def info(self, text):
        self.lines.append(text)

    warn = info


def smooth_noise(random, count, length_km) -> np.ndarray:
    """Fields of unit variance, (count, SIDE, SIDE)."""
    sigma = length_km / CELL_KM / 2
    fields = random.standard_normal((count, SIDE, SIDE))
    fields = ndimage.gaussian_filter(fields, (0, sigma, sigma), mode="wrap")
    return fields / fields.std()


def persistent(shocks, memory) -> np.ndarray:
    result = np.array(shocks)
    for before, now in zip(result, result[1:]):
        now += memory * before
    return result


def blurred(fields, width_km) -> np.ndarray:
    """A kernel with a flatter end than a Gaussian of the same width."""
    steps = np.minimum(np.arange(SIDE), SIDE - np.arange(SIDE)) * CELL_KM
    kernel = np.exp(-np.log(2) * (2 * np.hypot(steps[:, None], steps) / width_km) ** 1.7)
    spectrum = np.fft.rfft2(kernel / kernel.sum())
    return np.fft.irfft2(np.fft.rfft2(fields) * spectrum, (SIDE, SIDE))


@lru_cache(maxsize=2)
def stacks(width_km, seed, tile=4, wide_response=0.0) -> tuple[MonthlyStack, MonthlyStack]:
    """TWSA and land water; groundwater responds late and has a part of its own.

    It also follows land water at scales of more than 300 km, times ``wide_response``.
    """
    random = np.random.default_rng(seed)
    count = MONTHS.size
    capacity = np.exp(0.4 * smooth_noise(random, 1, 60) + 0.3 * smooth_noise(random, 1, 200))
    weather = sum(smooth_noise(random, count, length) for length in (80, 200, 600))
    season = np.cos(2 * np.pi * np.arange(count) / 12)[:, None, None]
    water = capacity * (1.5 * persistent(weather, 0.7) + 5 * season)
    groundwater = 0.1 * persistent(water, 0.95)
    groundwater += persistent(0.3 * smooth_noise(random, count, 200), 0.97)
    groundwater += wide_response * blurred(water, 300)
    seen = blurred(water + groundwater, width_km).reshape(count, SIDE // tile, tile, -1, tile)
    noise = 1.5 * smooth_noise(random, count, 300)[:, ::tile, ::tile]
    twsa = np.repeat(np.repeat(seen.mean((2, 4)) + noise, tile, 1), tile, 2)
    model = water * (1 + 0.15 * smooth_noise(random, 1, 500))
    inside = (slice(None), slice(BEYOND, -BEYOND), slice(BEYOND, -BEYOND))
    return stack(twsa[inside], "TWSA").tagged(GWSA_CENTRE="JPL"), stack(model[inside], "LW")


def stack(values, variable) -> MonthlyStack:
    return MonthlyStack.on_calendar(GRID, MONTHS, values.astype(np.float32), variable)


def test_a_given_width_is_returned():
    log = Log()
    twsa, water = stacks(130.0, 0)
    result = footprint_width(twsa, water, 222.0, log)
    assert (result.km, result.source) == (222.0, "given")
    assert np.isnan([result.lower_km, result.upper_km]).all()
    assert log.lines == ["The footprint is 222 km wide, as given."]


@pytest.mark.parametrize("width, seed", [(100.0, 1), (160.0, 2), (230.0, 3)])
def test_the_width_is_estimated(width, seed):
    log = Log()
    result = footprint_width(*stacks(width, seed), None, log)
    assert result.source == "estimated"
    assert result.lower_km <= width <= result.upper_km
    assert result.km == pytest.approx(width, rel=0.25)
    assert "estimated from TWSA and land water" in log.lines[-1]


@pytest.mark.parametrize("width, seed", [(100.0, 11), (230.0, 13)])
def test_groundwater_that_follows_at_large_scales_is_not_blur(width, seed):
    result = footprint_width(*stacks(width, seed, wide_response=0.5), None)
    assert result.lower_km <= width <= result.upper_km
    assert result.km == pytest.approx(width, rel=0.15)


@pytest.mark.slow
@pytest.mark.parametrize("factor", [0.7, 1.4])
def test_the_amplitude_of_the_land_model_may_err(factor):
    twsa, water = stacks(160.0, 13)
    water = replace(water, values=water.values * np.float32(factor))
    result = footprint_width(twsa, water, None)
    assert result.lower_km <= 160.0 <= result.upper_km


def test_filled_months_are_not_used():
    twsa, water = stacks(160.0, 4)
    filled = np.arange(MONTHS.size) % 5 == 0
    source = tuple(FILLED if one else OBSERVED for one in filled)
    expected = footprint_width(replace(twsa, source=source), water, None)
    values = np.where(filled[:, None, None], np.float32(99.0), twsa.values)
    assert footprint_width(replace(twsa, values=values, source=source), water, None) == expected
    assert expected.source == "estimated"


@pytest.mark.slow
def test_a_region_with_a_margin_of_land_water_is_enough():
    twsa, water = stacks(160.0, 5)
    inner = GRID.subgrid(slice(16, 40), slice(16, 40))
    result = footprint_width(twsa.crop(inner), water, None)
    assert result.source == "estimated"
    assert result.lower_km <= 160.0 <= result.upper_km


@pytest.mark.slow
def test_a_footprint_of_a_cell_has_no_lower_limit():
    result = footprint_width(*stacks(1.0, 6, tile=1), None)
    assert result.source == "estimated"
    assert result.lower_km == 0.0
    assert result.upper_km < 100.0


@pytest.mark.slow
@pytest.mark.parametrize("seed", [7, 8])
def test_unrelated_land_water_gives_the_default(seed):
    log = Log()
    result = footprint_width(stacks(160.0, seed)[0], stacks(160.0, seed + 20)[1], None, log)
    assert (result.km, result.source) == (300.0, "product default")
    assert "the default for JPL, because" in log.lines[-1]


@pytest.mark.parametrize("case", ["constant", "small", "short", "empty"])
def test_too_little_data_give_the_default(case):
    twsa, water = stacks(160.0, 9)
    if case == "constant":
        water = replace(water, values=np.ones_like(water.values))
    elif case == "small":
        twsa = twsa.crop(GRID.subgrid(slice(20, 28), slice(20, 28)))
    elif case == "short":
        twsa = twsa.select(MONTHS[0], MONTHS[20])
    else:
        water = replace(water, values=np.full_like(water.values, np.nan))
    result = footprint_width(twsa, water, None)
    assert result[0] == 300.0
    assert result.source == "product default"


def test_the_default_is_that_of_the_centre():
    twsa = stack(np.zeros((MONTHS.size, *GRID.shape)), "TWSA")
    widths = {
        centre: default_width(twsa.tagged(GWSA_CENTRE=centre))
        for centre in ("CSR", "JPL", "GSFC", "unknown")
    }
    assert widths == {"CSR": 250.0, "JPL": 300.0, "GSFC": 300.0, "unknown": 250.0}
    assert default_width(twsa) == 250.0


def test_it_can_be_cancelled():
    class Stopped(Progress):
        def is_cancelled(self):
            return True

    with pytest.raises(Cancelled):
        footprint_width(*stacks(130.0, 0), None, Stopped())
