"""Monthly maps as NetCDF-4 by the CF conventions.

A chunk holds one month of 240 x 240 cells, so that a map and a series at a point are both read
fast. Chunks without any value are left out and read as the fill value, NaN. The file is written
through GDAL, which every QGIS has.

There is no standard name for GWSA: ``groundwater_amount`` is an amount and no anomaly, and
``change_over_time_in_groundwater_amount`` is a change within an interval; both are in kg m-2.

References
----------
CF conventions 1.8, https://cfconventions.org: 4 (coordinates), 5.6 (grid mappings), 7.1 (bounds),
7.3 (cell methods), 3.4 (ancillary data), 3.5 (flags). CF standard name table 93.
Attribute Convention for Data Discovery 1.3 (ACDD): names of the global attributes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ...base.grid import Grid
from ...base.tiles import Tile
from ...base.units import CM
from ...files.provenance import plugin_version
from ...files.stack import FILLED, MISSING, OBSERVED
from ...files.stack_files import VARIABLE_TAG
from ...rasters.crs import wkt2
from ...rasters.geotiff import UNIT_TAG
from ...rasters.netcdf_tags import SOURCES
from ...rasters.netcdf_writer import Attribute, NetCdfWriter, new_netcdf
from .citation import KEYWORDS
from .description import Description
from .product import CHUNK, GWSA, Product

CONVENTIONS = "CF-1.8"
SOURCE = "gwsa_source"
CRS = "crs"
# Meaning of each value of the flags, which is its place here.
FLAGS = (OBSERVED, FILLED, MISSING)
EPOCH = np.datetime64("1970-01-01", "D")
TIME_UNIT = "days since 1970-01-01 00:00:00"
# Stage that wrote the maps -> what they are made from; not known of other maps.
SOURCES_OF_STAGES = {
    "gwsabalance": "GRACE and GRACE-FO mascons, GLDAS land surface model",
    "downscale": "GRACE and GRACE-FO mascons, GLDAS land surface model, predictors of 1 km",
}
# Tags that are attributes of a variable.
TAGS_OF_VARIABLES = (VARIABLE_TAG, UNIT_TAG, "GWSA_SIGMA")
# Level of DEFLATE. Level 6, the default of zlib, takes twice the time and saves 2 %.
LEVEL = 4
# Semi-major axis in metres and inverse flattening of WGS 84.
WGS84_AXIS = 6378137.0
WGS84_FLATTENING = 298.257223563


class NetCdfMaps:
    """A NetCDF file of monthly maps that is being written; see ``new_maps``."""

    def __init__(self, file: NetCdfWriter, months: np.ndarray, variables: list[str]):
        self._file = file
        self._months = months
        self._variables = variables

    def write(self, variable: str, months: np.ndarray, tile: Tile, values: np.ndarray) -> None:
        """Write a window of consecutive months.

        Parameters
        ----------
        variable : str
            GWSA or SIGMA.
        months : ndarray of datetime64[M], shape (months,)
        tile : Tile
            Begins at the edges of chunks.
        values : ndarray of float32, shape (months, rows, columns)
            In cm; NaN for no value.
        """
        first = int(np.searchsorted(self._months, months[0]))
        for number, field in enumerate(values, start=first):
            for top in range(0, tile.shape[0], CHUNK):
                for left in range(0, tile.shape[1], CHUNK):
                    block = field[None, top : top + CHUNK, left : left + CHUNK]
                    if not np.isnan(block).all():
                        start = (number, tile.rows.start + top, tile.columns.start + left)
                        self._file.write(variable, block, start)

    def write_sources(self, sources: Mapping[np.datetime64, str]) -> None:
        """Write whether each month is OBSERVED, FILLED or MISSING, as flags and as a tag."""
        words = [sources[month] for month in self._months]
        self._file.write(SOURCE, np.array([FLAGS.index(word) for word in words], dtype=np.int16))
        for variable in self._variables:
            self._file.set_attribute(variable, SOURCES, " ".join(words))


@contextmanager
def new_maps(
    path: Path, product: Product, months: np.ndarray, description: Description
) -> Iterator[NetCdfMaps]:
    """Create a NetCDF file of monthly maps and yield it for writing.

    Parameters
    ----------
    path : Path
        The new file. After an exception it is incomplete and must be deleted.
    product : Product
        Gives the grid, the variables and the tags.
    months : ndarray of datetime64[M], shape (months,)
        Consecutive months of the file.
    description : Description

    Raises
    ------
    OSError
        When the file cannot be written.
    """
    with new_netcdf(path, _global_attributes(product, months, description)) as file:
        _write_axes(file, product.grid, months)
        _write_grid_mapping(file, product.grid)
        names = [variable.name for variable in product.variables]
        for name in names:
            _add_maps(file, name, names, product)
        _add_sources(file)
        yield NetCdfMaps(file, months, names)


def _global_attributes(
    product: Product, months: np.ndarray, description: Description
) -> dict[str, Attribute]:
    west, south, east, north = product.grid.bounds
    first, last = time_bounds(months)[[0, -1], [0, 1]]
    persons = [creator.full_name for creator in description.creators if creator.given]
    organisations = [creator.name for creator in description.creators if not creator.given]
    attributes: dict[str, Attribute] = {
        "Conventions": CONVENTIONS,
        "title": description.title,
        "summary": product.summary,
        "keywords": ", ".join(KEYWORDS),
        "source": SOURCES_OF_STAGES.get(product.tags.get("GWSA_STAGE", ""), ""),
        "institution": "; ".join(organisations),
        "creator_name": "; ".join([*persons, *organisations]),
        "license": f"{description.licence.identifier}: {description.licence.address}",
        "id": description.doi,
        "naming_authority": "org.doi" if description.doi else "",
        "references": description.doi_address,
        "history": f"Written by gwsa:export of GWSA {plugin_version()}.",
        "geospatial_lat_min": np.array(south),
        "geospatial_lat_max": np.array(north),
        "geospatial_lat_units": "degrees_north",
        "geospatial_lon_min": np.array(west),
        "geospatial_lon_max": np.array(east),
        "geospatial_lon_units": "degrees_east",
        "time_coverage_start": f"{first}T00:00:00Z",
        "time_coverage_end": f"{last}T00:00:00Z",
        "time_coverage_resolution": "P1M",
        **{tag: text for tag, text in product.tags.items() if tag not in TAGS_OF_VARIABLES},
    }
    return {name: value for name, value in attributes.items() if not _is_empty(value)}


def _is_empty(value: Attribute) -> bool:
    return isinstance(value, str) and not value


def time_bounds(months: np.ndarray) -> np.ndarray:
    """Return the first day of each month and of the month after it, datetime64[D], (months, 2)."""
    return np.stack([months, months + 1], axis=1).astype("datetime64[D]")


def _write_axes(file: NetCdfWriter, grid: Grid, months: np.ndarray) -> None:
    file.dimension("time", months.size)
    file.dimension("lat", grid.rows)
    file.dimension("lon", grid.columns)
    file.dimension("bnds", 2)
    days = (time_bounds(months) - EPOCH).astype(np.float64)
    _write_axis(file, "time", days, {
        "standard_name": "time", "long_name": "middle of the month", "axis": "T",
        "units": TIME_UNIT, "calendar": "standard",
    })  # fmt: skip
    rows = grid.north - np.arange(grid.rows + 1) * grid.dy
    _write_axis(file, "lat", np.stack([rows[:-1], rows[1:]], axis=1), {
        "standard_name": "latitude", "long_name": "latitude of the centre of the cell",
        "axis": "Y", "units": "degrees_north",
    })  # fmt: skip
    columns = grid.west + np.arange(grid.columns + 1) * grid.dx
    _write_axis(file, "lon", np.stack([columns[:-1], columns[1:]], axis=1), {
        "standard_name": "longitude", "long_name": "longitude of the centre of the cell",
        "axis": "X", "units": "degrees_east",
    })  # fmt: skip


def _write_axis(file: NetCdfWriter, name: str, bounds: np.ndarray, attributes: dict) -> None:
    """Write a coordinate, the middle of its bounds, and the bounds, shape (cells, 2)."""
    file.variable(name, name, "f8", {**attributes, "bounds": f"{name}_bnds"})
    file.write(name, bounds.mean(axis=1))
    file.variable(f"{name}_bnds", f"{name} bnds", "f8", {})
    file.write(f"{name}_bnds", bounds)


def _write_grid_mapping(file: NetCdfWriter, grid: Grid) -> None:
    attributes = {
        "grid_mapping_name": "latitude_longitude",
        "long_name": "coordinate reference system",
        "semi_major_axis": np.array(WGS84_AXIS),
        "inverse_flattening": np.array(WGS84_FLATTENING),
        "longitude_of_prime_meridian": np.array(0.0),
        "crs_wkt": wkt2(grid.crs),
    }
    file.variable(CRS, "", "i4", attributes)
    file.write(CRS, np.array(0, dtype=np.int32))


def _add_maps(file: NetCdfWriter, name: str, names: list[str], product: Product) -> None:
    attributes: dict[str, Attribute] = {
        "units": CM,
        "grid_mapping": CRS,
        VARIABLE_TAG: name.upper(),
    }
    if name == GWSA:
        baseline = product.tags.get("GWSA_BASELINE")
        attributes["coverage_content_type"] = "physicalMeasurement"
        attributes["cell_methods"] = "time: mean area: mean"
        attributes["long_name"] = "groundwater storage anomaly as equivalent water height"
        attributes["ancillary_variables"] = " ".join([*names[1:], SOURCE])
        if baseline:
            attributes["comment"] = f"Relative to the mean of {baseline}."
    else:
        attributes["long_name"] = "standard uncertainty of the groundwater storage anomaly"
        attributes["coverage_content_type"] = "qualityInformation"
        attributes["comment"] = attributes["GWSA_SIGMA"] = product.tags.get("GWSA_SIGMA", "")
    rows, columns = product.grid.shape
    file.variable(
        name,
        "time lat lon",
        "f4",
        {key: value for key, value in attributes.items() if not _is_empty(value)},
        chunks=(1, min(CHUNK, rows), min(CHUNK, columns)),
        fill=np.nan,
        level=LEVEL,
    )


def _add_sources(file: NetCdfWriter) -> None:
    file.variable(SOURCE, "time", "i2", {
        "standard_name": "status_flag",
        "long_name": "source of GRACE in the month: observed, or filled in a gap",
        "flag_values": np.arange(len(FLAGS), dtype=np.int16),
        "flag_meanings": " ".join(FLAGS),
        "coverage_content_type": "qualityInformation",
    })  # fmt: skip
