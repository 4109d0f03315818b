"""The predictor set: a folder of aligned fine and coarse rasters and their predictors.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.grid import Grid
from ..base.months import month_range, name_runs, parse_month
from ..base.progress import Progress
from ..base.tiles import Tile
from ..files.atomic import require_consistent
from ..rasters.reading import open_raster
from .bands import require_shape
from .catalogue import Predictor, parse_predictors
from .files import COARSE, FINE, month_bands
from .json_file import read_json, read_land
from .outside import require_inside
from .raster_record import require_digests, require_lengths, stated_record

CONTENTS = "predictors.json"
# Raster of the means of monthly predictors, one band for each.
CLIMATOLOGIES = "climatologies.tif"
REBUILD = "build the set again"


@dataclass(frozen=True, eq=False)
class PredictorSet:
    """A predictor set on disk.

    Parameters
    ----------
    folder : Path
        The folder of the set.
    grid : Grid
        The fine grid.
    factor : int
        Fine pixels per coarse cell along a side.
    predictors : tuple of Predictor
        The variables, in the order of their features.
    months : numpy.ndarray
        Months that have features, datetime64[M], consecutive. Empty when all predictors are static;
        they then serve any month.
    before : numpy.ndarray
        Months just before ``months`` that have rasters for lags and antecedent means.
    land_file : str
        Path of the land mask, relative to ``folder``.
    climatologies : bool
        Whether the set has the raster CLIMATOLOGIES.
    """

    folder: Path
    grid: Grid
    factor: int
    predictors: tuple[Predictor, ...]
    months: np.ndarray
    before: np.ndarray
    land_file: str = "fine/land.tif"
    climatologies: bool = False

    @classmethod
    def open(cls, folder) -> PredictorSet:
        """Open the set in a folder, without reading rasters.

        Raises
        ------
        InputError
            When the folder has no valid predictors.json, or its rasters are not those that
            were built together.
        """
        folder = Path(folder).absolute()
        require_consistent(folder)
        if not (folder / CONTENTS).is_file():
            raise InputError(
                f"The folder {folder.name} has no {CONTENTS}; "
                "choose the folder that Build predictors wrote."
            )
        content = read_json(folder / CONTENTS)
        predictors = parse_predictors(content, CONTENTS)
        for predictor in (item for item in predictors if item.files):
            if Path(predictor.files).parts[:1] != (FINE,):
                raise InputError(
                    f'"files" of {predictor.name} in {CONTENTS} is not in {FINE}/; '
                    "build the set again."
                )
            require_inside(predictor.files, folder, f"{predictor.name} in {CONTENTS}", REBUILD)
        land = read_land(content, CONTENTS) or cls.land_file
        require_inside(land, folder, f'"land" in {CONTENTS}', REBUILD)
        rasters = [*(folder / FINE).rglob("*"), *(folder / COARSE).rglob("*")]
        for path in sorted([*rasters, *folder.glob(CLIMATOLOGIES)]):
            require_inside(str(path), folder, CONTENTS, REBUILD)
        record = stated_record(content)
        require_lengths(folder, record)
        grid, factor = _parse_grid(content, folder)
        if "months" in content:
            months = _parse_months(content, "months")
        else:
            months = _shared_months(predictors, folder)
        before = _parse_months(content, "before") if "before" in content else months[:0]
        return cls(
            folder,
            grid,
            factor,
            predictors,
            months,
            before,
            land,
            CLIMATOLOGIES in record,
        )

    @property
    def coarse_grid(self) -> Grid:
        """The coarse grid."""
        return self.grid.coarsen(self.factor)

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features in the order of ``read_features``.

        For example ``ndvi``, ``ndvi_lag3``, ``ndvi_mean6`` and ``landcover_2``.
        """
        return tuple(feature for predictor in self.predictors for feature in predictor.features)

    def land(self, tile: Tile | None = None) -> np.ndarray:
        """Read the land mask.

        Parameters
        ----------
        tile : Tile, optional
            Part of the fine grid; by default all of it.

        Returns
        -------
        numpy.ndarray of bool
            Shape of the tile, True on land.
        """
        path = self.folder / self.land_file
        tile = tile or Tile.full(self.grid.shape)
        with open_raster(path) as source:
            require_shape(source, self.grid, path)
            return source.read(1, tile) == 1

    def path_of(self, predictor: Predictor, scale: str, month=None) -> Path:
        """Return the path of a raster.

        Parameters
        ----------
        predictor : Predictor
            The variable.
        scale : str
            FINE or COARSE.
        month : numpy.datetime64, optional
            A month that the raster of a monthly predictor must hold.
        """
        name = predictor.files if month is None else predictor.file_of(month)
        return self.folder / scale / Path(name).relative_to(FINE)

    def by_role(self, role: str) -> Predictor | None:
        """Return the predictor with a role of ``catalogue.ROLES``, None when the set has none."""
        return next((item for item in self.predictors if item.role == role), None)

    def grid_of(self, scale: str) -> Grid:
        """Return the grid of the rasters of a scale, FINE or COARSE."""
        return {FINE: self.grid, COARSE: self.coarse_grid}[scale]

    def require_undamaged(self, progress: Progress) -> None:
        """Check all rasters against their digests, which sets of earlier versions do not have.

        Raises
        ------
        InputError
            When the content of a raster has changed since it was built.
        """
        record = stated_record(read_json(self.folder / CONTENTS))
        require_digests(self.folder, record, progress)

    def require(self, months: np.ndarray) -> None:
        """Raise InputError for months that the set does not have."""
        absent = months[~np.isin(months, self.months)]
        if self.months.size and absent.size:
            raise InputError(
                f"The predictor set {self.folder.name} covers {self.months[0]} to "
                f"{self.months[-1]}, not {name_runs(absent)}; build it for a longer period or "
                "choose months inside it."
            )


def _parse_grid(content: dict, folder: Path) -> tuple[Grid, int]:
    """The fine grid and the factor."""
    try:
        shape = dict(content["grid"])
        factor = shape.pop("factor")
        if not {type(shape["rows"]), type(shape["columns"]), type(factor)} == {int}:
            raise TypeError("rows, columns and factor are counts")
        sides = {name: shape[name] + 0.0 for name in ("west", "north", "dx", "dy")}
        grid = Grid(**{**shape, **sides})
        grid.coarsen(factor)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        raise InputError(
            f'"grid" in {CONTENTS} of {folder.name} is incomplete; it needs west, north, dx, dy, '
            "rows, columns and factor, where rows and columns are multiples of factor: build the "
            "set again."
        ) from None
    return grid, factor


def _parse_months(content: dict, key: str) -> np.ndarray:
    """The months from the first to the last that ``key`` states."""
    stated = content[key]
    if not isinstance(stated, list) or len(stated) != 2:
        raise InputError(f'"{key}" in {CONTENTS} is no list of two months; build the set again.')
    first, last = (parse_month(str(month), f'A month of "{key}" in {CONTENTS}') for month in stated)
    return month_range(first, last)


def _shared_months(predictors: Sequence[Predictor], folder: Path) -> np.ndarray:
    """The calendar months that all monthly predictors have, for a set that does not state them."""
    monthly = [predictor for predictor in predictors if predictor.monthly and predictor.files]
    if not monthly:
        return np.array([], dtype="datetime64[M]")
    covered = [list(month_bands(predictor, folder)) for predictor in monthly]
    for predictor, months in zip(monthly, covered):
        if not months:
            raise InputError(
                f"The predictor set {folder.name} has no {predictor.files}; build it again."
            )
    return month_range(max(months[0] for months in covered), min(months[-1] for months in covered))
