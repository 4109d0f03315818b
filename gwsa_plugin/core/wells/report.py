"""HTML report of the validation against wells: verdict, maps, charts, tables and exclusions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure as Chart

from ..base.progress import SILENT, Progress
from ..files.html_report import Section, Table, draw, write_report
from .comparison import WellComparison
from .detail import DetailTest
from .scores import (
    FIELD_NAMES,
    FIELDS,
    TrendScore,
    rmse_gain,
    scaled_yield,
    scores_by_scale,
    uncertain_yield,
)

COLOURS = {"fine": "#0b6e99", "bilinear": "#d98324", "coarse": "#7a7a7a"}
WELL_COLOUR = "#1d2b36"
GREY = "#b0b8be"
PUBLISHED = (
    "For comparison, the published 1 km dataset states R² 0.44 and RMSE 0.51 cm/yr for the trends "
    "of 1,518 wells. Its wells, periods and specific yields are different, so the figures are not "
    "a ranking."
)
DETAIL_METHOD = (
    "The detail is the 1 km map minus the bilinear interpolation of the coarse field. Both are "
    "compared with the monthly storage of all wells, each series relative to its mean. Specific "
    "yields are rarely known better than within a factor of two, so storage is first divided by "
    "its regression coefficient on the interpolated field, from a regression on this field and the "
    "detail. A common error of the specific yields therefore has no effect. The gain is the "
    "relative reduction of the RMSE of bilinear interpolation. Its interval comes from a jackknife "
    "over blocks of wells that are at least as wide as the footprint of GRACE. The noise of wells "
    "moves the gain towards 0. Only the limit of the interval farther from 0 is corrected for it, "
    "so that the claim is never too strong."
)
CAVEATS = Section(
    "Limitations",
    [
        "A well is a point, often near a pump. A pixel is about a square kilometre, and the "
        "gravity signal behind it has a resolution of about 300 km. Part of the disagreement is "
        "this difference of scale, not an error of the field. It decreases from wells to coarse "
        "cells to aquifers, so compare the three scales.",
        "Wells are clustered, so the number of independent comparisons is smaller than the number "
        "of wells.",
        "Closure against the coarse field is in the report of the downscaling.",
    ],
)

Scores = dict[str, dict[str, TrendScore]]
"""Scale -> field -> score of the trends."""
Gains = dict[str, tuple[float, float, float]]
"""Field -> (estimate, 5 %, 95 %) of the RMSE that the 1 km field saves, cm/yr."""


def write_well_report(
    path: str | Path,
    comparison: WellComparison,
    detail: DetailTest,
    progress: Progress = SILENT,
) -> None:
    """Write a self-contained HTML report atomically.

    Parameters
    ----------
    path : str or Path
    comparison : WellComparison
    detail : DetailTest
    progress : Progress
        Checked for cancellation before each section.
    """
    scores = scores_by_scale(comparison)
    gains = {}
    for rival in FIELDS[1:]:
        progress.stop_if_cancelled()
        gains[rival] = rmse_gain(comparison, rival)
    sections = [
        Section("1 km detail", [detail.sentences(), DETAIL_METHOD]),
        _trends(comparison, scores, gains),
    ]
    for number, make in enumerate((_map, _series, _yields, _exclusions)):
        progress.advance(number / 4)
        sections.append(make(comparison))
    sections.append(CAVEATS)
    progress.advance(1.0)
    title = "Groundwater storage against wells"
    lead = f"{detail.sentences()} {verdict(comparison, scores, gains)}"
    write_report(path, title, lead, sections)


def verdict(comparison: WellComparison, scores: Scores, gains: Gains) -> str:
    """Summarise whether the 1 km field is closer to the wells than the other fields.

    Parameters
    ----------
    comparison : WellComparison
    scores : dict
        From ``scores_by_scale``.
    gains : dict
        Name of the other field -> result of ``rmse_gain``.

    Returns
    -------
    str
    """
    at_wells = scores["well"]
    fine = at_wells["fine"]
    period = f"{comparison.months[0]}..{comparison.months[-1]}"
    count = f"At {fine.n} well{'s' if fine.n != 1 else ''} ({period})"
    if fine.n < 3:
        return f"{count}, too few to score trends."
    rivals = " and ".join(
        f"{_compared(*gains[name])} the {FIELD_NAMES[name]} field "
        f"(R² {at_wells[name].r2:.2f}, RMSE {at_wells[name].rmse:.2f})"
        for name in FIELDS[1:]
    )
    best = ", ".join(
        f"{scale}: {FIELD_NAMES[_lowest_rmse(by_field)]}"
        for scale, by_field in scores.items()
        if by_field["fine"].n > 2
    )
    return (
        f"{count} the trends of the 1 km field have R² {fine.r2:.2f} and RMSE {fine.rmse:.2f} "
        f"cm/yr. It is {rivals}. Lowest RMSE by scale: {best}."
    )


def _lowest_rmse(by_field: dict[str, TrendScore]) -> str:
    return min(FIELDS, key=lambda name: by_field[name].rmse)


def _compared(estimate: float, low: float, high: float) -> str:
    if low > 0:
        return "closer to them than"
    if high < 0:
        return "farther from them than"
    return "not significantly closer or farther than"


def _trends(comparison: WellComparison, scores: Scores, gains: Gains) -> Section:
    rows = [
        [scale, FIELD_NAMES[name], value.n, value.r2, value.rmse, value.slope, value.bias]
        for scale, by_field in scores.items()
        for name, value in by_field.items()
    ]
    header = ["Scale", "Field", "n", "R²", "RMSE (cm/yr)", "Slope", "Bias (cm/yr)"]
    gain_text = "; ".join(
        f"{gain:+.3f} cm/yr against {FIELD_NAMES[name]} (90 % interval {low:+.3f} to {high:+.3f})"
        for name, (gain, low, high) in gains.items()
    )
    significant = int((comparison.q[comparison.used] < 0.05).sum())
    paragraphs = [
        "Theil-Sen slopes of the deseasonalised monthly storage of each well, and of each field at "
        "the well in the same months. R² is the squared Pearson correlation, which is insensitive "
        "to scale and bias. Read it together with the slope (regression of field on wells, 1 is "
        "perfect), the bias (field minus wells) and the RMSE.",
        f"Reduction of the RMSE by the 1 km field: {gain_text}. The intervals are a bootstrap over "
        "coarse cells.",
        f"{significant} of the {int(comparison.used.sum())} wells have a significant trend "
        "(Hamed-Rao Mann-Kendall test, false discovery rate 5 %).",
        PUBLISHED,
    ]
    figure_caption = (
        "Trend of each field against the trend of the well, cm/yr; points outside the axes are "
        "drawn on their edge"
    )
    table_caption = (
        "Trends by scale: single wells, means of the wells in a coarse cell, and in an aquifer"
    )
    return Section(
        "Trends",
        paragraphs,
        [draw(_scatter(comparison, scores["well"]), figure_caption)],
        [Table(table_caption, header, rows)],
    )


def _scatter(comparison: WellComparison, scores: dict[str, TrendScore]) -> Chart:
    chart = Chart(figsize=(10.5, 3.9), layout="constrained")
    axes = chart.subplots(1, 3, sharex=True, sharey=True)
    well = comparison.trend[comparison.used]
    fields = {name: trends[comparison.used] for name, trends in comparison.field_trends.items()}
    edge = _symmetric_range(np.concatenate([well, *fields.values()]))
    for axis, name in zip(axes, FIELDS):
        axis.axline((0, 0), slope=1, color=GREY, linewidth=1)
        x, y = np.clip([well, fields[name]], -edge, edge)
        axis.scatter(
            x, y, s=14, alpha=0.6, color=COLOURS[name], linewidths=0, clip_on=False, zorder=3
        )
        score = scores[name]
        figures = f": R² {score.r2:.2f}, RMSE {score.rmse:.2f}" if well.size > 2 else ""
        axis.set(title=FIELD_NAMES[name] + figures, xlabel="well, cm/yr")
        axis.set(xlim=(-edge, edge), ylim=(-edge, edge), aspect="equal")
    axes[0].set_ylabel("field, cm/yr")
    return chart


def _map(comparison: WellComparison) -> Section:
    chart = Chart(figsize=(10.5, 3.9), layout="constrained")
    axes = chart.subplots(1, 3, sharex=True, sharey=True)
    used = comparison.used
    wells = comparison.wells
    longitude = wells.longitude[used]
    latitude = wells.latitude[used]
    well = comparison.trend[used]
    fine = comparison.field_trends["fine"][used]
    edge = _symmetric_range(well, 95)
    size = min(20, max(3, 8000 / well.size))
    panels = {"wells": well, "1 km field": fine, "1 km field minus wells": fine - well}
    for axis, (title, values) in zip(axes, panels.items()):
        crosses = {"color": GREY, "markersize": 3, "zorder": 1}
        axis.plot(wells.longitude[~used], wells.latitude[~used], "x", **crosses)
        colours = {"c": values, "cmap": "BrBG", "vmin": -edge, "vmax": edge}
        look = {"edgecolors": "#44515b", "linewidths": 0.3, "zorder": 2}
        points = axis.scatter(longitude, latitude, s=size, **colours, **look)
        axis.set(title=title, xlabel="longitude", xlim=_margins(longitude), ylim=_margins(latitude))
        axis.set_aspect(1 / np.cos(np.radians(latitude.mean())))
    axes[0].set_ylabel("latitude")
    chart.colorbar(points, ax=axes, label="cm/yr", shrink=0.85, extend="both")
    caption = (
        "Trends, cm/yr; brown: storage declines, or declines faster in the field than in the well; "
        "crosses: left out"
    )
    return Section("Map", [], [draw(chart, caption)])


def _series(comparison: WellComparison) -> Section:
    rows = []
    for measure, label in (("r", "r"), ("rmse", "RMSE (cm)"), ("kge", "KGE")):
        for name in FIELDS:
            values = getattr(comparison.agreement[name], measure)
            percentiles = np.nanpercentile(values, [10, 25, 50, 75, 90]).tolist()
            rows.append([label, FIELD_NAMES[name], *percentiles])
    header = ["Measure", "Field", "10 %", "25 %", "median", "75 %", "90 %"]
    text = (
        "Agreement of the monthly anomalies, season included, for each well: correlation r, RMSE "
        "after removal of both means, and Kling-Gupta efficiency without its ratio of means, which "
        "is undefined for anomalies."
    )
    histogram_caption = "Correlation r of the monthly series, number of wells"
    examples_caption = "Wells at the 90, 50 and 10 % quantiles of the 1 km field's r, best first"
    return Section(
        "Monthly series",
        [text],
        [
            draw(_histograms(comparison), histogram_caption),
            draw(_examples(comparison), examples_caption),
        ],
        [Table("Distribution over the wells", header, rows)],
    )


def _histograms(comparison: WellComparison) -> Chart:
    chart = Chart(figsize=(10.5, 2.8), layout="constrained")
    axes = chart.subplots(1, 3, sharex=True, sharey=True)
    for axis, name in zip(axes, FIELDS):
        r = comparison.agreement[name].r
        r = r[np.isfinite(r)]
        axis.hist(r, bins=np.linspace(-1, 1, 21), color=COLOURS[name])
        if r.size:
            axis.axvline(np.median(r), color=WELL_COLOUR, linewidth=1)
            axis.set_title(f"{FIELD_NAMES[name]}: median r {np.median(r):.2f}")
        axis.set_xlabel("r")
    axes[0].set_ylabel("wells")
    return chart


def _examples(comparison: WellComparison) -> Chart:
    chosen = _example_wells(comparison)
    chart = Chart(figsize=(10.5, 2.1 * len(chosen) + 0.4), layout="constrained")
    for axis, i in zip(np.atleast_1d(chart.subplots(len(chosen), 1, sharex=True)), chosen):
        present = np.isfinite(comparison.storage[i])
        months = comparison.months[present].astype("datetime64[D]")
        well = comparison.storage[i, present]
        axis.plot(months, well, "o", markersize=2.5, color=WELL_COLOUR, label="well")
        for name in reversed(FIELDS):
            field = comparison.fields[name][i, present]
            axis.plot(months, field, color=COLOURS[name], linewidth=1.3, label=FIELD_NAMES[name])
        # Matplotlib would read what is between two dollar signs as a formula.
        name = comparison.wells.ids[i].replace("$", r"\$")
        title = f"{name}: r {comparison.agreement['fine'].r[i]:.2f}"
        axis.set_title(title, fontsize=9, loc="left")
        axis.set_ylabel("cm")
    chart.axes[0].legend(
        ncol=4, fontsize=8, loc="lower right", bbox_to_anchor=(1, 1), frameon=False
    )
    return chart


def _example_wells(comparison: WellComparison) -> list[int]:
    """Return the wells at the 90, 50 and 10 % quantiles of r, without repeats."""
    r = comparison.agreement["fine"].r
    r = np.where(np.isfinite(r), r, -np.inf)
    ordered = np.flatnonzero(comparison.used)
    ordered = ordered[np.argsort(r[ordered], kind="stable")]
    ranks = {round(quantile * (ordered.size - 1)) for quantile in (0.1, 0.5, 0.9)}
    return [int(ordered[rank]) for rank in sorted(ranks, reverse=True)]


def _yields(comparison: WellComparison) -> Section:
    rows = [
        [f"x {factor:g}", FIELD_NAMES[name], value.rmse, value.slope, value.bias]
        for factor, by_field in scaled_yield(comparison).items()
        for name, value in by_field.items()
    ]
    common_factor = Table(
        "All specific yields multiplied by one factor (R² does not change)",
        ["Specific yield", "Field", "RMSE (cm/yr)", "Slope", "Bias (cm/yr)"],
        rows,
    )
    rows = [
        [FIELD_NAMES[name], *_median_and_range(r2), *_median_and_range(rmse)]
        for name, (r2, rmse) in uncertain_yield(comparison).items()
    ]
    own_factors = Table(
        "The specific yield of each well multiplied by a random factor between 1/2 and 2",
        ["Field", "R², median", "5 to 95 %", "RMSE, median", "5 to 95 %"],
        rows,
    )
    coefficient = comparison.wells.storage_coefficient[comparison.used]
    low, middle, high = np.percentile(coefficient, [5, 50, 95])
    text = (
        "The storage of a well is proportional to its specific yield, which is rarely known better "
        f"than within a factor of two. Here its median is {middle:.3g}, and its 5 and 95 % "
        f"percentiles are {low:.3g} and {high:.3g}."
    )
    return Section("Sensitivity to specific yield", [text], [], [common_factor, own_factors])


def _median_and_range(percentiles: np.ndarray) -> list:
    return [float(percentiles[1]), f"{percentiles[0]:.3g} to {percentiles[2]:.3g}"]


def _exclusions(comparison: WellComparison) -> Section:
    exclusions = comparison.exclusions().items()
    wells = [["used", int(comparison.used.sum())], *([*item] for item in exclusions)]
    readings = [[*item] for item in comparison.dropped_readings.items()] or [["none", 0]]
    return Section(
        "Excluded wells and readings",
        [],
        [],
        [
            Table(f"Wells ({len(comparison.wells)} given)", ["Status", "n"], wells),
            Table("Readings left out of the wells that were checked", ["Reason", "n"], readings),
        ],
    )


def _symmetric_range(values: np.ndarray, percent: float = 99) -> float:
    """Return the half width of a range without the outermost values; never zero."""
    return max(float(np.nanpercentile(np.abs(values), percent)) * 1.1, 0.01)


def _margins(values: np.ndarray) -> tuple[float, float]:
    low = float(values.min())
    high = float(values.max())
    margin = max(0.06 * (high - low), 0.05)
    return low - margin, high + margin
