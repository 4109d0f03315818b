"""GLDAS anomalies of files of known content and of the official granule."""

import json
import re
import shutil
import zlib
from pathlib import Path

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.errors import Cancelled, InputError
from gwsa.gwsa_plugin.core.base.months import in_baseline, month_range
from gwsa.gwsa_plugin.core.files.stack import read_stack
from gwsa.gwsa_plugin.core.gldas.anomalies import GldasOptions, gldas_anomalies
from gwsa.gwsa_plugin.core.gldas.granule import (
    DAMAGED,
    UnusableGranule,
    read_granule,
    read_header,
)
from gwsa.gwsa_plugin.core.gldas.granule_folder import read_granules
from gwsa.gwsa_plugin.core.gldas.land_storage import VARIABLES
from gwsa.gwsa_plugin.core.rasters import hdf5
from gwsa.tests.core.gldas.gldas_layouts import LAT, LON, Log, file_name, write_granule

MONTHS = month_range("2003-11", "2010-02")
# Row and column in the file, south first.
ICE = (0, 1)
SEA = (3, 4)
FIELDS = (
    np.random.default_rng(7)
    .uniform(10, 100, (MONTHS.size, len(VARIABLES), LAT.size, LON.size))
    .astype("f4")
)
FIELDS[:, VARIABLES.index("SWE_inst")][:, ICE[0], ICE[1]] = 5000
FIELDS[:, :, SEA[0], SEA[1]] = -9999
GRANULE = "gldas/GLDAS_NOAH025_3H.A20150101.0000.021.nc4"
CUT_GRANULE = "gldas/GLDAS_NOAH025_3H.A20160101.0300.021.nc4"


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gldas")
    for month, fields in zip(MONTHS, FIELDS):
        write_granule(folder / file_name(month), fields)
    return folder


@pytest.fixture
def folder(record, tmp_path):
    """A copy that a test may modify."""
    return Path(shutil.copytree(record, tmp_path / "gldas"))


@pytest.fixture(params=[True, False], ids=["h5py", "gdal"])
def reader(request, monkeypatch):
    """Both readers, h5py only where it can be used."""
    if request.param and not hdf5.usable():
        pytest.skip("no h5py that shares GDAL's HDF5")
    monkeypatch.setattr(hdf5, "usable", lambda: request.param)


def period(first, last) -> GldasOptions:
    return GldasOptions(tuple(month and np.datetime64(month, "M") for month in (first, last)))


def true_anomaly(name: str) -> np.ndarray:
    """The anomaly of a component in cm, all months, north first."""
    layers = {"SMS": slice(0, 4), "SWES": slice(4, 5), "CWS": slice(5, 6)}[name]
    fields = np.where(FIELDS == -9999, np.nan, FIELDS.astype("f8"))
    storage = fields[:, layers].sum(axis=1)[:, ::-1] / 10
    storage[:, LAT.size - 1 - ICE[0], ICE[1]] = np.nan
    return storage - storage[in_baseline(MONTHS)].mean(axis=0)


def test_component_is_sum_of_layers_in_cm_minus_one_mean_per_cell(record, reader):
    water = gldas_anomalies(record)
    for name, stack in water.stacks.items():
        np.testing.assert_array_equal(stack.months, MONTHS)
        np.testing.assert_allclose(stack.values, true_anomaly(name), atol=1e-4)
        assert (stack.variable, stack.unit, stack.tags["GWSA_BASELINE"]) == (
            name,
            "cm",
            "2004-01..2009-12",
        )
        assert set(stack.source) == {"observed"}
    np.testing.assert_allclose(
        water.total().values, sum(map(true_anomaly, water.stacks)), atol=2e-4
    )
    assert water.stacks["SMS"].grid.bounds == pytest.approx((70, 20, 71.25, 21))


