"""One run of every stage on a sample world of a few cells: what each is given and what it is to write."""

from __future__ import annotations

from typing import NamedTuple

BOX = "76,78,28,30 [EPSG:4326]"
GRACE = "world/grace/CSR_GRACE_GRACE-FO_RL0603_Mascons_all-corrections.nc"
LAND = "world/grace/CSR_GRACE_GRACE-FO_RL06_Mascons_v02_LandMask.nc"


class Stage(NamedTuple):
    """``files`` and ``outputs``: parameter -> path in the folder of the run; ``options``: parameter -> value."""

    files: dict[str, str]
    outputs: dict[str, str]
    options: dict[str, object] = {}

    def parameters(self, inputs, outputs=None) -> dict[str, str]:
        """All parameters, with inputs in one folder and outputs there too or in another one."""
        files = {name: str(inputs / path) for name, path in self.files.items()}
        written = {name: str((outputs or inputs) / path) for name, path in self.outputs.items()}
        return {**files, **written, **self.options}


# In the order of the chain: a stage reads what the ones above it wrote.
STAGES = {
    "sampledata": Stage(
        {}, {"OUTPUT": "world"}, {"EXTENT": BOX, "START": "2009-01", "END": "2010-12", "SEED": 7}
    ),
    "importtwsa": Stage(
        {"INPUT": GRACE, "LAND_MASK": LAND},
        {"OUTPUT": "twsa.tif", "TABLE": "months.csv"},
        {"EXTENT": BOX},
    ),
    "fillgaps": Stage(
        {"INPUT": "twsa.tif"},
        {
            "OUTPUT": "filled.tif",
            "SIGMA": "filled_sigma.tif",
            "FLAGS": "flags.tif",
            "REPORT": "gaps.html",
        },
    ),
    "gldasanomaly": Stage(
        {"INPUT": "world/gldas"},
        {"SMS": "sms.tif", "SWES": "swes.tif", "CWS": "cws.tif", "OUTPUT": "land_water.tif"},
        {"EXTENT": BOX},
    ),
    "gwsabalance": Stage(
        {"TWSA": "filled.tif", "SMS": "sms.tif", "SWES": "swes.tif", "CWS": "cws.tif"},
        {"OUTPUT": "gwsa.tif"},
    ),
    "buildpredictors": Stage(
        {"CATALOGUE": "world/predictors/catalogue.json", "GRID": "gwsa.tif"},
        {"OUTPUT": "predictors"},
        {"START": "2009-01"},
    ),
    "downscale": Stage(
        {"GWSA": "gwsa.tif", "PREDICTORS": "predictors", "AQUIFERS": "world/aquifers.geojson"},
        {
            "OUTPUT": "gwsa_1km",
            "REGIONS": "regions.gpkg",
            "REPORT": "downscale.html",
            "SCORES": "downscale.json",
        },
        {"ID_FIELD": "id", "TREES": 60},
    ),
    "validatewells": Stage(
        {
            "GWSA": "gwsa_1km",
            "COARSE": "gwsa.tif",
            "WELLS": "world/wells.geojson",
            "OBSERVATIONS": "world/observations.csv",
        },
        {"OUTPUT": "wells.gpkg", "REPORT": "wells.html"},
        {"MIN_YEARS": 2, "MIN_MONTHS": 8},
    ),
}

# The same run as one model: its outputs are named by the stage that writes them.
MODEL = Stage(
    {
        "TWSA": GRACE,
        "LAND_MASK": LAND,
        "GLDAS": "world/gldas",
        "CATALOGUE": "world/predictors/catalogue.json",
        "AQUIFERS": "world/aquifers.geojson",
        "WELLS": "world/wells.geojson",
        "OBSERVATIONS": "world/observations.csv",
    },
    {
        "importtwsa:TWSA": "twsa.tif",
        "fillgaps:FILLED": "filled.tif",
        "gwsabalance:GWSA": "gwsa.tif",
        "buildpredictors:PREDICTORS": "predictors",
        "downscale:MAPS": "gwsa_1km",
        "downscale:SCORES": "downscale.json",
        "downscale:REPORT": "downscale.html",
        "validatewells:WELLS": "wells.gpkg",
        "validatewells:REPORT": "wells.html",
    },
    {
        "EXTENT": BOX,
        "START": "2009-01",
        "ID_FIELD": "id",
        "TREES": 60,
        "MIN_YEARS": 2,
        "MIN_MONTHS": 8,
    },
)
