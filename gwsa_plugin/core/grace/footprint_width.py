"""Width of the footprint: given, estimated from TWSA and land water, or the product's default.

The estimate fits TWSA by land water that is blurred by footprints of several widths, and takes the
width of the smallest misfit. TWSA contains the land water itself, at all scales, so its coefficient
is 1. The other terms of the fit allow for errors of phase of the land model and for a late response
of groundwater (fading means of land water). Groundwater that follows land water at large scales but
not at small ones would look like blur and make the estimate too wide. Therefore the fit also has
the land water as a footprint of twice the width observes it, with any coefficients.

The means, trends and seasons of the tiles do not take part, because the errors of GRACE, of the
land model and of the unmodelled storage are largest there. Misfits are weighted by the inverse of
their covariance between tiles, so that large-scale errors do not count as blur.

Small-scale random errors of the land water are not modelled. They make the estimate too wide.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..base.grid import EARTH_RADIUS_KM, Grid
from ..base.progress import SILENT, Progress
from ..files.packed_tiles import NO_TILE
from ..files.stack import OBSERVED, MonthlyStack
from ..stats.harmonics import harmonic_design
from .footprint import Footprint
from .tiles import find_tiles
from .width_fit import WidthFit, fit_widths

GIVEN = "given"
ESTIMATED = "estimated"
DEFAULT = "product default"
# Full widths by processing centre, see ``default_width``.
DEFAULTS_KM = {"CSR": 250.0, "JPL": 300.0, "GSFC": 300.0}
OTHER_DEFAULT_KM = 250.0

# The widths that are compared go from one cell to about this one. STEPS steps double the width.
WIDEST_KM = 500.0
STEPS = 4
# Shifts of land water in months, and times in months in which its fading means fall to 1/e.
SHIFTS = (-1, 1)
FADING = (3.0, 12.0, 40.0)
# Tiles are left out where a blur of so many km would lack more than this fraction of its weight.
REACH_KM = 300.0
MOST_OUTSIDE = 0.1
# Side of a part of the region in degrees, number of parts and tiles of a part: they bound the time.
PART_DEGREES = 24.0
MOST_PARTS = 6
MOST_TILES = 250
FEWEST_TILES = 8
FEWEST_MONTHS = 36
# Fraction of the weighted variance that land water must explain. Unrelated fields, which persist
# from month to month, explain up to 0.06.
LEAST_EXPLAINED = 0.1
RESAMPLES = 300
# Standard deviation of the logarithm of the width for what resampling of years does not show: the
# unknown shape of the true kernel (0.12) and an error of the amplitude of the land model that all
# places share (0.05). A kernel exp(-(d/s)^p) with p = 1.7 instead of 2 shifts the logarithm by 0.11
# to 0.15. A land model with 0.7 or 1.4 times the true amplitude shifts it by up to 0.14.
LASTING_SIGMA = 0.13


class FootprintWidth(NamedTuple):
    """Full width of the footprint at half of its maximum, before the means over tiles.

    Parameters
    ----------
    km : float
    lower_km, upper_km : float
        Interval of 95 %; NaN when the width is not estimated.
    source : str
        "given", "estimated" or "product default".
    """

    km: float
    lower_km: float
    upper_km: float
    source: str


def footprint_width(
    twsa: MonthlyStack,
    land_water: MonthlyStack,
    given_km: float | None = None,
    progress: Progress = SILENT,
) -> FootprintWidth:
    """Return the width of the footprint of TWSA and log where it comes from.

    Parameters
    ----------
    twsa : MonthlyStack
        TWSA in cm. Only its observed months are used. Its tiles are found where it states none.
    land_water : MonthlyStack
        Anomalies of the modelled land water in cm, on the same lattice of cells. A margin of some
        hundred km around the region of ``twsa`` gives more tiles that can be used.
    given_km : float, optional
        The width, if it is known.
    progress : Progress

    Returns
    -------
    FootprintWidth
        The given width, else the estimate, else the default of the product when the data cannot
        tell the width. The lower limit is 0 where the footprint is as narrow as a cell.
    """
    if given_km is not None:
        progress.info(f"The footprint is {given_km:g} km wide, as given.")
        return FootprintWidth(given_km, np.nan, np.nan, GIVEN)
    default = default_width(twsa)
    fits = _fits(twsa, land_water, progress)
    if not fits:
        return _default(twsa, "the region has too few tiles or months with land water", progress)
    widths = _widths(land_water.grid)
    misfits = _misfits(fits, np.ones(fits[0].years))
    if misfits.min() > (1.0 - LEAST_EXPLAINED) * sum(fit.variance for fit in fits):
        return _default(twsa, "land water explains too little of TWSA", progress)
    estimate = _minimum(misfits, widths)
    random = np.random.default_rng(0)
    resampled = [
        _minimum(_misfits(fits, weights), widths)
        for weights in random.multinomial(
            fits[0].years, np.full(fits[0].years, 1.0 / fits[0].years), RESAMPLES
        ).astype(float)
    ]
    width = _with_interval(estimate, np.percentile(resampled, [2.5, 97.5]), widths)
    if width.km >= widths[-1]:
        return _default(twsa, "the best fit is at the widest footprint that was tried", progress)
    if width.upper_km - width.lower_km > default:
        limits = f"{width.lower_km:.0f} to {width.upper_km:.0f} km"
        return _default(twsa, f"the data give no more than {limits}", progress)
    tiles = sum(fit.tiles for fit in fits)
    progress.info(
        f"The footprint is {width.km:.0f} km wide, estimated from TWSA and land water of {tiles} "
        f"tiles (95 % interval {width.lower_km:.0f} to {width.upper_km:.0f} km)."
    )
    return width


def default_width(twsa: MonthlyStack) -> float:
    """Return the width that is assumed for a product without an estimate.

    It is 250 km for CSR, 300 km for JPL and GSFC, and 250 km for others. These are assumptions, as
    the centres do not state the width of a Gaussian. GRACE was designed to resolve 400 km (Tapley
    et al. 2004). JPL estimates mascons of 3°, about 330 km (Watkins et al. 2015). CSR (Save et al.
    2016) and GSFC (Loomis et al. 2019) estimate mascons of about 1°, which is finer than what GRACE
    resolves, so that regularization determines the footprint.

    Parameters
    ----------
    twsa : MonthlyStack
        With the tag GWSA_CENTRE.

    Returns
    -------
    float
        In km.

    References
    ----------
    Watkins, M. M. et al. (2015), J. Geophys. Res. Solid Earth 120, doi:10.1002/2014JB011547.
    Save, H., Bettadpur, S. & Tapley, B. D. (2016), J. Geophys. Res. Solid Earth 121,
        doi:10.1002/2016JB013007.
    Loomis, B. D., Luthcke, S. B. & Sabaka, T. J. (2019), J. Geodesy 93,
        doi:10.1007/s00190-019-01252-y.
    Tapley, B. D. et al. (2004), Science 305, doi:10.1126/science.1099192.
    """
    return DEFAULTS_KM.get(twsa.tags.get("GWSA_CENTRE", ""), OTHER_DEFAULT_KM)


def _default(twsa: MonthlyStack, reason: str, progress: Progress) -> FootprintWidth:
    width = default_width(twsa)
    centre = twsa.tags.get("GWSA_CENTRE", "")
    product = centre if centre in DEFAULTS_KM else "products of unknown width"
    progress.warn(
        f"The footprint is taken as {width:g} km wide, the default for {product}, because {reason}."
    )
    return FootprintWidth(width, np.nan, np.nan, DEFAULT)


def _with_interval(estimate: float, limits: np.ndarray, widths: np.ndarray) -> FootprintWidth:
    """Combine the resampled limits with the errors that resampling of years does not show."""
    lasting = 1.96 * LASTING_SIGMA
    below, above = np.hypot(np.log([estimate / limits[0], limits[1] / estimate]).clip(0), lasting)
    # Widths below that of a cell cannot be distinguished.
    lower = 0.0 if limits[0] <= widths[0] else estimate * np.exp(-below)
    return FootprintWidth(float(estimate), float(lower), float(estimate * np.exp(above)), ESTIMATED)


def _widths(grid: Grid) -> np.ndarray:
    """The widths to compare, km, in a geometric series."""
    cell = np.radians(grid.dy) * EARTH_RADIUS_KM
    narrowest = min(cell, WIDEST_KM / 4.0)
    return narrowest * 2.0 ** (np.arange(round(STEPS * np.log2(WIDEST_KM / narrowest)) + 1) / STEPS)


def _misfits(fits: list[WidthFit], weights: np.ndarray) -> np.ndarray:
    """Sum of squares of all parts for each width."""
    return np.sum([fit.misfits(weights) for fit in fits], axis=0)


def _minimum(misfits: np.ndarray, widths: np.ndarray) -> float:
    """Width of the smallest misfit, by a parabola over the logarithm of the width."""
    best = int(misfits.argmin())
    if best in (0, widths.size - 1):
        return float(widths[best])
    before, at, after = misfits[best - 1 : best + 2]
    shift = 0.5 * (before - after) / (before - 2.0 * at + after)
    return float(widths[best] * (widths[1] / widths[0]) ** shift)


def _fits(twsa: MonthlyStack, land_water: MonthlyStack, progress: Progress) -> list[WidthFit]:
    """The normal equations of the parts of the region that have enough tiles and months."""
    twsa = twsa.on(land_water.grid)
    has_water = np.array([np.isfinite(field).any() for field in land_water.values])
    months = np.intersect1d(land_water.months[has_water], twsa.months_with_source(OBSERVED))
    if months.size < FEWEST_MONTHS:
        return []
    used = np.flatnonzero(np.isin(twsa.months, months))
    fits = []
    parts = _parts(land_water.grid, np.isfinite(twsa.values[used[0]]))
    for (rows, columns), step in zip(parts, progress.parts(len(parts))):
        values = twsa.values[used, rows, columns]
        tiles = find_tiles(values) if twsa.tiles is None else twsa.tiles[rows, columns]
        part = _Part(
            land_water.grid.subgrid(rows, columns),
            months,
            values,
            np.where(np.isfinite(values).all(axis=0), tiles, NO_TILE),
            _without_gaps(land_water.values[:, rows, columns], has_water),
            np.searchsorted(land_water.months, months),
        )
        fit = _fit(part, step)
        if fit is not None:
            fits.append(fit)
    return fits


class _Part(NamedTuple):
    """A part of the region.

    ``values`` is TWSA (months, rows, columns) and ``water`` is land water in consecutive months, of
    which ``places`` are those of TWSA.
    """

    grid: Grid
    months: np.ndarray
    values: np.ndarray
    tiles: np.ndarray
    water: np.ndarray
    places: np.ndarray


def _parts(grid: Grid, usable: np.ndarray) -> list[tuple[slice, slice]]:
    """Windows of the grid, those with most usable cells first."""
    height = max(round(PART_DEGREES / grid.dy), 1)
    width = max(round(PART_DEGREES / grid.dx), 1)
    windows = [
        (slice(row, min(row + height, grid.rows)), slice(column, min(column + width, grid.columns)))
        for row in range(0, grid.rows, height)
        for column in range(0, grid.columns, width)
    ]
    windows.sort(key=lambda window: -np.count_nonzero(usable[window]))
    return windows[:MOST_PARTS]


def _without_gaps(values: np.ndarray, has_values: np.ndarray) -> np.ndarray:
    """Replace the empty months by the nearest month."""
    known = np.flatnonzero(has_values)
    nearest = np.abs(np.subtract.outer(np.arange(has_values.size), known)).argmin(axis=1)
    return values[known[nearest]]


def _fit(part: _Part, progress: Progress) -> WidthFit | None:
    """The normal equations of a part; None when it has too few tiles or no variance."""
    land = np.isfinite(part.water).all(axis=0)
    if not land.any():
        return None
    chosen = _choose_tiles(part, land)
    if chosen.size < FEWEST_TILES:
        return None
    means = _TileMeans(part, land & np.isin(part.tiles, chosen))
    basis = _seasonal_basis(part.months)
    series = _deviations(means(part.values), basis)
    widths = _widths(part.grid)
    # Each width needs the land water at twice the width, too.
    widths = np.append(widths, 2.0 * widths[-STEPS:])
    observed = []
    for width, step in zip(widths, progress.parts(widths.size)):
        water = means(Footprint(part.grid, land, width).apply(part.water, step))
        observed.append(_deviations(_terms(water)[:, part.places], basis))
    land_water = np.array([terms[0] for terms in observed[:-STEPS]])
    others = np.array(
        [
            np.concatenate([terms[1:], wide_terms])
            for terms, wide_terms in zip(observed, observed[STEPS:])
        ]
    )
    return fit_widths(land_water, others, series, means.places, part.months)


def _choose_tiles(part: _Part, land: np.ndarray) -> np.ndarray:
    """Numbers of the tiles that land water covers; those that the border cuts off are left out."""
    cells = land & (part.tiles != NO_TILE)
    if not cells.any():
        return part.tiles[cells]
    outside = Footprint(part.grid, land, REACH_KM).weight_outside()[cells]
    found, tiles = np.unique(part.tiles[cells], return_inverse=True)
    areas = np.bincount(tiles, part.grid.cell_areas()[cells])
    means = np.bincount(tiles, part.grid.cell_areas()[cells] * outside) / areas
    chosen = found[(means < MOST_OUTSIDE) & (areas > np.median(areas) / 2.0)]
    if chosen.size > MOST_TILES:
        chosen = np.random.default_rng(0).choice(chosen, MOST_TILES, replace=False)
    return chosen


class _TileMeans:
    """Area-weighted means over the tiles of a part, restricted to some cells."""

    def __init__(self, part: _Part, cells: np.ndarray):
        self.cells = cells
        tiles = np.unique(part.tiles[cells], return_inverse=True)[1]
        weights = np.zeros((tiles.max() + 1, tiles.size))
        weights[tiles, np.arange(tiles.size)] = part.grid.cell_areas()[cells]
        self.weights = weights / weights.sum(axis=1, keepdims=True)
        longitudes, latitudes = np.meshgrid(part.grid.longitudes, part.grid.latitudes)
        east = np.cos(np.radians(latitudes)) * longitudes
        degrees = np.stack([east, latitudes])
        self.places = np.radians(self(degrees)) * EARTH_RADIUS_KM

    def __call__(self, fields: np.ndarray) -> np.ndarray:
        """(fields, rows, columns) to (fields, tiles)."""
        return fields[:, self.cells].astype(float) @ self.weights.T


def _seasonal_basis(months: np.ndarray) -> np.ndarray:
    """Orthonormal basis of mean, trend and season: (months, functions)."""
    return np.linalg.qr(harmonic_design((months - months[0]).astype(float) / 12.0))[0]


def _deviations(series: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Remove the part of series (..., months, tiles) that the basis explains."""
    return series - basis @ (basis.T @ series)


def _terms(water: np.ndarray) -> np.ndarray:
    """Values, changes to other months and fading means: (months, tiles) to (terms, months, tiles).

    Changes correct the phase of slow variations, but not their amplitude.
    """
    count = len(water)
    terms = [water]
    terms += [water[np.clip(np.arange(count) + shift, 0, count - 1)] - water for shift in SHIFTS]
    for time in FADING:
        kept = np.exp(-1.0 / time)
        mean = water[:12].mean(axis=0)
        faded = np.empty_like(water)
        for i, month in enumerate(water):
            mean = kept * mean + (1.0 - kept) * month
            faded[i] = mean
        terms.append(faded)
    return np.array(terms)
