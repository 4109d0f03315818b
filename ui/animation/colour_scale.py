"""Colours of a raster layer by value, for a colour bar."""

from __future__ import annotations

from dataclasses import dataclass

from qgis.core import (
    QgsRasterRenderer,
    QgsSingleBandGrayRenderer,
    QgsSingleBandPseudoColorRenderer,
)
from qgis.PyQt.QtGui import QColor

from ..round_numbers import round_values

COLOURS = 512


@dataclass(frozen=True)
class ColourScale:
    """A range of values and their colours.

    Parameters
    ----------
    low, high : float
        First and last value.
    colours : tuple of QColor
        Colours at equal steps from the first to the last value.
    """

    low: float
    high: float
    colours: tuple[QColor, ...]

    def colour(self, value: float) -> QColor:
        """Return the colour of a value between the first and the last."""
        fraction = (value - self.low) / (self.high - self.low)
        return self.colours[round(fraction * (len(self.colours) - 1))]

    def ticks(self, most: int) -> list[float]:
        """Return round values in the range, at most ``most`` of them."""
        return round_values(self.low, self.high, most)


def colour_scale(renderer: QgsRasterRenderer) -> ColourScale | None:
    """Return the colours of a renderer by value; None if it does not draw values by colour.

    Parameters
    ----------
    renderer : QgsRasterRenderer
    """
    if isinstance(renderer, QgsSingleBandPseudoColorRenderer) and renderer.shader():
        function = renderer.shader().rasterShaderFunction()
        low, high = function.minimumValue(), function.maximumValue()
        if low < high:
            values = (low + (high - low) * step / (COLOURS - 1) for step in range(COLOURS))
            shades = (function.shade(value) for value in values)
            return ColourScale(low, high, tuple(QColor(*shade[1:]) for shade in shades))
    if isinstance(renderer, QgsSingleBandGrayRenderer) and renderer.contrastEnhancement():
        limits = renderer.contrastEnhancement()
        low, high = limits.minimumValue(), limits.maximumValue()
        greys = tuple(QColor.fromHslF(0, 0, step / (COLOURS - 1)) for step in range(COLOURS))
        if renderer.gradient() == QgsSingleBandGrayRenderer.Gradient.WhiteToBlack:
            greys = greys[::-1]
        if low < high:
            return ColourScale(low, high, greys)
    return None
