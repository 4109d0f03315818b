"""The tags GWSA_... of NetCDF files that GWSA wrote, which are attributes there.

GDAL shows a global attribute as ``NC_GLOBAL#name``, an attribute of a variable as
``variable#name`` among the tags of the file, and as ``name`` among those of every band.
"""

from __future__ import annotations

from .geotiff import SOURCE_TAG

# Attribute of a variable with the tag GWSA_SOURCE of each time, separated by spaces.
SOURCES = "GWSA_SOURCES"


def with_attributes(tags: dict[str, str], band: int) -> dict[str, str]:
    """Return the tags of a raster with those that a NetCDF file has as attributes.

    Parameters
    ----------
    tags : dict of str to str
        As GDAL gives them.
    band : int
        The band, 0 for the file.

    Returns
    -------
    dict of str to str
        The same for files of other formats.
    """
    if band:
        sources = tags.get(SOURCES, "").split()
        return {**tags, SOURCE_TAG: sources[band - 1]} if band <= len(sources) else tags
    named = {key.rpartition("#")[2]: text for key, text in tags.items() if "#GWSA_" in key}
    named.pop(SOURCES, None)
    return {**named, **tags}
