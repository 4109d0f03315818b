"""Windows of large TIFF files: only their blocks come, resumed, checked and of one version."""

from dataclasses import replace

import numpy as np
import pytest
import rasterio
from rasterio.io import MemoryFile

from gwsa.gwsa_plugin.core.base.errors import Cancelled
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.fetching.download import BY_LENGTH
from gwsa.gwsa_plugin.core.fetching.http import NotThere, Refused
from gwsa.gwsa_plugin.core.fetching.remote_file import TIFF, RemoteFile, Wanted
from gwsa.gwsa_plugin.core.fetching.sources import read_sources
from gwsa.gwsa_plugin.core.fetching.ways.tiff_windows import fetch_file, list_files
from gwsa.tests.core.fetching.ways.conftest import REGION, fetch_all, final_files, order_of
from gwsa.tests.servers import faults as kinds
from gwsa.tests.servers.faults import Fault
from gwsa.tests.servers.fields import geotiff
from gwsa.tests.servers.messages import Reply

HOST = "tiffs.example.org"
GLOBE = Grid(-180.0, 90.0, 0.25, 0.25, 720, 1440)
VALUES = np.random.default_rng(2).integers(0, 60_000, GLOBE.shape).astype("uint16")
CONTENT = geotiff(VALUES, GLOBE, 65535, blockysize=1)
OTHER = geotiff(VALUES[::-1], GLOBE, 65535, blockysize=1)
BOX = (20.1, 10.1, 30.4, 29.9)
ADDRESS = f"https://{HOST}/globe.tif"
# Bytes that are read of the header and of the table of blocks.
HEADERS = 40_000


@pytest.fixture
def globe(archives):
    archives.hosts[HOST] = lambda asked: Reply(200, {}, CONTENT)
    return archives


def window_of(bounds):
    settings = {"address": ADDRESS, "bounds": bounds, "band": "2010-03"}
    return RemoteFile("chelsa", f"{ADDRESS}#{bounds}", "x.tif", TIFF, (0, 0), settings=settings)


def pixels(path):
    with rasterio.open(path) as source:
        transform = source.transform
        grid = Grid(transform.c, transform.f, transform.a, -transform.e, *source.shape)
        return source.read(1), grid, source.profile


def truth(grid):
    """The pixels of a grid, which can cross 180°."""
    rows = round((90 - grid.north) / 0.25) + np.arange(grid.rows)
    columns = (round((grid.west + 180) / 0.25) + np.arange(grid.columns)) % 1440
    return VALUES[np.ix_(rows, columns)]


def test_the_window_has_the_region_and_a_pixel_around_it(globe, client, steps, tmp_path):
    downloaded = fetch_file(client, window_of(BOX), tmp_path / "x.tif", steps)
    found, grid, profile = pixels(tmp_path / "x.tif")
    assert grid.bounds == (19.75, 9.75, 30.75, 30.25)
    assert np.array_equal(found, truth(grid))
    assert (profile["dtype"], profile["nodata"]) == ("uint16", 65535)
    assert downloaded.verified == BY_LENGTH and downloaded.version.startswith('"')
    assert [path.name for path in tmp_path.iterdir()] == [".x.tif.part.json", "x.tif"]
    needed = len(CONTENT) * 82 / 720
    assert sum(visit.sent for visit in globe.log) < needed + HEADERS < len(CONTENT) / 2


@pytest.mark.parametrize(
    "bounds", [(175.0, 0.1, 185.3, 5.0), (-180.0, 0.1, -170.1, 5.0), (179.99, -5, 180.01, 5)]
)
def test_a_region_at_180_degrees_is_one_raster(globe, client, steps, tmp_path, bounds):
    fetch_file(client, window_of(bounds), tmp_path / "x.tif", steps)
    found, grid, _ = pixels(tmp_path / "x.tif")
    assert grid.west <= bounds[0] and grid.bounds[2] >= bounds[2]
    assert np.array_equal(found, truth(grid))


def test_a_cut_window_goes_on_where_it_ended(globe, client, steps, tmp_path):
    globe.faults.append(Fault(HOST, "", kinds.CUT, times=4, after=1))
    fetch_file(client, window_of(BOX), tmp_path / "x.tif", steps)
    found, grid, _ = pixels(tmp_path / "x.tif")
    assert np.array_equal(found, truth(grid))
    assert sum(visit.sent for visit in globe.log) < len(CONTENT) * 82 / 720 + HEADERS


def test_a_later_run_goes_on_where_a_run_was_cancelled(globe, client, steps, tmp_path):
    arrived = []

    def cancel(count):
        arrived.append(count)
        steps.cancelled = sum(arrived) > HEADERS

    globe.faults.append(Fault(HOST, "", kinds.DRIP, after=1, detail=0.0))
    with pytest.raises(Cancelled):
        fetch_file(client, window_of(BOX), tmp_path / "x.tif", steps, cancel)
    assert not (tmp_path / "x.tif").exists()
    steps.cancelled = False
    before = (tmp_path / ".x.tif.part").stat().st_size
    assert before > 0
    globe.log.clear()
    fetch_file(client, window_of(BOX), tmp_path / "x.tif", steps)
    assert np.array_equal(pixels(tmp_path / "x.tif")[0], truth(pixels(tmp_path / "x.tif")[1]))
    # Neither the header nor what had come is asked for again.
    assert [visit.status for visit in globe.log] == [206]
    assert globe.log[0].sent < len(CONTENT) * 82 / 720 - before + HEADERS


