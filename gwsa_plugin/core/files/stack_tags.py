"""Tags of a stack that the stages after it need and pass on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..base.errors import InputError
from ..base.grid import Bounds, Grid, intersection
from ..rasters.geotiff import SOURCE_TAG
from ..rasters.raster import Raster

# The values of the band tag GWSA_SOURCE.
OBSERVED = "observed"
FILLED = "filled"
MISSING = "missing"

# "west south east north" of the region that was asked for, degrees, on complete cells.
REGION_TAG = "GWSA_REGION"
# Full width of the footprint of GRACE at half of its maximum, km.
FOOTPRINT_TAG = "GWSA_FOOTPRINT_KM"
# How coarse GWSA was corrected for leakage.
LEAKAGE_TAG = "GWSA_LEAKAGE"
# The two products that a map compares.
COMPARED_TAG = "GWSA_COMPARED"
# How far a sigma can be relied on.
SIGMA_TAG = "GWSA_SIGMA"
# Root mean square of the part of a sigma that stands for detail which GRACE does not resolve, cm.
DETAIL_SIGMA_TAG = "GWSA_SIGMA_DETAIL_CM"
CARRIED_TAGS = (
    "GWSA_BASELINE",
    REGION_TAG,
    "GWSA_CENTRE",
    "GWSA_GAIN_FACTORS",
    "GWSA_GAUSSIAN_KM",
    "GWSA_BALANCE_MODE",
    FOOTPRINT_TAG,
    "GWSA_FOOTPRINT_INTERVAL_KM",
    "GWSA_FOOTPRINT_SOURCE",
    LEAKAGE_TAG,
)


def carried_tags(tags: Mapping[str, str], name: str) -> dict[str, str]:
    """Select the tags of a file that stages pass on, and check those that are numbers.

    Parameters
    ----------
    tags : mapping of str to str
        All tags of the file.
    name : str
        Name of the file, for messages.

    Raises
    ------
    InputError
        When GWSA_REGION or GWSA_FOOTPRINT_KM cannot be read.
    """
    region_bounds(tags, name)
    footprint_km(tags, name)
    return {key: text for key, text in tags.items() if key in CARRIED_TAGS}


def stated_source(source: Raster, band: int, name: str) -> str | None:
    """Return the tag GWSA_SOURCE of a band of an open raster; None without it.

    Raises
    ------
    InputError
        When it is none of the known ones; ``name`` is that of the file.
    """
    stated = source.tags(band).get(SOURCE_TAG)
    if stated not in (None, OBSERVED, FILLED, MISSING):
        raise InputError(
            f"Band {band} of {name} has the tag {SOURCE_TAG}={stated}; set it to {OBSERVED}, "
            f"{FILLED} or {MISSING}, or delete it."
        )
    return stated


def region_inside(grid: Grid, tags: Mapping[str, str], name: str) -> Bounds | None:
    """Return the region of ``region_bounds``.

    Raises
    ------
    InputError
        As ``region_bounds`` does, and when the grid has no cell in the region.
    """
    bounds = region_bounds(tags, name)
    if bounds is not None and intersection(bounds, grid.bounds) is None:
        raise InputError(
            f"{name} has no cell in the region of its tag {REGION_TAG} ({tags[REGION_TAG]}); give "
            "the file as it was imported, or delete the tag to use all cells."
        )
    return bounds


def region_tag(grid: Grid) -> dict[str, str]:
    """Return the tag GWSA_REGION of a region that consists of the cells of ``grid``."""
    return {REGION_TAG: " ".join(f"{value:.10g}" for value in grid.bounds)}


def region_bounds(tags: Mapping[str, str], name: str) -> Bounds | None:
    """Return west, south, east and north of the tag GWSA_REGION, degrees; None without the tag.

    Parameters
    ----------
    tags : mapping of str to str
    name : str
        Name of the file or stack, for messages.

    Raises
    ------
    InputError
        When the tag is not four numbers in this order.
    """
    if REGION_TAG not in tags:
        return None
    numbers = _numbers(tags[REGION_TAG])
    if len(numbers) != 4 or not (numbers[0] < numbers[2] and numbers[1] < numbers[3]):
        raise InputError(
            f"{name} has the tag {REGION_TAG}={tags[REGION_TAG]}, which is not a region; set it to "
            "west, south, east and north in degrees with spaces between them, or delete it if the "
            "file has no margin."
        )
    west, south, east, north = numbers
    return west, south, east, north


def footprint_km(tags: Mapping[str, str], name: str) -> float | None:
    """Return the width of the tag GWSA_FOOTPRINT_KM; None without the tag.

    Parameters
    ----------
    tags : mapping of str to str
    name : str
        Name of the file or stack, for messages.

    Raises
    ------
    InputError
        When the tag is not a number above 0.
    """
    if FOOTPRINT_TAG not in tags:
        return None
    numbers = _numbers(tags[FOOTPRINT_TAG])
    if len(numbers) != 1 or not numbers[0] > 0:
        raise InputError(
            f"{name} has the tag {FOOTPRINT_TAG}={tags[FOOTPRINT_TAG]}, which is not a width; set "
            "it to the width of the footprint in km, or delete it if that is unknown."
        )
    return numbers[0]


def _numbers(text: str) -> list[float]:
    """The finite numbers of a text; none if it has anything else."""
    try:
        numbers = [float(word) for word in text.split()]
    except ValueError:
        return []
    return numbers if np.isfinite(numbers).all() else []
