"""gwsa:gwsabalance: groundwater storage anomalies by the water balance."""

from __future__ import annotations

from qgis.core import (
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
)

from .base import GwsaAlgorithm, tr

STORES = {
    "SMS": "soil moisture",
    "SWES": "snow water",
    "CWS": "canopy water",
    "SWS": "surface water",
    "GLACIER": "glacier ice",
}
OPTIONAL_STORES = ("SWS", "GLACIER")  # not of GLDAS, and as sharp as their maps
OPTIONAL_STACKS = {
    "SIGMA_TWSA": "One standard deviation of TWSA in cm, a stack as gwsa:importtwsa writes.",
    "SIGMA_FILL": "One standard deviation of the gap-filled months in cm, a stack as gwsa:fillgaps writes; it "
    "takes the place of SIGMA_TWSA in the months that are marked as filled.",
}


class GwsaBalance(GwsaAlgorithm):
    ID = "gwsabalance"
    NAME = "Groundwater balance (GWSA)"
    HELP = (
        "Subtracts the anomalies of soil moisture, snow, canopy water and, if given, surface water and glaciers from "
        "total water storage: GWSA = TWSA - SMS - SWES - CWS - SWS - GLACIER, in cm, on the months and cells that all "
        "inputs have. Each input is brought to the baseline 2004-2009 first. All must lie on one grid of cells. Filled "
        "and missing months stay marked as such. GLDAS knows no lakes, rivers, reservoirs or glaciers: what they lose "
        "is counted as groundwater unless they are given. The sigmas of the terms add as squares; a term whose sigma "
        "is not given makes the total a lower bound, and the log and the file's tags say so."
    )
    TAGS = (
        "GWSA",
        "water balance",
        "TWSA",
        "groundwater storage",
        "uncertainty",
        "sigma",
        "reservoirs",
        "lakes",
    )

    def initAlgorithm(self, config=None):
        self.add(
            QgsProcessingParameterRasterLayer("TWSA", tr("TWSA stack")),
            "Total water storage anomaly, a stack with bands named YYYY-MM.",
        )
        for name, water in STORES.items():
            self.add(
                QgsProcessingParameterRasterLayer(
                    name, tr(f"{name} stack ({water})"), optional=name in OPTIONAL_STORES
                ),
                f"Anomaly of {water} storage, a stack with bands named YYYY-MM on the same cells"
                + (
                    ", zero and not nodata where there is none." if name in OPTIONAL_STORES else "."
                ),
                advanced=name == "GLACIER",
            )
        for name in OPTIONAL_STORES:
            self.add(
                QgsProcessingParameterNumber(
                    f"{name}_RADIUS",
                    tr(f"Gaussian filter of {STORES[name]}: radius (km)"),
                    QgsProcessingParameterNumber.Type.Double,
                    defaultValue=0,
                    optional=True,
                    minValue=0,
                ),
                f"Radius in km of a Gaussian filter that makes {STORES[name]} as smooth as GRACE sees it, about 300; 0 "
                "takes it as given. A filtered stack should reach three radii beyond the region; the log warns if not.",
                advanced=True,
            )
        for name, help in OPTIONAL_STACKS.items():
            self.add(
                QgsProcessingParameterRasterLayer(name, tr(f"{name} stack"), optional=True),
                help,
                advanced=name == "SIGMA_FILL",
            )
        for name, water in STORES.items():
            self.add(
                QgsProcessingParameterNumber(
                    f"SIGMA_{name}",
                    tr(f"Sigma of {water} (cm)"),
                    QgsProcessingParameterNumber.Type.Double,
                    optional=True,
                    minValue=0,
                ),
                f"One standard deviation of the {water} anomaly in cm, for all cells and months.",
                advanced=True,
            )
        self.add(
            QgsProcessingParameterRasterDestination("OUTPUT", tr("GWSA")),
            "GeoTIFF of groundwater storage anomalies in cm against 2004-2009, bands named YYYY-MM.",
        )
        self.add(
            QgsProcessingParameterRasterDestination(
                "SIGMA", tr("Sigma of GWSA"), optional=True, createByDefault=False
            ),
            "GeoTIFF of one standard deviation of GWSA in cm; needs at least one of the sigmas above.",
        )

    def execute(self, parameters, context, progress):
        from ..gwsa_plugin.core.files.provenance import now, provenance
        from ..gwsa_plugin.core.files.stack import read_stack, write_stack
        from ..gwsa_plugin.core.water_balance import (
            Sigma,
            filter_to_footprint,
            groundwater,
            groundwater_sigma,
        )

        started = now()
        inputs = {
            name: self.input_path(parameters, name, context)
            for name in ("TWSA", *STORES, *OPTIONAL_STACKS)
        }
        stacks = {
            name: read_stack(path, f"{name} ({path.name})") for name, path in inputs.items() if path
        }
        sigmas = {
            name: self.number(parameters, f"SIGMA_{name}", context)
            for name in STORES
            if name in stacks
        }
        radii = {
            name: self.parameterAsDouble(parameters, f"{name}_RADIUS", context)
            for name in OPTIONAL_STORES
        }
        filtered = [name for name, radius in radii.items() if name in stacks and radius]
        for name, part in zip(filtered, progress.part(0, 0.6).parts(len(filtered))):
            stacks[name] = filter_to_footprint(stacks[name], radii[name], stacks["TWSA"], part)
        gwsa = groundwater(
            stacks["TWSA"], [stacks[name] for name in sigmas], progress.part(0.6, 0.8)
        )
        results = {"OUTPUT": (gwsa, "anomaly.qml")}
        if parameters.get("SIGMA"):
            known = Sigma(stacks.get("SIGMA_TWSA"), stacks.get("SIGMA_FILL"), sigmas)
            results["SIGMA"] = (groundwater_sigma(gwsa, known, progress), "sigma.qml")
        settings = {f"SIGMA_{name}": sigma for name, sigma in sigmas.items()}
        settings |= {f"{name}_RADIUS": radius for name, radius in radii.items()}
        tags = provenance(self.ID, inputs, settings, progress)
        outputs = {}
        for (name, (stack, style)), part in zip(
            results.items(), progress.part(0.8, 1).parts(len(results))
        ):
            path = self.output_path(parameters, name, context)
            write_stack(path, stack, tags, part)
            outputs[name] = self.finish_raster(path, style, inputs, settings, started)
        return outputs
