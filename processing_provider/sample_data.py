"""gwsa:sampledata: a synthetic sample world with a known truth."""

from __future__ import annotations

from qgis.core import (
    QgsProcessingOutputFile,
    QgsProcessingOutputFolder,
    QgsProcessingOutputNumber,
    QgsProcessingOutputRasterLayer,
    QgsProcessingOutputVectorLayer,
    QgsProcessingParameterEnum,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
)

from .base import GwsaAlgorithm, tr
from .styles.loading import LayerGroup, load
from .styles.rasters import style_raster, write_styles
from .styles.vectors import style_aquifers, style_sample_wells

# Labels in the order of ``CASES`` of the core.
CASE_LABELS = [
    "default",
    "no signal: no predictor explains groundwater",
    "pumping from the middle of the period on",
    "evapotranspiration 25 % too high",
    "evapotranspiration 25 % too low",
    "evapotranspiration without irrigation",
    "depletion of up to 20 cm/yr",
    "canals",
    "slow response, 80 months",
    "constant recharge",
    "specific yields of wells doubled",
    "coast",
]
OBSERVATION_LABELS = ["as by GRACE", "cell by cell"]


class SampleData(GwsaAlgorithm):
    """Writes the input files of all stages for a synthetic world, and its truth."""

    ID = "sampledata"
    NAME = "Sample data"
    SHORT = "Makes a synthetic world with a known truth, in the files of real data."
    GROUP = "sample"
    HELP = (
        "Creates a synthetic world whose groundwater storage is known at 1 km, and writes "
        "simulated observations of it in the layouts of the real files: a CSR RL06.3 mascon file "
        "with the footprint of GRACE and its real gaps, its land mask, GLDAS Noah 2.1 monthly "
        "files, 19 predictors with their catalogue, aquifers, and wells with errors that are "
        "common in real records. The truth is in the folder truth. The world depends only on "
        "these settings and the seed. It does not describe any real place."
    )
    TAGS = ("sample", "synthetic", "demo", "test data", "truth", "CSR", "GLDAS", "wells")

    def initAlgorithm(self, config=None):
        self.add(
            QgsProcessingParameterExtent(
                "EXTENT", tr("Region"), defaultValue="74,80,26,32 [EPSG:4326]"
            ),
            "Region of the world, widened to cells of 0.25°. A region of 6° by 6° takes about a "
            "minute.",
        )
        self.add(
            QgsProcessingParameterString(
                "START", tr("First month (YYYY-MM)"), defaultValue="2009-01"
            ),
            "First month of the 1 km truth, widened to full years. Predictors begin two years "
            "earlier. GRACE and GLDAS always cover 2002-04 to 2020-12.",
        )
        self.add(
            QgsProcessingParameterString("END", tr("Last month (YYYY-MM)"), defaultValue="2018-12"),
            "Last month of the predictors and of the 1 km truth, widened to full years.",
        )
        self.add(
            QgsProcessingParameterNumber("SEED", tr("Seed"), defaultValue=1, minValue=0),
            "Seed of all random numbers. The same seed gives identical files.",
        )
        self.add(
            QgsProcessingParameterEnum("CASE", tr("Case"), CASE_LABELS, defaultValue=0),
            "What differs from the default world: storage that no predictor explains, predictors "
            "with errors, or wells with wrong specific yields.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterEnum(
                "OBSERVATION", tr("Observation"), OBSERVATION_LABELS, defaultValue=0
            ),
            "As by GRACE: through a footprint, as means over mascon tiles, with correlated noise, "
            "and with errors of GLDAS. Cell by cell: each 0.25° cell by itself, as no satellite "
            "observes; skill in such a world is an upper bound.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterNumber(
                "FOOTPRINT", tr("Footprint (km)"), defaultValue=250, minValue=0
            ),
            "Full width of the footprint at half maximum, for observation as by GRACE.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterFolderDestination("OUTPUT", tr("Sample world")),
            "Folder of the world. A region of 6° by 6° and ten years needs about 700 MB.",
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
            QgsProcessingOutputNumber(
                "RMSE_ORACLE", tr("RMSE of the oracle (cm), the lower limit of all methods")
            ),
            QgsProcessingOutputNumber(
                "RMSE_NO_MODEL",
                tr("RMSE of mean-preserving interpolation (cm), which uses no predictor"),
            ),
        ):
            self.addOutput(output)

    def execute(self, parameters, context, progress):
        from dataclasses import replace

        from ..gwsa_plugin.core.files.provenance import now
        from ..gwsa_plugin.core.sample_world.cases import CASES
        from ..gwsa_plugin.core.sample_world.grace_observation import CELL_BY_CELL, GRACE_LIKE
        from ..gwsa_plugin.core.sample_world.world import PARTS, WorldOptions, make_world

        started = now()
        start, end = self.period(parameters, context)
        options = WorldOptions(
            bounds=self.region(parameters, context),
            start=str(start),
            end=str(end),
            seed=self.parameterAsInt(parameters, "SEED", context),
            case=list(CASES)[self.parameterAsEnum(parameters, "CASE", context)],
            observation=(
                CELL_BY_CELL
                if self.parameterAsEnum(parameters, "OBSERVATION", context)
                else replace(
                    GRACE_LIKE,
                    footprint_km=self.parameterAsDouble(parameters, "FOOTPRINT", context),
                )
            ),
        )
        folder = self.output_path(parameters, "OUTPUT", context)
        facts = make_world(folder, options, progress)
        self.write_record(folder / "run.json", {}, facts["options"], started)
        self._load_world(folder, context)
        progress.info(
            tr(
                "Next, open Plugins > GWSA > The whole chain, and give it the files of this world: "
                "{twsa} as mascon file, {land_mask} as land mask of the mascons, {gldas} as GLDAS "
                "folder, {catalogue} as predictor catalogue, {land} as land mask at 1 km, and the "
                "layers Aquifers, Wells and {observations}."
            ).format(**{name.lower(): folder / part for name, part in PARTS.items()})
        )
        return {
            "OUTPUT": str(folder),
            **{name: str(folder / part) for name, part in PARTS.items()},
            "RMSE_ORACLE": facts["rmse_oracle_cm"],
            "RMSE_NO_MODEL": facts["rmse_mean_preserving_cm"],
        }

    def _load_world(self, folder, context) -> None:
        """Load wells, aquifers and the true map of the newest year as a group."""
        from ..gwsa_plugin.core.sample_world.world import PARTS

        *_, newest = sorted((folder / "truth" / "gwsa_1km").glob("GWSA_*.tif"))
        write_styles([newest])
        group = LayerGroup(tr("Sample world"))

        def show_aquifers(layer):
            style_aquifers(layer)
            group.show_on_top(layer)

        def show_wells(layer):
            style_sample_wells(layer)
            group.show_on_top(layer)

        def show_truth(layer):
            style_raster(layer)
            layer.setName(tr("True {}").format(layer.name()))
            group.show_below(layer)

        load(folder / PARTS["AQUIFERS"], tr("Aquifers"), context, show_aquifers)
        load(folder / PARTS["WELLS"], tr("Wells"), context, show_wells)
        load(newest, newest.stem, context, show_truth)
