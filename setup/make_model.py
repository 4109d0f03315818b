"""Make the shipped model ``gwsa:fullchain`` from the stages of ``gwsa_plugin/core/stages.py``.

Usage: ``make model``, on Debian 12 (QGIS 3.22): later versions give the outputs of a model other
names, and the names of the shipped model must not change. A test compares the shipped file with
what this script makes.
"""

from __future__ import annotations

import sys

from qgis.analysis import QgsNativeAlgorithms
from qgis.core import (
    Qgis,
    QgsApplication,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildDependency,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingParameterDefinition,
)
from qgis.PyQt.QtCore import QPointF, QSizeF

from gwsa.gwsa_plugin.core.stages import STAGES, Stage
from gwsa.processing_provider.full_chain import PATH
from gwsa.processing_provider.provider import GwsaProvider

NAME = "fullchain"
DESCRIPTION = (
    "Makes monthly 1 km maps of groundwater storage anomalies from a mascon file, GLDAS months and "
    "predictor rasters, and tests them against wells: all stages of GWSA in one model. Open it in "
    "the Graphical Modeler to change it. Give the sigma of the coarse GWSA a file to get sigma "
    "maps at 1 km as well."
)
# Inputs in the order of the dialog, with the label where the stage's own would be ambiguous.
INPUTS = {
    "TWSA": None,
    "TWSA_VARIABLE": "Variable of the mascon file",
    "TWSA_UNIT": "Unit of that variable",
    "LAND_MASK": "Land mask of the mascons",
    "EXTENT": None,
    "START": "First month to map (YYYY-MM)",
    "END": "Last month to map (YYYY-MM)",
    "SIGMA_TWSA": None,
    "GLDAS": None,
    "CATALOGUE": "Predictor catalogue",
    "LAND": "Land mask at 1 km",
    "AQUIFERS": None,
    "ID_FIELD": None,
    "PARENT_FIELD": None,
    "WELLS": None,
    "OBSERVATIONS": "Readings of the wells",
    "VALUE": None,
    "UNIT": None,
    "SPECIFIC_YIELD": None,
    "MODE": "Mode of the groundwater balance",
    "FOOTPRINT": None,
    "METHOD": "Method of the 1 km maps",
    "ICE": None,
    "ICE_THRESHOLD": None,
    "LEAST_AREA": None,
    "TREES": None,
    "MIN_YEARS": "Shortest span of a well (years)",
    "MIN_MONTHS": "Fewest months of a well",
    "ENCODING": None,
    "REPLACE": "Replace results of another run",
}
ADVANCED = (
    "TWSA_VARIABLE", "TWSA_UNIT", "ICE", "ICE_THRESHOLD", "LEAST_AREA", "TREES", "MIN_YEARS",
    "MIN_MONTHS", "ENCODING", "REPLACE",
)  # fmt: skip
HELP = {
    "EXTENT": "Region of all stages; empty for all of the mascon file. A region across 180° is "
    "written as 177,-178,-20,-15.",
    "START": "First month of the predictors and of the 1 km maps; empty for all there is.",
    "END": "Last month of the predictors and of the 1 km maps; empty for all there is.",
    "WELLS": "Wells that test the maps, a point layer or a table with longitude and latitude. It "
    "can be a long table that also has the readings. Nothing is trained on them. Without wells "
    "the last stage is left out.",
    "REPLACE": "Replace yearly maps of a run with other inputs or settings, and a predictor set on "
    "another grid, that the folders of the outputs have. Otherwise such folders are refused.",
}
# Output of a stage -> its name and label in the model. Other outputs are not kept.
OUTPUTS = {
    "importtwsa:OUTPUT": ("TWSA", "TWSA"),
    "importtwsa:TABLE": ("MONTHS", "Month table"),
    "fillgaps:OUTPUT": ("FILLED", "Filled TWSA"),
    "fillgaps:FLAGS": ("FLAGS", "Observed or filled"),
    "fillgaps:REPORT": ("REPORT", "Report on gap filling"),
    "gwsabalance:OUTPUT": ("GWSA", "Coarse GWSA"),
    "gwsabalance:SIGMA": ("SIGMA", "Sigma of the coarse GWSA"),
    "buildpredictors:OUTPUT": ("PREDICTORS", "Predictor set"),
    "downscale:OUTPUT": ("MAPS", "1 km maps"),
    "downscale:CORRECTED": ("CORRECTED", "Leakage-corrected coarse GWSA"),
    "downscale:MODELS": ("MODELS", "Models"),
    "downscale:HELD_OUT": ("HELD_OUT", "Maps of held-out models"),
    "downscale:APPLICABILITY": ("APPLICABILITY", "Area of applicability"),
    "downscale:REGIONS": ("REGIONS", "Regions and their skill"),
    "downscale:SCORES": ("SCORES", "Scores"),
    "downscale:REPORT": ("REPORT", "Report on downscaling"),
    "validatewells:OUTPUT": ("WELLS", "Wells with scores"),
    "validatewells:SCORES": ("SCORES", "Scores at wells"),
    "validatewells:REPORT": ("REPORT", "Report on the wells"),
}
BRANCH = "wells_are_given"
WIDTH, HEIGHT = 230, 34
COLUMN, ROW = 310, 46
LEFT, INPUTS_END, BRANCH_TOP, STAGE_TOP, OUTPUTS_TOP = 140, 590, 650, 720, 820


