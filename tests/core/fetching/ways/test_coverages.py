"""Coverages of SoilGrids: boxes of a limited size, and the mean of the depths."""

import numpy as np
import pytest
import rasterio

from gwsa.gwsa_plugin.core.fetching.fine_grid import boxes_of, fine_grid, places_in
from gwsa.gwsa_plugin.core.fetching.record import Record
from gwsa.gwsa_plugin.core.fetching.regions import between_180, with_coarse_cells
from gwsa.gwsa_plugin.core.fetching.sources import read_sources
from gwsa.tests.core.fetching.ways.conftest import fetch_all, final_files, order_of
from gwsa.tests.servers import faults as kinds
from gwsa.tests.servers.faults import Fault
from gwsa.tests.servers.messages import Reply
from gwsa.tests.servers.small_predictors import plane

HOST = "maps.isric.org"


@pytest.fixture
def small_boxes(monkeypatch):
    """Boxes that do not end with the cells of the region."""
    monkeypatch.setitem(read_sources()["soilgrids"].settings, "most_degrees", 0.2)


def test_the_mean_of_the_depths_is_on_the_fine_grid(archives, client, steps, tmp_path):
    plan, outcome = fetch_all(order_of("soilgrids"), tmp_path, client, steps)
    assert outcome.failed == [] and len(archives.visits("GetCoverage")) == 9
    came = sum(visit.sent for visit in archives.visits("GetCoverage"))
    assert plan.bytes[0] <= came <= plan.bytes[1]
    with rasterio.open(tmp_path / "predictors/soilgrids/sand.tif") as source:
        assert source.dtypes == ("int16",) and source.nodata == -32768
        assert source.bounds == pytest.approx((76.99166667, 28.99166667, 77.50833333, 29.50833333))
    entries = Record.read(tmp_path).entries
    assert {entry.verified for entry in entries.values()} == {"unverified"}
    names = [path.name for path in (tmp_path / "predictors/soilgrids").iterdir()]
    assert sorted(names) == ["bulk_density.tif", "clay.tif", "sand.tif"]


@pytest.mark.usefixtures("small_boxes")
def test_boxes_join_without_a_seam(archives, client, steps, tmp_path):
    fetch_all(order_of("soilgrids"), tmp_path, client, steps)
    assert len(archives.visits("GetCoverage")) == 9 * 9
    grid = fine_grid(with_coarse_cells((77.1, 29.2, 77.3, 29.3)))
    with rasterio.open(tmp_path / "predictors/soilgrids/sand.tif") as source:
        found = source.read(1) / 10
    truth = plane("sand", grid.longitudes, grid.latitudes) - 2 / 30
    assert np.abs(found - truth).max() < 0.12


def test_a_run_goes_on_with_the_boxes_that_have_come(archives, client, steps, tmp_path):
    archives.faults.append(Fault(HOST, "clay_15-30cm_mean", kinds.UNAVAILABLE))
    _, outcome = fetch_all(order_of("soilgrids"), tmp_path, client, steps)
    assert [file.name for file, _ in outcome.failed] == ["clay.tif"]
    assert final_files(tmp_path) == [
        "predictors/soilgrids/bulk_density.tif", "predictors/soilgrids/sand.tif",
    ]  # fmt: skip
    archives.clear()
    _, outcome = fetch_all(order_of("soilgrids"), tmp_path, client, steps)
    assert len(archives.visits("GetCoverage")) == 1 and outcome.failed == []


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (
            Reply(200, {"Content-Type": "text/xml"}, b'<?xml version="1.0"?><ows:Exception/>'),
            "page",
        ),
        (Reply(400, {}, b"<ows:Exception/>"), "status 400"),
        (Reply(200, {}, b"II*\0" + b"x" * 500), "damaged"),
    ],
)
def test_an_exception_of_the_service_is_one_sentence(
    archives, client, steps, tmp_path, reply, sentence
):
    archives.hosts[HOST] = lambda asked: reply
    _, outcome = fetch_all(order_of("soilgrids"), tmp_path, client, steps)
    assert len(outcome.failed) == 3 and final_files(tmp_path) == []
    assert all(sentence in reason for _, reason in outcome.failed)


def test_boxes_are_a_partition_of_the_region():
    boxes = boxes_of((177.0, -20.0, 186.0, -15.0), 4)
    assert boxes[0] == (177.0, -20.0, 180.0, -16.0) and boxes[-1][2:] == (-174.0, -15.0)
    area = sum((east - west) * (north - south) for west, south, east, north in boxes)
    assert area == pytest.approx(9 * 5)
    assert max(max(box[2] - box[0], box[3] - box[1]) for box in boxes) <= 4


@pytest.mark.parametrize(
    ("bounds", "boxes"),
    [
        ((10, 0, 20, 5), [(10, 0, 20, 5)]),
        ((170, 0, 190, 5), [(170, 0, 180, 5), (-180, 0, -170, 5)]),
        ((-190, 0, -170, 5), [(170, 0, 180, 5), (-180, 0, -170, 5)]),
        ((190, 0, 200, 5), [(-170, 0, -160, 5)]),
        ((-180, 0, 180, 5), [(-180, 0, 180, 5)]),
        ((-20, 0, 400, 5), [(-180, 0, 180, 5)]),
    ],
)
def test_a_region_is_brought_between_180_degrees(bounds, boxes):
    assert between_180(bounds) == boxes


def test_boxes_have_their_places_in_a_grid_across_180_degrees():
    grid = fine_grid((179.0, -1.0, 181.0, 1.0))
    ((rows, columns, there),) = places_in(grid, (-180.0, -1.0, -179.0, 0.0))
    assert (rows, columns) == (slice(120, 240), slice(120, 240))
    assert (there.west, there.north) == pytest.approx((-180.0, 0.0))
