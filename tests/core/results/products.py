"""Small products with known differences."""

import numpy as np

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import decimal_years, month_range
from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.results.comparison import Product

GRID = Grid(70.0, 33.0, 0.5, 0.5, 6, 8)
MONTHS = month_range("2004-01", "2012-12")


class Lines(Progress):
    """Progress that keeps its lines."""

    def __init__(self):
        self.text = ""

    def info(self, text):
        self.text += text + "\n"

    warn = info


def storage(grid: Grid, months=MONTHS) -> np.ndarray:
    """Trends and seasons that differ from place to place, cm, shape (months, rows, columns)."""
    x, y = np.meshgrid(grid.longitudes, grid.latitudes)
    years = decimal_years(months)[:, None, None]
    return (0.2 * np.sin(y) - 1) * (years - 2008) + 6 * np.sin(2 * np.pi * years + x / 3)


def repeated(values: np.ndarray, factor: int) -> np.ndarray:
    """Values of cells at each of their pixels."""
    return values.repeat(factor, axis=-2).repeat(factor, axis=-1)


def product(folder, name, values, grid=GRID, months=MONTHS, source=None, tags=None) -> Product:
    """Write a stack and open it as a product."""
    stack = MonthlyStack.on_calendar(grid, months, values, "GWSA", source=source)
    write_stack(folder / f"{name}.tif", stack, tags)
    return Product(name, YearlyMaps.from_files([folder / f"{name}.tif"]))
