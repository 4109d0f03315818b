"""Validation against wells: storage and trends of each well beside those of the 1 km, bilinear and coarse fields."""

from __future__ import annotations

from collections import Counter

import numpy as np

from ..base.errors import InputError
from ..base.months import decimal_years
from ..base.progress import SILENT, Progress
from ..files.yearly_maps import YearlyMaps
from ..stats.trends import benjamini_hochberg, deseasonalise, mann_kendall, theil_sen
from .comparison import USED, Validation
from .quality_control import Rules, clean
from .sampling import at_pixels, bilinear, pixel
from .scores import FIELDS
from .series_agreement import agreement
from .tables import MAX_YIELD, Readings, Wells

REPEATED = "listed a second time"
NO_PLACE = "no coordinates, or two places under one identifier"
AWAY = "outside the region"
OUTSIDE = "outside the 1 km field"
CONFINED = "confined, without storativity"
NO_YIELD = "no specific yield"
BAD_YIELD = f"specific yield or storativity not between 0 and {MAX_YIELD}"
NO_READINGS = "no readings"
SHIFTED = "level jumps, as between two datums"
NO_FIELD = "no value of the 1 km, bilinear or coarse field there"
TWICE = "the same series as another well of that place"
CM_PER_METRE = 100.0


def validate_wells(
    wells: Wells,
    readings: Readings,
    product: YearlyMaps,
    coarse: YearlyMaps,
    rules: Rules = Rules(),
    progress: Progress = SILENT,
) -> Validation:
    """Compare the 1 km ``product``, the ``coarse`` stack and its bilinear interpolation with wells.

    Change of storage = - storage coefficient x change of the depth to water x 100 cm: specific yield for unconfined
    wells, storativity for confined ones. Trends are Theil-Sen slopes of the deseasonalised monthly series with the
    Mann-Kendall test of Hamed & Rao (1998) and the false discovery rate of Benjamini & Hochberg (1995); well and fields
    are compared on the same months.

    Raises InputError when no well has a storage coefficient, the two rasters share no month or fewer than
    ``rules.min_years``, or no well is left.
    """
    _require_yield(wells)
    months = _common_months(product, coarse, rules)
    status = _screen(wells, product, rules)
    storage, dropped = _storage(wells, readings, months, status, rules, progress.part(0.0, 0.3))
    fields = _fields(wells, product, coarse, months, status, progress.part(0.3, 0.8))
    _share_months(storage, fields)
    _require_enough(storage, months, status, rules)
    _drop_twins(wells, storage, status)
    _require_any(status)
    for values in (storage, *fields.values()):
        values[status != USED] = np.nan
        values -= _mean_of_months(values)[:, None]
    trends, p = _trends(months, storage, fields, progress.part(0.8, 1.0))
    return Validation(
        wells, status, months, storage, fields, trends[0], dict(zip(FIELDS, trends[1:])), p, benjamini_hochberg(p),
        {name: agreement(storage, fields[name]) for name in FIELDS}, _cells(wells, coarse), dropped,
    )  # fmt: skip


def _require_yield(wells: Wells) -> None:
    given = np.concatenate([wells.specific_yield, wells.storativity])
    given = given[np.isfinite(given)]
    if not given.size:
        raise InputError(
            f"None of the {len(wells)} wells has a specific yield, without which depth is no storage; give a field of "
            "the wells (YIELD_FIELD), a field of aquifers (AQUIFER_YIELD_FIELD), or one number (SPECIFIC_YIELD)."
        )
    if np.median(given) > 1:
        raise InputError(
            f"The specific yields are around {np.median(given):g}, but must be fractions between 0 and {MAX_YIELD}; "
            "divide them by 100 if they are in percent."
        )


def _common_months(product: YearlyMaps, coarse: YearlyMaps, rules: Rules) -> np.ndarray:
    months = np.intersect1d(product.months, coarse.months)
    if not months.size:
        raise InputError(
            f"The 1 km field ({product.months[0]}..{product.months[-1]}) and the coarse stack "
            f"({coarse.months[0]}..{coarse.months[-1]}) share no month; give the stack that was downscaled."
        )
    first, last = rules.period
    months = months[(months >= (first or months[0])) & (months <= (last or months[-1]))]
    if _span_years(months) < rules.min_years:
        raise InputError(
            f"The 1 km field and the coarse stack share {_span_years(months):.1f} years of the period, less than the "
            f"{rules.min_years:g} that a well must span; lower MIN_YEARS or give more years."
        )
    return months


def _screen(wells: Wells, product: YearlyMaps, rules: Rules) -> np.ndarray:
    """What can be said before any reading is looked at; the first reason that applies."""
    storage = wells.storage
    rows, _ = pixel(product.grid, wells.longitude, wells.latitude)
    west, south, east, north = rules.bounds or (-np.inf, -np.inf, np.inf, np.inf)
    inside = (wells.longitude >= west) & (wells.longitude <= east)
    inside &= (wells.latitude >= south) & (wells.latitude <= north)
    reasons = {
        NO_PLACE: ~np.isfinite(wells.longitude + wells.latitude) | wells.scattered,
        REPEATED: wells.repeats,
        AWAY: ~inside,
        OUTSIDE: rows < 0,
        CONFINED: wells.confined & np.isnan(storage),
        NO_YIELD: np.isnan(storage),
        BAD_YIELD: ~((storage > 0) & (storage <= MAX_YIELD)),
    }
    return np.select(list(reasons.values()), list(reasons), USED).astype(object)


