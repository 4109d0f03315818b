"""Entry of the explorer in menu and toolbar; its dock is made when it is first wanted."""

from __future__ import annotations

from qgis.core import Qgis
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QAction

from ...gwsa_plugin.dependencies import MissingLibrary, require
from ...processing_provider.base import RESOURCES, GwsaAlgorithm, tr


class Explorer:
    """Action that shows and hides the dock.

    Parameters
    ----------
    iface : QgisInterface
        The application interface of QGIS.
    """

    def __init__(self, iface):
        self._iface = iface
        self.dock = None
        icon = QIcon(str(RESOURCES / "icons" / "explorer.svg"))
        self.action = QAction(icon, tr("Explorer"), iface.mainWindow())
        self.action.setObjectName("gwsaExplorer")
        self.action.setToolTip(tr("GWSA Explorer: monthly series at places of the map"))
        self.action.setCheckable(True)
        self.action.triggered.connect(self.show)
        iface.addToolBarIcon(self.action)

    def show(self, is_shown: bool = True) -> None:
        """Show or hide the dock; a missing library is a message."""
        if self.dock is None and is_shown and not self._make_dock():
            self.action.setChecked(False)
        elif self.dock is not None:
            self.dock.setUserVisible(is_shown)

    def remove(self) -> None:
        """Remove the action, the dock, and what it has put on the map."""
        self._iface.removeToolBarIcon(self.action)
        self.action.deleteLater()
        if self.dock is not None:
            from ..work import wait_for_all

            self.dock.remove()
            wait_for_all()
            self._iface.removeDockWidget(self.dock)
            self.dock.deleteLater()
            self.dock = None

    def _make_dock(self) -> bool:
        try:
            require(*GwsaAlgorithm.REQUIRES)
        except MissingLibrary as error:
            self._iface.messageBar().pushMessage("GWSA", str(error), Qgis.MessageLevel.Warning)
            return False
        # Libraries that the work in the background needs are imported here, in the main thread.
        from .dock import ExplorerDock

        self.dock = ExplorerDock(self._iface.mapCanvas(), self._iface.mainWindow())
        self.dock.visibilityChanged.connect(self.action.setChecked)
        self._iface.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, self.dock)
        self.dock.show()
        return True
