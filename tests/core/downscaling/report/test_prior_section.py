"""The report has the evidence for the prior, its responses and what is mapped without it."""

import re
from dataclasses import replace

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.downscaling.downscale import DownscaleOptions, Outputs, downscale
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting
from gwsa.gwsa_plugin.core.downscaling.options import INTERPOLATION
from gwsa.gwsa_plugin.core.downscaling.report.report import write_downscale_report
from gwsa.gwsa_plugin.core.downscaling.skill.responses import explained_components, leakage
from gwsa.gwsa_plugin.core.wells.detail import CONFIRMED, DetailTest

pytestmark = pytest.mark.slow

OPTIONS = DownscaleOptions(
    stopping=False, validation="quick", boosting=Boosting(trees=5, depth=2, rate=0.3)
)


def map_world(world, folder, options=OPTIONS):
    outputs = Outputs(folder / "maps")
    return downscale(world.gwsa, world.predictors, [], outputs, options)


@pytest.fixture(scope="module")
def made(driver_world, tmp_path_factory):
    """Maps of a prior that no well and no unseen footprint tests."""
    return map_world(driver_world, tmp_path_factory.mktemp("prior"))


def report(folder, result, options=OPTIONS, sigma=None) -> str:
    write_downscale_report(folder / "report.html", result, options, sigma=sigma)
    return (folder / "report.html").read_text(encoding="utf-8")


def section(page, title):
    return re.search(rf"<h2>{title}</h2>(.*?)</section>", page, re.DOTALL)[1]


def sections(page):
    return re.findall(r"<h2>(.*?)</h2>", page)


@pytest.fixture(scope="module")
def page(made, tmp_path_factory):
    values = np.full_like(made.domain.gwsa.values, 1.5)
    sigma = replace(made.domain.gwsa, values=values, variable="GWSA_SIGMA")
    return report(tmp_path_factory.mktemp("page"), made, sigma=sigma)


def test_the_report_leads_with_what_is_mapped(made, page):
    lead = re.search('class="lead">(.*?)</p>', page)[1]
    assert lead.startswith(made.verdict.evidence.text)
    assert lead.startswith("Mapped is the prior (untested: ")
    assert sections(page)[:3] == ["The map", "Prior", "Held-out skill"]


def test_the_evidence_has_a_row_for_each_test(made, page):
    text = section(page, "Prior")
    years = re.search("<tr><td>held-out years.*?</tr>", text)[0]
    assert f"<td>{made.fitted.unseen_years.gain.text}</td>" in years
    assert "untestable" in re.search("<tr><td>held-out footprints.*?</tr>", text)[0]
    assert "untested: no wells" in re.search("<tr><td>wells.*?</tr>", text)[0]


def test_a_gain_at_wells_is_stated(made, tmp_path):
    detail = DetailTest(
        CONFIRMED, gain=0.05, lower=0.02, upper=0.08, wells=40, blocks=6, width_km=250.0
    )
    result = replace(made, verdict=replace(made.verdict, detail=detail))
    row = re.search("<tr><td>wells.*?</tr>", section(report(tmp_path, result), "Prior"))[0]
    assert "<td>+5.0 % [+2.0, +8.0] (confirmed)</td>" in row


def test_responses_are_drawn_and_no_coefficient_is_shown(made, page):
    text = section(page, "Prior")
    assert text.count("<img") == 1
    assert "90 % intervals are from 100 refits" in text
    assert not any(term in text for term in made.fitted.prior.prior.terms)


def test_explained_variance_has_no_trend(made, page):
    text = section(page, "Prior")
    for part in explained_components(made.fitted.prior)[:2]:
        row = re.search(f"<tr><td>{part.name}</td>.*?</tr>", text)[0]
        assert f"<td>{part.explained:.0%}</td>" in row
    assert "none, by construction" in re.search("<tr><td>trend</td>.*?</tr>", text)[0]


def test_amplitude_and_leakage_are_stated(made, page):
    text = section(page, "Prior")
    prior = made.fitted.prior
    amplitude = prior.prior.amplitude(prior.samples.statics)
    assert f"{amplitude.min():.2f} to {amplitude.max():.2f} in all of them" in text
    soil = prior.prior.modulation[prior.prior.statics.index("soil")]
    assert f"<tr><td>soil</td><td>{soil:+.2f}</td></tr>" in text
    areas = prior.domain.gwsa.grid.cell_areas().ravel()
    rms = np.sqrt(np.average((leakage(prior) ** 2).mean(axis=0), weights=areas))
    assert f"It changes the coarse GWSA by {rms:.2f} cm" in text


def test_consistency_is_compared_with_noise_if_there_is_sigma(made, page, tmp_path):
    text = section(page, "Prior")
    assert "<td>noise of coarse GWSA (cm)</td><td>1.50</td><td>1.50</td><td>1.50</td>" in text
    assert "Consistency is not skill" in text
    assert (
        "noise of coarse GWSA"
        not in section(report(tmp_path, made), "Prior").split("<table>", 1)[1]
    )


def test_without_trees_the_drivers_of_the_prior_are_listed(page):
    skill, where, predictors = (
        section(page, title) for title in ("Held-out skill", "Where", "Predictors")
    )
    assert "Models are the prior alone" in skill
    assert "shrinkage factor of the trees is 0" in skill and "contrast slope" not in skill
    assert "<th>model</th>" not in where and "model of its own" not in where
    assert "through the prior alone" in predictors and "SHAP" not in predictors
    assert re.search(r"surplus \d+\.\d\d", predictors) and "%)" not in predictors


def test_trees_on_what_the_prior_leaves_are_described(made, tmp_path):
    """The result as it would be in a region that is large enough for trees."""
    fitted = replace(made.fitted, models=replace(made.fitted.models, shrinkage=0.4))
    held_out = {**made.scores["held_out"], "shrinkage": 0.4}
    result = replace(
        made,
        domain=made.domain.with_features(SILENT),
        fitted=fitted,
        scores={**made.scores, "held_out": held_out},
    )
    page = report(tmp_path, result)
    assert "They are added to the prior" in section(page, "Prior")
    assert "the shrinkage factor of the trees is 0.40" in section(page, "Held-out skill")
    assert "<th>model</th>" in section(page, "Where")
    assert "Trees are trained on what the prior leaves" in section(page, "Predictors")


def test_a_refuted_prior_is_reported_as_interpolation(unrelated_world, tmp_path):
    result = map_world(unrelated_world, tmp_path)
    page = report(tmp_path, result)
    assert 'class="lead">Mapped is the mean-preserving interpolation (refuted: ' in page
    text = section(page, "Prior")
    assert "The coarse field is not corrected for leakage" in text
    assert "The evidence is against the models" in section(page, "Held-out skill")


def test_interpolation_has_no_skill_to_report(driver_world, tmp_path):
    options = replace(OPTIONS, method=INTERPOLATION)
    page = report(tmp_path, map_world(driver_world, tmp_path, options), options)
    assert 'class="lead">Mapped is the mean-preserving interpolation. 1 km detail' in page
    assert sections(page) == [
        "The map", "Prior", "Where it is not reliable", "Predictors", "Settings",
        "Closure: not skill",
    ]  # fmt: skip
    assert "no predictor reaches the map" in section(page, "Prior")
