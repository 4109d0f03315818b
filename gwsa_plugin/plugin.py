"""Plugin class that QGIS creates when it loads the plugin."""

from __future__ import annotations

from qgis.core import QgsApplication

from ..processing_provider.provider import GwsaProvider


class GwsaPlugin:
    """Registers the Processing provider and adds the menu.

    Parameters
    ----------
    iface : QgisInterface or None
        None under qgis_process, which calls only ``initProcessing``.
    """

    def __init__(self, iface):
        self.iface = iface
        self.provider = None
        self.menu = None
        self.months = None
        self.explorer = None

    def initProcessing(self):
        """Register the Processing provider."""
        self.provider = GwsaProvider()
        QgsApplication.processingRegistry().addProvider(self.provider)
        # The models find their child algorithms only after the provider is registered.
        self.provider.refreshAlgorithms()

    def initGui(self):
        """Register the provider, add menu and explorer, and connect the temporal controller."""
        from ..ui.explorer.explorer import Explorer
        from ..ui.menu import Menu
        from ..ui.months_as_time import MonthsAsTime

        self.initProcessing()
        self.explorer = Explorer(self.iface)
        self.menu = Menu(self.iface, self.explorer.action)
        self.months = MonthsAsTime(self.iface)

    def unload(self):
        """Remove menu, explorer and provider, and disconnect the temporal controller."""
        if self.menu:
            self.menu.remove()
        if self.explorer:
            self.explorer.remove()
        if self.months:
            self.months.remove()
        if self.provider:
            QgsApplication.processingRegistry().removeProvider(self.provider)
        self.menu = None
        self.explorer = None
        self.months = None
        self.provider = None
