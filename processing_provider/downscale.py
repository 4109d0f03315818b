"""gwsa:downscale: a coarse GWSA stack as monthly 1 km maps, with models, scores and a report of their skill."""

from __future__ import annotations

import json

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFeatureSink,
    QgsGeometry,
    QgsProcessing,
    QgsProcessingOutputMultipleLayers,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsWkbTypes,
)

from ..gwsa_plugin.dependencies import require
from .base import POLYGONS, GwsaAlgorithm, layer_fields, style_file, style_layer, tr
from .well_layers import columns, geometries_in_degrees

INTEGER, REAL = QgsProcessingParameterNumber.Type.Integer, QgsProcessingParameterNumber.Type.Double
NUMBERS = {
    "LEAST_AREA": (
        "Least land for a model of its own (km²)", REAL, 90_000, 0,
        "Aquifers with less land share the model of their parent or of all cells; 90,000 km² is about one independent "
        "GRACE value.",
    ),
    "FEATHER": ("Blending at aquifer borders (km)", REAL, 25, 0, "Half-width of the belt in which models are blended."),
    "TREES": ("Trees", INTEGER, 300, 1, "Most trees of the model of all cells; aquifers add 30 % to it."),
    "DEPTH": ("Depth of trees", INTEGER, 5, 1, "Deeper trees follow the coarse field more closely and predict worse."),
    "RATE": ("Learning rate", REAL, 0.08, 0.001, "Weight of each tree."),
    "BLOCK": ("Held-out blocks (degrees)", REAL, 3, 0.25, "Side of the blocks of cells that are held out together."),
    "BUFFER": ("Buffer around them (degrees)", REAL, 1, 0, "Cells this near to a held-out block are left out too."),
    "SEARCH": (
        "Settings to try", INTEGER, 0, 0,
        "So many other settings of the trees (at most 8) are tried inside each training, on blocks of cells that it "
        "leaves out and never on those that it is scored on; each takes as long as the training itself.",
    ),
    "SEED": ("Seed", INTEGER, 1, 0, "Of the sampling inside the trees and of the folds."),
}  # fmt: skip
SWITCHES = {
    "STOPPING": (
        "Early stopping", True,
        "Settle the number of trees on blocks of cells that a training leaves out; doubles the time of training.",
    ),
    "COMPARE": (
        "All validations", True,
        "Score the models also forward in time, and on random samples as most published figures are; doubles the time "
        "of training.",
    ),
    "EXACT": (
        "Exact values", False,
        "Write float32 as computed; otherwise values are rounded within 0.005 cm (LERC), a third of the size.",
    ),
}  # fmt: skip
TARGETS = {"direct": "GWSA itself", "anomaly": "What level and trend of each coarse cell leave"}
REGION_FIELDS = {
    "name": "string", "cells": "integer", "area_km2": "double", "n_eff": "double", "model": "string",
    "contrast_nse": "double", "contrast_rmse_cm": "double", "rmse_cm": "double",
    "gain_over_mean_preserving": "double", "gain_over_bilinear": "double",
}  # fmt: skip
FILES = {
    "MODELS": ("Models", None, "Folder for the models in XGBoost's own format (.ubj) and models.json."),
    "HELD_OUT": (
        "Maps of held-out models", None, "Folder for GWSA_YYYY.tif of models that saw neither cell nor month.",
    ),
    "EXPLANATION": (
        "What the models make of their predictors", "CSV (*.csv)",
        "SHAP contributions in cm and gain of every feature, region by region.",
    ),
    "SCORES": ("Scores", "JSON (*.json)", "Closure and held-out skill as JSON."),
    "REPORT": (
        "Report", "HTML (*.html)",
        "How good, where, against what, with which predictors, where not to trust it; needs matplotlib and jinja2.",
    ),
}  # fmt: skip


