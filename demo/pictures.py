"""Pictures of one month: the coarse field beside the 1 km one, and the 1 km one beside its rival and the truth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gwsa.gwsa_plugin.core.files.stack import OBSERVED, MonthlyStack, read_stack
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.spatial.mass_conservation import MassConservation

COLOURS = "BrBG"  # as the plugin's own style: brown is less water, green is more
BORDER = {"color": "#1d2b36", "linewidth": 0.8, "alpha": 0.75}


@dataclass(frozen=True)
class MapMonth:
    """One month of the demonstration in ``folder``, all fields in cm."""

    folder: Path
    gwsa: MonthlyStack
    month: np.datetime64

    @classmethod
    def of(cls, folder: Path) -> MapMonth:
        """The observed month whose coarse cells differ most, a few extreme ones apart."""
        stack, product = read_stack(folder / "gwsa.tif"), YearlyMaps.in_folder(folder / "gwsa_1km")
        months = np.intersect1d(stack.named(OBSERVED), product.months)
        low, high = np.nanpercentile(
            stack.values[np.isin(stack.months, months)], (10, 90), axis=(1, 2)
        )
        coarse_grid = product.grid.coarsen(product.grid.factor_to(stack.grid))
        return cls(folder, stack.on(coarse_grid), months[(high - low).argmax()])

    @property
    def coarse(self) -> np.ndarray:
        return self.gwsa.values[int((self.month - self.gwsa.months[0]).astype(int))]

    def fine(self, product: str) -> np.ndarray:
        return YearlyMaps.in_folder(self.folder / product).read(self.month)

    def bilinear(self) -> np.ndarray:
        fine = self.fine("gwsa_1km")
        factor = fine.shape[0] // self.coarse.shape[0]
        conservation = MassConservation(
            np.isfinite(fine), self.gwsa.grid, factor, np.isfinite(self.coarse)
        )
        return np.where(
            np.isfinite(fine), conservation.bilinear(self.coarse.astype(np.float64)), np.nan
        )

    @property
    def limit(self) -> float:
        """Of the colours, cm."""
        return float(np.nanpercentile(np.abs(self.fine("gwsa_1km")), 98))


def draw_map(month_maps: MapMonth) -> Figure:
    return _panels(
        month_maps,
        {"Coarse GWSA, 0.25°": month_maps.coarse, "1 km GWSA": month_maps.fine("gwsa_1km")},
        11.5,
    )


def draw_truth(month_maps: MapMonth) -> Figure:
    fields = {
        "Coarse GWSA, interpolated": month_maps.bilinear(),
        "1 km GWSA, held-out models": month_maps.fine("held_out"),
        "Truth": month_maps.fine("world/truth/gwsa_1km"),
    }
    return _panels(month_maps, fields, 16)


def _panels(month_maps: MapMonth, fields: dict[str, np.ndarray], width: float) -> Figure:
    west, south, east, north = month_maps.gwsa.grid.bounds
    rings, limit = (
        _aquifer_rings(month_maps.folder / "world" / "aquifers.geojson"),
        month_maps.limit,
    )
    figure = Figure(figsize=(width, 5.4), layout="constrained")
    figure.suptitle(
        f"Groundwater storage anomaly of the sample world, {month_maps.month}", fontsize=14
    )
    for axes, (title, field) in zip(figure.subplots(1, len(fields), sharey=True), fields.items()):
        image = axes.imshow(
            field, cmap=COLOURS, vmin=-limit, vmax=limit, extent=(west, east, south, north),
            interpolation="nearest",
        )  # fmt: skip
        for ring in rings:
            axes.plot(*ring, **BORDER)
        axes.set(title=title, xlim=(west, east), ylim=(south, north), facecolor="#e9edf0")
        axes.set_aspect(1 / np.cos(np.radians((south + north) / 2)))
        for axis, side in ((axes.xaxis, "E"), (axes.yaxis, "N")):
            axis.set_major_locator(MaxNLocator(4))
            axis.set_major_formatter(f"{{x:g}}° {side}")
    bar = figure.colorbar(image, ax=figure.axes, extend="both", shrink=0.85, pad=0.015)
    bar.set_label("cm of water against 2004-2009")
    return figure


def _aquifer_rings(path: Path) -> list[np.ndarray]:
    """Longitudes and latitudes of each border, shape (2, points)."""
    features = json.loads(path.read_text())["features"]
    return [np.array(ring).T for feature in features for ring in feature["geometry"]["coordinates"]]
