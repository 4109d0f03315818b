"""The stages of the demonstration, in order: what each reads and writes."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from gwsa.gwsa_plugin.core.gapfill.methods import BASELINE_METHOD, METHOD_NAMES
from gwsa.gwsa_plugin.core.sample_world.world import PARTS

WORLD = {name: f"world/{part}" for name, part in PARTS.items()}
SIGMA_TWSA_CM = 1  # what the sample world adds to TWSA
QUICK = {
    "TREES": 50,
    "RATE": 0.3,
    "STOPPING": "false",
}  # a try should be short; the defaults predict better


class Step(NamedTuple):
    """``files``: parameter -> path in the folder of the demonstration; ``options``: parameter -> value."""

    title: str
    stage: str
    files: dict[str, str]
    options: dict[str, object] = {}

    def parameters(self, folder: Path) -> dict[str, object]:
        return {**{name: folder / path for name, path in self.files.items()}, **self.options}


def steps(region: str, start: str, end: str) -> list[Step]:
    """``region`` as QGIS writes extents; ``start`` and ``end`` of the 1 km maps, YYYY-MM."""
    extent, period = {"EXTENT": region}, {"START": start, "END": end}
    return [
        Step("Making a sample world", "sampledata", {"OUTPUT": "world"}, {**extent, **period}),
        Step(
            "Importing TWSA from the mascon file",
            "importtwsa",
            {
                "INPUT": WORLD["TWSA"], "LAND_MASK": WORLD["LAND_MASK"],
                "OUTPUT": "twsa.tif", "SIGMA": "twsa_sigma.tif", "TABLE": "twsa_months.csv",
            },
            {**extent, "SIGMA_TWSA": SIGMA_TWSA_CM},
        ),
        Step(
            "Filling the months without a solution",
            "fillgaps",
            {
                "INPUT": "twsa.tif",
                "OUTPUT": "filled.tif", "SIGMA": "filled_sigma.tif", "FLAGS": "flags.tif", "REPORT": "gapfill.html",
            },
        ),
        Step(
            "Filling them by trend and seasons alone",
            "fillgaps",
            {"INPUT": "twsa.tif", "OUTPUT": "filled_baseline.tif"},
            {"METHOD": list(METHOD_NAMES).index(BASELINE_METHOD)},
        ),
        Step(
            "GLDAS anomalies of soil, snow and canopy water",
            "gldasanomaly",
            {
                "INPUT": WORLD["GLDAS"],
                "SMS": "sms.tif", "SWES": "swes.tif", "CWS": "cws.tif", "OUTPUT": "land_water.tif",
            },
            extent,
        ),
        Step(
            "Groundwater balance",
            "gwsabalance",
            {
                "TWSA": "filled.tif", "SMS": "sms.tif", "SWES": "swes.tif", "CWS": "cws.tif",
                "SIGMA_TWSA": "twsa_sigma.tif", "SIGMA_FILL": "filled_sigma.tif",
                "OUTPUT": "gwsa.tif", "SIGMA": "gwsa_sigma.tif",
            },
        ),
        Step(
            "Bringing 19 predictors to one grid",
            "buildpredictors",
            {"CATALOGUE": WORLD["CATALOGUE"], "GRID": "gwsa.tif", "OUTPUT": "predictors"},
            period,
        ),
        Step(
            "Downscaling to 1 km",
            "downscale",
            {
                "GWSA": "gwsa.tif", "GWSA_SIGMA": "gwsa_sigma.tif", "PREDICTORS": "predictors",
                "AQUIFERS": WORLD["AQUIFERS"],
                "OUTPUT": "gwsa_1km", "MODELS": "models", "HELD_OUT": "held_out", "REGIONS": "regions.gpkg",
                "APPLICABILITY": "applicability.tif", "EXPLANATION": "explanation.csv",
                "SCORES": "downscale.json", "REPORT": "downscale.html",
            },
            {"ID_FIELD": "name", "PARENT_FIELD": "parent", **QUICK},
        ),
        Step(
            "Validating against wells",
            "validatewells",
            {
                "GWSA": "gwsa_1km", "COARSE": "gwsa.tif", "AQUIFERS": WORLD["AQUIFERS"],
                "WELLS": WORLD["WELLS"], "OBSERVATIONS": WORLD["OBSERVATIONS"],
                "OUTPUT": "wells.gpkg", "SCORES": "wells.json", "REPORT": "wells.html",
            },
        ),
    ]  # fmt: skip
