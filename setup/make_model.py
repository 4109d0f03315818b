"""Make the shipped models from the stages of ``gwsa_plugin/core/stages.py``.

``gwsa:fullchain`` has the stages of the chain, ``gwsa:fetchandmap`` fetches their inputs before.

Usage: ``make model``, on Debian 12 (QGIS 3.22): later versions give the outputs of a model other
names, and the names of the shipped models must not change. A test compares the shipped files with
what this script makes.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

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

from gwsa.gwsa_plugin.core.stages import FETCH, FETCHED, STAGES, Stage, stages_with_fetch
from gwsa.processing_provider.full_chain import FetchAndMap, FullChain
from gwsa.processing_provider.provider import GwsaProvider
from gwsa.setup.start_qgis import start_application

DESCRIPTION = (
    "Makes monthly 1 km maps of groundwater storage anomalies from a mascon file, GLDAS months and "
    "predictor rasters, and tests them against wells: all stages of GWSA in one model. Open it in "
    "the Graphical Modeler to change it. Give the sigma of the coarse GWSA a file to get sigma "
    "maps at 1 km as well."
)
DESCRIPTION_WITH_FETCH = (
    "Goes from a region to monthly 1 km maps of groundwater storage anomalies: downloads the "
    "mascons, GLDAS months and predictors from their archives, and runs all stages of GWSA on "
    "them. Try the dialog Fetch inputs of the menu GWSA first: it shows files, bytes and logins "
    "before anything is fetched, and what this model fetches into the same folder is then there."
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
    "OUTSIDE": None,
}
ADVANCED = (
    "TWSA_VARIABLE", "TWSA_UNIT", "ICE", "ICE_THRESHOLD", "LEAST_AREA", "TREES", "MIN_YEARS",
    "MIN_MONTHS", "ENCODING", "REPLACE", "OUTSIDE", "UPDATE",
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
    "fetch:OUTPUT": ("INPUTS", "Folder of the inputs"),
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
# Inputs of the model that fetches, before those of the chain.
FETCH_INPUTS = {
    "EXTENT": None,
    "START": "First month to map (YYYY-MM)",
    "END": "Last month to map (YYYY-MM)",
    "SOURCES": None,
    "LOGIN": None,
    "UPDATE": None,
}
BRANCH = "wells_are_given"
WIDTH, HEIGHT = 230, 34
COLUMN, ROW = 310, 46
LEFT, INPUTS_END, BRANCH_TOP, STAGE_TOP, OUTPUTS_TOP = 140, 590, 650, 720, 820


class Shape(NamedTuple):
    """What a shipped model is made of.

    Attributes
    ----------
    name : str
        Id of the model, without ``gwsa:``.
    description : str
    stages : tuple of Stage
    inputs : dict of str to str or None
        Inputs in the order of the dialog, see ``INPUTS``.
    """

    name: str
    description: str
    stages: tuple[Stage, ...]
    inputs: dict[str, str | None]


FULL_CHAIN = Shape("fullchain", DESCRIPTION, STAGES, INPUTS)
FETCH_AND_MAP = Shape(
    "fetchandmap",
    DESCRIPTION_WITH_FETCH,
    stages_with_fetch(),
    FETCH_INPUTS
    | {name: label for name, label in INPUTS.items() if name not in (*FETCHED, *FETCH_INPUTS)},
)


def make_model(shape: Shape, provider: GwsaProvider) -> QgsProcessingModelAlgorithm:
    """Return a model, made of the algorithms of ``provider``."""
    model = QgsProcessingModelAlgorithm(shape.name)
    _add_inputs(model, shape, provider)
    for column, stage in enumerate(shape.stages):
        model.addChildAlgorithm(_child(stage, column, provider))
    _run_only_with_wells(model, shape)
    model.setParameterOrder(list(shape.inputs))
    help_texts = {name: model.parameterDefinition(name).help() for name in shape.inputs}
    model.setHelpContent({"ALG_DESC": shape.description, **help_texts})
    return model


def _add_inputs(model: QgsProcessingModelAlgorithm, shape: Shape, provider: GwsaProvider) -> None:
    users = {name: _first_user(name, shape) for name in shape.inputs}
    for column, stage in enumerate(shape.stages):
        own = [name for name in shape.inputs if users[name][0] is stage]
        for row, name in enumerate(own):
            definition = _definition(name, shape.inputs[name], *users[name], provider)
            top = INPUTS_END - ROW * (len(own) - 1 - row)
            box = _place(QgsProcessingModelParameter(name), column, top)
            model.addModelParameter(definition, box)


def _first_user(name: str, shape: Shape) -> tuple[Stage, str]:
    """The first stage that takes an input of the model, and its parameter."""
    return next(
        (stage, parameter)
        for stage in shape.stages
        for parameter, source in stage.inputs.items()
        if source == name
    )


def _definition(
    name: str, label: str | None, stage: Stage, parameter: str, provider: GwsaProvider
) -> QgsProcessingParameterDefinition:
    """The parameter of the stage under the name, label and help that it has in the model."""
    definition = provider.algorithm(stage.name).parameterDefinition(parameter).clone()
    definition.setName(name)
    definition.setDescription(label or definition.description())
    given = {} if stage is FETCH else HELP
    definition.setHelp(given.get(name, definition.help()))
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


def _run_only_with_wells(model: QgsProcessingModelAlgorithm, shape: Shape) -> None:
    """Make the last stage depend on a branch that is taken if wells are given."""
    last = shape.stages[-1].name
    branch = QgsProcessingModelChildAlgorithm("native:condition")
    branch.setChildId(BRANCH)
    branch.setDescription("Are wells given?")
    branch.setConfiguration({"conditions": [{"name": "wells", "expression": "@WELLS IS NOT NULL"}]})
    _place(branch, len(shape.stages) - 1, BRANCH_TOP)
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
    start_application()
    QgsApplication.processingRegistry().addProvider(QgsNativeAlgorithms())
    provider = GwsaProvider()
    QgsApplication.processingRegistry().addProvider(provider)
    paths = {FullChain.PATH: FULL_CHAIN, FetchAndMap.PATH: FETCH_AND_MAP}
    failed = [
        path.name
        for path, shape in paths.items()
        if not make_model(shape, provider).toFile(str(path))
    ]
    QgsApplication.exitQgis()
    if failed:
        sys.exit(f"{failed[0]} cannot be written.")


if __name__ == "__main__":
    main()
