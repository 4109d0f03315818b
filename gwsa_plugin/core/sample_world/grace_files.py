"""GRACE observations of the sample world, in the layout of CSR's RL06.3 mascons and land mask."""

from __future__ import annotations

import numpy as np

from ..base.grid import Grid
from ..base.months import month_range
from ..base.progress import SILENT, Progress
from ..grace.filled_months import WITHOUT_SOLUTION
from ..rasters.netcdf_writer import NetCdfWriter, new_netcdf

RECORD = month_range("2002-04", "2020-12")
MISSING = tuple(str(month) for month in WITHOUT_SOLUTION)
# First day and day after the last, in days since 2002-01-01, of the solutions that do not cover
# exactly a calendar month. Source: names of CSR's RL06 spherical-harmonic files
# (GSM-2_YYYYDDD-YYYYDDD), where 2012-03 is a full month.
PARTIAL = {
    "2002-04": (94, 120), "2002-05": (122, 137), "2003-05": (485, 506),
    "2004-01": (730, 743), "2004-02": (764, 790), "2007-02": (1857, 1884),
    "2010-12": (3256, 3283), "2011-02": (3325, 3346), "2011-07": (3472, 3499),
    "2011-11": (3575, 3606), "2011-12": (3633, 3663), "2012-04": (3731, 3761),
    "2012-09": (3896, 3921), "2012-11": (3962, 3987), "2013-02": (4049, 4075),
    "2013-04": (4118, 4138), "2014-01": (4383, 4399), "2014-03": (4444, 4473),
    "2014-06": (4534, 4558), "2015-01": (4760, 4779), "2015-05": (4849, 4879),
    "2015-07": (4927, 4960), "2015-09": (4991, 5018), "2015-12": (5092, 5116),
    "2016-01": (5116, 5141), "2016-02": (5141, 5173), "2016-05": (5241, 5265),
    "2016-07": (5295, 5324), "2016-08": (5333, 5360), "2016-11": (5431, 5458),
    "2016-12": (5458, 5485), "2017-01": (5485, 5513), "2017-03": (5554, 5583),
    "2017-04": (5578, 5607), "2017-05": (5601, 5621), "2017-06": (5621, 5658),
    "2018-07": (6025, 6043), "2018-10": (6138, 6157), "2019-02": (6234, 6275),
}  # fmt: skip
EPOCH = np.datetime64("2002-01-01")
CSR_GRID = Grid(0.0, 90.0, 0.25, 0.25, 720, 1440)
CHUNK = (36, 103, 206)
# A cell is land if at least this fraction of it is.
MIN_LAND_FRACTION = 0.5


def solved_months() -> np.ndarray:
    """Return the months of the record that have a solution.

    Returns
    -------
    ndarray of datetime64[M], shape (192,)
    """
    return RECORD[~np.isin(RECORD.astype(str), MISSING)]


def time_bounds() -> np.ndarray:
    """Return the first day and the day after the last of each solution.

    Returns
    -------
    ndarray of float32, shape (192, 2)
        Days since 2002-01-01.
    """
    bounds = [PARTIAL.get(str(month)) or _calendar_month(month) for month in solved_months()]
    return np.array(bounds, dtype=np.float32)


def write_mascons(path, grid: Grid, twsa: np.ndarray, progress: Progress = SILENT) -> None:
    """Write the mascon file.

    Parameters
    ----------
    path : Path
        The file to write.
    grid : Grid
        Region of 0.25° cells, north up. The rest of the global grid is zero.
    twsa : ndarray, shape (192, rows, columns)
        TWSA of each solution on ``grid``, cm.
    progress : Progress, optional
        Receives the fraction written.
    """
    with new_netcdf(path, _attributes(path.name)) as file:
        file.dimension("time", len(twsa))
        file.dimension("timebound", 2)
        _write_axes(file)
        _write_time(file)
        name = "Liquid_Water_Equivalent_Thickness"
        attributes = {
            "grid_mapping": "WGS84",
            "standard_name": name,
            "long_name": name,
            "Units": "cm",
        }
        file.variable("lwe_thickness", "time lat lon", "f4", attributes, chunks=CHUNK)
        for start in range(0, len(twsa), CHUNK[0]):
            values = _global_values(twsa[start : start + CHUNK[0]], grid)
            file.write("lwe_thickness", values, (start, 0, 0))
            progress.advance((start + CHUNK[0]) / len(twsa))


