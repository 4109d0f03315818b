"""Agreement metrics, each defined once: bias, RMSE, r, NSE, KGE, R² and Pascal and Merlin's gain.

References
----------
Nash, J. E. & Sutcliffe, J. V. (1970): River flow forecasting through conceptual models part I.
    J. Hydrol. 10, 282-290.
Gupta, H. V. et al. (2009): Decomposition of the mean squared error and NSE performance criteria.
    J. Hydrol. 377, 80-91.
Merlin, O. et al. (2015): Performance metrics for soil moisture downscaling methods.
    Remote Sens. 7, 3783.
Pascal, C. et al. (2022): Evaluating downscaling methods of GRACE data.
    Hydrol. Earth Syst. Sci. 26, 4169.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# A truth whose variance is at most this fraction of its mean square is constant up to rounding.
ROUNDING = 1e-12
# cm: where the errors of both fields together are below this, neither field gains on the other.
NEGLIGIBLE_ERROR = 1e-9


@dataclass(frozen=True)
class SeriesAgreement:
    """Agreement of a field with wells, series by series.

    Attributes
    ----------
    r : ndarray of float, shape (wells,)
        Pearson correlation. NaN, like the others, for a well that is not used.
    rmse : ndarray of float, shape (wells,)
        Root mean square error in cm.
    kge : ndarray of float, shape (wells,)
        Kling-Gupta efficiency of the anomalies, see ``kge``.
    """

    r: np.ndarray
    rmse: np.ndarray
    kge: np.ndarray


def rmse(estimate: np.ndarray, truth: np.ndarray, axis: int | None = None) -> np.ndarray:
    """Compute the root mean square error.

    Parameters
    ----------
    estimate, truth : ndarray of float, same shape
        A pair with a NaN in either is left out.
    axis : int, optional
        Axis along which the mean is taken; by default over all values.

    Returns
    -------
    float or ndarray
        In the unit of the input; NaN where no pair is left.
    """
    return np.sqrt(_mean((estimate - truth) ** 2, axis))


def mean_error(estimate: np.ndarray, truth: np.ndarray, axis: int | None = None) -> np.ndarray:
    """Compute the mean error (bias), the mean of estimate minus truth.

    Parameters
    ----------
    estimate, truth : ndarray of float, same shape
        A pair with a NaN in either is left out.
    axis : int, optional
        Axis along which the mean is taken; by default over all values.

    Returns
    -------
    float or ndarray
        In the unit of the input; NaN where no pair is left.
    """
    return _mean(estimate - truth, axis)


def pearson(estimate: np.ndarray, truth: np.ndarray, axis: int | None = None) -> np.ndarray:
    """Compute the Pearson correlation.

    Parameters
    ----------
    estimate, truth : ndarray of float, same shape
        A pair with a NaN in either is left out.
    axis : int, optional
        Axis along which the means are taken; by default over all values.

    Returns
    -------
    float or ndarray
        -1 to 1; NaN where either is constant up to rounding, or no pair is left.
    """
    both = np.isfinite(estimate) & np.isfinite(truth)
    count = both.sum(axis=axis, keepdims=True)
    deviations = []
    variances = []
    with np.errstate(invalid="ignore", divide="ignore"):
        for values in (estimate, truth):
            values = np.where(both, values, 0.0)
            square = (values * values).sum(axis=axis)
            deviation = (values - values.sum(axis=axis, keepdims=True) / count) * both
            variance = (deviation * deviation).sum(axis=axis)
            deviations.append(deviation)
            variances.append(np.where(variance > ROUNDING * square, variance, np.nan))
        covariance = (deviations[0] * deviations[1]).sum(axis=axis)
        return np.clip(covariance / np.sqrt(variances[0] * variances[1]), -1.0, 1.0)[()]


def nse(estimate: np.ndarray, truth: np.ndarray, axis: int | None = None) -> np.ndarray:
    """Compute the Nash-Sutcliffe efficiency, 1 - mean squared error / variance of the truth.

    Parameters
    ----------
    estimate, truth : ndarray of float, same shape
        A pair with a NaN in either is left out.
    axis : int, optional
        Axis along which the means are taken; by default over all values.

    Returns
    -------
    float or ndarray
        1 for a perfect estimate, 0 for one as good as the mean of the truth, negative for a worse
        one. NaN where the truth does not vary or no pair is left.

    References
    ----------
    Nash & Sutcliffe (1970), J. Hydrol. 10, 282-290.
    """
    truth = np.where(np.isnan(estimate), np.nan, truth)
    mean = _mean(truth, axis, keepdims=True)
    variance = _mean((truth - mean) ** 2, axis)
    return _fraction(variance - rmse(estimate, truth, axis) ** 2, variance)


def kge(r: np.ndarray, deviation_ratio: np.ndarray) -> np.ndarray:
    """Compute the Kling-Gupta efficiency of anomalies, 1 - sqrt((r - 1)² + (a - 1)²).

    The ratio of means of the original efficiency is left out, because anomalies have a mean of 0.

    Parameters
    ----------
    r : float or ndarray
        Pearson correlation.
    deviation_ratio : float or ndarray
        Ratio a of the standard deviations, estimate to truth.

    References
    ----------
    Gupta et al. (2009), J. Hydrol. 377, 80-91.
    """
    return 1 - np.hypot(r - 1, deviation_ratio - 1)


def r2(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Compute R², the squared Pearson correlation, which does not depend on scale and bias.

    Parameters
    ----------
    estimate, truth : ndarray of float, shape (n,)
        Finite values.

    Returns
    -------
    float
        0 to 1; NaN where either does not vary.
    """
    covariance = np.cov(truth, estimate, bias=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(covariance[0, 1] ** 2 / (covariance[0, 0] * covariance[1, 1]))


def relative_gain(error: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Compute the relative reduction of an error measure, (reference - error) / reference.

    Parameters
    ----------
    error, reference : float or ndarray, same shape
        For example the RMSE of a model and that of its competitor.

    Returns
    -------
    float or ndarray
        1 for a perfect model, negative for one worse than the reference. NaN where the reference
        is 0 or unknown.
    """
    return _fraction(reference - error, reference)


def pascal_merlin_gain(coarse: np.ndarray, fine: np.ndarray, truth: np.ndarray) -> float:
    """Compute the gain of a downscaled field over the coarse field.

    The gain is the mean of three gains, those in slope, correlation and bias against the truth.
    Each is (error of coarse - error of fine) / (error of coarse + error of fine).

    Parameters
    ----------
    coarse, fine, truth : ndarray of float, same shape
        Samples with a NaN in any of them are left out.

    Returns
    -------
    float
        -1 to 1, positive where the fine field is better. NaN with fewer than two samples or where
        a field does not vary.

    References
    ----------
    Merlin et al. (2015), Remote Sens. 7, 3783, equation 10;
    Pascal et al. (2022), Hydrol. Earth Syst. Sci. 26, 4169.
    """
    known = np.isfinite(coarse) & np.isfinite(fine) & np.isfinite(truth)
    if known.sum() < 2:
        return float("nan")
    errors = np.array([_slope_errors(field[known], truth[known]) for field in (coarse, fine)])
    total = errors.sum(axis=0)
    # A NaN error is not negligible, so that it reaches the result.
    compared = ~(total <= NEGLIGIBLE_ERROR)
    gains = np.divide(errors[0] - errors[1], total, out=np.zeros(3), where=compared)
    return float(gains.mean())


def series_agreement(well: np.ndarray, field: np.ndarray) -> SeriesAgreement:
    """Compute the agreement of a field with each well.

    Parameters
    ----------
    well, field : ndarray of float, shape (wells, months)
        Anomalies in cm from their mean over the same months; NaN in all other months of both.

    Returns
    -------
    SeriesAgreement
        NaN for a well without values.
    """
    r = pearson(field, well, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        deviation_ratio = np.sqrt(_mean(field**2, axis=1) / _mean(well**2, axis=1))
    return SeriesAgreement(r, rmse(field, well, axis=1), kge(r, deviation_ratio))


def field_agreement(estimate: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Compute NSE and RMSE of a field.

    Parameters
    ----------
    estimate, truth : ndarray of float, same shape
        cm; a pair with a NaN in either is left out.

    Returns
    -------
    dict
        ``nse``, ``rmse_cm`` and ``n``, the number of pairs; see ``agreement_from_sums``.
    """
    return agreement_from_sums(agreement_sums(estimate, truth))


def agreement_sums(estimate: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Compute the sums from which the agreement of a field follows.

    The sums of the parts of a field add up to those of the field.

    Parameters
    ----------
    estimate, truth : ndarray of float, same shape
        cm; a pair with a NaN in either is left out.

    Returns
    -------
    ndarray of float64, shape (4,)
        Number of pairs, sum and sum of squares of the truth, and sum of squared errors.
    """
    both = np.isfinite(estimate) & np.isfinite(truth)
    truth = truth[both].astype(np.float64)
    return np.array(
        [truth.size, truth.sum(), (truth**2).sum(), ((estimate[both] - truth) ** 2).sum()]
    )


def agreement_from_sums(total: np.ndarray) -> dict[str, float]:
    """Compute NSE and RMSE from sums.

    Parameters
    ----------
    total : ndarray of float64, shape (4,)
        ``agreement_sums`` of a field, or of its parts added up.

    Returns
    -------
    dict
        ``nse`` as in ``nse``, NaN where the truth does not vary; ``rmse_cm`` and ``n``, the number
        of pairs. With no pair both are NaN.
    """
    count = int(total[0])
    if not count:
        return {"nse": float("nan"), "rmse_cm": float("nan"), "n": 0}
    mean, mean_square, squared_error = (float(value) / count for value in total[1:])
    variance = mean_square - mean**2
    varies = variance > ROUNDING * mean_square
    efficiency = 1 - squared_error / variance if varies else float("nan")
    return {"nse": efficiency, "rmse_cm": squared_error**0.5, "n": count}


def _mean(values: np.ndarray, axis: int | None, keepdims: bool = False) -> np.ndarray:
    """The mean of the values that are not NaN; NaN where there is none."""
    count = np.sum(~np.isnan(values), axis=axis, keepdims=keepdims)
    with np.errstate(invalid="ignore"):
        return np.nansum(values, axis=axis, keepdims=keepdims) / count


def _fraction(part: np.ndarray, total: np.ndarray) -> np.ndarray:
    """``part / total``, NaN where ``total`` is not above 0."""
    missing = np.full(np.shape(total), np.nan)
    return np.divide(part, total, out=missing, where=np.greater(total, 0))[()]


def _slope_errors(field: np.ndarray, truth: np.ndarray) -> tuple[float, float, float]:
    """|1 - slope|, |1 - correlation| and |bias| of a field against the truth."""
    deviation = field - field.mean()
    truth_deviation = truth - truth.mean()
    variance = (deviation**2).sum()
    covariance = (deviation * truth_deviation).sum()
    if variance == 0 or not truth_deviation.any():
        return float("nan"), float("nan"), float("nan")
    correlation = covariance / np.sqrt(variance * (truth_deviation**2).sum())
    return (
        abs(1 - covariance / (truth_deviation**2).sum()),
        abs(1 - correlation),
        abs(field.mean() - truth.mean()),
    )
