"""HTML report of a comparison of two products: what is compared, maps, regions, wells, limits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure as Chart

from ..base.progress import SILENT, Progress
from ..files.html_report import Figure, Section, Table, draw, write_report
from ..wells.detail import percent
from .comparison import Comparison
from .comparison_scores import (
    BIAS,
    CORRELATION,
    OFFSET,
    RESIDUAL_CORRELATION,
    RMSE,
    TREND,
    UNITS,
    RegionScore,
)
from .comparison_summary import lead, range_text, share_text
from .comparison_wells import LEAST_IN_MASCON, Improvement, WellScores
from .comparison_windows import PERCENTILES

TITLES = {
    BIAS: "Bias",
    CORRELATION: "Correlation r",
    RESIDUAL_CORRELATION: "r without season and trend",
    RMSE: "RMSE",
    TREND: "Trend difference",
}
COLOURS = ("#0b6e99", "#d98324")
DARK, GREY = "#1d2b36", "#b0b8be"
# Regions and mascons that are listed.
MOST_LISTED = 60
LIMITS = Section(
    "Limitations",
    [
        "Differences are first minus other. r and RMSE contain season and trend: a high r can come "
        "from a common season alone, which r without season and trend shows, and a low RMSE from "
        "small amplitudes.",
        "GRACE resolves about 300 km. Neighbouring cells are not independent: the shares of area "
        "above are descriptions, not tests.",
        "p is that of a trend of the difference of the two mean series (Mann-Kendall test of Hamed "
        "and Rao 1998). It allows for autocorrelation, but not for errors that both share.",
    ],
)
WELL_METHOD = (
    "A well is improved where the monthly series of a field has a higher r with the storage of "
    "the well, or a smaller RMSE after removal of both means, than that of the rival. All fields "
    "are compared in the same months. Wells near each other are not independent: the 90 % "
    "intervals are a bootstrap over blocks of wells that are at least as wide as the footprint of "
    "GRACE, over four origins of the blocks. r does not depend on the specific yield; the RMSE "
    "does, and a wrong specific yield can prefer either field. A map that only interpolates the "
    "coarse field improves wells over its steps too: what the detail adds shows in the comparison "
    "with the interpolated field."
)
MASCON_METHOD = (
    "The gain of a mascon is 1 - RMSE(map) / RMSE(coarse field) over all months of the wells in "
    "it. It is a figure at these wells, not of the area of the mascon: GRACE observes one series "
    "for it, so that the gain is that of what the map adds inside. Few wells decide it, their "
    "specific yields enter it, and neighbouring mascons share a footprint. Therefore it has no "
    "interval and is no test by itself."
)


def write_comparison_report(
    path: str | Path,
    comparison: Comparison,
    independence: str,
    wells: WellScores | None,
    progress: Progress = SILENT,
) -> None:
    """Write a self-contained HTML report atomically.

    Parameters
    ----------
    path : str or Path
    comparison : Comparison
    independence : str
        From ``comparison_origin.independence``.
    wells : WellScores or None
        None without wells.
    progress : Progress, optional
        Checked for cancellation after each section.
    """
    title = f"{comparison.first} against {comparison.other}"
    first = f"{lead(comparison, wells)} {independence}"
    write_report(path, title, first, _sections(comparison, wells), progress)


def _sections(comparison: Comparison, wells: WellScores | None) -> Iterator[Section]:
    yield Section("What is compared", list(comparison.notes))
    yield _maps(comparison)
    yield _regions(comparison)
    if wells:
        yield _wells(wells)
        if wells.mascons:
            yield _mascons(wells)
    yield LIMITS


def _maps(comparison: Comparison) -> Section:
    rows = [
        [f"{TITLES[name]}{_unit(name)}", one.mean, *one.percentiles, f"{one.area_km2:,.0f}"]
        for name, one in comparison.summaries.items()
    ]
    header = ["Score", "mean", *(f"{q} %" for q in PERCENTILES), "km²"]
    thinned = (
        f" Percentiles and pictures are from one of {comparison.step} rows and columns; the means "
        "are from all cells."
        if comparison.step > 1
        else ""
    )
    return Section(
        "Maps",
        [f"Each cell is weighted by its area.{thinned}"],
        [_map_figure(comparison)],
        [Table("Distribution of the scores over the area", header, rows)],
    )


def _map_figure(comparison: Comparison) -> Figure:
    names = list(comparison.kept)
    west, south, east, north = comparison.grid.bounds
    aspect = 1 / max(np.cos(np.radians((south + north) / 2)), 0.2)
    height = np.clip(5.0 * (north - south) * aspect / (east - west), 1.6, 6.0)
    rows = -(-len(names) // 2)
    chart = Chart(figsize=(10.5, rows * (height + 0.5)), layout="constrained")
    axes = chart.subplots(rows, 2, squeeze=False)
    for axis, name in zip(axes.flat, names):
        values = comparison.kept[name]
        finite = np.abs(values[np.isfinite(values)])
        edge = max(float(np.percentile(finite, 98)), 1e-3) if finite.size else 1.0
        look = {"cmap": "BrBG", "vmin": -edge, "vmax": edge}
        if name in (CORRELATION, RESIDUAL_CORRELATION):
            look = {"cmap": "PuOr", "vmin": -1, "vmax": 1}
        if name == RMSE:
            look = {"cmap": "Purples", "vmin": 0, "vmax": edge}
        picture = axis.imshow(
            values,
            extent=(west, east, south, north),
            aspect=aspect,
            interpolation="nearest",
            **look,
        )
        axis.set_facecolor("#eceff1")
        axis.set_title(TITLES[name], fontsize=10)
        chart.colorbar(picture, ax=axis, label=_unit(name).strip(" ()") or "r", shrink=0.8)
    for axis in axes.flat[len(names) :]:
        axis.set_visible(False)
    return draw(
        chart,
        f"{comparison.first} minus {comparison.other}. Bias and trend difference: blue-green where "
        "the first is higher or rises more. Correlation: purple is positive. Grey: not compared.",
    )


def _regions(comparison: Comparison) -> Section:
    header = [
        "Region", "km² compared", "offset removed", "bias", "r", "RMSE", "trend first",
        "trend other", "difference", "p", "mean r of cells",
    ]  # fmt: skip
    rows = [_region_row(region) for region in comparison.regions[:MOST_LISTED]]
    text = (
        "Scores of the area-weighted mean series of each region; cm and cm/yr. The offset is that "
        "of the means in the baseline, first minus other, which was subtracted before all other "
        "scores. The mean of a region hides differences inside it: compare its r with the mean r "
        "of its cells."
    )
    more = len(comparison.regions) - MOST_LISTED
    listed = f" {more} more regions are in TABLE." if more > 0 else ""
    return Section(
        "Regions", [text + listed], [_series(comparison)], [Table("Regions", header, rows)]
    )


def _region_row(region: RegionScore) -> list:
    return [
        region.name,
        f"{region.compared_km2:,.0f}",
        region.cells.get(OFFSET, np.nan),
        region.bias,
        region.correlation,
        region.rmse,
        region.trend_first,
        region.trend_other,
        region.trend_difference,
        _p_text(region.p_difference),
        region.cells.get(CORRELATION, np.nan),
    ]


def _p_text(p: float) -> str | None:
    if np.isnan(p):
        return None
    return f"{p:.3f}" if p >= 0.001 else "< 0.001"


def _series(comparison: Comparison) -> Figure:
    chart = Chart(figsize=(10.5, 3.6), layout="constrained")
    axis = chart.subplots()
    months = comparison.periods.months
    every = np.arange(months[0], months[-1] + 1)
    for name, values, colour in zip(
        (comparison.first, comparison.other), comparison.series, COLOURS
    ):
        # A gap is a gap in the line.
        line = np.full(every.size, np.nan)
        line[(months - months[0]).astype(int)] = values
        axis.plot(every.astype("datetime64[D]"), line, color=colour, linewidth=1.4, label=name)
    baseline = comparison.periods.baseline.astype("datetime64[D]")
    if not comparison.periods.in_baseline.all():
        axis.axvspan(baseline[0], baseline[-1], color=GREY, alpha=0.25, label="baseline")
    axis.axhline(0, color=GREY, linewidth=0.8)
    axis.set_ylabel("cm")
    axis.legend(ncol=3, fontsize=8, frameon=False, loc="lower right", bbox_to_anchor=(1, 1))
    return draw(chart, "Area-weighted mean over the complete common area, cm")


def _wells(wells: WellScores) -> Section:
    rows = [
        [
            one.field,
            one.rival,
            one.measure,
            f"{share_text(one.share)}{range_text(one.share)}",
            _change(one),
            one.unchanged,
        ]
        for one in wells.improvements
    ]
    header = ["Field", "over", "in", "improved wells", "median change", "unchanged"]
    levels = [[name, *values] for name, values in wells.medians.items()]
    left_out = ", ".join(f"{count} {reason}" for reason, count in wells.left_out.items()) or "none"
    few = f" There are no intervals: {wells.too_few}." if wells.too_few else ""
    paragraphs = [
        WELL_METHOD,
        f"{wells.longitude.size} of {wells.given} wells in {wells.blocks} blocks of "
        f"{wells.width_km:.0f} km (left out: {left_out}).{few} An interval of a share that "
        "contains 50 % does not show which of the two fields is closer to the wells.",
    ]
    tables = [
        Table("Improved wells, with 90 % intervals", header, rows),
        Table("Agreement of the monthly series", ["Field", "median r", "median RMSE (cm)"], levels),
    ]
    return Section("Wells", paragraphs, _well_map(wells), tables)


def _change(one: Improvement) -> str:
    """The median change: of r, or of the RMSE in per cent."""
    values = one.change
    if one.measure == "r":
        texts = [f"{value:+.3f}" for value in values]
    else:
        texts = [f"{percent(value)} %" if np.isfinite(value) else "" for value in values]
    return texts[0] if np.isnan(values.lower) else f"{texts[0]} ({texts[1]} to {texts[2]})"


def _well_map(wells: WellScores) -> list[Figure]:
    """Map of the change of r over the first rival; none where no well has one."""
    field, rival = wells.improvements[0].field, wells.improvements[0].rival
    change = wells.agreement[field].r - wells.agreement[rival].r
    known = np.isfinite(change)
    if not known.any():
        return []
    longitude, latitude, change = wells.longitude[known], wells.latitude[known], change[known]
    edge = max(float(np.percentile(np.abs(change), 95)), 0.01)
    chart = Chart(figsize=(6.5, 4.2), layout="constrained")
    axis = chart.subplots()
    points = axis.scatter(
        longitude, latitude, s=min(24, max(4, 8000 / change.size)), c=change,
        cmap="PuOr", vmin=-edge, vmax=edge, edgecolors=DARK, linewidths=0.3,
    )  # fmt: skip
    axis.set_aspect(1 / max(np.cos(np.radians(latitude.mean())), 0.2))
    axis.set(xlabel="longitude", ylabel="latitude")
    chart.colorbar(points, ax=axis, label="change of r", extend="both", shrink=0.85)
    return [draw(chart, f"r of {field} minus r of {rival} at each well; purple: higher")]


def _mascons(wells: WellScores) -> Section:
    many = [one for one in wells.mascons if one.wells >= LEAST_IN_MASCON]
    positive = sum(one.gain > 0 for one in many)
    rows = [
        [one.number, one.longitude, one.latitude, one.wells, one.values, f"{percent(one.gain)} %"]
        for one in wells.mascons[:MOST_LISTED]
        if np.isfinite(one.gain)
    ]
    header = ["Mascon", "longitude", "latitude", "wells", "months of wells", "gain"]
    count = (
        f"{positive} of {len(many)} mascons with at least {LEAST_IN_MASCON} wells have a gain "
        "above 0."
    )
    return Section(
        "Gain by mascon", [MASCON_METHOD, count], [], [Table("Mascons with wells", header, rows)]
    )


def _unit(name: str) -> str:
    return "" if UNITS[name] == "1" else f" ({UNITS[name]})"
