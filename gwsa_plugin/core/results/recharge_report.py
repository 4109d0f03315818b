"""HTML report of recharge: the method with its assumptions, a table, and a chart a polygon."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Chart
from matplotlib.ticker import MaxNLocator

from ..base.months import decimal_years, name_runs
from ..base.progress import SILENT, Progress
from ..files.html_report import Figure, Section, Table, draw, write_report
from ..files.stack import FILLED
from .drought_index import CALENDAR
from .polygon_series import KM3_PER_CM_KM2, PolygonSeries
from .recharge import NINETY_PERCENT, Estimate, Recharge, RechargeOptions
from .recharge_tables import status

RISING = "#0b6e99"
FALLING = "#8c510a"
EXTRAPOLATED = "#7a7a7a"
BAND = "#b7d3df"
GAP = "#efe6d5"
# The largest polygons have a chart; more of them would make a file that browsers open slowly.
MOST_CHARTS = 60
DPI = 80
METHOD = (
    "The water-table-fluctuation method (Healy & Cook 2002) on groundwater storage, which needs no "
    "specific yield. Turning points divide the series into rising and falling limbs; smaller "
    "turns than the stated rise are noise. A master recession, the decline of storage as a "
    "straight line over storage and time, is fitted to the falling limbs without their first and "
    "last step. The recharge of a rising limb is its rise plus what the master recession drains "
    "meanwhile (month by month, as Heppner & Nimmo 2005)."
)
ASSUMPTIONS = (
    "It is net recharge: pumping and lateral outflow during a rise reduce it.",
    "Recharge during a decline only slows it and is not counted, means of months smooth a rise, "
    "and rises within the noise are left out. All of these make the estimate too small: it is a "
    "lower bound where groundwater is not pumped. Where recharge arrives in all months, about half "
    "of it is found.",
    "Water that returns after pumping counts as recharge, and pumping in dry months makes the "
    "recession steeper, which is then extrapolated through the rise. Both make the estimate too "
    "large where pumping is seasonal.",
    "GRACE cannot separate an aquifer from its neighbours within its footprint of about 300 km. "
    "Recharge of a smaller polygon contains that of its surroundings (leakage).",
    "The 90 % interval comes from the errors of the months: the sigma of the maps where it is "
    "known, the month-to-month noise of the series otherwise. It does not cover the assumptions "
    "above, nor errors that repeat each year, such as those of the season of soil moisture in a "
    "land model.",
    "Filled months are estimates with a typical season. Years with many of them have typical "
    "rather than observed recharge.",
)


def write_recharge_report(
    path: str | Path,
    series: PolygonSeries,
    estimates: Sequence[Recharge],
    options: RechargeOptions,
    progress: Progress = SILENT,
) -> None:
    """Write a self-contained HTML report atomically.

    Parameters
    ----------
    path : str or Path
    series : PolygonSeries
    estimates : sequence of Recharge
        One for each polygon.
    options : RechargeOptions
    progress : Progress
    """
    sections = [
        Section("Recharge of the polygons", tables=[_table(series, estimates)]),
        Section("Method and assumptions", [METHOD, *ASSUMPTIONS]),
        *_charts(series, estimates, progress),
    ]
    lead = _lead(series, estimates, options)
    write_report(path, "Groundwater recharge from storage", lead, sections)


def _lead(series: PolygonSeries, estimates: Sequence[Recharge], options: RechargeOptions) -> str:
    """The main result in a few sentences."""
    done = [number for number, one in enumerate(estimates) if np.isfinite(one.mean.recharge_cm)]
    period = f"{series.months[0]} to {series.months[-1]}"
    if not done:
        return f"Recharge could not be estimated for any polygon ({period})."
    volumes = [
        estimates[number].mean.recharge_cm
        * float(series.largest_covered_km2[number])
        * KM3_PER_CM_KM2
        for number in done
    ]
    most = done[int(np.argmax([estimates[number].mean.recharge_cm for number in done]))]
    count = f"{len(done)} of {len(estimates)}" if len(done) < len(estimates) else str(len(done))
    polygons = "polygon" if count == "1" else "polygons"
    known = (
        "the sigma of the maps"
        if estimates[most].knows_sigma
        else "the noise of the series, since the sigma of the maps is not known"
    )
    begin = CALENDAR[options.first_month - 1]
    return (
        f"Net recharge of {count} {polygons}, hydrological years from {begin} on, {period}: "
        f"{min(volumes):.2g} to {max(volumes):.2g} km³ a year. The largest depth is "
        f"{estimates[most].mean.recharge_cm:.1f} cm a year in {series.names[most]} (90 % interval "
        f"{_interval(estimates[most].mean)} cm, from {known})."
    )


def _table(series: PolygonSeries, estimates: Sequence[Recharge]) -> Table:
    header = [
        "Polygon", "Recharge (cm/yr)", "90 % interval", "Volume (km³/yr)", "Years",
        "with filled months", "Recession constant (months)", "Smallest rise (cm)", "Remark",
    ]  # fmt: skip
    rows = []
    for number, (name, one) in enumerate(zip(series.names, estimates)):
        area = float(series.largest_covered_km2[number])
        constant = one.recession.constant_months if one.recession else np.nan
        rows.append(
            [
                name,
                one.mean.recharge_cm,
                _interval(one.mean),
                one.mean.recharge_cm * area * KM3_PER_CM_KM2,
                len(one.complete),
                sum(year.filled > 0 for year in one.complete),
                constant if np.isfinite(constant) else np.nan,
                one.least_rise,
                "" if status(one) == "estimated" else status(one),
            ]
        )
    return Table("Means of the complete hydrological years", header, rows)


def _interval(estimate: Estimate) -> str:
    if not np.isfinite(estimate.high_cm):
        return "–"
    return f"{estimate.low_cm:.1f} to {estimate.high_cm:.1f}"


def _charts(
    series: PolygonSeries, estimates: Sequence[Recharge], progress: Progress
) -> list[Section]:
    """A section with a chart for each of the largest polygons that have recharge."""
    areas = series.largest_covered_km2
    usable = [number for number, one in enumerate(estimates) if one.complete]
    shown = sorted(usable, key=lambda number: -areas[number])[:MOST_CHARTS]
    sections = []
    for done, number in enumerate(sorted(shown)):
        progress.advance(done / len(shown))
        sections.append(
            Section(
                series.names[number],
                [_sentence(estimates[number])],
                [_figure(series.names[number], estimates[number])],
            )
        )
    if len(usable) > len(shown):
        title = "Further polygons"
        text = f"Charts are shown for the {len(shown)} largest of {len(usable)} polygons."
        sections.append(Section(title, [text]))
    return sections


def _sentence(estimate: Recharge) -> str:
    filled = estimate.months[np.array(estimate.source) == FILLED]
    recession = estimate.recession
    if recession is None:
        return status(estimate)
    kind = (
        f"a recession constant of {recession.constant_months:.1f} months"
        if recession.rate
        else "a decline that does not depend on storage"
    )
    text = (
        f"{len(estimate.complete)} complete hydrological years, mean "
        f"{estimate.mean.recharge_cm:.1f} cm a year (90 % interval {_interval(estimate.mean)}); "
        f"{kind}, fitted to {recession.steps} steps of {recession.limbs} falling limbs."
    )
    return f"{text} Filled months: {name_runs(filled)}." if filled.size else text


def _figure(name: str, estimate: Recharge) -> Figure:
    chart = Chart(figsize=(11, 5), layout="constrained")
    storage, bars = chart.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [3, 2]})
    _draw_storage(storage, estimate)
    _draw_years(bars, estimate)
    caption = (
        f"{name}: storage with rising and falling limbs and the extrapolated recession, and the "
        "recharge of each hydrological year with its 90 % interval"
    )
    return draw(chart, caption, DPI)


def _draw_storage(axis: Axes, estimate: Recharge) -> None:
    times = decimal_years(estimate.months)
    values = estimate.values
    for place in np.flatnonzero(np.array(estimate.source) == FILLED):
        axis.axvspan(times[place] - 1 / 24, times[place] + 1 / 24, color=GAP, linewidth=0)
    half = NINETY_PERCENT * estimate.sigma
    axis.fill_between(times, values - half, values + half, color=BAND, linewidth=0)
    axis.plot(times, values, color=EXTRAPOLATED, linewidth=0.8)
    recession = estimate.recession
    labels = {True: "rising", False: "falling"}
    label: str | None = "extrapolated recession"
    for limb in estimate.limbs:
        part = slice(limb.start, limb.stop + 1)
        colour = RISING if limb.rises else FALLING
        axis.plot(
            times[part],
            values[part],
            color=colour,
            linewidth=1.8,
            label=labels.pop(limb.rises, None),
        )
        if limb.rises and recession:
            curve = recession.extrapolated(values[limb.start], limb.start, limb.stop - limb.start)
            axis.plot(times[part], curve, "--", color=EXTRAPOLATED, linewidth=1, label=label)
            label = None
    axis.set_ylabel("storage, cm")
    axis.legend(loc="upper right", fontsize=8, ncols=3, frameon=False)
    axis.margins(x=0.01)


def _draw_years(axis: Axes, estimate: Recharge) -> None:
    """Bars over the months of each year; lighter where months were filled."""
    for year in estimate.complete:
        begin, end = decimal_years(np.array([year.first, year.last]))
        middle = (begin + end) / 2
        recharge, _, low, high = year.estimate
        axis.bar(middle, recharge, 0.8, color=RISING, alpha=0.45 if year.filled else 1)
        if np.isfinite(high):
            axis.plot([middle, middle], [low, high], color="#1d2b36", linewidth=1)
    axis.axhline(0, color=EXTRAPOLATED, linewidth=0.8)
    axis.set_ylabel("recharge, cm/yr")
    axis.set_xlabel("year; pale where months were filled")
    axis.xaxis.set_major_locator(MaxNLocator(nbins=12, integer=True))
