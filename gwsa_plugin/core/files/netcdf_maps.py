"""A monthly variable of a NetCDF file as monthly maps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..base.errors import InputError
from ..base.grid import Grid
from ..base.units import require_cm_per
from ..rasters.lonlat import arranged
from ..rasters.netcdf import open_netcdf
from ..rasters.netcdf_raster import NetCdfRaster, gridded_variables, is_netcdf
from ..rasters.raster import Raster
from ..rasters.reading import band_months
from .stack import OBSERVED
from .yearly_maps import YearlyMaps

# Lower-case names of variables of groundwater storage.
USUAL_NAMES = ("gwsa", "gws", "gwa", "groundwater", "groundwater_storage_anomaly")
# Global attributes that describe a product.
DESCRIPTIONS = ("title", "summary", "source", "comment", "description", "keywords")


@dataclass(frozen=True)
class NetCdfMaps(YearlyMaps):
    """Monthly maps in a NetCDF file.

    Parameters
    ----------
    grid, bands, source
        As in ``YearlyMaps``.
    variable : str
        The variable over time, latitude and longitude.
    unit : str
        Its unit.
    """

    variable: str = ""
    unit: str = ""

    @classmethod
    def from_netcdf(cls, path: str | Path, variable: str = "", unit: str = "") -> NetCdfMaps:
        """Find the months of a variable of a NetCDF file.

        Parameters
        ----------
        path : str or Path
        variable : str
            Empty for the only monthly variable, or the only one with a usual name.
        unit : str
            Unit of the variable; empty for that of the file.

        Raises
        ------
        InputError
            When the file is not NetCDF, the variable or its unit is not known, its grid is not
            even, or it is not monthly.
        """
        path = Path(path)
        if not is_netcdf(path):
            problem = "is no NetCDF file" if path.is_file() else "does not exist"
            raise InputError(f"{path.name} {problem}; give a NetCDF file, or a GeoTIFF as a layer.")
        raster = NetCdfRaster(path, variable or _only_variable(path))
        stated = unit.strip() or raster.bands[0].unit
        if not stated:
            raise InputError(
                f"{raster.variable} in {path.name} states no unit; give it, for example cm."
            )
        require_cm_per(stated, path.name)
        with arranged(raster, path.name) as source:
            months = band_months(source, path)
            grid = Grid.from_transform(source.transform, source.shape, path.name)
        numbers = {month: (path, band) for band, month in enumerate(months, start=1)}
        bands = {month: numbers[month] for month in sorted(numbers)}
        return cls(grid, bands, (OBSERVED,) * len(bands), raster.variable, stated)

    def tags(self) -> dict[str, str]:
        """Read the global attributes that describe the product."""
        path, _ = next(iter(self.bands.values()))
        with open_netcdf(path) as file:
            texts = {name: file.text(name) for name in DESCRIPTIONS}
        return {name: text for name, text in texts.items() if text}

    @contextmanager
    def _open(self, path: Path) -> Iterator[Raster]:
        raster = NetCdfRaster(path, self.variable)
        raster.bands = tuple(band._replace(unit=self.unit) for band in raster.bands)
        with arranged(raster, path.name) as source:
            yield source


def _only_variable(path: Path) -> str:
    """The variable of a file, if there is only one, or only one with months or a usual name."""
    names: Sequence[str] = gridded_variables(path)
    if len(names) > 1:
        names = [name for name in names if _is_monthly(path, name)]
    usual = [name for name in names if name.lower() in USUAL_NAMES]
    found = names if len(names) == 1 else usual
    if len(found) != 1:
        raise InputError(
            f"{path.name} holds {', '.join(names) or 'no monthly map over latitude and longitude'};"
            " state which variable is meant."
        )
    return found[0]


def _is_monthly(path: Path, name: str) -> bool:
    try:
        return bool(NetCdfRaster(path, name).bands[0].description)
    except InputError:
        return False
