"""Monthly maps as Cloud-Optimised GeoTIFFs, one for each year and variable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ...base.months import calendar_month, month_range
from ...base.progress import Progress
from ...base.tiles import Tile
from ...base.units import CM
from ...files.stack import DEFLATED, MISSING
from ...files.stack_files import VARIABLE_TAG
from ...rasters.cog import write_cog
from ...rasters.geotiff import UNIT_TAG, GeoTiff, Header, new_geotiff
from .description import Description
from .product import CHUNK, GWSA, SIGMA, Product, Variable

# Where the files are, relative to the folder of the export: as gwsa:downscale writes them.
FOLDERS = {GWSA: "cog", SIGMA: "cog/sigma"}


def year_path(variable: str, year: int) -> str:
    """Return the path of a year, relative to the folder of the export."""
    return f"{FOLDERS[variable]}/{variable.upper()}_{year}.tif"


class CogYear:
    """A year that is being written; see ``new_year``."""

    def __init__(self, file: GeoTiff):
        self._file = file

    def write(self, months: np.ndarray, tile: Tile, values: np.ndarray) -> None:
        """Write a window of months of the year.

        Parameters
        ----------
        months : ndarray of datetime64[M], shape (months,)
        tile : Tile
        values : ndarray of float32, shape (months, rows, columns)
            In cm; NaN for no value.
        """
        for band, field in zip(calendar_month(months), values):
            self._file.write(int(band), field, tile.corner)

    def write_sources(self, year: int, sources: Mapping[np.datetime64, str]) -> None:
        """Write month and GWSA_SOURCE of each band; months that are not exported are MISSING."""
        for band, month in enumerate(_months(year), start=1):
            self._file.describe_band(band, str(month), sources.get(month, MISSING))


@contextmanager
def new_year(
    folder: Path,
    product: Product,
    variable: Variable,
    year: int,
    description: Description,
    progress: Progress,
) -> Iterator[CogYear]:
    """Create the file of a year with twelve bands and yield it for writing.

    The maps are first written to a plain GeoTIFF, from which the optimised one is made at the end.

    Parameters
    ----------
    folder : Path
        Folder of the export. After an exception it holds incomplete files and must be deleted.
    product : Product
        Gives the grid.
    variable : Variable
        Its tags are those of the file.
    year : int
    description : Description
    progress : Progress
        Shows the fraction of the optimisation.

    Raises
    ------
    OSError
        When a file cannot be written.
    """
    path = folder / year_path(variable.name, year)
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = path.with_name(f"{path.stem}.plain.tif")
    own = {key: text for key, text in variable.maps.tags().items() if key.startswith("GWSA_")}
    name = variable.name.upper()
    months = _months(year)
    header = Header(
        product.grid,
        names=tuple(map(str, months)),
        unit=CM,
        tags={
            **own,
            VARIABLE_TAG: name,
            UNIT_TAG: CM,
            "TIFFTAG_IMAGEDESCRIPTION": f"{description.title}: {name} {year}",
            "TIFFTAG_ARTIST": description.names,
            "TIFFTAG_COPYRIGHT": f"{description.names}, {description.licence.identifier}",
        },
    )
    with new_geotiff(plain, header, CHUNK, {**DEFLATED, "sparse_ok": True}) as file:
        yield CogYear(file)
    write_cog(plain, path, progress)
    plain.unlink()


def _months(year: int) -> np.ndarray:
    return month_range(f"{year}-01", f"{year}-12")