def test_period_outside_baseline_uses_the_baseline(record):
    stack = gldas_anomalies(record, options=period("2010-01", None)).stacks["SMS"]
    np.testing.assert_array_equal(stack.months, MONTHS[-2:])
    np.testing.assert_allclose(stack.values, true_anomaly("SMS")[-2:], atol=1e-4)


def test_region_is_extended_to_complete_cells(record):
    stack = gldas_anomalies(
        record, region=(70.3, 20.55, 70.6, 20.7), options=GldasOptions(margin_km=0)
    ).stacks["SMS"]
    assert stack.grid.bounds == pytest.approx((70.25, 20.5, 70.75, 20.75))
    np.testing.assert_allclose(stack.values, true_anomaly("SMS")[:, 1:2, 1:3], atol=1e-4)


def test_a_margin_is_kept_around_the_region(record):
    """40 km are 0.36 degrees of latitude and 0.39 degrees of longitude."""
    region = (70.3, 20.55, 70.6, 20.7)
    log = Log()
    water = gldas_anomalies(record, region, GldasOptions(margin_km=40), log)
    assert water.grid.bounds == pytest.approx((70.0, 20.0, 71.25, 21.0))
    for stack in (*water.stacks.values(), water.total()):
        assert stack.tags["GWSA_REGION"] == "70.25 20.5 70.75 20.75"
        assert "GWSA_GAUSSIAN_KM" not in stack.tags
    np.testing.assert_allclose(water.stacks["SMS"].values, true_anomaly("SMS"), atol=1e-4)
    # Ice and land are counted in the region.
    inner = gldas_anomalies(record, region, GldasOptions(margin_km=0))
    assert (water.ice_cells, water.land_cells) == (inner.ice_cells, inner.land_cells)
    assert "GWSA_REGION" not in gldas_anomalies(record).stacks["SMS"].tags


def test_row_order_of_file_does_not_matter(tmp_path, reader):
    part = (slice(1, 3), slice(0, 5))
    granules = []
    for south_first in (True, False):
        path = tmp_path / f"{south_first}_{file_name('2004-01')}"
        write_granule(path, FIELDS[0], south_first=south_first)
        granules.append(read_granule(path, window=part))
    one, other = granules
    np.testing.assert_array_equal(one.storage, other.storage)
    canopy = FIELDS[0, 5][::-1][part]
    np.testing.assert_allclose(one.storage[2], canopy[canopy != -9999] / 10, rtol=1e-6)
    assert one.header.grid.same_as(other.header.grid)


def test_permanent_ice_is_excluded_and_counted(record):
    log = Log()
    water = gldas_anomalies(record, progress=log)
    assert (water.ice_cells, water.land_cells) == (1, 19)
    assert any("1 of 19 land cells are permanent ice" in line for line in log.lines)
    assert not any(stack.valid[LAT.size - 1 - ICE[0], ICE[1]] for stack in water.stacks.values())
    assert gldas_anomalies(record, options=GldasOptions(ice_threshold=6000)).ice_cells == 0


def test_region_of_sea_or_ice_is_refused(record):
    places = {ICE: "No GLDAS cell is left", SEA: r"no land in the region \S+, \S+, .* \(west, so"}
    for (row, column), message in places.items():
        box = (LON[column] - 0.1, LAT[row] - 0.1, LON[column] + 0.1, LAT[row] + 0.1)
        with pytest.raises(InputError, match=message):
            gldas_anomalies(record, region=box, options=GldasOptions(margin_km=0))


def test_all_missing_months_are_named(folder):
    for month in ("2003-12", "2005-03", "2007-01", "2007-02"):
        (folder / file_name(month)).unlink()
    with pytest.raises(
        InputError, match=r"no file for 2003-12, 2005-03, 2007-01\.\.2007-02 \(needed"
    ):
        gldas_anomalies(folder)
    with pytest.raises(
        InputError, match=r"no file for 2005-03, 2007-01\.\.2007-02, 2010-03\.\.2010-05 "
    ):
        gldas_anomalies(folder, options=period("2010-01", "2010-05"))


