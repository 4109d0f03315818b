"""Test of the 1 km detail of yearly maps against the records of wells."""

from __future__ import annotations

from dataclasses import dataclass

from ..base.errors import InputError
from ..base.grid import KM_PER_DEGREE
from ..base.progress import SILENT, Progress
from ..files.stack_tags import FOOTPRINT_TAG, LEAKAGE_TAG, footprint_km
from ..files.yearly_maps import YearlyMaps
from .comparison import WellComparison
from .detail import UNTESTED, DetailTest, score_detail
from .quality_control import Rules
from .tables import Readings, Wells
from .validate import validate_wells


@dataclass(frozen=True)
class WellRecords:
    """Wells that test a map, with their readings.

    Parameters
    ----------
    wells : Wells
    readings : Readings
    rules : Rules
        Rules for usable readings and wells.
    """

    wells: Wells
    readings: Readings
    rules: Rules = Rules()


def validate_detail(
    records: WellRecords, product: YearlyMaps, coarse: YearlyMaps, progress: Progress = SILENT
) -> tuple[DetailTest, WellComparison | None]:
    """Test the 1 km detail of maps against wells, also where no well can be used.

    Parameters
    ----------
    records : WellRecords
        Wells that were not used to make the maps.
    product : YearlyMaps
        The 1 km maps.
    coarse : YearlyMaps
        The stack that was downscaled.
    progress : Progress, optional

    Returns
    -------
    detail : DetailTest
    comparison : WellComparison or None
        The maps at the wells; None if no well can be used.
    """
    try:
        comparison = validate_wells(
            records.wells, records.readings, product, coarse, records.rules, progress
        )
    except InputError as error:
        return DetailTest(UNTESTED, str(error).rstrip(".")), None
    return score_detail(comparison, block_width(coarse, progress)), comparison


def block_width(coarse: YearlyMaps, progress: Progress = SILENT) -> float:
    """Return the least width of blocks of wells, km.

    It is the width of the footprint of GRACE in the tags of the coarse stack. If that is unknown,
    it is the height of a coarse cell, and the log states it.

    Raises
    ------
    InputError
        When the tag is not a width.
    """
    path, _ = next(iter(coarse.bands.values()))
    given = footprint_km(coarse.tags(), path.name)
    if given is not None:
        return given
    width = coarse.grid.dy * KM_PER_DEGREE
    progress.info(
        f"The width of the footprint of GRACE is unknown: the coarse stack has no tag "
        f"{FOOTPRINT_TAG}. The test of the 1 km detail takes the height of a coarse cell "
        f"({width:.0f} km) for it. Its interval is too narrow if the footprint is wider."
    )
    return width


def warn_if_uncorrected(product: YearlyMaps, coarse: YearlyMaps, progress: Progress) -> None:
    """Warn if the maps preserve the leakage-corrected field and the stack is not corrected.

    The gain of the detail then contains that of the correction.
    """
    if LEAKAGE_TAG in product.tags() and LEAKAGE_TAG not in coarse.tags():
        progress.warn(
            "The maps preserve the coarse field after leakage correction, and COARSE is the field "
            "before it, so that the gain contains that of the correction. Give CORRECTED of "
            "Downscale as COARSE to test the 1 km detail alone, as the log of Downscale does."
        )
