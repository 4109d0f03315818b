"""The regional mean and its sigma, against random errors that are equal within a mascon."""

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base.errors import Cancelled
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack
from gwsa.gwsa_plugin.core.grace.regional_mean import regional_mean, write_regional_mean
from gwsa.tests.core.grace.mascon_layouts import Log, jpl_mascons

GRID = Grid.covering((69, 39, 78, 48), 0.25)
MASCONS = jpl_mascons(GRID.latitudes, GRID.longitudes)
SIGMA = 1.0 + MASCONS % 5


def stack(values):
    """One month per field."""
    values = np.broadcast_to(np.asarray(values, dtype=np.float32), (len(values), *GRID.shape))
    return MonthlyStack.on_calendar(
        GRID, month_range("2004-01", "2004-12")[: len(values)], values, "TWSA"
    )


def test_the_mean_is_weighted_by_area():
    north = np.where(GRID.latitudes[:, None] > 43.5, 1.0, 0.0) + 0 * GRID.longitudes
    south, middle, top = (np.sin(np.radians(latitude)) for latitude in (39, 43.5, 48))
    assert regional_mean(stack([north])).mean[0] == pytest.approx(
        (top - middle) / (top - south), rel=1e-6
    )


def test_sigma_is_the_scatter_of_means_with_one_error_for_each_mascon():
    """A sum of squares over cells would give less than a tenth of it."""
    rng = np.random.default_rng(3)
    _, mascon = np.unique(MASCONS, return_inverse=True)
    mascon = mascon.reshape(GRID.shape)
    weights = GRID.cell_areas() / GRID.cell_areas().sum()
    errors = [(weights * SIGMA * rng.standard_normal(9)[mascon]).sum() for _ in range(4000)]
    log = Log()
    regional = regional_mean(stack([np.zeros(GRID.shape)]), stack([SIGMA]), MASCONS, log)
    assert regional.mascons == 9
    assert "The region is in 9 mascons" in log
    assert regional.sigma[0] == pytest.approx(np.std(errors), rel=0.05)
    cell_by_cell = np.sqrt(((weights * SIGMA) ** 2).sum())
    assert regional.sigma[0] > 10 * cell_by_cell


def test_without_mascons_only_the_upper_bound_is_given():
    log = Log()
    regional = regional_mean(
        stack([np.zeros(GRID.shape)]), stack([np.full(GRID.shape, 2.0)]), progress=log
    )
    assert "only the upper bound" in log
    assert regional.mascons == 0
    assert np.isnan(regional.sigma[0])
    assert regional.upper_sigma[0] == pytest.approx(2.0)


def test_a_month_with_a_value_in_no_mascon_has_only_the_upper_bound():
    log = Log()
    outside = GRID.longitudes + 0 * GRID.latitudes[:, None] < 72
    everywhere = np.zeros(GRID.shape)
    without = np.where(outside, np.nan, 0.0)
    regional = regional_mean(
        stack([everywhere, without]), stack([SIGMA, SIGMA]), np.where(outside, -1, MASCONS), log
    )
    assert regional.mascons == 6
    assert f"has no mascon for {outside.sum()} of its cells" in log
    assert np.isnan(regional.sigma[0]) and np.isfinite(regional.upper_sigma[0])
    known = regional_mean(stack([without]), stack([SIGMA]), MASCONS)
    assert regional.sigma[1] == pytest.approx(known.sigma[0])


def test_it_can_be_cancelled():
    class Stopped(Progress):
        def is_cancelled(self):
            return True

    with pytest.raises(Cancelled):
        regional_mean(stack([np.zeros(GRID.shape)]), progress=Stopped())


@given(st.integers(1, 9), st.integers(0, 99))
def test_more_mascons_never_increase_sigma(kinds, seed):
    rng = np.random.default_rng(seed)
    numbers = rng.integers(0, kinds, GRID.shape)
    values = np.where(rng.random(GRID.shape) < 0.2, np.nan, 0.0)
    sigma = rng.uniform(0.5, 5, GRID.shape)
    together, split = (
        regional_mean(stack([values]), stack([sigma]), n) for n in (numbers // 2, numbers)
    )
    assert split.sigma[0] <= together.sigma[0] * (1 + 1e-9)
    assert together.sigma[0] <= together.upper_sigma[0] * (1 + 1e-9)


def test_only_cells_with_a_value_count():
    half = np.where(GRID.longitudes < 72, 5.0, np.nan) + 0 * GRID.latitudes[:, None]
    missing = np.full(GRID.shape, np.nan)
    regional = regional_mean(stack([half, missing]), stack([SIGMA, missing]), MASCONS)
    assert regional.mascons == 3
    assert regional.mean[0] == pytest.approx(5.0)
    assert np.isnan([regional.mean[1], regional.sigma[1], regional.upper_sigma[1]]).all()


def test_unknown_values_are_empty_in_the_table(tmp_path):
    write_regional_mean(
        tmp_path / "mean.csv",
        regional_mean(stack([np.ones(GRID.shape), np.full(GRID.shape, np.nan)])),
    )
    with open(tmp_path / "mean.csv", encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [
            ["month", "twsa_cm", "sigma_cm", "sigma_upper_cm"],
            ["2004-01", "1.0000", "", ""],
            ["2004-02", "", "", ""],
        ]
