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
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsWkbTypes,
)

from ..gwsa_plugin.dependencies import require
from .base import POLYGONS, GwsaAlgorithm, layer_fields, style_file, style_layer, tr
from .well_layers import columns, geometries_in_degrees

INTEGER, REAL = QgsProcessingParameterNumber.Type.Integer, QgsProcessingParameterNumber.Type.Double
NUMBERS = {
    "LEAST_AREA": (
        "Least land for a model of its own (km²)", REAL, 90_000, 0,
        "Aquifers with less land share the model of all cells; 90,000 km² is about one independent GRACE value.",
    ),
    "FEATHER": ("Blending at aquifer borders (km)", REAL, 25, 0, "Half-width of the belt in which models are blended."),
    "TREES": ("Trees", INTEGER, 120, 1, "Number of trees of the model of all cells; aquifers add 30 % to it."),
    "DEPTH": ("Depth of trees", INTEGER, 5, 1, "Deeper trees follow the coarse field more closely and predict worse."),
    "RATE": ("Learning rate", REAL, 0.12, 0.001, "Weight of each tree."),
    "BLOCK": ("Held-out blocks (degrees)", REAL, 3, 0.25, "Side of the blocks of cells that are held out together."),
    "BUFFER": ("Buffer around them (degrees)", REAL, 1, 0, "Cells this near to a held-out block are left out too."),
    "SEED": ("Seed", INTEGER, 1, 0, "Of the sampling inside the trees and of the folds."),
}  # fmt: skip
REGION_FIELDS = {
    "name": "string", "cells": "integer", "area_km2": "double", "n_eff": "double",
    "own_model": "integer", "contrast_r2": "double", "contrast_rmse_cm": "double",
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
            QgsProcessingParameterRasterLayer("GWSA_SIGMA", tr("Sigma of the coarse GWSA"), optional=True),
            "One standard deviation in cm per cell and month; with it sigma maps are written beside the product.",
        )
        self.add(
            QgsProcessingParameterFile("PREDICTORS", tr("Predictor set"), QgsProcessingParameterFile.Behavior.Folder),
            "Folder that Build predictors wrote, on the same coarse cells.",
        )
        self.add(
            QgsProcessingParameterFeatureSource("AQUIFERS", tr("Aquifers"), POLYGONS, optional=True),
            "Polygons of aquifer systems in any CRS; without them one model serves all cells.",
        )
        self.add(
            QgsProcessingParameterField("ID_FIELD", tr("Field that names an aquifer"), "", "AQUIFERS", optional=True),
            "Polygons of one name are one region; empty: each polygon is a region.",
        )
        self.add_period("to map")
        for name, (label, kind, default, least, help) in NUMBERS.items():
            self.add(QgsProcessingParameterNumber(name, tr(label), kind, default, minValue=least), help, advanced=True)
        self.add(
            QgsProcessingParameterBoolean("EXACT", tr("Exact values"), False),
            "Write float32 as computed; otherwise values are rounded within 0.005 cm (LERC), a third of the size.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterFolderDestination("OUTPUT", tr("1 km maps")),
            "Folder for GWSA_YYYY.tif, and sigma/GWSA_SIGMA_YYYY.tif where a sigma is given.",
        )
        for name, label, help in (
            ("MODELS", "Models", "Folder for the models in XGBoost's own format (.ubj) and models.json."),
            (
                "HELD_OUT",
                "Maps of held-out models",
                "Folder for GWSA_YYYY.tif of models that saw neither cell nor month.",
            ),
        ):
            self.add(
                QgsProcessingParameterFolderDestination(name, tr(label), optional=True, createByDefault=False), help
            )
        self.add(
            QgsProcessingParameterFeatureSink(
                "REGIONS", tr("Regions and their skill"), QgsProcessing.SourceType.TypeVectorPolygon, optional=True,
                createByDefault=False,
            ),
            "The aquifers with their cells, independent GRACE values, kind of model, and held-out skill.",
        )  # fmt: skip
        for name, label, kind, help in (
            ("SCORES", "Scores", "JSON (*.json)", "Closure and held-out skill as JSON."),
            ("REPORT", "Report", "HTML (*.html)", "How good, where, against what; needs matplotlib and jinja2."),
        ):
            self.add(
                QgsProcessingParameterFileDestination(name, tr(label), kind, optional=True, createByDefault=False), help
            )
        self.addOutput(QgsProcessingOutputMultipleLayers("LAYERS", tr("Yearly maps")))

    def execute(self, parameters, context, progress):
        from ..gwsa_plugin.core.downscale import Aquifer, Outputs, PredictorSet, downscale, write_scores
        from ..gwsa_plugin.core.predictors import CONTENTS
        from ..gwsa_plugin.core.provenance import now, provenance, write_run
        from ..gwsa_plugin.core.stack import read_stack

        if parameters.get("REPORT"):
            require("matplotlib", "jinja2")
        started, options = now(), self._options(parameters, context)
        inputs = {name: self.input_path(parameters, name, context) for name in ("GWSA", "GWSA_SIGMA")}
        polygons = self._polygons(parameters, context, progress)
        aquifers = [Aquifer(name, json.loads(polygon.asJson(9))) for name, polygon in polygons.items()]
        predictors = PredictorSet.open(self.parameterAsString(parameters, "PREDICTORS", context))
        paths = {
            name: self.output_path(parameters, name, context)
            for name in ("OUTPUT", "MODELS", "HELD_OUT", "SCORES", "REPORT")
        }
        inputs["PREDICTORS"] = predictors.folder / CONTENTS
        record = (self.ID, inputs, options.as_parameters())
        result = downscale(
            read_stack(inputs["GWSA"], "GWSA"),
            predictors,
            aquifers,
            Outputs(paths["OUTPUT"], paths["MODELS"], paths["HELD_OUT"]),
            options,
            sigma=read_stack(inputs["GWSA_SIGMA"], "GWSA sigma") if inputs["GWSA_SIGMA"] else None,
            tags=provenance(*record, progress),
            progress=progress,
        )
        for path in result.years:
            style_file(path, "anomaly.qml")
        for path in result.sigma:
            style_file(path, "sigma.qml")
        write_run(paths["OUTPUT"] / "run.json", *record, started)
        if paths["SCORES"]:
            write_scores(paths["SCORES"], result)
        if paths["REPORT"]:
            from ..gwsa_plugin.core.downscale_report import write_downscale_report

            write_downscale_report(paths["REPORT"], result)
        outputs = {name: str(path) for name, path in paths.items() if path}
        outputs["LAYERS"] = [str(path) for path in result.years]
        if parameters.get("REGIONS"):
            outputs["REGIONS"] = self._write_regions(parameters, context, result.regions, polygons)
        return outputs

    def _options(self, parameters, context):
        from ..gwsa_plugin.core.downscale import Blocking, Boosting, DownscaleOptions

        value = {
            name: (self.parameterAsInt if kind == INTEGER else self.parameterAsDouble)(parameters, name, context)
            for name, (_, kind, *_) in NUMBERS.items()
        }
        return DownscaleOptions(
            self.period(parameters, context),
            value["LEAST_AREA"],
            value["FEATHER"],
            self.parameterAsBool(parameters, "EXACT", context),
            Boosting(value["TREES"], value["DEPTH"], value["RATE"], seed=value["SEED"]),
            Blocking(value["BLOCK"], value["BUFFER"], value["SEED"]),
        )

    def _polygons(self, parameters, context, progress) -> dict[str, QgsGeometry]:
        """Name -> polygon in EPSG:4326, the polygons of one name joined."""
        source = self.parameterAsSource(parameters, "AQUIFERS", context)
        if source is None:
            return {}
        shapes = geometries_in_degrees(source, context, progress)
        field = self.parameterAsString(parameters, "ID_FIELD", context)
        names = columns(source, [field], progress)[field] if field else range(1, len(shapes) + 1)
        joined: dict[str, list[QgsGeometry]] = {}
        for name, shape in zip(names, shapes):
            if not shape.isEmpty():
                joined.setdefault(str(name), []).append(shape)
        return {name: QgsGeometry.collectGeometry(parts) for name, parts in joined.items()}

    def _write_regions(self, parameters, context, rows, polygons) -> str:
        fields = layer_fields(REGION_FIELDS)
        degrees = QgsCoordinateReferenceSystem("EPSG:4326")
        shape = QgsWkbTypes.Type.MultiPolygon
        sink, layer_id = self.parameterAsSink(parameters, "REGIONS", context, fields, shape, degrees)
        for row in rows:
            feature = QgsFeature(fields)
            feature.setAttributes([row[name] for name in REGION_FIELDS])
            if row["name"] in polygons:
                feature.setGeometry(polygons[row["name"]])
            sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert)
        style_layer(layer_id, "regions.qml", context)
        return layer_id
