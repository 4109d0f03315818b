"""Validation of the 1 km, bilinear and coarse fields against the storage and trends of wells."""

from __future__ import annotations

from collections import Counter

import numpy as np

from ..base.errors import InputError
from ..base.grid import GLOBE, Grid
from ..base.months import decimal_years
from ..base.progress import SILENT, Progress
from ..files.yearly_maps import YearlyMaps
from ..stats.metrics import series_agreement
from ..stats.trends import benjamini_hochberg, deseasonalise, mann_kendall, theil_sen
from .comparison import USED, WellComparison
from .quality_control import NEGATIVE, PLACEHOLDER, UNREADABLE, Rules, clean, has_shift
from .sampling import at_pixels, bilinear, pixel
from .scores import FIELDS
from .tables import MAX_YIELD, Readings, Wells

# Reasons why a well is left out. They are values of the output layer.
NO_ID = "no identifier"
REPEATED = "listed a second time"
NO_LOCATION = "no coordinates, or two places under one identifier"
OUTSIDE_REGION = "outside the region"
OUTSIDE_FIELD = "outside the 1 km field"
CONFINED = "confined, without storativity"
NO_YIELD = "no specific yield"
BAD_YIELD = f"specific yield or storativity not between 0 and {MAX_YIELD}"
NO_READINGS = "no readings"
NO_MONTHS = "no readings in the compared months"
SHIFTED = "level jumps, as between two datums"
NO_FIELD = "no value of the 1 km, bilinear or coarse field there"
DUPLICATE = "the same series as another well of that place"
UNLISTED = "from a well that is not listed, or without identifier"
CM_PER_METRE = 100.0
# Readings that are left out for these reasons may not be readings of depth at all.
UNUSABLE = (UNREADABLE, PLACEHOLDER, NEGATIVE)
# Two series at one location are duplicates if their depths differ by less than half a centimetre
# in nine of ten common months.
DUPLICATE_CM = 0.5
DUPLICATE_FRACTION = 0.9
DUPLICATE_MONTHS = 12
# So many wells, and such a fraction of them, are opposite to the field only by a mistaken sign.
LEAST_OPPOSITE = 5
OPPOSITE_FRACTION = 0.8


def validate_wells(
    wells: Wells,
    readings: Readings,
    product: YearlyMaps,
    coarse: YearlyMaps,
    rules: Rules = Rules(),
    progress: Progress = SILENT,
) -> WellComparison:
    """Compare the 1 km field, the coarse field and its bilinear interpolation with wells.

    The storage anomaly of a well is minus the storage coefficient times the change of the depth to
    water. The coefficient is the specific yield of unconfined wells and the storativity of confined
    ones. Trends are Theil-Sen slopes of the deseasonalised monthly series. Well and fields are
    compared in the same months.

    Parameters
    ----------
    wells : Wells
    readings : Readings
    product : YearlyMaps
        The 1 km field.
    coarse : YearlyMaps
        The stack that was downscaled.
    rules : Rules, optional
    progress : Progress, optional

    Returns
    -------
    WellComparison

    Raises
    ------
    InputError
        When no well has a storage coefficient, when longitudes and latitudes are exchanged, when
        the two fields have fewer common years than ``rules.min_years``, or when no well can be
        used.

    References
    ----------
    Hamed & Rao (1998), J. Hydrol. 204, 182-196 (Mann-Kendall test of autocorrelated series).
    Benjamini & Hochberg (1995), J. R. Stat. Soc. B 57, 289-300 (false discovery rate).
    """
    _require_yield(wells)
    months = _common_months(product, coarse, rules)
    wells = wells.near(product.grid)
    _check_order(wells, product.grid, progress)
    status = _screen(wells, product, rules)
    storage, dropped = _storage(wells, readings, months, status, rules, progress.part(0.0, 0.3))
    fields = _fields(
        wells, product, coarse, months, status, progress.part(0.3, 0.8).timed("Maps at wells")
    )
    _keep_common_months(storage, fields)
    _exclude_short_records(storage, months, status, rules)
    _exclude_duplicates(wells, storage, status)
    _require_any(status, dropped)
    for values in (storage, *fields.values()):
        values[status != USED] = np.nan
        values -= _month_mean(values)[:, None]
    agreement = {name: series_agreement(storage, fields[name]) for name in FIELDS}
    _warn_if_opposite(agreement["coarse"].r, progress)
    trends, p = _trends(months, storage, fields, progress.part(0.8, 1.0))
    return WellComparison(
        wells=wells,
        status=status,
        months=months,
        storage=storage,
        fields=fields,
        trend=trends[0],
        field_trends=dict(zip(FIELDS, trends[1:])),
        p=p,
        q=benjamini_hochberg(p),
        agreement=agreement,
        coarse_cell=_coarse_cells(wells, coarse),
        dropped_readings=dropped,
    )


