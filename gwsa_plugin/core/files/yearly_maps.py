"""The yearly maps on disk: a folder of ``GWSA_YYYY.tif`` with one band per month."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.grid import Grid
from ..rasters.reading import band_months, open_lonlat, open_raster, read_bands
from .provenance import same_run

NAME = re.compile(r"GWSA_(\d{4})\.tif")
# Relative paths of all yearly rasters in the folder of a run, those of sigma included.
FILES = r"GWSA_\d{4}\.tif|sigma/GWSA_SIGMA_\d{4}\.tif"


@dataclass(frozen=True)
class YearlyMaps:
    """Monthly maps in yearly files.

    Parameters
    ----------
    grid : Grid
        Grid of all files.
    bands : dict
        Month -> (file, band number) for every month of the files, in the order of months.
    """

    grid: Grid
    bands: dict[np.datetime64, tuple[Path, int]]

    @classmethod
    def in_folder(cls, folder: str | Path) -> YearlyMaps:
        """Find the ``GWSA_YYYY.tif`` of a folder and ignore all other files in it.

        Raises
        ------
        InputError
            When there is none, or as in ``from_files``.
        """
        paths = yearly_files(folder)
        if not paths:
            raise InputError(
                f"{Path(folder).name} contains no GWSA_YYYY.tif; "
                "choose an output folder of the downscaling."
            )
        return cls.from_files(paths)

    @classmethod
    def from_files(cls, paths: Iterable[str | Path]) -> YearlyMaps:
        """Find the months of yearly files, which may be in different folders.

        Parameters
        ----------
        paths : iterable of str or Path
            At least one file, which ``open_lonlat`` and ``band_months`` accept.

        Raises
        ------
        InputError
            When a file cannot be opened, the grids differ, two files have the same month, or the
            tags are those of different runs.
        """
        grids: list[Grid] = []
        tags: list[dict[str, str]] = []
        bands: dict[np.datetime64, tuple[Path, int]] = {}
        for path in map(Path, paths):
            with open_lonlat(path) as source:
                grids.append(Grid.from_transform(source.transform, source.shape, path.name))
                months = band_months(source, path)
                tags.append(source.tags())
            if not same_run(tags[-1], tags[0]):
                raise InputError(
                    f"{path.name} and {next(iter(bands.values()))[0].name} were written by two "
                    "different runs, as their tags GWSA_INPUTS and GWSA_PARAMETERS state; give the "
                    "files of one run."
                )
            if not grids[-1].same_as(grids[0]):
                raise InputError(
                    f"{path.name} has a different grid from that of the other years; "
                    "give the files of one run."
                )
            for band, month in enumerate(months, start=1):
                if month in bands:
                    raise InputError(
                        f"{path.name} and {bands[month][0].name} both contain {month}; "
                        "keep one of them."
                    )
                bands[month] = (path, band)
        return cls(grids[0], dict(sorted(bands.items())))

    @property
    def months(self) -> np.ndarray:
        """All months in order, datetime64[M]."""
        return np.array(list(self.bands), dtype="datetime64[M]")

    def tags(self) -> dict[str, str]:
        """Read the tags of the first file."""
        path, _ = next(iter(self.bands.values()))
        with open_lonlat(path) as source:
            return source.tags()

    def read(self, month, window: tuple[slice, slice] | None = None) -> np.ndarray:
        """Read the map of one month.

        Parameters
        ----------
        month : datetime64 or str
            One of ``months``.
        window : (slice, slice), optional
            Rows and columns to read; by default all.

        Returns
        -------
        ndarray of float32, shape (rows, columns)
            In the unit of the file; NaN where the map has no value.
        """
        path, band = self.bands[np.datetime64(month, "M")]
        with open_lonlat(path) as source:
            return read_bands(source, [band], window)[0]


def yearly_files(folder: str | Path) -> list[Path]:
    """Return the ``GWSA_YYYY.tif`` of a folder in the order of years."""
    return sorted(path for path in Path(folder).glob("GWSA_*.tif") if NAME.fullmatch(path.name))


def require_own_folder(folder: Path, tags: Mapping[str, str]) -> None:
    """Check that a folder has no maps, or those of the same run only.

    Parameters
    ----------
    folder : Path
        The folder of the maps, which need not exist.
    tags : mapping of str to str
        Tags of the new maps.

    Raises
    ------
    InputError
        When it has maps of another run.
    """
    for path in yearly_files(folder):
        try:
            with open_raster(path) as source:
                is_own = same_run(source.tags(), tags)
        except InputError:  # a damaged file
            is_own = False
        if not is_own:
            raise InputError(
                f"The folder {folder.name} has {path.name} of a run with other inputs or settings; "
                "choose another folder, or set REPLACE to remove the maps of that run."
            )
