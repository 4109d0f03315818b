"""Comparison of two products of monthly storage on a common grid, window by window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.grid import Bounds, Grid
from ..base.months import BASELINE, in_baseline, name_runs, period_name
from ..base.progress import SILENT, Progress
from ..files.atomic import atomic_file
from ..files.stack import FILLED, MISSING
from ..files.stack_files import VARIABLE_TAG
from ..files.stack_tags import COMPARED_TAG
from ..files.yearly_maps import YearlyMaps
from ..rasters.geotiff import UNIT_TAG, GeoTiff, Header, new_geotiff
from ..spatial.aquifers import Aquifer
from .comparison_grid import common_grid, overlap_text
from .comparison_scores import TREND, UNITS, Periods, RegionScore
from .comparison_windows import STRIP, MapSummary, WindowScores

# Common months of 2004 to 2009 from which on they are the baseline.
LEAST_BASELINE_MONTHS = 24


@dataclass(frozen=True)
class Product:
    """A product of monthly storage.

    Parameters
    ----------
    name : str
        Name in messages and reports.
    maps : YearlyMaps
    """

    name: str
    maps: YearlyMaps


@dataclass(frozen=True)
class CompareOptions:
    """What is compared.

    Parameters
    ----------
    period : (first, last)
        Months, datetime64[M]; None for an open end.
    baseline : (first, last), optional
        Period over which the mean of both products is made zero. By default 2004 to 2009 where the
        products have at least 24 common months in it, else all common months.
    region : (west, south, east, north), optional
        Degrees.
    grid : Grid, optional
        The common grid; by default that of the product with the larger cells.
    use_filled : bool
        Whether to use months that a product states to be filled.
    least_months : int
        Fewest common months of a cell.
    """

    period: tuple[np.datetime64 | None, np.datetime64 | None] = (None, None)
    baseline: tuple[np.datetime64, np.datetime64] | None = None
    region: Bounds | None = None
    grid: Grid | None = None
    use_filled: bool = False
    least_months: int = 24


@dataclass(frozen=True, eq=False)
class Comparison:
    """Result of the comparison of two products.

    Parameters
    ----------
    first, other : str
        Names of the products; all differences are first minus other.
    grid : Grid
        The common grid.
    periods : Periods
    notes : tuple of str
        What was compared, in sentences.
    summaries : dict of str to MapSummary
        Score -> its distribution.
    regions : tuple of RegionScore
        The complete common area, then the polygons.
    series : tuple of ndarray of float64, shape (months,)
        Area-weighted mean of both products over the common area, cm.
    kept : dict of str to ndarray of float32, shape (rows, columns)
        Score -> every ``step``-th cell of its map.
    step : int
    """

    first: str
    other: str
    grid: Grid
    periods: Periods
    notes: tuple[str, ...]
    summaries: dict[str, MapSummary]
    regions: tuple[RegionScore, ...]
    series: tuple[np.ndarray, np.ndarray]
    kept: dict[str, np.ndarray]
    step: int


def compare(
    first: Product,
    other: Product,
    options: CompareOptions = CompareOptions(),
    paths: Mapping[str, Path] | None = None,
    polygons: Sequence[Aquifer] = (),
    tags: Mapping[str, str] | None = None,
    progress: Progress = SILENT,
) -> Comparison:
    """Compare two products and write maps of their scores.

    Parameters
    ----------
    first, other : Product
    options : CompareOptions
    paths : mapping of str to Path, optional
        Score (``comparison_scores.UNITS``) -> GeoTIFF to write. The trend difference, which takes
        most of the time, is mapped only if it is among them.
    polygons : sequence of Aquifer
        Regions to score, which may overlap.
    tags : mapping of str to str, optional
        Tags of the maps.
    progress : Progress

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        When the products have too few common months or no area in common, when nothing is left to
        compare, or when a file cannot be read.
    OSError
        When a map cannot be written.
    """
    paths = paths or {}
    names = (first.name, other.name)
    periods = common_months(first, other, options)
    grid = common_grid(first.maps.grid, other.maps.grid, names, options.grid, options.region)
    notes = (
        *_month_notes(first, other, periods, options),
        overlap_text(grid, first.maps.grid, other.maps.grid, names),
    )
    for note in notes:
        progress.info(note)
    _warn_of_variables(first, other, progress)
    scores = [name for name in UNITS if name != TREND or TREND in paths]
    work = WindowScores(grid, periods, scores, polygons)
    with ExitStack() as files:
        targets = {
            name: files.enter_context(_new_map(path, name, names, grid, periods, tags or {}))
            for name, path in paths.items()
        }
        work.run(first.maps, other.maps, targets, progress)
        if not work.found:
            raise InputError(
                f"{first.name} and {other.name} have no cell with values of both in at least "
                f"{periods.least} months; check their regions, or lower MIN_MONTHS."
            )
        for target in targets.values():
            target.add_overviews(progress)
    progress.advance(1.0)
    return Comparison(
        first.name,
        other.name,
        grid,
        periods,
        notes,
        work.summaries(),
        tuple(work.sums.scores()),
        work.sums.series(0),
        work.kept,
        work.step,
    )


def _warn_of_variables(first: Product, other: Product, progress: Progress) -> None:
    """Warn if the tags state that the products hold different variables."""
    variables = [one.maps.tags().get(VARIABLE_TAG) for one in (first, other)]
    if None not in variables and variables[0] != variables[1]:
        progress.warn(
            f"{first.name} contains {variables[0]} and {other.name} {variables[1]} (tag "
            f"{VARIABLE_TAG}): their difference is not only one of quality."
        )


def common_months(first: Product, other: Product, options: CompareOptions) -> Periods:
    """Find the months that two products have in common, and the baseline among them.

    Parameters
    ----------
    first, other : Product
    options : CompareOptions

    Returns
    -------
    Periods

    Raises
    ------
    InputError
        When they have fewer common months than a cell needs, or none in the chosen baseline.
    """
    usable = [_usable(product.maps, options) for product in (first, other)]
    months = np.intersect1d(usable[0], usable[1])
    if months.size < options.least_months:
        spans = [
            f"{product.name} {period_name((known[0], known[-1])) if known.size else 'none'}"
            for product, known in zip((first, other), usable)
        ]
        raise InputError(
            f"The products have {months.size} months in common, fewer than the "
            f"{options.least_months} of MIN_MONTHS (usable months: {'; '.join(spans)}); give "
            "products of one period, or use the filled months (FILLED) where one has no others."
        )
    inside = in_baseline(months, options.baseline or BASELINE)
    if options.baseline and not inside.any():
        raise InputError(
            f"The products have no common month in the baseline {period_name(options.baseline)}; "
            f"choose one within {months[0]}..{months[-1]}."
        )
    if not options.baseline and inside.sum() < LEAST_BASELINE_MONTHS:
        inside[:] = True
    return Periods(months, inside, options.least_months)


def _usable(maps: YearlyMaps, options: CompareOptions) -> np.ndarray:
    """Months of maps within the period that are not missing, nor filled unless those are used."""
    source = np.array(maps.source)
    kept = source != MISSING
    if not options.use_filled:
        kept &= source != FILLED
    months = maps.months
    start, end = options.period
    if start is not None:
        kept &= months >= start
    if end is not None:
        kept &= months <= end
    return months[kept]


def _month_notes(
    first: Product, other: Product, periods: Periods, options: CompareOptions
) -> Iterator[str]:
    months = periods.months
    yield f"{months.size} common months: {name_runs(months)}."
    if not options.use_filled:
        filled = [
            (product.name, product.maps.months[np.array(product.maps.source) == FILLED])
            for product in (first, other)
        ]
        for name, left_out in filled:
            if left_out.size:
                yield f"Filled months of {name} are left out: {name_runs(left_out)}."
    if periods.in_baseline.all():
        yield (
            "Each series is relative to its mean over all common months, so that the bias is 0 in "
            "each cell by definition: no offset between anomalies is left to compare."
        )
    else:
        first_month, last_month = periods.baseline[[0, -1]]
        yield (
            f"Each series is relative to its mean over the common months of {first_month}.."
            f"{last_month}. The bias that remains is the mean difference over all common months. "
            "It comes from different changes before and after the baseline, not from the zero of "
            "the anomalies."
        )


@contextmanager
def _new_map(
    path: Path,
    score: str,
    names: tuple[str, str],
    grid: Grid,
    periods: Periods,
    tags: Mapping[str, str],
) -> Iterator[GeoTiff]:
    """A new GeoTIFF, which gets its final name when it is complete."""
    months = periods.months
    facts = {
        VARIABLE_TAG: score,
        UNIT_TAG: UNITS[score],
        COMPARED_TAG: f"{names[0]} against {names[1]}",
        "GWSA_PERIOD": period_name((months[0], months[-1])),
        "GWSA_BASELINE": period_name((periods.baseline[0], periods.baseline[-1])),
    }
    header = Header(grid, (score,), UNITS[score], {**tags, **facts})
    with atomic_file(path) as part, new_geotiff(part, header, STRIP) as target:
        yield target
