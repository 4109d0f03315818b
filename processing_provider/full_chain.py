"""The shipped models, as the toolbox shows them: gwsa:fullchain and gwsa:fetchandmap."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProcessing, QgsProcessingException, QgsProcessingModelAlgorithm
from qgis.PyQt.QtGui import QIcon

from ..gwsa_plugin.core.base.errors import InputError
from ..gwsa_plugin.dependencies import missing_message, not_installed
from .base import RESOURCES, tr
from .help_pages import page_url
from .output_checks import check_outputs
from .parameter_values import read_values
from .regions import read_region

MODELS = Path(__file__).parent / "models"
MAPS = "downscale:MAPS"
# Outputs of the dialog in the order of the stages; the others are under the advanced parameters.
MAIN_OUTPUTS = (
    "gwsabalance:GWSA",
    MAPS,
    "downscale:REGIONS",
    "downscale:REPORT",
    "validatewells:WELLS",
    "validatewells:REPORT",
)


class ShippedModel(QgsProcessingModelAlgorithm):
    """A model with a title, an icon, tags and its outputs in the order of the stages.

    A file of the Modeler has none of these. QGIS lists the outputs of a model by the names of the
    stages. A subclass sets the class attributes.
    """

    ID = ""
    NAME = ""
    SHORT = ""
    TAGS: tuple[str, ...] = ()
    PATH = MODELS
    REQUIRES = ("scipy", "xgboost")

    def __init__(self):
        super().__init__()
        self._always_written = []
        _load(self, self.PATH)
        self.setSourceFilePath(str(self.PATH))
        self._order_outputs()

    def _order_outputs(self):
        """Add the output parameters again, in the order of the stages."""
        places = {name: stage.position().x() for name, stage in self.childAlgorithms().items()}
        outputs = [one.clone() for one in self.parameterDefinitions() if one.isDestination()]
        first = {name: number for number, name in enumerate(MAIN_OUTPUTS, start=-len(MAIN_OUTPUTS))}
        outputs.sort(
            key=lambda one: (places[one.name().partition(":")[0]], first.get(one.name(), 0))
        )
        for output in outputs:
            if not output.flags() & output.Flag.FlagOptional:
                self._always_written.append(output.name())
            if output.name() != MAPS:
                output.setFlags(output.flags() | output.Flag.FlagOptional)
            if output.name() not in MAIN_OUTPUTS:
                output.setFlags(output.flags() | output.Flag.FlagAdvanced)
                output.setCreateByDefault(False)
            self.removeParameter(output.name())
            self.addParameter(output)

    def createInstance(self):
        return type(self)()

    def checkParameterValues(self, parameters, context):
        """State what is wrong before the first stage, not after an hour."""
        missing = not_installed(self.REQUIRES)
        if missing:
            return False, missing_message(missing)
        try:
            values = read_values(self, parameters, context)
            read_region(self, parameters, context)
        except InputError as error:
            return False, str(error)
        return super().checkParameterValues(values, context)

    def processAlgorithm(self, parameters, context, feedback):
        """Write outputs that a later stage reads to temporary files where no file is given."""
        try:
            values = read_values(self, parameters, context)
            check_outputs(self, values, context)
        except InputError as error:
            raise QgsProcessingException(str(error)) from None
        given = {name: value for name, value in values.items() if value is not None}
        temporary = dict.fromkeys(self._always_written, QgsProcessing.TEMPORARY_OUTPUT)
        return super().processAlgorithm({**temporary, **given}, context, feedback)

    def displayName(self):
        return tr(self.NAME)

    def shortDescription(self):
        return tr(self.SHORT)

    def tags(self):
        return ["GWSA", "GRACE", "groundwater", "downscaling", "1 km", "model", *self.TAGS]

    def icon(self):
        return QIcon(str(RESOURCES / "icons" / f"{self.ID}.svg"))

    def helpUrl(self):
        return page_url(f"stages/{self.ID}")


class FullChain(ShippedModel):
    """All stages, from files that the user has."""

    ID = "fullchain"
    NAME = "The whole chain (GRACE to 1 km GWSA)"
    SHORT = "Runs all stages, from the mascon file to 1 km maps and their test at wells."
    TAGS = ("workflow",)
    PATH = MODELS / "fullchain.model3"


class FetchAndMap(ShippedModel):
    """All stages, from files that are downloaded before."""

    ID = "fetchandmap"
    NAME = "From a region to 1 km maps (fetch and map)"
    SHORT = "Downloads the inputs of a region and runs all stages, to 1 km maps."
    TAGS = ("workflow", "download", "fetch")
    PATH = MODELS / "fetchandmap.model3"


def copy_of_model() -> QgsProcessingModelAlgorithm:
    """Return the model under another name and without a file, to be changed and saved."""
    model = QgsProcessingModelAlgorithm()
    _load(model, FullChain.PATH)
    model.setName(f"{FullChain.NAME}, copy")
    return model


def _load(model: QgsProcessingModelAlgorithm, path: Path) -> None:
    if not model.fromFile(str(path)):
        raise RuntimeError(f"{path.name} is not a Processing model")
