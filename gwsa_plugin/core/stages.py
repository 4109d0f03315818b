"""The stages of the whole chain and how they are wired.

``STAGES`` states the wiring once. ``chain.py`` runs the stages from plain Python, the demonstration
and the tests run them through ``qgis_process``, and the shipped model ``gwsa:fullchain`` is made
from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Stage(NamedTuple):
    """One stage of the chain.

    Attributes
    ----------
    name : str
        Id of the Processing algorithm, without ``gwsa:``.
    title : str
        Name that is shown to users.
    inputs : dict of str to str
        Parameter -> an input of the chain (``"TWSA"``) or an output of an earlier stage
        (``"importtwsa:OUTPUT"``).
    outputs : dict of str to str
        Output parameter -> path in the folder of the chain.
    """

    name: str
    title: str
    inputs: dict[str, str]
    outputs: dict[str, str]


STAGES = (
    Stage(
        "importtwsa", "Import TWSA",
        {"INPUT": "TWSA", "VARIABLE": "TWSA_VARIABLE", "UNIT": "TWSA_UNIT",
         "LAND_MASK": "LAND_MASK", "EXTENT": "EXTENT", "SIGMA_TWSA": "SIGMA_TWSA"},
        {"OUTPUT": "twsa.tif", "SIGMA": "twsa_sigma.tif", "TABLE": "twsa_months.csv"},
    ),
    Stage(
        "fillgaps", "Fill gaps",
        {"INPUT": "importtwsa:OUTPUT"},
        {"OUTPUT": "filled.tif", "SIGMA": "filled_sigma.tif", "FLAGS": "flags.tif",
         "REPORT": "gapfill.html"},
    ),
    Stage(
        "gldasanomaly", "GLDAS storage anomalies",
        {"INPUT": "GLDAS", "EXTENT": "EXTENT", "ICE": "ICE", "ICE_THRESHOLD": "ICE_THRESHOLD"},
        {"SMS": "sms.tif", "SWES": "swes.tif", "CWS": "cws.tif", "OUTPUT": "land_water.tif"},
    ),
    Stage(
        "gwsabalance", "Groundwater balance",
        {"TWSA": "fillgaps:OUTPUT", "SMS": "gldasanomaly:SMS", "SWES": "gldasanomaly:SWES",
         "CWS": "gldasanomaly:CWS", "SIGMA_TWSA": "importtwsa:SIGMA",
         "SIGMA_FILL": "fillgaps:SIGMA", "MODE": "MODE", "FOOTPRINT": "FOOTPRINT"},
        {"OUTPUT": "gwsa.tif", "SIGMA": "gwsa_sigma.tif"},
    ),
    Stage(
        "buildpredictors", "Build predictors",
        {"CATALOGUE": "CATALOGUE", "GRID": "gwsabalance:OUTPUT", "LAND_MASK": "LAND",
         "START": "START", "END": "END", "REPLACE": "REPLACE", "OUTSIDE": "OUTSIDE"},
        {"OUTPUT": "predictors"},
    ),
    Stage(
        "downscale", "Downscale to 1 km",
        {"GWSA": "gwsabalance:OUTPUT", "GWSA_SIGMA": "gwsabalance:SIGMA",
         "PREDICTORS": "buildpredictors:OUTPUT", "METHOD": "METHOD", "AQUIFERS": "AQUIFERS",
         "ID_FIELD": "ID_FIELD", "PARENT_FIELD": "PARENT_FIELD", "START": "START", "END": "END",
         "LEAST_AREA": "LEAST_AREA", "TREES": "TREES", "ENCODING": "ENCODING", "WELLS": "WELLS",
         "OBSERVATIONS": "OBSERVATIONS", "VALUE": "VALUE", "UNIT": "UNIT",
         "SPECIFIC_YIELD": "SPECIFIC_YIELD", "MIN_YEARS": "MIN_YEARS", "MIN_MONTHS": "MIN_MONTHS",
         "REPLACE": "REPLACE"},
        {"OUTPUT": "gwsa_1km", "CORRECTED": "gwsa_corrected.tif", "MODELS": "models",
         "HELD_OUT": "held_out", "APPLICABILITY": "applicability.tif",
         "EXPLANATION": "explanation.csv", "REGIONS": "regions.gpkg", "SCORES": "downscale.json",
         "REPORT": "downscale.html"},
    ),
    Stage(
        "validatewells", "Validate against wells",
        {"GWSA": "downscale:OUTPUT", "COARSE": "gwsabalance:OUTPUT", "AQUIFERS": "AQUIFERS",
         "AQUIFER_FIELD": "ID_FIELD", "WELLS": "WELLS", "OBSERVATIONS": "OBSERVATIONS",
         "VALUE": "VALUE", "UNIT": "UNIT", "SPECIFIC_YIELD": "SPECIFIC_YIELD",
         "MIN_YEARS": "MIN_YEARS", "MIN_MONTHS": "MIN_MONTHS"},
        {"OUTPUT": "wells.gpkg", "SCORES": "wells.json", "REPORT": "wells.html"},
    ),
)  # fmt: skip
NAMES = tuple(stage.name for stage in STAGES)
# The stage before the chain that downloads its inputs.
FETCH = Stage(
    "fetch", "Fetch inputs",
    {"EXTENT": "EXTENT", "START": "START", "END": "END", "SOURCES": "SOURCES", "LOGIN": "LOGIN",
     "UPDATE": "UPDATE"},
    {"OUTPUT": "inputs"},
)  # fmt: skip
# Inputs of the chain that are outputs of FETCH of the same name.
FETCHED = ("TWSA", "LAND_MASK", "GLDAS", "CATALOGUE")


def stages_with_fetch() -> tuple[Stage, ...]:
    """Return the stage that fetches the inputs, and the stages of the chain that take them."""
    sources = {name: f"{FETCH.name}:{name}" for name in FETCHED}
    return (
        FETCH,
        *(
            stage._replace(
                inputs={name: sources.get(given, given) for name, given in stage.inputs.items()}
            )
            for stage in STAGES
        ),
    )


def output_paths(folder: Path) -> dict[str, Path]:
    """Return every output of the chain in ``folder``: ``"stage:OUTPUT"`` -> path."""
    return {
        f"{stage.name}:{parameter}": folder / path
        for stage in STAGES
        for parameter, path in stage.outputs.items()
    }


def stage_parameters(stage: Stage, folder: Path, given: Mapping[str, object]) -> dict[str, object]:
    """Return the parameters that a stage of a chain in ``folder`` is run with.

    Parameters
    ----------
    stage : Stage
        One of ``STAGES``.
    folder : Path
        Where the chain writes.
    given : mapping of str to object
        Inputs of the chain -> their values; what is not given is left to the stage's default.

    Returns
    -------
    dict of str to object
        Parameter -> value, of inputs and outputs.
    """
    known = {**output_paths(folder), **given}
    inputs = {name: known[source] for name, source in stage.inputs.items() if source in known}
    return {**inputs, **{name: folder / path for name, path in stage.outputs.items()}}
