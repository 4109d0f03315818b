"""Dialog with the Python libraries of the plugin: what is there, and what to do about the rest."""

from __future__ import annotations

from functools import partial

from qgis.core import Qgis
from qgis.PyQt.QtCore import QProcess
from qgis.PyQt.QtGui import QFontDatabase
from qgis.PyQt.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QPlainTextEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
)

from ..gwsa_plugin.core.base.interpreter import find_python, python_version
from ..gwsa_plugin.dependencies import Found, pip_installation, what_to_do
from ..gwsa_plugin.installation import InUse, installed, remove_installed
from ..gwsa_plugin.libraries import BY_NAME, LIBRARIES, this_platform
from ..gwsa_plugin.qgis_python import dependencies_folder
from ..processing_provider.base import tr
from .child_processes import InstallTask, try_library

HEADINGS = ("Library", "Needed for", "Found", "What to do")


class CheckInstallation(QDialog):
    """Table of the libraries with the buttons Copy, Install and Remove.

    Parameters
    ----------
    parent : QWidget, optional
    """

    def __init__(self, parent=None):
        super().__init__(parent)
        self.setWindowTitle(tr("Check installation of GWSA"))
        self.found: dict[str, Found] = {}
        self._task = None
        self._place_widgets()
        self.check()

    def _place_widgets(self):
        self.table = QTableWidget(len(LIBRARIES), len(HEADINGS))
        self.table.setHorizontalHeaderLabels([tr(text) for text in HEADINGS])
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.verticalHeader().hide()
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(len(HEADINGS) - 1, QHeaderView.ResizeMode.Stretch)
        self.table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.status = QLabel(wordWrap=True)
        self.log = QPlainTextEdit(readOnly=True)
        self.log.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.log.hide()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        role = QDialogButtonBox.ButtonRole.ActionRole
        self.copy_button = buttons.addButton(tr("Copy"), role)
        self.install_button = buttons.addButton(tr("Install"), role)
        self.remove_button = buttons.addButton(tr("Remove"), role)
        self.copy_button.clicked.connect(self.copy)
        self.install_button.clicked.connect(self.install)
        self.remove_button.clicked.connect(self.remove)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel(self._heading()))
        for widget in (self.table, self.status, self.log, buttons):
            layout.addWidget(widget)
        self.resize(960, 520)

    def _heading(self) -> str:
        python = f"Python {python_version()}: {find_python() or tr('no program')}"
        return f"QGIS {Qgis.QGIS_VERSION}, {this_platform().title}, {python}"

    def check(self):
        """Try every library in a child process and fill the table with the results."""
        self.found = {}
        self._enable_buttons()
        for row, library in enumerate(LIBRARIES):
            for column, text in enumerate((library.name, library.needed_for, tr("checking…"), "")):
                self.table.setItem(row, column, QTableWidgetItem(text))
            try_library(library.name, partial(self._show, row), self)

    def _show(self, row: int, found: Found):
        library = LIBRARIES[row]
        self.found[library.name] = found
        state = found.version or tr("not installed")
        if found.error:
            state += f"\n{tr('cannot be loaded')}: {found.error}"
        self.table.item(row, 2).setText(state)
        self.table.item(row, 3).setText(what_to_do(library, found))
        self._enable_buttons()
        if self.is_idle():
            self.status.setText(self._summary())

    def is_idle(self) -> bool:
        """Return whether all libraries have been tried and nothing is being installed."""
        return len(self.found) == len(LIBRARIES) and self._task is None

    def _summary(self) -> str:
        needed = [library for library in LIBRARIES if not library.optional]
        lacking = [
            f"{library.name} ({library.needed_for})"
            for library in needed
            if self.found[library.name].version is None or self.found[library.name].error
        ]
        if not lacking:
            return tr("All required libraries are installed.")
        return f"{tr('Missing or damaged')}: {', '.join(lacking)}."

    def installable(self) -> list[str]:
        """Return the missing or damaged libraries of which the plugin has pinned packages."""
        return [
            name
            for name, found in self.found.items()
            if BY_NAME[name].requirements and (found.version is None or found.error)
        ]

    def _enable_buttons(self):
        idle = self.is_idle()
        self.install_button.setEnabled(idle and bool(self.installable()) and bool(find_python()))
        self.install_button.setToolTip(
            f"{tr('Installs for this QGIS alone, into')} {dependencies_folder()}"
        )
        self.remove_button.setEnabled(idle and bool(installed()))
        self.remove_button.setToolTip(tr("Removes what Install has installed"))

    def done(self, result):
        """Close the dialog and end the trials that still run; an installation goes on."""
        for process in self.findChildren(QProcess):
            process.finished.disconnect()
            process.kill()
        super().done(result)

    def copy(self):
        """Copy the table as text."""
        rows = [
            " | ".join(self.table.item(row, column).text() for column in range(len(HEADINGS)))
            for row in range(len(LIBRARIES))
        ]
        QApplication.clipboard().setText("\n".join([self._heading(), *rows]))

    def install(self):
        """Install the missing libraries in a background task and show the log of pip."""
        self.log.clear()
        self.log.show()
        self._task = InstallTask(self.installable())
        self._task.line.connect(self.log.appendPlainText)
        self._task.ended.connect(self._end_installation)
        self.status.setText(tr("Installing…"))
        self._enable_buttons()
        self._task.start()

    def _end_installation(self, successful: bool):
        self._task = None
        if successful:
            self.check()
            return
        self._enable_buttons()
        self.status.setText(failure_message(self.log.toPlainText()))

    def remove(self):
        """Remove what was installed."""
        try:
            remove_installed()
        except InUse as error:
            self.status.setText(str(error))
            return
        self.check()


def failure_message(log: str) -> str:
    """Return a sentence about a failed installation.

    Parameters
    ----------
    log : str
        The log of pip.
    """
    if "No module named pip" in log:
        return (
            f"The Python of QGIS has no pip. Install it with: {pip_installation()}, then choose "
            "Install again or run the command in the table."
        )
    errors = [line for line in log.splitlines() if line.startswith("ERROR:")]
    cause = errors[-1].removeprefix("ERROR:").strip() if errors else tr("pip did not end")
    return f"{tr('Nothing was installed')}: {cause}"
