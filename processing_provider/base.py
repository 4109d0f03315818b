"""Base class of the algorithms: identity, parameters, error messages, progress, loaded layers."""

from __future__ import annotations

import os
from html import escape
from pathlib import Path
from traceback import clear_frames

from qgis.core import (
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingException,
    QgsProcessingOutputHtml,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterExtent,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterString,
    QgsRasterLayer,
)
from qgis.PyQt.QtCore import QCoreApplication, QUrl
from qgis.PyQt.QtGui import QIcon

from ..gwsa_plugin.core.base.blas import one_blas_thread
from ..gwsa_plugin.core.base.errors import InputError
from ..gwsa_plugin.core.base.heap import trimmed_heap
from ..gwsa_plugin.core.base.months import parse_month
from ..gwsa_plugin.core.base.progress import Progress
from ..gwsa_plugin.core.files.lock import locked
from ..gwsa_plugin.dependencies import require
from .error_messages import error_message
from .feedback import FeedbackProgress
from .given_inputs import given_inputs
from .help_pages import page_url
from .main_thread import import_in_main_thread
from .output_checks import check_outputs
from .parameter_values import read_values, unreadable_layer
from .regions import read_region
from .styles.loading import when_loaded
from .styles.rasters import style_raster, write_styles

RESOURCES = Path(__file__).parents[1] / "resources"
# Groups of the toolbox, which sorts them by their names, in the order of the work.
GROUPS = {
    "inputs": "1 Inputs",
    "storage": "2 Storage",
    "downscaling": "3 Downscaling",
    "results": "4 Results",
    "sample": "Sample data",
}


