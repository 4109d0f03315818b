"""The shipped models: parameters, outputs and settings of their stages.

They are run through qgis_process in tests/smoke.
"""

import importlib.util

import pytest
from qgis.core import (
    QgsProcessingContext,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildParameterSource,
)

from gwsa.gwsa_plugin.core.stages import FETCHED, NAMES
from gwsa.processing_provider.full_chain import MAIN_OUTPUTS, FetchAndMap, FullChain
from gwsa.setup.make_model import BRANCH, FETCH_AND_MAP, FULL_CHAIN, make_model

STAGES = {"fetch", *NAMES}
SHAPES = {FullChain: FULL_CHAIN, FetchAndMap: FETCH_AND_MAP}
STATIC = QgsProcessingModelChildParameterSource.fromStaticValue(0).source()


@pytest.fixture
def model(provider):
    return provider.algorithm("fullchain")


def stages(model):
    """Return the children of the model that are stages, by name."""
    return {name: child for name, child in model.childAlgorithms().items() if name in STAGES}


def sources(model):
    """Yield the stage, the parameter and its only source."""
    for stage, child in stages(model).items():
        for parameter, (source,) in child.parameterSources().items():
            yield stage, parameter, source


def test_model_contains_every_stage(model):
    assert set(model.childAlgorithms()) == {*NAMES, BRANCH}
    assert {child.algorithmId() for child in stages(model).values()} == {
        f"gwsa:{name}" for name in NAMES
    }
    assert model.validate() == (True, [])


def test_only_what_the_readme_requires_is_required(model):
    required = {
        one.name()
        for one in model.parameterDefinitions()
        if not one.isDestination()
        and not one.flags() & one.Flag.FlagOptional
        and one.defaultValue() is None
    }
    assert required == {"TWSA", "GLDAS", "CATALOGUE"}


def test_the_model_that_fetches_has_the_chain_behind_its_first_stage(provider):
    model = provider.algorithm("fetchandmap")
    assert set(stages(model)) == STAGES
    assert model.validate() == (True, [])
    required = {
        one.name()
        for one in model.parameterDefinitions()
        if not one.isDestination()
        and not one.flags() & one.Flag.FlagOptional
        and one.defaultValue() is None
    }
    assert required == {"EXTENT", "START", "END"}
    taken = {one.outputName() for _, _, one in sources(model) if one.outputChildId() == "fetch"}
    assert taken == set(FETCHED)


def test_the_last_stage_runs_only_with_wells(model):
    (dependency,) = model.childAlgorithm("validatewells").dependencies()
    assert (dependency.childId, dependency.conditionalBranch) == (BRANCH, "wells")


def test_six_outputs_are_in_front_in_the_order_of_the_stages(model):
    outputs = [one for one in model.parameterDefinitions() if one.isDestination()]
    front = [one.name() for one in outputs if not one.flags() & one.Flag.FlagAdvanced]
    assert tuple(front) == MAIN_OUTPUTS
    order = [NAMES.index(one.name().partition(":")[0]) for one in outputs]
    assert order == sorted(order)


def test_the_chain_has_a_title_tags_and_an_icon(model):
    assert model.displayName() == "The whole chain (GRACE to 1 km GWSA)"
    assert {"GRACE", "groundwater", "downscaling"} <= set(model.tags())
    assert model.shortDescription()
    assert not model.icon().isNull()
    assert type(model.create()) is type(model)


