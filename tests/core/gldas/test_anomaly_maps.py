"""Permanent ice, the Gaussian filter, land that differs between months, and written files."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base import memory
from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import BASELINE, month_range
from gwsa.gwsa_plugin.core.compute import threads
from gwsa.gwsa_plugin.core.files.stack import read_stack
from gwsa.gwsa_plugin.core.gldas.anomalies import GldasOptions, gldas_anomalies
from gwsa.gwsa_plugin.core.gldas.land_storage import VARIABLES
from gwsa.gwsa_plugin.core.spatial.permanent_ice import covered
from gwsa.tests.core.gldas.gldas_layouts import Log, file_name, write_granule

MONTHS = month_range(*BASELINE)
SIZE = 20
LAT, LON = 20.125 + 0.25 * np.arange(SIZE), 70.125 + 0.25 * np.arange(SIZE)
MIDDLE = (72.25, 22.25, 72.75, 22.75)


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    """A cell without land in the first month only, and one in the second only."""
    folder, random = tmp_path_factory.mktemp("gldas"), np.random.default_rng(1)
    for place, month in enumerate(MONTHS):
        fields = random.uniform(1, 100, (len(VARIABLES), SIZE, SIZE)).astype("f4")
        if place < 2:
            fields[:, 0, place] = -9999
        write_granule(folder / file_name(month), fields, lat=LAT, lon=LON)
    return folder


@pytest.fixture(scope="module")
def globe(tmp_path_factory):
    """All of GLDAS in cells of 5 degrees."""
    folder, random = tmp_path_factory.mktemp("globe"), np.random.default_rng(2)
    lat, lon = np.arange(-57.5, 90, 5), np.arange(-177.5, 180, 5)
    for month in MONTHS:
        fields = random.uniform(1, 100, (len(VARIABLES), lat.size, lon.size)).astype("f4")
        write_granule(folder / file_name(month), fields, lat=lat, lon=lon)
    return folder


def square(west, south, east, north):
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


@pytest.mark.slow
def test_land_is_where_any_month_has_a_value(record):
    soil = gldas_anomalies(record).stacks["SMS"]
    assert soil.valid.all()
    missing = np.argwhere(np.isnan(soil.values)).tolist()
    assert missing == [[0, SIZE - 1, 0], [1, SIZE - 1, 1]]


@pytest.mark.usefixtures("gdal_backend")
def test_cell_is_ice_when_half_of_it_is_inside_the_polygons():
    grid = Grid(0.0, 1.0, 0.5, 0.5, 2, 2)
    half, less = square(0, 0.5, 0.25, 1), square(0.5, 0.5, 0.7, 1)
    np.testing.assert_array_equal(covered([half, less], grid), [[True, False], [False, False]])
    np.testing.assert_array_equal(
        covered([half, less, square(0.7, 0.5, 0.76, 1)], grid)[0], [True, True]
    )
    assert not covered([], grid).any()


@pytest.mark.slow
def test_ice_polygons_are_excluded_and_counted(record):
    log, polygons = Log(), [square(71, 21, 72, 21.5)]
    water = gldas_anomalies(record, options=GldasOptions(ice_polygons=polygons), progress=log)
    assert water.ice_cells == 8
    assert any(
        "snow above 2000 kg m-2: 0, at least half of the cell inside the ice polygons: 8" in line
        for line in log.lines
    )
    grid = water.grid
    inside = np.zeros(grid.shape, dtype=bool)
    inside[grid.window((71, 21, 72, 21.5))] = True
    for stack in water.stacks.values():
        np.testing.assert_array_equal(stack.valid, ~inside)


@pytest.mark.slow
def test_filter_uses_cells_around_the_region(record):
    options = GldasOptions(gaussian_km=40, margin_km=0)
    log = Log()
    region = gldas_anomalies(record, MIDDLE, options, log).stacks["SMS"]
    expected = gldas_anomalies(record, options=options).stacks["SMS"].crop(region.grid)
    sharp = gldas_anomalies(record, MIDDLE, GldasOptions(margin_km=0)).stacks["SMS"]
    assert region.grid.same_as(sharp.grid)
    assert region.tags["GWSA_GAUSSIAN_KM"] == "40" and "GWSA_GAUSSIAN_KM" not in sharp.tags
    with_margin = gldas_anomalies(record, MIDDLE, GldasOptions(gaussian_km=40, margin_km=60))
    np.testing.assert_allclose(
        with_margin.stacks["SMS"].crop(region.grid).values,
        expected.values,
        atol=0.02 * sharp.values.std(),
    )
    np.testing.assert_allclose(region.values, expected.values, atol=0.02 * sharp.values.std())
    change = np.sqrt(((region.values - sharp.values) ** 2).mean())
    assert change > 0.5 * sharp.values.std()
    assert any(f"changes SMS by {change:.3g} cm" in line for line in log.lines)
    assert not any("do not cover the margin" in line for line in log.lines)


def test_files_without_the_margin_of_the_filter_are_warned_of(record):
    log = Log()
    gldas_anomalies(record, (70, 22, 71, 23), GldasOptions(gaussian_km=40), log)
    assert any(
        "margin around the region that the Gaussian filter needs (west)" in line
        for line in log.lines
    )


@pytest.mark.slow
@pytest.mark.parametrize("region", [(160, 0, 180, 20), (-180, 60, -160, 90), (0, -60, 20, -40)])
def test_filter_crosses_180_and_the_pole_and_needs_no_antarctica(globe, region):
    options, log = GldasOptions(cell=5, gaussian_km=500, margin_km=0), Log()
    found = gldas_anomalies(globe, region, options, log).stacks["SMS"]
    expected = gldas_anomalies(globe, options=options).stacks["SMS"].crop(found.grid)
    np.testing.assert_allclose(found.values, expected.values, atol=0.02 * expected.values.std())
    assert not any("do not cover the margin" in line for line in log.lines)


@pytest.mark.slow
@pytest.mark.parametrize("cell", [0.25, 0.5])
def test_written_files_equal_the_stacks_with_any_number_of_threads(
    record, tmp_path, monkeypatch, cell
):
    written = {}
    for cores in (1, 4):
        monkeypatch.setattr(threads, "usable_cores", lambda cores=cores: cores)
        water = gldas_anomalies(record, options=GldasOptions(cell=cell))
        paths = {
            name: tmp_path / f"{cores}" / f"{name}.tif" for name in ("SMS", "SWES", "CWS", "OUTPUT")
        }
        water.write(paths, {"GWSA_STAGE": "test"})
        written[cores] = [path.read_bytes() for path in paths.values()]
    assert written[1] == written[4]
    for stack, path in zip([*water.stacks.values(), water.total()], paths.values()):
        read = read_stack(path)
        np.testing.assert_array_equal(read.values, stack.values)
        assert (read.source, read.variable, read.tags) == (stack.source, stack.variable, stack.tags)


def test_what_does_not_fit_into_memory_is_refused_before_it_is_read(record, monkeypatch):
    storage = 4 * 3 * MONTHS.size * SIZE**2
    monkeypatch.setattr(memory, "available_memory", lambda: 0.9 * storage)
    with pytest.raises(InputError, match="^Reading GLDAS, 72 months of 39[89] land cells, needs"):
        gldas_anomalies(record)
