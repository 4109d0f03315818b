"""Every outcome of the three tests, and what is then mapped."""

import pytest

from gwsa.gwsa_plugin.core.downscaling.skill.evidence import weigh_evidence
from gwsa.gwsa_plugin.core.downscaling.skill.gain import Gain
from gwsa.gwsa_plugin.core.downscaling.skill.unseen_footprints import UnseenFootprints
from gwsa.gwsa_plugin.core.downscaling.skill.unseen_years import UnseenYears
from gwsa.gwsa_plugin.core.wells.detail import (
    CONFIRMED,
    REFUTED,
    UNDECIDED,
    UNTESTED,
    DetailTest,
)

BETTER = Gain(0.1, 0.05, 0.15)
WORSE = Gain(-0.1, -0.15, -0.05)
UNCLEAR = Gain(0.01, -0.05, 0.07)

PASSED = UnseenYears(BETTER, 60)
NOT_PASSED = UnseenYears(UNCLEAR, 60)
NO_FOOTPRINTS = UnseenFootprints(untestable="The region is too small.")


def footprints(gain):
    return UnseenFootprints(gain_with_interpolation=gain, footprints=9, months=60)


def wells(verdict):
    return DetailTest(verdict, "", 0.0, -0.1, 0.1, 1.0, 0.5, 1.5, 60, 9, 250.0)


NO_WELLS = DetailTest.without_wells()


@pytest.mark.parametrize(
    ("years", "unseen", "detail", "verdict", "maps_detail", "reason"),
    [
        (UnseenYears(), footprints(BETTER), wells(CONFIRMED), UNTESTED, False, "too short"),
        (UnseenYears(), NO_FOOTPRINTS, NO_WELLS, UNTESTED, False, "too short"),
        (NOT_PASSED, footprints(BETTER), wells(CONFIRMED), REFUTED, False, "no more than"),
        (UnseenYears(WORSE, 60), NO_FOOTPRINTS, NO_WELLS, REFUTED, False, "no more than"),
        (UnseenYears(Gain(), 60), NO_FOOTPRINTS, NO_WELLS, UNTESTED, False, "too small"),
        (PASSED, footprints(WORSE), NO_WELLS, REFUTED, False, "unseen footprints"),
        (PASSED, footprints(WORSE), wells(CONFIRMED), REFUTED, False, "unseen footprints"),
        (PASSED, footprints(BETTER), wells(REFUTED), REFUTED, False, "wells contradict"),
        (PASSED, NO_FOOTPRINTS, wells(REFUTED), REFUTED, False, "wells contradict"),
        (PASSED, footprints(BETTER), NO_WELLS, CONFIRMED, True, "better than by interpolation"),
        (PASSED, footprints(BETTER), wells(UNDECIDED), CONFIRMED, True, "unseen footprints"),
        (PASSED, NO_FOOTPRINTS, wells(CONFIRMED), CONFIRMED, True, "wells confirm the detail"),
        (PASSED, footprints(UNCLEAR), wells(CONFIRMED), CONFIRMED, True, "wells confirm"),
        (PASSED, footprints(BETTER), wells(CONFIRMED), CONFIRMED, True, " and wells confirm"),
        (PASSED, NO_FOOTPRINTS, NO_WELLS, UNTESTED, True, "neither"),
        (PASSED, footprints(UNCLEAR), NO_WELLS, UNTESTED, True, "neither"),
        (PASSED, NO_FOOTPRINTS, wells(UNDECIDED), UNTESTED, True, "neither"),
    ],
)
def test_the_tests_decide_what_is_mapped(years, unseen, detail, verdict, maps_detail, reason):
    found = weigh_evidence(years, unseen, detail)
    assert (found.verdict, found.maps_detail) == (verdict, maps_detail)
    assert reason in found.reason and not found.reason.endswith(".")
    mapped = "prior" if maps_detail else "mean-preserving interpolation"
    assert found.text == f"Mapped is the {mapped} ({verdict}: {found.reason})."


def test_figures_of_an_untestable_region_are_not_used():
    """No gain of a region that is too small counts, whatever it is."""
    for gain in (BETTER, WORSE):
        unseen = UnseenFootprints(gain_with_interpolation=gain, untestable="too small")
        found = weigh_evidence(PASSED, unseen, NO_WELLS)
        assert found.verdict == UNTESTED and found.maps_detail


def test_trees_are_named_where_they_are_mapped():
    found = weigh_evidence(PASSED, footprints(BETTER), NO_WELLS, trees=True)
    assert "prior" in found.text and "trees" in found.text