def make_model(provider: GwsaProvider) -> QgsProcessingModelAlgorithm:
    """Return the model of the chain, made of the algorithms of ``provider``."""
    model = QgsProcessingModelAlgorithm(NAME)
    _add_inputs(model, provider)
    for column, stage in enumerate(STAGES):
        model.addChildAlgorithm(_child(stage, column, provider))
    _run_only_with_wells(model)
    model.setParameterOrder(list(INPUTS))
    help_texts = {name: model.parameterDefinition(name).help() for name in INPUTS}
    model.setHelpContent({"ALG_DESC": DESCRIPTION, **help_texts})
    return model


def _add_inputs(model: QgsProcessingModelAlgorithm, provider: GwsaProvider) -> None:
    users = {name: _first_user(name) for name in INPUTS}
    for column, stage in enumerate(STAGES):
        own = [name for name in INPUTS if users[name][0] is stage]
        for row, name in enumerate(own):
            definition = _definition(name, *users[name], provider)
            top = INPUTS_END - ROW * (len(own) - 1 - row)
            box = _place(QgsProcessingModelParameter(name), column, top)
            model.addModelParameter(definition, box)


def _first_user(name: str) -> tuple[Stage, str]:
    """The first stage that takes an input of the chain, and its parameter."""
    return next(
        (stage, parameter)
        for stage in STAGES
        for parameter, source in stage.inputs.items()
        if source == name
    )


def _definition(
    name: str, stage: Stage, parameter: str, provider: GwsaProvider
) -> QgsProcessingParameterDefinition:
    """The parameter of the stage under the name, label and help that it has in the model."""
    definition = provider.algorithm(stage.name).parameterDefinition(parameter).clone()
    definition.setName(name)
    definition.setDescription(INPUTS[name] or definition.description())
    definition.setHelp(HELP.get(name, definition.help()))
    advanced = QgsProcessingParameterDefinition.Flag.FlagAdvanced
    flags = definition.flags() & ~advanced
    definition.setFlags(flags | advanced if name in ADVANCED else flags)
    return definition


def _child(stage: Stage, column: int, provider: GwsaProvider) -> QgsProcessingModelChildAlgorithm:
    child = QgsProcessingModelChildAlgorithm(f"gwsa:{stage.name}")
    child.setChildId(stage.name)
    child.setDescription(stage.title)
    _place(child, column, STAGE_TOP, height=40)
    for parameter, source in _sources(stage, provider).items():
        child.addParameterSources(parameter, [source])
    kept = [parameter for parameter in stage.outputs if f"{stage.name}:{parameter}" in OUTPUTS]
    outputs = {}
    for row, parameter in enumerate(kept):
        name, label = OUTPUTS[f"{stage.name}:{parameter}"]
        output = QgsProcessingModelOutput(name, label)
        output.setChildId(stage.name)
        output.setChildOutputName(parameter)
        outputs[name] = _place(output, column, OUTPUTS_TOP + ROW * row)
    child.setModelOutputs(outputs)
    return child


def _run_only_with_wells(model: QgsProcessingModelAlgorithm) -> None:
    """Make the last stage depend on a branch that is taken if wells are given."""
    last = STAGES[-1].name
    branch = QgsProcessingModelChildAlgorithm("native:condition")
    branch.setChildId(BRANCH)
    branch.setDescription("Are wells given?")
    branch.setConfiguration({"conditions": [{"name": "wells", "expression": "@WELLS IS NOT NULL"}]})
    _place(branch, len(STAGES) - 1, BRANCH_TOP)
    model.addChildAlgorithm(branch)
    child = model.childAlgorithm(last)
    child.setDependencies([QgsProcessingModelChildDependency(BRANCH, "wells")])
    model.setChildAlgorithm(child)


def _sources(
    stage: Stage, provider: GwsaProvider
) -> dict[str, QgsProcessingModelChildParameterSource]:
    """Where each parameter comes from: an input, an earlier stage, or the default where one is
    required."""
    source = QgsProcessingModelChildParameterSource
    found = {}
    for definition in provider.algorithm(stage.name).parameterDefinitions():
        name = definition.name()
        given = stage.inputs.get(name)
        optional = definition.flags() & definition.Flag.FlagOptional
        if given and ":" in given:
            found[name] = source.fromChildOutput(*given.split(":"))
        elif given:
            found[name] = source.fromModelParameter(given)
        elif not (definition.isDestination() or optional):
            found[name] = source.fromStaticValue(definition.defaultValue())
    return found


def _place(component, column: int, top: int, height: int = HEIGHT):
    component.setPosition(QPointF(LEFT + COLUMN * column, top))
    component.setSize(QSizeF(WIDTH, height))
    return component


def main() -> None:
    if Qgis.QGIS_VERSION_INT >= 32300:
        sys.exit(f"The model is made with QGIS 3.22, not with {Qgis.QGIS_VERSION}.")
    application = QgsApplication([], False)
    application.initQgis()
    QgsApplication.processingRegistry().addProvider(QgsNativeAlgorithms())
    provider = GwsaProvider()
    QgsApplication.processingRegistry().addProvider(provider)
    written = make_model(provider).toFile(str(PATH))
    application.exitQgis()
    if not written:
        sys.exit(f"{PATH.name} cannot be written.")


if __name__ == "__main__":
    main()
