"""First steps: a sample world in a folder, its layers, and the chain filled in with it."""

from __future__ import annotations

from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.gui import QgsFileWidget
from qgis.PyQt.QtCore import QStandardPaths
from qgis.PyQt.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QProgressBar,
    QVBoxLayout,
)

from ..processing_provider.base import tr
from .dialogs import chain_outputs, open_dialog

# A world that is made, and mapped by the whole chain, in a few minutes.
WORLD = {"EXTENT": "76,80,27,31 [EPSG:4326]", "START": "2011-01", "END": "2015-12"}
TEXT = (
    "This makes a small synthetic world, in which groundwater is known everywhere: files like "
    "those of GRACE, GLDAS, predictors and wells. It takes about a minute and 230 MB. Then its "
    "layers are loaded, and the dialog of the whole chain opens, filled in: choose Run there to "
    "map the world at 1 km."
)
# Output of gwsa:sampledata -> name of its layer.
LAYERS = {"AQUIFERS": "Aquifers of the sample world", "WELLS": "Wells of the sample world"}


class StartHere(QDialog):
    """Asks for a folder and makes the sample world in a background task.

    Parameters
    ----------
    parent : QWidget, optional
    """

    def __init__(self, parent=None):
        super().__init__(parent)
        self.setWindowTitle(tr("Start here: a sample world"))
        self._task = None
        self._feedback = None
        self.text = QLabel(tr(TEXT), wordWrap=True)
        self.folder = QgsFileWidget()
        self.folder.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        documents = QStandardPaths.StandardLocation.DocumentsLocation
        start = Path(QStandardPaths.writableLocation(documents)) / "GWSA sample world"
        self.folder.setFilePath(str(start))
        self.bar = QProgressBar()
        self.bar.hide()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.start_button = buttons.addButton(
            tr("Make the sample world"), QDialogButtonBox.ButtonRole.AcceptRole
        )
        buttons.accepted.connect(self.start)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        for widget in (self.text, QLabel(tr("Folder")), self.folder, self.bar):
            layout.addWidget(widget)
        layout.addStretch()
        layout.addWidget(buttons)
        self.resize(560, 240)

    def start(self):
        """Make the sample world."""
        self.start_button.setEnabled(False)
        self.folder.setEnabled(False)
        self.bar.show()
        self._context = QgsProcessingContext()
        self._context.setProject(QgsProject.instance())
        self._feedback = QgsProcessingFeedback()
        self._feedback.progressChanged.connect(lambda percent: self.bar.setValue(int(percent)))
        self._algorithm = QgsApplication.processingRegistry().createAlgorithmById("gwsa:sampledata")
        parameters = {**WORLD, "OUTPUT": str(Path(self.folder.filePath()) / "world")}
        self._task = QgsProcessingAlgRunnerTask(
            self._algorithm, parameters, self._context, self._feedback
        )
        self._task.executed.connect(self._continue)
        QgsApplication.taskManager().addTask(self._task)

    def reject(self):
        """Close the dialog; stop the task first, which uses objects of the dialog."""
        if self._task is None:
            super().reject()
            return
        self._task.cancel()
        self.text.setText(tr("Stopping…"))

    def _continue(self, successful: bool, results: dict):
        from processing.gui.Postprocessing import handleAlgorithmResults

        self._task = None
        if self._feedback.isCanceled():
            super().reject()
            return
        if not successful:
            self.text.setText(self._feedback.textLog().strip().rpartition("\n")[2])
            self.start_button.setEnabled(True)
            self.folder.setEnabled(True)
            self.bar.hide()
            return
        if self._context.layersToLoadOnCompletion():
            handleAlgorithmResults(self._algorithm, self._context, self._feedback)
        load_layers(results)
        open_dialog("fullchain", chain_parameters(results, Path(self.folder.filePath())))
        self.accept()


def load_layers(world: dict) -> None:
    """Add the layers of a sample world to the project that are not in it yet.

    Parameters
    ----------
    world : dict
        Outputs of gwsa:sampledata.
    """
    loaded = {_path(layer) for layer in QgsProject.instance().mapLayers().values()}
    layers = [QgsRasterLayer(world["LAND"], tr("Land of the sample world"))]
    layers += [QgsVectorLayer(world[name], tr(label)) for name, label in LAYERS.items()]
    new = [layer for layer in layers if layer.isValid() and _path(layer) not in loaded]
    QgsProject.instance().addMapLayers(new)


def _path(layer) -> str:
    return layer.source().partition("|")[0]


def chain_parameters(world: dict, folder: Path) -> dict:
    """Return the parameters of gwsa:fullchain for a sample world.

    Parameters
    ----------
    world : dict
        Outputs of gwsa:sampledata.
    folder : Path
        Folder of the results.
    """
    inputs = ("TWSA", "LAND_MASK", "GLDAS", "CATALOGUE", "LAND", "AQUIFERS", "WELLS")
    return {
        **{name: world[name] for name in (*inputs, "OBSERVATIONS")},
        **WORLD,
        "SIGMA_TWSA": 1.5,
        "MIN_YEARS": 4,
        "ID_FIELD": "name",
        "PARENT_FIELD": "parent",
        **chain_outputs(folder),
    }
