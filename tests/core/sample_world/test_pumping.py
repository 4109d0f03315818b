"""What is pumped away in a sample world is in the truth and nowhere that a predictor could tell it from."""

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
from gwsa.gwsa_plugin.core.sample_world.grace_files import RECORD
from gwsa.gwsa_plugin.core.sample_world.land import make_land
from gwsa.gwsa_plugin.core.sample_world.pumping import Drawdown
from gwsa.gwsa_plugin.core.sample_world.world import PARTS, WorldOptions, make_world

PLAIN = WorldOptions(bounds=(10.0, 45.0, 11.5, 46.0), start="2011-01", end="2012-12", seed=2)
RATE, MIDDLE = 6.0, 12


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    """The folders of two worlds that are alike but for the pumping: without, with."""
    folders = [tmp_path_factory.mktemp(name) for name in ("plain", "pumped")]
    for folder, rate in zip(folders, (0.0, RATE)):
        make_world(folder, replace(PLAIN, pumping_cm_per_yr=rate))
    return folders


@pytest.fixture(scope="module")
def lost(worlds):
    """1 km GWSA that pumping took away, cm, (months, land pixels)."""
    with rasterio.open(worlds[0] / PARTS["LAND"]) as source:
        land = source.read(1) > 0
    plain, pumped = (YearlyMaps.in_folder(world / "truth" / "gwsa_1km") for world in worlds)
    return np.array([(plain.read(month) - pumped.read(month))[land] for month in plain.months])


@pytest.mark.parametrize(
    "part", ["predictors", PARTS["GLDAS"], PARTS["AQUIFERS"], "truth/explained_1km"]
)
def test_nothing_else_knows_of_it(worlds, part):
    assert sha256(worlds[0] / part) == sha256(worlds[1] / part)


def test_storage_falls_linearly_from_the_middle_of_the_period_on(lost):
    assert not lost[: MIDDLE + 1].any()
    pixel = lost[-1].argmax()
    rates = lost[MIDDLE + 1 :, pixel] / (np.arange(1, PLAIN.period.size - MIDDLE) / 12)
    assert (
        rates[-1] == pytest.approx(RATE, abs=0.05) and np.abs(rates - RATE).max() < 0.3
    )  # stored to 0.01 cm


def test_half_of_the_land_is_untouched(lost):
    assert (np.abs(lost[-1]) < 0.02).mean() == pytest.approx(0.5, abs=0.05)
    assert lost.min() > -0.015


def test_the_coarse_truth_and_grace_have_it_too(worlds):
    twsa, gwsa = (
        [read_stack(world / "truth" / f"{name}.tif").values.astype(np.float64) for world in worlds]
        for name in ("TWSA", "GWSA")
    )
    land = make_land(PLAIN.grid, PLAIN.seed)
    drawdown = Drawdown(land, RECORD, PLAIN.period, RATE, PLAIN.seed)
    expected = np.array([land.cell_mean(drawdown.month(i)) for i in range(RECORD.size)])
    for plain, pumped in (twsa, gwsa):
        np.testing.assert_allclose(pumped - plain, expected, atol=1e-4)
    assert np.nanmin(expected) < -20  # nine years after it began


def test_wells_fall_where_there_is_pumping(worlds):
    trends = []
    for world in worlds:
        with open(world / "truth" / "wells.csv", newline="") as file:
            trends.append([float(row["trend_cm_per_yr"]) for row in csv.DictReader(file)])
    change = np.subtract(*trends[::-1])
    assert (change <= 0).all() and 0.2 < (change == 0).mean() < 0.8 and change.min() < -1


def test_patches_are_smooth_and_tens_of_kilometres_wide():
    land = make_land(replace(PLAIN, bounds=(10.0, 45.0, 14.0, 49.0)).grid, 1)
    pace = Drawdown(land, RECORD, PLAIN.period, 1.0, 1).pace
    assert np.abs(np.diff(pace, axis=0)).max() < 0.1
    patches, _ = ndimage.label(pace > 0.3)
    widths = np.sqrt(np.bincount(patches.ravel())[1:])
    assert 30 < np.median(widths) < 80


def test_pumping_that_begins_in_the_baseline_is_an_anomaly_to_it():
    land, months = make_land(PLAIN.grid, 1), month_range("2002-04", "2012-12")
    years = Drawdown(land, months, month_range("2006-01", "2009-12"), RATE, 1).years
    assert years[in_baseline(months)].mean() == pytest.approx(0)
    assert years[-1] - years[0] == pytest.approx(4 + 11 / 12)
