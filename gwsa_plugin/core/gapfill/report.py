"""HTML report of gap filling: skill, selected methods, examples and sigma."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure as Chart
from matplotlib.image import AxesImage
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from ..base.months import decimal_years, name_runs
from ..base.nan_mean import nan_mean
from ..base.progress import SILENT, Progress
from ..files.html_report import Section, Table, draw, write_report
from ..files.stack import FILLED, MISSING
from .artificial_gaps import GapScore
from .fill import FLAG_FILLED, FilledStack
from .methods import AUTO, BASELINE_METHOD, METHOD_NAMES, METHODS, SSA
from .uncertainty import ONE_SIGMA, POSITIONS

BLUE = "#2b83ba"
ORANGE = "#e66101"
METHOD_COLOURS = ("#c9d9e8", "#1b7837", "#762a83", "#fdb863", "#969696")  # one for each of METHODS
# Example cells by the quantile of their standard deviation.
EXAMPLES = {"low": 0.1, "median": 0.5, "high": 0.9}


def write_fill_report(path: str | Path, result: FilledStack, progress: Progress = SILENT) -> None:
    """Write a self-contained HTML report atomically.

    Parameters
    ----------
    path : str or Path
    result : FilledStack
    progress : Progress, optional
        Checked for cancellation after each section.
    """
    title = f"Filled gaps of {result.filled.variable}"
    write_report(path, title, verdict(result), _sections(result), progress)


def _sections(result: FilledStack) -> Iterator[Section]:
    yield _skill(result)
    yield from _choice(result)
    yield _examples(result)
    yield _sigma(result)
    yield _months(result)


def verdict(result: FilledStack) -> str:
    """Summarise the filled months and compare the errors of the method and of trend and seasons.

    Parameters
    ----------
    result : FilledStack

    Returns
    -------
    str
    """
    count = int((result.marks == FLAG_FILLED).any(axis=0).sum())
    lead = f"{count} months are filled. Method: {METHOD_NAMES[result.options.method]}."
    by_kind = _scores_by_kind(result.scores)
    if result.options.method == BASELINE_METHOD or not by_kind:
        return lead
    compared = [
        f"{own.rmse:.2f} against {baseline.rmse:.2f} cm for {kind} "
        f"(NSE {own.nse:.2f} against {baseline.nse:.2f})"
        for kind, (own, baseline) in by_kind.items()
    ]
    return (
        f"{lead} RMSE in artificial gaps, against that of trend and seasons alone: "
        f"{' and '.join(compared)}."
    )


def _scores_by_kind(scores: tuple[GapScore, ...]) -> dict[str, tuple[GapScore, GapScore]]:
    """Return for each kind the score of the method, then that of trend and seasons alone."""
    by_kind: dict[str, list[GapScore]] = {}
    for score in scores:
        by_kind.setdefault(score.kind, []).append(score)
    return {
        kind: (own[0], next(score for score in own if score.method == BASELINE_METHOD))
        for kind, own in by_kind.items()
    }


def _skill(result: FilledStack) -> Section:
    if not result.scores:
        return Section(
            "Skill",
            ["There are no artificial gaps: there is no gap to fill, or the record is too short."],
        )
    text = (
        "Observed months were withheld, filled as if they were missing, and compared with the "
        "observations. These artificial gaps are contiguous blocks, two at a time, and scattered "
        "short gaps. NSE is the Nash-Sutcliffe efficiency: 1 for a perfect fill and 0 for one as "
        "good as the mean. The table gives its median over the series."
    )
    rows = [
        [score.kind, METHOD_NAMES[score.method], score.months, score.rmse, score.nse]
        for score in result.scores
    ]
    header = ["artificial gaps", "method", "months", "RMSE (cm)", "NSE"]
    table = Table("Errors in artificial gaps", header, rows)
    return Section("Skill", [text, _settings(result)], tables=[table])


def _settings(result: FilledStack) -> str:
    options = result.options
    if options.method == AUTO:
        return "Each selection is scored in artificial gaps that were not used to make it."
    if options.method not in SSA:
        return "The method has no parameters."
    return (
        f"Window {options.window} months, {options.components} components, tolerance "
        f"{options.tolerance:g}."
    )


def _choice(result: FilledStack) -> list[Section]:
    if not result.chosen:
        return []
    text = (
        "Each distinct series has, for each kind of gap, the method, window and number of "
        "components with the smallest error in artificial gaps. Red noise about trend and seasons "
        "is replaced only by a method that is better by more than one standard error. The less the "
        "series differ from each other, the more weight the errors of all series have."
    )
    kinds = [f"{kind} gaps" for kind in result.chosen]
    header = ["method", *kinds, "window (months)", "components"]
    figures = [draw(_choice_map(result), "Long gaps are those of more than two months.")]
    table = Table("Fraction of the series", header, _choice_rows(result))
    return [Section("Selected methods", [text], figures, [table])]


def _choice_rows(result: FilledStack) -> list[list]:
    """List for each method its fraction of the series and its settings."""
    chosen = {
        kind: [options for options in by_series if options]
        for kind, by_series in result.chosen.items()
    }
    rows: list[list] = []
    for method in METHODS:
        own = [options for kind in chosen.values() for options in kind if options.method == method]
        if not own:
            continue
        fractions = [
            f"{np.mean([options.method == method for options in kind]):.0%}"
            for kind in chosen.values()
        ]
        windows = _range([options.window for options in own])
        components = _range([options.components for options in own])
        settings = [windows, components] if method in SSA else [None, None]
        rows.append([METHOD_NAMES[method], *fractions, *settings])
    return rows


def _range(numbers: list[int]) -> str:
    low = min(numbers)
    high = max(numbers)
    return str(low) if low == high else f"{low} to {high}, median {np.median(numbers):.0f}"


def _choice_map(result: FilledStack) -> Chart:
    colours = ListedColormap(METHOD_COLOURS)
    numbers = {method: number for number, method in enumerate(METHODS)}
    chart = Chart(figsize=(10, 5), layout="constrained")
    panels = chart.subplots(1, len(result.chosen), sharey=True)
    limits = {"vmin": -0.5, "vmax": len(METHODS) - 0.5}
    for axes, (kind, by_series) in zip(panels, result.chosen.items()):
        series = np.array([numbers[options.method] if options else np.nan for options in by_series])
        _draw_map(axes, series[result.cells], result, cmap=colours, **limits)
        axes.set_title(f"{kind} gaps", loc="left", fontsize=10)
    present = {
        options.method for by_series in result.chosen.values() for options in by_series if options
    }
    patches = [
        Patch(color=colours(numbers[name]), label=METHOD_NAMES[name])
        for name in METHODS
        if name in present
    ]
    panels[0].legend(
        handles=patches, loc="upper left", bbox_to_anchor=(0, -0.15), fontsize=9, frameon=False
    )
    return chart


def _draw_map(axes: Axes, field: np.ndarray, result: FilledStack, **look) -> AxesImage:
    west, south, east, north = result.filled.grid.bounds
    axes.set(xlabel="longitude", ylabel="latitude")
    return axes.imshow(field, extent=(west, east, south, north), interpolation="nearest", **look)


def _examples(result: FilledStack) -> Section:
    series = np.flatnonzero(np.isfinite(result.values).any(axis=1))
    if not series.size:
        return Section("Examples")
    order = series[np.argsort(np.nanstd(result.values[series], axis=1), kind="stable")]
    picked = {
        name: order[round(quantile * (order.size - 1))] for name, quantile in EXAMPLES.items()
    }
    chart = Chart(figsize=(10, 7.5), layout="constrained")
    grid = result.filled.grid
    for axes, (name, number) in zip(chart.subplots(len(picked), sharex=True), picked.items()):
        _draw_series(axes, result, number)
        row, column = np.argwhere(result.cells == number)[0]
        place = f"{grid.latitudes[row]:.3f}°, {grid.longitudes[column]:.3f}°"
        title = f"Cell of {name} variability, latitude and longitude {place}"
        axes.set_title(title, loc="left", fontsize=10)
        axes.set_ylabel(f"{result.filled.variable} ({result.filled.unit})")
    chart.axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    chart.axes[0].legend(loc="lower left", ncols=3, fontsize=8, frameon=False)
    caption = "Filled months in orange with one and two sigma."
    return Section("Examples", figures=[draw(chart, caption)])


def _draw_series(axes: Axes, result: FilledStack, number: int) -> None:
    years = decimal_years(result.filled.months)
    values = result.values[number]
    sigmas = result.sigmas[number]
    new = result.marks[number] == FLAG_FILLED
    axes.plot(years, np.where(new, np.nan, values), ".-", color=BLUE, ms=4, lw=1, label="observed")
    two_sigma = {"fmt": "none", "ecolor": ORANGE, "elinewidth": 0.7, "alpha": 0.6}
    axes.errorbar(years[new], values[new], 2 * sigmas[new], **two_sigma)
    one_sigma = {"fmt": "o", "color": ORANGE, "ms": 4, "elinewidth": 1.8}
    axes.errorbar(years[new], values[new], sigmas[new], label="filled, 1 and 2 sigma", **one_sigma)
    axes.plot(years, values, color="0.7", lw=0.8, zorder=0)
    axes.grid(alpha=0.25)


def _sigma(result: FilledStack) -> Section:
    calibration = result.calibration
    if calibration is None:
        return Section("Sigma", ["The filled months have no sigma."])
    text = (
        "Sigma of a filled month is the variability of its series about trend and seasons times a "
        "ratio for its position in the gap. The ratio is set so that sigma contains "
        f"{100 * ONE_SIGMA:.0f} % of the errors in artificial gaps. With ratios from the other "
        f"folds, {100 * calibration.overall:.0f} % of the errors are within one sigma. The errors "
        "of neighbouring filled months are correlated, and so are those of neighbouring cells."
    )
    rows = [
        [position, int(months), float(ratio), f"{100 * coverage:.0f} %" if months else None]
        for position, months, ratio, coverage in zip(
            POSITIONS, calibration.months, calibration.ratios, calibration.coverage
        )
    ]
    header = ["position", "artificial months", "sigma / variability", "within 1 sigma"]
    figures = [draw(_sigma_map(result), "Root mean square of sigma over the filled months.")]
    return Section("Sigma", [text], figures, [Table("Sigma by position in the gap", header, rows)])


def _sigma_map(result: FilledStack) -> Chart:
    size = np.sqrt(nan_mean(result.sigmas.T.astype(np.float64) ** 2))
    chart = Chart(figsize=(7, 4.5), layout="constrained")
    axes = chart.subplots()
    image = _draw_map(axes, size[result.cells], result, cmap="YlOrRd", vmin=0)
    chart.colorbar(image, label=f"sigma ({result.filled.unit})")
    return chart


def _months(result: FilledStack) -> Section:
    stack = result.filled
    filled = name_runs(stack.months_with_source(FILLED))
    missing = name_runs(stack.months_with_source(MISSING))
    return Section(
        "Months",
        [
            f"Filled: {filled}.",
            f"Still missing, because nothing is extrapolated beyond the record: {missing}.",
        ],
    )
