"""Yearly maps of a known world as layers of the project, for tests of what shows them."""

from pathlib import Path

import numpy as np
from qgis.core import QgsCoordinateReferenceSystem, QgsProject, QgsRasterLayer

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.files.stack import FILLED, OBSERVED, MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.rasters.geotiff_tags import update_tags
from gwsa.processing_provider.styles.rasters import style_raster, write_styles

GRID = Grid(70.0, 32.0, 0.25, 0.25, 16, 16)
YEARS = (2014, 2015)
FILLED_MONTH = "2014-06"
VERDICT = {
    "GWSA_DETAIL": "refuted",
    "GWSA_DETAIL_GAIN": "-0.0400",
    "GWSA_DETAIL_INTERVAL": "-0.0620 -0.0210",
    "GWSA_DETAIL_WELLS": "120",
    "GWSA_BASELINE": "2004-01..2009-12",
}
VERDICT_TEXT = "1 km detail refuted: gain at 120 wells -4.0 % (90 % interval -6.2 to -2.1 %)"


def value_of(month: str) -> float:
    """The value of all pixels of a month, cm: from -12 on, one more each month."""
    first = np.datetime64(f"{YEARS[0]}-01", "M")
    return float((np.datetime64(month, "M") - first).astype(int)) - 12.0


def add_yearly_maps(folder: Path) -> list[QgsRasterLayer]:
    """Write maps of two years, the only visible layer the later, and add them to the project."""
    paths = []
    for year in YEARS:
        months = np.arange(f"{year}-01", f"{year + 1}-01", dtype="datetime64[M]")
        levels = np.array([value_of(str(month)) for month in months])
        values = np.broadcast_to(levels[:, None, None], (12, *GRID.shape)).astype("float32")
        sources = [FILLED if str(month) == FILLED_MONTH else OBSERVED for month in months]
        stack = MonthlyStack.on_calendar(GRID, months, values, "GWSA", source=sources)
        paths.append(folder / f"GWSA_{year}.tif")
        write_stack(paths[-1], stack)
        update_tags(paths[-1], VERDICT)
    write_styles(paths)
    layers = [QgsRasterLayer(str(path), path.stem) for path in paths]
    for layer in layers:
        style_raster(layer)
    QgsProject.instance().addMapLayers(layers)
    root = QgsProject.instance().layerTreeRoot()
    root.findLayer(layers[0].id()).setItemVisibilityChecked(False)
    return layers


def show_maps(canvas, layer) -> None:
    """Zoom a canvas to a layer."""
    canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    canvas.resize(400, 400)
    canvas.setExtent(layer.extent())
