"""Provider of the GWSA algorithms and models in the Processing toolbox."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProcessingModelAlgorithm, QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from .base import RESOURCES
from .build_predictors import BuildPredictors
from .downscale import Downscale
from .fill_gaps import FillGaps
from .gldas_anomaly import GldasAnomaly
from .gwsa_balance import GwsaBalance
from .help_pages import page_url
from .import_twsa import ImportTwsa
from .make_catalogue import MakeCatalogue
from .sample_data import SampleData
from .validate_wells import ValidateWells

ALGORITHMS = (
    ImportTwsa,
    FillGaps,
    GldasAnomaly,
    GwsaBalance,
    MakeCatalogue,
    BuildPredictors,
    Downscale,
    ValidateWells,
    SampleData,
)
MODELS = Path(__file__).parent / "models"


class GwsaProvider(QgsProcessingProvider):
    """Registers the algorithms of ``ALGORITHMS`` and the models of the folder ``models``."""

    def id(self):
        return "gwsa"

    def name(self):
        return "GWSA"

    def longName(self):
        return "GWSA: 1 km groundwater storage anomalies"

    def icon(self):
        return QIcon(str(RESOURCES / "icons" / "gwsa.svg"))

    def loadAlgorithms(self):
        for algorithm in ALGORITHMS:
            self.addAlgorithm(algorithm())
        for path in sorted(MODELS.glob("*.model3")):
            model = QgsProcessingModelAlgorithm()
            if not model.fromFile(str(path)):
                raise RuntimeError(f"{path.name} is not a Processing model")
            model.setSourceFilePath(str(path))
            model.setHelpContent(
                {**model.helpContent(), "HELP_URL": page_url(f"stages/{path.stem}")}
            )
            self.addAlgorithm(model)
