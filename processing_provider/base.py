"""What the algorithms share: identity, help, errors, progress, styled outputs. Nothing of any stage."""

from __future__ import annotations

import shutil
from pathlib import Path

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFields,
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingException,
    QgsProcessingLayerPostProcessorInterface,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterExtent,
    QgsProcessingParameterString,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtGui import QIcon

from ..gwsa_plugin.core.base.errors import Cancelled, InputError
from ..gwsa_plugin.core.base.months import parse_month
from ..gwsa_plugin.core.base.progress import Progress
from ..gwsa_plugin.dependencies import MissingLibrary, require

RESOURCES = Path(__file__).parents[1] / "resources"


class GwsaAlgorithm(QgsProcessingAlgorithm):
    """A leaf sets the class attributes, adds its parameters, and turns them into one core call in ``execute``.

    (``run`` is a method of QGIS's own and must not be overridden.)

    Core modules are imported inside ``execute``: QGIS then starts as fast as without the plugin, and a library that is
    missing is a sentence when a stage runs, not an error when QGIS loads.
    """

    ID = ""
    NAME = ""
    HELP = ""
    TAGS: tuple[str, ...] = ()
    ICON = "gwsa.svg"
    REQUIRES: tuple[str, ...] = ("rasterio", "scipy")

    def execute(self, parameters, context, progress: Progress) -> dict:
        raise NotImplementedError

    def name(self):
        return self.ID

    def displayName(self):
        return tr(self.NAME)

    def group(self):
        return ""

    def groupId(self):
        return ""

    def tags(self):
        return ["GWSA", "GRACE", "groundwater", *self.TAGS]

    def icon(self):
        return QIcon(str(RESOURCES / "icons" / self.ICON))

    def shortHelpString(self):
        return tr(self.HELP)

    def createInstance(self):
        return type(self)()

    def add(
        self, parameter: QgsProcessingParameterDefinition, help: str, advanced: bool = False
    ) -> None:
        """Add a parameter with its one-sentence help."""
        parameter.setHelp(tr(help))
        if advanced:
            parameter.setFlags(
                parameter.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced
            )
        if not self.addParameter(parameter):
            raise RuntimeError(f"{self.ID}: parameter {parameter.name()} was not accepted")

    def add_period(self, why: str, advanced: bool = True) -> None:
        """START and END, both YYYY-MM and optional."""
        for name, label in (("START", "First month"), ("END", "Last month")):
            parameter = QgsProcessingParameterString(name, tr(f"{label} (YYYY-MM)"), optional=True)
            self.add(
                parameter, f"{label} {why}, written YYYY-MM; empty for all there is.", advanced
            )

    def add_region(self, why: str) -> None:
        """EXTENT, optional."""
        self.add(QgsProcessingParameterExtent("EXTENT", tr("Region"), optional=True), why)

    def region(self, parameters, context):
        """(west, south, east, north) in degrees, whatever the CRS it was given in; None when it was left empty."""
        box = self.parameterAsExtent(
            parameters, "EXTENT", context, QgsCoordinateReferenceSystem("EPSG:4326")
        )
        return (
            None
            if box.isNull()
            else (box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum())
        )

    def period(self, parameters, context):
        """(first, last) as months; None for an end that was left empty. InputError for anything but YYYY-MM."""
        texts = [
            self.parameterAsString(parameters, name, context).strip() for name in ("START", "END")
        ]
        return tuple(
            parse_month(text, name) if text else None for text, name in zip(texts, ("START", "END"))
        )

    def number(self, parameters, name, context) -> float | None:
        """None for a number that was left empty."""
        if parameters.get(name) in (None, ""):
            return None
        return self.parameterAsDouble(parameters, name, context)

    def input_path(self, parameters, name, context) -> Path | None:
        """The file behind a raster-layer parameter; None when it was left empty."""
        layer = self.parameterAsRasterLayer(parameters, name, context)
        if layer is None:
            if parameters.get(name):
                raise InputError(
                    f"{parameters[name]} ({name}) cannot be opened as a raster; check the path."
                )
            return None
        return Path(layer.source().split("|")[0])

    def output_path(self, parameters, name, context) -> Path | None:
        """Where a file, raster or folder goes; None when it was left empty. Call once: temporary names differ."""
        text = self.parameterAsOutputLayer(parameters, name, context)
        return Path(text) if text else None

    def finish_raster(self, path: Path, style: str, inputs: dict, settings: dict, started) -> str:
        """Put its run.json and its style beside a raster that is written; the path as outputs state it."""
        from ..gwsa_plugin.core.files.provenance import write_run

        write_run(path.with_suffix(".run.json"), self.ID, inputs, settings, started)
        style_file(path, style)
        return str(path)

    def processAlgorithm(self, parameters, context, feedback):
        try:
            require(*self.REQUIRES)
            return self.execute(parameters, context, FeedbackProgress(feedback))
        except (InputError, MissingLibrary) as error:
            raise QgsProcessingException(str(error)) from None
        except OSError as error:
            raise QgsProcessingException(_what_to_check(error)) from None
        except Cancelled:
            raise QgsProcessingException(tr("Cancelled; no output was written.")) from None


