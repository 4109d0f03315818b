"""Export of monthly maps as a dataset: one folder as a data paper and a repository ask for.

The maps are read once, window by window. All files are written to a temporary folder, which gets
its final name when it is complete.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ...base.errors import InputError
from ...base.months import name_runs, period_name
from ...base.progress import SILENT, Progress
from ...files.provenance import sha256
from ...files.stack import MISSING
from ...rasters.netcdf_writer import can_write_netcdf
from .citation import citation_file
from .cog_maps import CogYear, new_year, year_path
from .description import Description
from .folder import digest_files, new_folder, write_checksums
from .licences import licence_text
from .netcdf_maps import NetCdfMaps, new_maps
from .product import GWSA, Product, Reader, Variable, opened
from .readme import readme
from .stac_item import DataFile, Digest, stac_item

# How NetCDF is divided into files.
YEARLY, SINGLE, NO_NETCDF = "yearly", "single", "none"
NETCDF_CHOICES = (YEARLY, SINGLE, NO_NETCDF)
ITEM = "item.json"
# Path -> title and media type of the files that are not rasters.
TEXTS = {
    "README.md": ("Description of the dataset", "text/markdown"),
    "CITATION.cff": ("How to cite the dataset", "text/yaml"),
    "LICENSE": ("Licence", "text/plain"),
}
OTHER_TEXTS = {
    ITEM: ("STAC item: place, period and all files with their checksums", "application/geo+json"),
    "SHA256SUMS": ("Checksums of all files", "text/plain"),
}


@dataclass(frozen=True)
class Formats:
    """The formats of an export.

    Parameters
    ----------
    netcdf : str
        YEARLY for a file for each year, SINGLE for one file, NO_NETCDF.
    cog : bool
        True for Cloud-Optimised GeoTIFFs of each year.
    """

    netcdf: str = YEARLY
    cog: bool = True


@dataclass
class _Job:
    """The export that is being written to ``folder``."""

    folder: Path
    product: Product
    description: Description
    formats: Formats
    # Months of which a cell has a value.
    mapped: set[np.datetime64]

    def sources(self) -> dict[np.datetime64, str]:
        """The source of each month; MISSING where the map turned out to be empty."""
        stated = self.product.stated_sources()
        return {month: one if month in self.mapped else MISSING for month, one in stated.items()}


def export_maps(
    folder: Path,
    product: Product,
    description: Description,
    formats: Formats,
    progress: Progress = SILENT,
) -> None:
    """Write a dataset.

    Parameters
    ----------
    folder : Path
        The folder, which must not exist, be empty or hold an earlier export alone.
    product : Product
        The maps.
    description : Description
        Title, creators, licence and DOI.
    formats : Formats
    progress : Progress
        Receives log lines and the fraction done.

    Raises
    ------
    InputError
        When the folder has other files, no format is chosen, GDAL has no driver of NetCDF, or a
        map cannot be read.
    OSError
        When a file cannot be written.
    """
    if formats.netcdf == NO_NETCDF and not formats.cog:
        raise InputError("No format is chosen; choose NetCDF (NETCDF) or GeoTIFF (COG).")
    if formats.netcdf != NO_NETCDF and not can_write_netcdf():
        raise InputError(
            "The GDAL of this QGIS has no netCDF driver to write NetCDF with; install the driver "
            "(libgdal-netcdf of conda), or write GeoTIFFs alone (NETCDF, COG)."
        )
    with new_folder(folder) as new:
        job = _Job(new, product, description, formats, set())
        files = _write_data(job, progress.part(0.0, 0.95).timed("Export"))
        sources = job.sources()
        _warn_of_empty_months(product, sources, progress)
        _write_texts(job, files, sources, progress.part(0.95, 1.0))
    progress.info(
        f"{folder.name} has {len(files)} rasters of {period_name(product.months[[0, -1]])}, their "
        "description and their checksums."
    )


def _write_data(job: _Job, progress: Progress) -> list[DataFile]:
    """Write all rasters and return them."""
    product = job.product
    with ExitStack() as stack:
        readers = {one.name: stack.enter_context(opened(one)) for one in product.variables}
        single = None
        if job.formats.netcdf == SINGLE:
            single = stack.enter_context(_open_netcdf(job, product.months))
        for year, step in zip(product.years, progress.parts(len(product.years))):
            _write_year(job, readers, year, single, step)
            progress.info(f"{year} is written.")
        if single:
            single.write_sources(job.sources())
    return _data_files(job)


def _write_year(
    job: _Job, readers: dict[str, Reader], year: int, single: NetCdfMaps | None, progress: Progress
) -> None:
    """Read the months of a year once and write them in all formats."""
    months = job.product.months_in(year)
    with ExitStack() as stack:
        netcdf = single
        if job.formats.netcdf == YEARLY:
            netcdf = stack.enter_context(_open_netcdf(job, months))
        variables = job.product.variables
        for variable, step in zip(variables, progress.parts(len(variables))):
            _write_variable(job, readers[variable.name], variable, year, netcdf, step)
        if netcdf and netcdf is not single:
            netcdf.write_sources(job.sources())


def _write_variable(
    job: _Job,
    reader: Reader,
    variable: Variable,
    year: int,
    netcdf: NetCdfMaps | None,
    progress: Progress,
) -> None:
    months = job.product.months_in(year)
    reading = progress.part(0.0, 0.5 if job.formats.cog else 1.0)
    tiles = job.product.tiles()
    with ExitStack() as stack:
        writers: list[Callable] = []
        cog: CogYear | None = None
        if netcdf:
            writers.append(partial(netcdf.write, variable.name))
        if job.formats.cog:
            cog = stack.enter_context(
                new_year(
                    job.folder, job.product, variable, year, job.description,
                    progress.part(0.5, 1.0),
                )
            )  # fmt: skip
            writers.append(cog.write)
        for tile, step in zip(tiles, reading.parts(len(tiles))):
            values = reader.read(months, tile)
            if variable.name == GWSA:
                job.mapped.update(months[np.isfinite(values).any(axis=(1, 2))])
            for write in writers:
                write(months, tile, values)
            step.advance(1.0)
        if cog:
            cog.write_sources(year, job.sources())


def _open_netcdf(job: _Job, months: np.ndarray) -> AbstractContextManager[NetCdfMaps]:
    path = job.folder / _netcdf_path(job, months)
    path.parent.mkdir(exist_ok=True)
    return new_maps(path, job.product, months, job.description)


def _netcdf_path(job: _Job, months: np.ndarray) -> str:
    is_yearly = job.formats.netcdf == YEARLY
    period = str(months[0])[:4] if is_yearly else f"{months[0]}_{months[-1]}"
    return f"netcdf/GWSA_{period}.nc"


def _data_files(job: _Job) -> list[DataFile]:
    """All rasters, in the order in which they are listed."""
    product, formats = job.product, job.formats
    files = []
    both = " and ".join(one.name.upper() for one in product.variables)
    if formats.netcdf != NO_NETCDF:
        periods = (
            [product.months]
            if formats.netcdf == SINGLE
            else [product.months_in(year) for year in product.years]
        )
        for months in periods:
            period = period_name(months[[0, -1]])
            files.append(DataFile(_netcdf_path(job, months), f"{both}, {period}", months))
    if formats.cog:
        for variable in product.variables:
            for year in product.years:
                path = year_path(variable.name, year)
                title = f"{variable.name.upper()}, {year}"
                files.append(DataFile(path, title, product.months_in(year)))
    return files


def _warn_of_empty_months(
    product: Product, sources: dict[np.datetime64, str], progress: Progress
) -> None:
    stated = product.stated_sources()
    empty = [one for one, found in sources.items() if found == MISSING != stated[one]]
    if empty:
        progress.warn(
            f"The maps of {name_runs(np.array(empty))} have no value in any cell; they are "
            "exported as missing months."
        )


def _write_texts(
    job: _Job, files: list[DataFile], sources: dict[np.datetime64, str], progress: Progress
) -> None:
    """Write what describes the rasters, and last the checksums of all files."""
    folder, product, description = job.folder, job.product, job.description
    contents = {
        "README.md": readme(description, product, files, {**TEXTS, **OTHER_TEXTS}, sources),
        "CITATION.cff": citation_file(description, product.summary),
        "LICENSE": licence_text(description.licence, description.title, description.names),
    }
    for name, text in contents.items():
        (folder / name).write_bytes(text.encode())
    digests = digest_files(folder, progress)
    sizes = {name: (folder / name).stat().st_size for name in digests}
    item = stac_item(
        description,
        product,
        files,
        TEXTS,
        {name: Digest(sizes[name], digests[name]) for name in digests},
    )
    (folder / ITEM).write_bytes((json.dumps(item, indent=2, ensure_ascii=False) + "\n").encode())
    write_checksums(folder, {**digests, ITEM: sha256(folder / ITEM)})
