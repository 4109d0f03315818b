"""Tests of the test of the 1 km detail on fields with a known truth."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from gwsa.gwsa_plugin.core.wells.detail import (
    CONFIRMED,
    REFUTED,
    UNDECIDED,
    UNTESTED,
    DetailTest,
    compare_detail,
    detail_gain,
    percent,
    well_blocks,
)

MONTHS = 24
SIDE = 100
STEP = 0.05
WIDTH_KM = 110.0


class World:
    """Truth, interpolated field and detail of 5 x 5 degrees, each of shape (months, pixels)."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)
        self.interpolated = 6 * self.field(20)
        self.detail = 2 * self.field(3)
        self.unexplained = 2 * self.field(3)
        self.truth = self.interpolated + self.detail + self.unexplained

    def field(self, pixels: float) -> np.ndarray:
        """Field of unit variance with a correlation length, independent between months."""
        noise = self.rng.standard_normal((MONTHS, SIDE, SIDE))
        smooth = np.stack([gaussian_filter(month, pixels, mode="wrap") for month in noise])
        return (smooth / smooth.std()).reshape(MONTHS, -1)

    def test(self, detail: np.ndarray, scale: float = 1.0, noise: float = 0.3, count: int = 200):
        """Test a detail on wells whose specific yields are wrong by a factor."""
        pixels = self.rng.choice(SIDE * SIDE, count, replace=False)
        storage = self.truth[:, pixels].T
        storage = scale * (storage + noise * self.rng.standard_normal(storage.shape))
        fine = (self.interpolated + detail)[:, pixels].T.copy()
        interpolated = self.interpolated[:, pixels].T.copy()
        missing = self.rng.random(storage.shape) < 0.2
        for values in (storage, fine, interpolated):
            values[missing] = np.nan
        rows, columns = np.divmod(pixels, SIDE)
        return compare_detail(
            storage, fine, interpolated, 70 + STEP * columns, 30 - STEP * rows, WIDTH_KM
        )

    def true_gain(self, detail: np.ndarray) -> float:
        """The gain over all pixels."""
        return detail_gain(self.truth.T, (self.interpolated + detail).T, self.interpolated.T)


@pytest.fixture(scope="module")
def world():
    return World(1)


def test_right_detail_is_confirmed(world):
    found = world.test(world.detail)
    assert found.verdict == CONFIRMED
    assert found.lower < world.true_gain(world.detail) < found.upper
    assert found.factor == pytest.approx(1, abs=0.1)
    assert found.factor_lower < 1 < found.factor_upper
    assert (found.wells, found.width_km) == (200, WIDTH_KM)
    assert 20 <= found.blocks <= 36


def test_detail_unrelated_to_the_truth_is_refuted(world):
    false = 2 * world.field(3)
    found = world.test(false)
    assert found.verdict == REFUTED
    assert found.lower < world.true_gain(false) < found.upper < 0
    assert found.factor == pytest.approx(0, abs=0.1)


def test_weak_detail_is_undecided(world):
    assert world.test(0.05 * world.field(3)).verdict == UNDECIDED


def test_detail_that_hardly_changes_the_map_is_undecided(world):
    """The interval of its gain excludes 0, but the gain does not matter."""
    for detail in (0.003 * world.detail, -0.003 * world.detail):
        found = world.test(detail)
        assert found.lower > 0 or found.upper < 0
        assert found.verdict == UNDECIDED and found.is_negligible
        assert "changes the RMSE by less than 1 %" in found.sentences()


def test_a_small_relevant_gain_is_confirmed(world):
    found = world.test(0.1 * world.detail)
    assert 0.01 < found.gain < 0.1 and found.verdict == CONFIRMED


def test_a_common_error_of_the_yields_has_no_effect():
    first, second = (World(2).test(World(2).detail, scale) for scale in (1.0, 0.5))
    assert second.gain == pytest.approx(first.gain)
    assert second.factor == pytest.approx(first.factor)
    assert second.lower == pytest.approx(first.lower)


