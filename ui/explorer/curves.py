"""What the chart shows: curves with their colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from qgis.PyQt.QtGui import QColor

from ...gwsa_plugin.core.results.place_series import WELL, Place, Series

# Distinguishable with any colour vision deficiency: Okabe & Ito (2008), Color Universal Design.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#6a51a3")
WELL_COLOUR = "#404040"


class Curve(NamedTuple):
    """A series in the chart.

    Parameters
    ----------
    place : str
        Letter and name of its place.
    series : Series
    colour : QColor
    """

    place: str
    series: Series
    colour: QColor


def letter(number: int) -> str:
    """Return the letter of a place: A for 0."""
    return chr(ord("A") + number)


def place_colour(number: int) -> QColor:
    """Return the colour of a place among several."""
    return QColor(COLOURS[number % len(COLOURS)])


def curves_of(places: Sequence[Place], keys: Sequence[str]) -> list[Curve]:
    """Choose the colours of series.

    Parameters
    ----------
    places : sequence of Place
    keys : sequence of str
        Products in the order of the legend.

    Returns
    -------
    list of Curve
        With one place, each product has a colour; with several, each place.
    """
    curves = []
    for number, place in enumerate(places):
        title = f"{letter(number)}   {place.name}"
        for position, key in enumerate(keys):
            alone = COLOURS[position % len(COLOURS)] if key != WELL else WELL_COLOUR
            colour = place_colour(number) if len(places) > 1 else QColor(alone)
            curves += [Curve(title, one, colour) for one in place.series.get(key, ())]
    return curves


def filled_months(curves: Sequence[Curve]) -> np.ndarray:
    """Return the months that are filled in any of the curves, datetime64[M]."""
    filled = [curve.series.months[curve.series.filled] for curve in curves]
    return np.unique(np.concatenate([np.empty(0, dtype="datetime64[M]"), *filled]))