def write_land_mask(path, grid: Grid, land: np.ndarray) -> None:
    """Write the land mask that belongs to the mascon file.

    Parameters
    ----------
    path : path-like
        The file to write.
    grid : Grid
        Region of 0.25° cells, north up. The rest of the global grid is ocean.
    land : ndarray of bool, shape (rows, columns)
        True for land.
    """
    attributes: dict[str, str | float] = {
        "Conventions": "CF-1.5",
        "title": "Sample world of GWSA in the layout of the CSR RL06 mascon land mask",
        "summary": "CSR RL06 Mascon V02 Land Mask",
        "variable": "Land=1 and Ocean=0",
        "label": "Land_Mask_RL06M",
        "Mask": "Global",
    }
    described = {"long_name": "Land_Mask", "short_name": "LandMask"}
    with new_netcdf(path, attributes) as file:
        _write_axes(file, unit_key="units", with_limits=False)
        file.variable("LO_val", "lat lon", "f4", described, chunks=CSR_GRID.shape)
        file.write("LO_val", _global_values(land[None].astype(np.float32), grid)[0])


def _calendar_month(month: np.datetime64) -> tuple[int, int]:
    """First day and day after the last of a calendar month, days since the epoch."""
    first = (month.astype("datetime64[D]") - EPOCH).astype(int)
    following = ((month + 1).astype("datetime64[D]") - EPOCH).astype(int)
    return int(first), int(following)


def _global_values(values: np.ndarray, grid: Grid) -> np.ndarray:
    """Put values of a region on the global grid of the product.

    ``values`` has shape (months, rows, columns) and is north up. The result is float32, from 0° to
    360° and south up; cells outside the region are zero.
    """
    globe = np.zeros((len(values), *CSR_GRID.shape), dtype=np.float32)
    top = round((CSR_GRID.north - grid.north) / grid.dy)
    columns = (round(grid.west / grid.dx) + np.arange(grid.columns)) % CSR_GRID.columns
    globe[:, top : top + grid.rows, columns] = values
    return globe[:, ::-1]


def _write_time(file: NetCdfWriter) -> None:
    bounds = time_bounds()
    attributes = {
        "bounds": "time_bounds",
        "calendar": "gregorian",
        "axis": "T",
        "standard_name": "Time",
        "long_name": "Time",
        "Units": f"days since {EPOCH}T00:00:00Z",
    }
    file.variable("time", "time", "f4", attributes)
    file.write("time", bounds.mean(axis=1))
    file.variable("time_bounds", "time timebound", "f4", {})
    file.write("time_bounds", bounds)


def _write_axes(file: NetCdfWriter, unit_key: str = "Units", with_limits: bool = True) -> None:
    """Write longitude and latitude; the mascon file has more attributes than the land mask."""
    for name, long_name, unit, axis, values in (
        ("lon", "Longitude", "degrees_east", "X", CSR_GRID.longitudes),
        ("lat", "Latitude", "degrees_north", "Y", CSR_GRID.latitudes[::-1]),
    ):
        described = {"standard_name": long_name, "long_name": long_name, unit_key: unit}
        if with_limits:
            limits = {"valid_min": values[0], "valid_max": values[-1]}
            described = {"bounds": f"{name}_bounds", "axis": axis, **described, **limits}
        file.dimension(name, values.size)
        file.variable(name, name, "f4", described)
        file.write(name, values.astype(np.float32))


def _attributes(name: str) -> dict[str, str | float]:
    """Global attributes that tools read in the real file, with a title of the sample world."""
    listed = list(MISSING)
    # The real file lists this month twice.
    listed.insert(listed.index("2017-02"), "2017-02")
    return {
        "Conventions": "CF-1.6, ACDD-1.3, ISO 8601",
        "filename": f"netcdf/{name}",
        "title": "Sample world of GWSA in the layout of CSR GRACE and GRACE-FO MASCON RL0603M",
        "subtitle": "RL06.3 GRACE/GRACE-FO Total water storage with all correction applied",
        "platform": "GRACE and GRACE-FO",
        "institution": "GWSA contributors (synthetic data)",
        "processing_level": "2 and 3",
        "product_version": "RL06.3",
        "time_epoch": "2002-01-01T00:00:00Z",
        "time_coverage_start": "2002-04-05T00:00:00Z",
        "time_coverage_end": "2020-12-31T23:59:59Z",
        "geospatial_lat_min": "-89.875",
        "geospatial_lat_max": "89.875",
        "geospatial_lat_units": "degrees_north",
        "geospatial_lon_min": "0.125",
        "geospatial_lon_max": "359.875",
        "geospatial_lon_units": "degrees_east",
        "time_mean_removed": "2004.000 to 2009.999",
        "months_missing": ";".join(listed),
        "variable": "liquid water equivalent thickness",
        "label": "RL0603rc24cE",
        "Mask": "Global",
    }
