"""The report of a gap filling: how good it is against the baseline, what it looks like, how sure it is."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure as Chart
from matplotlib.ticker import MaxNLocator

from .fill_methods import BASELINE_METHOD, METHOD_NAMES
from .fill_sigma import ONE_SIGMA, PLACES
from .gapfill import FLAG_FILLED, FilledStack
from .hidden import Score
from .months import decimal_years, name_runs
from .report import Section, Table, draw, write_report
from .stack import FILLED, MISSING

BLUE, ORANGE = "#2b83ba", "#e66101"
EXAMPLES = {"calm": 0.1, "typical": 0.5, "lively": 0.9}  # quantiles of the series' standard deviations


def write_fill_report(path, result: FilledStack) -> None:
    """Self-contained HTML of a ``FilledStack``, whole or not at all."""
    sections = [_skill(result), _examples(result), _certainty(result), _months(result)]
    write_report(path, f"Gaps of {result.filled.variable} filled", verdict(result), sections)


def verdict(result: FilledStack) -> str:
    """What was filled, and whether the method earns its place beside the baseline."""
    count = int((np.array(result.filled.source) == FILLED).sum())
    lead = f"{count} months are filled. Method: {METHOD_NAMES[result.options.method]}."
    by_kind = _by_kind(result.scores)
    if result.options.method == BASELINE_METHOD or not by_kind:
        return lead
    compared = [
        f"{100 * (own.rmse / baseline.rmse - 1):+.0f} % for {kind} (NSE {own.nse:.2f} against {baseline.nse:.2f})"
        for kind, (own, baseline) in by_kind.items()
    ]
    return f"{lead} Its error on hidden months against that of the baseline: {' and '.join(compared)}."


def _by_kind(scores: tuple[Score, ...]) -> dict[str, tuple[Score, Score]]:
    """The method's own score, which comes first, and the baseline's."""
    kinds = dict.fromkeys(one.kind for one in scores)
    of_kind = {kind: [one for one in scores if one.kind == kind] for kind in kinds}
    return {
        kind: (those[0], next(one for one in those if one.method == BASELINE_METHOD)) for kind, those in of_kind.items()
    }


def _skill(result: FilledStack) -> Section:
    if not result.scores:
        return Section("Skill", ["Nothing could be hidden: there is no gap, or the record is too short."])
    text = (
        "Observed months were hidden, filled as if they were missing, and compared with what was there: contiguous "
        "blocks, one at a time, and scattered short gaps. NSE is the Nash-Sutcliffe efficiency, 1 for a perfect fill "
        "and 0 for one no better than the mean; the table gives its median over the series."
    )
    rows = [[one.kind, METHOD_NAMES[one.method], one.months, one.rmse, one.nse] for one in result.scores]
    header = ["hidden", "method", "months", "RMSE (cm)", "NSE"]
    return Section("Skill", [text, _settings(result)], tables=[Table("Errors on hidden months", header, rows)])


def _settings(result: FilledStack) -> str:
    options = result.options
    if "ssa" not in options.method:
        return "The method has no parameters."
    return f"Window {options.window} months, {options.components} components, tolerance {options.tolerance:g}."


def _examples(result: FilledStack) -> Section:
    stack = result.filled
    series = stack.values[:, stack.valid].T
    if not series.size:
        return Section("Examples")
    order = np.argsort(np.nanstd(series, axis=1), kind="stable")
    picked = {name: order[round(place * (order.size - 1))] for name, place in EXAMPLES.items()}
    chart = Chart(figsize=(10, 7.5), layout="constrained")
    for axes, (name, number) in zip(chart.subplots(len(picked), sharex=True), picked.items()):
        _draw_series(axes, result, number)
        row, column = np.argwhere(stack.valid)[number]
        place = f"{stack.grid.latitudes[row]:.3f}°, {stack.grid.longitudes[column]:.3f}°"
        axes.set_title(f"A {name} cell, latitude and longitude {place}", loc="left", fontsize=10)
        axes.set_ylabel(f"{stack.variable} ({stack.unit})")
    chart.axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    chart.axes[0].legend(loc="lower left", ncols=3, fontsize=8, frameon=False)
    return Section("Examples", figures=[draw(chart, "Filled months in orange with one and two sigma.")])


def _draw_series(axes, result: FilledStack, number: int) -> None:
    years = decimal_years(result.filled.months)
    values, sigmas, flags = (
        field[:, result.filled.valid][:, number] for field in (result.filled.values, result.sigma.values, result.flags)
    )
    new = flags == FLAG_FILLED
    axes.plot(years, np.where(new, np.nan, values), ".-", color=BLUE, ms=4, lw=1, label="observed")
    axes.errorbar(years[new], values[new], 2 * sigmas[new], fmt="none", ecolor=ORANGE, elinewidth=0.7, alpha=0.6)
    axes.errorbar(
        years[new], values[new], sigmas[new], fmt="o", color=ORANGE, ms=4, elinewidth=1.8, label="filled, 1 and 2 sigma"
    )
    axes.plot(years, values, color="0.7", lw=0.8, zorder=0)
    axes.grid(alpha=0.25)


def _certainty(result: FilledStack) -> Section:
    calibration = result.calibration
    if calibration is None:
        return Section("Sigma", ["The filled months have no sigma."])
    text = (
        "Sigma of a filled month is the variability of its own series about trend and seasons times a ratio for its "
        f"place in the gap. The ratio holds {100 * ONE_SIGMA:.0f} % of the errors on hidden months. Checked with "
        f"ratios that had not seen the block in question, {100 * calibration.overall:.0f} % of the hidden months lie "
        "within one sigma. Neighbouring filled months share much of their error, as neighbouring cells do."
    )
    rows = [
        [place, int(months), float(ratio), f"{100 * share:.0f} %" if months else None]
        for place, months, ratio, share in zip(PLACES, calibration.months, calibration.ratios, calibration.coverage)
    ]
    header = ["place", "hidden months", "sigma / variability", "within 1 sigma"]
    figures = [draw(_sigma_map(result), "Root mean square of sigma over the filled months.")]
    return Section("Sigma", [text], figures, [Table("Sigma by place in the gap", header, rows)])


def _sigma_map(result: FilledStack) -> Chart:
    filled = np.isfinite(result.sigma.values)
    squares = np.where(filled, result.sigma.values, 0.0).astype(np.float64) ** 2
    count = filled.sum(axis=0)
    field = np.where(count > 0, np.sqrt(squares.sum(axis=0) / np.maximum(count, 1)), np.nan)
    west, south, east, north = result.sigma.grid.bounds
    chart = Chart(figsize=(7, 4.5), layout="constrained")
    axes = chart.subplots()
    image = axes.imshow(field, extent=(west, east, south, north), cmap="YlOrRd", interpolation="nearest", vmin=0)
    axes.set(xlabel="longitude", ylabel="latitude")
    chart.colorbar(image, label=f"sigma ({result.sigma.unit})")
    return chart


def _months(result: FilledStack) -> Section:
    stack = result.filled
    return Section(
        "Months",
        [
            f"Filled: {name_runs(stack.named(FILLED))}.",
            f"Still missing, as nothing is extrapolated beyond the record: {name_runs(stack.named(MISSING))}.",
        ],
    )
