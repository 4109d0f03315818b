"""Tests of gwsa:compare: kinds of products, outputs and their styles, wells, mistakes."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from qgis.core import QgsProcessingException, QgsProcessingFeedback, QgsRasterLayer

from gwsa.benchmarks.rasters import geotiff_profile
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import decimal_years, month_range
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, write_stack
from gwsa.tests.core.predictors.netcdf_files import coordinates, write_classic

COARSE = Grid(76.0, 30.0, 0.5, 0.5, 3, 4)
FACTOR = 5
FINE = COARSE.refine(FACTOR)
MONTHS = month_range("2004-01", "2009-12")
YEARS = decimal_years(MONTHS)[:, None, None]
WELLS = 30


def storage(grid):
    x, y = np.meshgrid(grid.longitudes, grid.latitudes)
    return (np.sin(20 * x) + np.cos(11 * y)) * (YEARS - 2007) + 4 * np.sin(2 * np.pi * YEARS)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Maps in yearly files as published, the coarse stack, a NetCDF product, wells, polygons."""
    folder = tmp_path_factory.mktemp("compare")
    values = storage(FINE).astype(np.float32)
    (folder / "gwsa_1km").mkdir()
    for year in range(2004, 2010):
        months = slice(12 * (year - 2004), 12 * (year - 2003))
        path = folder / "gwsa_1km" / f"GWSA_{year}.tif"
        with rasterio.open(path, "w", **geotiff_profile(FINE, 12)) as target:
            target.write(values[months])  # bands without names, as in the published dataset
    shape = (MONTHS.size, COARSE.rows, FACTOR, COARSE.columns, FACTOR)
    means = values.reshape(shape).mean(axis=(2, 4))
    stack = MonthlyStack.on_calendar(COARSE, MONTHS, means, "GWSA")
    write_stack(folder / "coarse.tif", stack.tagged(GWSA_CENTRE="CSR"))
    g3p = 10 * (means + 0.5 * (YEARS - 2007))
    layers = {"gws": (("time", "lat", "lon"), g3p.astype(np.float32), {"units": "mm"})}
    times = MONTHS.astype("datetime64[D]") + 14
    write_classic(folder / "g3p.nc", coordinates(COARSE, times), layers)
    write_wells(folder, values)
    write_polygons(folder)
    return folder


def write_wells(folder, values):
    generator = np.random.default_rng(5)
    lines = ["id,x,y,date,depth"]
    for i in range(WELLS):
        row, column = generator.integers(FINE.rows), generator.integers(FINE.columns)
        place = f"{FINE.longitudes[column]:.6f},{FINE.latitudes[row]:.6f}"
        for month, value in zip(MONTHS, values[:, row, column]):
            lines.append(f"{i},{place},{month}-15,{10 - value / 10:.4f}")
    (folder / "wells.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_polygons(folder):
    ring = [[76.0, 28.5], [77.0, 28.5], [77.0, 30.0], [76.0, 30.0], [76.0, 28.5]]
    feature = {
        "type": "Feature",
        "properties": {"name": "West"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    collection = {"type": "FeatureCollection", "features": [feature]}
    (folder / "aquifers.geojson").write_text(json.dumps(collection))


@pytest.fixture
def compare(run, world):
    def compare(feedback=None, **parameters):
        given = {"GWSA": world / "gwsa_1km", **parameters}
        return run("compare", feedback, **given)

    return compare


def values_of(path):
    with rasterio.open(path) as source:
        return source.read(1)


def test_maps_against_a_netcdf_product(compare, world, tmp_path):
    names = ("BIAS", "CORRELATION", "RESIDUAL_CORRELATION", "RMSE", "TREND")
    outputs = compare(
        OTHER_NETCDF=world / "g3p.nc",
        AQUIFERS=world / "aquifers.geojson",
        REPORT=tmp_path / "report.html",
        TABLE=tmp_path / "regions.csv",
        SCORES=tmp_path / "scores.json",
        **{name: tmp_path / f"{name.lower()}.tif" for name in names},
    )
    assert set(outputs) == {*names, "REPORT", "TABLE", "SCORES"}
    assert values_of(outputs["TREND"]).shape == COARSE.shape
    assert values_of(outputs["TREND"]) == pytest.approx(-0.5, abs=1e-3)
    with open(outputs["TABLE"], newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["region"] for row in rows] == ["complete common area", "West"]
    assert float(rows[1]["trend_difference_cm_per_yr"]) == pytest.approx(-0.5, abs=1e-3)
    assert float(rows[1]["area_km2"]) == pytest.approx(float(rows[1]["compared_km2"]), rel=1e-3)
    scores = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))
    assert scores["maps"]["trend difference"]["mean"] == pytest.approx(-0.5, abs=1e-3)
    assert scores["cell_degrees"] == [0.5, 0.5] and scores["months"] == 72
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "gwsa_1km against g3p" in report and "The tags do not show" in report
    record = json.loads((tmp_path / "bias.run.json").read_text())
    assert record["inputs"]["OTHER_NETCDF"].endswith("g3p.nc")


def test_outputs_are_styled(compare, world, tmp_path):
    outputs = compare(
        OTHER_NETCDF=world / "g3p.nc",
        **{name: tmp_path / f"{name}.tif" for name in ("BIAS", "CORRELATION", "RMSE", "TREND")},
    )
    bounds = {}
    for name, path in outputs.items():
        layer = QgsRasterLayer(path, name)
        renderer = layer.renderer()
        assert renderer.type() == "singlebandpseudocolor", name
        bounds[name] = (renderer.classificationMin(), renderer.classificationMax())
    assert bounds["CORRELATION"] == (-1, 1)
    assert bounds["TREND"] == (-0.5, 0.5), "symmetric, though all values are negative"
    # All months are in 2004 to 2009, so that the bias is 0.
    assert bounds["BIAS"] == (-1, 1)
    assert bounds["RMSE"][0] == 0 and bounds["RMSE"][1] > 0.5


def test_wells_over_the_coarse_field(compare, world, tmp_path):
    outputs = compare(
        OTHER_NETCDF=world / "g3p.nc",
        COARSE=world / "coarse.tif",
        WELLS=world / "wells.csv",
        SPECIFIC_YIELD=0.1,
        MIN_YEARS=3,
        FOOTPRINT=50,
        SCORES=tmp_path / "scores.json",
        REPORT=tmp_path / "report.html",
    )
    wells = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))["wells"]
    assert wells["used"] == WELLS and wells["block_width_km"] == 50
    pairs = [(one["field"], one["rival"], one["measure"]) for one in wells["improvements"]]
    assert pairs[0] == ("gwsa_1km", "the coarse field", "r") and len(pairs) == 10
    # One well is in a pixel that has the mean of its cell.
    assert wells["improvements"][0]["share"]["estimate"] == pytest.approx(29 / 30)
    assert wells["improvements"][0]["unchanged"] == 1
    report = Path(outputs["REPORT"]).read_text(encoding="utf-8")
    assert "gwsa_1km has a higher r than the coarse field at 97 % of the wells" in report