def test_noise_of_wells_reduces_the_gain_and_widens_the_interval_outwards():
    quiet, noisy = (World(3).test(World(3).detail, noise=noise) for noise in (0.0, 2.0))
    truth = World(3).true_gain(World(3).detail)
    assert noisy.gain < quiet.gain
    assert noisy.lower < truth < noisy.upper
    assert noisy.upper - noisy.gain > noisy.gain - noisy.lower


def test_intervals_contain_the_true_gain():
    """At 90 %, 20 worlds have fewer than 15 hits with a probability of 1 %."""
    worlds = [World(seed) for seed in range(10, 30)]
    hits = [
        found.lower <= one.true_gain(detail) <= found.upper
        for number, one in enumerate(worlds)
        for detail in [one.detail if number % 2 else one.field(3)]
        for found in [one.test(detail)]
    ]
    assert sum(hits) >= 15


def test_few_wells_are_no_test(world):
    found = world.test(world.detail, count=19)
    assert found.verdict == UNTESTED and np.isnan(found.gain)
    assert "only 19 usable wells, and the test needs 20" in found.sentences()


def test_few_blocks_are_no_test(world):
    pixels = np.arange(200)
    series = [values[:, pixels].T for values in (world.truth, world.truth, world.interpolated)]
    found = compare_detail(*series, 70 + STEP * pixels, np.full(200, 28.0), 2000.0)
    assert found.verdict == UNTESTED
    assert "block" in found.reason and "2000 km" in found.reason


def test_wells_that_do_not_follow_the_coarse_field_are_no_test(world):
    unrelated = 6 * world.field(20)
    pixels = np.arange(0, SIDE * SIDE, 40)
    rows, columns = np.divmod(pixels, SIDE)
    series = (unrelated, world.interpolated + world.detail, world.interpolated)
    found = compare_detail(
        *(values[:, pixels].T for values in (-series[2], *series[1:])),
        70 + STEP * columns,
        30 - STEP * rows,
        WIDTH_KM,
    )
    assert found.verdict == UNTESTED
    assert "does not follow the coarse field" in found.reason


def test_without_wells_the_detail_is_untested():
    found = DetailTest.without_wells()
    assert found.verdict == UNTESTED
    assert found.sentences().startswith("1 km detail: not testable with these inputs. No wells")
    record = found.as_record()
    assert record["gain"] is None and record["verdict"] == UNTESTED


def test_sentences_state_the_gain_with_its_interval():
    found = DetailTest(REFUTED, "", -0.04, -0.062, -0.021, 0.1, -0.2, 0.4, 213, 9, 250.0)
    text = found.sentences()
    assert "1 km detail: refuted." in text and "Use the coarse field." in text
    assert "-4.0 %" in text and "-6.2 to -2.1 %" in text
    assert "213 wells in 9 blocks of 250 km" in text
    assert found.gain_text == "-4.0 % [-6.2, -2.1]"
    assert replace(found, verdict=CONFIRMED).sentences() != text


def test_percent():
    assert [percent(value) for value in (0.123, -0.0412, 0.0002, -0.0002)] == [
        "+12", "-4.1", "0.0", "0.0",
    ]  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(
    width=st.floats(25, 1000),
    latitude=st.floats(-85, 85),
    origin=st.tuples(st.sampled_from([0.0, 0.5]), st.sampled_from([0.0, 0.5])),
    seed=st.integers(0, 9),
)
def test_blocks_are_at_least_as_wide_as_the_footprint(width, latitude, origin, seed):
    """A parallel has at most as many blocks as the width fits into it."""
    rng = np.random.default_rng(seed)
    longitudes = np.sort(rng.uniform(-180, 180, 4000))
    blocks = well_blocks(longitudes, np.full(4000, latitude), width, origin)
    circumference = 2 * np.pi * 6371 * np.cos(np.radians(latitude))
    assert blocks.max() + 1 <= max(circumference / width, 1)


def test_points_across_the_date_line_are_in_one_block():
    longitude = np.array([179.999, -179.999, 180.001, -180.001])
    blocks = well_blocks(longitude, np.zeros(4), 250.0, (0.0, 0.5))
    assert np.unique(blocks).size <= 2
    assert blocks[1] == blocks[2] and blocks[0] == blocks[3]