class GwsaAlgorithm(QgsProcessingAlgorithm):
    """Base class of all algorithms.

    A subclass sets the class attributes, adds its parameters in ``initAlgorithm`` and calls the
    core in ``execute``. Its icon has the name of its ``ID``. QGIS itself defines ``run``.

    Core modules are imported inside ``execute``. The plugin therefore does not slow down the start
    of QGIS, and a missing library leads to a message when a stage runs instead of an error when
    QGIS loads the plugin.
    """

    ID = ""
    NAME = ""
    HELP = ""
    TAGS: tuple[str, ...] = ()
    SHORT = ""
    GROUP = "inputs"
    REQUIRES: tuple[str, ...] = ("scipy",)
    # Parameter of a stack -> the variable (tag GWSA_VARIABLE) that belongs there.
    VARIABLES: dict[str, str] = {}

    def execute(self, parameters, context, progress: Progress) -> dict:
        """Run the algorithm.

        Parameters
        ----------
        parameters : dict
            As in ``processAlgorithm``.
        context : QgsProcessingContext
            As in ``processAlgorithm``.
        progress : Progress
            Receives log lines and the fraction done.

        Returns
        -------
        dict
            Values of the outputs by name.
        """
        raise NotImplementedError

    def name(self):
        return self.ID

    def displayName(self):
        return tr(self.NAME)

    def group(self):
        return tr(GROUPS[self.GROUP])

    def groupId(self):
        return self.GROUP

    def shortDescription(self):
        return tr(self.SHORT)

    def tags(self):
        return ["GWSA", "GRACE", "groundwater", *self.TAGS]

    def icon(self):
        return QIcon(str(RESOURCES / "icons" / f"{self.ID}.svg"))

    def shortHelpString(self):
        return tr(self.HELP)

    def helpUrl(self):
        # The page of an algorithm has the name of its module.
        return page_url(f"stages/{type(self).__module__.rpartition('.')[2]}")

    def createInstance(self):
        return type(self)()

    def add(
        self, parameter: QgsProcessingParameterDefinition, help: str, advanced: bool = False
    ) -> None:
        """Add a parameter.

        Parameters
        ----------
        parameter : QgsProcessingParameterDefinition
            The parameter.
        help : str
            Help text in English.
        advanced : bool
            True to list it under the advanced parameters.
        """
        parameter.setHelp(tr(help))
        if advanced:
            parameter.setFlags(
                parameter.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced
            )
        if not self.addParameter(parameter):
            raise RuntimeError(f"{self.ID}: QGIS rejected the parameter {parameter.name()}")

    def add_period(self, use: str) -> None:
        """Add the optional parameters START and END: behind the inputs and the region.

        Parameters
        ----------
        use : str
            Completes the help text "First month ...", for example "of the output".
        """
        for name, label in (("START", "First month"), ("END", "Last month")):
            parameter = QgsProcessingParameterString(name, tr(f"{label} (YYYY-MM)"), optional=True)
            help = f"{label} {use}, written as YYYY-MM. Leave empty for all months."
            self.add(parameter, help)

    def add_region(self, help: str) -> None:
        """Add the optional parameter EXTENT."""
        self.add(QgsProcessingParameterExtent("EXTENT", tr("Region"), optional=True), help)

    def add_margin(self) -> None:
        """Add the optional parameter MARGIN in km."""
        self.add(
            QgsProcessingParameterNumber(
                "MARGIN",
                tr("Margin around the region (km)"),
                QgsProcessingParameterNumber.Type.Double,
                defaultValue=750,
                minValue=0,
                maxValue=5000,
            ),
            "GRACE observes the water of a cell together with that around it. gwsa:gwsabalance "
            "therefore needs the cells around the region, up to three times the width of the "
            "footprint. They are written as well, as far as the files have them, and the region "
            "is recorded in the tag GWSA_REGION. 0 means no margin. Without a region the "
            "parameter has no effect. The margin ends at 180° east and west unless the region "
            "crosses 180°.",
            advanced=True,
        )

    def region(self, parameters, context) -> tuple[float, float, float, float] | None:
        """Return EXTENT as (west, south, east, north) in degrees; None when it is empty."""
        return read_region(self, parameters, context)

    def period(self, parameters, context):
        """Return START and END.

        Returns
        -------
        tuple of datetime64[M] or None
            First and last month; None for an empty parameter.

        Raises
        ------
        InputError
            When a month is not written as YYYY-MM.
        """
        months = []
        for name in ("START", "END"):
            text = self.parameterAsString(parameters, name, context).strip()
            months.append(parse_month(text, name) if text else None)
        return tuple(months)

    def number(self, parameters, name, context) -> float | None:
        """Return a number; None when it is empty."""
        if parameters.get(name) in (None, ""):
            return None
        return self.parameterAsDouble(parameters, name, context)

    def input_path(self, parameters, name, context) -> Path | None:
        """Return the file of a raster parameter, None when that is empty.

        Raises
        ------
        InputError
            When the raster cannot be opened.
        """
        layer = self.parameterAsRasterLayer(parameters, name, context)
        if layer is not None:
            return layer_file(layer)
        if parameters.get(name):
            raise InputError(
                f"{parameters[name]} ({name}) cannot be opened as a raster; check the path."
            )
        return None

    def output_path(self, parameters, name, context) -> Path | None:
        """Return the path of an output file, raster or folder; None when it is empty.

        QGIS returns a new temporary name for each call, so this must be called once per output.
        """
        text = self.parameterAsOutputLayer(parameters, name, context)
        return Path(text) if text else None

    def finish_raster(
        self,
        path: Path,
        inputs: dict,
        settings: dict,
        started,
        results: dict | None = None,
    ) -> str:
        """Write the run.json of a raster that has been written.

        Parameters
        ----------
        path : Path
            The raster.
        inputs, settings : dict
            Input files and parameters for run.json.
        started : datetime
            Start of the run.
        results : dict, optional
            Main results for run.json.

        Returns
        -------
        str
            The path as the value of an output.
        """
        self.write_record(path.with_suffix(".run.json"), inputs, settings, started, results)
        return str(path)

    def write_record(
        self, path: Path, inputs: dict, settings: dict, started, results: dict | None = None
    ) -> None:
        """Write the record of this run.

        Parameters
        ----------
        path : Path
            The ``run.json`` to write.
        inputs : dict
            Input files where they are more than the parameters state; the others are added.
        settings, started, results
            As in ``finish_raster``.
        """
        from ..gwsa_plugin.core.files.provenance import write_run

        known = {name: value for name, value in inputs.items() if value}
        write_run(path, self.ID, {**self._given, **known}, settings, started, results)

    def libraries(self, parameters) -> tuple[str, ...]:
        """Return the Python libraries that a run needs."""
        return (*self.REQUIRES, *(("matplotlib", "jinja2") if parameters.get("REPORT") else ()))

    def createCustomParametersWidget(self, parent=None):
        """Return the usual dialog with the stacks of the project in their boxes."""
        from processing.gui.AlgorithmDialog import AlgorithmDialog

        from .project_layers import fitting_layers

        dialog = AlgorithmDialog(self, parent=parent)
        dialog.setParameters(fitting_layers(self.VARIABLES))
        return dialog

    def checkParameterValues(self, parameters, context):
        try:
            values = read_values(self, parameters, context)
            if self.parameterDefinition("EXTENT"):
                read_region(self, parameters, context)
        except InputError as error:
            return False, str(error)
        good, text = super().checkParameterValues(values, context)
        return good, text if good else unreadable_layer(self, parameters) or text

    def processAlgorithm(self, parameters, context, feedback):
        try:
            return self._run(parameters, context, feedback)
        except QgsProcessingException as error:
            message = str(error)
        except Exception as error:
            message = error_message(error)
            clear_frames(error.__traceback__)
        # QGIS keeps the exception for good, and with it all arrays of the error that it is raised
        # in the context of. This one has no context.
        raise QgsProcessingException(message)

    def _run(self, parameters, context, feedback) -> dict:
        import_in_main_thread()
        require(*self.libraries(parameters))
        # A model does not check the parameters of its stages.
        parameters = read_values(self, parameters, context)
        outputs = check_outputs(self, parameters, context)
        with trimmed_heap(), one_blas_thread(), locked(*outputs):
            self._check_variables(parameters, context)
            self._given = given_inputs(self, parameters, context)
            results = self.execute(parameters, context, FeedbackProgress(feedback))
            self._style_rasters(results, context)
        self._link_reports(results, feedback)
        return results

    def _check_variables(self, parameters, context) -> None:
        """Refuse a stack of another variable, or one for two; stacks without a tag are used."""
        from ..gwsa_plugin.core.files.stack_files import VARIABLE_TAG
        from ..gwsa_plugin.core.rasters.reading import open_raster

        given: dict[str, str] = {}
        for name, variable in self.VARIABLES.items():
            path = self.input_path(parameters, name, context)
            if path is None:
                continue
            with open_raster(path) as source:
                found = source.tags().get(VARIABLE_TAG, variable)
            if found != variable:
                raise InputError(
                    f"{path.name} contains {found} (its tag {VARIABLE_TAG}), but {name} needs "
                    f"{variable}; choose another layer."
                )
            other = given.setdefault(os.path.realpath(path), name)
            if other != name:
                raise InputError(
                    f"{path.name} is given as {other} and as {name}; choose the layer of each."
                )

    def _style_rasters(self, results: dict, context) -> None:
        """Write the style of each raster beside it, and use it for the layer that is loaded."""
        for definition in self.destinationParameterDefinitions():
            path = results.get(definition.name())
            if path and definition.type() == QgsProcessingParameterRasterDestination.typeName():
                write_styles([Path(path)])
                when_loaded(path, context, style_raster)

    def _link_reports(self, results: dict, feedback) -> None:
        """Write a link to each report into the log."""
        for output in self.outputDefinitions():
            path = results.get(output.name())
            if path and output.type() == QgsProcessingOutputHtml.typeName():
                link = QUrl.fromLocalFile(path).toString()
                text = f"{output.description()}: {link}"
                # The log of QGIS before 3.36 has no links.
                if hasattr(feedback, "pushFormattedMessage"):
                    html = f'{escape(output.description())}: <a href="{link}">{escape(path)}</a>'
                    feedback.pushFormattedMessage(html, text)
                else:
                    feedback.pushInfo(text)


def layer_file(layer: QgsRasterLayer) -> Path:
    """Return the file of a raster layer, whose CRS is used where the file states none."""
    from ..gwsa_plugin.core.rasters.reading import assign_crs

    path = Path(layer.source().split("|")[0])
    assign_crs(path, layer.crs().toWkt() if layer.crs().isValid() else "")
    return path


def tr(text: str) -> str:
    """Translate a text of the plugin."""
    return QCoreApplication.translate("GWSA", text)


POLYGONS = [QgsProcessing.SourceType.TypeVectorPolygon]
POINTS = [QgsProcessing.SourceType.TypeVectorPoint]
TABLES = [QgsProcessing.SourceType.TypeVector]
