"""Small mascon files with known values, in the layouts of the centres and of crops."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.io import netcdf_file

from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.rasters.netcdf_writer import new_netcdf

RECORD = month_range("2003-11", "2010-02")
EPOCH = np.datetime64("2002-01-01")
DAYS = f"days since {EPOCH}T00:00:00Z"
LISTED = "2002-06;2002-07;2003-06;2011-01;2017-02;2017-02;2018-08-2018-09"
CSR = {
    "institution": "The University of Texas - Center for Space Research (CSR)",
    "title": "CSR GRACE and GRACE-FO MASCON RL0603M",
    "product_version": "RL06.3",
    "C_20_substitution": "TN-14; Loomis et al., 2019 (GSFC SLR, archive at JPL)",
    "months_missing": LISTED,
}
CSR_V02 = {
    "institution": "The University of Texas - Center for Space Research (CSR)",
    "title": "CSR GRACE and GRACE-FO MASCON RL06Mv2",
    "summary": (
        "Monthly mass anomaly grids from GRACE and GRACE-FO determined from CSR RL06 processing"
    ),
    "months_missing": LISTED,
}
JPL = {
    "institution": "NASA/JPL",
    "title": "JPL GRACE and GRACE-FO MASCON RL06.3Mv04 CRI",
    "source": "GRACE and GRACE-FO JPL RL06.3Mv04-CRI",
    "product_version": "v3.0",
    "months_missing": LISTED,
}
GSFC = {
    "title": "NASA GSFC GRACE and GRACE-FO MASCON RL06 v1.0",
    "creator_institution": "NASA GSFC",
    "product_version": "v1.0",
    "geocenter_correction": "JPL TN-13",
    "C_20_substitution": "TN-14; Loomis et al., 2020",
}


@dataclass(frozen=True)
class Layout:
    """Content of a mascon file.

    ``spans``: days since 2002, calendar months by default. ``clock``: type and unit of time.
    ``bounds``: whether the time bounds are written. ``extra``: arrays over (time, lat, lon) or
    (lat, lon) by name.
    """

    longitudes: np.ndarray
    latitudes: np.ndarray
    months: np.ndarray = field(default_factory=lambda: RECORD)
    spans: np.ndarray | None = None
    attributes: dict = field(default_factory=lambda: CSR)
    units: str = "Units"
    clock: tuple[str, str] = ("f4", DAYS)
    bounds: bool = True
    thickness: dict = field(default_factory=dict)
    unit: str = "cm"
    kind: str = "f4"
    fill: float | None = None
    chunks: tuple | None = None
    extra: dict = field(default_factory=dict)

    @property
    def days(self) -> np.ndarray:
        calendar_months = [
            (month.astype("datetime64[D]") - EPOCH).astype("f4")
            for month in (self.months, self.months + 1)
        ]
        return np.stack(calendar_months, axis=1) if self.spans is None else self.spans

    @property
    def times(self) -> np.ndarray:
        """The middle of each span in the unit of the clock."""
        step, _, epoch = self.clock[1].rstrip("Z").split(" ", 2)
        length = {"days": 1440, "hours": 60}[step]
        minutes = np.rint(self.days.mean(axis=1) * 1440) - (
            np.datetime64(epoch, "m") - EPOCH.astype("M8[m]")
        ).astype(int)
        return minutes / length


CSR_CROP = Layout(np.arange(70.125, 72, 0.25), np.arange(20.125, 21.5, 0.25))


def truth(latitudes, longitudes, months):
    """Values in cm that differ between all cells and months."""
    longitudes = (np.asarray(longitudes) + 180) % 360 - 180
    place = np.asarray(latitudes)[:, None] * 0.5 + longitudes * 0.01
    return (
        place * np.sin(np.arange(months.size))[:, None, None]
        + (months - np.datetime64("2003-01", "M")).astype(int)[:, None, None]
    )


def expected(stack):
    """Anomalies of the truth at the stack's own cells."""
    values = truth(stack.grid.latitudes, stack.grid.longitudes, RECORD)
    inside = (np.datetime64("2004-01") <= RECORD) & (np.datetime64("2009-12") >= RECORD)
    anomalies = values - values[inside].mean(axis=0)
    return anomalies[np.isin(RECORD, stack.months)]