class Downscale(GwsaAlgorithm):
    ID = "downscale"
    NAME = "Downscale to 1 km"
    HELP = (
        "Trains one XGBoost model per aquifer on the coarse GWSA and the predictors aggregated to it, predicts 1 km "
        "pixels and corrects them smoothly, so that the area-weighted mean of each coarse cell is its coarse value "
        "again. Writes one GeoTIFF a year (GWSA_YYYY.tif, twelve bands January..December, cm), the models, and scores "
        "of two kinds that must not be mixed: closure (how closely the map follows its input) and held-out skill "
        "(cells and months that a model never saw). HELD_OUT holds maps made only by such models."
    )
    TAGS = ("downscaling", "XGBoost", "1 km", "aquifer", "machine learning", "GWSA")
    REQUIRES = ("rasterio", "scipy", "xgboost")

    def initAlgorithm(self, config=None):
        self.add(
            QgsProcessingParameterRasterLayer("GWSA", tr("Coarse GWSA stack")),
            "GWSA in cm with bands named YYYY-MM, as the balance writes it.",
        )
        self.add(
            QgsProcessingParameterRasterLayer(
                "GWSA_SIGMA", tr("Sigma of the coarse GWSA"), optional=True
            ),
            "One standard deviation in cm per cell and month; with it sigma maps are written beside the product.",
        )
        self.add(
            QgsProcessingParameterFile(
                "PREDICTORS", tr("Predictor set"), QgsProcessingParameterFile.Behavior.Folder
            ),
            "Folder that Build predictors wrote, on the same coarse cells.",
        )
        self.add(
            QgsProcessingParameterFeatureSource(
                "AQUIFERS", tr("Aquifers"), POLYGONS, optional=True
            ),
            "Polygons of aquifer systems in any CRS; without them one model serves all cells.",
        )
        self.add(
            QgsProcessingParameterField(
                "ID_FIELD", tr("Field that names an aquifer"), "", "AQUIFERS", optional=True
            ),
            "Polygons of one name are one region; empty: each polygon is a region.",
        )
        self.add(
            QgsProcessingParameterField(
                "PARENT_FIELD", tr("Field that names its parent"), "", "AQUIFERS", optional=True
            ),
            "The larger system that an aquifer is part of: small aquifers of one parent share a model.",
        )
        self.add_period("to map")
        for name, (label, kind, default, least, help) in NUMBERS.items():
            self.add(
                QgsProcessingParameterNumber(name, tr(label), kind, default, True, least),
                help,
                advanced=True,
            )
        self.add(
            QgsProcessingParameterEnum(
                "TARGET",
                tr("What models explain"),
                list(TARGETS.values()),
                defaultValue=0,
                optional=True,
            ),
            "GWSA itself, as the published dataset does; or what is left of it about the level and trend of each "
            "coarse cell, which then come from GRACE alone: for pumping that no predictor shows. On sample worlds that "
            "tells half as much of what is inside a cell, as most of what models learn is in level and trend.",
            advanced=True,
        )
        for name, (label, default, help) in SWITCHES.items():
            self.add(
                QgsProcessingParameterBoolean(name, tr(label), default, optional=True),
                help,
                advanced=True,
            )
        self.add(
            QgsProcessingParameterString("SCHEDULER", tr("Dask scheduler"), optional=True),
            "Address of a Dask scheduler, tcp://host:8786 or tls://, whose workers make the maps, the same bytes as "
            "here; they must see the folders of predictors and maps under the same paths. Empty: this machine.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterFolderDestination("OUTPUT", tr("1 km maps")),
            "Folder for GWSA_YYYY.tif, and sigma/GWSA_SIGMA_YYYY.tif where a sigma is given.",
        )
        self.add(
            QgsProcessingParameterRasterDestination(
                "APPLICABILITY", tr("Area of applicability"), optional=True, createByDefault=False
            ),
            "Where not to trust the models: how unlike the training samples a pixel's predictors are, and the share of "
            "four seasons in which it is inside the area of applicability (Meyer & Pebesma 2021).",
        )
        self.add(
            QgsProcessingParameterFeatureSink(
                "REGIONS", tr("Regions and their skill"), QgsProcessing.SourceType.TypeVectorPolygon, optional=True,
                createByDefault=False,
            ),
            "The aquifers with their cells, independent GRACE values, whose model serves them, and held-out skill.",
        )  # fmt: skip
        for name, (label, kind, help) in FILES.items():
            optional = {"optional": True, "createByDefault": False}
            parameter = (
                QgsProcessingParameterFileDestination(name, tr(label), kind, **optional)
                if kind
                else QgsProcessingParameterFolderDestination(name, tr(label), **optional)
            )
            self.add(parameter, help)
        self.addOutput(QgsProcessingOutputMultipleLayers("LAYERS", tr("Yearly maps")))

    def execute(self, parameters, context, progress):
        from ..gwsa_plugin.core.compute.dask_cluster import task_runner
        from ..gwsa_plugin.core.downscaling.downscale import (
            Aquifer,
            Outputs,
            PredictorSet,
            downscale,
        )
        from ..gwsa_plugin.core.downscaling.skill.scores import write_scores
        from ..gwsa_plugin.core.files.provenance import now, provenance, write_run
        from ..gwsa_plugin.core.files.stack import read_stack
        from ..gwsa_plugin.core.predictors.predictor_set import CONTENTS

        if parameters.get("REPORT"):
            require("matplotlib", "jinja2")
        scheduler = self.parameterAsString(parameters, "SCHEDULER", context).strip()
        if scheduler:
            require("distributed")
        started, options = now(), self._options(parameters, context)
        inputs = {
            name: self.input_path(parameters, name, context) for name in ("GWSA", "GWSA_SIGMA")
        }
        polygons = self._polygons(parameters, context, progress)
        aquifers = [
            Aquifer(name, json.loads(polygon.asJson(9)), parent)
            for name, (polygon, parent) in polygons.items()
        ]
        predictors = PredictorSet.open(self.parameterAsString(parameters, "PREDICTORS", context))
        paths = {
            name: self.output_path(parameters, name, context)
            for name in ("OUTPUT", "APPLICABILITY", *FILES)
        }
        inputs["PREDICTORS"] = predictors.folder / CONTENTS
        record = (self.ID, inputs, options.as_parameters())
        with task_runner(scheduler, progress) as run:
            result = downscale(
                read_stack(inputs["GWSA"], "GWSA"),
                predictors,
                aquifers,
                Outputs(
                    *(
                        paths[name]
                        for name in ("OUTPUT", "MODELS", "HELD_OUT", "APPLICABILITY", "EXPLANATION")
                    )
                ),
                options,
                sigma=read_stack(inputs["GWSA_SIGMA"], "GWSA sigma")
                if inputs["GWSA_SIGMA"]
                else None,
                tags=provenance(*record, progress),
                progress=progress,
                run=run,
            )
        for path in result.years:
            style_file(path, "anomaly.qml")
        for path in result.sigma:
            style_file(path, "sigma.qml")
        if paths["APPLICABILITY"]:
            style_file(paths["APPLICABILITY"], "applicability.qml")
        write_run(paths["OUTPUT"] / "run.json", *record, started)
        if paths["SCORES"]:
            write_scores(paths["SCORES"], result.scores)
        if paths["REPORT"]:
            from ..gwsa_plugin.core.downscaling.report.report import write_downscale_report

            write_downscale_report(paths["REPORT"], result, options, paths["APPLICABILITY"])
        outputs = {name: str(path) for name, path in paths.items() if path}
        outputs["LAYERS"] = [str(path) for path in result.years]
        if parameters.get("REGIONS"):
            outputs["REGIONS"] = self._write_regions(parameters, context, result.regions, polygons)
        return outputs

    def _options(self, parameters, context):
        from ..gwsa_plugin.core.downscaling.downscale import Blocking, Boosting, DownscaleOptions

        value = {
            name: (self.parameterAsInt if kind == INTEGER else self.parameterAsDouble)(
                parameters, name, context
            )
            for name, (_, kind, *_) in NUMBERS.items()
        }
        return DownscaleOptions(
            self.period(parameters, context),
            value["LEAST_AREA"],
            value["FEATHER"],
            self.parameterAsBool(parameters, "EXACT", context),
            list(TARGETS)[self.parameterAsEnum(parameters, "TARGET", context)],
            self.parameterAsBool(parameters, "COMPARE", context),
            self.parameterAsBool(parameters, "STOPPING", context),
            value["SEARCH"],
            Boosting(value["TREES"], value["DEPTH"], value["RATE"], seed=value["SEED"]),
            Blocking(value["BLOCK"], value["BUFFER"], value["SEED"]),
        )

    def _polygons(self, parameters, context, progress) -> dict[str, tuple[QgsGeometry, str]]:
        """Name -> polygon in EPSG:4326, the polygons of one name joined, and the name of its parent."""
        source = self.parameterAsSource(parameters, "AQUIFERS", context)
        if source is None:
            return {}
        shapes = geometries_in_degrees(source, context, progress)
        fields = [
            self.parameterAsString(parameters, name, context)
            for name in ("ID_FIELD", "PARENT_FIELD")
        ]
        values = columns(source, [field for field in fields if field], progress)
        names = values.get(fields[0], range(1, len(shapes) + 1))
        parents = values.get(fields[1], [""] * len(shapes))
        joined: dict[str, list] = {}
        for name, parent, shape in zip(names, parents, shapes):
            if not shape.isEmpty():
                joined.setdefault(str(name), []).append((shape, str(parent or "")))
        return {
            name: (QgsGeometry.collectGeometry([shape for shape, _ in parts]), parts[0][1])
            for name, parts in joined.items()
        }

    def _write_regions(self, parameters, context, rows, polygons) -> str:
        fields = layer_fields(REGION_FIELDS)
        degrees = QgsCoordinateReferenceSystem("EPSG:4326")
        shape = QgsWkbTypes.Type.MultiPolygon
        sink, layer_id = self.parameterAsSink(
            parameters, "REGIONS", context, fields, shape, degrees
        )
        for row in rows:
            feature = QgsFeature(fields)
            feature.setAttributes([row[name] for name in REGION_FIELDS])
            if row["name"] in polygons:
                feature.setGeometry(polygons[row["name"]][0])
            sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert)
        style_layer(layer_id, "regions.qml", context)
        return layer_id
