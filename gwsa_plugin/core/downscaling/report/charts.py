"""The figures of the downscaling report: maps on one frame, and what each predictor contributes."""

from __future__ import annotations

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure as Chart

from ...base.grid import Grid
from ...files.html_report import Figure, draw
from ...files.yearly_maps import YearlyMaps
from ..domain import Domain
from ..downscale import Downscaled

NO_VALUE = "#dfe5e9"
APPLICABLE = LinearSegmentedColormap.from_list(
    "applicable", ["#b2182b", "#ef8a62", "#f7f3c8", "#a6dba0", "#1b7837"]
)
MOST_PIXELS = 1500  # along a side; more do not show in a figure
WIDTH = 12.0  # inches


def draw_map(result: Downscaled) -> Figure:
    """Coarse and 1 km GWSA, and sigma where it is known, of the month in which coarse cells differ most."""
    domain = result.domain
    number = int(np.argmax([field[domain.cells].std() for field in domain.target]))
    month, coarse = domain.months[number], np.where(domain.cells, domain.target[number], np.nan)
    fields = {"Coarse GWSA": coarse, "1 km GWSA": YearlyMaps.from_files(result.years).read(month)}
    sigma = (
        YearlyMaps.from_files(result.sigma).read(month) if result.sigma else np.full((1, 1), np.nan)
    )
    chart, panels = _frames(domain.gwsa.grid, 3 if np.isfinite(sigma).any() else 2)
    limit = float(np.nanpercentile(np.abs(coarse), 98))
    for axes, (title, field) in zip(panels, fields.items()):
        image = _show(axes, field, domain.gwsa.grid, cmap="BrBG", vmin=-limit, vmax=limit)
        axes.set_title(title)
    chart.colorbar(
        image,
        ax=panels[:2],
        label="GWSA (cm)",
        location="bottom",
        shrink=0.6,
        aspect=35,
        extend="both",
    )
    if len(panels) == 3:
        top = float(np.nanpercentile(sigma, 98))
        image = _show(panels[2], sigma, domain.gwsa.grid, cmap="Purples", vmin=0, vmax=top)
        panels[2].set_title("Sigma of the 1 km GWSA")
        chart.colorbar(
            image, ax=panels[2], label="sigma (cm)", location="bottom", shrink=0.9, extend="max"
        )
    caption = f"{month}, the month in which coarse cells differ most. GWSA has one colour scale; grey: no value."
    return draw(chart, caption)


def draw_gain(domain: Domain, gain: np.ndarray) -> Figure:
    """``gain``: share of the RMSE of no model, coarse shape, NaN where nothing was compared."""
    chart, (axes,) = _frames(domain.gwsa.grid, 1)
    limit = float(np.clip(100 * np.nanpercentile(np.abs(gain), 95), 5, 100))
    image = _show(axes, 100 * gain, domain.gwsa.grid, cmap="PuOr", vmin=-limit, vmax=limit)
    borders = _borders(domain.regions.cells, domain.gwsa.grid)
    axes.add_collection(LineCollection(borders, colors="#1d2b36", linewidths=0.9))
    chart.colorbar(
        image, ax=axes, label="gain over no model (%)", location="bottom", shrink=0.7, extend="both"
    )
    caption = (
        "Gain over no model of each held-out cell, one scale up, blocked: violet where the models miss less, orange "
        "where they miss more, white where predictors change nothing. Lines: borders of regions; grey: not compared."
    )
    return draw(chart, caption)


def draw_applicability(domain: Domain, share: np.ndarray) -> Figure:
    """``share``: of the looked-at months in which a pixel is in the area of applicability, fine shape."""
    chart, (axes,) = _frames(domain.gwsa.grid, 1)
    image = _show(axes, 100 * share, domain.gwsa.grid, cmap=APPLICABLE, vmin=0, vmax=100)
    chart.colorbar(
        image,
        ax=axes,
        label="months in the area of applicability (%)",
        location="bottom",
        shrink=0.7,
    )
    return draw(
        chart,
        "Area of applicability: red where the predictors are unlike all that models were trained on.",
    )


def draw_contributions(contributions: dict[str, float]) -> Figure:
    """``contributions``: mean |SHAP| of each predictor in cm, the strongest first."""
    names, values = list(contributions)[::-1], list(contributions.values())[::-1]
    chart = Chart(figsize=(8, 0.3 * len(names) + 1.0), layout="constrained")
    axes = chart.subplots()
    bars = axes.barh(names, values, color="#0b6e99")
    axes.bar_label(bars, fmt="%.2f", padding=3, fontsize=8)
    axes.set(
        xlabel="mean absolute contribution to the prediction (cm)",
        xlim=(0, 1.12 * max(*values, 0.01)),
    )
    axes.margins(y=0.02)
    axes.spines[["top", "right"]].set_visible(False)
    return draw(
        chart, "SHAP by predictor, all cells: the mean over regions weighted by their coarse cells."
    )


def _frames(grid: Grid, panels: int):
    """A chart as high as ``panels`` maps of ``grid`` side by side need."""
    west, south, east, north = grid.bounds
    across = WIDTH if panels > 1 else 0.5 * WIDTH
    height = across / panels * (north - south) / ((east - west) * _narrowing(grid))
    chart = Chart(figsize=(across, float(np.clip(height + 1.2, 3.2, 9))), layout="constrained")
    axes = chart.subplots(1, panels, squeeze=False, sharey=True)[0]
    axes[0].set_ylabel("latitude (°)")
    return chart, axes


def _show(axes, field: np.ndarray, grid: Grid, **look):
    west, south, east, north = grid.bounds
    step = max(1, max(field.shape) // MOST_PIXELS)
    axes.set(xlabel="longitude (°)", facecolor=NO_VALUE)
    image = axes.imshow(
        field[::step, ::step], extent=(west, east, south, north), interpolation="nearest", **look
    )
    axes.set_aspect(1 / _narrowing(grid))
    axes.locator_params(axis="x", nbins=4)
    return image


def _narrowing(grid: Grid) -> float:
    """The length of a degree of longitude over one of latitude."""
    return float(max(np.cos(np.radians(np.mean(grid.bounds[1::2]))), 0.05))


def _borders(numbers: np.ndarray, grid: Grid) -> np.ndarray:
    """Edges between cells of different ``numbers``: degrees, (edges, 2 ends, 2 of longitude and latitude)."""
    west, _, _, north = grid.bounds
    down, right = (
        np.nonzero(numbers[1:] != numbers[:-1]),
        np.nonzero(numbers[:, 1:] != numbers[:, :-1]),
    )
    level = np.array([[down[1], down[0] + 1], [down[1] + 1, down[0] + 1]])
    upright = np.array([[right[1] + 1, right[0]], [right[1] + 1, right[0] + 1]])
    places = np.concatenate([np.moveaxis(level, 2, 0), np.moveaxis(upright, 2, 0)])
    return places * [grid.dx, -grid.dy] + [west, north]
