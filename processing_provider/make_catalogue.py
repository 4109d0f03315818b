"""gwsa:makecatalogue: write a predictor catalogue from raster files."""

from __future__ import annotations

from pathlib import Path

from qgis.core import (
    QgsProcessing,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterRasterLayer,
)

from .base import GwsaAlgorithm, tr


class MakeCatalogue(GwsaAlgorithm):
    """Recognises predictors in rasters and writes their catalogue."""

    ID = "makecatalogue"
    NAME = "Make predictor catalogue"
    HELP = (
        "Recognises predictors in raster layers or in the rasters of a folder, and writes the "
        "catalogue that Build predictors reads. Files whose names differ only in the year or the "
        "month are one predictor. A raster with one band is static. Months are recognised in the "
        "names of the files or in band descriptions such as 2004-01; twelve bands in a file with a "
        "year in its name are January to December. Each variable of a NetCDF file over longitude "
        "and latitude is a predictor, with the months of its time axis. Unit, scale and offset are "
        "those of the files. Precipitation, evapotranspiration and runoff in mm get their roles "
        "from their names. Predictors that are named as in the example in resources/catalogue get "
        "its lags and means. The log lists what was recognised, and which files cannot be used and "
        "why. The dialog Predictors of the menu GWSA does the same in a table that can be edited."
    )
    SHORT = "Recognises predictors in raster files and writes their catalogue."
    GROUP = "downscaling"
    TAGS = ("predictors", "catalogue", "covariates", "JSON", "lags", "recognise")

    def initAlgorithm(self, config=None):
        self.add(
            QgsProcessingParameterMultipleLayers(
                "INPUT",
                tr("Predictor rasters"),
                QgsProcessing.SourceType.TypeRaster,
                optional=True,
            ),
            "Raster layers or files. One file of a series of years or months is enough.",
        )
        self.add(
            QgsProcessingParameterFile(
                "FOLDER",
                tr("Folder of rasters"),
                QgsProcessingParameterFile.Behavior.Folder,
                optional=True,
            ),
            "All rasters in this folder and in the folders in it are predictors, except those of "
            "predictor sets and a land mask named land.tif or land_mask.tif.",
        )
        self.add(
            QgsProcessingParameterRasterLayer("LAND_MASK", tr("Land mask"), optional=True),
            "Raster that is above 0 on land, which the catalogue then names. By default land.tif "
            "or land_mask.tif in the folder, if there is one.",
        )
        self.add(
            QgsProcessingParameterFileDestination("OUTPUT", tr("Catalogue"), "JSON (*.json)"),
            "JSON file. Paths in it are relative to its folder: if both are moved together, it "
            "remains valid.",
        )
        self.addOutput(QgsProcessingOutputNumber("COUNT", tr("Number of predictors")))

    def execute(self, parameters, context, progress):
        from ..gwsa_plugin.core.base.errors import InputError
        from ..gwsa_plugin.core.predictors.paths import layer_file
        from ..gwsa_plugin.core.predictors.predictor_facts import facts_text
        from ..gwsa_plugin.core.predictors.recognise import find_land, raster_files, recognise
        from ..gwsa_plugin.core.predictors.write_catalogue import write_catalogue

        layers = self.parameterAsLayerList(parameters, "INPUT", context)
        files = [layer_file(layer.source()) for layer in layers]
        land = self.input_path(parameters, "LAND_MASK", context)
        folder = self.parameterAsFile(parameters, "FOLDER", context)
        if folder:
            files += raster_files(Path(folder))
            land = land or find_land(Path(folder))
        if not files:
            raise InputError("There is no raster; choose layers (INPUT) or a folder (FOLDER).")
        usable = []
        for item in recognise(files, progress=progress):
            name = item.predictor.name
            if item.facts.problem:
                progress.warn(f"{name} is left out: {item.facts.problem}")
            else:
                progress.info(f"{name}: {facts_text(item.predictor, item.facts)}")
                usable.append(item.predictor)
        if not usable:
            raise InputError("No raster can be used as a predictor; the log states the reasons.")
        path = self.output_path(parameters, "OUTPUT", context)
        catalogue = write_catalogue(path, usable, land)
        progress.info(
            f"{path.name} names {len(catalogue.predictors)} predictors with "
            f"{sum(len(item.features) for item in catalogue.predictors)} features."
        )
        return {"OUTPUT": str(path), "COUNT": len(catalogue.predictors)}
