"""Scores of fields against wells: trends at three scales and effect of the specific yield."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..files.atomic import atomic_file
from ..stats.metrics import r2, rmse
from .comparison import WellComparison
from .detail import DetailTest

FIELDS = ("fine", "bilinear", "coarse")
FIELD_NAMES = {"fine": "1 km", "bilinear": "bilinear", "coarse": "coarse"}
SHORT_NAMES = {"fine": "1km", "bilinear": "bilinear", "coarse": "coarse"}
SCALES = ("well", "coarse cell", "aquifer")
YIELD_FACTORS = (0.5, 0.75, 1.0, 1.5, 2.0)
DRAWS = 500


@dataclass(frozen=True)
class TrendScore:
    """Score of the trends of a field against those of wells.

    Parameters
    ----------
    n : int
        Number of wells, coarse cells or aquifers. All other values are NaN below three.
    r2 : float
        Squared Pearson correlation, which is insensitive to scale and bias.
    rmse : float
        cm/yr.
    slope : float
        Slope of the regression of the field's trends on those of the wells; 1 is perfect.
    bias : float
        Mean of field minus well, cm/yr.
    """

    n: int
    r2: float
    rmse: float
    slope: float
    bias: float


def score(well: np.ndarray, field: np.ndarray) -> TrendScore:
    """Score the trends of a field.

    Parameters
    ----------
    well, field : ndarray of float64, shape (n,)
        Trends in cm/yr. Pairs with a NaN are left out.

    Returns
    -------
    TrendScore
    """
    both = np.isfinite(well) & np.isfinite(field)
    well = well[both]
    field = field[both]
    if well.size < 3:
        return TrendScore(int(well.size), *(np.nan,) * 4)
    covariance = np.cov(well, field, bias=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = covariance[0, 1] / covariance[0, 0]
    return TrendScore(
        n=int(well.size),
        r2=r2(field, well),
        rmse=float(rmse(field, well)),
        slope=float(slope),
        bias=float((field - well).mean()),
    )


def summary(comparison: WellComparison) -> str:
    """Summarise the wells used and the scores of the three fields in a line for the log.

    Parameters
    ----------
    comparison : WellComparison

    Returns
    -------
    str
    """
    scores = "; ".join(
        f"{FIELD_NAMES[name]} R² {value.r2:.2f}, RMSE {value.rmse:.2f} cm/yr"
        for name, value in scores_by_scale(comparison)["well"].items()
    )
    exclusions = comparison.exclusions().items()
    left_out = ", ".join(f"{count} {reason}" for reason, count in exclusions) or "none"
    return f"{int(comparison.used.sum())} wells used (left out: {left_out}). Trends: {scores}."


def scores_by_scale(comparison: WellComparison) -> dict[str, dict[str, TrendScore]]:
    """Score the trends of all fields at the wells, in coarse cells and in aquifers.

    Parameters
    ----------
    comparison : WellComparison

    Returns
    -------
    dict
        Scale (SCALES) -> field (FIELDS) -> TrendScore. For coarse cells and aquifers the trends are
        averaged over their wells. A scale without wells is absent.
    """
    used = comparison.used
    region = comparison.wells.region[used]
    labels = {
        "well": np.arange(used.sum()),
        "coarse cell": comparison.coarse_cell[used],
        "aquifer": np.unique(region.astype(str), return_inverse=True)[1],
    }
    belongs = {"aquifer": region != ""}
    result = {}
    for scale in SCALES:
        member = belongs.get(scale, np.ones(used.sum(), dtype=bool))
        if not member.any():
            continue
        groups = labels[scale][member]
        well = _group_means(groups, comparison.trend[used][member])
        result[scale] = {
            name: score(well, _group_means(groups, trends[used][member]))
            for name, trends in comparison.field_trends.items()
        }
    return result


def _group_means(labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    index = np.unique(labels, return_inverse=True)[1]
    return np.bincount(index, values) / np.bincount(index)


def rmse_gain(
    comparison: WellComparison, rival: str, draws: int = 1000
) -> tuple[float, float, float]:
    """Compute how much lower the RMSE of the 1 km field's trends is than that of another field.

    The interval is a bootstrap over coarse cells. The wells of a cell are drawn together, because
    they have the same coarse value. The random seed is fixed.

    Parameters
    ----------
    comparison : WellComparison
    rival : str
        Name of the other field.
    draws : int, optional

    Returns
    -------
    estimate, low, high : float
        Estimate with its 5 % and 95 % percentiles, cm/yr; positive if the 1 km field is better.
    """
    used = comparison.used
    cells, index = np.unique(comparison.coarse_cell[used], return_inverse=True)
    trend = comparison.trend[used]
    squares = [
        np.bincount(index, (comparison.field_trends[name][used] - trend) ** 2)
        for name in (rival, "fine")
    ]
    count = np.bincount(index)
    drawn = np.random.default_rng(0).integers(cells.size, size=(draws, cells.size))
    # RMSE of each draw, first of the rival, then of the 1 km field.
    errors = [np.sqrt(square[drawn].sum(axis=1) / count[drawn].sum(axis=1)) for square in squares]
    low, high = np.percentile(errors[0] - errors[1], [5, 95])
    estimate = np.sqrt(squares[0].sum() / count.sum()) - np.sqrt(squares[1].sum() / count.sum())
    return float(estimate), float(low), float(high)


def scaled_yield(comparison: WellComparison) -> dict[float, dict[str, TrendScore]]:
    """Score the trends with all specific yields multiplied by the same factor.

    Parameters
    ----------
    comparison : WellComparison

    Returns
    -------
    dict
        Factor (YIELD_FACTORS) -> field -> TrendScore.
    """
    used = comparison.used
    return {
        factor: {
            name: score(factor * comparison.trend[used], trends[used])
            for name, trends in comparison.field_trends.items()
        }
        for factor in YIELD_FACTORS
    }


def uncertain_yield(
    comparison: WellComparison, factor: float = 2.0, draws: int = DRAWS
) -> dict[str, np.ndarray]:
    """Score the trends with an independent error of each well's specific yield.

    The specific yields are multiplied by random factors between 1/``factor`` and ``factor``,
    uniform in the logarithm. The random seed is fixed.

    Parameters
    ----------
    comparison : WellComparison
    factor : float, optional
    draws : int, optional

    Returns
    -------
    dict of str to ndarray of float64, shape (2, 3)
        Field -> percentiles 5, 50 and 95 of R² and of the RMSE (cm/yr).
    """
    used = comparison.used
    factors = factor ** np.random.default_rng(0).uniform(-1, 1, size=(draws, int(used.sum())))
    wells = factors * comparison.trend[used]
    result = {}
    for name, trends in comparison.field_trends.items():
        drawn = [score(well, trends[used]) for well in wells]
        values = [[value.r2 for value in drawn], [value.rmse for value in drawn]]
        result[name] = np.percentile(values, [5, 50, 95], axis=1).T
    return result


def write_scores(path: str | Path, comparison: WellComparison, detail: DetailTest) -> None:
    """Write the scores of trends at wells atomically as JSON.

    The scores of the 1 km field are at the top level, those of the others under ``bilinear`` and
    ``coarse``, the test of the 1 km detail under ``detail``.

    Parameters
    ----------
    path : str or Path
    comparison : WellComparison
    detail : DetailTest
    """
    scores = {name: _as_json(value) for name, value in scores_by_scale(comparison)["well"].items()}
    record = {**scores.pop("fine"), **scores, "detail": detail.as_record()}
    with atomic_file(path) as part:
        part.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _as_json(value: TrendScore) -> dict:
    named = {
        "r2": value.r2,
        "rmse_cm_per_yr": value.rmse,
        "slope": value.slope,
        "bias_cm_per_yr": value.bias,
    }
    finite = {key: number if np.isfinite(number) else None for key, number in named.items()}
    return {"n": value.n, **finite}


def well_columns(comparison: WellComparison) -> dict[str, np.ndarray]:
    """List the attributes of the output layer, with one row for each well.

    Parameters
    ----------
    comparison : WellComparison

    Returns
    -------
    dict of str to ndarray, shape (wells,)
        Identifier, coordinates, status, aquifer and storage coefficient; number of months, first
        and last month; trends (cm/yr) with p-values; r, RMSE (cm) and KGE of the monthly series of
        each field.
    """
    wells = comparison.wells
    present = np.isfinite(comparison.storage)
    used = present.any(axis=1)
    first = comparison.months[present.argmax(axis=1)]
    last = comparison.months[-1 - present[:, ::-1].argmax(axis=1)]
    columns = {
        "well": wells.ids,
        "longitude": wells.longitude,
        "latitude": wells.latitude,
        "status": comparison.status,
        "aquifer": wells.region,
        "storage": wells.storage_coefficient,
        "months": present.sum(axis=1),
        "first": np.where(used, first.astype(str), ""),
        "last": np.where(used, last.astype(str), ""),
        "trend_well": comparison.trend,
        "p_well": comparison.p,
        "q_well": comparison.q,
    }
    for name, short in SHORT_NAMES.items():
        columns[f"trend_{short}"] = comparison.field_trends[name]
    for measure in ("r", "rmse", "kge"):
        for name, short in SHORT_NAMES.items():
            columns[f"{measure}_{short}"] = getattr(comparison.agreement[name], measure)
    return columns
