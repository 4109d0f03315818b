"""Scores of fields against wells: series well by well, trends at three scales, and what the specific yield does."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from ..files.atomic import atomic_file

FIELDS = ("fine", "bilinear", "coarse")
NAMES = {"fine": "1 km", "bilinear": "bilinear", "coarse": "coarse"}
SHORT_NAMES = {"fine": "1km", "bilinear": "bilinear", "coarse": "coarse"}
SCALES = ("well", "coarse cell", "aquifer")
YIELD_FACTORS = (0.5, 0.75, 1.0, 1.5, 2.0)
DRAWS = 500


@dataclass(frozen=True)
class TrendScore:
    """Of trends. ``r2``: squared Pearson correlation, so blind to a wrong size, which the others show. ``rmse`` and
    ``bias`` (field minus wells): cm/yr. ``slope``: of the regression of the field's trends on the wells', 1 if right.
    NaN where ``n``, the number of wells, cells or aquifers, is below three."""

    n: int
    r2: float
    rmse: float
    slope: float
    bias: float


def score(well: np.ndarray, field: np.ndarray) -> TrendScore:
    """Of two sets of trends, cm/yr, shape (n,); pairs with a NaN are left out."""
    both = np.isfinite(well) & np.isfinite(field)
    well, field = well[both], field[both]
    if well.size < 3:
        return TrendScore(int(well.size), *(np.nan,) * 4)
    covariance = np.cov(well, field, bias=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        r2 = covariance[0, 1] ** 2 / (covariance[0, 0] * covariance[1, 1])
        slope = covariance[0, 1] / covariance[0, 0]
    difference = field - well
    return TrendScore(
        int(well.size),
        float(r2),
        float(np.sqrt(np.mean(difference**2))),
        float(slope),
        float(difference.mean()),
    )


def summary(validation) -> str:
    """Wells used, and the scores of the three fields at them, in a line for the log."""
    scores = "; ".join(
        f"{NAMES[name]} R² {value.r2:.2f}, RMSE {value.rmse:.2f} cm/yr"
        for name, value in scores_by_scale(validation)["well"].items()
    )
    left_out = (
        ", ".join(f"{count} {reason}" for reason, count in validation.exclusions().items())
        or "none"
    )
    return f"{int(validation.used.sum())} wells used (left out: {left_out}). Trends: {scores}."


def scores_by_scale(validation) -> dict[str, dict[str, TrendScore]]:
    """Scale -> field -> score of trends; at cells and aquifers, of the mean over the wells in each.

    A scale is absent when no well belongs to it.
    """
    used, wells = validation.used, validation.wells
    groups = {
        "well": np.arange(used.sum()),
        "coarse cell": validation.cell[used],
        "aquifer": np.unique(wells.region[used].astype(str), return_inverse=True)[1],
    }
    belongs = {"aquifer": wells.region[used] != ""}
    result = {}
    for scale in SCALES:
        member = belongs.get(scale, np.ones(used.sum(), dtype=bool))
        if member.any():
            labels, well = groups[scale][member], validation.trend[used][member]
            result[scale] = {
                name: score(_means(labels, well), _means(labels, trends[used][member]))
                for name, trends in validation.field_trends.items()
            }
    return result


def _means(labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    place = np.unique(labels, return_inverse=True)[1]
    return np.bincount(place, values) / np.bincount(place)


def rmse_gain(validation, rival: str, draws: int = 1000) -> tuple[float, float, float]:
    """RMSE of the rival field's trends minus that of the 1 km field's, cm/yr: (estimate, 5 %, 95 %).

    Positive is better at 1 km. The interval is a bootstrap over coarse cells, whose wells are drawn together because
    they share their coarse value; always the same draws.
    """
    used = validation.used
    cells, place = np.unique(validation.cell[used], return_inverse=True)
    squares = [
        np.bincount(place, (validation.field_trends[name][used] - validation.trend[used]) ** 2)
        for name in (rival, "fine")
    ]
    count = np.bincount(place)
    drawn = np.random.default_rng(0).integers(cells.size, size=(draws, cells.size))
    rmse = [np.sqrt(square[drawn].sum(axis=1) / count[drawn].sum(axis=1)) for square in squares]
    low, high = np.percentile(rmse[0] - rmse[1], [5, 95])
    estimate = np.sqrt(squares[0].sum() / count.sum()) - np.sqrt(squares[1].sum() / count.sum())
    return float(estimate), float(low), float(high)


def scaled_yield(validation) -> dict[float, dict[str, TrendScore]]:
    """Factor -> field -> score when every specific yield is that many times as large."""
    used = validation.used
    return {
        factor: {
            name: score(factor * validation.trend[used], t[used])
            for name, t in validation.field_trends.items()
        }
        for factor in YIELD_FACTORS
    }


def uncertain_yield(validation, factor: float = 2.0, draws: int = DRAWS) -> dict[str, np.ndarray]:
    """Field -> percentiles 5, 50, 95 of r2 and rmse, shape (2, 3), when each well's specific yield is wrong by its own
    factor between 1/``factor`` and ``factor`` (even in the logarithm); always the same draws."""
    used = validation.used
    factors = factor ** np.random.default_rng(0).uniform(-1, 1, size=(draws, int(used.sum())))
    wells = factors * validation.trend[used]
    result = {}
    for name, trends in validation.field_trends.items():
        drawn = [score(well, trends[used]) for well in wells]
        result[name] = np.percentile(
            [[s.r2 for s in drawn], [s.rmse for s in drawn]], [5, 50, 95], axis=1
        ).T
    return result


def write_scores(path, validation) -> None:
    """JSON of the scores of trends at wells: of the 1 km field, and the same under ``bilinear`` and ``coarse``."""
    scores = {name: _as_json(value) for name, value in scores_by_scale(validation)["well"].items()}
    record = {**scores.pop("fine"), **scores}
    with atomic_file(path) as part:
        part.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _as_json(value: TrendScore) -> dict:
    named = {
        "r2": value.r2,
        "rmse_cm_per_yr": value.rmse,
        "slope": value.slope,
        "bias_cm_per_yr": value.bias,
    }
    return {
        "n": value.n,
        **{key: number if np.isfinite(number) else None for key, number in named.items()},
    }


def well_columns(validation) -> dict[str, np.ndarray]:
    """One row a well, as a layer holds it: identity, what was used, trends (cm/yr), tests, agreement of each field."""
    wells, present = validation.wells, np.isfinite(validation.storage)
    used = present.any(axis=1)
    ends = (
        validation.months[present.argmax(axis=1)],
        validation.months[-1 - present[:, ::-1].argmax(axis=1)],
    )
    columns = {
        "well": wells.ids,
        "status": validation.status,
        "aquifer": wells.region,
        "storage": wells.storage,
    }
    columns.update({"months": present.sum(axis=1)})
    columns.update(
        {name: np.where(used, end.astype(str), "") for name, end in zip(("first", "last"), ends)}
    )
    columns.update({"trend_well": validation.trend, "p_well": validation.p, "q_well": validation.q})
    for name, short in SHORT_NAMES.items():
        columns[f"trend_{short}"] = validation.field_trends[name]
    for measure in ("r", "rmse", "kge"):
        for name, short in SHORT_NAMES.items():
            columns[f"{measure}_{short}"] = getattr(validation.agreement[name], measure)
    return columns
