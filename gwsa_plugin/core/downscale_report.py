"""The report of a downscaling: what held-out cells say first, then map, regions, predictors and closure."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure as Chart

from .boosting import gains
from .downscale import BLOCKED, Downscaled, contrasts
from .product import Product
from .report import Section, Table, draw, write_report

PUBLISHED = "The published 1 km dataset states a closure of R² 0.9728 and RMSE 2.10 cm."
COLOURS = {"cmap": "BrBG", "interpolation": "nearest"}


def write_downscale_report(path, result: Downscaled) -> None:
    """Self-contained HTML, whole or not at all."""
    sections = [_map(result), _skill(result), _regions(result), _predictors(result), _closure(result)]
    write_report(path, "Groundwater storage at 1 km", verdict(result), sections)


def verdict(result: Downscaled) -> str:
    """Whether the predictors say anything about cells and months that no model has seen."""
    contrast = result.scores["held_out"]["contrast"]
    if not contrast["r2"] > 0:
        return (
            "In held-out cells and months the predictors explain none of the difference between a cell and its "
            "surroundings: the 1 km detail of these maps is not supported, use the coarse field."
        )
    return (
        f"In held-out cells and months the predictors explain {contrast['r2']:.0%} of the variance of the difference "
        f"between a coarse cell and its surroundings (RMSE {contrast['rmse_cm']:.2f} cm); no model would explain 0 %. "
        "This is the signal that becomes the detail inside a cell."
    )


def _map(result: Downscaled) -> Section:
    scene, month = result.scene, _most_varied(result)
    fine = Product.of_files(result.years).read(scene.months[month])
    coarse = np.where(scene.cells, scene.samples.target[month], np.nan)
    limit = float(np.nanpercentile(np.abs(coarse), 98))
    west, south, east, north = scene.gwsa.grid.bounds
    chart = Chart(figsize=(11, 5), layout="constrained")
    for axes, field, title in zip(chart.subplots(1, 2), (coarse, fine), ("Coarse GWSA", "1 km GWSA")):
        image = axes.imshow(field, vmin=-limit, vmax=limit, extent=(west, east, south, north), **COLOURS)
        axes.set(
            title=title,
            xlabel="longitude (°)",
            ylabel="latitude (°)",
            aspect=1 / np.cos(np.radians((south + north) / 2)),
        )
    chart.colorbar(image, ax=chart.axes, label="GWSA (cm)", shrink=0.8)
    caption = f"{scene.months[month]}, the month in which coarse cells differ most. Both maps have one colour scale."
    return Section("The map", figures=[draw(chart, caption)])


def _most_varied(result: Downscaled) -> int:
    return int(np.nanargmax(np.nanstd(result.scene.samples.target, axis=(1, 2))))


def _skill(result: Downscaled) -> Section:
    held = result.scores["held_out"]
    rows = [
        ["difference of a cell from its surroundings", held["contrast"]["r2"], held["contrast"]["rmse_cm"]],
        ["GWSA itself, before any correction", held["field"]["r2"], held["field"]["rmse_cm"]],
    ]
    return Section(
        "Held-out skill: cells and months that no model has seen",
        [
            f"{held['splits']} splits: blocks of cells with a buffer around them, crossed with blocks of months. R² is "
            "1 minus squared error over variance: no model reaches 0, and it can be negative. The region holds "
            f"about {result.scores['n_eff']:.1f} independent GRACE values (one per 90,000 km²), so these figures are "
            "uncertain however many pixels there are.",
            f"Held-out cells confirm {held['share_confirmed']:.0%} of the predicted contrast; predictions are "
            "multiplied by this share before they reach the map.",
        ],
        [_scatter(result)],
        [Table("Held-out agreement with the coarse field", ["", "R²", "RMSE (cm)"], rows)],
    )


def _scatter(result: Downscaled):
    observed, predicted = (field[np.isfinite(field)] for field in contrasts(result.scene, result.validations[BLOCKED]))
    limit = float(np.percentile(np.abs(observed), 99.5))
    chart = Chart(figsize=(4.6, 4.2), layout="constrained")
    axes = chart.subplots()
    axes.hexbin(
        observed, predicted, gridsize=60, bins="log", cmap="viridis", extent=(-limit, limit, -limit, limit), mincnt=1
    )
    axes.plot([-limit, limit], [-limit, limit], color="black", linewidth=0.8)
    axes.set(
        xlabel="observed contrast (cm)", ylabel="predicted, held out (cm)", xlim=(-limit, limit), ylim=(-limit, limit)
    )
    return draw(
        chart, "Difference of each coarse cell from its surroundings, all months; the line is perfect agreement."
    )


def _regions(result: Downscaled) -> Section:
    header = ["Region", "cells", "land (km²)", "independent values", "own model", "R² of contrast", "RMSE (cm)"]
    rows = [
        [row["name"], row["cells"], f"{row['area_km2']:,.0f}", row["n_eff"], row["model"],
         row["contrast_r2"], row["contrast_rmse_cm"]]
        for row in result.regions
    ]  # fmt: skip
    text = "A pooled region shares the model of all cells; the others add trees of their own to it."
    return Section("Regions", [text], tables=[Table("Held-out skill by region", header, rows)])


def _predictors(result: Downscaled) -> Section:
    gain = gains(result.models.boosters[0])
    names = list(gain)[:15][::-1]
    chart = Chart(figsize=(7, 0.28 * len(names) + 0.8), layout="constrained")
    axes = chart.subplots()
    axes.barh(names, [100 * gain[name] for name in names], color="#0b6e99")
    axes.set(xlabel="share of the gain (%)")
    text = "How much each predictor lowered the training loss of the model of all cells. Gain tells use, not cause."
    return Section("Predictors", [text], [draw(chart, "The fifteen most used features.")])


def _closure(result: Downscaled) -> Section:
    raw, after = result.scores["closure_raw"], result.scores["closure"]
    rows = [
        ["before the correction", raw["r2"], raw["rmse_cm"]],
        ["after the correction", after["r2"], after["rmse_cm"]],
    ]
    text = (
        "The map averaged back to coarse cells, against the field it was made from. The correction makes this exact "
        f"whatever the model does, so it says nothing about the detail. {PUBLISHED}"
    )
    return Section(
        "Closure: not skill", [text], tables=[Table("Agreement with the input", ["", "R²", "RMSE (cm)"], rows)]
    )
