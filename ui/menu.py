"""Submenu GWSA of the Plugins menu of QGIS."""

from __future__ import annotations

from qgis.core import Qgis
from qgis.PyQt.QtCore import Qt, QUrl
from qgis.PyQt.QtGui import QDesktopServices, QIcon
from qgis.PyQt.QtWidgets import QDialog

from ..gwsa_plugin.dependencies import MissingLibrary, require
from ..processing_provider.base import RESOURCES, GwsaAlgorithm, tr
from ..processing_provider.fetch import Fetch
from ..processing_provider.full_chain import FetchAndMap, FullChain
from ..processing_provider.help_pages import page_url
from ..processing_provider.provider import ALGORITHMS
from .check_installation import CheckInstallation
from .dialogs import edit_chain, open_dialog, show_dialog
from .print_layout.new_layout import new_print_layout
from .start_here import StartHere
from .work import wait_for_all


class Menu:
    """Submenu with the first steps, the chain, each stage, the state of libraries and the help.

    Parameters
    ----------
    iface : QgisInterface
        The application interface of QGIS.
    explorer : QAction
        Shows the explorer.
    """

    def __init__(self, iface, explorer):
        self._iface = iface
        self._parent = iface.pluginMenu()
        self._menu = self._parent.addMenu(QIcon(str(RESOURCES / "icons" / "gwsa.svg")), "GWSA")
        self._menu.setObjectName("gwsa")
        self._fetch_dialog = None
        self._menu.addAction(f"{tr('Start here')}…", lambda: self._show(StartHere))
        fetch = Fetch()
        self._menu.addAction(fetch.icon(), f"{fetch.displayName()}…", self.show_fetch)
        self._menu.addSeparator()
        self._add_algorithm(FullChain())
        self._add_algorithm(FetchAndMap())
        self._menu.addAction(tr("Edit the chain in the Modeler"), edit_chain)
        self._menu.addSeparator()
        self._add_algorithms()
        self._menu.addSeparator()
        self._menu.addAction(explorer)
        self._menu.addAction(f"{tr('Export animation')}…", lambda: show_animation(iface))
        self._menu.addAction(tr("New print layout"), lambda: new_print_layout(iface))
        self._menu.addAction(tr("Predictors…"), lambda: show_predictors(iface))
        self._menu.addAction(f"{tr('Check installation')}…", lambda: self._show(CheckInstallation))
        self._menu.addAction(tr("Help"), show_help)

    def remove(self):
        """Remove the submenu, and the dialog that fetches inputs."""
        self._parent.removeAction(self._menu.menuAction())
        self._menu.deleteLater()
        if self._fetch_dialog:
            self._fetch_dialog.end()
            wait_for_all()
            self._fetch_dialog.deleteLater()
            self._fetch_dialog = None

    def show_fetch(self):
        """Show the dialog that fetches inputs, which is kept; a missing library is a message."""
        if self._fetch_dialog is None:
            if not has_libraries(self._iface):
                return
            from .fetch_inputs.dialog import FetchDialog

            self._fetch_dialog = FetchDialog(self._iface)
        self._fetch_dialog.show()
        self._fetch_dialog.raise_()
        self._fetch_dialog.activateWindow()

    def _add_algorithms(self):
        """Add the other algorithms, with a separator between the groups of the toolbox."""
        algorithms = [algorithm for algorithm in ALGORITHMS if algorithm is not Fetch]
        group = algorithms[0].GROUP
        for algorithm in algorithms:
            if group != algorithm.GROUP:
                self._menu.addSeparator()
            group = algorithm.GROUP
            self._add_algorithm(algorithm())

    def _add_algorithm(self, algorithm):
        name = algorithm.name()
        label = f"{algorithm.displayName()}…"
        self._menu.addAction(algorithm.icon(), label, lambda: open_dialog(name))

    def _show(self, dialog_class: type[QDialog]):
        dialog = dialog_class(self._iface.mainWindow())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        show_dialog(dialog)


def show_predictors(iface):
    """Open the dialog that makes a predictor catalogue; a missing library is a message.

    Parameters
    ----------
    iface : QgisInterface
        The application interface of QGIS.
    """
    if not has_libraries(iface):
        return
    from .predictors_dialog import PredictorsDialog

    show_dialog(PredictorsDialog(iface.mainWindow()))


def has_libraries(iface) -> bool:
    """Return True if the libraries of all stages are there; a missing one is a message."""
    try:
        require(*GwsaAlgorithm.REQUIRES)
    except MissingLibrary as error:
        iface.messageBar().pushMessage("GWSA", str(error), Qgis.MessageLevel.Warning)
        return False
    return True


def show_animation(iface):
    """Open the dialog that exports monthly maps as an animation.

    Parameters
    ----------
    iface : QgisInterface
        The application interface of QGIS.
    """
    from .animation.dialog import AnimationDialog

    dialog = AnimationDialog(iface)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    show_dialog(dialog)


def show_help():
    """Open the front page of the documentation in the default application."""
    QDesktopServices.openUrl(QUrl(page_url("README")))