@pytest.mark.slow
def test_all_unusable_files_are_named_in_one_sentence(folder, reader):
    cut = folder / file_name("2004-02")
    cut.write_bytes(cut.read_bytes()[:3000])
    (folder / file_name("2004-03")).write_text("<html>Login required</html>")
    write_granule(folder / file_name("2004-04"), FIELDS[0], without=["SWE_inst", "CanopInt_inst"])
    write_granule(
        folder / file_name("2004-05"), FIELDS[0], title="GLDAS2.2 LIS land surface model output"
    )
    write_granule(folder / file_name("2004-06"), FIELDS[0], unit="m")
    shutil.copy(folder / file_name("2004-07"), folder / (file_name("2004-07") + ".SUB.nc4"))
    (folder / file_name("2004-08")).rename(folder / "GLDAS_NOAH025_3H.A20040801.0300.021.nc4")
    (folder / file_name("2004-09")).rename(folder / "GLDAS_CLSM025_DA1_M.A200409.022.nc4")
    with pytest.raises(InputError) as caught:
        read_granules(folder)
    text = str(caught.value)
    assert re.search(rf"cut short[^:]*: {cut.name}", text)
    page = "text that begins with “<html>Login required</html>”"
    assert f"{page}: {file_name('2004-03')}" in text
    assert f"without SWE_inst, CanopInt_inst: {file_name('2004-04')}" in text
    assert text.count("assimilates GRACE") == 1
    for month in ("2004-05", "2004-06", "2004-07"):
        assert file_name(month) in text
    assert "more than one file for 2004-07" in text
    assert "not monthly means: GLDAS_NOAH025_3H.A20040801.0300.021.nc4" in text
    assert "GLDAS_CLSM025_DA1_M.A200409.022.nc4" in text
    assert text.endswith(".") and "\n" not in text


def test_files_of_other_months_are_not_read(folder):
    (folder / file_name("2003-11")).write_bytes(b"")
    assert (
        gldas_anomalies(folder, options=period("2003-12", None)).stacks["SMS"].months[0]
        == MONTHS[1]
    )


@pytest.mark.slow
def test_files_with_damaged_chunks_are_all_named(folder, reader):
    """GDAL 3.6 returns uninitialised memory."""
    for month in ("2004-02", "2006-05"):
        _damage_snow(folder / file_name(month), FIELDS[list(MONTHS.astype(str)).index(month), 4])
    with pytest.raises(InputError) as caught:
        gldas_anomalies(folder)
    assert f"{file_name('2004-02')}, {file_name('2006-05')}" in str(caught.value)


def _damage_snow(path, snow):
    """Overwrite the compressed chunk of SWE_inst, wherever it is in the file."""
    content = bytearray(path.read_bytes())
    plain = snow.tobytes()
    # GDAL may apply HDF5's shuffle filter.
    shuffled = np.frombuffer(plain, "u1").reshape(-1, 4).T.tobytes()
    chunks = [zlib.compress(data, level) for data in (plain, shuffled) for level in range(1, 10)]
    start, size = next((content.find(chunk), len(chunk)) for chunk in chunks if chunk in content)
    content[start : start + size] = b"\x55" * size
    path.write_bytes(content)


@pytest.mark.slow
def test_file_with_overwritten_structure_is_damaged(tmp_path, reader):
    """Overwrite each object header: the libraries raise KeyError and others unless it is unused."""
    intact = tmp_path / file_name("2004-02")
    write_granule(intact, FIELDS[0])
    content = intact.read_bytes()
    window = (slice(0, 4), slice(0, 5))
    storage = read_granule(intact, window).storage
    damaged = 0
    for start in (match.start() for match in re.finditer(b"OHDR", content)):
        path = tmp_path / f"{start}_{intact.name}"
        path.write_bytes(content[: start + 8] + b"\xff" * 16 + content[start + 24 :])
        try:
            granule = read_granule(path, window)
        except UnusableGranule as error:
            assert error.problems[0].startswith(DAMAGED)
            damaged += 1
        else:
            np.testing.assert_array_equal(granule.storage, storage)
    assert damaged > len(VARIABLES)


