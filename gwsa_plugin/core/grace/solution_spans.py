"""The time spans that the fields of a mascon file state."""

from __future__ import annotations

import numpy as np

from ..base.errors import InputError
from ..rasters.netcdf_grid import GriddedVariable, read_times

DAY = np.timedelta64(1440, "m")
# 365.25 days / 24
HALF_MONTH = np.timedelta64(21_915, "m")


def read_spans(thickness: GriddedVariable) -> tuple[np.ndarray, bool]:
    """Read the spans of the fields of a variable.

    Parameters
    ----------
    thickness : GriddedVariable

    Returns
    -------
    spans : ndarray of datetime64[m], shape (frames, 2)
        Start and exclusive end.
    stated : bool
        False for a file without time bounds, such as a crop of a single variable: a span is then
        half a month to each side of its time.

    Raises
    ------
    InputError
        When the variable has no time, a time is not understood, or a time is outside its bounds.
    """
    file, time = thickness.file, thickness.time
    if not time:
        raise InputError(
            f"{thickness.name} in {file.name} has no dimension of time with dates; give a file "
            "with a time for each field."
        )
    times = read_times(file, time)
    for bounds in (file.text("bounds", time), "time_bounds", "time_bnds"):
        if bounds in file.variables:
            return _stated_spans(thickness, bounds, times), True
    return np.stack([times - HALF_MONTH, times + HALF_MONTH], axis=1), False


def _stated_spans(thickness: GriddedVariable, bounds: str, times: np.ndarray) -> np.ndarray:
    file = thickness.file
    spans = read_times(file, bounds, file.unit(bounds) or file.unit(thickness.time or ""))
    if spans.shape != (times.size, 2):
        raise InputError(
            f"{bounds} in {file.name} does not have two dates for each solution; "
            "give the file as distributed."
        )
    outside = (times < spans[:, 0]) | (times > spans[:, 1])
    if outside.any():
        place = int(outside.argmax())
        raise InputError(
            f"In {file.name} the time of solution {place + 1}, {times[place]}, lies outside its "
            f"{bounds}, {spans[place, 0]} to {spans[place, 1]}; one of the two is damaged, "
            "so give the file as distributed."
        )
    return _with_exclusive_ends(spans)


def _with_exclusive_ends(spans: np.ndarray) -> np.ndarray:
    """Spans that end with the day after the last one.

    The ends of CSR are such days, those of GSFC are the last day itself. Most solutions cover a
    calendar month, so that the ends that begin a month are the exclusive ones.
    """
    following = spans[:, 1] + DAY
    included = _starts_month(following).sum() > _starts_month(spans[:, 1]).sum()
    return np.stack([spans[:, 0], following if included else spans[:, 1]], axis=1)


def _starts_month(dates: np.ndarray) -> np.ndarray:
    return dates == dates.astype("datetime64[M]").astype(dates.dtype)
