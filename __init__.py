"""GWSA, a QGIS plugin: monthly 1 km groundwater storage anomalies from GRACE and GLDAS."""


def classFactory(iface):
    from .gwsa_plugin.plugin import GwsaPlugin

    return GwsaPlugin(iface)
