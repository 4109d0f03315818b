"""The chain with real input: north-west India, 5° by 5°, 2015-2018 with the gap between missions.

The GRACE record with its gaps, the CSR land mask, the aquifers, the wells and one GLDAS granule are
real. GLDAS months and predictors are synthetic, so the 1 km field does not describe India; only the
processing is tested.
"""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from qgis.core import QgsRasterLayer, QgsVectorLayer

from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.downscaling.options import METHODS, PUBLISHED
from gwsa.gwsa_plugin.core.files.stack import read_stack
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.gapfill.methods import METHOD_NAMES
from gwsa.gwsa_plugin.core.predictors.predictor_set import PredictorSet
from gwsa.gwsa_plugin.core.sample_world.world import WorldOptions, make_world
from gwsa.gwsa_plugin.core.spatial.mass_conservation import MassConservation

pytestmark = pytest.mark.slow

BOUNDS = (74.0, 27.0, 79.0, 32.0)
WEST, SOUTH, EAST, NORTH = BOUNDS
EXTENT = f"{WEST},{EAST},{SOUTH},{NORTH} [EPSG:4326]"
START = "2015-01"
END = "2018-12"
MONTHS = month_range(START, END)
TWSA = "grace/DERIVED_CSR_SH_G300_TWSA_nwindia_0.25deg.nc"
LAND_MASK = "grace/CSR_GRACE_GRACE-FO_RL06_Mascons_v02_LandMask.nc"
AQUIFERS = "aquifers/jasechko2024_broader_110systems.geojson"
WELLS = "wells/india_cgwb_quarterly_panel.parquet"
# A few predictors, to save time.
PREDICTORS = ("elevation", "sand", "precipitation", "ndvi", "land_surface_temperature")
GRANULE = "gldas/GLDAS_NOAH025_3H.A20150101.0000.021.nc4"


@pytest.fixture(scope="module")
def parquet():
    return pytest.importorskip("pyarrow.parquet", reason="pyarrow is needed to read the real wells")


@pytest.fixture(scope="module")
def stage(provider):
    """Function that runs a stage through the Processing registry."""
    import processing

    def stage(name: str, **parameters) -> dict:
        given = {
            key: str(value) if isinstance(value, Path) else value
            for key, value in parameters.items()
        }
        return processing.run(f"gwsa:{name}", given)

    return stage


@pytest.fixture(scope="module")
def folder(real_data, parquet, stage, tmp_path_factory) -> Path:
    """Folder with the outputs of every stage; ``world`` has the GLDAS months and predictors."""
    out = tmp_path_factory.mktemp("real")
    make_world(out / "world", WorldOptions(bounds=BOUNDS, start=START, end=END))
    write_wells(parquet.read_table(real_data / WELLS), out)
    stage(
        "importtwsa",
        INPUT=real_data / TWSA,
        LAND_MASK=real_data / LAND_MASK,
        EXTENT=EXTENT,
        OUTPUT=out / "twsa.tif",
        TABLE=out / "months.csv",
    )
    # The selection among all methods takes a minute for this number of cells.
    red_noise = list(METHOD_NAMES).index("harmonic_red")
    stage(
        "fillgaps",
        INPUT=out / "twsa.tif",
        METHOD=red_noise,
        OUTPUT=out / "filled.tif",
        SIGMA=out / "sigma.tif",
    )
    stores = {name: out / f"{name}.tif" for name in ("SMS", "SWES", "CWS")}
    stage(
        "gldasanomaly",
        INPUT=out / "world/gldas",
        EXTENT=EXTENT,
        **stores,
        OUTPUT=out / "land_water.tif",
    )
    stage("gwsabalance", TWSA=out / "filled.tif", **stores, OUTPUT=out / "gwsa.tif")
    stage(
        "buildpredictors",
        CATALOGUE=write_short_catalogue(out / "world/predictors/catalogue.json"),
        GRID=out / "gwsa.tif",
        START=START,
        OUTPUT=out / "predictors",
    )
    stage(
        "downscale",
        GWSA=out / "gwsa.tif",
        PREDICTORS=out / "predictors",
        AQUIFERS=real_data / AQUIFERS,
        ID_FIELD="n",
        METHOD=METHODS.index(PUBLISHED),
        TREES=10,
        DEPTH=3,
        OUTPUT=out / "gwsa_1km",
        REGIONS=out / "regions.gpkg",
        SCORES=out / "downscale.json",
    )
    stage(
        "validatewells",
        GWSA=out / "gwsa_1km",
        COARSE=out / "gwsa.tif",
        WELLS=out / "wells.csv",
        OBSERVATIONS=out / "observations.csv",
        AQUIFERS=real_data / AQUIFERS,
        AQUIFER_FIELD="n",
        SPECIFIC_YIELD=0.12,
        MIN_YEARS=3,
        MIN_MONTHS=12,
        OUTPUT=out / "wells.gpkg",
        SCORES=out / "wells.json",
        REPORT=out / "wells.html",
    )
    return out


