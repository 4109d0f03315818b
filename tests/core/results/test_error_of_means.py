import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.results.error_of_means import error_shares


def test_one_node_keeps_noise_and_loses_detail_that_is_smaller_than_itself():
    shares = error_shares(np.array([30.0]), np.array([75.0]), np.array([10_000.0]), 250.0)
    assert shares.noise == pytest.approx(1.0, abs=0.03)
    assert shares.detail == pytest.approx(np.sqrt(np.log(250 / 44.7) / np.log(250)), rel=1e-3)


def test_two_far_nodes_are_independent():
    places = np.array([0.0, 0.0]), np.array([0.0, 90.0])
    one = error_shares(places[0][:1], places[1][:1], np.array([100.0]), 250.0)
    two = error_shares(*places, np.array([100.0, 100.0]), 250.0)
    np.testing.assert_allclose(np.array(two) * np.sqrt(2), one)


def test_region_without_area_has_no_error():
    assert np.isnan(error_shares(np.zeros(0), np.zeros(0), np.zeros(0), 250.0)).all()


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 30), st.floats(150, 500), st.integers(0, 99))
def test_shares_lie_between_0_and_1_whatever_the_batches(count, width, seed):
    rng = np.random.default_rng(seed)
    places = rng.uniform(-60, 60, count), rng.uniform(-180, 180, count)
    areas = rng.uniform(1, 12_000, count)
    shares = error_shares(*places, areas, width)
    assert 0 < shares.noise <= 1
    assert 0 < shares.detail <= 1
