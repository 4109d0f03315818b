"""Test of the 1 km detail of a map against wells that the map was not made from.

The detail is the map minus the bilinear interpolation of the coarse field. The storage of wells is
known only up to a common factor, because specific yields are rarely known better than within a
factor of two. Storage is therefore divided by its regression coefficient on the interpolated field,
from a regression on this field and the detail. Intervals come from a jackknife over blocks of wells
that are at least as wide as the footprint of GRACE, because errors of the coarse field are
correlated within a footprint.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import numpy as np
from scipy.stats import t as student

from ..base.grid import KM_PER_DEGREE
from .comparison import WellComparison

CONFIRMED = "confirmed"
UNDECIDED = "undecided"
REFUTED = "refuted"
UNTESTED = "untested"
NOT_TESTABLE = "not testable with these inputs"
NO_WELLS = "no wells are given, and nothing else shows whether the detail of the map is right"
LEAST_BLOCKS = 4
LEAST_WELLS = 20
# Smallest gain or loss that matters. The interval of a map that hardly differs from the
# interpolated field can exclude 0 by much less.
RELEVANT_GAIN = 0.01
MEANINGS = {
    CONFIRMED: "The map is closer to the wells than bilinear interpolation of the coarse field.",
    REFUTED: "Bilinear interpolation of the coarse field is closer to the wells than the map. Use "
    "the coarse field.",
    UNDECIDED: "The wells do not show whether the map or bilinear interpolation of the coarse "
    "field is closer to them.",
}
NEGLIGIBLE = (
    "As far as the wells show, the map and bilinear interpolation of the coarse field are equally "
    f"close to them: the detail changes the RMSE by less than {100 * RELEVANT_GAIN:g} %."
)
# Probability that an interval contains the true value.
CONFIDENCE = 0.9
# Ratio of squared errors below which rounding decides.
LEAST_RATIO = 1e-9
# Relative standard deviation of specific yields around their common factor, at least.
YIELD_SCATTER = 0.1
# Origins of the blocks, as fractions of their width. The variances that they give are averaged.
ORIGINS = ((0.0, 0.0), (0.0, 0.5), (0.5, 0.0), (0.5, 0.5))


@dataclass(frozen=True)
class DetailTest:
    """Result of the test of the 1 km detail.

    Parameters
    ----------
    verdict : str
        CONFIRMED (the interval of the gain is above 0), REFUTED (below 0), UNDECIDED (it contains
        0, or all of it is within ±1 %) or UNTESTED.
    reason : str
        Why the detail is untested, and what that means; empty after a test.
    gain, lower, upper : float
        Relative reduction of the RMSE by the detail with its 90 % interval; NaN if untested.
    factor, factor_lower, factor_upper : float
        Detail factor with its 90 % interval: the amplitude of the detail in the wells, relative to
        that in the map. It is 1 for right detail and 0 for detail unrelated to the wells.
    wells, blocks : int
        Number of wells, and of blocks that contain any.
    width_km : float
        Least width of a block, km.
    """

    verdict: str
    reason: str = ""
    gain: float = np.nan
    lower: float = np.nan
    upper: float = np.nan
    factor: float = np.nan
    factor_lower: float = np.nan
    factor_upper: float = np.nan
    wells: int = 0
    blocks: int = 0
    width_km: float = np.nan

    @classmethod
    def without_wells(cls) -> DetailTest:
        """Return the result where no wells are given."""
        return cls(UNTESTED, NO_WELLS)

    @property
    def is_negligible(self) -> bool:
        """True if the whole interval of the gain is within ±1 %."""
        return self.lower > -RELEVANT_GAIN and self.upper < RELEVANT_GAIN

    @property
    def gain_text(self) -> str:
        """The gain in per cent with its interval; empty if untested."""
        if self.verdict == UNTESTED:
            return ""
        return f"{percent(self.gain)} % [{percent(self.lower)}, {percent(self.upper)}]"

    def sentences(self) -> str:
        """Describe the result in a few sentences."""
        if self.verdict == UNTESTED:
            return f"1 km detail: {NOT_TESTABLE}. {self.reason[:1].upper()}{self.reason[1:]}."
        meaning = NEGLIGIBLE if self.is_negligible else MEANINGS[self.verdict]
        return (
            f"1 km detail: {self.verdict}. {meaning} The gain of the detail is {percent(self.gain)}"
            f" % of the RMSE of bilinear interpolation (90 % interval {percent(self.lower)} to "
            f"{percent(self.upper)} %) at {self.wells} wells in {self.blocks} blocks of "
            f"{self.width_km:.0f} km. The detail factor, the amplitude of the detail in the wells "
            f"relative to that in the map, is {self.factor:.2f} ({self.factor_lower:.2f} to "
            f"{self.factor_upper:.2f}). It is 1 for right detail and 0 for detail that the wells "
            "do not have."
        )

    def as_record(self) -> dict:
        """Return the result as plain values for JSON, None for NaN."""
        return {
            name: None if isinstance(value, float) and np.isnan(value) else value
            for name, value in asdict(self).items()
        }


def percent(fraction: float) -> str:
    """Format a fraction as a signed percentage, with a decimal below 10 %."""
    digits = 0 if abs(fraction) >= 0.0995 else 1
    text = f"{100 * fraction:+.{digits}f}"
    return text.lstrip("+-") if float(text) == 0 else text


def score_detail(comparison: WellComparison, width_km: float) -> DetailTest:
    """Test the 1 km detail of a map against wells.

    The gain is 1 - RMSE(map) / RMSE(bilinear interpolation) over all well-months, with each series
    relative to its mean. Storage is first divided by its regression coefficient on the interpolated
    field, from a regression on this field and the detail. Noise of wells increases both RMSE, so
    that it moves the gain towards 0, but does not change its sign. Gain and the limit of its
    interval nearer to 0 are therefore not corrected for noise; the limit farther from 0 is.

    Parameters
    ----------
    comparison : WellComparison
        None of its wells may have been used to make the map.
    width_km : float
        Width of the footprint of GRACE, km.

    Returns
    -------
    DetailTest
        UNTESTED for fewer than 20 wells or 4 blocks, or if the wells do not follow the
        interpolated field.

    References
    ----------
    Roberts et al. (2017), Ecography 40, 913-929 (blocks for spatially correlated data).
    """
    used = comparison.used
    return compare_detail(
        comparison.storage[used],
        comparison.fields["fine"][used],
        comparison.fields["bilinear"][used],
        comparison.wells.longitude[used],
        comparison.wells.latitude[used],
        width_km,
    )


def compare_detail(
    storage: np.ndarray,
    fine: np.ndarray,
    interpolated: np.ndarray,
    longitude: np.ndarray,
    latitude: np.ndarray,
    width_km: float,
) -> DetailTest:
    """Test the detail of a map at points, see ``score_detail``.

    Parameters
    ----------
    storage, fine, interpolated : ndarray of float64, shape (points, months)
        Storage, 1 km map and bilinear interpolation of the coarse field, cm. NaN in the same
        months; each series is centred here.
    longitude, latitude : ndarray of float64, shape (points,)
        Degrees.
    width_km : float
        Width of the footprint of GRACE, km.

    Returns
    -------
    DetailTest
    """
    sums = _sums_by_point(storage, fine, interpolated)
    wells = len(sums)
    partitions = [well_blocks(longitude, latitude, width_km, origin) for origin in ORIGINS]
    blocks = int(np.median([partition.max(initial=-1) + 1 for partition in partitions]))
    untested = DetailTest(UNTESTED, wells=wells, blocks=blocks, width_km=float(width_km))
    if wells < LEAST_WELLS:
        return replace(untested, reason=_too_few(_count(wells, "usable well"), LEAST_WELLS))
    if blocks < LEAST_BLOCKS:
        few = f"{_count(blocks, 'block')} of {width_km:.0f} km with wells"
        return replace(untested, reason=_too_few(few, LEAST_BLOCKS))
    if not sums[:, -1].sum() > 0:
        return replace(untested, reason="the map has no detail at the wells")
    estimate, lower, upper = _intervals(sums, partitions)
    if not lower[0] > 0:
        reason = (
            "the storage of the wells does not follow the coarse field, so that they can test "
            "neither the coarse field nor its detail"
        )
        return replace(untested, reason=reason)
    # The log ratio grows where the gain falls.
    gain, highest, lowest = 1 - np.exp([estimate[2], lower[2], upper[2]])
    fraction = _noise_fraction(storage, sums.sum(axis=0), estimate[0])
    found = replace(
        untested,
        gain=float(gain),
        lower=_without_noise(lowest, fraction) if lowest < 0 else float(lowest),
        upper=_without_noise(highest, fraction) if highest > 0 else float(highest),
        factor=float(estimate[1]),
        factor_lower=float(lower[1]),
        factor_upper=float(upper[1]),
    )
    return replace(found, verdict=_verdict(found))


def detail_gain(truth: np.ndarray, fine: np.ndarray, interpolated: np.ndarray) -> float:
    """Compute the gain of ``score_detail`` without its interval.

    With the true storage of all pixels it is the value that the interval of the wells should
    contain.

    Parameters
    ----------
    truth, fine, interpolated : ndarray of float64, shape (points, months)
        cm; NaN in the same months.

    Returns
    -------
    float
    """
    return float(1 - np.exp(_statistics(_sums_by_point(truth, fine, interpolated).sum(axis=0))[2]))


def _verdict(found: DetailTest) -> str:
    """The verdict from the interval of the gain."""
    if found.is_negligible:
        return UNDECIDED
    return CONFIRMED if found.lower > 0 else REFUTED if found.upper < 0 else UNDECIDED


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"


def _too_few(found: str, least: int) -> str:
    return f"the map has only {found}, and the test needs {least}, so the detail may be wrong"


def _sums_by_point(storage: np.ndarray, fine: np.ndarray, interpolated: np.ndarray) -> np.ndarray:
    """Sums over the months of the products of y, b and d, shape (points, 6).

    y is storage, b the interpolated field and d the detail. The products are yy, yb, yd, bb, bd
    and dd, of series relative to their mean.
    """
    fields = (storage, interpolated, fine - interpolated)
    series = (np.asarray(values, dtype=np.float64) for values in fields)
    y, b, d = (values - np.nanmean(values, axis=1, keepdims=True) for values in series)
    products = (y * y, y * b, y * d, b * b, b * d, d * d)
    return np.stack([np.nansum(product, axis=1) for product in products], axis=1)


def _statistics(sums: np.ndarray) -> np.ndarray:
    """Coefficient of the interpolated field, detail factor and log ratio of the RMSE.

    ``sums`` has the shape (..., 6), the result (3, ...). Storage is regressed on the interpolated
    field and the detail. The factor is the coefficient of the detail over that of the field. The
    log ratio is that of the RMSE of the map over that of the interpolated field, after division of
    storage by the coefficient of the field.
    """
    yy, yb, yd, bb, bd, dd = np.moveaxis(sums, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        coefficient = (yb * dd - yd * bd) / (bb * dd - bd**2)
        factor = (yd * bb - yb * bd) / (yb * dd - yd * bd)
        error = yy / coefficient**2 - 2 * yb / coefficient + bb
        fine_error = error - 2 * (yd / coefficient - bd) + dd
        ratio = np.maximum(fine_error / error, LEAST_RATIO)
        return np.stack([coefficient, factor, np.log(ratio) / 2])


def _noise_fraction(storage: np.ndarray, sums: np.ndarray, coefficient: float) -> float:
    """Fraction of the squared error of the interpolated field that is noise of the wells.

    At most half of the squared error is noise.
    """
    yy, yb, _, bb, *_ = sums
    noise = np.isfinite(storage).sum() * well_noise_variance(storage)
    error = yy - 2 * coefficient * yb + coefficient**2 * bb
    return float(np.clip(noise / error, 0.0, 0.5))


def well_noise_variance(storage: np.ndarray) -> float:
    """Estimate the variance of the noise of wells.

    The noise has two parts. The variance of the part that is independent between months is
    extrapolated from the semivariance at lags of one and two months. The other part is the scatter
    of specific yields around their common factor.

    Parameters
    ----------
    storage : ndarray of float64, shape (points, months)
        cm; NaN in months without a reading.

    Returns
    -------
    float
        cm².
    """
    deviation = storage - np.nanmean(storage, axis=1, keepdims=True)
    steps = [deviation[:, lag:] - deviation[:, :-lag] for lag in (1, 2)]
    variance = YIELD_SCATTER**2 * np.nanmean(deviation**2)
    if all(np.isfinite(step).any() for step in steps):
        near, far = (np.nanmean(step**2) / 2 for step in steps)
        variance += max(2 * near - far, 0.0)
    return float(variance)


def _without_noise(gain: float, noise_fraction: float) -> float:
    """The gain that both fields would have if wells had no noise."""
    reduction = (1 - (1 - gain) ** 2) / (1 - noise_fraction)
    return float(1 - np.sqrt(max(1 - reduction, 0.0)))


def _intervals(
    sums: np.ndarray, partitions: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Estimates of ``_statistics`` with their interval: estimate, lower and upper, shape (3,).

    The standard error is that of a jackknife, which leaves out one block at a time. Student's t
    has the mean number of blocks less one as its degrees of freedom.
    """
    total = sums.sum(axis=0)
    estimate = _statistics(total)
    variances = []
    degrees = []
    for partition in partitions:
        block_sums = np.stack([np.bincount(partition, weights=one) for one in sums.T], axis=1)
        without_block = _statistics(total - block_sums)
        count = len(block_sums)
        # The logarithm is NaN if wells without a block do not follow the interpolated field.
        with np.errstate(invalid="ignore"):
            variances.append((count - 1) * without_block.var(axis=1))
        degrees.append(count - 1)
    half_width = student.ppf((1 + CONFIDENCE) / 2, np.mean(degrees)) * np.sqrt(
        np.mean(variances, axis=0)
    )
    return estimate, estimate - half_width, estimate + half_width


def well_blocks(
    longitude: np.ndarray, latitude: np.ndarray, width_km: float, origin: tuple[float, float]
) -> np.ndarray:
    """Number the blocks that contain points from 0.

    Blocks are as high as the width, and at least as wide also on their poleward side.

    Parameters
    ----------
    longitude, latitude : ndarray of float64, shape (points,)
        Degrees.
    width_km : float
        Width of the footprint of GRACE, km.
    origin : (float, float)
        Shifts the blocks by fractions of their height and width, see ``ORIGINS``.

    Returns
    -------
    ndarray of int, shape (points,)
    """
    height = width_km / KM_PER_DEGREE
    rows = np.floor((latitude + 90) / height + origin[0])
    edges = np.abs((rows[:, None] + [0, 1] - origin[0]) * height - 90).max(axis=1)
    around = 360 * np.cos(np.radians(np.minimum(edges, 89.9)))
    columns = np.maximum(np.floor(around / height), 1)
    column = np.floor(((longitude / 360) % 1) * columns + origin[1]) % columns
    return np.unique(np.stack([rows, column]), axis=1, return_inverse=True)[1].ravel()
