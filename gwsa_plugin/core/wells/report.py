"""The report of a validation: the verdict first, then maps, charts and tables, and what was left out."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure as Chart

from ..files.html_report import Section, Table, draw, write_report
from .scores import (
    FIELDS,
    NAMES,
    TrendScore,
    rmse_gain,
    scaled_yield,
    scores_by_scale,
    uncertain_yield,
)

COLOURS = {"fine": "#0b6e99", "bilinear": "#d98324", "coarse": "#7a7a7a"}
WELL_COLOUR = "#1d2b36"
PUBLISHED = (
    "The published 1 km dataset states R² 0.44 and RMSE 0.51 cm/yr for the trends of 1,518 wells. Those are other "
    "wells, periods and specific yields, so the figures here may stand beside them but do not rank against them."
)
CAVEATS = Section(
    "How far this goes",
    [
        "A well is a point, often near a pump; a pixel is about a square kilometre and rests on a gravity signal of "
        "some 300 km. Part of the disagreement is this difference, not an error of the field, and it shrinks from "
        "wells to coarse cells to aquifers: compare the three scales before judging.",
        "Wells cluster, so the number of independent comparisons is smaller than the number of wells.",
        "Closure against the coarse field is another matter and is in the report of the downscaling.",
    ],
)


def write_well_report(path, validation) -> None:
    """Self-contained HTML of a ``Validation``, whole or not at all."""
    scores = scores_by_scale(validation)
    gains = {rival: rmse_gain(validation, rival) for rival in FIELDS[1:]}
    sections = [
        _trends(validation, scores, gains),
        _map(validation),
        _series(validation),
        _yields(validation),
        _left_out(validation),
        CAVEATS,
    ]
    write_report(
        path, "Groundwater storage against wells", verdict(validation, scores, gains), sections
    )


def verdict(validation, scores: dict[str, dict[str, TrendScore]], gains: dict) -> str:
    """Is the 1 km field closer to the wells than its two rivals, by how much, and does that change with scale."""
    by_scale, scores = scores, scores["well"]
    fine = scores["fine"]
    count = f"At {fine.n} well{'s' if fine.n != 1 else ''} ({validation.months[0]}..{validation.months[-1]})"
    if fine.n < 3:
        return f"{count}, too few to score trends."
    rivals = " and ".join(
        f"{_compared(*gains[name])} the {NAMES[name]} field (R² {scores[name].r2:.2f}, RMSE {scores[name].rmse:.2f})"
        for name in FIELDS[1:]
    )
    best = ", ".join(
        f"{scale}: {NAMES[min(FIELDS, key=lambda name: by_field[name].rmse)]}"
        for scale, by_field in by_scale.items()
        if by_field["fine"].n > 2
    )
    return (
        f"{count} the trends of the 1 km field have R² {fine.r2:.2f} and RMSE {fine.rmse:.2f} cm/yr. It is {rivals}. "
        f"Lowest RMSE by scale: {best}."
    )


def _compared(estimate: float, low: float, high: float) -> str:
    if low > 0:
        return "closer to them than"
    if high < 0:
        return "farther from them than"
    return "no closer or farther, within the noise, than"


def _trends(validation, scores, gains) -> Section:
    rows = [
        [scale, NAMES[name], value.n, value.r2, value.rmse, value.slope, value.bias]
        for scale, by_field in scores.items()
        for name, value in by_field.items()
    ]
    header = ["Scale", "Field", "n", "R²", "RMSE (cm/yr)", "Slope", "Bias (cm/yr)"]
    caption = "Trend of each field against the trend of the well, cm/yr; points beyond the frame lie on its edge"
    gain_text = "; ".join(
        f"{gain:+.3f} cm/yr against {NAMES[name]} (90 % interval {low:+.3f} to {high:+.3f})"
        for name, (gain, low, high) in gains.items()
    )
    return Section(
        "Trends",
        [
            "Theil-Sen slopes of the deseasonalised monthly storage of each well, and of each field at that well in "
            "the same months. R² is the squared Pearson correlation, which does not see a wrong size: read it with the "
            "slope (field on wells, 1 is right), the bias (field minus wells) and the RMSE.",
            f"RMSE that the 1 km field saves: {gain_text}. The intervals come from redrawing whole coarse cells.",
            f"{_significant(validation)} of the {int(validation.used.sum())} wells have a trend that differs from none "
            "(Hamed-Rao Mann-Kendall test, false discovery rate 5 %).",
            PUBLISHED,
        ],
        [draw(_scatter(validation, scores["well"]), caption)],
        [
            Table(
                "Trends, by scale: single wells, means of the wells in a coarse cell, in an aquifer",
                header,
                rows,
            )
        ],
    )


def _significant(validation) -> int:
    return int((validation.q[validation.used] < 0.05).sum())


def _scatter(validation, scores) -> Chart:
    chart = Chart(figsize=(10.5, 3.9), layout="constrained")
    axes = chart.subplots(1, 3, sharex=True, sharey=True)
    well = validation.trend[validation.used]
    fields = {name: trends[validation.used] for name, trends in validation.field_trends.items()}
    edge = _reach(np.concatenate([well, *fields.values()]))
    for axis, name in zip(axes, FIELDS):
        axis.axline((0, 0), slope=1, color="#b0b8be", linewidth=1)
        points = np.clip([well, fields[name]], -edge, edge)
        axis.scatter(
            *points, s=14, alpha=0.6, color=COLOURS[name], linewidths=0, clip_on=False, zorder=3
        )
        figures = (
            f": R² {scores[name].r2:.2f}, RMSE {scores[name].rmse:.2f}" if well.size > 2 else ""
        )
        axis.set(title=NAMES[name] + figures, xlabel="well, cm/yr")
        axis.set(xlim=(-edge, edge), ylim=(-edge, edge), aspect="equal")
    axes[0].set_ylabel("field, cm/yr")
    return chart


def _map(validation) -> Section:
    chart = Chart(figsize=(10.5, 3.9), layout="constrained")
    axes = chart.subplots(1, 3, sharex=True, sharey=True)
    used, wells = validation.used, validation.wells
    longitude, latitude = wells.longitude[used], wells.latitude[used]
    well, fine = validation.trend[used], validation.field_trends["fine"][used]
    edge, size = _reach(well, 95), min(20, max(3, 8000 / well.size))
    panels = {"wells": well, "1 km field": fine, "1 km field minus wells": fine - well}
    for axis, (title, values) in zip(axes, panels.items()):
        axis.plot(
            wells.longitude[~used],
            wells.latitude[~used],
            "x",
            color="#b0b8be",
            markersize=3,
            zorder=1,
        )
        points = axis.scatter(
            longitude, latitude, c=values, s=size, cmap="BrBG", vmin=-edge, vmax=edge,
            edgecolors="#44515b", linewidths=0.3, zorder=2,
        )  # fmt: skip
        axis.set(title=title, xlabel="longitude", xlim=_around(longitude), ylim=_around(latitude))
        axis.set_aspect(1 / np.cos(np.radians(latitude.mean())))
    axes[0].set_ylabel("latitude")
    chart.colorbar(points, ax=axes, label="cm/yr", shrink=0.85, extend="both")
    caption = "Trends, cm/yr; brown: storage falls, or falls faster in the field than in the well; crosses: left out"
    return Section("Where", [], [draw(chart, caption)])


def _series(validation) -> Section:
    rows = []
    for measure, label in (("r", "r"), ("rmse", "RMSE (cm)"), ("kge", "KGE")):
        for name in FIELDS:
            values = getattr(validation.agreement[name], measure)
            rows.append(
                [label, NAMES[name], *np.nanpercentile(values, [10, 25, 50, 75, 90]).tolist()]
            )
    header = ["Measure", "Field", "10 %", "25 %", "median", "75 %", "90 %"]
    return Section(
        "Month by month",
        [
            "Agreement of the monthly anomalies, season included, well by well: the correlation r, the RMSE after both "
            "means are removed, and the Kling-Gupta efficiency without its ratio of means, which anomalies do not have."
        ],
        [
            draw(_histograms(validation), "Correlation r of the monthly series, number of wells"),
            draw(
                _examples(validation),
                "Wells at the 90, 50 and 10 % points of the 1 km field's r, best first",
            ),
        ],
        [Table("Distribution over the wells", header, rows)],
    )


def _histograms(validation) -> Chart:
    chart = Chart(figsize=(10.5, 2.8), layout="constrained")
    axes = chart.subplots(1, 3, sharex=True, sharey=True)
    for axis, name in zip(axes, FIELDS):
        r = validation.agreement[name].r
        r = r[np.isfinite(r)]
        axis.hist(r, bins=np.linspace(-1, 1, 21), color=COLOURS[name])
        if r.size:
            axis.axvline(np.median(r), color=WELL_COLOUR, linewidth=1)
            axis.set_title(f"{NAMES[name]}: median r {np.median(r):.2f}")
        axis.set_xlabel("r")
    axes[0].set_ylabel("wells")
    return chart


def _examples(validation) -> Chart:
    chosen = _example_wells(validation)
    chart = Chart(figsize=(10.5, 2.1 * len(chosen) + 0.4), layout="constrained")
    for axis, i in zip(np.atleast_1d(chart.subplots(len(chosen), 1, sharex=True)), chosen):
        present = np.isfinite(validation.storage[i])
        months = validation.months[present].astype("datetime64[D]")
        axis.plot(
            months,
            validation.storage[i, present],
            "o",
            markersize=2.5,
            color=WELL_COLOUR,
            label="well",
        )
        for name in reversed(FIELDS):
            field = validation.fields[name][i, present]
            axis.plot(months, field, color=COLOURS[name], linewidth=1.3, label=NAMES[name])
        title = f"{validation.wells.ids[i]}: r {validation.agreement['fine'].r[i]:.2f}"
        axis.set_title(title, fontsize=9, loc="left")
        axis.set_ylabel("cm")
    chart.axes[0].legend(
        ncol=4, fontsize=8, loc="lower right", bbox_to_anchor=(1, 1), frameon=False
    )
    return chart


def _example_wells(validation) -> list[int]:
    """Indices at the 90, 50 and 10 % points of r; all wells where there are few."""
    r = np.where(
        np.isfinite(validation.agreement["fine"].r), validation.agreement["fine"].r, -np.inf
    )
    ordered = np.flatnonzero(validation.used)
    ordered = ordered[np.argsort(r[ordered], kind="stable")]
    places = {round(share * (ordered.size - 1)) for share in (0.1, 0.5, 0.9)}
    return [int(ordered[place]) for place in sorted(places, reverse=True)]


def _yields(validation) -> Section:
    rows = [
        [f"x {factor:g}", NAMES[name], value.rmse, value.slope, value.bias]
        for factor, by_field in scaled_yield(validation).items()
        for name, value in by_field.items()
    ]
    together = Table(
        "All specific yields too small or too large by one factor (R² does not change)",
        ["Specific yield", "Field", "RMSE (cm/yr)", "Slope", "Bias (cm/yr)"], rows,
    )  # fmt: skip
    rows = [
        [NAMES[name], *_interval(r2), *_interval(rmse)]
        for name, (r2, rmse) in uncertain_yield(validation).items()
    ]
    single = Table(
        "Each well's specific yield wrong by its own factor between 1/2 and 2",
        ["Field", "R², median", "5 to 95 %", "RMSE, median", "5 to 95 %"], rows,
    )  # fmt: skip
    used = validation.used
    low, middle, high = np.percentile(validation.wells.storage[used], [5, 50, 95])
    return Section(
        "What the specific yield does",
        [
            f"A well measures depth; storage is as good as the specific yield (here {middle:.3g}, 5 to 95 % of the "
            f"wells {low:.3g} to {high:.3g}), which is rarely known to better than a factor of two."
        ],
        [],
        [together, single],
    )


def _interval(percentiles) -> list:
    return [float(percentiles[1]), f"{percentiles[0]:.3g} to {percentiles[2]:.3g}"]


def _left_out(validation) -> Section:
    wells = [["used", int(validation.used.sum())], *map(list, validation.exclusions().items())]
    readings = [list(item) for item in validation.dropped.items()] or [["none", 0]]
    return Section(
        "What was left out",
        [],
        [],
        [
            Table(f"Wells ({len(validation.wells)} given)", ["Wells", "n"], wells),
            Table("Readings left out of the wells that were looked at", ["Reason", "n"], readings),
        ],
    )


def _reach(values, percent: float = 99) -> float:
    """A symmetric range that leaves out the outermost values; never zero."""
    return max(float(np.nanpercentile(np.abs(values), percent)) * 1.1, 0.01)


def _around(values) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = max(0.06 * (high - low), 0.05)
    return low - margin, high + margin
