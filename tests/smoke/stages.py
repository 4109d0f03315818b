"""One run of every stage on a sample world of a few cells, wired as the chain is."""

from __future__ import annotations

from typing import NamedTuple

from gwsa.gwsa_plugin.core import stages as chain
from gwsa.gwsa_plugin.core.downscaling.options import METHODS, PUBLISHED
from gwsa.gwsa_plugin.core.sample_world.world import PARTS

BOX = "76,78,28,30 [EPSG:4326]"
WORLD = {name: f"world/{part}" for name, part in PARTS.items() if name not in ("LAND", "TRUTH")}
SETTINGS = {
    "EXTENT": BOX,
    "SIGMA_TWSA": 1,
    "START": "2009-01",
    "ID_FIELD": "id",
    # The record is too short to test the prior.
    "METHOD": METHODS.index(PUBLISHED),
    "TREES": 20,
    "MIN_YEARS": 2,
    "MIN_MONTHS": 8,
}


class Stage(NamedTuple):
    """Parameters of one stage.

    ``files`` and ``outputs`` are paths relative to the folder of the run; ``options`` are values.
    """

    files: dict[str, str]
    outputs: dict[str, str]
    options: dict[str, object] = {}

    def parameters(self, inputs, outputs=None) -> dict[str, str]:
        """Return all parameters; outputs are written to the folder of the inputs by default."""
        files = {name: str(inputs / path) for name, path in self.files.items()}
        written = {name: str((outputs or inputs) / path) for name, path in self.outputs.items()}
        return {**files, **written, **self.options}


def stage_of_the_chain(stage: chain.Stage) -> Stage:
    """The stage with the files of the sample world and of earlier stages."""
    written = {
        f"{one.name}:{parameter}": path
        for one in chain.STAGES
        for parameter, path in one.outputs.items()
    }
    files = {**WORLD, **written}
    return Stage(
        {name: files[source] for name, source in stage.inputs.items() if source in files},
        stage.outputs,
        {name: SETTINGS[source] for name, source in stage.inputs.items() if source in SETTINGS},
    )


# In the order of the chain: each stage reads the outputs of earlier ones.
STAGES = {
    "sampledata": Stage(
        {}, {"OUTPUT": "world"}, {"EXTENT": BOX, "START": "2009-01", "END": "2010-12", "SEED": 7}
    ),
    **{stage.name: stage_of_the_chain(stage) for stage in chain.STAGES},
    "aquiferseries": Stage(
        {"GWSA": "gwsa_1km", "AQUIFERS": WORLD["AQUIFERS"]},
        {"OUTPUT": "series.gpkg", "TABLE": "series.csv", "REPORT": "series.html"},
        {"ID_FIELD": "name"},
    ),
    "trendmap": Stage({"GWSA": "gwsa_1km"}, {"OUTPUT": "trend.tif"}),
    "recharge": Stage(
        {"GWSA": "gwsa_1km", "AQUIFERS": WORLD["AQUIFERS"]},
        {"OUTPUT": "recharge.gpkg", "TABLE": "recharge.csv"},
        {"ID_FIELD": "name"},
    ),
    "compare": Stage(
        {"GWSA": "gwsa_1km", "OTHER_LAYERS": "gwsa_corrected.tif"},
        {"BIAS": "bias.tif", "REPORT": "compare.html"},
    ),
    "export": Stage(
        {"GWSA": "gwsa_1km"},
        {"OUTPUT": "dataset"},
        {"TITLE": "Sample world", "CREATORS": "Family, Given; Institute of Hydrology"},
    ),
}

# The same run with the model, whose outputs contain the name of their stage.
MODEL = Stage(
    WORLD,
    {
        "importtwsa:TWSA": "twsa.tif",
        "fillgaps:FILLED": "filled.tif",
        "gwsabalance:GWSA": "gwsa.tif",
        "gwsabalance:SIGMA": "gwsa_sigma.tif",
        "buildpredictors:PREDICTORS": "predictors",
        "downscale:MAPS": "gwsa_1km",
        "downscale:CORRECTED": "gwsa_corrected.tif",
        "downscale:SCORES": "downscale.json",
        "downscale:REPORT": "downscale.html",
        "validatewells:WELLS": "wells.gpkg",
        "validatewells:REPORT": "wells.html",
    },
    SETTINGS,
)
