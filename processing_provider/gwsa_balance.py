"""gwsa:gwsabalance: groundwater storage anomalies from the water balance."""

from __future__ import annotations

from qgis.core import (
    QgsProcessingParameterEnum,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
)

from ..gwsa_plugin.core.balance.options import MODE_NAMES, BalanceOptions
from ..gwsa_plugin.core.base.plausible import SIGMA
from .base import GwsaAlgorithm, tr

STORES = {
    "SMS": "soil moisture",
    "SWES": "snow water",
    "CWS": "canopy water",
    "SWS": "surface water",
    "GLACIER": "glacier ice",
}
# Not part of GLDAS.
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
    SHORT = "Subtracts soil moisture, snow and canopy water from total water storage."
    GROUP = "storage"
    HELP = (
        "Subtracts the anomalies of soil moisture, snow, canopy water and, if given, surface "
        "water and glaciers from total water storage: GWSA = TWSA - SMS - SWES - CWS - SWS - "
        "GLACIER, in cm, for the months and cells that all inputs have in common. All inputs must "
        "have the same grid of cells. Each input is first converted to an anomaly relative to "
        "2004-2009. GRACE observes through a footprint of 100 to 300 km, and the maps of the "
        "stores are sharper. By default (mode “Stores at the footprint of GRACE”) the stores are "
        "brought to the footprint and to the mascons of TWSA before they are subtracted, so that "
        "GWSA has one resolution, that of GRACE. Sharp stores, which most published studies "
        "subtract, leave their detail with the opposite sign in GWSA. In worlds of known truth the "
        "blur of TWSA is the largest part of the error of the coarse GWSA: 2.7 cm of 3.7 to "
        "5.1 cm, with 1.1 cm from GLDAS and 1.2 cm from lakes and ice that are left out. GWSA is "
        "written for the region without the margin that gwsa:importtwsa and gwsa:gldasanomaly "
        "keep around it. Filled and missing months keep their flags. GLDAS does not model lakes, "
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

    VARIABLES = {
        "TWSA": "TWSA",
        **{name: name for name in STORES},
        "SIGMA_TWSA": "SIGMA_TWSA",
        "SIGMA_FILL": "TWSA_SIGMA",
    }

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
        self.add(
            QgsProcessingParameterEnum(
                "MODE", tr("Mode"), [tr(text) for text in MODE_NAMES.values()], defaultValue=0
            ),
            "How the stores are subtracted. The first mode brings them to the footprint of GRACE "
            "before: a Gaussian blur over land, then the means over the mascons. The second one "
            "subtracts them as they are, as most published studies do.",
        )
        self.add(
            QgsProcessingParameterNumber(
                "FOOTPRINT",
                tr("Width of the footprint (km)"),
                QgsProcessingParameterNumber.Type.Double,
                optional=True,
                minValue=1,
                maxValue=5000,
            ),
            "Full width at half maximum of the footprint of GRACE in km. If empty, it is estimated "
            "from TWSA and the stores; where they do not determine it, the default of the product "
            "is used. The log states which. Both modes write the width into the tags of GWSA for "
            "gwsa:downscale.",
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
                    maxValue=SIGMA.most,
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
        from ..gwsa_plugin.core.balance.modes import balance
        from ..gwsa_plugin.core.balance.sigma import Sigma, groundwater_sigma
        from ..gwsa_plugin.core.files.provenance import now, provenance
        from ..gwsa_plugin.core.files.stack import read_stack, write_stack

        started = now()
        inputs = {
            name: self.input_path(parameters, name, context)
            for name in ("TWSA", *STORES, *OPTIONAL_STACKS)
        }
        stacks = {
            name: read_stack(path, f"{name} ({path.name})", progress)
            for name, path in inputs.items()
            if path
        }
        sigmas = {
            name: self.number(parameters, f"SIGMA_{name}", context)
            for name in STORES
            if name in stacks
        }
        options = BalanceOptions(
            mode=list(MODE_NAMES)[self.parameterAsEnum(parameters, "MODE", context)],
            footprint_km=self.number(parameters, "FOOTPRINT", context),
        )
        known = None
        if parameters.get("SIGMA"):
            known = Sigma(stacks.get("SIGMA_TWSA"), stacks.get("SIGMA_FILL"), sigmas)
        terms = [stacks[name] for name in sigmas]
        gwsa = balance(stacks["TWSA"], terms, options, progress.part(0, 0.8))
        results = {"OUTPUT": gwsa}
        if known:
            results["SIGMA"] = groundwater_sigma(gwsa, known, progress)
        settings = options.as_parameters()
        settings |= {f"SIGMA_{name}": sigma for name, sigma in sigmas.items()}
        tags = provenance(self.ID, inputs, settings, progress)
        outputs = {}
        for (name, stack), part in zip(results.items(), progress.part(0.8, 1).parts(len(results))):
            path = self.output_path(parameters, name, context)
            write_stack(path, stack, tags, part)
            outputs[name] = self.finish_raster(path, inputs, settings, started)
        return outputs
