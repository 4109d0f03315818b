"""Round numbers, and lengths of scale bars on the ellipsoid."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qgis.core import QgsCoordinateReferenceSystem, QgsRectangle

from gwsa.ui.round_numbers import round_length, round_step, round_values
from gwsa.ui.scale_bar import LONGEST, scale_bar

LONLAT = QgsCoordinateReferenceSystem("EPSG:4326")
# Length of a degree along the equator of WGS 84, km.
DEGREE_KM = 111.319491


@given(st.floats(-1e4, 1e4), st.floats(0.01, 1e4), st.integers(2, 12))
def test_round_values_are_in_the_range_and_not_too_many(low, width, most):
    values = round_values(low, low + width, most)
    assert len(values) <= most
    assert all(low - 1e-6 * width <= value <= low + 1.000001 * width for value in values)
    step = round_step(width, most - 1)
    assert width / step <= (most - 1) * 1.000001
    assert all(abs(value / step - round(value / step)) < 1e-6 for value in values)


@pytest.mark.parametrize(
    ("low", "high", "most", "values"),
    [(-8, 8, 9, [-8, -6, -4, -2, 0, 2, 4, 6, 8]), (0, 2.5, 6, [0, 0.5, 1, 1.5, 2, 2.5])],
)
def test_round_values(low, high, most, values):
    assert round_values(low, high, most) == values


@given(st.floats(1e-3, 1e5))
def test_round_lengths_use_most_of_the_room(longest):
    length = round_length(longest)
    assert 0.39 * longest <= length <= longest * 1.000001


def test_a_map_at_the_equator(qgis_app):
    bar = scale_bar(QgsRectangle(10, -2, 20, 2), LONLAT)
    assert bar.text == "200 km"
    assert bar.fraction == pytest.approx(200 / (10 * DEGREE_KM), rel=1e-5)
    assert bar.fraction <= LONGEST


def test_a_map_with_several_scales_names_the_latitude(qgis_app):
    assert scale_bar(QgsRectangle(0, 40, 20, 60), LONLAT).text == "200 km at 50° N"
    assert scale_bar(QgsRectangle(0, -60, 20, -40), LONLAT).text == "200 km at 50° S"


def test_a_map_in_metres(qgis_app):
    utm = QgsCoordinateReferenceSystem("EPSG:32643")
    bar = scale_bar(QgsRectangle(450_000, 3_000_000, 454_000, 3_002_000), utm)
    assert bar.text == "500 m"
    assert bar.fraction == pytest.approx(0.125, rel=1e-3)


def test_without_a_reference_system_there_is_none(qgis_app):
    assert scale_bar(QgsRectangle(0, 0, 1, 1), QgsCoordinateReferenceSystem()) is None
