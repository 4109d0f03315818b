"""The verdict on maps in the log, in tags, in run.json and in titles."""

import json

import pytest

from gwsa.gwsa_plugin.core.downscaling.skill.evidence import Evidence, refuted
from gwsa.gwsa_plugin.core.downscaling.skill.gain import Gain
from gwsa.gwsa_plugin.core.downscaling.skill.unseen_footprints import ESTIMATES, UnseenFootprints
from gwsa.gwsa_plugin.core.downscaling.skill.verdict import Verdict, coarse_title, layer_title
from gwsa.gwsa_plugin.core.wells.detail import CONFIRMED, REFUTED, UNDECIDED, DetailTest

REFUTED_DETAIL = DetailTest(REFUTED, "", -0.04, -0.062, -0.021, 0.1, -0.2, 0.4, 213, 9, 250.0)
TESTED = UnseenFootprints(
    gain_over_climatology=Gain(0.12, 0.04, 0.2),
    gain_over_interpolation=Gain(-0.05, -0.1, 0.01),
    gain_with_interpolation=Gain(0.02, -0.01, 0.05),
    rmse_cm=dict.fromkeys(ESTIMATES, 1.875),
    footprints=9,
    months=120,
    width_km=250.0,
)
UNTESTABLE = UnseenFootprints(untestable="The region is too small.")


def test_title_states_the_verdict_and_the_gain():
    assert layer_title(2015, REFUTED_DETAIL) == (
        "GWSA 2015 (1 km detail refuted: -4.0 % [-6.2, -2.1])"
    )
    assert layer_title(2015, DetailTest.without_wells()) == "GWSA 2015 (1 km detail untested)"


def test_last_line_has_both_claims():
    assert Verdict(REFUTED_DETAIL, TESTED).last_line == (
        "1 km detail: refuted, gain over bilinear interpolation -4.0 % [-6.2, -2.1] (90 % "
        "interval) at 213 wells in 9 blocks. Skill for unseen footprints: gain over climatology "
        "+12 % (90 % interval +4 to +20 %), over interpolation -5 % (90 % interval -10 to +1 %), "
        "beside interpolation +2 % (90 % interval -1 to +5 %)."
    )


def test_last_line_of_detail_without_effect():
    detail = DetailTest(UNDECIDED, "", -0.0014, -0.0023, -0.0007, 0.1, -0.2, 0.4, 213, 9, 250.0)
    assert Verdict(detail, TESTED).last_line.startswith(
        "1 km detail: undecided (no relevant difference), gain over bilinear interpolation "
        "-0.1 % [-0.2, -0.1]"
    )


def test_last_line_without_wells_in_a_small_region():
    line = Verdict(DetailTest.without_wells(), UNTESTABLE).last_line
    assert line.startswith("1 km detail: not testable with these inputs. No wells are given")
    assert line.endswith("Skill for unseen footprints: untestable with these inputs.")
    assert "\n" not in line


def test_tags_of_a_tested_map():
    tags = Verdict(REFUTED_DETAIL, TESTED).as_tags(2015)
    assert tags["GWSA_DETAIL"] == REFUTED
    assert tags["GWSA_DETAIL_GAIN"] == "-0.0400"
    assert tags["GWSA_DETAIL_INTERVAL"] == "-0.0620 -0.0210"
    assert tags["GWSA_DETAIL_WELLS"] == "213"
    assert tags["GWSA_DETAIL_REASON"] is None
    assert tags["GWSA_UNSEEN_FOOTPRINTS"].startswith("gain over climatology +12 %")
    assert tags["TIFFTAG_IMAGEDESCRIPTION"] == layer_title(2015, REFUTED_DETAIL)


def test_tags_of_an_untested_map_have_no_gain():
    tags = Verdict(DetailTest.without_wells(), UNTESTABLE).as_tags(2015)
    assert tags["GWSA_DETAIL"] == "untested"
    assert tags["GWSA_DETAIL_GAIN"] is None and tags["GWSA_DETAIL_INTERVAL"] is None
    assert "no wells" in tags["GWSA_DETAIL_REASON"]
    assert tags["GWSA_UNSEEN_FOOTPRINTS"] == "untestable"


@pytest.mark.parametrize("unseen", [TESTED, UNTESTABLE])
@pytest.mark.parametrize("detail", [REFUTED_DETAIL, DetailTest.without_wells()])
def test_results_are_json(detail, unseen):
    results = Verdict(detail, unseen).as_results()
    record = json.loads(json.dumps(results, allow_nan=False))
    assert record["detail"]["verdict"] == detail.verdict
    assert record["unseen_footprints"]["untestable"] == unseen.untestable
    assert record["verdict"] == Verdict(detail, unseen).last_line


def test_all_verdicts_have_the_same_tags():
    """Tags of an earlier verdict on the same file are replaced or deleted."""
    confirmed = DetailTest(CONFIRMED, "", 0.1, 0.05, 0.2, 1.0, 0.8, 1.2, 30, 5, 100.0)
    tags = [Verdict(one, TESTED).as_tags(2015) for one in (confirmed, DetailTest.without_wells())]
    assert set(tags[0]) == set(tags[1])


def test_titles_of_interpolated_maps_state_it():
    assert layer_title(2015, DetailTest.without_wells(), interpolated=True) == (
        "GWSA 2015 (mean-preserving interpolation, 1 km detail untested)"
    )
    assert coarse_title(Evidence(CONFIRMED, "wells confirm the detail")) == (
        "Leakage-corrected coarse GWSA (prior confirmed)"
    )
    for without_prior in (refuted("wells contradict the detail"), None):
        assert coarse_title(without_prior) == "Coarse GWSA, not corrected for leakage"


def test_evidence_is_in_the_last_line_the_tags_and_the_results():
    evidence = refuted("wells contradict the detail")
    verdict = Verdict(REFUTED_DETAIL, TESTED, evidence, interpolated=True)
    assert verdict.last_line.startswith(f"{evidence.text} 1 km detail: refuted")
    assert verdict.as_tags(2015)["GWSA_EVIDENCE"] == evidence.text
    assert "mean-preserving" in verdict.as_tags(2015)["TIFFTAG_IMAGEDESCRIPTION"]
    assert verdict.as_results()["evidence"] == evidence.text


def test_interpolation_by_choice_is_in_the_last_line():
    verdict = Verdict(DetailTest.without_wells(), TESTED, interpolated=True)
    assert verdict.last_line.startswith("Mapped is the mean-preserving interpolation. 1 km detail")
    assert verdict.as_tags(2015)["GWSA_EVIDENCE"] is None
