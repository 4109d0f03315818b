"""The life of the plugin inside QGIS."""

from __future__ import annotations

from qgis.core import QgsApplication

from ..processing_provider.provider import GwsaProvider


class GwsaPlugin:
    """``iface`` is None under qgis_process, which calls ``initProcessing`` alone."""

    def __init__(self, iface):
        self.iface = iface
        self.provider = None
        self.menu = None

    def initProcessing(self):
        self.provider = GwsaProvider()
        QgsApplication.processingRegistry().addProvider(self.provider)
        # A shipped model finds its child algorithms only once the provider is registered.
        self.provider.refreshAlgorithms()

    def initGui(self):
        from ..ui.menu import Menu

        self.initProcessing()
        self.menu = Menu(self.iface)

    def unload(self):
        if self.menu:
            self.menu.remove()
        if self.provider:
            QgsApplication.processingRegistry().removeProvider(self.provider)
        self.menu = self.provider = None
