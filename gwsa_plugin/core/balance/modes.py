"""Groundwater storage anomalies of a region, sharp or at the footprint of GRACE.

TWSA is blurred by the footprint of GRACE, and the maps of the other stores are not. In the mode
``footprint`` the stores are brought to that footprint before they are subtracted. In the mode
``published`` they are subtracted as they are, as in most published studies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

import numpy as np

from ..base.errors import InputError
from ..base.grid import Grid
from ..base.memory import require_memory
from ..base.progress import SILENT, Progress
from ..files.stack import MonthlyStack
from ..files.stack_tags import FOOTPRINT_TAG
from ..grace.footprint import Footprint
from ..grace.footprint_width import FootprintWidth, footprint_width
from ..grace.stack_tiles import stack_tiles
from ..spatial.gaussian_filter import BATCH_VALUES
from ..spatial.margin import WIDEST_KM, extended
from .options import FOOTPRINT, MODE_NAMES, BalanceOptions
from .water_balance import common_part, difference, groundwater, on_baseline

# Distance from the region, in footprint widths, within which the stores are used. The margin of the
# inputs is narrower; this limits stores of the globe.
REACH_WIDTHS = 4.0
# Margin that the log advises, in footprint widths.
MARGIN_WIDTHS = 3.0
# Cells are counted in a warning when a larger fraction of their footprint is unknown.
LARGEST_UNKNOWN = 0.1
# Copies of the values of TWSA and of a store, float32, and of a batch of months at the footprint,
# float64: benchmarks/memory.py.
COPIES = 2
BATCH_COPIES = 3


def balance(
    twsa: MonthlyStack,
    stores: Sequence[MonthlyStack],
    options: BalanceOptions = BalanceOptions(),
    progress: Progress = SILENT,
) -> MonthlyStack:
    """Compute GWSA in the region that was asked for, sharp or at the footprint of GRACE.

    In the mode ``footprint``, GWSA = TWSA - H(sum of the stores) with the operator H of
    ``Footprint``: a Gaussian blur over land and the means over the mascon tiles of TWSA. H takes
    the stores from up to four widths around the region. The result is GWSA as GRACE would observe
    it. In the mode ``published``, it is that of ``groundwater``.

    Parameters
    ----------
    twsa : MonthlyStack
        TWSA, cm, with the margin around the region where there is one. The tag GWSA_REGION states
        the region; without it all cells are the region. The width of the footprint is estimated
        from observed months only.
    stores : sequence of MonthlyStack
        Anomalies of the other stores, cm, on the same lattice of cells, with the margin.
    options : BalanceOptions
    progress : Progress

    Returns
    -------
    MonthlyStack
        As of ``groundwater``, on the region, with the tiles of TWSA and with the tags
        GWSA_BALANCE_MODE, GWSA_FOOTPRINT_KM, GWSA_FOOTPRINT_SOURCE and, where the width is
        estimated, GWSA_FOOTPRINT_INTERVAL_KM. Cells of which more than a tenth of the footprint
        lies where the stores are unknown are counted in a warning.

    Raises
    ------
    InputError
        As in ``groundwater``; when two terms hold the same values; when an option is out of range;
        when TWSA has gain factors, which undo the footprint, and the mode is ``footprint``.
    """
    _check_options(options, twsa, stores, progress)
    _require_memory(options, twsa, stores, progress)
    stores = [store.turned(twsa.grid.bounds) for store in stores]
    region = _region(twsa, stores)
    twsa = replace(twsa, tiles=stack_tiles(twsa))
    total = _sum(stores)
    width = footprint_width(on_baseline(twsa), total, options.footprint_km, progress.part(0, 0.5))
    inner = twsa.crop(region)
    gwsa = groundwater(inner, [store.crop(region) for store in stores], progress.part(0.5, 0.6))
    if options.mode == FOOTPRINT:
        seen = _at_footprint(total, twsa, region, width.km, progress.part(0.6, 1))
        gwsa = replace(gwsa, values=difference(on_baseline(inner), seen).values)
    progress.advance(1)
    return gwsa.tagged(GWSA_BALANCE_MODE=options.mode, **_width_tags(width))


def _check_options(
    options: BalanceOptions,
    twsa: MonthlyStack,
    stores: Sequence[MonthlyStack],
    progress: Progress,
) -> None:
    """Refuse options and inputs that do not match, and warn of stores that were filtered."""
    if options.mode not in MODE_NAMES:
        raise InputError(
            f"{options.mode} is not a mode of the balance; give {' or '.join(MODE_NAMES)}."
        )
    if options.footprint_km is not None and not 0 < options.footprint_km <= WIDEST_KM:
        raise InputError(
            f"A footprint of {options.footprint_km:g} km is not possible; give its full width in "
            f"km, about 250 and at most {WIDEST_KM:g}, or leave it empty."
        )
    terms = [twsa, *stores]
    for number, store in enumerate(stores, start=1):
        common_part(twsa, store)
        _require_different(store, terms[:number])
    if options.mode != FOOTPRINT:
        return
    if "GWSA_GAIN_FACTORS" in twsa.tags:
        raise InputError(
            f"{twsa.variable} was imported with JPL's gain factors, which undo the footprint that "
            "MODE footprint gives to the other stores; import it without GAIN_FACTORS, or choose "
            "MODE published."
        )
    for store in stores:
        if "GWSA_GAUSSIAN_KM" in store.tags:
            progress.warn(
                f"{store.variable} was smoothed by a Gaussian filter of "
                f"{store.tags['GWSA_GAUSSIAN_KM']} km before, and MODE footprint smooths it again; "
                "make it with GAUSSIAN_RADIUS 0."
            )


def _require_memory(
    options: BalanceOptions,
    twsa: MonthlyStack,
    stores: Sequence[MonthlyStack],
    progress: Progress,
) -> None:
    largest = max(store.values.size for store in stores)
    needed = 4.0 * COPIES * (twsa.values.size + largest)
    if options.mode == FOOTPRINT:
        needed += 8.0 * BATCH_COPIES * min(largest, BATCH_VALUES)
    rows, columns = twsa.grid.shape
    subject = f"The balance of {twsa.months.size} months of {rows} x {columns} cells"
    require_memory(needed, subject, progress)


def _require_different(store: MonthlyStack, others: Sequence[MonthlyStack]) -> None:
    """Refuse a term that is another one; maps of one value, such as none, may be the same."""
    highest = np.fmax.reduce(store.values, axis=(1, 2))
    varies = (highest > np.fmin.reduce(store.values, axis=(1, 2))).any()
    for other in others:
        if varies and np.array_equal(store.values, other.values, equal_nan=True):
            raise InputError(
                f"{other.variable} and {store.variable} hold the same values; give each term of "
                "the balance its own stack."
            )


def _region(twsa: MonthlyStack, stores: Sequence[MonthlyStack]) -> Grid:
    """The cells of the regions of all inputs."""
    return reduce(Grid.overlap, (store.region for store in stores), twsa.region)


def _sum(stores: Sequence[MonthlyStack]) -> MonthlyStack:
    """The sum of all anomalies on their common cells and months; NaN where any is NaN."""
    total = on_baseline(stores[0])
    for store in stores[1:]:
        one, other = common_part(total, on_baseline(store))
        total = replace(one, values=one.values + other.values)
    return replace(total, variable="The sum of the stores")


def _at_footprint(
    total: MonthlyStack, twsa: MonthlyStack, region: Grid, width_km: float, progress: Progress
) -> MonthlyStack:
    """The stores as GRACE would observe them, on the region."""
    total = total.crop(_surroundings(total.grid, region, REACH_WIDTHS * width_km))
    around = twsa.on(total.grid)
    land = total.valid
    operator = Footprint(total.grid, land, width_km, around.tiles, progress.part(0.0, 0.2))
    _warn_about_unknown(operator, land, around.valid, region, progress)
    seen = replace(total, values=operator.apply(total.values, progress.part(0.2, 1.0)))
    change = _rms_difference(seen.crop(region).values, total.crop(region).values)
    progress.info(
        f"The footprint of {width_km:.0f} km changes the sum of the stores in the region by "
        f"{change:.2f} cm (RMS)."
    )
    return seen.crop(region)


def _rms_difference(one: np.ndarray, other: np.ndarray) -> float:
    """Root mean square of the difference of two series of fields, month by month."""
    total = 0.0
    count = 0
    for field, other_field in zip(one, other):
        squares = np.square(field - other_field, dtype=np.float64)
        total += float(np.nansum(squares))
        count += int(np.isfinite(squares).sum())
    return float(np.sqrt(total / max(count, 1)))


def _surroundings(grid: Grid, region: Grid, distance_km: float) -> Grid:
    """The part of a grid that lies within a distance of the region."""
    west, south, east, north = extended(region.bounds, distance_km)
    if grid.wraps and (west < grid.bounds[0] or east > grid.bounds[2]):
        west, _, east, _ = grid.bounds
    return grid.subgrid(*grid.window((west, south, east, north)))


def _warn_about_unknown(
    operator: Footprint, known: np.ndarray, land: np.ndarray, region: Grid, progress: Progress
) -> None:
    """Warn of cells whose footprint reaches far beyond the cells of which the stores are known.

    ``known`` are the land cells with stores, ``land`` those with TWSA.
    """
    outside = operator.weight_outside()
    lacking = land & ~known
    if lacking.any():
        everywhere = Footprint(operator.grid, land | known, operator.width_km)
        outside = outside + np.nan_to_num(everywhere.apply(lacking[None].astype(np.float64))[0])
    inside = operator.grid.window_of(region)
    counted = known & land
    affected = counted & (outside > LARGEST_UNKNOWN)
    if affected[inside].any():
        progress.warn(
            f"The stores are unknown in more than a tenth of the footprint of "
            f"{affected[inside].sum()} of the {counted[inside].sum()} cells, mostly at the edge of "
            "the files; their GWSA is less certain. Give GLDAS files of a region that is "
            f"{MARGIN_WIDTHS * operator.width_km:.0f} km larger on each side, and import them with "
            "a MARGIN as wide."
        )


def _width_tags(width: FootprintWidth) -> dict[str, str]:
    tags = {FOOTPRINT_TAG: f"{width.km:.5g}", "GWSA_FOOTPRINT_SOURCE": width.source}
    if np.isfinite([width.lower_km, width.upper_km]).all():
        tags["GWSA_FOOTPRINT_INTERVAL_KM"] = f"{width.lower_km:.0f} {width.upper_km:.0f}"
    return tags
