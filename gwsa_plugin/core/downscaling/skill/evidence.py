"""Evidence for the prior and the trees, which decides what is mapped.

No truth is needed. Held-out years test whether drivers explain more than the climatology of a
place, held-out footprints whether they explain unseen places, and wells the detail at 1 km. What
they refute is not mapped: the map is then mean-preserving interpolation.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...wells.detail import CONFIRMED, REFUTED, UNTESTED, DetailTest
from .unseen_footprints import UnseenFootprints
from .unseen_years import UnseenYears


@dataclass(frozen=True)
class Evidence:
    """What the tests show about the estimate at 1 km.

    Parameters
    ----------
    verdict : str
        CONFIRMED, UNTESTED or REFUTED.
    reason : str
        Why, without a full stop.
    maps_detail : bool
        False if the map is interpolation.
    with_trees : bool
        True if trees are added to the prior.
    """

    verdict: str
    reason: str
    maps_detail: bool = True
    with_trees: bool = False

    @property
    def text(self) -> str:
        """What is mapped and why, in a sentence."""
        mapped = "prior with trees" if self.with_trees else "prior"
        if not self.maps_detail:
            mapped = "mean-preserving interpolation"
        return f"Mapped is the {mapped} ({self.verdict}: {self.reason})."


def refuted(reason: str) -> Evidence:
    """Return the evidence that leaves interpolation only."""
    return Evidence(REFUTED, reason, maps_detail=False)


def weigh_evidence(
    years: UnseenYears, footprints: UnseenFootprints, wells: DetailTest, trees: bool = False
) -> Evidence:
    """Decide from the three tests.

    Parameters
    ----------
    years : UnseenYears
        Test in unseen years.
    footprints : UnseenFootprints
        Test on unseen footprints.
    wells : DetailTest
        Test of the detail on wells.
    trees : bool
        Whether trees are added to the prior.

    Returns
    -------
    Evidence
        UNTESTED without detail when unseen years cannot be tested. REFUTED when the prior does not
        improve on climatology in unseen years, or unseen footprints or wells show a loss. CONFIRMED
        when one of the latter shows a gain. Otherwise UNTESTED.
    """
    if not years.tested:
        return Evidence(
            UNTESTED,
            "the record is too short or the region too small to test the drivers in unseen years",
            maps_detail=False,
        )
    if not years.passed:
        return refuted("the drivers explain no more than climatology and red noise of a place")
    if footprints.has_loss:
        return refuted("unseen footprints are estimated worse than by interpolation")
    if wells.verdict == REFUTED:
        return refuted("wells contradict the detail")
    confirming = []
    if footprints.has_gain:
        confirming.append("unseen footprints are estimated better than by interpolation")
    if wells.verdict == CONFIRMED:
        confirming.append("wells confirm the detail")
    if confirming:
        return Evidence(CONFIRMED, " and ".join(confirming), with_trees=trees)
    tested = not footprints.untestable or wells.verdict != UNTESTED
    finding = "show a gain or a loss" if tested else "can test the detail"
    return Evidence(UNTESTED, f"neither unseen footprints nor wells {finding}", with_trees=trees)