def write_short_catalogue(catalogue: Path) -> Path:
    """Write a catalogue of a few predictors into the same folder."""
    content = json.loads(catalogue.read_text())
    content["predictors"] = [item for item in content["predictors"] if item["name"] in PREDICTORS]
    path = catalogue.with_name("short.json")
    path.write_text(json.dumps(content))
    return path


def write_wells(panel, folder: Path) -> None:
    """Write the stations of the region as two tables, without specific yield."""
    station, date, depth, latitude, longitude = (
        np.array(panel[name].to_pylist())
        for name in ("station_id", "datetime", "target", "lat", "lon")
    )
    inside = (longitude > WEST) & (longitude < EAST) & (latitude > SOUTH) & (latitude < NORTH)
    with open(folder / "wells.csv", "w", newline="", encoding="utf-8") as wells:
        table = csv.writer(wells)
        table.writerow(("station", "longitude", "latitude"))
        table.writerows(sorted(set(zip(station[inside], longitude[inside], latitude[inside]))))
    with open(folder / "observations.csv", "w", newline="", encoding="utf-8") as observations:
        table = csv.writer(observations)
        table.writerow(("station", "date", "depth_to_water"))
        table.writerows(zip(station[inside], [day.date() for day in date[inside]], depth[inside]))


def test_missing_months_are_those_listed_in_the_file(folder, real_data):
    with rasterio.open(f"NETCDF:{real_data / TWSA}:lwe_thickness") as source:
        missing = {text.strip() for text in source.tags()["NC_GLOBAL#months_missing"].split(";")}
    with open(folder / "months.csv", newline="", encoding="utf-8") as file:
        labelled = [row["month"] for row in csv.DictReader(file)]
    assert len(labelled) == len(set(labelled)) == 231
    record = set(month_range(labelled[0], labelled[-1]).astype(str))
    assert record - set(labelled) == missing


def test_only_gaps_are_filled(folder):
    gappy, filled, sigma = (
        read_stack(folder / name) for name in ("twsa.tif", "filled.tif", "sigma.tif")
    )
    # The margin around the region is not filled.
    gappy, filled, sigma = (stack.crop(stack.region) for stack in (gappy, filled, sigma))
    gap = np.isin(filled.source, "filled")
    assert (filled.months[gap] == gappy.months_with_source("missing")).all() and gap.sum() == 34
    np.testing.assert_array_equal(filled.values[~gap], gappy.values[~gap])
    assert np.isfinite(filled.values[:, gappy.valid]).all()
    assert (np.isfinite(sigma.values).any(axis=(1, 2)) == gap).all()
    assert 0 < np.nanmedian(sigma.values) < np.nanstd(gappy.values)


def test_gwsa_is_twsa_minus_land_water_at_the_footprint(folder):
    gwsa, twsa, water = (
        read_stack(folder / name) for name in ("gwsa.tif", "filled.tif", "land_water.tif")
    )
    months = np.isin(twsa.months, gwsa.months)
    removed = (twsa.on(gwsa.grid).values[months] - gwsa.values)[:, gwsa.valid]
    sharp = water.on(gwsa.grid).values[np.isin(water.months, gwsa.months)][:, gwsa.valid]
    centred = [values - values.mean(axis=0) for values in (removed, sharp)]
    assert np.corrcoef(*(values.mean(axis=1) for values in centred))[0, 1] > 0.9
    smooth, detailed = (values.std(axis=1).mean() for values in centred)
    assert smooth < 0.8 * detailed
    assert abs(gwsa.anomaly().values - gwsa.values)[:, gwsa.valid].max() < 1e-3
    assert gwsa.tags["GWSA_BALANCE_MODE"] == "footprint"