def test_file_on_another_grid_is_named(folder):
    shifted = folder / file_name("2008-08")
    write_granule(shifted, FIELDS[0], lon=LON + 0.1)
    with pytest.raises(InputError, match=f"on another grid than .*{shifted.name}"):
        gldas_anomalies(folder)


def test_begin_date_that_differs_from_the_name_is_warned_of(folder):
    write_granule(folder / file_name("2008-08"), FIELDS[0], begin="20080901")
    write_granule(folder / file_name("2008-09"), FIELDS[0], begin="20080901")
    log = Log()
    gldas_anomalies(folder, progress=log)
    warned = [line for line in log.lines if "begin_date" in line]
    assert (
        len(warned) == 1
        and file_name("2008-08") in warned[0]
        and file_name("2008-09") not in warned[0]
    )


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_folder_without_gldas_is_refused_by_name(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=name):
        gldas_anomalies(tmp_path / name)


def test_reading_and_writing_can_be_cancelled(record, tmp_path):
    with pytest.raises(Cancelled):
        gldas_anomalies(record, progress=Log(stop_after=0))
    water = gldas_anomalies(record)
    with pytest.raises(Cancelled):
        water.write({"SMS": tmp_path / "SMS.tif"}, progress=Log(stop_after=0))


@pytest.mark.slow
def test_sample_world_has_its_true_anomalies(sample_world):
    truth = {
        name: read_stack(sample_world / "truth" / f"{name}.tif") for name in ("SMS", "SWES", "CWS")
    }
    options = GldasOptions(margin_km=0)
    water = gldas_anomalies(sample_world / "gldas", truth["SMS"].grid.bounds, options)
    assert (
        water.ice_cells
        == json.loads((sample_world / "truth" / "truth.json").read_text())["ice_cells"]
        > 0
    )
    for name, stack in water.stacks.items():
        assert (
            stack.grid.same_as(truth[name].grid)
            and stack.valid.sum() == water.land_cells - water.ice_cells > 0
        )
        np.testing.assert_allclose(
            stack.values[:, stack.valid], truth[name].values[:, stack.valid], atol=1e-4
        )


def test_official_granule(real_data, reader):
    grid = read_header(real_data / GRANULE).grid
    assert grid.shape == (600, 1440) and grid.bounds == pytest.approx((-180, -60, 180, 90))
    granule = read_granule(real_data / GRANULE, window=(slice(0, 600), slice(0, 1440)))
    assert granule.land.sum() == 243_883
    soil, snow, canopy = granule.storage
    assert (snow > 200).sum() == 7_842
    assert snow.max() == pytest.approx(11_254.1, abs=0.05)
    assert canopy.max() == pytest.approx(0.05, abs=1e-6)
    delhi = read_granule(real_data / GRANULE, window=grid.window((77.1, 28.6, 77.2, 28.7)))
    # With the rows in the wrong order this would be ocean.
    assert 5 < delhi.storage[0, 0] < 100 and delhi.storage[1, 0] == 0


def test_official_3_hourly_granules_are_refused_by_name(real_data):
    with pytest.raises(
        InputError, match=f"not monthly means: {Path(GRANULE).name}, {Path(CUT_GRANULE).name}"
    ):
        gldas_anomalies(real_data / "gldas")


def test_incomplete_granule_with_a_monthly_name_is_refused(folder, real_data):
    shutil.copy(real_data / CUT_GRANULE, folder / file_name("2005-05"))
    with pytest.raises(InputError, match=f"SWE_inst.*{file_name('2005-05')}"):
        gldas_anomalies(folder)