def _require_yield(wells: Wells) -> None:
    given = np.concatenate([wells.specific_yield, wells.storativity])
    given = given[np.isfinite(given)]
    if not given.size:
        raise InputError(
            f"None of the {len(wells)} wells has a specific yield, which is needed to convert "
            "depth to storage; give a field of the wells (YIELD_FIELD), a field of aquifers "
            "(AQUIFER_YIELD_FIELD), or one number (SPECIFIC_YIELD)."
        )
    if np.median(given) > 1:
        raise InputError(
            f"The specific yields are around {np.median(given):g}, but must be fractions between 0 "
            f"and {MAX_YIELD}; divide them by 100 if they are in percent."
        )


def _common_months(product: YearlyMaps, coarse: YearlyMaps, rules: Rules) -> np.ndarray:
    months = np.intersect1d(product.months, coarse.months)
    if not months.size:
        raise InputError(
            f"The 1 km field ({product.months[0]}..{product.months[-1]}) and the coarse stack "
            f"({coarse.months[0]}..{coarse.months[-1]}) have no month in common; give the stack "
            "that was downscaled."
        )
    first, last = rules.period
    months = months[(months >= (first or months[0])) & (months <= (last or months[-1]))]
    if _span_years(months) < rules.min_years:
        raise InputError(
            f"The 1 km field and the coarse stack have {_span_years(months):.1f} years of the "
            f"period in common, fewer than the {rules.min_years:g} that a well must span; lower "
            "MIN_YEARS or give more years."
        )
    return months


def _check_order(wells: Wells, grid: Grid, progress: Progress) -> None:
    """Refuse wells if most of them are in the field with longitude and latitude exchanged.

    If most are in the field as they are, a warning names the others. Wells elsewhere show nothing.
    """
    half = np.isfinite(wells.longitude + wells.latitude).sum() / 2
    inside = pixel(grid, wells.longitude, wells.latitude)[0] >= 0
    odd = np.flatnonzero(~inside & (pixel(grid, wells.latitude, wells.longitude)[0] >= 0))
    if not odd.size or max(odd.size, inside.sum()) <= half:
        return
    found = (
        f"Longitude and latitude seem to be exchanged in {odd.size} of {len(wells)} wells: "
        f"{wells.ids[odd[0]]} at {wells.longitude[odd[0]]:g}, {wells.latitude[odd[0]]:g} would lie "
        "in the 1 km field the other way round"
    )
    if odd.size > half:
        raise InputError(
            f"{found}; exchange LONGITUDE_FIELD and LATITUDE_FIELD, or correct the layer."
        )
    progress.warn(f"{found}. They are left out.")


