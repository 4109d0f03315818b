"""Styles of rasters and vector layers, as QGIS reads them."""

import os

import numpy as np
import pytest
from qgis.core import (
    QgsDateTimeRange,
    QgsExpression,
    QgsExpressionContext,
    QgsExpressionContextUtils,
    QgsFeature,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QDate, QDateTime, QTime
from qgis.PyQt.QtGui import QColor

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.files.stack import FILLED, OBSERVED, MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.rasters.geotiff import Header, new_geotiff
from gwsa.processing_provider.styles import recharge, series
from gwsa.processing_provider.styles.loading import write_vector_style
from gwsa.processing_provider.styles.months import HAS_RANGES_PER_BAND, bands_by_month
from gwsa.processing_provider.styles.rasters import rounded_up, style_raster, write_styles
from gwsa.processing_provider.styles.vectors import (
    GAIN_RULES,
    TREND_RULES,
    WELL_ALIASES,
    style_aquifers,
    style_regions,
    style_sample_wells,
    style_wells,
)

GRID = Grid(70.0, 32.0, 0.25, 0.25, 4, 4)
MONTHS = np.arange("2015-01", "2016-01", dtype="datetime64[M]")


def write_months(path, variable="GWSA", scale=10.0, months=MONTHS, missing=(), source=None):
    """Write a stack whose values run evenly from -scale to scale in every month."""
    ramp = np.linspace(-scale, scale, GRID.shape[0] * GRID.shape[1]).reshape(GRID.shape)
    values = np.repeat(ramp[None], months.size, axis=0).astype("float32")
    values[list(missing)] = np.nan
    stack = MonthlyStack.on_calendar(GRID, months, values, variable, source=source)
    write_stack(path, stack)
    return path


def styled(path):
    """The layer as QGIS opens it by hand, with the name that it gets after a run."""
    write_styles([path])
    layer = QgsRasterLayer(str(path), path.stem)
    style_raster(layer)
    return layer


def bounds(layer):
    """Values of the first and the last colour."""
    renderer = layer.renderer()
    return renderer.classificationMin(), renderer.classificationMax()


def colours(layer):
    """Value -> colour of the items of a ramp."""
    items = layer.renderer().shader().rasterShaderFunction().colorRampItemList()
    return {item.value: item.color for item in items}


@pytest.mark.parametrize(
    ("value", "rounded"),
    [(0.0131, 0.015), (0.9, 1.0), (1.0, 1.0), (1.01, 1.5), (7.3, 8.0), (99.0, 100.0)],
)
def test_bounds_are_round_numbers_above_the_values(value, rounded):
    assert rounded_up(value) == pytest.approx(rounded)


def test_anomalies_are_centred_on_zero_with_a_range_from_the_data(tmp_path):
    layer = styled(write_months(tmp_path / "gwsa.tif", scale=13.0))
    renderer = layer.renderer()
    assert renderer.type() == "singlebandpseudocolor"
    assert bounds(layer) == (-15, 15)
    found = colours(layer)
    assert found[0].saturation() < 10
    assert found[-15].red() > found[-15].blue()
    assert found[15].blue() > found[15].red()
    function = renderer.shader().rasterShaderFunction()
    assert function.legendSettings().suffix() == " cm"


def test_canopy_water_is_not_a_white_layer(tmp_path):
    layer = styled(write_months(tmp_path / "cws.tif", "CWS", scale=0.012))
    assert bounds(layer)[1] == pytest.approx(0.012, rel=0.3)


def test_zeros_do_not_collapse_the_range(tmp_path):
    path = tmp_path / "swes.tif"
    values = np.zeros((2, *GRID.shape), dtype="float32")
    values[:, 0, 0] = [4.0, -4.0]
    write_stack(path, MonthlyStack.on_calendar(GRID, MONTHS[:2], values, "SWES"))
    assert bounds(styled(path)) == (-4, 4)


def test_values_in_a_small_part_of_a_file_are_found(tmp_path):
    grid = Grid(-180.0, 90.0, 0.25, 0.25, 720, 1440)
    values = np.full((1, *grid.shape), np.nan, dtype="float32")
    values[0, 100:102, 300:303] = [[-3, -2, -1], [1, 2, 3]]
    path = tmp_path / "twsa.tif"
    write_stack(path, MonthlyStack.on_calendar(grid, MONTHS[:1], values, "TWSA"))
    assert bounds(styled(path)) == (-3, 3)


def test_the_newest_month_with_data_is_shown(tmp_path):
    layer = styled(write_months(tmp_path / "gwsa.tif", missing=(10, 11)))
    assert layer.bandName(layer.renderer().band()).endswith("2015-10")


def test_files_of_one_call_have_one_range(tmp_path):
    paths = [
        write_months(tmp_path / "GWSA_2015.tif", scale=4.0),
        write_months(tmp_path / "GWSA_2016.tif", scale=8.0, months=MONTHS + 12),
    ]
    write_styles(paths)
    ((low, high),) = {bounds(QgsRasterLayer(str(path))) for path in paths}
    assert -low == high >= 7


def test_sigma_begins_at_zero(tmp_path):
    assert bounds(styled(write_months(tmp_path / "s.tif", "TWSA_SIGMA")))[0] == 0


def test_flags_have_labels_for_observed_and_filled(tmp_path):
    header = Header(GRID, ("2015-01",), "", {"GWSA_VARIABLE": "FLAGS"}, dtype="uint8", nodata=255)
    with new_geotiff(tmp_path / "flags.tif", header) as target:
        target.write(1, np.zeros(GRID.shape, dtype="uint8"))
    layer = styled(tmp_path / "flags.tif")
    classes = layer.renderer().classes()
    assert {int(item.value): item.label for item in classes} == {0: "observed", 1: "filled"}


def write_applicability(path):
    names = ("dissimilarity index", "share applicable")
    header = Header(GRID, names, "1", {"GWSA_VARIABLE": "area of applicability"})
    with new_geotiff(path, header) as target:
        for band in (1, 2):
            target.write(band, np.ones(GRID.shape, dtype="float32"))
    return path


def test_applicability_shows_its_second_band_in_safe_colours(tmp_path):
    layer = styled(write_applicability(tmp_path / "a.tif"))
    assert layer.renderer().band() == 2
    assert layer.name() == "Area of applicability"
    found = colours(layer)
    assert seen_without_red_cones(found[0], found[1]) > 80


def seen_without_red_cones(one: QColor, other: QColor) -> float:
    """Distance of two colours (0 to 441) for protanopia.

    Viénot, Brettel and Mollon (1999), Color Research & Application 24, 243-252, for linear RGB.
    """
    matrix = np.array([[0.1124, 0.8876, 0], [0.1124, 0.8876, 0], [0.0040, -0.0040, 1]])
    linear = [(np.array([c.red(), c.green(), c.blue()]) / 255) ** 2.2 for c in (one, other)]
    first, second = (255 * np.clip(matrix @ rgb, 0, 1) ** (1 / 2.2) for rgb in linear)
    return float(np.linalg.norm(first - second))


@pytest.mark.parametrize(
    ("variable", "count", "source", "name"),
    [
        ("GWSA", 12, None, "GWSA 2015"),
        ("GWSA", 5, None, "GWSA 2015-01 to 2015-05"),
        ("SMS", 1, None, "SMS 2015-01"),
        ("GWSA_SIGMA", 12, None, "Sigma of GWSA 2015"),
        ("TWSA", 2, (OBSERVED, FILLED), "Gap-filled TWSA 2015-01 to 2015-02"),
        ("TWSA_SIGMA", 2, (OBSERVED, FILLED), "Sigma of gap-filled TWSA 2015-01 to 2015-02"),
    ],
)
def test_layers_are_named_after_variable_and_period(tmp_path, variable, count, source, name):
    path = write_months(tmp_path / "x.tif", variable, months=MONTHS[:count], source=source)
    assert styled(path).name() == name


def test_months_are_time(tmp_path):
    layer = styled(write_months(tmp_path / "GWSA_2015.tif"))
    properties = layer.temporalProperties()
    assert properties.isActive()
    if HAS_RANGES_PER_BAND:
        ranges = properties.fixedRangePerBand()
        begins = {band: span.begin().toString("yyyy-MM") for band, span in ranges.items()}
        assert begins == {band: str(month) for band, month in enumerate(MONTHS, start=1)}
        assert all(span.includeBeginning() and not span.includeEnd() for span in ranges.values())
    else:
        period = properties.fixedTemporalRange()
        assert period.begin().toString("yyyy-MM-dd") == "2015-01-01"
        assert period.end().toString("yyyy-MM-dd") == "2016-01-01"
    assert bands_by_month(layer)["2015-03"] == 3


@pytest.mark.parametrize(
    ("month", "visible"),
    [("2014-12", False), ("2015-01", True), ("2015-12", True), ("2016-01", False)],
)
def test_yearly_layers_hide_outside_their_year(tmp_path, month, visible):
    layer = styled(write_months(tmp_path / "GWSA_2015.tif"))
    assert layer.temporalProperties().isVisibleInTemporalRange(frame(month)) == visible


def frame(month):
    """The frame of the temporal controller for a month."""
    begin = QDateTime(QDate.fromString(month, "yyyy-MM"), QTime(0, 0))
    return QgsDateTimeRange(begin, begin.addMonths(1), True, False)


def matching(rules, **values):
    """Labels of the rules that a feature with some attributes meets; QGIS draws all of them."""
    fields = "&".join(f"field={name}:double" for name in values)
    layer = QgsVectorLayer(f"Point?{fields}", "x", "memory")
    feature = QgsFeature(layer.fields())
    feature.setAttributes(list(values.values()))
    context = QgsExpressionContext()
    context.setFeature(feature)
    classes = [label for label, condition, _ in rules if condition != "ELSE"
               and QgsExpression(condition).evaluate(context)]  # fmt: skip
    return classes or [rules[-1][0]]


@pytest.mark.parametrize(
    ("trend", "label"),
    [
        (-12.0, "falls faster than 4 cm/yr"),
        (-1.0, "-2 to -0.5 cm/yr"),
        (0.0, "-0.5 to 0.5 cm/yr"),
        (4.0, "rises faster than 4 cm/yr"),
        (None, "left out"),
    ],
)
def test_wells_are_coloured_by_their_trend(trend, label):
    assert matching(TREND_RULES, trend_well=trend) == [label]


@pytest.mark.parametrize(
    ("gain", "label"),
    [
        (-0.2, "worse by more than 10 %"),
        (-0.02, "no difference (up to 2 %)"),
        (0.05, "better by 2 to 10 %"),
        (0.2, "better by more than 10 %"),
        (None, "not tested"),
    ],
)
def test_regions_are_coloured_by_their_held_out_gain(gain, label):
    assert matching(GAIN_RULES, gain_over_mean_preserving=gain) == [label]


@pytest.mark.parametrize(
    ("trend", "interval", "label"),
    [
        (-2.5, (-3, -2), "falls faster than 2 cm/yr"),
        (-1.5, (-2, -1), "-2 to -1 cm/yr"),
        (-1.5, (-4, 1), "not different from 0"),
        (0.5, (0.1, 0.9), "0 to 1 cm/yr"),
        (2.0, (None, None), "rises faster than 2 cm/yr"),
        (None, (None, None), "no trend"),
    ],
)
def test_polygons_are_coloured_by_a_trend_that_is_different_from_0(trend, interval, label):
    lower, upper = interval
    found = matching(series.RULES, trend_cm=trend, trend_cm_lower=lower, trend_cm_upper=upper)
    assert found == [label]


@pytest.mark.parametrize(
    ("amount", "label"),
    [
        (1.9, "below 2 cm/yr"),
        (2.0, "2 to 5 cm/yr"),
        (20.0, "20 cm/yr and more"),
        (None, "no estimate"),
    ],
)
def test_polygons_are_coloured_by_their_recharge(amount, label):
    assert matching(recharge.RULES, recharge_cm=amount) == [label]


def well_layer():
    """A layer with the fields of wells with scores."""
    texts = ("well", "status", "aquifer", "first", "last")
    types = {name: "string" if name in texts else "double" for name in WELL_ALIASES}
    fields = "&".join(f"field={name}:{kind}" for name, kind in types.items())
    layer = QgsVectorLayer(f"Point?crs=EPSG:4326&{fields}", "wells", "memory")
    style_wells(layer)
    return layer


def test_wells_have_names_and_units_of_their_fields():
    layer = well_layer()
    names = [layer.attributeDisplayName(index) for index in range(layer.fields().count())]
    assert "Trend of the well (cm/yr)" in names
    assert "RMSE of the 1 km map (cm)" in names
    assert not set(names) & set(WELL_ALIASES)


def test_map_tips_of_wells_have_bars_of_the_trends():
    layer = well_layer()
    well = QgsFeature(layer.fields())
    well["well"] = "W1"
    well["trend_well"] = -5.0
    well["trend_1km"] = 2.5
    context = QgsExpressionContext(QgsExpressionContextUtils.globalProjectLayerScopes(layer))
    context.setFeature(well)
    tip = QgsExpression.replaceExpressionText(layer.mapTipTemplate(), context)
    assert "[%" not in tip
    assert 'width="60" bgcolor="#bf812d"' in tip
    assert 'width="30" bgcolor="#35978f"' in tip
    assert "none" in tip


@pytest.mark.parametrize("style", [style_regions, style_aquifers, style_sample_wells, style_wells])
def test_styles_of_vector_layers_survive_a_file(style, tmp_path):
    kind = "Polygon" if style in (style_regions, style_aquifers) else "Point"
    uri = f"{kind}?crs=EPSG:4326&field=name:string&field=well:string"
    layer = QgsVectorLayer(uri, "x", "memory")
    style(layer)
    layer.saveNamedStyle(str(tmp_path / "x.qml"))
    other = QgsVectorLayer(uri, "y", "memory")
    assert other.loadNamedStyle(str(tmp_path / "x.qml"))[1]
    assert other.renderer().type() == layer.renderer().type()
    assert other.mapTipTemplate() == layer.mapTipTemplate() != ""


def test_a_style_of_vectors_takes_its_name_when_it_is_complete(qgis_app, tmp_path):
    """What was opened before keeps the earlier style, as it would not if that were written over."""
    layer = tmp_path / "places.geojson"
    layer.write_text('{"type": "FeatureCollection", "features": []}', encoding="utf-8")
    style, opened = tmp_path / "places.qml", tmp_path / "opened"
    style.write_text("earlier", encoding="utf-8")
    os.link(style, opened)
    write_vector_style(str(layer), lambda layer: layer.setName("styled"))
    assert opened.read_text(encoding="utf-8") == "earlier"
    assert QgsVectorLayer(str(layer), "places").loadNamedStyle(str(style))[1]
