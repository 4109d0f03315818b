"""What tests do with the dock, and what they compare it with."""

import time

import numpy as np
from qgis.core import (
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
)
from qgis.PyQt.QtWidgets import QApplication

# A pixel of land in the sample world.
PLACE = QgsPointXY(77.4321, 29.4567)
OTHER = QgsPointXY(78.2, 30.2)
PATIENCE_S = 30


def wait(dock) -> None:
    """Let the work in the background end and its results arrive."""
    end = time.monotonic() + PATIENCE_S
    while True:
        QApplication.processEvents()
        if not dock.products.is_busy and not dock.places.is_busy:
            break
        assert time.monotonic() < end
        time.sleep(0.005)


def add_raster(path) -> QgsRasterLayer:
    layer = QgsRasterLayer(str(path), path.stem)
    assert layer.isValid()
    QgsProject.instance().addMapLayer(layer)
    return layer


def pick(dock, point, is_added=False):
    dock.pick(point, is_added)
    wait(dock)


def curve(dock, kind, place=0):
    title = list(dict.fromkeys(one.place for one in dock.chart.curves))[place]
    return next(
        one.series for one in dock.chart.curves if (one.place, one.series.kind) == (title, kind)
    )


def at_pixel(path, point):
    """All months of the pixel at a point, read with nothing of the explorer."""
    layer = QgsRasterLayer(str(path), "check")
    provider = layer.dataProvider()
    values = [provider.sample(point, band) for band in range(1, layer.bandCount() + 1)]
    return np.array([value if known else np.nan for value, known in values])
