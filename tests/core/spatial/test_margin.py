"""Bounds of a region with a margin."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.grid import EARTH_RADIUS_KM
from gwsa.gwsa_plugin.core.spatial.margin import extended, with_margin


def distance_km(latitude, longitude, other_latitude, other_longitude):
    """Great-circle distance, by the haversine formula."""
    angles = np.radians([latitude, longitude, other_latitude, other_longitude])
    half = np.sin((angles[2] - angles[0]) / 2) ** 2
    half += np.cos(angles[0]) * np.cos(angles[2]) * np.sin((angles[3] - angles[1]) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(half))


@given(st.floats(-70, 70), st.floats(-90, 90), st.floats(1, 1500), st.floats(0, 360))
def test_points_within_the_distance_are_inside(latitude, longitude, distance, azimuth):
    """The region is a point; the point at the distance in any direction is in the bounds."""
    angle = distance / EARTH_RADIUS_KM
    start, turn = np.radians([latitude, azimuth])
    end = np.arcsin(np.sin(start) * np.cos(angle) + np.cos(start) * np.sin(angle) * np.cos(turn))
    east = np.arctan2(
        np.sin(turn) * np.sin(angle) * np.cos(start), np.cos(angle) - np.sin(start) * np.sin(end)
    )
    west, south, right, north = extended((longitude, latitude, longitude, latitude), distance)
    assert south - 1e-6 <= np.degrees(end) <= north + 1e-6
    assert west - 1e-6 <= longitude + np.degrees(east) <= right + 1e-6


def test_the_margin_is_as_wide_as_it_is_given():
    west, south, east, north = with_margin((70.0, 20.0, 80.0, 30.0), 300.0)
    assert distance_km(north, 75.0, 30.0, 75.0) == pytest.approx(300)
    assert distance_km(south, 75.0, 20.0, 75.0) == pytest.approx(300)
    assert west + east == pytest.approx(150)
    assert distance_km(30.0, east, 30.0, 80.0) > 299


def test_the_margin_ends_at_180_degrees_and_at_the_poles():
    assert with_margin((170.0, 80.0, 180.0, 89.0), 750.0) == (
        -180.0,
        pytest.approx(73.255, abs=1e-3),
        180.0,
        90.0,
    )
    assert with_margin((-179.0, 0.0, -170.0, 10.0), 750.0)[0] == -180.0


def test_no_margin_leaves_the_region():
    for bounds in ((70.0, 20.0, 80.0, 30.0), (-180.0, -90.0, 180.0, 90.0), (0.0, 80.0, 9.0, 90.0)):
        assert with_margin(bounds, 0.0) == bounds


@pytest.mark.parametrize("margin", [-1.0, 5001.0, float("nan")])
def test_impossible_margins_are_refused(margin):
    with pytest.raises(InputError, match="is not possible"):
        with_margin((70.0, 20.0, 80.0, 30.0), margin)
