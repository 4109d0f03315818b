"""The yearly maps on disk: a folder of ``GWSA_YYYY.tif`` with one band per month."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.grid import Grid
from ..base.months import period_name
from ..base.plausible import STORAGE, require_plausible
from ..base.units import CM, in_centimetres
from ..rasters.geotiff import UNIT_TAG
from ..rasters.raster import Raster
from ..rasters.reading import (
    band_months,
    open_lonlat,
    open_lonlat_beside_others,
    open_raster,
    read_bands,
    readable,
)
from ..rasters.whole_blocks import read_blocks
from .atomic import require_consistent
from .packed_tiles import TILES_DOMAIN, unpack_tiles
from .provenance import same_run
from .stack_files import VARIABLE_TAG
from .stack_tags import OBSERVED, stated_source

NAME = re.compile(r"GWSA_(\d{4})\.tif")
SIGMA_NAME = re.compile(r"GWSA_SIGMA_(\d{4})\.tif")
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
    source : tuple of str
        OBSERVED, FILLED or MISSING for each month; OBSERVED where the file does not state it.
    """

    grid: Grid
    bands: dict[np.datetime64, tuple[Path, int]]
    source: tuple[str, ...]

    @classmethod
    def in_folder(cls, folder: str | Path) -> YearlyMaps:
        """Find the ``GWSA_YYYY.tif`` of a folder and ignore all other files in it.

        Raises
        ------
        InputError
            When there is none, when files of two runs are mixed, or as in ``from_files``.
        """
        require_consistent(Path(folder))
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
        words: dict[np.datetime64, str] = {}
        for path in map(Path, paths):
            with open_lonlat(path) as source:
                grids.append(Grid.from_transform(source.transform, source.shape, path.name))
                months = band_months(source, path)
                tags.append(source.tags())
                for band, month in enumerate(months, start=1):
                    words.setdefault(month, stated_source(source, band, path.name) or OBSERVED)
            _require_one_product(path, tags[-1], next(iter(bands.values()), (path, 1))[0], tags[0])
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
        ordered = dict(sorted(bands.items()))
        return cls(grids[0], ordered, tuple(words[month] for month in ordered))

    @property
    def months(self) -> np.ndarray:
        """All months in order, datetime64[M]."""
        return np.array(list(self.bands), dtype="datetime64[M]")

    def select(self, first, last) -> YearlyMaps:
        """Return the maps of a period.

        Parameters
        ----------
        first, last : datetime64[M] or None
            First and last month; None for no limit.

        Raises
        ------
        InputError
            When the period has no month.
        """
        months = self.months
        kept = np.ones(months.size, dtype=bool)
        if first is not None:
            kept &= months >= first
        if last is not None:
            kept &= months <= last
        if not kept.any():
            raise InputError(
                f"The maps have {period_name(months[[0, -1]])} and no month of the period; change "
                "START or END."
            )
        return self.with_months(months[kept])

    def with_months(self, months: np.ndarray) -> YearlyMaps:
        """Return the maps of some of the months.

        Parameters
        ----------
        months : ndarray of datetime64[M], shape (n,)
            Months of the maps, in order.
        """
        source = dict(zip(self.bands, self.source))
        return replace(
            self,
            bands={month: self.bands[month] for month in months},
            source=tuple(source[month] for month in months),
        )

    def tags(self) -> dict[str, str]:
        """Read the tags of the first file."""
        path, _ = next(iter(self.bands.values()))
        with self._open(path) as source:
            return source.tags()

    def tiles(self) -> np.ndarray | None:
        """Read the mascon tiles of the first file.

        Returns
        -------
        ndarray of int32, shape (rows, columns), or None
            As ``write_stack`` stored them; -1 for a cell in no tile. None without tiles.
        """
        path, _ = next(iter(self.bands.values()))
        with self._open(path) as source:
            return unpack_tiles(source.tags(domain=TILES_DOMAIN), source.shape)

    def block(self) -> tuple[int, int]:
        """Rows and columns of the blocks of the first file, which are fast to read."""
        path, _ = next(iter(self.bands.values()))
        with self._open(path) as source:
            return source.block

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
        with self._open(path) as source:
            return read_bands(source, [band], window)[0]

    @contextmanager
    def opened(self) -> Iterator[Callable[..., np.ndarray]]:
        """Open all files until the end of the context, to read many windows in one thread.

        Yields
        ------
        callable
            Takes months, an ndarray of datetime64[M] of shape (n,), and optionally a window, the
            slices of rows and of columns. Returns an ndarray of float32, shape (n, rows, columns),
            in cm; NaN where a map has no value. Raises InputError when a file cannot be read, its
            unit is not known, or a value is not possible.
        """
        with ExitStack() as files:
            paths = dict.fromkeys(path for path, _ in self.bands.values())
            yield partial(
                self._read, {path: files.enter_context(self._open(path)) for path in paths}
            )

    def _open(self, path: Path) -> AbstractContextManager[Raster]:
        """Open a file as in ``open_lonlat_beside_others``."""
        return open_lonlat_beside_others(path)

    def _read(
        self,
        sources: dict[Path, Raster],
        months: np.ndarray,
        window: tuple[slice, slice] | None = None,
    ) -> np.ndarray:
        """Read months from open files, with one read per file."""
        wanted = defaultdict(list)
        for index, month in enumerate(months):
            path, band = self.bands[month]
            wanted[path].append((index, band))
        rows, columns = window or (slice(0, self.grid.rows), slice(0, self.grid.columns))
        shape = (len(months), rows.stop - rows.start, columns.stop - columns.start)
        values = np.empty(shape, dtype=np.float32)
        for path, pairs in wanted.items():
            source = sources[path]
            indices, bands = map(list, zip(*pairs))
            unit = (source.bands[0].unit or source.tags().get(UNIT_TAG) or CM).strip()
            with readable(path):
                block = read_blocks(source, bands, (rows, columns))
                if block is None:
                    block = read_bands(source, bands, window)
                block = in_centimetres(block, unit, path.name)
            require_plausible(block, STORAGE, path.name, list(months[indices]))
            values[indices] = block
        return values