def write_mascons(path, layout, values=None):
    """Write NetCDF-4."""
    values = truth(layout.latitudes, layout.longitudes, layout.months) if values is None else values
    with new_netcdf(path, layout.attributes) as file:
        sizes = {
            "time": layout.months.size,
            "timebound": 2,
            "lat": layout.latitudes.size,
            "lon": layout.longitudes.size,
        }
        for name, size in sizes.items():
            file.dimension(name, size)
        kind, clock = layout.clock
        file.variable("time", "time", kind, {layout.units: clock, "bounds": "time_bounds"})
        file.variable("lat", "lat", "f4", {layout.units: "degrees_north"})
        file.variable("lon", "lon", "f4", {layout.units: "degrees_east"})
        attributes = {layout.units: layout.unit, **layout.thickness}
        file.variable(
            "lwe_thickness", "time lat lon", layout.kind, attributes, layout.chunks, layout.fill
        )
        for name, array in layout.extra.items():
            with_time = array.ndim == 3
            units = {"units": "cm"} if with_time else {}
            file.variable(name, "time lat lon" if with_time else "lat lon", "f4", units)
        if layout.bounds:
            file.variable("time_bounds", "time timebound", "f4", {"units": DAYS})
            file.write("time_bounds", layout.days.astype("f4"))
        file.write("time", layout.times.astype(kind))
        file.write("lat", layout.latitudes.astype("f4"))
        file.write("lon", layout.longitudes.astype("f4"))
        file.write("lwe_thickness", values.astype(layout.kind))
        for name, array in layout.extra.items():
            file.write(name, array.astype("f4"))
    return path


def write_classic(path, layout, values=None):
    """Write NetCDF-3 in double precision, as GSFC does; the thickness is of ``layout.kind``."""
    values = truth(layout.latitudes, layout.longitudes, layout.months) if values is None else values
    axes = ("time", "lat", "lon")
    content = {
        "lon": (("lon",), layout.longitudes, {"units": "degrees_east"}),
        "lat": (("lat",), layout.latitudes, {"units": "degrees_north"}),
        "time": (("time",), layout.times, {"units": layout.clock[1], "bounds": "time_bounds"}),
        "lwe_thickness": (
            axes,
            values.astype(layout.kind),
            {"units": layout.unit, **layout.thickness},
        ),
        **{
            name: (axes[-array.ndim :], array.astype("f8"), {})
            for name, array in layout.extra.items()
        },
    }
    if layout.bounds:
        content["time_bounds"] = (("time", "bounds"), layout.days.astype("f8"), {"units": DAYS})
    with netcdf_file(path, "w") as file:
        for name, value in layout.attributes.items():
            setattr(file, name, value)
        sizes = dict(zip(axes, values.shape), bounds=2)
        for name, size in sizes.items():
            file.createDimension(name, size)
        for name, (dimensions, array, attributes) in content.items():
            variable = file.createVariable(name, array.dtype, dimensions)
            variable[:] = array
            for key, value in attributes.items():
                setattr(variable, key, value)
    return path


def write_mask(path, is_land, cell=0.25, name="LO_val"):
    """Write a global mask, 0-360 and south-up as CSR's.

    ``is_land`` takes latitudes and longitudes in -180..180.
    """
    latitudes = np.arange(-90 + cell / 2, 90, cell)
    longitudes = np.arange(cell / 2, 360, cell)
    with new_netcdf(path, {}) as file:
        file.dimension("lat", latitudes.size)
        file.dimension("lon", longitudes.size)
        for axis, values in (("lat", latitudes), ("lon", longitudes)):
            file.variable(axis, axis, "f4", {})
            file.write(axis, values.astype("f4"))
        file.variable(name, "lat lon", "f4", {})
        land = is_land(latitudes[:, None], (longitudes + 180) % 360 - 180)
        file.write(name, np.broadcast_to(land, (latitudes.size, longitudes.size)).astype("f4"))
    return path


def jpl_mascons(latitudes, longitudes):
    """Numbers of 3 x 3 degree mascons: int, shape (latitudes, longitudes)."""
    return (np.floor((latitudes[:, None] + 90) / 3) * 120 + np.floor(longitudes % 360 / 3)).astype(
        int
    )


class Log(Progress):
    """The lines of the log, and those that are warnings."""

    def __init__(self):
        self.lines = []
        self.warnings = []

    def info(self, text):
        self.lines.append(text)

    def warn(self, text):
        self.lines.append(text)
        self.warnings.append(text)

    def __contains__(self, text):
        return any(text in line for line in self.lines)
