"""HTML report of the series of polygons: what changed, how sure that is, and a chart for each."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Chart

from ..base.months import decimal_years
from ..base.nan_mean import nan_mean
from ..files.html_report import Section, Table, draw, write_report
from .polygon_series import KM3_PER_CM_KM2, PolygonSeries
from .series_table import by_covered_area, polygon_columns, statements
from .storage_trends import StorageTrends

BLUE = "#0b6e99"
ORANGE = "#d98324"
GREY = "#d5dade"
INK = "#22303a"
# Of the chart in a print layout, inches.
LAYOUT_SIZE = (205 / 25.4, 43 / 25.4)
# Polygons with a chart in the report, the largest ones.
MOST_CHARTS = 100
METHOD = (
    "Means are weighted with the area of the pixels. The trend is the Theil-Sen slope of the "
    "deseasonalised series. Its 90 % interval is about the change in this period: it contains the "
    "noise of the months, detail that GRACE does not resolve, and trends that leak into and out of "
    "the polygon. It is not known without a sigma of the maps, at their edge, and for maps that "
    "are hardly wider than the footprint of GRACE. Errors that the sigma of the maps does not "
    "contain, such as those of the land model's trends, are not in it. The p-value is that of the "
    "Hamed-Rao test, which asks whether a series without a trend could look like this."
)


LEGEND = (
    "Above, the monthly mean with its standard error, and the trend in orange; months in grey were "
    "filled or have no value. Below, the mean of twelve months less the first one."
)


def write_series_report(
    path: str | Path, series: PolygonSeries, trends: StorageTrends, tags: Mapping[str, str]
) -> None:
    """Write a self-contained HTML report atomically.

    Parameters
    ----------
    path : str or Path
    series : PolygonSeries
    trends : StorageTrends
    tags : mapping of str to str
        Tags of the maps, which state the evidence for their detail.
    """
    columns = polygon_columns(series, trends)
    sentences = statements(columns, series.names)
    present = by_covered_area(series)
    charts = [
        draw(_chart(series, trends, index), sentences[index]) for index in present[:MOST_CHARTS]
    ]
    left = len(present) - len(charts)
    legend = [LEGEND]
    if left:
        legend.append(f"The {left} smallest polygons have no chart; the table has them.")
    sections = [
        Section("How this was computed", [METHOD, *_evidence(tags)]),
        Section("Series", legend, figures=charts),
        Section("All polygons", tables=[_table(series, columns, present)]),
    ]
    lead = " ".join(sentences[index] for index in present[:3])
    write_report(path, "Groundwater storage of polygons", lead, sections)


def _evidence(tags: Mapping[str, str]) -> list[str]:
    """Sentences on the 1 km detail of the maps; none for other products."""
    detail = tags.get("GWSA_DETAIL")
    if not detail:
        return []
    return [f"1 km detail of the maps: {detail}. {tags.get('GWSA_EVIDENCE', '')}".strip()]


def tip_chart(series: PolygonSeries, trends: StorageTrends, index: int) -> str:
    """Draw the series of one polygon for a map tip.

    Returns
    -------
    str
        Data URI of a small PNG.
    """
    figure = Chart(figsize=(4.2, 1.8))
    _draw_series(figure.subplots(), series, trends, index)
    return draw(figure, "", dpi=80).image


def layout_chart(
    series: PolygonSeries, trends: StorageTrends, index: int, month: np.datetime64
) -> bytes:
    """Draw the series of one polygon for a print layout, with a month marked.

    Parameters
    ----------
    series : PolygonSeries
    trends : StorageTrends
    index : int
        Number of the polygon.
    month : datetime64[M]
        The month of the map.

    Returns
    -------
    bytes
        SVG of 205 x 43 mm whose text is drawn as lines, so that it needs no fonts.
    """
    figure = Chart(figsize=LAYOUT_SIZE, layout="constrained")
    axes = figure.subplots()
    _draw_series(axes, series, trends, index)
    axes.axvline(float(decimal_years(np.array([month]))[0]), color=INK, lw=1)
    axes.axhline(0.0, color="#808080", lw=0.6, zorder=0)
    axes.tick_params(labelsize=8, length=3)
    axes.yaxis.label.set_size(8)
    axes.spines[["top", "right"]].set_visible(False)
    buffer = BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def _chart(series: PolygonSeries, trends: StorageTrends, index: int) -> Chart:
    """The monthly series above, and the change of the yearly mean below."""
    figure = Chart(figsize=(9, 4.6), layout="constrained")
    top, bottom = figure.subplots(2, sharex=True, height_ratios=[3, 2])
    top.set_title(series.names[index], loc="left", fontsize=10)
    _draw_series(top, series, trends, index)
    _draw_change(bottom, series, index)
    return figure


def _draw_series(axes: Axes, series: PolygonSeries, trends: StorageTrends, index: int) -> None:
    years = decimal_years(series.months)
    values = series.mean_cm[index]
    _shade(axes, years, series.filled | ~np.isfinite(values))
    if series.sigma_cm is not None:
        sigma = series.sigma_cm[index]
        axes.fill_between(years, values - sigma, values + sigma, color=BLUE, alpha=0.2, lw=0)
    axes.plot(years, values, color=BLUE, lw=1)
    if np.isfinite(trends.slope[index]):
        known = np.isfinite(values)
        middle = np.median(years[known]), np.mean(values[known])
        line = middle[1] + trends.slope[index] * (years - middle[0])
        axes.plot(years, line, color=ORANGE, lw=1)
    axes.set_ylabel("GWSA (cm)")
    axes.margins(x=0)


def _draw_change(axes: Axes, series: PolygonSeries, index: int) -> None:
    """Running mean of twelve months less the first one, km³."""
    volume = series.mean_cm[index] * series.largest_covered_km2[index] * KM3_PER_CM_KM2
    years = decimal_years(series.months)
    if volume.size < 12:
        return
    windows = np.lib.stride_tricks.sliding_window_view(volume, 12)
    means = nan_mean(windows.T)
    known = np.flatnonzero(np.isfinite(means))
    if known.size:
        axes.plot(years[:-11] + 5.5 / 12, means - means[known[0]], color=BLUE, lw=1.2)
    axes.axhline(0.0, color="#808080", lw=0.6)
    axes.set_ylabel("change (km³)")


def _shade(axes: Axes, years: np.ndarray, marked: np.ndarray) -> None:
    """Shade months that were filled or have no value."""
    for year in years[marked]:
        axes.axvspan(year - 1 / 24, year + 1 / 24, color=GREY, lw=0)


def _table(series: PolygonSeries, columns: dict[str, np.ndarray], present: list[int]) -> Table:
    header = [
        "Polygon", "Area (km²)", "Share with values", "Trend (cm/yr)", "Trend (km³/yr)",
        "Lower limit", "Upper limit", "Change (km³)", "p", "Amplitude (cm)", "Month of maximum",
    ]  # fmt: skip
    names = (
        "area_km2", "share", "trend_cm", "trend_km3", "trend_km3_lower", "trend_km3_upper",
        "change_km3", "p", "amplitude_cm", "peak_month",
    )  # fmt: skip
    rows = [
        [series.names[index], *(float(columns[column][index]) for column in names)]
        for index in present
    ]
    return Table("Limits are those of the 90 % interval of the trend in km³/yr.", header, rows)
