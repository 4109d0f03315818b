"""gwsa:downscale: downscale a coarse GWSA stack to monthly 1 km maps."""

from __future__ import annotations

from qgis.core import (
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

from .base import POLYGONS, tr
from .downscale_parameters import (
    CHOICES,
    ENCODINGS,
    FILES,
    INTEGER,
    METHOD_HELP,
    METHODS,
    NUMBERS,
    SWITCHES,
    TARGETS,
    VALIDATIONS,
)
from .layers import find_field, open_layer
from .polygon_layers import Polygon, joined_by_name, read_polygons
from .styles.loading import when_loaded, write_vector_style
from .styles.map_group import load_maps
from .styles.rasters import title_file
from .styles.vectors import style_regions
from .vector_output import Place, write_features
from .well_parameters import FIELDS, WellAlgorithm

# Field of the layer of regions -> type.
REGION_FIELDS = {
    "name": "string", "cells": "integer", "area_km2": "double", "n_eff": "double",
    "model": "string", "contrast_nse": "double", "contrast_rmse_cm": "double",
    "rmse_cm": "double", "gain_over_mean_preserving": "double", "gain_over_bilinear": "double",
}  # fmt: skip


class Downscale(WellAlgorithm):
    """Algorithm that downscales a coarse GWSA stack to monthly 1 km maps."""

    ID = "downscale"
    NAME = "Downscale to 1 km"
    SHORT = "Makes monthly 1 km maps of coarse groundwater storage anomalies."
    GROUP = "downscaling"
    HELP = (
        "Downscales coarse GWSA to maps of 1 km, one GeoTIFF per year (GWSA_YYYY.tif, twelve bands "
        "January to December, cm). By default (METHOD) a prior is fitted through the footprint of "
        "GRACE: the response of storage to antecedent water surplus and runoff. It corrects the "
        "coarse field for leakage and predicts the 1 km pixels. XGBoost models, one per aquifer, "
        "predict what the prior leaves, where held-out footprints can test them. A smooth "
        "correction makes the area-weighted mean of each coarse cell equal to its coarse value. "
        "Held-out years, held-out footprints and wells are the evidence for the prior: confirmed, "
        "untested or refuted. If they refute it, the map is mean-preserving interpolation, and its "
        "title states that. The scores are of two kinds that must not be mixed: closure (how "
        "closely the map follows its input) and held-out skill (for cells and months that a model "
        "was not trained on). The maps of HELD_OUT are made by such models only. The verdict on "
        "the maps is the last line of the log, and is in run.json, in the tags and titles of the "
        "yearly files and in the report. It has two claims beside the evidence. The 1 km detail is "
        "confirmed, refuted or undecided by wells, or untested without them. Skill for unseen "
        "footprints is the gain where neither the footprint of GRACE nor the months were used for "
        "training."
    )
    TAGS = ("downscaling", "XGBoost", "1 km", "aquifer", "machine learning", "GWSA")
    REQUIRES = ("scipy", "xgboost")
    VARIABLES = {"GWSA": "GWSA", "GWSA_SIGMA": "GWSA_SIGMA"}

    def initAlgorithm(self, config=None):
        self.add(
            QgsProcessingParameterRasterLayer("GWSA", tr("Coarse GWSA stack")),
            "GWSA in cm with bands named YYYY-MM, as written by the water balance.",
        )
        self.add(
            QgsProcessingParameterRasterLayer(
                "GWSA_SIGMA", tr("Sigma of the coarse GWSA"), optional=True
            ),
            "Standard deviation in cm per cell and month; with it, sigma of the maps is written.",
        )
        self.add(
            QgsProcessingParameterFile(
                "PREDICTORS", tr("Predictor set"), QgsProcessingParameterFile.Behavior.Folder
            ),
            "Folder written by Build predictors for the same coarse cells.",
        )
        self.add_period("to map")
        self.add(
            QgsProcessingParameterEnum(
                "METHOD",
                tr("Method"),
                [tr(label) for label in METHODS.values()],
                defaultValue=0,
            ),
            METHOD_HELP,
        )
        self.add(
            QgsProcessingParameterFeatureSource(
                "AQUIFERS", tr("Aquifers"), POLYGONS, optional=True
            ),
            "Polygons of aquifer systems in any CRS. Without them, one model serves all cells.",
        )
        self.add(
            QgsProcessingParameterField(
                "ID_FIELD", tr("Field with the name of an aquifer"), "", "AQUIFERS", optional=True
            ),
            "Polygons of the same name are one region; those without a name are left out. If "
            "empty, each polygon is a region.",
        )
        self.add(
            QgsProcessingParameterField(
                "PARENT_FIELD",
                tr("Field with the name of its parent"),
                "",
                "AQUIFERS",
                optional=True,
            ),
            "Larger system that an aquifer belongs to. Small aquifers of one parent share a model.",
        )
        self.add_wells(
            optional=True,
            use="Wells that test the 1 km detail of the maps. Nothing is trained on them. Without "
            "wells the detail is untested.",
        )
        self.add_specific_yield()
        self.add_well_fields(name for name in FIELDS if name != "AQUIFER_FIELD")
        self.add_well_rules()
        for name, (label, kind, default, least, most, help) in NUMBERS.items():
            self.add(
                QgsProcessingParameterNumber(
                    name, tr(label), kind, default, minValue=least, maxValue=most
                ),
                help,
                advanced=True,
            )
        for name, (label, values, help) in CHOICES.items():
            labels = [tr(value) for value in values.values()]
            self.add(
                QgsProcessingParameterEnum(name, tr(label), labels, defaultValue=0),
                help,
                advanced=name != "VALIDATION",
            )
        for name, (label, default, help) in SWITCHES.items():
            self.add(
                QgsProcessingParameterBoolean(name, tr(label), default),
                help,
                advanced=True,
            )
        self.add(
            QgsProcessingParameterString("SCHEDULER", tr("Dask scheduler"), optional=True),
            "Address of a Dask scheduler, tcp://host:8786 or tls://, whose workers train and make "
            "maps. They must be able to access the folders of predictors and maps under the same "
            "paths. The maps are the same as those of one machine. Leave empty to use this machine "
            "only.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterFolderDestination("OUTPUT", tr("1 km maps")),
            "Folder for GWSA_YYYY.tif, and for sigma/GWSA_SIGMA_YYYY.tif if sigma is given.",
        )
        self.add(
            QgsProcessingParameterRasterDestination(
                "CORRECTED",
                tr("Leakage-corrected coarse GWSA"),
                optional=True,
                createByDefault=False,
            ),
            "Coarse GWSA plus the cell means of the prior minus these means as GRACE would observe "
            "them, in cm with bands named YYYY-MM: the field whose cell means the maps have. "
            "Pumping and other storage that the prior does not know is not corrected. Where the "
            "prior is not mapped, this is the coarse GWSA as given, and the title states that.",
        )
        self.add(
            QgsProcessingParameterRasterDestination(
                "CORRECTED_SIGMA",
                tr("Sigma of the leakage-corrected GWSA"),
                optional=True,
                createByDefault=False,
            ),
            "In cm, with the bands of CORRECTED; needs the sigma of the coarse GWSA. It adds what "
            "GRACE does not show of the mean of a cell, which is modelled, and calibrated where "
            "wells are given.",
        )
        self.add(
            QgsProcessingParameterRasterDestination(
                "APPLICABILITY", tr("Area of applicability"), optional=True
            ),
            "Where the models are not reliable: dissimilarity of the predictors of each pixel from "
            "those of the samples of the fit, and fraction of four seasons in which the pixel is "
            "inside the area of applicability (Meyer & Pebesma 2021).",
        )
        self.add(
            QgsProcessingParameterFeatureSink(
                "REGIONS",
                tr("Regions and their skill"),
                QgsProcessing.SourceType.TypeVectorPolygon,
                optional=True,
                createByDefault=False,
            ),
            "Aquifers with the number of their cells and of independent GRACE values, the model "
            "that serves them, and their held-out skill.",
        )
        for name, (label, kind, help) in FILES.items():
            optional = {"optional": True, "createByDefault": name == "REPORT"}
            parameter = (
                QgsProcessingParameterFileDestination(name, tr(label), kind, **optional)
                if kind
                else QgsProcessingParameterFolderDestination(name, tr(label), **optional)
            )
            self.add(parameter, help)
        self.addOutput(QgsProcessingOutputMultipleLayers("LAYERS", tr("Yearly maps")))

    def libraries(self, parameters):
        scheduler = ("distributed",) if str(parameters.get("SCHEDULER") or "").strip() else ()
        return (*super().libraries(parameters), *scheduler)

    def execute(self, parameters, context, progress):
        from ..gwsa_plugin.core.base.errors import InputError
        from ..gwsa_plugin.core.compute.dask_cluster import task_runner
        from ..gwsa_plugin.core.downscaling.downscale import (
            Aquifer,
            Outputs,
            PredictorSet,
            downscale,
        )
        from ..gwsa_plugin.core.downscaling.skill.scores import write_scores
        from ..gwsa_plugin.core.downscaling.skill.verdict import coarse_title, layer_title
        from ..gwsa_plugin.core.files.provenance import now, provenance
        from ..gwsa_plugin.core.files.stack import read_stack
        from ..gwsa_plugin.core.predictors.predictor_set import CONTENTS

        scheduler = self.parameterAsString(parameters, "SCHEDULER", context).strip()
        started = now()
        options = self._options(parameters, context)
        inputs = {
            name: self.input_path(parameters, name, context) for name in ("GWSA", "GWSA_SIGMA")
        }
        polygons = self._aquifers(parameters, context, progress)
        aquifers = [
            Aquifer(name, polygon.geojson, parent) for name, (polygon, parent) in polygons.items()
        ]
        if parameters.get("CORRECTED_SIGMA") and not inputs["GWSA_SIGMA"]:
            raise InputError(
                "The sigma of the leakage-corrected GWSA needs GWSA_SIGMA; give the sigma of the "
                "coarse GWSA or leave CORRECTED_SIGMA empty."
            )
        wells = self.well_records(parameters, context, progress.part(0.0, 0.02), "ID_FIELD")
        predictors = PredictorSet.open(self.parameterAsString(parameters, "PREDICTORS", context))
        paths = {
            name: self.output_path(parameters, name, context)
            for name in ("OUTPUT", "CORRECTED", "CORRECTED_SIGMA", "APPLICABILITY", *FILES)
        }
        inputs["PREDICTORS"] = predictors.folder / CONTENTS
        sigma_path = inputs["GWSA_SIGMA"]
        sigma = read_stack(sigma_path, "GWSA_SIGMA", progress) if sigma_path else None
        unencrypted = self.parameterAsBool(parameters, "UNENCRYPTED", context)
        with task_runner(scheduler, progress, unencrypted) as run:
            result = downscale(
                read_stack(inputs["GWSA"], "GWSA", progress),
                predictors,
                aquifers,
                Outputs(
                    paths["OUTPUT"],
                    models=paths["MODELS"],
                    held_out=paths["HELD_OUT"],
                    applicability=paths["APPLICABILITY"],
                    explanation=paths["EXPLANATION"],
                    corrected=paths["CORRECTED"],
                    corrected_sigma=paths["CORRECTED_SIGMA"],
                    replaces=self.parameterAsBool(parameters, "REPLACE", context),
                ),
                options,
                sigma=sigma,
                tags=provenance(self.ID, inputs, options.as_parameters(), progress),
                wells=wells,
                progress=progress.part(0.02, 1.0),
                run=run,
            )
        verdict = result.verdict
        for path in result.years:
            title_file(path, layer_title(path.stem[-4:], verdict.detail, verdict.interpolated))
        maps = (result.years, result.sigma, paths["APPLICABILITY"])
        load_maps(tr("GWSA 1 km"), *maps, context)
        settings = {**options.as_parameters(), **({"wells": vars(wells.rules)} if wells else {})}
        results = verdict.as_results()
        record_file = paths["OUTPUT"] / "run.json"
        self.write_record(record_file, inputs, settings, started, results)
        if paths["CORRECTED"]:
            self.finish_raster(paths["CORRECTED"], inputs, settings, started, results)
            title_file(paths["CORRECTED"], coarse_title(verdict.evidence))
        if paths["CORRECTED_SIGMA"]:
            self.finish_raster(paths["CORRECTED_SIGMA"], inputs, settings, started, results)
        if paths["SCORES"]:
            write_scores(paths["SCORES"], result.scores)
        if paths["REPORT"]:
            from ..gwsa_plugin.core.downscaling.report.report import write_downscale_report

            write_downscale_report(
                paths["REPORT"], result, options, paths["APPLICABILITY"], sigma, progress
            )
        outputs = {name: str(path) for name, path in paths.items() if path}
        outputs["LAYERS"] = [str(path) for path in result.years]
        if parameters.get("REGIONS"):
            outputs["REGIONS"] = self._write_regions(parameters, context, result.regions, polygons)
        progress.info(verdict.last_line)
        return outputs

    def _options(self, parameters, context):
        from ..gwsa_plugin.core.downscaling.options import Blocking, Boosting, DownscaleOptions

        value = {
            name: (self.parameterAsInt if kind == INTEGER else self.parameterAsDouble)(
                parameters, name, context
            )
            for name, (_, kind, *_) in NUMBERS.items()
        }
        return DownscaleOptions(
            period=self.period(parameters, context),
            least_area=value["LEAST_AREA"],
            feather_km=value["FEATHER"],
            encoding=list(ENCODINGS)[self.parameterAsEnum(parameters, "ENCODING", context)],
            method=list(METHODS)[self.parameterAsEnum(parameters, "METHOD", context)],
            target=list(TARGETS)[self.parameterAsEnum(parameters, "TARGET", context)],
            validation=list(VALIDATIONS)[self.parameterAsEnum(parameters, "VALIDATION", context)],
            stopping=self.parameterAsBool(parameters, "STOPPING", context),
            search=value["SEARCH"],
            boosting=Boosting(value["TREES"], value["DEPTH"], value["RATE"], seed=value["SEED"]),
            blocking=Blocking(value["BLOCK"], value["BUFFER"], value["SEED"]),
        )

    def _aquifers(self, parameters, context, progress) -> dict[str, tuple[Polygon, str]]:
        """Name -> polygons and name of the parent; polygons of one name are joined."""
        layer = open_layer(self, parameters, "AQUIFERS", context)
        if layer is None:
            return {}
        id_field, parent_field = (
            find_field(layer, self.parameterAsString(parameters, name, context), name)
            for name in ("ID_FIELD", "PARENT_FIELD")
        )
        parents = [parent_field] if parent_field else []
        joined = joined_by_name(read_polygons(layer, id_field, parents, progress))
        return {one.name: (one, str(one.values.get(parent_field) or "")) for one in joined}

    def _write_regions(self, parameters, context, rows, aquifers) -> str:
        # Region 0 is the land outside all aquifers, whatever these are called.
        shapes = {row["number"]: aquifers[row["name"]][0].shape for row in rows if row["number"]}
        layer = write_features(
            Place(self, parameters, "REGIONS", context),
            REGION_FIELDS,
            QgsWkbTypes.Type.MultiPolygon,
            [([row[name] for name in REGION_FIELDS], shapes.get(row["number"])) for row in rows],
        )
        write_vector_style(layer, style_regions)
        when_loaded(layer, context, style_regions)
        return layer
