"""gwsa:gwsabalance: groundwater storage anomalies from the water balance."""

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
# Not part of GLDAS. Their maps are sharper than GRACE, so they can be filtered.
OPTIONAL_STORES = ("SWS", "GLACIER")
OPTIONAL_STACKS = {
    "SIGMA_TWSA": "Standard deviation of TWSA in cm, a stack written by gwsa:importtwsa.",
    "SIGMA_FILL": "Standard deviation of gap-filled TWSA in cm, a stack written by gwsa:fillgaps. "
    "It replaces SIGMA_TWSA in the months that are marked as filled.",
}


class GwsaBalance(GwsaAlgorithm):
    """Subtracts the other storages from TWSA; writes GWSA and its sigma."""

    ID = "gwsabalance"
    NAME = "Groundwater balance (GWSA)"
    HELP = (
        "Subtracts the anomalies of soil moisture, snow, canopy water and, if given, surface "
        "water and glaciers from total water storage: GWSA = TWSA - SMS - SWES - CWS - SWS - "
        "GLACIER, in cm, for the months and cells that all inputs have in common. All inputs must "
        "have the same grid of cells. Each input is first converted to an anomaly relative to "
        "2004-2009. Filled and missing months keep their flags. GLDAS does not model lakes, "
        "rivers, reservoirs or glaciers: unless their storage is given, its changes are "
        "attributed to groundwater. The variances of all terms are added. If the sigma of a term "
        "is not given, the sigma of GWSA is a lower bound, which is noted in the log and in the "
        "tags of the file."
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
            "Total water storage anomaly in a stack with bands named YYYY-MM.",
        )
        for name, water in STORES.items():
            optional = name in OPTIONAL_STORES
            help = f"Anomaly of {water} in a stack with bands named YYYY-MM on the same cells."
            if optional:
                help += f" Cells without {water} must be zero, not nodata."
            self.add(
                QgsProcessingParameterRasterLayer(
                    name, tr(f"{name} stack ({water})"), optional=optional
                ),
                help,
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
                f"Radius in km of a Gaussian filter that smooths {STORES[name]} to the resolution "
                "of GRACE, about 300 km. 0 means no filter. The stack should extend three radii "
                "beyond the region; the log contains a warning if it does not.",
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
                f"Standard deviation of the {water} anomaly in cm for all cells and months.",
                advanced=True,
            )
        self.add(
            QgsProcessingParameterRasterDestination("OUTPUT", tr("GWSA")),
            "GeoTIFF of groundwater storage anomalies in cm relative to 2004-2009, with bands "
            "named YYYY-MM.",
        )
        self.add(
            QgsProcessingParameterRasterDestination(
                "SIGMA", tr("Sigma of GWSA"), optional=True, createByDefault=False
            ),
            "GeoTIFF of the standard deviation of GWSA in cm. At least one of the sigmas above is "
            "required.",
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
