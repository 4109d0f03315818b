"""The verdict on maps: two claims, which go with the maps wherever they are used.

The claims are the detail inside a footprint of GRACE, which only wells can test, and skill for
footprints that the models were not trained on. Neither implies the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...base.progress import SILENT, Progress
from ...files.checkpoint import seal
from ...files.stack import MonthlyStack, write_stack
from ...files.yearly_maps import YearlyMaps
from ...rasters.geotiff_tags import update_tags
from ...wells.comparison import WellComparison
from ...wells.detail import UNTESTED, DetailTest
from ...wells.map_detail import WellRecords, validate_detail
from .evidence import Evidence
from .unseen_footprints import UnseenFootprints

UNTESTABLE = "untestable"


@dataclass(frozen=True)
class Verdict:
    """What is mapped and both claims.

    Parameters
    ----------
    detail : DetailTest
        The 1 km detail, tested on wells.
    unseen_footprints : UnseenFootprints
        Skill for unseen footprints.
    evidence : Evidence, optional
        What decided that the prior or interpolation is mapped; None with other methods.
    interpolated : bool
        True if the maps are mean-preserving interpolation, by the evidence or the method.
    """

    detail: DetailTest
    unseen_footprints: UnseenFootprints
    evidence: Evidence | None = None
    interpolated: bool = False

    @property
    def last_line(self) -> str:
        """What is mapped and both claims in one line, the last of the log."""
        lines = [_detail_line(self.detail), _unseen_line(self.unseen_footprints)]
        if self.evidence:
            lines.insert(0, self.evidence.text)
        elif self.interpolated:
            lines.insert(0, "Mapped is the mean-preserving interpolation.")
        return " ".join(lines)

    def as_tags(self, year: int | str) -> dict[str, str | None]:
        """Return the tags of the map of a year; None for a tag that the map must not have."""
        detail = self.detail
        tested = detail.verdict != UNTESTED
        untestable = bool(self.unseen_footprints.untestable)
        return {
            "GWSA_DETAIL": detail.verdict,
            "GWSA_DETAIL_GAIN": f"{detail.gain:.4f}" if tested else None,
            "GWSA_DETAIL_INTERVAL": f"{detail.lower:.4f} {detail.upper:.4f}" if tested else None,
            "GWSA_DETAIL_FACTOR": f"{detail.factor:.3f}" if tested else None,
            "GWSA_DETAIL_WELLS": str(detail.wells),
            "GWSA_DETAIL_REASON": detail.reason or None,
            "GWSA_EVIDENCE": self.evidence.text if self.evidence else None,
            "GWSA_UNSEEN_FOOTPRINTS": (
                UNTESTABLE if untestable else _gains(self.unseen_footprints)
            ),
            "TIFFTAG_IMAGEDESCRIPTION": layer_title(year, detail, self.interpolated),
        }

    def write_tags(self, maps: Sequence[Path]) -> None:
        """Write the verdict into the tags of ``GWSA_YYYY.tif`` among the checkpoints."""
        for path in maps:
            update_tags(path, self.as_tags(path.stem[-4:]))
            seal(path)

    def as_results(self) -> dict:
        """Return the evidence and both claims as plain values for ``run.json``."""
        unseen = {
            name: _without_nan(value) for name, value in self.unseen_footprints.scores().items()
        }
        return {
            "verdict": self.last_line,
            "evidence": self.evidence.text if self.evidence else None,
            "detail": self.detail.as_record(),
            "unseen_footprints": unseen,
        }


def validate_maps(
    maps: Sequence[Path],
    gwsa: MonthlyStack,
    wells: WellRecords | None,
    progress: Progress = SILENT,
) -> tuple[DetailTest, WellComparison | None]:
    """Test the 1 km detail of finished maps on wells.

    Parameters
    ----------
    maps : sequence of Path
        ``GWSA_YYYY.tif`` of all years, in a folder for checkpoints.
    gwsa : MonthlyStack
        The coarse GWSA that was downscaled, cm. It is written beside the folder of the maps, since
        wells are compared with files.
    wells : WellRecords, optional
        Wells, which were not used to make the maps.
    progress : Progress
        Receives the fraction done.

    Returns
    -------
    detail : DetailTest
    comparison : WellComparison or None
        The maps at the wells; None without usable wells.
    """
    detail = DetailTest.without_wells()
    comparison = None
    if wells:
        coarse = maps[0].parents[1] / "coarse.tif"
        write_stack(coarse, gwsa)
        product = YearlyMaps.from_files(maps)
        stack = YearlyMaps.from_files([coarse])
        detail, comparison = validate_detail(wells, product, stack, progress)
    return detail, comparison


def layer_title(year: int | str, detail: DetailTest, interpolated: bool = False) -> str:
    """Return the title of the layer of a year, which states whether its detail is right.

    Parameters
    ----------
    year : int or str
        The year.
    detail : DetailTest
        The test of the detail on wells.
    interpolated : bool
        True if the map is mean-preserving interpolation.

    Returns
    -------
    str
        For example "GWSA 2015 (1 km detail refuted: -4.0 % [-6.2, -2.1])" or "GWSA 2015
        (mean-preserving interpolation, 1 km detail untested)".
    """
    gain = f": {detail.gain_text}" if detail.gain_text else ""
    mapped = "mean-preserving interpolation, " if interpolated else ""
    return f"GWSA {year} ({mapped}1 km detail {detail.verdict}{gain})"


def coarse_title(evidence: Evidence | None) -> str:
    """Return the title of the coarse field whose means the maps have.

    Parameters
    ----------
    evidence : Evidence or None
        The evidence for the prior; None without a prior.
    """
    if evidence and evidence.maps_detail:
        return f"Leakage-corrected coarse GWSA (prior {evidence.verdict})"
    return "Coarse GWSA, not corrected for leakage"


def _detail_line(detail: DetailTest) -> str:
    if detail.verdict == UNTESTED:
        return detail.sentences()
    remark = " (no relevant difference)" if detail.is_negligible else ""
    return (
        f"1 km detail: {detail.verdict}{remark}, gain over bilinear interpolation "
        f"{detail.gain_text} (90 % interval) at {detail.wells} wells in {detail.blocks} blocks."
    )


def _unseen_line(unseen: UnseenFootprints) -> str:
    if unseen.untestable:
        return "Skill for unseen footprints: untestable with these inputs."
    return f"Skill for unseen footprints: {_gains(unseen)}."


def _gains(unseen: UnseenFootprints) -> str:
    return (
        f"gain over climatology {unseen.gain_over_climatology.text}, over interpolation "
        f"{unseen.gain_over_interpolation.text}, beside interpolation "
        f"{unseen.gain_with_interpolation.text}"
    )


def _without_nan(value):
    """Return the value with None in place of NaN, which JSON does not have."""
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if value != value else value
