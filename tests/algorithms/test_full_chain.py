"""gwsa:fullchain, the shipped model: what it asks for, what it gives, and that its stages are set as they come.

It is run through qgis_process in tests/smoke.
"""

from pathlib import Path

import pytest
from qgis.core import QgsProcessingModelAlgorithm, QgsProcessingModelChildParameterSource

import gwsa

STAGES = {
    "importtwsa", "fillgaps", "gldasanomaly", "gwsabalance", "buildpredictors", "downscale", "validatewells",
}  # fmt: skip
PATH = Path(gwsa.__file__).parent / "processing_provider/models/fullchain.model3"
STATIC = QgsProcessingModelChildParameterSource.fromStaticValue(0).source()


@pytest.fixture
def model(provider):
    return provider.algorithm("fullchain")


def sources(model):
    """(stage, parameter, the one thing it is set to)."""
    for stage, child in model.childAlgorithms().items():
        for parameter, (source,) in child.parameterSources().items():
            yield stage, parameter, source


def test_it_joins_up_every_stage(model):
    assert set(model.childAlgorithms()) == STAGES
    assert {child.algorithmId() for child in model.childAlgorithms().values()} == {
        f"gwsa:{name}" for name in STAGES
    }
    assert model.validate() == (True, [])


def test_it_asks_for_what_the_sample_world_offers(model, provider):
    offered = {output.name() for output in provider.algorithm("sampledata").outputDefinitions()}
    asked = {
        parameter.name()
        for parameter in model.parameterDefinitions()
        if not parameter.isDestination()
    }
    assert asked - offered == {
        "EXTENT", "SIGMA_TWSA", "START", "END", "ID_FIELD", "SPECIFIC_YIELD", "LEAST_AREA", "TREES", "MIN_YEARS",
        "MIN_MONTHS",
    }  # fmt: skip
    assert {name for name in offered if not name.startswith("RMSE")} - {"OUTPUT"} <= asked


def test_outputs_of_every_stage_can_be_kept(model):
    names = {output.name() for output in model.outputDefinitions()}
    assert names == {
        "importtwsa:TWSA", "importtwsa:MONTHS", "fillgaps:FILLED", "fillgaps:FLAGS", "fillgaps:REPORT",
        "gwsabalance:GWSA", "gwsabalance:SIGMA", "buildpredictors:PREDICTORS", "downscale:MAPS", "downscale:MODELS",
        "downscale:HELD_OUT", "downscale:REGIONS", "downscale:SCORES", "downscale:REPORT", "validatewells:WELLS",
        "validatewells:SCORES", "validatewells:REPORT",
    }  # fmt: skip


def test_what_it_does_not_ask_for_is_at_the_stage_s_own_default(model, provider):
    for stage, parameter, source in sources(model):
        if source.source() == STATIC:
            definition = provider.algorithm(stage).parameterDefinition(parameter)
            assert source.staticValue() == definition.defaultValue(), f"{stage} {parameter}"


def test_a_number_it_asks_for_has_the_default_of_the_stage(model, provider):
    for stage, parameter, source in sources(model):
        asked = model.parameterDefinition(source.parameterName())
        if asked:
            own = provider.algorithm(stage).parameterDefinition(parameter)
            assert (asked.defaultValue() or None) == (own.defaultValue() or None), (
                f"{stage} {parameter}"
            )


def test_its_boxes_do_not_lie_on_each_other():
    model = QgsProcessingModelAlgorithm()
    assert model.fromFile(str(PATH))
    children = model.childAlgorithms().values()
    outputs = [output for child in children for output in child.modelOutputs().values()]
    boxes = [*model.parameterComponents().values(), *children, *outputs]
    places = [(box.position().x(), box.position().y()) for box in boxes]
    for i, (x, y) in enumerate(places):
        assert all(
            abs(x - other_x) >= 230 or abs(y - other_y) >= 40 for other_x, other_y in places[:i]
        )
