"""GLDAS variables as GeoTIFF stacks, one file a variable, as others make them from the NetCDF files."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np
from rasterio.errors import RasterioIOError
from rasterio.windows import Window

from ..base.errors import InputError
from ..base.grid import Grid
from ..base.months import BASELINE, month_range
from ..base.progress import SILENT, Progress
from ..base.units import KG_M2, cm_per, in_centimetres
from ..files.rasters import band_months, open_lonlat, read_bands
from .file_names import require_months
from .land_storage import LAYERS, OFF_LAND, VARIABLES, LandStorage


def has_stacks(folder: Path) -> bool:
    return any(_named_after(folder).values())


def read_stacks(
    folder: Path, period=(None, None), bounds=None, progress: Progress = SILENT
) -> LandStorage:
    """The months of ``period`` (None: the first or last there is) and of the baseline, the cells that touch ``bounds``.

    A file holds the variable in its name, its bands a month each in kg m-2 unless they state mm, cm or m; nodata and
    -9999 mean none. Land is where there is snow water, if only 0. Raises InputError for variables without a file or
    with two, another grid or unit, and months that some file lacks or that are empty.
    """
    paths = _one_each(folder)
    with ExitStack() as opened:
        files = {
            name: _Variable(path, opened.enter_context(open_lonlat(path)))
            for name, path in paths.items()
        }
        grid = _common_grid(files)
        months = set.intersection(*(set(file.bands) for file in files.values()))
        period = (
            period[0] or min(months, default=BASELINE[0]),
            period[1] or max(months, default=BASELINE[1]),
        )
        needed = np.union1d(month_range(*period), month_range(*BASELINE))
        require_months(
            f"The GeoTIFFs in {folder.name} lack a band in one of the variables",
            needed,
            months,
            period,
        )
        window = grid.window(bounds or grid.bounds)
        reading, adding = (
            progress.part(0, 1 / 7),
            progress.part(1 / 7, 1),
        )  # of seven bands a month, snow's comes twice
        land = _land(files["SWE_inst"], needed, window, reading)
        values = np.zeros((len(LAYERS), needed.size, np.count_nonzero(land)), dtype=np.float32)
        for place, month in enumerate(needed):
            adding.advance(place / needed.size)
            for component, names in zip(values[:, place], LAYERS.values()):
                for name in names:
                    component += files[name].read(month, window)[land]
    whole = needed[np.isfinite(values).any(axis=2).all(axis=0)]
    require_months(
        f"The GeoTIFFs in {folder.name} have an empty band in one of the variables",
        needed,
        whole,
        period,
    )
    progress.info(f"GLDAS: {needed.size} months read from GeoTIFF.")
    return LandStorage(grid.sub(*window), needed, land, values, period, list(paths.values()))


def _named_after(folder: Path) -> dict[str, list[Path]]:
    """Variable -> the GeoTIFFs that have it in their name."""
    tiffs = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".tif", ".tiff"))
    return {
        name: [path for path in tiffs if name.lower() in path.name.lower()] for name in VARIABLES
    }


def _one_each(folder: Path) -> dict[str, Path]:
    named = _named_after(folder)
    wrong = [name for name, paths in named.items() if len(paths) != 1]
    if wrong:
        told = "; ".join(
            f"{name}: {', '.join(p.name for p in named[name]) or 'no file'}" for name in wrong
        )
        raise InputError(
            f"The folder {folder.name} needs one GeoTIFF for each of the six variables, with its name in the file's "
            f"({told}); add the missing ones and take the others away."
        )
    return {name: paths[0] for name, paths in named.items()}


class _Variable:
    """An open stack of one variable; ``bands``: month -> band."""

    def __init__(self, path: Path, source):
        self.path, self.source = path, source
        self.grid = Grid.from_transform(source.transform, source.shape, path.name)
        self.bands = {month: band for band, month in enumerate(band_months(source, path), start=1)}
        self.unit = (source.units[0] or "").strip() or KG_M2
        if cm_per(self.unit) is None:
            raise InputError(
                f"{path.name} is in {self.unit}, not in kg m-2; convert it or correct its band unit."
            )

    def read(self, month, window: tuple[slice, slice]) -> np.ndarray:
        """cm, float32, shape of the window, NaN where there is none."""
        try:
            values = read_bands(self.source, [self.bands[month]], Window.from_slices(*window))[0]
        except RasterioIOError:
            raise InputError(
                f"The band of {month} in {self.path.name} is damaged; make the file again."
            ) from None
        values[values == OFF_LAND] = np.nan
        return in_centimetres(values, self.unit)[0]


def _common_grid(files: dict[str, _Variable]) -> Grid:
    first, *others = files.values()
    unlike = [other.path.name for other in others if not other.grid.same_as(first.grid)]
    if unlike:
        raise InputError(
            f"On another grid than {first.path.name}: {', '.join(unlike)}; warp them to its grid."
        )
    return first.grid


def _land(snow: _Variable, months, window: tuple[slice, slice], progress: Progress) -> np.ndarray:
    """Cells with snow water, be it 0, in any month: bool, shape of the window."""
    land = np.False_
    for place, month in enumerate(months):
        progress.advance(place / months.size)
        land = land | np.isfinite(snow.read(month, window))
    return land
