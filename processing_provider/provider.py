"""Provider of the GWSA algorithms and models in the Processing toolbox."""

from __future__ import annotations

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from .aquifer_series import AquiferSeries
from .base import RESOURCES
from .build_predictors import BuildPredictors
from .compare import Compare
from .downscale import Downscale
from .drought_index import DroughtIndex
from .export import Export
from .fetch import Fetch
from .fill_gaps import FillGaps
from .full_chain import FetchAndMap, FullChain
from .gldas_anomaly import GldasAnomaly
from .gwsa_balance import GwsaBalance
from .import_twsa import ImportTwsa
from .make_catalogue import MakeCatalogue
from .output_checks import GEOTIFF_ENDINGS
from .recharge import Recharge
from .sample_data import SampleData
from .trend_map import TrendMap
from .validate_wells import ValidateWells

ALGORITHMS = (
    Fetch,
    ImportTwsa,
    FillGaps,
    GldasAnomaly,
    GwsaBalance,
    MakeCatalogue,
    BuildPredictors,
    Downscale,
    ValidateWells,
    TrendMap,
    AquiferSeries,
    DroughtIndex,
    Recharge,
    Compare,
    Export,
    SampleData,
)
MODELS = (FullChain, FetchAndMap)


class GwsaProvider(QgsProcessingProvider):
    """Registers the algorithms of ``ALGORITHMS`` and the models of ``MODELS``."""

    def id(self):
        return "gwsa"

    def name(self):
        return "GWSA"

    def longName(self):
        return "GWSA: 1 km groundwater storage anomalies"

    def icon(self):
        return QIcon(str(RESOURCES / "icons" / "gwsa.svg"))

    def supportedOutputRasterLayerExtensions(self):
        # Temporary outputs have the first one, dialogs offer both.
        return list(GEOTIFF_ENDINGS)

    def loadAlgorithms(self):
        for algorithm in ALGORITHMS:
            self.addAlgorithm(algorithm())
        for model in MODELS:
            self.addAlgorithm(model())
