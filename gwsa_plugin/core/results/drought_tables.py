"""Tables of the drought index of polygons: its monthly series and the drought events."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .drought_events import find_events
from .drought_index import DroughtIndex, IndexOptions, drought_index
from .polygon_series import KM3_PER_CM_KM2, PolygonSeries

# Column -> type, as of the fields of a layer.
EVENT_FIELDS = {
    "polygon": "string",
    "event": "integer",
    "first": "string",
    "last": "string",
    "duration": "integer",
    "minimum": "double",
    "minimum_month": "string",
    "severity": "double",
    "class": "string",
    "deviation_cm": "double",
    "deficit_km3": "double",
    "filled": "integer",
    "open": "integer",
}
INDEX_FIELDS = {
    "polygon": "string",
    "month": "string",
    "ggdi": "double",
    "sigma": "double",
    "deviation_cm": "double",
    "gwsa_cm": "double",
    "source": "string",
}


def polygon_index(series: PolygonSeries, used: np.ndarray, options: IndexOptions) -> DroughtIndex:
    """Compute the index of the mean GWSA of each polygon.

    Parameters
    ----------
    series : PolygonSeries
    used : ndarray of bool, shape (months,)
        Months that define the climatology, as returned by ``reference_months``.
    options : IndexOptions

    Returns
    -------
    DroughtIndex
        With arrays of shape (months, polygons) and (12, polygons).
    """
    return drought_index(series.months, np.asarray(series.mean_cm).T, used, options)


def event_rows(
    series: PolygonSeries, found: DroughtIndex, threshold: float, least_months: int
) -> Iterator[list]:
    """Make the rows of the table of events, with the columns of ``EVENT_FIELDS``.

    Parameters
    ----------
    series : PolygonSeries
    found : DroughtIndex
        As returned by ``polygon_index``.
    threshold, least_months
        As in ``find_events``.

    Yields
    ------
    list
    """
    for number, name in enumerate(series.names):
        events = find_events(
            series.months,
            found.values[:, number],
            found.deviation[:, number],
            series.source,
            threshold,
            least_months,
        )
        area = float(series.largest_covered_km2[number])
        for count, event in enumerate(events, start=1):
            yield [
                name,
                count,
                str(event.first),
                str(event.last),
                event.duration,
                event.minimum,
                str(event.minimum_month),
                event.severity,
                event.level,
                event.deviation_cm,
                -event.deviation_cm * area * KM3_PER_CM_KM2,
                event.filled,
                int(event.is_open),
            ]


def index_rows(series: PolygonSeries, found: DroughtIndex) -> Iterator[list]:
    """Make the rows of the table of monthly series, with the columns of ``INDEX_FIELDS``.

    Sigma is that of the mean GWSA over the standard deviation of the deviations. It does not count
    the error of the climatology.

    Parameters
    ----------
    series : PolygonSeries
    found : DroughtIndex
        As returned by ``polygon_index``.

    Yields
    ------
    list
        NaN for what is not known.
    """
    calendar = series.months.astype(int) % 12
    for number, name in enumerate(series.names):
        sigma = np.full(series.months.size, np.nan)
        if series.sigma_cm is not None:
            sigma = np.asarray(series.sigma_cm)[number] / found.scale[calendar, number]
        for place, month in enumerate(series.months):
            yield [
                name,
                str(month),
                float(found.values[place, number]),
                float(sigma[place]),
                float(found.deviation[place, number]),
                float(series.mean_cm[number, place]),
                series.source[place],
            ]