class FeedbackProgress(Progress):
    """A core Progress that speaks to QGIS."""

    def __init__(self, feedback):
        self._feedback = feedback

    def info(self, text):
        self._feedback.pushInfo(text)

    def warn(self, text):
        self._feedback.pushWarning(text)

    def show(self, fraction):
        self._feedback.setProgress(100 * fraction)

    def is_cancelled(self):
        return self._feedback.isCanceled()


class _Styler(QgsProcessingLayerPostProcessorInterface):
    def __init__(self, style: str):
        super().__init__()
        self._style = style

    def postProcessLayer(self, layer, context, feedback):
        layer.loadNamedStyle(str(RESOURCES / "styles" / self._style))
        layer.triggerRepaint()


_stylers: dict[str, _Styler] = {}  # QGIS does not keep a post-processor alive (QGIS #47533)


def _what_to_check(error: OSError) -> str:
    """One sentence that names the file: the disk is full, the folder is read-only, or the like."""
    file = error.filename2 or error.filename
    what = (
        f"{file} cannot be read or written ({error.strerror})" if file else str(error).rstrip(".")
    )
    return (
        f"{what}; check that its folder exists and may be written to, that the disk has room, and that no other "
        "program has the file open."
    )


def style_file(path: Path, style: str) -> None:
    """Put the style beside a raster, where QGIS finds it whenever the file is opened, also after qgis_process."""
    shutil.copyfile(RESOURCES / "styles" / style, path.with_suffix(".qml"))


def style_layer(layer_id: str, style: str, context) -> None:
    """Style what a feature sink wrote: beside its file, if it is one, and in the project that loads it."""
    path = Path(layer_id.partition("|")[0])
    if path.is_file():
        style_file(path, style)
    if context.willLoadLayerOnCompletion(layer_id):
        styler = _stylers.setdefault(style, _Styler(style))
        context.layerToLoadOnCompletionDetails(layer_id).setPostProcessor(styler)


def layer_fields(types: dict[str, str]) -> QgsFields:
    """Fields from name to type: string, integer or double, which a memory layer knows in every QGIS, Qt 5 or 6."""
    uri = "&".join(f"field={name}:{kind}" for name, kind in types.items())
    return QgsVectorLayer(f"NoGeometry?{uri}", "fields", "memory").fields()


def tr(text: str) -> str:
    return QCoreApplication.translate("GWSA", text)


POLYGONS = [QgsProcessing.SourceType.TypeVectorPolygon]
POINTS = [QgsProcessing.SourceType.TypeVectorPoint]
TABLES = [QgsProcessing.SourceType.TypeVector]