def _storage(wells, readings, months, status, rules, progress) -> tuple[np.ndarray, dict[str, int]]:
    """Storage of the wells still in, cm to an arbitrary zero, on ``months``; marks wells without usable readings."""
    storage = np.full((len(wells), months.size), np.nan)
    dropped: Counter = Counter()
    parts = readings.by_well()
    for i in np.flatnonzero(status == USED):
        progress.advance(i / len(wells))
        if i not in parts:
            status[i] = NO_READINGS
            continue
        own = clean(readings.day[parts[i]], readings.level[parts[i]], rules)
        dropped.update(own.dropped)
        if own.shifted:
            status[i] = SHIFTED
        _, here, there = np.intersect1d(months, own.months, return_indices=True)
        storage[i, here] = -CM_PER_METRE * wells.storage[i] * own.depth[there]
    if readings.unlisted:
        dropped["of a well that is not listed"] += readings.unlisted
    return storage, {reason: count for reason, count in dropped.most_common() if count}


def _fields(wells, product, coarse, months, status, progress) -> dict[str, np.ndarray]:
    """The three fields at the wells still in: cm, float64, shape (wells, months)."""
    chosen = np.flatnonzero(status == USED)
    at = wells.longitude[chosen], wells.latitude[chosen], months
    sampled = {
        "fine": at_pixels(product, *at, progress.part(0.0, 0.8)),
        "bilinear": bilinear(coarse, *at, progress.part(0.8, 0.95)),
        "coarse": at_pixels(coarse, *at, progress.part(0.95, 1.0)),
    }
    fields = {name: np.full((len(wells), months.size), np.nan) for name in FIELDS}
    for name, values in sampled.items():
        fields[name][chosen] = values.T
    without = np.any([np.isnan(fields[name][chosen]).all(axis=1) for name in FIELDS], axis=0)
    status[chosen[without]] = NO_FIELD
    return fields


def _share_months(storage, fields) -> None:
    """Leave only the months that a well and all three fields have, so that every score is of the same months."""
    shared = np.isfinite([storage, *fields.values()]).all(axis=0)
    for values in (storage, *fields.values()):
        values[~shared] = np.nan


def _require_enough(storage, months, status, rules) -> None:
    present = np.isfinite(storage)
    count = present.sum(axis=1)
    first, last = present.argmax(axis=1), months.size - 1 - present[:, ::-1].argmax(axis=1)
    years = np.where(count > 0, ((months[last] - months[first]).astype(int) + 1) / 12, 0.0)
    in_use = status == USED
    status[in_use & (count < rules.min_months)] = (
        f"fewer than {rules.min_months} months with a reading"
    )
    status[in_use & (years < rules.min_years)] = (
        f"readings span less than {rules.min_years:g} years"
    )


def _drop_twins(wells, storage, status) -> None:
    """Of wells at one place with one series under two identifiers, keep the longest record."""
    chosen = np.flatnonzero(status == USED)
    chosen = chosen[np.argsort(-np.isfinite(storage[chosen]).sum(axis=1), kind="stable")]
    kept: dict[tuple, list[int]] = {}
    for i in chosen:
        place = (round(wells.longitude[i], 4), round(wells.latitude[i], 4))
        neighbours = kept.setdefault(place, [])
        if any(
            _same_series(storage[i] / wells.storage[i], storage[j] / wells.storage[j])
            for j in neighbours
        ):
            status[i] = TWICE
        else:
            neighbours.append(i)


def _same_series(one, other) -> bool:
    """Equal to half a centimetre of depth in nine of ten shared months."""
    shared = np.isfinite(one) & np.isfinite(other)
    return bool(shared.sum() >= 12 and np.mean(np.abs(one - other)[shared] < 0.5) > 0.9)


def _require_any(status) -> None:
    if not (status == USED).any():
        reasons = "; ".join(
            f"{count} {reason}" for reason, count in Counter(status.tolist()).most_common()
        )
        raise InputError(
            f"None of the {status.size} wells can be used ({reasons}); give wells inside the field and its period, or "
            "relax MIN_YEARS and MIN_MONTHS."
        )


def _mean_of_months(values) -> np.ndarray:
    count = np.isfinite(values).sum(axis=1)
    return np.where(count > 0, np.nansum(values, axis=1) / np.maximum(count, 1), np.nan)


def _trends(months, storage, fields, progress) -> tuple[np.ndarray, np.ndarray]:
    """cm/yr, shape (1 + fields, wells), the well first; and the p-value of the well's."""
    trends, p = np.full((1 + len(FIELDS), len(storage)), np.nan), np.full(len(storage), np.nan)
    for i in np.flatnonzero(np.isfinite(storage).any(axis=1)):
        progress.advance(i / len(storage))
        present = np.isfinite(storage[i])
        series = np.stack(
            [storage[i, present], *(fields[name][i, present] for name in FIELDS)], axis=1
        )
        years, series = decimal_years(months[present]), deseasonalise(months[present], series)
        trends[:, i] = theil_sen(years, series)
        p[i] = mann_kendall(years, series[:, 0])
    return trends, p


def _cells(wells: Wells, coarse: YearlyMaps) -> np.ndarray:
    rows, columns = pixel(coarse.grid, wells.longitude, wells.latitude)
    return np.where(rows >= 0, rows * coarse.grid.columns + columns, -1)


def _span_years(months: np.ndarray) -> float:
    return (int((months[-1] - months[0]).astype(int)) + 1) / 12 if months.size else 0.0
