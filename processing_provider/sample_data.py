"""gwsa:sampledata: a whole sample world with a known truth, in the layouts of the real files."""

from __future__ import annotations

from qgis.core import (
    QgsProcessingOutputFile,
    QgsProcessingOutputFolder,
    QgsProcessingOutputNumber,
    QgsProcessingOutputRasterLayer,
    QgsProcessingOutputVectorLayer,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
)

from .base import GwsaAlgorithm, tr


class SampleData(GwsaAlgorithm):
    ID = "sampledata"
    NAME = "Sample data"
    HELP = (
        "Makes a sample world whose groundwater is known at 1 km, and writes what GRACE, GLDAS, satellites and wells "
        "would show of it, in the layouts of the real files: a CSR RL06.3 mascon file with its true gaps and its land "
        "mask, GLDAS Noah 2.1 monthly files, 19 predictors with their catalogue, aquifers, wells with the flaws of "
        "real ones, and the truth beside them in the folder truth. The world follows from the region, the period and "
        "the seed alone. It is made up: nothing in it describes a real place."
    )
    TAGS = ("sample", "synthetic", "demo", "test data", "truth", "CSR", "GLDAS", "wells")

    def initAlgorithm(self, config=None):
        self.add(
            QgsProcessingParameterExtent(
                "EXTENT", tr("Region"), defaultValue="74,80,26,32 [EPSG:4326]"
            ),
            "Where the world is, snapped outward to cells of 0.25°; six degrees by six take about a minute.",
        )
        self.add(
            QgsProcessingParameterString(
                "START", tr("First month (YYYY-MM)"), defaultValue="2009-01"
            ),
            "First month of the predictors and of the 1 km truth, widened to whole years. GRACE and GLDAS always have "
            "2002-04 to 2020-12.",
        )
        self.add(
            QgsProcessingParameterString("END", tr("Last month (YYYY-MM)"), defaultValue="2018-12"),
            "Last month of the predictors and of the 1 km truth, widened to whole years.",
        )
        self.add(
            QgsProcessingParameterNumber("SEED", tr("Seed"), defaultValue=1, minValue=0),
            "Another number makes another world; the same number makes the same bytes.",
        )
        self.add(
            QgsProcessingParameterBoolean(
                "TILES", tr("GRACE sees tiles of 1°"), defaultValue=False
            ),
            "Give all cells of a 1° tile one TWSA series, as real mascons nearly do; otherwise each cell has its own.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterFolderDestination("OUTPUT", tr("Sample world")),
            "Folder for the whole world; some 700 MB for six degrees by six and ten years.",
        )
        for output in (
            QgsProcessingOutputFile("TWSA", tr("Mascon file")),
            QgsProcessingOutputFile("LAND_MASK", tr("Land mask of the mascons")),
            QgsProcessingOutputFolder("GLDAS", tr("GLDAS folder")),
            QgsProcessingOutputFile("CATALOGUE", tr("Predictor catalogue")),
            QgsProcessingOutputRasterLayer("LAND", tr("Land at 1 km")),
            QgsProcessingOutputVectorLayer("AQUIFERS", tr("Aquifers")),
            QgsProcessingOutputVectorLayer("WELLS", tr("Wells")),
            QgsProcessingOutputVectorLayer("OBSERVATIONS", tr("Well observations")),
            QgsProcessingOutputNumber("RMSE_ORACLE", tr("RMSE in cm that no method can better")),
            QgsProcessingOutputNumber("RMSE_NO_MODEL", tr("RMSE in cm without any predictor")),
        ):
            self.addOutput(output)

    def execute(self, parameters, context, progress):
        from ..gwsa_plugin.core.files.provenance import now, write_run
        from ..gwsa_plugin.core.sample_world.world import PARTS, WorldOptions, make_world

        started = now()
        start, end = self.period(parameters, context)
        options = WorldOptions(
            bounds=self.region(parameters, context),
            start=str(start),
            end=str(end),
            seed=self.parameterAsInt(parameters, "SEED", context),
            tiles=self.parameterAsBool(parameters, "TILES", context),
        )
        folder = self.output_path(parameters, "OUTPUT", context)
        facts = make_world(folder, options, progress)
        write_run(folder / "run.json", self.ID, {}, facts["options"], started)
        return {
            "OUTPUT": str(folder),
            **{name: str(folder / part) for name, part in PARTS.items()},
            "RMSE_ORACLE": facts["rmse_oracle_cm"],
            "RMSE_NO_MODEL": facts["rmse_mean_preserving_cm"],
        }
