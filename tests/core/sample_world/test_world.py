"""The sample world: its truth is consistent and its files have the layout of real ones."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from osgeo import gdal

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.months import in_baseline
from gwsa.gwsa_plugin.core.files.provenance import sha256
from gwsa.gwsa_plugin.core.files.stack import read_stack
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.gldas.anomalies import gldas_anomalies
from gwsa.gwsa_plugin.core.predictors.catalogue import MONTHLY, STATIC, read_catalogue
from gwsa.gwsa_plugin.core.sample_world.grace_files import (
    MISSING,
    RECORD,
    solved_months,
    time_bounds,
)
from gwsa.gwsa_plugin.core.sample_world.grace_observation import GRACE_LIKE
from gwsa.gwsa_plugin.core.sample_world.land import make_land
from gwsa.gwsa_plugin.core.sample_world.world import (
    PARTS,
    WorldOptions,
    _require_own_folder,
    make_world,
    observe_again,
    read_aquifers,
)

pytestmark = pytest.mark.slow

STORAGES = ("TWSA", "GWSA", "SMS", "SWES", "CWS")
SMALL = WorldOptions(bounds=(10.0, 45.0, 11.5, 46.0), start="2010-01", end="2010-12", seed=2)


@pytest.fixture(scope="module")
def grace_like(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grace_like")
    make_world(folder, SMALL)
    return folder


@pytest.fixture(scope="module")
def coarse(sample_world):
    return {name: read_stack(sample_world / "truth" / f"{name}.tif") for name in STORAGES}


@pytest.fixture(scope="module")
def fine(sample_world):
    """GWSA and its explained part in 2010 (cm) and the land area of pixels, split into cells."""
    truth = YearlyMaps.in_folder(sample_world / "truth" / "gwsa_1km")
    explained = YearlyMaps.in_folder(sample_world / "truth" / "explained_1km")
    with rasterio.open(sample_world / PARTS["LAND"]) as source:
        area = source.read(1) * truth.grid.row_areas()[:, None]
    fields = {
        "gwsa": np.array([truth.read(month) for month in truth.months]),
        "explained": np.array([explained.read(month) for month in truth.months]),
        "area": area[None],
    }
    return {name: _cells(np.nan_to_num(values)) for name, values in fields.items()}


def _cells(values):
    months, rows, columns = values.shape
    blocks = values.reshape(months, rows // 30, 30, columns // 30, 30).transpose(0, 1, 3, 2, 4)
    return blocks.reshape(months, rows // 30, columns // 30, 900).astype(np.float64)


def _cell_mean(values, area):
    with np.errstate(invalid="ignore"):
        return (values * area).sum(axis=-1) / area.sum(axis=-1)


def _variance_within_cells(values, area):
    """Area-weighted variance about the cell means."""
    mean = np.nan_to_num(_cell_mean(values, area))
    return ((values - mean[..., None]) ** 2 * area).sum() / (area.sum() * len(values))


def _array(path, name, part=""):
    file = gdal.OpenEx(str(path), gdal.OF_MULTIDIM_RASTER)
    array = file.GetRootGroup().OpenMDArray(name)
    return (array.GetView(part) if part else array).ReadAsArray()


def test_coarse_truth_is_the_area_mean_of_the_1_km_truth(coarse, fine):
    gwsa = coarse["GWSA"].select(*np.array(["2010-01", "2010-12"], dtype="datetime64[M]")).values
    assert np.nanmax(np.abs(gwsa - _cell_mean(fine["gwsa"], fine["area"]))) < 0.006
    assert (np.isnan(gwsa[0]) == (fine["area"][0].sum(axis=-1) == 0)).all()


def test_twsa_is_the_sum_of_the_storages(coarse):
    total = sum(coarse[name].values.astype(np.float64) for name in STORAGES[1:])
    assert np.nanmax(np.abs(coarse["TWSA"].values - total)) < 1e-3


@pytest.mark.parametrize("name", STORAGES)
def test_every_storage_is_an_anomaly_to_the_baseline(coarse, name):
    stack = coarse[name]
    assert (stack.months == RECORD).all()
    assert np.nanmax(np.abs(stack.values[in_baseline(stack.months)].mean(axis=0))) < 1e-3


def test_a_quarter_of_the_variance_within_cells_is_unexplained(sample_world, fine):
    unexplained = _variance_within_cells(fine["gwsa"] - fine["explained"], fine["area"])
    fraction = unexplained / _variance_within_cells(fine["gwsa"], fine["area"])
    facts = json.loads((sample_world / PARTS["TRUTH"]).read_text())
    assert fraction >= 0.25
    assert fraction == pytest.approx(facts["unexplained_share_within_cells"], abs=0.005)


def test_oracle_is_better_than_mean_preserving_interpolation_but_has_an_error(sample_world):
    facts = json.loads((sample_world / PARTS["TRUTH"]).read_text())
    assert 0.5 < facts["rmse_oracle_cm"] < 0.8 * facts["rmse_mean_preserving_cm"]


def test_the_land_has_a_coast_and_a_lake(fine):
    fraction = (fine["area"][0] > 0).mean(axis=-1)
    assert (fraction == 1).any()
    assert ((fraction > 0) & (fraction < 1)).sum() >= 5


def test_twsa_of_the_mascon_file_is_the_truth_with_noise_of_one_centimetre(sample_world, coarse):
    observed = _array(sample_world / PARTS["TWSA"], "lwe_thickness")
    grid = coarse["TWSA"].grid
    top = round((grid.bounds[1] + 90) / 0.25)
    left = round(grid.west / 0.25)
    region = observed[:, top : top + grid.rows, left : left + grid.columns][:, ::-1]
    truth = coarse["TWSA"].values[np.isin(RECORD, solved_months())]
    assert np.nanstd(region - truth) == pytest.approx(1, abs=0.03)
    observed[:, top : top + grid.rows, left : left + grid.columns] = 0
    assert not observed.any()


def test_mascon_file_has_the_attributes_of_the_real_one(sample_world):
    path = sample_world / PARTS["TWSA"]
    plain = gdal.Open(f'NETCDF:"{path}":lwe_thickness')
    tags = plain.GetMetadata()
    assert tags["time#Units"] == "days since 2002-01-01T00:00:00Z" and "time#units" not in tags
    assert tags["lwe_thickness#Units"] == "cm" and "lwe_thickness#_FillValue" not in tags
    assert tags["NC_GLOBAL#time_mean_removed"] == "2004.000 to 2009.999"
    missing = tags["NC_GLOBAL#months_missing"].split(";")
    assert len(missing) == 34 and missing.count("2017-02") == 2 and set(missing) == set(MISSING)
    assert plain.GetProjection() == ""
    longitude, latitude, time = (_array(path, name) for name in ("lon", "lat", "time"))
    assert (longitude[0], longitude[-1]) == (0.125, 359.875)
    assert (latitude[0], latitude[-1]) == (-89.875, 89.875)
    assert time.dtype == np.float32 and (time == _array(path, "time_bounds").mean(axis=1)).all()


def test_the_solutions_are_those_of_the_record():
    months = solved_months()
    assert months.size == 192 and len(RECORD) - len(MISSING) == 192
    middle = np.datetime64("2002-01-01") + time_bounds().mean(axis=1).astype(int)
    shifted = months[middle.astype("datetime64[M]") != months]
    assert set(shifted.astype(str)) == {"2011-11", "2015-05"}


def test_solutions_have_the_time_bounds_of_real_ones(real_data):
    path = real_data / "grace" / "DERIVED_CSR_SH_G300_TWSA_nwindia_0.25deg.nc"
    real = {tuple(span) for span in _array(path, "time_bounds")[:191]}
    ours = {tuple(span) for span in time_bounds()}
    # The derived file lacks 2012-03.
    assert real < ours and len(ours - real) == 1


def test_gldas_files_contain_the_truth_in_the_real_layout(sample_world, coarse):
    paths = sorted((sample_world / PARTS["GLDAS"]).glob("GLDAS_NOAH025_M.A??????.021.nc4"))
    assert len(paths) == RECORD.size
    layers = (
        "SoilMoi0_10cm_inst",
        "SoilMoi10_40cm_inst",
        "SoilMoi40_100cm_inst",
        "SoilMoi100_200cm_inst",
    )
    grid = coarse["SMS"].grid
    top = round((grid.bounds[1] + 60) / 0.25)
    left = round((grid.west + 180) / 0.25)
    soil = np.array([sum(_array(path, name)[0] for name in layers) for path in paths[21:105:12]])
    assert soil.shape[1:] == (600, 1440)
    region = soil[:, top : top + grid.rows, left : left + grid.columns][:, ::-1] / 10
    present = region[0] > 0
    truth = coarse["SMS"].values[21:105:12]
    assert 20 < present.sum() < present.size
    assert np.abs((region - region[0]) - (truth - truth[0]))[:, present].max() < 1e-3
    assert (soil == -9999 * 4).sum() == soil.size - 7 * present.sum()
    tags = gdal.Open(f'NETCDF:"{paths[0]}":SWE_inst').GetMetadata()
    assert tags["time#units"].startswith(" days since") and tags["SWE_inst#_FillValue"] == "-9999"
    for path in (paths[0], paths[-1]):
        assert (_array(path, "SWE_inst") > 2000).sum() == 4
    assert _array(paths[0], "RootMoist_inst").max() > 0


def test_catalogue_has_nineteen_rasters_two_of_them_on_other_grids(sample_world):
    catalogue = read_catalogue(sample_world / PARTS["CATALOGUE"])
    kinds = [predictor.kind for predictor in catalogue.with_files]
    assert (kinds.count(STATIC), kinds.count(MONTHLY)) == (8, 11)
    with rasterio.open(catalogue.land) as source:
        land = source.transform
    other = {}
    for predictor in catalogue.with_files:
        with rasterio.open(
            catalogue.folder / predictor.file_of(np.datetime64("2010-05"))
        ) as source:
            assert source.count == (12 if predictor.monthly else 1) and source.dtypes[0] == "int16"
            if source.transform != land:
                other[predictor.name] = source.crs.is_projected, source.res[0]
    assert other == {"water_table_depth": (True, 1000.0), "radiation": (False, pytest.approx(0.05))}


def test_predictors_are_measured_with_noise(sample_world):
    """Second differences of a smooth driver are mostly noise."""
    facts = json.loads((sample_world / PARTS["TRUTH"]).read_text())
    with rasterio.open(sample_world / "predictors" / "precipitation_2010.tif") as source:
        rain = source.read(8, masked=True) * source.scales[0]
    # The variance of the second difference of white noise is six times that of the noise.
    second = np.diff(rain, 2, axis=1) / np.sqrt(6)
    assert second.std() == pytest.approx(facts["predictor_noise"]["precipitation"], rel=0.1)


def test_well_records_contain_common_errors(sample_world):
    features = json.loads((sample_world / PARTS["WELLS"]).read_text())["features"]
    wells = [feature["properties"] for feature in features]
    names = [well["well"] for well in wells]
    assert len(names) > len(set(names)) >= 40
    assert any(well["confined"] for well in wells)
    assert any(well["specific_yield"] is None for well in wells)
    with open(sample_world / PARTS["OBSERVATIONS"], newline="") as file:
        rows = list(csv.DictReader(file))
    depths = np.array([float(row["depth_to_water"]) for row in rows])
    assert np.isin([-999, 9999], depths).any() and ((depths < 0) & (depths > -100)).any()
    dates = [(row["well"], row["date"]) for row in rows]
    assert len(dates) > len(set(dates))
    assert {row["well"] for row in rows} == set(names)


def test_unconfined_wells_follow_the_storage_at_their_pixel(sample_world):
    with open(sample_world / "truth" / "wells.csv", newline="") as file:
        truth = {row["well"]: row for row in csv.DictReader(file)}
    with open(sample_world / PARTS["OBSERVATIONS"], newline="") as file:
        depths = {}
        for row in csv.DictReader(file):
            depth = float(row["depth_to_water"])
            if 0 < depth < 900:
                depths.setdefault(row["well"], {})[int(row["date"][5:7]) - 1] = depth
    gwsa = YearlyMaps.in_folder(sample_world / "truth" / "gwsa_1km")
    maps = np.array([gwsa.read(month) for month in gwsa.months])
    correlations = []
    for well in json.loads((sample_world / PARTS["WELLS"]).read_text())["features"]:
        name = well["properties"]["well"]
        x, y = well["geometry"]["coordinates"]
        months = sorted(depths[name])
        if truth[name]["confined"] == "0" and len(months) >= 10:
            row = int((gwsa.grid.north - y) / gwsa.grid.dy)
            column = int((x - gwsa.grid.west) / gwsa.grid.dx)
            specific_yield = float(truth[name]["specific_yield"])
            storage = -100 * specific_yield * np.array([depths[name][month] for month in months])
            correlations.append(np.corrcoef(maps[months, row, column], storage)[0, 1])
    assert np.median(correlations) > 0.9


def test_two_aquifers_overlap_one_is_tiny_and_some_land_is_in_none(sample_world):
    features = json.loads((sample_world / PARTS["AQUIFERS"]).read_text())["features"]
    with rasterio.open(sample_world / PARTS["LAND"]) as source:
        covers = [
            rasterio.features.geometry_mask(
                [feature["geometry"]], source.shape, source.transform, invert=True
            )
            for feature in features
        ]
        land = source.read(1) > 0
    assert any((one & other).any() for i, one in enumerate(covers) for other in covers[:i])
    assert (land & ~np.any(covers, axis=0)).mean() > 0.2
    tiny = features[np.argmin([cover.sum() for cover in covers])]["properties"]
    assert tiny["parent"] in [feature["properties"]["id"] for feature in features]
    read = {aquifer.name: aquifer.parent for aquifer in read_aquifers(sample_world)}
    assert len(read) == len(features)
    assert read.pop(tiny["name"]) in read
    assert not any(read.values())


def test_the_same_seed_makes_the_same_bytes(grace_like, tmp_path):
    make_world(tmp_path / "again", SMALL)
    assert sha256(tmp_path / "again") == sha256(grace_like)


def test_another_seed_makes_another_land():
    one, other = (make_land(SMALL.grid, seed).drivers["sand"] for seed in (1, 2))
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.5


def test_grace_observes_truth_and_surroundings_through_a_footprint(grace_like):
    """Tiles share one series, whose errors are larger than the noise, as the blur adds to them."""
    observed = _array(grace_like / PARTS["TWSA"], "lwe_thickness")
    truth = read_stack(grace_like / "truth" / "TWSA.tif")
    top, left = round((45 + 90) / 0.25), round(10 / 0.25)
    rows, columns = truth.grid.shape
    region = observed[:, top : top + rows, left : left + columns][:, ::-1]
    series = np.unique(region.reshape(len(region), -1), axis=1).shape[1]
    assert 1 < series < rows * columns / 3
    solved = np.isin(RECORD, solved_months())
    error = region - truth.values[solved]
    assert 1.5 < np.nanstd(error) < np.nanstd(truth.values)
    observable = read_stack(grace_like / "truth" / "TWSA_observed.tif").values
    assert np.std(region - observable[solved]) == pytest.approx(1.5, rel=0.2)
    assert observed[:, top - 18 : top, left].any() and not observed[:, : top - 18].any()


def test_the_same_observation_again_gives_the_same_file(grace_like, tmp_path):
    again = tmp_path / "again.nc"
    observe_again(grace_like, again, SMALL)
    # Latitudes 40 to 51 and longitudes 5 to 17 have the region and its surroundings.
    part = ("lwe_thickness", "[:,520:564,20:68]")
    first = _array(grace_like / PARTS["TWSA"], *part)
    np.testing.assert_allclose(_array(again, *part), first, atol=1e-3)
    narrow = replace(SMALL, observation=replace(GRACE_LIKE, footprint_km=100.0))
    observe_again(grace_like, again, narrow)
    assert np.abs(_array(again, *part) - first).max() > 1


def test_gldas_of_a_grace_like_world_errs_and_lacks_lakes_and_ice(grace_like):
    stack = {path.stem: read_stack(path) for path in (grace_like / "truth").glob("*.tif")}
    total = sum(stack[name].values.astype(np.float64) for name in (*STORAGES[1:], "SWS", "GLACIER"))
    assert np.nanmax(np.abs(stack["TWSA"].values - total)) < 1e-3
    assert np.abs(stack["SWS"].values).max() > 1 and np.abs(stack["GLACIER"].values).max() > 10
    anomalies = gldas_anomalies(grace_like / PARTS["GLDAS"], SMALL.bounds)
    soil = anomalies.stacks["SMS"].on(stack["SMS"].grid).values
    error = (soil - stack["SMS"].values)[:, np.isfinite(soil).all(axis=0)]
    assert 0.05 < np.nanstd(error) / np.nanstd(stack["SMS"].values) < 0.5


@pytest.mark.parametrize(
    "bounds",
    [
        (170.0, 10.0, 190.0, 12.0),
        (10.0, -70.0, 12.0, -65.0),
        (10.0, 10.0, 10.5, 10.5),
        (12.0, 10.0, 10.0, 12.0),
    ],
)
def test_impossible_regions_are_refused(bounds, tmp_path):
    with pytest.raises(InputError, match="west, south, east, north"):
        make_world(tmp_path / "world", WorldOptions(bounds=bounds))
    assert not list(tmp_path.iterdir())


def test_period_is_widened_to_full_years():
    period = WorldOptions(start="2011-03", end="2012-02").period
    assert (str(period[0]), str(period[-1]), period.size) == ("2011-01", "2012-12", 24)


def test_a_folder_with_another_world_is_refused(grace_like):
    """The years of that world would stay, and the catalogue would name them."""
    before = sorted(grace_like.rglob("*"))
    other = replace(SMALL, start="2011-01", end="2011-12")
    with pytest.raises(
        InputError, match=f"{grace_like.name} has a sample world with other settings"
    ):
        make_world(grace_like, other)
    assert sorted(grace_like.rglob("*")) == before
    _require_own_folder(grace_like, SMALL)
    _require_own_folder(grace_like / "absent", other)
