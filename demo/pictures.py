"""Maps of one month: the coarse field, its interpolation, the 1 km field and the truth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gwsa.gwsa_plugin.core.files.stack import OBSERVED, MonthlyStack, read_stack
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.spatial.mass_conservation import MassConservation, spread

# As in the styles of the plugin: brown is less water, green is more.
COLOURS = "BrBG"
BORDER = {"color": "#1d2b36", "linewidth": 0.8, "alpha": 0.75}


@dataclass(frozen=True)
class MapMonth:
    """Maps of one month of the demonstration, in cm.

    Parameters
    ----------
    folder : Path
        Folder of the demonstration.
    gwsa : MonthlyStack
        GWSA on the 0.25° cells.
    month : datetime64[M]
        The month.
    """

    folder: Path
    gwsa: MonthlyStack
    month: np.datetime64

    @classmethod
    def most_varied(cls, folder: Path) -> MapMonth:
        """Select the observed month with the largest range between coarse cells.

        Parameters
        ----------
        folder : Path
            Folder of the demonstration.

        Returns
        -------
        MapMonth
            The month with the largest difference between the 90th and the 10th percentile.
        """
        stack = read_stack(folder / "gwsa.tif")
        product = YearlyMaps.in_folder(folder / "gwsa_1km")
        months = np.intersect1d(stack.months_with_source(OBSERVED), product.months)
        values = stack.values[np.isin(stack.months, months)]
        low, high = np.nanpercentile(values, (10, 90), axis=(1, 2))
        coarse_grid = product.grid.coarsen(product.grid.factor_to(stack.grid))
        return cls(folder, stack.on(coarse_grid), months[(high - low).argmax()])

    @property
    def coarse(self) -> np.ndarray:
        """GWSA on the 0.25° cells."""
        return self.gwsa.values[int((self.month - self.gwsa.months[0]).astype(int))]

    def fine(self, product: str) -> np.ndarray:
        """Read GWSA at 1 km from a folder of the demonstration, for example ``gwsa_1km``."""
        return YearlyMaps.in_folder(self.folder / product).read(self.month)

    def bilinear(self) -> np.ndarray:
        """Interpolate the coarse field bilinearly; NaN where the 1 km map has no value."""
        land = np.isfinite(self.fine("gwsa_1km"))
        factor = land.shape[0] // self.coarse.shape[0]
        valid = np.isfinite(self.coarse)
        conservation = MassConservation(land, self.gwsa.grid, factor, valid)
        field = conservation.bilinear(self.coarse.astype(np.float64))
        return np.where(land, field, np.nan)

    @property
    def limit(self) -> float:
        """Limit of the colour scale, cm."""
        return float(np.nanpercentile(np.abs(self.fine("gwsa_1km")), 98))


def draw_map(month_maps: MapMonth) -> Figure:
    """Draw the coarse field, its interpolation, the 1 km map and the truth side by side.

    The titles have the RMSE of each field against the truth in the month.
    """
    fine = month_maps.fine("gwsa_1km")
    truth = np.where(np.isfinite(fine), month_maps.fine("world/truth/gwsa_1km"), np.nan)
    factor = fine.shape[0] // month_maps.coarse.shape[0]
    fields = {
        "Coarse GWSA, 0.25°": np.where(
            np.isfinite(fine), spread(month_maps.coarse, factor), np.nan
        ),
        "Bilinear": month_maps.bilinear(),
        "1 km GWSA": fine,
    }
    titled = {f"{title}: {_rmse(field, truth):.2f} cm": field for title, field in fields.items()}
    return _panels(month_maps, {**titled, "Truth": truth}, 20)


def _rmse(field: np.ndarray, truth: np.ndarray) -> float:
    return float(np.sqrt(np.nanmean((field - truth) ** 2, dtype=np.float64)))


def draw_truth(month_maps: MapMonth) -> Figure:
    """Draw the interpolated coarse map, the held-out 1 km map and the truth side by side."""
    fields = {
        "Coarse GWSA, bilinear": month_maps.bilinear(),
        "1 km GWSA, held-out models": month_maps.fine("held_out"),
        "Truth": month_maps.fine("world/truth/gwsa_1km"),
    }
    return _panels(month_maps, fields, 16)


def _panels(month_maps: MapMonth, fields: dict[str, np.ndarray], width: float) -> Figure:
    """Draw one panel per field, with the aquifers and a common colour scale."""
    west, south, east, north = month_maps.gwsa.grid.bounds
    rings = _aquifer_rings(month_maps.folder / "world" / "aquifers.geojson")
    limit = month_maps.limit
    figure = Figure(figsize=(width, 5.4), layout="constrained")
    figure.suptitle(
        f"Groundwater storage anomaly of the sample world, {month_maps.month}", fontsize=14
    )
    for axes, (title, field) in zip(figure.subplots(1, len(fields), sharey=True), fields.items()):
        image = axes.imshow(
            field,
            cmap=COLOURS,
            vmin=-limit,
            vmax=limit,
            extent=(west, east, south, north),
            interpolation="nearest",
        )
        for ring in rings:
            axes.plot(*ring, **BORDER)
        axes.set(title=title, xlim=(west, east), ylim=(south, north), facecolor="#e9edf0")
        axes.set_aspect(1 / np.cos(np.radians((south + north) / 2)))
        for axis, side in ((axes.xaxis, "E"), (axes.yaxis, "N")):
            axis.set_major_locator(MaxNLocator(4))
            axis.set_major_formatter(f"{{x:g}}° {side}")
    bar = figure.colorbar(image, ax=figure.axes, extend="both", shrink=0.85, pad=0.015)
    bar.set_label("cm of water relative to 2004-2009")
    return figure


def _aquifer_rings(path: Path) -> list[np.ndarray]:
    """Longitudes and latitudes of each outline, shape (2, points)."""
    features = json.loads(path.read_text())["features"]
    return [np.array(ring).T for feature in features for ring in feature["geometry"]["coordinates"]]