def _screen(wells: Wells, product: YearlyMaps, rules: Rules) -> np.ndarray:
    """Return the status of the wells before their readings are used; the first reason applies."""
    coefficient = wells.storage_coefficient
    rows, _ = pixel(product.grid, wells.longitude, wells.latitude)
    west, south, east, north = rules.bounds or GLOBE
    # Longitudes of both may count from different meridians.
    inside = (wells.longitude - west) % 360 <= east - west
    inside &= (wells.latitude >= south) & (wells.latitude <= north)
    no_location = ~np.isfinite(wells.longitude + wells.latitude) | wells.has_two_locations
    reasons = {
        NO_ID: wells.ids == "",
        NO_LOCATION: no_location,
        REPEATED: wells.is_repeated,
        OUTSIDE_REGION: ~inside,
        OUTSIDE_FIELD: rows < 0,
        CONFINED: wells.confined & np.isnan(coefficient),
        NO_YIELD: np.isnan(coefficient),
        BAD_YIELD: ~((coefficient > 0) & (coefficient <= MAX_YIELD)),
    }
    return np.select(list(reasons.values()), list(reasons), USED).astype(object)


def _storage(
    wells: Wells,
    readings: Readings,
    months: np.ndarray,
    status: np.ndarray,
    rules: Rules,
    progress: Progress,
) -> tuple[np.ndarray, dict[str, int]]:
    """Return storage in cm relative to any zero, shape (wells, months), and the dropped readings.

    ``status`` is set for wells without usable readings and wells with a shift.
    """
    storage = np.full((len(wells), months.size), np.nan)
    coefficient = wells.storage_coefficient
    dropped: Counter = Counter()
    by_well = readings.by_well()
    for i in np.flatnonzero(status == USED):
        progress.advance(i / len(wells))
        if i not in by_well:
            status[i] = NO_READINGS
            continue
        own = clean(readings.day[by_well[i]], readings.level[by_well[i]], rules)
        dropped.update(own.dropped)
        reason, count = own.dropped.most_common(1)[0]
        if reason in UNUSABLE and count > (by_well[i].stop - by_well[i].start) / 2:
            status[i] = f"most readings left out: {reason}"
        compared = (own.months >= months[0]) & (own.months <= months[-1])
        if status[i] == USED and has_shift(own.months[compared], own.depth[compared]):
            status[i] = SHIFTED
        _, here, there = np.intersect1d(months, own.months, return_indices=True)
        storage[i, here] = -CM_PER_METRE * coefficient[i] * own.depth[there]
    if readings.unlisted:
        dropped[UNLISTED] += readings.unlisted
    return storage, {reason: count for reason, count in dropped.most_common() if count}


