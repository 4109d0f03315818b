"""Write small input rasters of predictors."""

import json

import numpy as np
import rasterio

from gwsa.benchmarks.rasters import geotiff_profile
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.predictors.build import Inputs, build_predictors

FACTOR = 6
COARSE = Grid(14.0, 46.0, 0.25, 0.25, 4, 6)
FINE = COARSE.refine(FACTOR)


class Log(Progress):
    """Keeps the lines of the log."""

    def __init__(self):
        self.lines, self.warnings = [], []
        self.info, self.warn = self.lines.append, self.warnings.append

    def line(self, start):
        """The only line that begins with ``start``."""
        (found,) = [line for line in self.lines if line.startswith(start)]
        return found


def write_raster(path, bands, grid=FINE, **options):
    """Write bands; scale, offset and names go into the header, options into the profile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = {key: options.pop(key, None) for key in ("scale", "offset", "names")}
    profile = {**geotiff_profile(grid, len(bands)), "predictor": 1, **options}
    with rasterio.open(path, "w", **profile) as target:
        target.write(np.asarray(bands, dtype=target.dtypes[0]))
        if header["scale"] is not None:
            target.scales = [header["scale"]] * len(bands)
        if header["offset"] is not None:
            target.offsets = [header["offset"]] * len(bands)
        if header["names"] is not None:
            target.descriptions = [str(name) for name in header["names"]]
    return path


def build_set(folder, entries, coarse=COARSE, progress=None, **options):
    """Build a set from the rasters in ``folder``, with land everywhere."""
    grid = folder / "gwsa.tif"
    month = np.array(["2004-01"], dtype="datetime64[M]")
    write_stack(grid, MonthlyStack.on_calendar(coarse, month, np.zeros((1, *coarse.shape)), "GWSA"))
    mask = write_raster(
        folder / "mask.tif", np.ones((1, *coarse.shape)), coarse, dtype="uint8", nodata=None
    )
    catalogue = folder / "catalogue.json"
    catalogue.write_text(json.dumps({"format": 1, "predictors": entries}))
    period = options.pop("period", (None, None))
    inputs = Inputs(catalogue, grid, mask, outside=True)
    return build_predictors(inputs, folder / "set", period, FACTOR, progress or Log())
