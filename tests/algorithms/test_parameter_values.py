"""Numbers, choices and switches as texts, in every algorithm and in the model."""

import math
import os

import pytest
from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterNumber,
    QgsProperty,
)

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.processing_provider.parameter_values import read_values

NUMBER = QgsProcessingParameterNumber.typeName()
ENUM = QgsProcessingParameterEnum.typeName()
SWITCH = QgsProcessingParameterBoolean.typeName()
WRONG = {
    NUMBER: ["2,5", "two", "2.5 cm", "nan", "inf", "1e400", "1.234,5", math.nan, math.inf, [1]],
    ENUM: ["two", "99", -1, 1.5, "1.5", "", True],
    SWITCH: ["maybe", "nein", "no", "2", ""],
}


def definitions(provider):
    return [
        (algorithm, definition)
        for algorithm in provider.algorithms()
        for definition in algorithm.parameterDefinitions()
        if definition.type() in WRONG
    ]


def test_no_parameter_reads_a_wrong_text_as_a_value(provider):
    context = QgsProcessingContext()
    found = definitions(provider)
    assert {"SIGMA_TWSA", "SIGMA_SMS", "SPECIFIC_YIELD", "FOOTPRINT", "WINDOW"} <= {
        definition.name() for _, definition in found
    }
    for algorithm, definition in found:
        for value in WRONG[definition.type()]:
            given = {definition.name(): value}
            with pytest.raises(InputError, match=rf"^{definition.name()} \(.*\) is “.*\.$"):
                read_values(algorithm, given, context)
            valid, text = algorithm.checkParameterValues(given, context)
            assert not valid and text.startswith(definition.name())


def test_values_outside_the_range_and_fractions_are_refused(provider):
    fill = provider.algorithm("fillgaps")
    context = QgsProcessingContext()
    for text, match in {"1": "at least 2 and at most 240", "2.5": "not a whole number"}.items():
        with pytest.raises(InputError, match=match):
            read_values(fill, {"WINDOW": text}, context)


def test_right_values_are_read_in_all_their_forms(provider):
    context = QgsProcessingContext()
    fill = provider.algorithm("fillgaps")
    given = {"WINDOW": "1e1", "TOLERANCE": QgsProperty.fromExpression("1/100"), "METHOD": "2"}
    assert read_values(fill, {**given, "INPUT": "x.tif"}, context) == {
        "WINDOW": 10,
        "TOLERANCE": 0.01,
        "METHOD": 2,
        "INPUT": "x.tif",
    }
    importing = provider.algorithm("importtwsa")
    given = {"SIGMA_TWSA": "", "GAIN_FACTORS": "True", "CELL_SIZE": None}
    expected = {"SIGMA_TWSA": None, "GAIN_FACTORS": True, "CELL_SIZE": None}
    assert read_values(importing, given, context) == expected


@pytest.mark.parametrize("value", ["1,5", "two", "nan"])
def test_a_sigma_as_text_stops_a_run_before_any_file(run, tmp_path, value):
    """Also inside a model, which does not check the parameters of its stages."""
    output = tmp_path / "out" / "gwsa.tif"
    with pytest.raises(QgsProcessingException, match="SIGMA_SMS .* is not a number"):
        run("gwsabalance", TWSA="x.tif", SMS="x.tif", SIGMA_SMS=value, OUTPUT=output)
    assert not output.parent.exists()


def test_a_stage_of_a_model_checks_its_values_itself(provider):
    from qgis.core import QgsProcessingFeedback

    balance = provider.algorithm("gwsabalance").create()
    with pytest.raises(QgsProcessingException, match="SIGMA_SMS .* is not a number"):
        balance.processAlgorithm(
            {"SIGMA_SMS": "1,5"}, QgsProcessingContext(), QgsProcessingFeedback()
        )


def test_a_raster_that_crashes_gdal_is_refused_before_qgis_opens_it(provider, tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "damaged.nc"
    with h5py.File(path, "w") as file:
        file["water"] = [[1.0]]
    content = bytearray(path.read_bytes())
    content[48:] = b"\xff" * (len(content) - 48)
    path.write_bytes(content)
    context = QgsProcessingContext()
    fill = provider.algorithm("fillgaps")
    valid, text = fill.checkParameterValues({"INPUT": str(path), "OUTPUT": "o.tif"}, context)
    assert not valid
    assert "damaged.nc cannot be opened as a raster" in text


def test_a_pipe_is_refused_before_qgis_waits_for_it(provider, tmp_path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes")
    os.mkfifo(tmp_path / "pipe")
    for stage, name in {"fillgaps": "INPUT", "importtwsa": "INPUT", "recharge": "AQUIFERS"}.items():
        algorithm = provider.algorithm(stage)
        given = {name: str(tmp_path / "pipe")}
        valid, text = algorithm.checkParameterValues(given, QgsProcessingContext())
        assert not valid
        assert text.startswith(name) and "pipe or a device" in text


def test_a_file_that_is_no_raster_is_not_reported_as_absent(provider, tmp_path):
    path = tmp_path / "page.tif"
    path.write_text("<html>404</html>")
    fill = provider.algorithm("fillgaps")
    given = {"INPUT": str(path), "OUTPUT": "o.tif"}
    valid, text = fill.checkParameterValues(given, QgsProcessingContext())
    assert not valid
    assert "page.tif cannot be opened as a raster" in text


def test_a_damaged_layer_is_not_reported_as_absent(provider, tmp_path):
    damaged = tmp_path / "aquifers.geojson"
    damaged.write_text('{"type": "FeatureColl')
    algorithm = provider.algorithm("aquiferseries")
    given = {"GWSA": str(tmp_path), "AQUIFERS": str(damaged), "OUTPUT": "memory:"}
    valid, text = algorithm.checkParameterValues(given, QgsProcessingContext())
    assert not valid
    assert text.startswith("aquifers.geojson (AQUIFERS) cannot be opened as a layer or table; it")