def test_official_granule_is_read(folder, real_data, stage, tmp_path):
    """The granule replaces a synthetic month, which changes by the difference of both files."""
    months = tmp_path / "gldas"
    name = "GLDAS_NOAH025_M.A201501.021.nc4"
    months.mkdir()
    for path in (folder / "world/gldas").glob("*.nc4"):
        (months / path.name).symlink_to(real_data / GRANULE if path.name == name else path)
    stage(
        "gldasanomaly",
        INPUT=months,
        EXTENT=EXTENT,
        START=START,
        END=START,
        SMS=tmp_path / "sms.tif",
    )
    real = read_stack(tmp_path / "sms.tif")
    sample = read_stack(folder / "SMS.tif").select(*MONTHS[[0, 0]])
    real, sample = (stack.crop(stack.region) for stack in (real, sample))
    expected = soil_moisture_cm(months / name) - soil_moisture_cm(folder / "world/gldas" / name)
    both = np.isfinite(real.values[0]) & np.isfinite(sample.values[0])
    assert both.sum() > 200
    np.testing.assert_allclose((real.values - sample.values)[0][both], expected[both], atol=1e-3)


def soil_moisture_cm(path: Path) -> np.ndarray:
    layers = ("0_10", "10_40", "40_100", "100_200")
    total = 0.0
    for layer in layers:
        with rasterio.open(f"NETCDF:{path}:SoilMoi{layer}cm_inst") as source:
            window = source.window(*BOUNDS).round_offsets().round_lengths()
            total = total + source.read(1, window=window, masked=True).filled(np.nan)
    return total / 10


def test_maps_conserve_the_mass_of_every_cell(folder):
    gwsa = read_stack(folder / "gwsa.tif")
    product = YearlyMaps.in_folder(folder / "gwsa_1km")
    predictors = PredictorSet.open(folder / "predictors")
    coarse = gwsa.select(MONTHS[0], MONTHS[-1]).on(predictors.coarse_grid)
    conservation = MassConservation(
        predictors.land(), predictors.coarse_grid, 30, np.isfinite(coarse.values).all(axis=0)
    )
    assert (product.months == MONTHS).all() and conservation.cells.sum() > 200
    for month, cells in zip(MONTHS, coarse.values):
        kept = conservation.block_mean(product.read(month))
        assert np.abs(kept - cells)[conservation.cells].max() < 0.006
    scores = json.loads((folder / "downscale.json").read_text())
    assert scores["closure"]["worst_cm"] < 1e-3
    assert scores["cells"] == conservation.cells.sum() and scores["months"] == 48


def test_maps_have_the_right_extent_months_and_sources(folder):
    layer = QgsRasterLayer(str(folder / "gwsa_1km/GWSA_2018.tif"), "2018")
    assert layer.crs().authid() == "EPSG:4326"
    assert layer.renderer().type() == "singlebandpseudocolor"
    box = layer.extent()
    assert (box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()) == pytest.approx(BOUNDS)
    with rasterio.open(folder / "gwsa_1km/GWSA_2018.tif") as source:
        assert source.descriptions == tuple(map(str, month_range("2018-01", "2018-12")))
        sources = [source.tags(band)["GWSA_SOURCE"] for band in source.indexes]
    assert sources == ["filled"] * 5 + ["observed"] * 2 + ["filled"] * 2 + ["observed"] * 3


def test_regions_have_the_names_of_the_aquifers(folder):
    layer = QgsVectorLayer(str(folder / "regions.gpkg"), "regions", "ogr")
    regions = {row["name"]: row for row in layer.getFeatures()}
    assert {"IndoGangetic Plain", "Indus Basin"} <= set(regions)
    assert regions["IndoGangetic Plain"]["model"] == "own"
    assert regions["Indus Basin"]["model"] == "all"


def test_wells_are_scored(folder):
    layer = QgsVectorLayer(str(folder / "wells.gpkg"), "wells", "ogr")
    assert layer.crs().authid() == "EPSG:4326"
    rows = list(layer.getFeatures())
    used = [row for row in rows if row["status"] == "used"]
    assert len(rows) > 500 and len(used) > 100
    for row in used:
        point = row.geometry().asPoint()
        assert WEST < point.x() < EAST
        assert SOUTH < point.y() < NORTH
        assert row["months"] >= 12 and START <= row["first"] < row["last"] <= END
    assert {row["aquifer"] for row in used} >= {"IndoGangetic Plain"}
    scores = json.loads((folder / "wells.json").read_text())
    assert scores["n"] == len(used)
    assert all(0 <= scores[field]["r2"] <= 1 for field in ("bilinear", "coarse"))
