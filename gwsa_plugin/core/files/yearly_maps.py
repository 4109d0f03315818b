"""The yearly product on disk: a folder of ``GWSA_YYYY.tif``, twelve bands January..December each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rasterio.windows import Window

from ..base.errors import InputError
from ..base.grid import Grid
from .rasters import band_months, open_lonlat, read_bands

NAME = re.compile(r"GWSA_(\d{4})\.tif")


@dataclass(frozen=True)
class YearlyMaps:
    """``bands``: month -> (file, band number), every month that the files hold, in order."""

    grid: Grid
    bands: dict[np.datetime64, tuple[Path, int]]

    @classmethod
    def in_folder(cls, folder) -> YearlyMaps:
        """The ``GWSA_YYYY.tif`` of a folder; nothing else in it is read. InputError when there is none."""
        paths = sorted(
            path for path in Path(folder).glob("GWSA_*.tif") if NAME.fullmatch(path.name)
        )
        if not paths:
            raise InputError(
                f"{Path(folder).name} holds no GWSA_YYYY.tif; choose the folder that downscaling wrote."
            )
        return cls.from_files(paths)

    @classmethod
    def from_files(cls, paths) -> YearlyMaps:
        """Yearly files, wherever they are; InputError when their grids differ or a month comes twice."""
        grid, bands = None, {}
        for path in map(Path, paths):
            with open_lonlat(path) as source:
                own = Grid.from_transform(source.transform, source.shape, path.name)
                months = band_months(source, path)
            if grid is not None and not own.same_as(grid):
                raise InputError(
                    f"{path.name} has another grid than the other years; give files of one run."
                )
            grid = grid or own
            for band, month in enumerate(months, start=1):
                if month in bands:
                    raise InputError(
                        f"{path.name} and {bands[month][0].name} both hold {month}; keep one of them."
                    )
                bands[month] = (path, band)
        return cls(grid, dict(sorted(bands.items())))

    @property
    def months(self) -> np.ndarray:
        return np.array(list(self.bands), dtype="datetime64[M]")

    def read(self, month, window=None) -> np.ndarray:
        """One month, cm, float32 (rows, columns), NaN off the land; ``window`` is (rows, columns) as slices."""
        path, band = self.bands[np.datetime64(month, "M")]
        if window is not None:
            window = Window.from_slices(*window)
        with open_lonlat(path) as source:
            return read_bands(source, [band], window)[0]