def sigma_maps(folder: str | Path) -> YearlyMaps | None:
    """Find the sigma of the maps in a folder, ``sigma/GWSA_SIGMA_YYYY.tif``; None without it.

    Raises
    ------
    InputError
        When it is of another run than the maps, or as in ``YearlyMaps.from_files``.
    """
    require_consistent(Path(folder))
    folder = Path(folder) / "sigma"
    names = sorted(path for path in folder.glob("*.tif") if SIGMA_NAME.fullmatch(path.name))
    if not names:
        return None
    sigma = YearlyMaps.from_files(names)
    for path in yearly_files(folder.parent)[:1]:
        with open_raster(path) as source:
            is_own = same_run(source.tags(), sigma.tags())
        if not is_own:
            raise InputError(
                f"The folder {folder.parent.name} has {path.name} of one run and "
                f"sigma/{names[0].name} of another, as their tags GWSA_INPUTS and GWSA_PARAMETERS "
                "state; delete the folder sigma, or run Downscale again."
            )
    return sigma


def _require_one_product(path: Path, tags: dict, first: Path, first_tags: dict) -> None:
    """Refuse a file of another run or of another variable than the first."""
    if not same_run(tags, first_tags):
        raise InputError(
            f"{path.name} and {first.name} were written by two different runs, as their tags "
            "GWSA_INPUTS and GWSA_PARAMETERS state; give the files of one run."
        )
    variables = [one.get(VARIABLE_TAG) for one in (tags, first_tags)]
    if all(variables) and variables[0] != variables[1]:
        raise InputError(
            f"{path.name} contains {variables[0]} and {first.name} {variables[1]} (tag "
            f"{VARIABLE_TAG}); give the files of one variable."
        )


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
