"""Figures of the downscaling report: maps in one layout, and the contributions of predictors.

1 km rasters are read from their overviews, so that memory does not depend on the size of the study
domain.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure as Chart
from matplotlib.image import AxesImage

from ...base.grid import Grid
from ...files.html_report import Figure, draw
from ...files.yearly_maps import YearlyMaps
from ...rasters.reading import open_raster
from ..domain import Domain
from ..downscale import Downscaled
from ..skill.responses import Response

NO_VALUE_COLOUR = "#dfe5e9"
APPLICABLE = LinearSegmentedColormap.from_list(
    "applicable", ["#b2182b", "#ef8a62", "#f7f3c8", "#a6dba0", "#1b7837"]
)
# Surplus and runoff.
DRIVER_COLOURS = ("#0b6e99", "#c8641e")
# Pixels along a side beyond which a raster is read from an overview. Figures have fewer dots, and
# only rasters with more pixels have overviews.
MAX_SIDE = 2048
# Width of a figure with several maps, inches.
WIDTH = 12.0


def draw_map(result: Downscaled) -> Figure:
    """Draw coarse and 1 km GWSA, and sigma if there is any, of one month.

    It is the month in which the values of the coarse cells differ most.
    """
    domain = result.domain
    grid = domain.gwsa.grid
    number = int(np.argmax([field[domain.cells].std() for field in domain.target]))
    month = domain.months[number]
    coarse = np.where(domain.cells, domain.target[number], np.nan)
    fields = {"Coarse GWSA": coarse, "1 km GWSA": _read_month(result.years, month)}
    sigma = _read_month(result.sigma, month) if result.sigma else np.full((1, 1), np.nan)
    chart, panels = _make_panels(grid, 3 if np.isfinite(sigma).any() else 2)
    limit = max(float(np.nanpercentile(np.abs(field), 98)) for field in fields.values())
    for axes, (title, field) in zip(panels, fields.items()):
        image = _show(axes, field, grid, cmap="BrBG", vmin=-limit, vmax=limit)
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
        image = _show(panels[2], sigma, grid, cmap="Purples", vmin=0, vmax=top)
        panels[2].set_title("Sigma of the 1 km GWSA")
        chart.colorbar(
            image, ax=panels[2], label="sigma (cm)", location="bottom", shrink=0.9, extend="max"
        )
    return draw(
        chart,
        f"{month}, the month in which the values of the coarse cells differ most. Both maps of "
        "GWSA have the same colour scale; grey: no value.",
    )


def draw_gain(domain: Domain, gain: np.ndarray) -> Figure:
    """Draw the gain of the models over mean-preserving interpolation.

    Parameters
    ----------
    domain : Domain
        The study domain.
    gain : numpy.ndarray, coarse shape
        Relative reduction of the RMSE; NaN for cells that are not compared.
    """
    grid = domain.gwsa.grid
    chart, (axes,) = _make_panels(grid, 1)
    limit = float(np.clip(100 * np.nanpercentile(np.abs(gain), 95), 5, 100))
    image = _show(axes, 100 * gain, grid, cmap="PuOr", vmin=-limit, vmax=limit)
    borders = _borders(domain.regions.cells, grid)
    axes.add_collection(LineCollection(borders, colors="#1d2b36", linewidths=0.9))
    chart.colorbar(
        image,
        ax=axes,
        label="gain over mean-preserving interpolation (%)",
        location="bottom",
        shrink=0.7,
        extend="both",
    )
    return draw(
        chart,
        "Gain over mean-preserving interpolation of each held-out cell, at reduced resolution, "
        "blocked validation. Violet: the models have the smaller error; orange: the larger; white: "
        "the predictors change nothing; grey: not compared. Lines: borders of regions.",
    )


def draw_applicability(domain: Domain, path: str | Path) -> Figure:
    """Draw the area of applicability.

    Parameters
    ----------
    domain : Domain
        The study domain.
    path : str or Path
        The raster of ``write_applicability``.
    """
    grid = domain.gwsa.grid
    chart, (axes,) = _make_panels(grid, 1)
    image = _show(axes, 100 * read_reduced(path, 2), grid, cmap=APPLICABLE, vmin=0, vmax=100)
    chart.colorbar(
        image,
        ax=axes,
        label="months in the area of applicability (%)",
        location="bottom",
        shrink=0.7,
    )
    return draw(
        chart,
        "Area of applicability. Red: the predictors are unlike those of all training samples.",
    )


def draw_contributions(contributions: dict[str, float]) -> Figure:
    """Draw the mean absolute SHAP contribution of each predictor, cm, the strongest first."""
    names = list(contributions)[::-1]
    values = list(contributions.values())[::-1]
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
        chart,
        "SHAP contributions of the predictors, averaged over the regions with their numbers of "
        "coarse cells as weights.",
    )


def draw_responses(responses: Sequence[Response]) -> Figure:
    """Draw the response to each driver by the months since, and cumulated, with intervals."""
    chart = Chart(figsize=(0.8 * WIDTH, 3.4), layout="constrained")
    panels = chart.subplots(1, 2)
    for response, colour in zip(responses, DRIVER_COLOURS):
        label = f"{response.driver} (per {response.unit or 'unit'})"
        edges = np.arange(response.by_lag.value.size + 1)
        value, lower, upper = response.by_lag
        panels[0].stairs(value, edges, baseline=None, color=colour, linewidth=1.8, label=label)
        panels[0].fill_between(
            edges, *(np.append(one, one[-1]) for one in (lower, upper)), step="post",
            color=colour, alpha=0.2, linewidth=0,
        )  # fmt: skip
        value, lower, upper = (np.append(0.0, one) for one in response.cumulated)
        panels[1].plot(edges, value, color=colour, linewidth=1.8, label=label)
        panels[1].fill_between(edges, lower, upper, color=colour, alpha=0.2, linewidth=0)
    panels[0].set(title="A unit in a single month", xlabel="months since")
    panels[1].set(title="A unit in every month", xlabel="months since the first")
    for axes in panels:
        axes.set(ylabel="response of storage (cm)", xlim=(0, edges[-1]))
        axes.set_ylim(bottom=0)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].legend(frameon=False)
    return draw(
        chart,
        "Response of GWSA to each driver at the mean amplitude. Left: to a unit of the driver in a "
        "single month, by the months since. Right: to a unit more in every month, by the number "
        "of months; the end of the curve is the total response. Shaded: 90 % interval."
        + _all_stored(responses),
    )


def _all_stored(responses: Sequence[Response]) -> str:
    """How to read a response to a depth of water."""
    if any(response.unit != "mm" for response in responses):
        return ""
    return " On the left, 0.1 cm per mm means that all of the water is in storage."


def read_reduced(path: str | Path, band: int) -> np.ndarray:
    """Read a band from the finest overview with at most ``MAX_SIDE`` pixels along a side.

    A raster with fewer pixels is read as it is. The raster must have NaN for no value.

    Parameters
    ----------
    path : str or Path
        The raster.
    band : int
        Number of the band, from 1.

    Returns
    -------
    numpy.ndarray of float32
        Means of the pixels that have a value; NaN where none has.
    """
    with open_raster(Path(path)) as source:
        side = max(source.shape)
        factors = [1, *source.overviews(band)]
        factor = next((one for one in factors if side <= MAX_SIDE * one), factors[-1])
        # GDAL reads the overview that has this shape.
        rows, columns = source.shape
        return source.read(band, shape=(-(-rows // factor), -(-columns // factor)))


def _read_month(paths: list[Path], month: np.datetime64) -> np.ndarray:
    """The yearly maps of one month, reduced, cm."""
    return read_reduced(*YearlyMaps.from_files(paths).bands[month])


def _make_panels(grid: Grid, panels: int) -> tuple[Chart, np.ndarray]:
    """A chart as high as ``panels`` maps of ``grid`` side by side need, and their axes."""
    west, south, east, north = grid.bounds
    width = WIDTH if panels > 1 else 0.5 * WIDTH
    height = width / panels * (north - south) / ((east - west) * _longitude_scale(grid))
    chart = Chart(figsize=(width, float(np.clip(height + 1.2, 3.2, 9))), layout="constrained")
    axes = chart.subplots(1, panels, squeeze=False, sharey=True)[0]
    axes[0].set_ylabel("latitude (°)")
    return chart, axes


def _show(axes: Axes, field: np.ndarray, grid: Grid, **look) -> AxesImage:
    """Draw a field that covers ``grid``, in pixels of any size."""
    west, south, east, north = grid.bounds
    axes.set(xlabel="longitude (°)", facecolor=NO_VALUE_COLOUR)
    image = axes.imshow(field, extent=(west, east, south, north), interpolation="nearest", **look)
    axes.set_aspect(1 / _longitude_scale(grid))
    axes.locator_params(axis="x", nbins=4)
    return image


def _longitude_scale(grid: Grid) -> float:
    """Length of a degree of longitude relative to one of latitude, at the middle of the grid."""
    return float(max(np.cos(np.radians(np.mean(grid.bounds[1::2]))), 0.05))


def _borders(numbers: np.ndarray, grid: Grid) -> np.ndarray:
    """Edges between cells of different ``numbers``.

    In degrees, shape (edges, 2, 2): both ends of an edge, longitude and latitude.
    """
    west, _, _, north = grid.bounds
    row, column = np.nonzero(numbers[1:] != numbers[:-1])
    horizontal = np.array([[column, row + 1], [column + 1, row + 1]])
    row, column = np.nonzero(numbers[:, 1:] != numbers[:, :-1])
    vertical = np.array([[column + 1, row], [column + 1, row + 1]])
    places = np.concatenate([np.moveaxis(horizontal, 2, 0), np.moveaxis(vertical, 2, 0)])
    return places * [grid.dx, -grid.dy] + [west, north]
