"""The NetCDF Subset Service with the variables of TerraClimate.

References
----------
https://docs.unidata.ucar.edu/tds/current/userguide/netcdf_subset_service_ref.html
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range

from ..fields import classic_netcdf, field_on, stored
from ..messages import NOT_THERE, Asked, Handler, Reply

HOSTS = ("thredds.northwestknowledge.net",)
PATH = re.compile(
    r"/thredds/ncss/grid/agg_terraclimate_(\w+)_1950_CurrentYear_GLOBE\.nc(/dataset\.xml)?"
)
GRID = Grid(-180.0, 90.0, 1 / 24, 1 / 24, 4320, 8640)
# Variable -> predictor of the world, unit and size of a stored step.
VARIABLES = {
    "ppt": ("precipitation", "mm", 0.1),
    "pet": ("potential_evapotranspiration", "mm", 0.1),
    "vpd": ("vapour_pressure_deficit", "kPa", 0.01),
    "srad": ("radiation", "W/m^2", 0.1),
    "aet": ("actual_evapotranspiration", "mm", 0.1),
    "q": ("runoff", "mm", 0.1),
}
FILL = -2147483648


def handler(folder: Path) -> Handler:
    """Return what answers with the monthly predictors of a sample world."""

    def reply(asked: Asked) -> Reply:
        found = PATH.fullmatch(asked.path)
        if not found or found[1] not in VARIABLES:
            return NOT_THERE
        name, unit, scale = VARIABLES[found[1]]
        if found[2]:
            return Reply(200, {"Content-Type": "application/xml"}, _description(folder, name))
        fields = asked.fields
        months = month_range(fields["time_start"][:7], fields["time_end"][:7])
        months = [month for month in months if str(month)[:4] in _years(folder, name)]
        if not months or fields.get("accept") != "netcdf" or fields.get("var") != found[1]:
            return Reply(400, {"Content-Type": "text/plain"}, b"time: not in the range of the grid")
        grid = _centres_in(*(float(fields[side]) for side in ("west", "south", "east", "north")))
        values = [
            field_on(folder / "predictors" / f"{name}_{str(month)[:4]}.tif", int(str(month)[5:]),
                     grid)
            for month in months
        ]  # fmt: skip
        numbers = stored(np.stack(values), scale, 0.0, FILL, "int32")
        body = classic_netcdf(found[1], numbers, grid, np.array(months), unit, scale)
        return Reply(200, {"Content-Type": "application/x-netcdf"}, body, generated=True)

    return reply


def _centres_in(west: float, south: float, east: float, north: float) -> Grid:
    """The cells whose centres are in a box."""
    columns = np.flatnonzero((GRID.longitudes >= west) & (GRID.longitudes <= east))
    rows = np.flatnonzero((GRID.latitudes >= south) & (GRID.latitudes <= north))
    return GRID.subgrid(slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))


def _years(folder: Path, name: str) -> list[str]:
    return sorted(path.stem[-4:] for path in (folder / "predictors").glob(f"{name}_????.tif"))


def _description(folder: Path, name: str) -> bytes:
    years = _years(folder, name) or ["1950"]
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<gridDataset path="/thredds/ncss/grid/x">\n'
        f"  <TimeSpan>\n    <begin>{years[0]}-01-01T00:00:00Z</begin>\n"
        f"    <end>{years[-1]}-12-01T00:00:00Z</end>\n  </TimeSpan>\n</gridDataset>\n"
    ).encode()
