"""Results of a comparison in sentences, for the log and the first lines of the report."""

from __future__ import annotations

import numpy as np

from .comparison import Comparison
from .comparison_scores import CORRELATION, RESIDUAL_CORRELATION, RMSE
from .comparison_wells import Improvement, Interval, WellScores


def lead(comparison: Comparison, wells: WellScores | None) -> str:
    """Summarise a comparison in a few sentences."""
    one = comparison.summaries
    r, residual = (
        [_r_text(value) for value in one[name].percentiles]
        for name in (CORRELATION, RESIDUAL_CORRELATION)
    )
    error = one[RMSE]
    everywhere = comparison.regions[0]
    sentences = [
        f"Over {comparison.periods.months.size} common months and {error.area_km2:,.0f} km², "
        f"{comparison.first} and {comparison.other} have a median r of {r[2]} (5 to 95 % of the "
        f"area {r[0]} to {r[-1]}) and a mean RMSE of {error.mean:.1f} cm. Without season and trend "
        f"the median r is {residual[2]}.",
        f"The mean of the area changes by {everywhere.trend_first:+.2f} cm/yr in the first and "
        f"{everywhere.trend_other:+.2f} cm/yr in the other.",
    ]
    if wells:
        pairs = zip(wells.improvements[::2], wells.improvements[1::2])
        sentences += [
            improvement_text(*pair) for pair in pairs if pair[0].field == comparison.first
        ]
    return " ".join(sentences)


def improvement_text(by_r: Improvement, by_rmse: Improvement) -> str:
    """Describe the shares of improved wells of a field over one rival in a sentence."""
    return (
        f"{by_r.field} has a higher r than {by_r.rival} at {share_text(by_r.share)} of the wells"
        f"{range_text(by_r.share)} and a smaller RMSE at {share_text(by_rmse.share)}"
        f"{range_text(by_rmse.share)}."
    )


def share_text(interval: Interval) -> str:
    return f"{100 * interval.estimate:.0f} %"


def range_text(interval: Interval) -> str:
    if np.isnan(interval.lower):
        return " (no interval)"
    return f" ({100 * interval.lower:.0f} to {100 * interval.upper:.0f} %)"


def _r_text(r: float) -> str:
    return "not defined" if np.isnan(r) else f"{r:.2f}"