def test_the_same_region_has_the_same_bytes(globe, client, steps, tmp_path):
    for name in ("a.tif", "b.tif"):
        fetch_file(client, window_of(BOX), tmp_path / name, steps)
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


@pytest.mark.parametrize("kind", [kinds.CHANGED, kinds.MIXED])
def test_a_file_that_changes_between_two_ranges_is_read_anew(globe, client, steps, tmp_path, kind):
    globe.faults.append(Fault(HOST, "", kind, after=1, detail=OTHER))
    fetch_file(client, window_of(BOX), tmp_path / "x.tif", steps)
    found, grid, _ = pixels(tmp_path / "x.tif")
    rows, columns = GLOBE.window_of(grid)
    assert np.array_equal(found, VALUES[::-1][rows, columns])


def test_a_flipped_bit_in_the_blocks_is_noticed(globe, client, steps, tmp_path):
    row = round((90 - 20) / 0.25)
    with MemoryFile(CONTENT) as memory, memory.open() as source:
        place = int(source.get_tag_item(f"BLOCK_OFFSET_0_{row}", "TIFF", bidx=1))
    globe.faults.append(Fault(HOST, "", kinds.FLIPPED_BIT, times=3, detail=place + 700))
    fetch_file(client, window_of(BOX), tmp_path / "x.tif", steps)
    found, grid, _ = pixels(tmp_path / "x.tif")
    assert np.array_equal(found, truth(grid))
    globe.faults.append(Fault(HOST, "", kinds.FLIPPED_BIT, detail=place + 700))
    with pytest.raises(Refused, match=r"y\.tif came damaged \(.*\), 2 times in a row; run it"):
        fetch_file(client, replace(window_of(BOX), path="y.tif"), tmp_path / "y.tif", steps)
    assert final_files(tmp_path) == ["x.tif"]


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (kinds.NO_RANGE, "sends globe.tif only as a whole, not the part of a region"),
        (kinds.CHUNKED, "sends globe.tif only as a whole"),
        (kinds.COMPRESSED, "sends globe.tif only as a whole"),
        (kinds.AS_LOGIN_PAGE, "A web page came instead of globe.tif"),
        (kinds.NOT_FOUND, "globe.tif of tiffs.example.org is not there"),
        (kinds.UNAVAILABLE, "answers with status 503, and 6 tries brought nothing more"),
        (kinds.NO_ANSWER, "cannot be reached"),
    ],
)
def test_what_does_not_come_is_one_sentence(globe, client, steps, tmp_path, kind, sentence):
    globe.faults.append(Fault(HOST, "", kind))
    with pytest.raises(Refused, match=sentence) as caught:
        fetch_file(client, window_of(BOX), tmp_path / "x.tif", steps)
    assert str(caught.value).count(". ") == 0 or kind == kinds.AS_LOGIN_PAGE
    assert final_files(tmp_path) == []


def test_another_content_is_refused(globe, client, steps, tmp_path):
    globe.hosts[HOST] = lambda asked: Reply(200, {}, b"no TIFF" * 4000)
    with pytest.raises(Refused, match="is not a TIFF file of one band"):
        fetch_file(client, window_of(BOX), tmp_path / "x.tif", steps)


def test_the_plan_announces_what_comes(archives, client, steps, tmp_path):
    plan, outcome = fetch_all(order_of("chelsa"), tmp_path, client, steps)
    assert outcome.failed == [] and len(plan.missing) == 2
    archives.log.clear()
    came = sum(visit.sent for visit in archives.log)
    assert came <= plan.bytes[1]
    assert final_files(tmp_path) == [
        f"predictors/chelsa/temperature_2010{month}.tif" for month in ("03", "04")
    ]


def test_another_region_is_fetched_again_and_the_same_is_not(archives, client, steps, tmp_path):
    fetch_all(order_of("chelsa"), tmp_path, client, steps)
    assert fetch_all(order_of("chelsa"), tmp_path, client, steps)[0].missing == []
    plan, _ = fetch_all(
        order_of("chelsa", bounds=(77.1, 29.1, 77.2, 29.4)), tmp_path, client, steps
    )
    # It has the same coarse cells.
    assert plan.missing == []
    other = order_of("chelsa", bounds=(76.95, 29.1, 77.2, 29.4))
    plan, outcome = fetch_all(other, tmp_path, client, steps)
    assert len(plan.missing) == len(outcome.fetched) == 2


def test_a_month_that_is_not_there_is_one_sentence(archives, client):
    source = read_sources()["chelsa"]
    with pytest.raises(NotThere, match="CHELSA_tas_03_1999_V.2.1.tif of .* is not there"):
        list_files(source, Wanted(REGION, np.array(["1999-03"], "datetime64[M]")), client)
