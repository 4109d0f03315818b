"""The report of a gap filling: how good it is against the baseline, what it looks like, how sure it is."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure as Chart
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from ..base.months import decimal_years, name_runs
from ..files.html_report import Section, Table, draw, write_report
from ..files.stack import FILLED, MISSING, nan_mean
from .artificial_gaps import GapScore
from .fill import FLAG_FILLED, FilledStack
from .methods import AUTO, BASELINE_METHOD, METHOD_NAMES, METHODS, SSA
from .uncertainty import ONE_SIGMA, PLACES

BLUE, ORANGE = "#2b83ba", "#e66101"
METHOD_COLOURS = ("#c9d9e8", "#1b7837", "#762a83", "#fdb863", "#969696")  # one for each of METHODS
EXAMPLES = {
    "calm": 0.1,
    "typical": 0.5,
    "lively": 0.9,
}  # quantiles of the series' standard deviations


def write_fill_report(path, result: FilledStack) -> None:
    """Self-contained HTML of a ``FilledStack``, whole or not at all."""
    sections = [
        _skill(result),
        *_choice(result),
        _examples(result),
        _certainty(result),
        _months(result),
    ]
    write_report(path, f"Gaps of {result.filled.variable} filled", verdict(result), sections)


def verdict(result: FilledStack) -> str:
    """What was filled, and whether the method earns its place beside the baseline."""
    count = int((result.marks == FLAG_FILLED).any(axis=0).sum())
    lead = f"{count} months are filled. Method: {METHOD_NAMES[result.options.method]}."
    by_kind = _by_kind(result.scores)
    if result.options.method == BASELINE_METHOD or not by_kind:
        return lead
    compared = [
        f"{own.rmse:.2f} against {baseline.rmse:.2f} for {kind} (NSE {own.nse:.2f} against {baseline.nse:.2f})"
        for kind, (own, baseline) in by_kind.items()
    ]
    return (
        f"{lead} Its RMSE on hidden months against that of the baseline: {' and '.join(compared)}."
    )


def _by_kind(scores: tuple[GapScore, ...]) -> dict[str, tuple[GapScore, GapScore]]:
    """The method's own score, which comes first, and the baseline's."""
    kinds = dict.fromkeys(one.kind for one in scores)
    of_kind = {kind: [one for one in scores if one.kind == kind] for kind in kinds}
    return {
        kind: (those[0], next(one for one in those if one.method == BASELINE_METHOD))
        for kind, those in of_kind.items()
    }


def _skill(result: FilledStack) -> Section:
    if not result.scores:
        return Section(
            "Skill", ["Nothing could be hidden: there is no gap, or the record is too short."]
        )
    text = (
        "Observed months were hidden, filled as if they were missing, and compared with what was there: contiguous "
        "blocks, two at a time, and scattered short gaps. NSE is the Nash-Sutcliffe efficiency, 1 for a perfect fill "
        "and 0 for one no better than the mean; the table gives its median over the series."
    )
    rows = [
        [one.kind, METHOD_NAMES[one.method], one.months, one.rmse, one.nse] for one in result.scores
    ]
    header = ["hidden", "method", "months", "RMSE (cm)", "NSE"]
    return Section(
        "Skill", [text, _settings(result)], tables=[Table("Errors on hidden months", header, rows)]
    )


def _settings(result: FilledStack) -> str:
    options = result.options
    if options.method == AUTO:
        return "The choice that is scored on some hidden months was made without them."
    if options.method not in SSA:
        return "The method has no parameters."
    return f"Window {options.window} months, {options.components} components, tolerance {options.tolerance:g}."


def _choice(result: FilledStack) -> list[Section]:
    if not result.chosen:
        return []
    text = (
        "For every distinct series and each kind of gap, the method, window and number of components with the smallest "
        "error on hidden months. A method takes the place of red noise about trend and seasons only where it is better "
        "by more than one standard error; the less the series truly differ, the more the evidence of all of them "
        "counts."
    )
    header = [
        "method",
        *(f"{kind} gaps" for kind in result.chosen),
        "window (months)",
        "components",
    ]
    figures = [draw(_choice_map(result), "Long gaps are those of more than two months.")]
    return [
        Section(
            "Which method where",
            [text],
            figures,
            [Table("Share of the series", header, _rows(result))],
        )
    ]


def _rows(result: FilledStack) -> list[list]:
    """Of each method: its share of the series for each kind of gap, and the settings it was chosen with."""
    chosen = {kind: [one for one in options if one] for kind, options in result.chosen.items()}
    rows = []
    for method in METHODS:
        its = [one for options in chosen.values() for one in options if one.method == method]
        shares = [
            f"{np.mean([one.method == method for one in options]):.0%}"
            for options in chosen.values()
        ]
        settings = [_span([getattr(one, name) for one in its]) for name in ("window", "components")]
        if its:
            rows.append(
                [METHOD_NAMES[method], *shares, *(settings if method in SSA else [None, None])]
            )
    return rows


def _span(numbers: list[int]) -> str:
    low, high = min(numbers, default=0), max(numbers, default=0)
    return str(low) if low == high else f"{low} to {high}, median {np.median(numbers):.0f}"


def _choice_map(result: FilledStack) -> Chart:
    colours, numbers = (
        ListedColormap(METHOD_COLOURS),
        {method: number for number, method in enumerate(METHODS)},
    )
    chart = Chart(figsize=(10, 5), layout="constrained")
    panels = chart.subplots(1, len(result.chosen), sharey=True)
    for axes, (kind, options) in zip(panels, result.chosen.items()):
        series = np.array([numbers[one.method] if one else np.nan for one in options])
        _draw_map(
            axes, series[result.cells], result, cmap=colours, vmin=-0.5, vmax=len(METHODS) - 0.5
        )
        axes.set_title(f"{kind} gaps", loc="left", fontsize=10)
    present = {one.method for options in result.chosen.values() for one in options if one}
    patches = [
        Patch(color=colours(numbers[name]), label=METHOD_NAMES[name])
        for name in METHODS
        if name in present
    ]
    panels[0].legend(
        handles=patches, loc="upper left", bbox_to_anchor=(0, -0.15), fontsize=9, frameon=False
    )
    return chart


def _draw_map(axes, field: np.ndarray, result: FilledStack, **look):
    west, south, east, north = result.filled.grid.bounds
    axes.set(xlabel="longitude", ylabel="latitude")
    return axes.imshow(field, extent=(west, east, south, north), interpolation="nearest", **look)


def _examples(result: FilledStack) -> Section:
    series = np.flatnonzero(np.isfinite(result.values).any(axis=1))
    if not series.size:
        return Section("Examples")
    order = series[np.argsort(np.nanstd(result.values[series], axis=1), kind="stable")]
    picked = {name: order[round(place * (order.size - 1))] for name, place in EXAMPLES.items()}
    chart = Chart(figsize=(10, 7.5), layout="constrained")
    grid = result.filled.grid
    for axes, (name, number) in zip(chart.subplots(len(picked), sharex=True), picked.items()):
        _draw_series(axes, result, number)
        row, column = np.argwhere(result.cells == number)[0]
        place = f"{grid.latitudes[row]:.3f}°, {grid.longitudes[column]:.3f}°"
        axes.set_title(f"A {name} cell, latitude and longitude {place}", loc="left", fontsize=10)
        axes.set_ylabel(f"{result.filled.variable} ({result.filled.unit})")
    chart.axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    chart.axes[0].legend(loc="lower left", ncols=3, fontsize=8, frameon=False)
    return Section(
        "Examples", figures=[draw(chart, "Filled months in orange with one and two sigma.")]
    )


def _draw_series(axes, result: FilledStack, number: int) -> None:
    years, values, sigmas = (
        decimal_years(result.filled.months),
        result.values[number],
        result.sigmas[number],
    )
    new = result.marks[number] == FLAG_FILLED
    axes.plot(years, np.where(new, np.nan, values), ".-", color=BLUE, ms=4, lw=1, label="observed")
    axes.errorbar(
        years[new],
        values[new],
        2 * sigmas[new],
        fmt="none",
        ecolor=ORANGE,
        elinewidth=0.7,
        alpha=0.6,
    )
    axes.errorbar(
        years[new],
        values[new],
        sigmas[new],
        fmt="o",
        color=ORANGE,
        ms=4,
        elinewidth=1.8,
        label="filled, 1 and 2 sigma",
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
        for place, months, ratio, share in zip(
            PLACES, calibration.months, calibration.ratios, calibration.coverage
        )
    ]
    header = ["place", "hidden months", "sigma / variability", "within 1 sigma"]
    figures = [draw(_sigma_map(result), "Root mean square of sigma over the filled months.")]
    return Section("Sigma", [text], figures, [Table("Sigma by place in the gap", header, rows)])


def _sigma_map(result: FilledStack) -> Chart:
    size = np.sqrt(nan_mean(result.sigmas.T.astype(np.float64) ** 2))
    chart = Chart(figsize=(7, 4.5), layout="constrained")
    axes = chart.subplots()
    image = _draw_map(axes, size[result.cells], result, cmap="YlOrRd", vmin=0)
    chart.colorbar(image, label=f"sigma ({result.filled.unit})")
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
