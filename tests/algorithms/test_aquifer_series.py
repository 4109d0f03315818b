"""Tests of gwsa:aquiferseries through Processing."""

import csv
import json

import numpy as np
import pytest
from qgis.core import QgsProcessingException, QgsProcessingFeedback, QgsVectorLayer

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import decimal_years, month_range
from gwsa.gwsa_plugin.core.files.stack import FILLED, OBSERVED, MonthlyStack, write_stack
from gwsa.processing_provider.styles.series import ALIASES

GRID = Grid(70.0, 36.0, 0.5, 0.5, 16, 16)
MONTHS = month_range("2004-01", "2009-12")
SLOPES = {"north": -2.0, "south": 1.0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A stack whose northern half falls and whose southern half rises, sigma, and polygons."""
    folder = tmp_path_factory.mktemp("series")
    years = decimal_years(MONTHS) - decimal_years(MONTHS).mean()
    slopes = np.where(np.arange(16) < 8, SLOPES["north"], SLOPES["south"])
    values = years[:, None, None] * slopes[:, None] + np.zeros(GRID.shape)
    source = [FILLED if month == MONTHS[7] else OBSERVED for month in MONTHS]
    tags = {"GWSA_FOOTPRINT_KM": "250"}
    stack = MonthlyStack.on_calendar(GRID, MONTHS, values, "GWSA", source=source)
    write_stack(folder / "gwsa.tif", stack, tags)
    sigma = MonthlyStack.on_calendar(GRID, MONTHS, np.full_like(values, 1.5), "GWSA_SIGMA")
    write_stack(folder / "sigma.tif", sigma)
    boxes = {"north": (73, 33.5, 75, 35), "south": (73, 29, 75, 30.5)}
    features = [
        {
            "type": "Feature",
            "properties": {"label": name},
            "geometry": {"type": "Polygon", "coordinates": [ring(*box)]},
        }
        for name, box in boxes.items()
    ]
    collection = {"type": "FeatureCollection", "features": features}
    (folder / "boxes.geojson").write_text(json.dumps(collection), encoding="utf-8")
    return folder


def ring(west, south, east, north):
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


@pytest.fixture
def series(run, folder):
    def series(**parameters):
        given = {
            "LAYERS": [str(folder / "gwsa.tif")],
            "AQUIFERS": folder / "boxes.geojson",
            "ID_FIELD": "label",
            "OUTPUT": "memory:",
            **parameters,
        }
        return run("aquiferseries", **given)

    return series


class Log(QgsProcessingFeedback):
    def __init__(self):
        super().__init__()
        self.lines = []

    def pushInfo(self, info):
        self.lines.append(info)

    def pushWarning(self, warning):
        self.lines.append(warning)


def rows_of(layer):
    layer = layer if isinstance(layer, QgsVectorLayer) else QgsVectorLayer(layer, "", "ogr")
    return {feature["polygon"]: feature for feature in layer.getFeatures()}


def test_layer_has_trend_change_and_chart_of_each_polygon(series, folder):
    rows = rows_of(series(SIGMA=folder / "sigma.tif")["OUTPUT"])
    for name, slope in SLOPES.items():
        row = rows[name]
        assert row["trend_cm"] == pytest.approx(slope, abs=1e-4)
        assert row["trend_cm_lower"] < slope < row["trend_cm_upper"]
        assert row["change_km3"] == pytest.approx(slope * 6 * row["covered_km2"] * 1e-5, rel=1e-4)
        assert row["share"] == pytest.approx(1.0, abs=1e-3)
        assert (row["first"], row["last"], row["filled"]) == ("2004-01", "2009-12", 1)
        assert row["chart"].startswith("data:image/png;base64,")


def test_without_a_sigma_limits_are_empty_and_the_log_states_it(series):
    log = Log()
    rows = rows_of(series(feedback=log)["OUTPUT"])
    assert not rows["north"]["trend_cm_lower"]
    assert any("no sigma" in line for line in log.lines)
    assert any(line.startswith("north, 2004-01 to 2009-12: -") for line in log.lines)


def test_log_states_how_much_was_lost_and_how_sure_that_is(series, folder):
    log = Log()
    series(SIGMA=folder / "sigma.tif", feedback=log)
    north = next(line for line in log.lines if line.startswith("north"))
    assert north.startswith("north lost, 2004-01 to 2009-12: -")
    assert "km³ in all (90 % interval -" in north


def test_table_has_a_line_for_each_polygon_and_month(series, folder, tmp_path):
    series(TABLE=tmp_path / "series.csv", SIGMA=folder / "sigma.tif")
    with open(tmp_path / "series.csv", encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 2 * MONTHS.size
    first = lines[0]
    assert (first["polygon"], first["month"], first["source"]) == ("north", "2004-01", "observed")
    expected = float(first["mean_cm"]) * float(first["covered_km2"]) * 1e-5
    assert float(first["volume_km3"]) == pytest.approx(expected, rel=1e-4)
    assert lines[7]["source"] == "filled"
    assert (tmp_path / "series.run.json").exists()


def test_report_states_the_answer_first(series, folder, tmp_path):
    series(REPORT=tmp_path / "report.html", SIGMA=folder / "sigma.tif")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "north lost, 2004-01 to 2009-12" in text
    assert text.count("data:image/png") == 2


def test_period_is_that_of_the_series(series):
    rows = rows_of(series(START="2005-01", END="2008-06")["OUTPUT"])
    assert (rows["south"]["first"], rows["south"]["last"]) == ("2005-01", "2008-06")


def test_polygons_elsewhere_are_refused_in_one_sentence(series, folder, tmp_path):
    text = (folder / "boxes.geojson").read_text(encoding="utf-8").replace("73", "13")
    (tmp_path / "away.geojson").write_text(text.replace("75", "15"), encoding="utf-8")
    with pytest.raises(QgsProcessingException, match="No polygon lies on values of the maps"):
        series(AQUIFERS=tmp_path / "away.geojson")


def test_polygons_beyond_the_maps_are_counted_and_keep_their_row(series, folder, tmp_path):
    collection = json.loads((folder / "boxes.geojson").read_text(encoding="utf-8"))
    away = json.loads(json.dumps(collection["features"][0]))
    away["properties"]["label"] = "away"
    away["geometry"]["coordinates"] = [ring(10, 10, 12, 12)]
    half = json.loads(json.dumps(away))
    half["properties"]["label"] = "half"
    half["geometry"]["coordinates"] = [ring(77, 29, 79, 31)]
    collection["features"] += [away, half]
    (tmp_path / "more.geojson").write_text(json.dumps(collection), encoding="utf-8")
    log = Log()
    rows = rows_of(series(AQUIFERS=tmp_path / "more.geojson", feedback=log)["OUTPUT"])
    assert rows["away"]["share"] == 0 and not rows["away"]["trend_cm"]
    assert "1 polygons have no values in the maps." in log.lines
    assert any(line.startswith("half (50 % of it has values), 2004-01") for line in log.lines)


def test_style_uses_fields_that_exist(series, folder):
    layer = series(SIGMA=folder / "sigma.tif", OUTPUT="memory:")["OUTPUT"]
    assert {field.name() for field in layer.fields()} == set(ALIASES)
