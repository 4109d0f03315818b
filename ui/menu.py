"""Submenu GWSA of the Plugins menu of QGIS."""

from __future__ import annotations

from qgis.core import Qgis
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtGui import QDesktopServices, QIcon

from ..gwsa_plugin.dependencies import MissingLibrary, require
from ..processing_provider.base import RESOURCES, GwsaAlgorithm, tr
from ..processing_provider.help_pages import page_url
from ..processing_provider.provider import ALGORITHMS
from .dialogs import open_dialog, show_dialog


class Menu:
    """Submenu with the full chain, each stage and the help.

    Parameters
    ----------
    iface : QgisInterface
        The application interface of QGIS.
    """

    def __init__(self, iface):
        self._parent = iface.pluginMenu()
        self._menu = self._parent.addMenu(QIcon(str(RESOURCES / "icons" / "gwsa.svg")), "GWSA")
        self._menu.setObjectName("gwsa")
        self._add_dialog("fullchain", tr("The whole chain"))
        self._menu.addSeparator()
        for algorithm in ALGORITHMS:
            self._add_dialog(algorithm.ID, tr(algorithm.NAME))
        self._menu.addSeparator()
        self._menu.addAction(tr("Predictors…"), lambda: show_predictors(iface))
        self._menu.addAction(tr("Help"), show_help)

    def remove(self):
        """Remove the submenu."""
        self._parent.removeAction(self._menu.menuAction())
        self._menu.deleteLater()

    def _add_dialog(self, algorithm: str, label: str):
        self._menu.addAction(f"{label}…", lambda: open_dialog(algorithm))


def show_predictors(iface):
    """Open the dialog that makes a predictor catalogue; a missing library is a message.

    Parameters
    ----------
    iface : QgisInterface
        The application interface of QGIS.
    """
    try:
        require(*GwsaAlgorithm.REQUIRES)
    except MissingLibrary as error:
        iface.messageBar().pushMessage("GWSA", str(error), Qgis.MessageLevel.Warning)
        return
    from .predictors_dialog import PredictorsDialog

    show_dialog(PredictorsDialog(iface.mainWindow()))


def show_help():
    """Open the front page of the documentation in the default application."""
    QDesktopServices.openUrl(QUrl(page_url("README")))
