"""Labels, defaults and help of the parameters of gwsa:downscale."""

from __future__ import annotations

from qgis.core import QgsProcessingParameterNumber

INTEGER = QgsProcessingParameterNumber.Type.Integer
REAL = QgsProcessingParameterNumber.Type.Double
# Number -> label, type, default, smallest and largest value, and help.
NUMBERS = {
    "LEAST_AREA": (
        "Smallest land area for a model of its own (km²)", REAL, 90_000, 0, 1e9,
        "Aquifers with less land share the model of their parent system or of all cells; "
        "90,000 km² is about one independent GRACE value.",
    ),
    "FEATHER": (
        "Blending at aquifer borders (km)", REAL, 25, 0, 5000,
        "Half-width of the belt along aquifer borders in which models are blended.",
    ),
    "TREES": (
        "Trees", INTEGER, 300, 1, 100_000,
        "Largest number of trees of the model of all cells; the models of aquifers add 30 % to it.",
    ),
    "DEPTH": (
        "Depth of trees", INTEGER, 5, 1, 30,
        "Deeper trees follow the coarse field more closely and predict worse.",
    ),
    "RATE": ("Learning rate", REAL, 0.08, 0.001, 1, "Weight of each tree."),
    "BLOCK": (
        "Held-out blocks (degrees)", REAL, 3, 0.25, 90,
        "Side of the blocks of cells that are held out together.",
    ),
    "BUFFER": (
        "Buffer around held-out blocks (degrees)", REAL, 1, 0, 90,
        "Cells within this distance of a held-out block are not trained on either.",
    ),
    "SEARCH": (
        "Hyper-parameter sets to try", INTEGER, 0, 0, 8,
        "Number of other sets of hyper-parameters (at most 8) that are compared, once for all "
        "trainings, on blocks of cells that are left out. Each set takes as long as a training.",
    ),
    "SEED": ("Seed", INTEGER, 1, 0, 2**31 - 1, "Seed of the random sampling of trees and folds."),
}  # fmt: skip
# Switch -> label, default and help.
SWITCHES = {
    "STOPPING": (
        "Early stopping", True,
        "Choose the number of trees, once for all trainings, on blocks of cells that are left out.",
    ),
    "REPLACE": (
        "Replace the maps of another run", False,
        "Remove yearly maps that a run with other inputs or settings has left in the folders "
        "OUTPUT and HELD_OUT. Otherwise such a folder is refused, since maps of two runs must not "
        "be used together. The same run can always be made again.",
    ),
    "UNENCRYPTED": (
        "Allow a remote scheduler without encryption", False,
        "Others in the network can read and change what is sent to a tcp:// scheduler on another "
        "machine, and run code on its workers. Such a scheduler is refused unless this is set. "
        "tls:// and this machine need it not.",
    ),
}  # fmt: skip
# Value of the option ``method`` -> label, in the order of the enumeration.
METHODS = {
    "footprint": "Response to water surplus and runoff, fitted through the footprint of GRACE",
    "published": "Trees trained on coarse GWSA, as in the published dataset",
    "interpolation": "Mean-preserving interpolation, without predictors",
}
METHOD_HELP = (
    "What is mapped. The first method fits the response of storage to antecedent water "
    "surplus (precipitation minus actual evapotranspiration) and runoff through the "
    "footprint of GRACE, and maps it at 1 km, with trees on what it leaves where held-out "
    "footprints can test them. It contributes no trend. Choose it unless you compare "
    "methods. Evidence can refute it: where it does not improve on climatology in held-out "
    "years, or held-out footprints or wells show a loss, the map is mean-preserving "
    "interpolation. It requires predictors with the roles precipitation and "
    "actual_evapotranspiration in the catalogue, and GWSA of gwsa:gwsabalance, whose tags "
    "state the width of the footprint. Without them the second method is used, with a "
    "warning. The second method trains trees on coarse GWSA. Choose it to reproduce the "
    "published dataset, or where GRACE resolves the coarse cells. The third method "
    "interpolates coarse GWSA so that the mean of each cell is preserved. Choose it as the "
    "reference, or where no predictor explains storage."
)
# Value of the option ``validation`` -> label, in the order of the enumeration.
VALIDATIONS = {
    "quick": "Quick: halves of the record, 24 trainings",
    "full": "Full: quarters of the record, forward in time and random samples, 55 trainings",
    "none": "None: maps only, nothing shows their skill",
}
VALIDATION_HELP = (
    "How many models are trained to measure skill. Quick: twelve folds of blocks in halves of the "
    "record; each cell and month is held out once. Full: the folds in quarters, which "
    "leave more to train on, and also each quarter by the earlier ones, and random samples as in "
    "most published validations. The scores of both agree within their standard error. None: only "
    "the models of the maps are trained, and nothing shows their skill. Trees on the prior are "
    "then not mapped, those of the second method are not scaled, and sigma, the area of "
    "applicability and maps of held-out models are not available."
)
# Value of the option ``target`` -> label, in the order of the enumeration.
TARGETS = {"direct": "GWSA", "anomaly": "GWSA without level and trend of each coarse cell"}
# Value of the option ``encoding`` -> label, in the order of the enumeration.
ENCODINGS = {
    "rounded": "Rounded to 1/128 cm (DEFLATE), read by every program",
    "lerc": "Within 0.005 cm (LERC), a fifth smaller",
    "exact": "As computed, twice as large",
}
ENCODING_HELP = (
    "How the values of the maps are stored. The first one has an error of at most 0.004 cm and can "
    "be read by every GDAL. LERC needs a GDAL that was built with it, to write and to read."
)
TARGET_HELP = (
    "What trees predict if METHOD is the published one; the first method has no level and trend of "
    "its own. GWSA, as in the published dataset, or GWSA without the level and trend of each "
    "coarse cell. Level and trend then come from GRACE alone, which suits pumping that no "
    "predictor shows. On sample worlds the second target explains half as much of the detail "
    "inside a cell, because most of what models predict is level and trend."
)
# Choice -> label, value of the option -> label, and help.
CHOICES = {
    "VALIDATION": ("How skill is measured", VALIDATIONS, VALIDATION_HELP),
    "TARGET": ("Target of the models", TARGETS, TARGET_HELP),
    "ENCODING": ("Encoding of the maps", ENCODINGS, ENCODING_HELP),
}
# Optional output -> label, file filter (None for a folder) and help.
FILES = {
    "MODELS": (
        "Models", None,
        "Folder for models.json, which has the prior, and the trees in the format of XGBoost "
        "(.ubj).",
    ),
    "HELD_OUT": (
        "Maps of held-out models", None,
        "Folder for GWSA_YYYY.tif in which each pixel is predicted by models that were trained "
        "without its cell and its month; needs a validation.",
    ),
    "EXPLANATION": (
        "Contributions of the predictors", "CSV (*.csv)",
        "Mean absolute contribution in cm of each feature in each region: SHAP and gain of trees, "
        "or the parts of the prior where trees are not mapped.",
    ),
    "SCORES": ("Scores", "JSON (*.json)", "Closure and held-out skill as JSON."),
    "REPORT": (
        "Report", "HTML (*.html)",
        "Skill of the maps, compared with interpolation, where they are not reliable, and the "
        "effect of the predictors; needs matplotlib and jinja2.",
    ),
}  # fmt: skip
