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

    def initProcessing(self):
        """Register the Processing provider."""
        self.provider = GwsaProvider()
        QgsApplication.processingRegistry().addProvider(self.provider)
        # The models find their child algorithms only after the provider is registered.
        self.provider.refreshAlgorithms()

    def initGui(self):
        """Register the provider, add the menu, and connect the temporal controller."""
        from ..ui.menu import Menu
        from ..ui.months_as_time import MonthsAsTime

        self.initProcessing()
        self.menu = Menu(self.iface)
        self.months = MonthsAsTime(self.iface)

    def unload(self):
        """Remove the menu and the provider, and disconnect the temporal controller."""
        if self.menu:
            self.menu.remove()
        if self.months:
            self.months.remove()
        if self.provider:
            QgsApplication.processingRegistry().removeProvider(self.provider)
        self.menu = None
        self.months = None
        self.provider = None
