"""Products against wells: which is closer, at how many wells, and in which mascons.

A well is improved where the series of one field has a higher correlation with the storage of the
well, or a smaller RMSE, than that of another field. Errors of fields are correlated within a
footprint of GRACE. Intervals therefore come from a bootstrap that draws blocks of wells that are
at least as wide as the footprint.

References
----------
Hesterberg, T. C. (2015): What teachers should know about the bootstrap. Am. Stat. 69, 371-386
    (expanded percentile interval for few units).
Roberts, D. R. et al. (2017): Cross-validation strategies for data with temporal, spatial,
    hierarchical, or phylogenetic structure. Ecography 40, 913-929 (blocks).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student

from ..base.errors import InputError
from ..base.nan_mean import nan_mean
from ..base.progress import SILENT, Progress
from ..files.packed_tiles import NO_TILE
from ..files.stack_tags import FOOTPRINT_TAG, footprint_km
from ..files.yearly_maps import YearlyMaps
from ..grace.footprint_width import DEFAULTS_KM
from ..stats.metrics import SeriesAgreement, relative_gain, rmse, series_agreement
from ..wells.comparison import WellComparison
from ..wells.detail import CONFIDENCE, LEAST_BLOCKS, LEAST_WELLS, ORIGINS, well_blocks
from ..wells.map_detail import WellRecords
from ..wells.validate import validate_wells

DRAWS = 500  # for each origin of the blocks
# Differences of r, and of RMSE relative to that of the rival, below which a well is unchanged.
UNCHANGED = 1e-6
# Wells of a mascon from which on its gain is counted.
LEAST_IN_MASCON = 5
SHORT = "too few months that all fields have"
ELSEWHERE = "left out of one of the comparisons"


class Interval(NamedTuple):
    """An estimate with its 90 % interval, whose limits are NaN where there is none."""

    estimate: float
    lower: float = np.nan
    upper: float = np.nan


@dataclass(frozen=True)
class Improvement:
    """How many wells a field is closer to than its rival.

    Parameters
    ----------
    field, rival : str
        Names of the fields.
    measure : str
        ``r`` or ``RMSE``.
    share : Interval
        Share of wells that are improved.
    change : Interval
        Median over the wells of r of the field minus that of the rival, or of the relative
        reduction of the RMSE.
    unchanged : int
        Number of wells without any change.
    """

    field: str
    rival: str
    measure: str
    share: Interval
    change: Interval
    unchanged: int


@dataclass(frozen=True)
class MasconGain:
    """Gain of a field over the coarse field at the wells of a mascon.

    Parameters
    ----------
    number : int
        Number of the mascon in the coarse stack.
    longitude, latitude : float
        Mean of its cells, degrees.
    wells, values : int
        Number of wells in it, and of their months.
    gain : float
        1 - RMSE of the field / RMSE of the coarse field over all these months.
    """

    number: int
    longitude: float
    latitude: float
    wells: int
    values: int
    gain: float


@dataclass(frozen=True, eq=False)
class WellScores:
    """Fields at the same wells in the same months.

    Parameters
    ----------
    names : tuple of str
        Names of the fields.
    longitude, latitude : ndarray of float64, shape (wells,)
        The wells that are used, degrees.
    agreement : dict of str to SeriesAgreement
        Name of a field -> agreement with each well.
    improvements : tuple of Improvement
    mascons : tuple of MasconGain
        Empty where no mascons are known.
    given : int
        Number of wells in the input.
    left_out : dict of str to int
        Reason -> number of wells that are left out.
    blocks : int
        Number of blocks with wells, median over the origins.
    width_km : float
        Least width of a block.
    """

    names: tuple[str, ...]
    longitude: np.ndarray
    latitude: np.ndarray
    agreement: dict[str, SeriesAgreement]
    improvements: tuple[Improvement, ...]
    mascons: tuple[MasconGain, ...]
    given: int
    left_out: dict[str, int]
    blocks: int
    width_km: float

    @property
    def medians(self) -> dict[str, tuple[float, float]]:
        """Name of a field -> median r, and median RMSE in cm; NaN where no well has it."""
        return {name: (_median(one.r), _median(one.rmse)) for name, one in self.agreement.items()}

    @property
    def too_few(self) -> str:
        """Why there are no intervals; empty if there are."""
        wells = self.longitude.size
        if wells < LEAST_WELLS:
            return f"{wells} wells are fewer than the {LEAST_WELLS} that an interval needs"
        if self.blocks < LEAST_BLOCKS:
            return f"{self.blocks} blocks are fewer than the {LEAST_BLOCKS} that an interval needs"
        return ""


def compare_at_wells(
    records: WellRecords,
    products: Mapping[str, YearlyMaps],
    coarse: tuple[str, YearlyMaps] | None,
    months: np.ndarray,
    width_km: float,
    progress: Progress = SILENT,
) -> WellScores:
    """Compare two products, and the coarse field where it is given, with the same wells.

    Parameters
    ----------
    records : WellRecords
        Wells of which none was used to make the products.
    products : mapping of str to YearlyMaps
        Name -> maps of the first product and the other.
    coarse : (str, YearlyMaps), optional
        Name and stack of the coarse field; without it the other product is in its place.
    months : ndarray of datetime64[M], shape (months,)
        Months of both products that are compared.
    width_km : float
        Width of the footprint of GRACE.
    progress : Progress

    Returns
    -------
    WellScores

    Raises
    ------
    InputError
        When the coarse field has no month of ``months``, or no well can be used.
    """
    (first, first_maps), (other, other_maps) = products.items()
    if coarse:
        months = np.intersect1d(months, coarse[1].months)
        if not months.size:
            raise InputError(
                f"{coarse[0]} (COARSE) has none of the compared months; give the stack that was "
                "downscaled."
            )
    chosen = [maps.with_months(months) for maps in (first_maps, other_maps)]
    rival, field = (coarse[0], coarse[1].with_months(months)) if coarse else (other, chosen[1])
    pairs = {first: chosen[0], other: chosen[1]} if coarse else {first: chosen[0]}
    compared = {
        name: validate_wells(records.wells, records.readings, maps, field, records.rules, part)
        for (name, maps), part in zip(pairs.items(), progress.parts(len(pairs)))
    }
    interpolated = f"{rival}, interpolated"
    one = next(iter(compared.values()))
    fields = {
        **{name: result.fields["fine"] for name, result in compared.items()},
        rival: one.fields["coarse"],
        interpolated: one.fields["bilinear"],
    }
    storage, fields, left_out = _on_common_months(compared, fields, records.rules.min_months)
    used = np.isfinite(storage).any(axis=1)
    if not used.any():
        raise InputError(
            "No well can be used in all comparisons; give wells inside both products and their "
            "common months, or relax MIN_YEARS and MIN_MONTHS."
        )
    storage, fields = storage[used], {name: values[used] for name, values in fields.items()}
    places = one.wells.longitude[used], one.wells.latitude[used]
    agreement = {name: series_agreement(storage, values) for name, values in fields.items()}
    partitions = [well_blocks(*places, width_km, origin) for origin in ORIGINS]
    rivals = [(name, other_name) for name in compared for other_name in (rival, interpolated)]
    rivals += [(first, other)] if coarse else []
    return WellScores(
        names=tuple(fields),
        longitude=places[0],
        latitude=places[1],
        agreement=agreement,
        improvements=tuple(
            _improvement(pair, measure, agreement, partitions)
            for pair in rivals
            for measure in ("r", "RMSE")
        ),
        mascons=_mascon_gains(field, one, used, storage, fields[first], fields[rival]),
        given=len(records.wells),
        left_out=left_out,
        blocks=int(np.median([partition.max() + 1 for partition in partitions])),
        width_km=width_km,
    )


def footprint_width(maps: Sequence[YearlyMaps], progress: Progress) -> float:
    """Return the width of blocks of wells: the largest width in the tags of some products, km.

    Without any tag it is the largest of the widths of GRACE products, and the log states it.

    Raises
    ------
    InputError
        When a tag is not a width.
    """
    given = [footprint_km(one.tags(), next(iter(one.bands.values()))[0].name) for one in maps]
    widths = [width for width in given if width is not None]
    if widths:
        return max(widths)
    width = max(DEFAULTS_KM.values())
    progress.info(
        f"No product has the tag {FOOTPRINT_TAG}. Blocks of wells are {width:.0f} km wide, the "
        "width of the widest footprint of the mascon products."
    )
    return width


def _median(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else np.nan


def _on_common_months(
    compared: Mapping[str, WellComparison], fields: dict[str, np.ndarray], least: int
) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, int]]:
    """Storage and fields in the months that all of them have, relative to their means there."""
    results = list(compared.values())
    storages = [result.storage for result in results]
    common = np.isfinite([*storages, *fields.values()]).all(axis=0)
    enough = common.sum(axis=1) >= least
    reasons: Counter = Counter(results[0].exclusions())
    in_all = np.all([result.used for result in results], axis=0)
    reasons[ELSEWHERE] = int((results[0].used & ~in_all).sum())
    reasons[SHORT] = int((in_all & ~enough).sum())
    common &= enough[:, None]

    def centred(values: np.ndarray) -> np.ndarray:
        values = np.where(common, values, np.nan)
        return values - nan_mean(values.T)[:, None]

    left_out = {reason: count for reason, count in reasons.most_common() if count}
    return centred(storages[0]), {name: centred(one) for name, one in fields.items()}, left_out


def _improvement(
    pair: tuple[str, str],
    measure: str,
    agreement: Mapping[str, SeriesAgreement],
    partitions: Sequence[np.ndarray],
) -> Improvement:
    """Share of improved wells and median change, with their intervals."""
    field, rival = (agreement[name] for name in pair)
    change = field.r - rival.r if measure == "r" else relative_gain(field.rmse, rival.rmse)
    known = np.isfinite(change)
    share, median = _bootstrap(change[known], [partition[known] for partition in partitions])
    unchanged = int((np.abs(change[known]) <= UNCHANGED).sum())
    return Improvement(*pair, measure, share, median, unchanged)


def _bootstrap(change: np.ndarray, partitions: Sequence[np.ndarray]) -> tuple[Interval, Interval]:
    """Share of changes above 0 and their median, with 90 % intervals from blocks of wells.

    Blocks are drawn with replacement, in turn for each origin. The percentiles are expanded for the
    number of blocks. If all wells agree, no draw differs, and the interval is the exact one of that
    many independent blocks.
    """
    if not change.size:
        return Interval(np.nan), Interval(np.nan)
    improved = change > UNCHANGED
    share, median = float(improved.mean()), float(np.median(change))
    blocks = [
        [np.flatnonzero(partition == number) for number in np.unique(partition)]
        for partition in partitions
    ]
    count = int(np.median([len(one) for one in blocks]))
    if change.size < LEAST_WELLS or count < LEAST_BLOCKS:
        return Interval(share), Interval(median)
    generator = np.random.default_rng(0)
    drawn = []
    for members in blocks:
        for numbers in generator.integers(len(members), size=(DRAWS, len(members))):
            wells = np.concatenate([members[number] for number in numbers])
            drawn.append((improved[wells].mean(), np.median(change[wells])))
    tail = norm.cdf(-np.sqrt(count / (count - 1)) * student.ppf((1 + CONFIDENCE) / 2, count - 1))
    low, high = np.percentile(drawn, [100 * tail, 100 * (1 - tail)], axis=0)
    exact = ((1 - CONFIDENCE) / 2) ** (1 / count)
    shares = [float(low[0]), float(high[0])]
    if share in (0.0, 1.0):
        shares = [exact, 1.0] if share else [0.0, 1 - exact]
    return Interval(share, *shares), Interval(median, float(low[1]), float(high[1]))


def _mascon_gains(
    coarse: YearlyMaps,
    comparison: WellComparison,
    used: np.ndarray,
    storage: np.ndarray,
    field: np.ndarray,
    rival: np.ndarray,
) -> tuple[MasconGain, ...]:
    """Gains in the mascons of a coarse stack that have wells, most wells first."""
    tiles = coarse.tiles()
    if tiles is None:
        return ()
    cell = comparison.coarse_cell[used]
    number = np.where(cell >= 0, tiles.ravel()[cell], NO_TILE)
    gains = []
    for tile in np.unique(number[number != NO_TILE]):
        wells = number == tile
        rows, columns = np.nonzero(tiles == tile)
        errors = [rmse(values[wells], storage[wells]) for values in (field, rival)]
        gains.append(
            MasconGain(
                number=int(tile),
                longitude=float(coarse.grid.longitudes[columns].mean()),
                latitude=float(coarse.grid.latitudes[rows].mean()),
                wells=int(wells.sum()),
                values=int(np.isfinite(storage[wells]).sum()),
                gain=float(relative_gain(*errors)),
            )
        )
    return tuple(sorted(gains, key=lambda gain: (-gain.wells, gain.number)))
