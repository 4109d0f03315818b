"""The monthly maps of an export and their sigma: which months, from which files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ...base.errors import InputError
from ...base.grid import Grid, bounds_text
from ...base.months import calendar_year, month_range, name_runs, period_name
from ...base.plausible import limits_for, require_plausible
from ...base.tiles import Tile, split_into_squares
from ...files.provenance import same_run
from ...files.stack import MISSING
from ...files.stack_files import VARIABLE_TAG
from ...files.yearly_maps import YearlyMaps, sigma_maps

GWSA = "gwsa"
SIGMA = "gwsa_sigma"
# Pixels along the side of a chunk, which is that of the blocks of the maps of gwsa:downscale, and
# of the tiles that are read at once: twelve months of a tile take 11 MB and less than a second.
CHUNK = 240
TILE = 2 * CHUNK


class Variable(NamedTuple):
    """One of the two variables of an export.

    Attributes
    ----------
    name : str
        GWSA or SIGMA, its name in NetCDF; the tag GWSA_VARIABLE in capital letters.
    maps : YearlyMaps
    """

    name: str
    maps: YearlyMaps


@dataclass(frozen=True)
class Product:
    """The maps that are exported.

    Parameters
    ----------
    maps : YearlyMaps
        Monthly maps of GWSA.
    sigma : YearlyMaps or None
        Their sigma, on the same grid.
    months : ndarray of datetime64[M], shape (months,)
        Every month from the first to the last.
    """

    maps: YearlyMaps
    sigma: YearlyMaps | None
    months: np.ndarray

    @property
    def grid(self) -> Grid:
        """The grid of all maps."""
        return self.maps.grid

    @property
    def variables(self) -> tuple[Variable, ...]:
        """GWSA, and SIGMA where there is one."""
        sigma = (Variable(SIGMA, self.sigma),) if self.sigma else ()
        return (Variable(GWSA, self.maps), *sigma)

    @cached_property
    def tags(self) -> dict[str, str]:
        """The tags GWSA_... of the maps and, where there is one, the statement on sigma."""
        sigma = self.sigma.tags().get("GWSA_SIGMA") if self.sigma else None
        tags = {key: text for key, text in self.maps.tags().items() if key.startswith("GWSA_")}
        return {**tags, **({"GWSA_SIGMA": sigma} if sigma else {})}

    @property
    def years(self) -> list[int]:
        """The years with exported months."""
        return [int(year) for year in np.unique(calendar_year(self.months))]

    def months_in(self, year: int) -> np.ndarray:
        """The exported months of a year, datetime64[M]."""
        return self.months[calendar_year(self.months) == year]

    def tiles(self) -> list[Tile]:
        """Windows that cover the grid row by row, of complete chunks but at the edges."""
        # A view of one byte, since a global grid has 777 million pixels.
        return split_into_squares(np.broadcast_to(np.True_, self.grid.shape), TILE)

    def stated_sources(self) -> dict[np.datetime64, str]:
        """Month -> OBSERVED, FILLED or MISSING as the maps state it; MISSING for absent months."""
        stated = dict(zip(self.maps.months, self.maps.source))
        return {month: stated.get(month, MISSING) for month in self.months}

    @property
    def summary(self) -> str:
        """What the dataset contains, in three or four sentences."""
        grid = self.grid
        baseline = self.tags.get("GWSA_BASELINE")
        parts = [
            "Monthly groundwater storage anomalies (GWSA) in cm of equivalent water height, "
            f"{period_name((self.months[0], self.months[-1]))}.",
            f"The grid has {grid.rows} x {grid.columns} cells of {grid.dy:.6g}° x {grid.dx:.6g}° "
            f"and covers {bounds_text(grid.bounds)}.",
        ]
        if baseline:
            parts.append(f"Anomalies are relative to the mean of {baseline}.")
        if self.sigma:
            parts.append("The standard uncertainty (sigma) of each cell and month is given.")
        return " ".join(parts)


def find_sigma(maps: YearlyMaps) -> YearlyMaps | None:
    """Find the sigma of maps in the folder ``sigma`` beside their files.

    Returns
    -------
    YearlyMaps or None
        None where the files of the maps are in several folders or there is no such folder.

    Raises
    ------
    InputError
        When the sigma in it is that of another run.
    """
    folders = {path.parent for path, _ in maps.bands.values()}
    sigma = sigma_maps(folders.pop()) if len(folders) == 1 else None
    if sigma and not same_run(sigma.tags(), maps.tags()):
        raise InputError(
            "The files in the folder sigma beside the maps are of another run than the maps, as "
            "their tags state; remove them, or give SIGMA."
        )
    return sigma


def select_product(
    maps: YearlyMaps,
    sigma: YearlyMaps | None = None,
    period: tuple[np.datetime64 | None, np.datetime64 | None] = (None, None),
) -> Product:
    """Select the months of an export and check that the maps and their sigma belong together.

    Months at the beginning and at the end that are missing are left out.

    Parameters
    ----------
    maps : YearlyMaps
        Monthly maps of GWSA.
    sigma : YearlyMaps, optional
        Their sigma.
    period : (datetime64[M] or None, datetime64[M] or None)
        First and last month; None for the first or the last of the maps.

    Raises
    ------
    InputError
        When the maps are of another variable, no map is in the period, or the sigma has another
        grid or no month of the maps.
    """
    _require_variable(maps, "GWSA", "the monthly maps")
    first, last = period
    present = np.array([one != MISSING for one in maps.source])
    known = maps.months[present]
    if first is not None:
        known = known[known >= first]
    if last is not None:
        known = known[known <= last]
    if not known.size:
        raise InputError(
            f"The maps have no month in the period that is to be exported (they have "
            f"{name_runs(maps.months[present])}); choose other months (START, END)."
        )
    product = Product(maps, sigma, month_range(known[0], known[-1]))
    if sigma:
        _require_variable(sigma, "GWSA_SIGMA", "sigma (SIGMA)")
        if not sigma.grid.same_as(maps.grid):
            raise InputError(
                "The sigma (SIGMA) has a different grid from that of the maps; give the sigma of "
                "these maps."
            )
        if not np.intersect1d(sigma.months, known).size:
            raise InputError(
                f"The sigma (SIGMA) has none of the months of the maps (it has "
                f"{name_runs(sigma.months)}); give the sigma of these maps."
            )
    return product


def _require_variable(maps: YearlyMaps, variable: str, what: str) -> None:
    found = maps.tags().get(VARIABLE_TAG, variable)
    if found != variable:
        path, _ = next(iter(maps.bands.values()))
        raise InputError(
            f"{path.name} contains {found} (its tag {VARIABLE_TAG}), but {what} must be "
            f"{variable}; choose another layer."
        )


class Reader:
    """Reads months of a variable, NaN for a month that its files do not have.

    Parameters
    ----------
    variable : Variable
    read : callable
        That of ``YearlyMaps.opened``.
    """

    def __init__(self, variable: Variable, read: Callable[..., np.ndarray]):
        self._bands = variable.maps.bands
        self._limits = limits_for(variable.name.upper()) if variable.name == SIGMA else None
        self._read = read

    def read(self, months: np.ndarray, tile: Tile) -> np.ndarray:
        """Return float32 in cm, shape (months, rows, columns).

        Raises
        ------
        InputError
            When a file cannot be read or has impossible values, such as a negative sigma.
        """
        values = np.full((months.size, *tile.shape), np.nan, dtype=np.float32)
        present = np.array([month in self._bands for month in months])
        if present.any():
            known = months[present]
            values[present] = self._read(known, tile)
            if self._limits:
                path, _ = self._bands[known[0]]
                require_plausible(values[present], self._limits, path.name, list(known))
        return values


@contextmanager
def opened(variable: Variable) -> Iterator[Reader]:
    """Open all files of a variable until the end of the context."""
    with variable.maps.opened() as read:
        yield Reader(variable, read)
