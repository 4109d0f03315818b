"""The parameter EXTENT as bounds."""

from __future__ import annotations

import pytest
from qgis.core import NULL, QgsProcessingContext, QgsRectangle, QgsReferencedRectangle
from qgis.core import QgsCoordinateReferenceSystem as Crs

from gwsa.gwsa_plugin.core.base.errors import InputError


@pytest.fixture
def region(provider):
    algorithm = provider.algorithm("importtwsa")

    def read(extent):
        return algorithm.region({"EXTENT": extent}, QgsProcessingContext())

    return read


@pytest.mark.parametrize(
    ("extent", "bounds"),
    [
        ("76,79,28,31", (76, 28, 79, 31)),
        (" 76.5, 79 ,28,31 [EPSG:4326]", (76.5, 28, 79, 31)),
        ("177,-178,-20,-15", (177, -20, 182, -15)),
        ("177,182,-20,-15 [EPSG:4326]", (177, -20, 182, -15)),
        ("-183,-178,-20,-15", (177, -20, 182, -15)),
        ("200,210,-20,-15", (-160, -20, -150, -15)),
        ("0,360,-60,90", (-180, -60, 180, 90)),
        ("76,79,31,28", (76, 28, 79, 31)),
        ("170,180,-20,-15", (170, -20, 180, -15)),
        ("180,185,-20,-15", (-180, -20, -175, -15)),
        (QgsRectangle(76, 28, 79, 31), (76, 28, 79, 31)),
        (QgsRectangle(177, -20, 182, -15), (177, -20, 182, -15)),
        (QgsReferencedRectangle(QgsRectangle(76, 28, 79, 31), Crs("EPSG:4326")), (76, 28, 79, 31)),
        ("", None),
        (NULL, None),
        (None, None),
    ],
)
def test_extents_in_degrees(region, extent, bounds):
    assert region(extent) == (bounds and pytest.approx(bounds))


@pytest.mark.parametrize(
    "extent",
    [
        "8460281,8794244,3248973,3632749 [EPSG:3857]",
        QgsReferencedRectangle(QgsRectangle(8460281, 3248973, 8794244, 3632749), Crs("EPSG:3857")),
    ],
)
def test_extents_in_metres_with_their_crs(region, extent):
    assert region(extent) == pytest.approx((76, 28, 79, 31), abs=1e-4)


def test_an_extent_in_metres_across_180_degrees(region):
    """The Pacific by PDC Mercator, whose middle is at 150 degrees."""
    west, south, east, north = region("2900000,3700000,-2200000,-1700000 [EPSG:3832]")
    assert 175 < west < 180 < east < 185
    assert -20 < south < north < -14


@pytest.mark.parametrize(
    ("extent", "message"),
    [
        ("8460281,8794244,3248973,3632749", "no degrees; write .* or add the coordinate reference"),
        # Later versions of QGIS take it for an empty box.
        ("nan,nan,nan,nan", "write west,east,south,north in degrees"),
        (QgsRectangle(float("nan"), 28, 79, 31), "no degrees; write west,east,south,north"),
        (QgsRectangle(-float("inf"), 28, float("inf"), 31), "no degrees"),
        ("79,76,28,31", "understood as west 79, east 76, south 28, north 31; give west before"),
        ("76,79,28,28", "give west before east and south before north"),
        ("76 79 28 31", "EXTENT is “76 79 28 31”, which is no region; write west,east,south,north"),
        ("76;79;28;31", "which is no region"),
        ("76,79,28,31 [EPSG:999999]", "“EPSG:999999”, which is no coordinate reference system"),
        ("76,0;79,0;28,0;31,0", "which is no region"),
        ("76,79,28", "which is no region"),
    ],
)
def test_what_is_no_region_is_refused_as_it_was_understood(region, extent, message):
    with pytest.raises(InputError, match=message):
        region(extent)


@pytest.mark.parametrize("algorithm", ["importtwsa", "gldasanomaly", "fullchain"])
@pytest.mark.parametrize("extent", ["76 79 28 31", "76,79,28", "76;79;28;31", "28,79,31"])
def test_a_text_that_is_no_region_is_refused_before_the_run(provider, algorithm, extent):
    ok, message = provider.algorithm(algorithm).checkParameterValues(
        {"EXTENT": extent}, QgsProcessingContext()
    )
    assert not ok
    assert message.startswith(f"EXTENT is “{extent}”, which is no region; write west,east,south")
