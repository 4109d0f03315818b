"""Start QGIS without its window in this process, for scripts, tests and benchmarks."""

from __future__ import annotations

import sys

from qgis.core import QgsApplication

PLUGINS = "/usr/share/qgis/python/plugins"
# QGIS ends with the variables that hold it.
_held: list = []


def start_application() -> None:
    """Start QGIS without algorithms, once."""
    if not QgsApplication.instance():
        _held.append(QgsApplication([], False))
        _held[0].initQgis()


def start_qgis() -> None:
    """Start QGIS with the algorithms of the plugin, once."""
    if QgsApplication.instance():
        return
    start_application()
    sys.path.append(PLUGINS)
    from processing.core.Processing import Processing

    from gwsa.processing_provider.provider import GwsaProvider

    Processing.initialize()
    _held.append(GwsaProvider())
    QgsApplication.processingRegistry().addProvider(_held[-1])
