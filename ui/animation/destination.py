"""Format and file of an animation, as widgets of its dialog."""

from __future__ import annotations

from pathlib import Path

from qgis.gui import QgsFileWidget
from qgis.PyQt.QtCore import QObject, QStandardPaths, pyqtSignal
from qgis.PyQt.QtWidgets import QCheckBox, QComboBox, QFormLayout, QLabel

from ...processing_provider.base import tr
from .export import GIF, MP4, PNG, Output
from .gif import has_pillow
from .video import find_ffmpeg

FORMATS = {GIF: "Animated GIF", MP4: "MP4 video", PNG: "Frames only (PNG)"}
NO_LIBRARY = {
    GIF: "An animated GIF needs Pillow, which comes with matplotlib: see Check installation.",
    MP4: "A video needs the program ffmpeg, which was not found on the PATH.",
}
NO_FILE = "Choose where to save the animation."


class Destination(QObject):
    """Asks for format and file; formats whose program or library is missing are not offered.

    Parameters
    ----------
    parent : QObject
    """

    changed = pyqtSignal()

    def __init__(self, parent: QObject):
        super().__init__(parent)
        self.format = QComboBox()
        usable = {GIF: has_pillow(), MP4: bool(find_ffmpeg()), PNG: True}
        for ending, text in FORMATS.items():
            if usable[ending]:
                self.format.addItem(tr(text), ending)
        missing = [tr(text) for ending, text in NO_LIBRARY.items() if not usable[ending]]
        self.missing = QLabel("\n".join(missing), wordWrap=True, enabled=False)
        if not missing:
            self.missing.hide()
        self.file = QgsFileWidget()
        documents = QStandardPaths.StandardLocation.DocumentsLocation
        folder = Path(QStandardPaths.writableLocation(documents))
        self.file.setFilePath(str(folder / "gwsa"))
        self.frames = QCheckBox(tr("Keep the frames (PNG) too"))
        self._show_format()
        self.format.currentIndexChanged.connect(self._show_format)
        self.file.fileChanged.connect(self.changed)

    def add_to(self, form: QFormLayout) -> None:
        """Add the widgets to a form."""
        form.addRow(tr("Format"), self.format)
        form.addRow("", self.missing)
        form.addRow(tr("Save as"), self.file)
        form.addRow("", self.frames)

    @property
    def problem(self) -> str:
        """What is missing; empty if nothing is."""
        return "" if self._folder_and_stem()[1] else tr(NO_FILE)

    def output(self, rate: float) -> Output:
        """Return the files as the settings state them.

        Parameters
        ----------
        rate : float
            Frames per second.
        """
        folder, stem = self._folder_and_stem()
        ending = self.format.currentData()
        if ending == PNG:
            return Output(None, rate, folder / stem, stem)
        frames = folder / f"{stem}_frames" if self.frames.isChecked() else None
        return Output(folder / f"{stem}{ending}", rate, frames, stem)

    def _folder_and_stem(self) -> tuple[Path, str]:
        """Folder and name that are given, without the ending of a format."""
        path = Path(self.file.filePath().strip())
        is_film = path.suffix.lower() in (GIF, MP4)
        return path.parent, path.stem if is_film else path.name

    def _show_format(self) -> None:
        """Fit file name and options to the format."""
        ending = self.format.currentData()
        is_folder = ending == PNG
        mode = QgsFileWidget.StorageMode
        self.file.setStorageMode(mode.GetDirectory if is_folder else mode.SaveFile)
        self.file.setFilter("" if is_folder else f"{tr(FORMATS[ending])} (*{ending})")
        folder, stem = self._folder_and_stem()
        if stem:
            self.file.setFilePath(str(folder / (stem if is_folder else f"{stem}{ending}")))
        self.frames.setEnabled(not is_folder)