def test_wells_without_a_coarse_field(compare, world, tmp_path):
    compare(
        OTHER_LAYERS=[str(world / "coarse.tif")],
        COARSE=world / "coarse.tif",
        WELLS=world / "wells.csv",
        SPECIFIC_YIELD=0.1,
        MIN_YEARS=3,
        SCORES=tmp_path / "scores.json",
    )
    wells = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))["wells"]
    assert {one["rival"] for one in wells["improvements"]} == {"coarse", "coarse, interpolated"}
    assert "blocks are fewer than the 4" in wells["no_intervals_because"]


def test_yearly_files_against_a_chosen_grid_and_period(compare, world, tmp_path):
    outputs = compare(
        OTHER=world / "gwsa_1km",
        GRID=world / "coarse.tif",
        START="2005-01",
        BASELINE_START="2006-01",
        BASELINE_END="2007-12",
        RMSE=tmp_path / "rmse.tif",
        SCORES=tmp_path / "scores.json",
    )
    assert values_of(outputs["RMSE"]) == pytest.approx(np.zeros(COARSE.shape), abs=1e-5)
    scores = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))
    assert scores["period"] == ["2005-01", "2009-12"]
    assert scores["baseline"] == ["2006-01", "2007-12"]
    assert scores["independence"].startswith("Both products are the same file")
    assert scores["first"].endswith("/gwsa_1km (first)")
    assert scores["other"].endswith("/gwsa_1km (other)")


def test_the_same_inputs_give_the_same_bytes(compare, world, tmp_path):
    for name in ("one.tif", "two.tif"):
        compare(OTHER_NETCDF=world / "g3p.nc", RMSE=tmp_path / name)
    assert (tmp_path / "one.tif").read_bytes() == (tmp_path / "two.tif").read_bytes()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "Give the other product either as its folder"),
        ({"OTHER_NETCDF": "g3p.nc", "OTHER": "gwsa_1km"}, "Give the other product either"),
        ({"OTHER_NETCDF": "g3p.nc", "OTHER_VARIABLE": "ice"}, "ice"),
        ({"OTHER_NETCDF": "g3p.nc", "COARSE": "coarse.tif"}, "COARSE is used with wells only"),
        ({"OTHER_NETCDF": "g3p.nc", "BASELINE_START": "2004-01"}, "Give both BASELINE_START"),
        ({"OTHER_NETCDF": "g3p.nc", "START": "2009-06"}, "7 months in common"),
        ({"OTHER_NETCDF": "wells.csv"}, "wells.csv is no NetCDF file"),
        ({"OTHER_NETCDF": "g3p.nc", "OTHER_UNIT": "furlong"}, "no known unit"),
    ],
)
def test_mistakes_are_named_in_one_sentence(compare, world, tmp_path, parameters, message):
    files = {
        name: world / value if (world / value).exists() else value
        for name, value in parameters.items()
    }
    with pytest.raises(QgsProcessingException, match=message) as error:
        compare(BIAS=tmp_path / "bias.tif", **files)
    assert "Traceback" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_the_log_states_what_is_compared(compare, world, tmp_path):
    feedback = QgsProcessingFeedback()
    compare(feedback, OTHER_NETCDF=world / "g3p.nc", BIAS=tmp_path / "bias.tif")
    log = feedback.textLog()
    assert "72 common months: 2004-01..2009-12." in log
    assert "Compared on cells of 0.5° x 0.5°" in log
    assert "gwsa_1km and g3p have a median r of" in log and "no validation of either" in log