def test_a_missing_library_is_stated_before_the_first_stage(model, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    valid, message = model.checkParameterValues({}, QgsProcessingContext())
    assert not valid
    assert message.startswith("The Python libraries scipy and xgboost are not installed.")


def test_inputs_of_the_model_are_outputs_of_the_sample_world(model, provider):
    offered = {output.name() for output in provider.algorithm("sampledata").outputDefinitions()}
    asked = {
        parameter.name()
        for parameter in model.parameterDefinitions()
        if not parameter.isDestination()
    }
    assert asked - offered == {
        "TWSA_VARIABLE", "TWSA_UNIT",
        "EXTENT", "SIGMA_TWSA", "MODE", "FOOTPRINT", "START", "END", "ID_FIELD", "PARENT_FIELD",
        "VALUE", "UNIT", "SPECIFIC_YIELD", "METHOD", "ICE", "ICE_THRESHOLD", "LEAST_AREA", "TREES",
        "MIN_YEARS", "MIN_MONTHS", "ENCODING", "REPLACE", "OUTSIDE",
    }  # fmt: skip
    assert {name for name in offered if not name.startswith("RMSE")} - {"OUTPUT"} <= asked


def test_model_has_outputs_of_every_stage(model):
    names = {output.name() for output in model.outputDefinitions()}
    assert names == {
        "importtwsa:TWSA", "importtwsa:MONTHS", "fillgaps:FILLED", "fillgaps:FLAGS",
        "fillgaps:REPORT", "gwsabalance:GWSA", "gwsabalance:SIGMA", "buildpredictors:PREDICTORS",
        "downscale:MAPS", "downscale:APPLICABILITY", "downscale:CORRECTED", "downscale:MODELS",
        "downscale:HELD_OUT", "downscale:REGIONS", "downscale:SCORES", "downscale:REPORT",
        "validatewells:WELLS", "validatewells:SCORES", "validatewells:REPORT",
    }  # fmt: skip


def test_fixed_parameters_have_the_default_of_the_stage(model, provider):
    for stage, parameter, source in sources(model):
        if source.source() == STATIC:
            definition = provider.algorithm(stage).parameterDefinition(parameter)
            assert source.staticValue() == definition.defaultValue(), f"{stage} {parameter}"


def test_model_parameters_have_the_default_of_the_stage(model, provider):
    for stage, parameter, source in sources(model):
        asked = model.parameterDefinition(source.parameterName())
        if asked:
            own = provider.algorithm(stage).parameterDefinition(parameter)
            assert (asked.defaultValue() or None) == (own.defaultValue() or None), (
                f"{stage} {parameter}"
            )


def facts(model):
    """What a model consists of, apart from how a version of QGIS writes it to a file."""
    parameters = [
        (one.name(), one.type(), one.description(), one.help(), one.defaultValue(),
         bool(one.flags() & one.Flag.FlagOptional), bool(one.flags() & one.Flag.FlagAdvanced))
        for one in model.parameterDefinitions()
        if not one.isDestination()  # later versions of QGIS name them otherwise
    ]  # fmt: skip
    given = [
        (stage, parameter, one.source(), one.parameterName(), one.outputChildId(),
         one.outputName(), one.staticValue())
        for stage, parameter, one in sources(model)
    ]  # fmt: skip
    outputs = [
        (stage, name, output.childOutputName(), output.description())
        for stage, child in stages(model).items()
        for name, output in child.modelOutputs().items()
    ]
    return sorted(map(repr, parameters)), sorted(map(repr, given)), sorted(map(repr, outputs))


@pytest.mark.parametrize("shipped_model", SHAPES)
def test_shipped_file_is_made_from_the_stages(provider, tmp_path, shipped_model):
    path = tmp_path / shipped_model.PATH.name
    assert make_model(SHAPES[shipped_model], provider).toFile(str(path))
    made, shipped = QgsProcessingModelAlgorithm(), QgsProcessingModelAlgorithm()
    assert made.fromFile(str(path)) and shipped.fromFile(str(shipped_model.PATH))
    assert facts(made) == facts(shipped), "run make model"


@pytest.mark.parametrize("shipped_model", SHAPES)
def test_boxes_of_the_model_do_not_overlap(shipped_model):
    model = QgsProcessingModelAlgorithm()
    assert model.fromFile(str(shipped_model.PATH))
    children = model.childAlgorithms().values()
    outputs = [output for child in children for output in child.modelOutputs().values()]
    boxes = [*model.parameterComponents().values(), *children, *outputs]
    positions = [(box.position().x(), box.position().y()) for box in boxes]
    for i, (x, y) in enumerate(positions):
        assert all(
            abs(x - other_x) >= 230 or abs(y - other_y) >= 40 for other_x, other_y in positions[:i]
        )
