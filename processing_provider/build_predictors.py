"""gwsa:buildpredictors: build an aligned predictor set from the rasters of a catalogue."""

from __future__ import annotations

from pathlib import Path

from qgis.core import (
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
)

from .base import GwsaAlgorithm, tr


class BuildPredictors(GwsaAlgorithm):
    ID = "buildpredictors"
    NAME = "Build predictors"
    SHORT = "Brings predictor rasters onto one 1 km grid."
    GROUP = "downscaling"
    HELP = (
        "Brings the rasters that a catalogue names, of any projection, resolution and extent, onto "
        "one fine grid (1 km for a stack of 0.25°) and averages them by area over the cells of the "
        "coarse grid. The result is a folder of GeoTIFFs with a predictors.json, which Downscale "
        "reads. The catalogue is a JSON file in the folder of the rasters. A documented example "
        "with 19 predictors (topography, soil, climate, hydrology, vegetation) is in "
        "resources/catalogue of the plugin: copy it and change names, files, units, lags and "
        "means. Lags and antecedent means use the months before the first one for which files "
        "exist. One message lists all missing files. Building again into the same folder writes "
        "only what has changed and removes what is no longer needed."
    )
    TAGS = (
        "predictors",
        "covariates",
        "catalogue",
        "resample",
        "warp",
        "align",
        "lags",
        "one-hot",
        "1 km",
    )

    def initAlgorithm(self, config=None):
        self.add(
            QgsProcessingParameterFile("CATALOGUE", tr("Catalogue"), extension="json"),
            "JSON file that names the predictors and their rasters, by paths relative to it.",
        )
        self.add(
            QgsProcessingParameterRasterLayer("GRID", tr("Coarse grid")),
            "Stack whose cells are the coarse grid, for example the coarse GWSA; its values are "
            "not used.",
        )
        self.add(
            QgsProcessingParameterRasterLayer("LAND_MASK", tr("Land mask"), optional=True),
            "Raster that is above 0 on land. By default the land mask that the catalogue names or, "
            "without one, the pixels where at least half of the static predictors have a value.",
        )
        self.add_period("of the set")
        self.add(
            QgsProcessingParameterNumber(
                "FACTOR",
                tr("Pixels along a side of a coarse cell"),
                defaultValue=30,
                minValue=1,
                maxValue=1000,
            ),
            "Number of fine pixels along a side of a coarse cell; 30 divides 0.25° into 0.008333°.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterBoolean("REPLACE", tr("Replace a set on another grid"), False),
            "Replace a predictor set on another grid that the folder has. Otherwise such a folder "
            "is refused. A set on the same grid is always updated: unchanged rasters are kept, and "
            "those that are no longer needed are removed.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterBoolean(
                "OUTSIDE", tr("Allow files outside the folder of the catalogue"), False
            ),
            "The catalogue may name files in other folders, in archives and on servers, also in "
            "virtual rasters (VRT). Set it only for a catalogue that you made or trust: their "
            "values are copied into the predictor set.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterFolderDestination("OUTPUT", tr("Predictor set")),
            "Folder for predictors.json, the fine rasters (with land.tif) and the coarse ones.",
        )

    def execute(self, parameters, context, progress):
        from ..gwsa_plugin.core.predictors.build import Inputs, build_predictors

        inputs = Inputs(
            Path(self.parameterAsFile(parameters, "CATALOGUE", context)),
            self.input_path(parameters, "GRID", context),
            self.input_path(parameters, "LAND_MASK", context),
            self.parameterAsBool(parameters, "OUTSIDE", context),
        )
        output = self.output_path(parameters, "OUTPUT", context)
        factor = self.parameterAsInt(parameters, "FACTOR", context)
        period = self.period(parameters, context)
        replaces = self.parameterAsBool(parameters, "REPLACE", context)
        build_predictors(inputs, output, period, factor, progress, replaces)
        return {"OUTPUT": str(output)}