def _fields(
    wells: Wells,
    product: YearlyMaps,
    coarse: YearlyMaps,
    months: np.ndarray,
    status: np.ndarray,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Return the three fields at the wells in use, cm, shape (wells, months).

    ``status`` is set for wells at which a field has no value.
    """
    chosen = np.flatnonzero(status == USED)
    longitude = wells.longitude[chosen]
    latitude = wells.latitude[chosen]
    sampled = {
        "fine": at_pixels(product, longitude, latitude, months, progress.part(0.0, 0.8)),
        "bilinear": bilinear(coarse, longitude, latitude, months, progress.part(0.8, 0.95)),
        "coarse": at_pixels(coarse, longitude, latitude, months, progress.part(0.95, 1.0)),
    }
    fields = {name: np.full((len(wells), months.size), np.nan) for name in FIELDS}
    for name, values in sampled.items():
        fields[name][chosen] = values.T
    without = np.any([np.isnan(fields[name][chosen]).all(axis=1) for name in FIELDS], axis=0)
    status[chosen[without]] = NO_FIELD
    return fields


def _keep_common_months(storage: np.ndarray, fields: dict[str, np.ndarray]) -> None:
    """Set months to NaN in which the well or any field has no value."""
    common = np.isfinite([storage, *fields.values()]).all(axis=0)
    for values in (storage, *fields.values()):
        values[~common] = np.nan


def _exclude_short_records(
    storage: np.ndarray, months: np.ndarray, status: np.ndarray, rules: Rules
) -> None:
    present = np.isfinite(storage)
    count = present.sum(axis=1)
    first = present.argmax(axis=1)
    last = months.size - 1 - present[:, ::-1].argmax(axis=1)
    years = np.where(count > 0, ((months[last] - months[first]).astype(int) + 1) / 12, 0.0)
    in_use = status == USED
    status[in_use & (count == 0)] = NO_MONTHS
    in_use &= count > 0
    too_few = f"fewer than {rules.min_months} months with a reading"
    too_short = f"readings span less than {rules.min_years:g} years"
    status[in_use & (count < rules.min_months)] = too_few
    status[in_use & (years < rules.min_years)] = too_short


def _exclude_duplicates(wells: Wells, storage: np.ndarray, status: np.ndarray) -> None:
    """Keep the longest record of wells at one location that have the same series."""
    coefficient = wells.storage_coefficient
    chosen = np.flatnonzero(status == USED)
    longest_first = np.argsort(-np.isfinite(storage[chosen]).sum(axis=1), kind="stable")
    kept: dict[tuple, list[int]] = {}
    for i in chosen[longest_first]:
        location = (round(wells.longitude[i], 4), round(wells.latitude[i], 4))
        neighbours = kept.setdefault(location, [])
        depth = storage[i] / coefficient[i]
        if any(_same_series(depth, storage[j] / coefficient[j]) for j in neighbours):
            status[i] = DUPLICATE
        else:
            neighbours.append(i)


def _same_series(first: np.ndarray, second: np.ndarray) -> bool:
    common = np.isfinite(first) & np.isfinite(second)
    close = np.abs(first - second)[common] < DUPLICATE_CM
    return bool(common.sum() >= DUPLICATE_MONTHS and np.mean(close) > DUPLICATE_FRACTION)


def _require_any(status: np.ndarray, dropped: dict[str, int]) -> None:
    if not (status == USED).any():
        counts = Counter(status.tolist()).most_common()
        reasons = "; ".join(f"{count} {reason}" for reason, count in counts)
        left_out = ", ".join(f"{count} {reason}" for reason, count in dropped.items())
        if left_out:
            reasons += f"; readings left out: {left_out}"
        raise InputError(
            f"None of the {status.size} wells can be used ({reasons}); give wells inside the field "
            "and its period, or relax MIN_YEARS and MIN_MONTHS."
        )


def _warn_if_opposite(r: np.ndarray, progress: Progress) -> None:
    """Warn if nearly all wells run against the coarse field, as elevations read as depths do."""
    known = r[np.isfinite(r)]
    opposite = int((known < 0).sum())
    if known.size >= LEAST_OPPOSITE and opposite >= OPPOSITE_FRACTION * known.size:
        progress.warn(
            f"Storage runs opposite to the coarse field in {opposite} of {known.size} wells. Check "
            "whether the readings are depths to water or water-level elevations (VALUE)."
        )


def _month_mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over the months, shape (wells,); NaN for a well without values."""
    count = np.isfinite(values).sum(axis=1)
    return np.where(count > 0, np.nansum(values, axis=1) / np.maximum(count, 1), np.nan)


def _trends(
    months: np.ndarray, storage: np.ndarray, fields: dict[str, np.ndarray], progress: Progress
) -> tuple[np.ndarray, np.ndarray]:
    """Return trends in cm/yr, shape (1 + fields, wells), wells first, and the wells' p-values."""
    trends = np.full((1 + len(FIELDS), len(storage)), np.nan)
    p = np.full(len(storage), np.nan)
    for i in np.flatnonzero(np.isfinite(storage).any(axis=1)):
        progress.advance(i / len(storage))
        present = np.isfinite(storage[i])
        series = np.stack(
            [storage[i, present], *(fields[name][i, present] for name in FIELDS)], axis=1
        )
        years = decimal_years(months[present])
        series = deseasonalise(months[present], series)
        trends[:, i] = theil_sen(years, series)
        p[i] = mann_kendall(years, series[:, 0])
    return trends, p


def _coarse_cells(wells: Wells, coarse: YearlyMaps) -> np.ndarray:
    rows, columns = pixel(coarse.grid, wells.longitude, wells.latitude)
    return np.where(rows >= 0, rows * coarse.grid.columns + columns, -1)


def _span_years(months: np.ndarray) -> float:
    return (int((months[-1] - months[0]).astype(int)) + 1) / 12 if months.size else 0.0
