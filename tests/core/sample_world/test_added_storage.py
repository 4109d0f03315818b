"""Groundwater depletion of a sample world is in the truth but not in the predictors."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from scipy import ndimage

from gwsa.gwsa_plugin.core.base.months import in_baseline, month_range
from gwsa.gwsa_plugin.core.files.provenance import sha256
from gwsa.gwsa_plugin.core.files.stack import read_stack
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.sample_world.added_storage import canals, depletion
from gwsa.gwsa_plugin.core.sample_world.grace_files import RECORD
from gwsa.gwsa_plugin.core.sample_world.grace_observation import CELL_BY_CELL
from gwsa.gwsa_plugin.core.sample_world.land import make_land
from gwsa.gwsa_plugin.core.sample_world.world import PARTS, WorldOptions, make_world

pytestmark = pytest.mark.slow

PLAIN = WorldOptions(
    (10.0, 45.0, 11.5, 46.0), "2011-01", "2012-12", seed=2, observation=CELL_BY_CELL
)
RATE = 6.0
# Number of the month in which depletion starts.
MIDDLE = 12


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    """Folders of two worlds with the same options, without and with depletion."""
    folders = [tmp_path_factory.mktemp(name) for name in ("default", "pumping")]
    for folder in folders:
        make_world(folder, replace(PLAIN, case=folder.name.rstrip("0")))
    return folders


@pytest.fixture(scope="module")
def lost(worlds):
    """Depletion at 1 km, cm, shape (months, land pixels)."""
    with rasterio.open(worlds[0] / PARTS["LAND"]) as source:
        land = source.read(1) > 0
    plain, pumped = (YearlyMaps.in_folder(world / "truth" / "gwsa_1km") for world in worlds)
    return np.array([(plain.read(month) - pumped.read(month))[land] for month in plain.months])


@pytest.mark.parametrize(
    "part", ["predictors", PARTS["GLDAS"], PARTS["AQUIFERS"], "truth/explained_1km"]
)
def test_other_files_are_independent_of_depletion(worlds, part):
    assert sha256(worlds[0] / part) == sha256(worlds[1] / part)


def test_storage_falls_linearly_from_the_middle_of_the_period_on(lost):
    assert not lost[: MIDDLE + 1].any()
    pixel = lost[-1].argmax()
    rates = lost[MIDDLE + 1 :, pixel] / (np.arange(1, PLAIN.period.size - MIDDLE) / 12)
    # The truth is stored in units of 0.01 cm.
    assert rates[-1] == pytest.approx(RATE, abs=0.05)
    assert np.abs(rates - RATE).max() < 0.3


def test_half_of_the_land_is_untouched(lost):
    assert (np.abs(lost[-1]) < 0.02).mean() == pytest.approx(0.5, abs=0.05)
    assert lost.min() > -0.015


def test_coarse_twsa_and_gwsa_include_depletion(worlds):
    twsa, gwsa = (
        [read_stack(world / "truth" / f"{name}.tif").values.astype(np.float64) for world in worlds]
        for name in ("TWSA", "GWSA")
    )
    land = make_land(PLAIN.grid, PLAIN.seed)
    added = depletion(land, RECORD, PLAIN.period[MIDDLE], RATE, PLAIN.seed)
    expected = np.array([land.cell_mean(added.month(i)) for i in range(RECORD.size)])
    for plain, pumped in (twsa, gwsa):
        np.testing.assert_allclose(pumped - plain, expected, atol=1e-4)
    # The record ends nine years after depletion began.
    assert np.nanmin(expected) < -20


def test_true_trends_of_wells_include_depletion(worlds):
    trends = []
    for world in worlds:
        with open(world / "truth" / "wells.csv", newline="") as file:
            trends.append([float(row["trend_cm_per_yr"]) for row in csv.DictReader(file)])
    change = np.subtract(*trends[::-1])
    assert (change <= 0).all() and 0.2 < (change == 0).mean() < 0.8 and change.min() < -1


def test_patches_are_smooth_and_tens_of_kilometres_wide():
    land = make_land(replace(PLAIN, bounds=(10.0, 45.0, 14.0, 49.0)).grid, 1)
    rate = depletion(land, RECORD, PLAIN.period[MIDDLE], 1.0, 1).pattern
    assert np.abs(np.diff(rate, axis=0)).max() < 0.1
    patches, _ = ndimage.label(rate > 0.3)
    widths = np.sqrt(np.bincount(patches.ravel())[1:])
    assert 30 < np.median(widths) < 80


def test_depletion_that_begins_in_the_baseline_is_an_anomaly_to_it():
    land = make_land(PLAIN.grid, 1)
    months = month_range("2002-04", "2012-12")
    series = depletion(land, months, np.datetime64("2008-01"), RATE, 1).series
    assert series[in_baseline(months)].mean() == pytest.approx(0)
    assert series[0] - series[-1] == pytest.approx(4 + 11 / 12)


def test_canals_are_seasonal_and_narrow():
    land = make_land(PLAIN.grid, 1)
    added = canals(land, RECORD, 15.0, 1)
    assert added.pattern.max() == pytest.approx(15) and np.median(added.pattern) < 5
    assert (added.pattern == 15).any(axis=0).all(), "a canal crosses the region from west to east"
    assert np.corrcoef(added.series[:12], added.series[12:24])[0, 1] == pytest.approx(1)
