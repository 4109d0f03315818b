"""The report states what a hydrologist asks, with the numbers of the result, and says when there is no skill."""

import re
from dataclasses import replace

import numpy as np
import pytest
import rasterio

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.downscaling.downscale import DownscaleOptions, Outputs, downscale
from gwsa.gwsa_plugin.core.downscaling.folds import Blocking
from gwsa.gwsa_plugin.core.downscaling.models.region_models import ANOMALY
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting
from gwsa.gwsa_plugin.core.downscaling.report.charts import _borders
from gwsa.gwsa_plugin.core.downscaling.report.report import verdict, write_downscale_report
from gwsa.gwsa_plugin.core.downscaling.report.tables import (
    contributions,
    missing_table,
    settings_table,
)

OPTIONS = DownscaleOptions(
    least_area=20_000, feather_km=10, stopping=False, boosting=Boosting(trees=25, depth=4, rate=0.2),
    blocking=Blocking(0.75, 0.25),
)  # fmt: skip
SECTIONS = (
    "The map", "Held-out skill", "Where", "Where not to trust it", "Predictors", "Settings", "Closure: not skill",
)  # fmt: skip


@pytest.fixture(scope="module")
def made(small_world, tmp_path_factory):
    """With a sigma, a filled month and an area of applicability."""
    folder = tmp_path_factory.mktemp("reported")
    source = ("observed", "filled", *small_world.gwsa.source[2:])
    sigma = replace(small_world.gwsa, values=np.full_like(small_world.gwsa.values, 1.5))
    outputs = Outputs(folder / "maps", applicability=folder / "applicability.tif")
    world = small_world
    return downscale(
        replace(world.gwsa, source=source),
        world.predictors,
        world.aquifers,
        outputs,
        OPTIONS,
        sigma,
    )


def report(folder, result, options=OPTIONS, applicability=None) -> str:
    write_downscale_report(folder / "report.html", result, options, applicability)
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    return report(folder, made, applicability=made.years[0].parents[1] / "applicability.tif")


def section(page, title):
    return re.search(rf"<h2>{title}</h2>(.*?)</section>", page, re.DOTALL)[1]


def test_sections_come_in_the_order_of_questions(page):
    assert tuple(re.findall(r"<h2>(.*?)</h2>", page)) == SECTIONS


def test_nothing_is_loaded_from_elsewhere(page):
    assert "http" not in page
    assert len(re.findall('src="data:image/png', page)) == len(re.findall("src=", page)) == 4


def test_the_lead_measures_against_no_model_and_bilinear(made, page):
    scores = made.backs["blocked"].scores()
    lead = re.search('class="lead">(.*?)</p>', page)[1]
    assert (
        f"{scores['rmse_model_cm']:.2f} cm (RMSE), {scores['gain_over_mean_preserving']:.0%} less than no model"
        in lead
    )
    assert f"{scores['gain_over_bilinear']:.0%} less than bilinear" in lead
    assert lead.count("1 km do not exist") == 1


def test_every_validation_has_its_row(made, page):
    skill = section(page, "Held-out skill")
    names = {
        "blocked": "blocked",
        "forward": "forward in time",
        "random": "random samples (optimistic",
    }
    for kind, name in names.items():
        scores = made.backs[kind].scores()
        row = re.search(rf"<tr><td>{re.escape(name)}.*?</tr>", skill)[0]
        for key in (
            "rmse_model_cm",
            "rmse_unconserved_cm",
            "rmse_mean_preserving_cm",
            "rmse_bilinear_cm",
        ):
            assert f"<td>{scores[key]:#.3g}</td>" in row
        assert f"<td>{100 * scores['gain_over_mean_preserving']:+.0f} %</td>" in row
    assert f"{made.scores['held_out']['shrinkage']:.0%}" in skill
    assert f"{made.scores['n_eff']:.1f} independent" in skill


def test_validations_that_were_not_made_are_left_out(made, tmp_path):
    blocked = replace(made, backs={"blocked": made.backs["blocked"]})
    skill = section(report(tmp_path, blocked), "Held-out skill")
    assert "blocked" in skill and "orward" not in skill and "andom" not in skill


def test_with_the_target_anomaly_the_unconserved_score_owns_up(made, page, tmp_path):
    assert "level and trend" not in section(page, "Held-out skill")
    anomaly = section(report(tmp_path, made, replace(OPTIONS, target=ANOMALY)), "Held-out skill")
    assert "level and trend of the averages" in anomaly


def test_regions_and_seasons_have_their_gains(made, page):
    where = section(page, "Where")
    for row in made.regions:
        cells = re.search(rf"<tr><td>{row['name']}</td><td>{row['cells']}</td>.*?</tr>", where)[0]
        gain = row["gain_over_mean_preserving"]
        assert ("–" if np.isnan(gain) else f"{100 * gain:+.0f} %") in cells
    months = made.domain.months[made.domain.samples.month]
    summer = made.backs["blocked"].scores(np.isin(months.astype(int) % 12, [5, 6, 7]))
    assert (
        f"<td>JJA</td><td>{summer['samples']}</td><td>{summer['rmse_model_cm']:#.3g}</td>" in where
    )


def test_regions_that_gain_nothing_are_named(made, tmp_path):
    rows = [
        {**row, "gain_over_mean_preserving": gain}
        for row, gain in zip(made.regions, (0.2, -0.03, np.nan))
    ]
    where = section(report(tmp_path, replace(made, regions=rows)), "Where")
    assert "use the coarse field there: large." in where
    assert "Too small to be measured one scale up: small." in where


def test_where_not_to_trust_it(made, page):
    distrust = section(page, "Where not to trust it")
    with rasterio.open(made.years[0].parents[1] / "applicability.tif") as source:
        share, threshold = source.read(2), source.tags()["GWSA_DI_THRESHOLD"]
    land = np.isfinite(share)
    outside = np.average(1 - share[land], weights=made.domain.predictors.grid.cell_areas()[land])
    assert f"{outside:.1%} of the land is outside" in distrust
    assert f"exceeds {float(threshold):.3g}:" in distrust
    assert "lower bound" in distrust
    assert "(1 of 24): 2009-02." in distrust and "Models are trained and scored on them" in distrust


def test_without_sigma_and_applicability_the_report_says_so(made, tmp_path):
    distrust = section(report(tmp_path, replace(made, sigma=[])), "Where not to trust it")
    assert (
        "was not asked for" in distrust and "no sigma maps" in distrust and "<img" not in distrust
    )


def test_contributions_are_weighted_by_cells(made):
    rows = [
        {"region": region, "predictor": "rain", "feature": feature, "shap_cm": shap, "gain": 0.5}
        for region, feature, shap in (
            ("background", "rain", 1.0),
            ("large", "rain", 2.0),
            ("large", "rain_lag1", 3.0),
        )
    ]
    regions = [{"name": "background", "cells": 30}, {"name": "large", "cells": 10}]
    assert contributions(replace(made, regions=regions, explanation=rows)) == {
        "rain": pytest.approx(2.0)
    }


def test_the_strongest_predictors_of_a_region(made, page):
    its = [row for row in made.explanation if row["region"] == "small"]
    rain = [row for row in its if row["predictor"] == "rain"]
    stated = (
        f"rain {sum(row['shap_cm'] for row in rain):.2f} ({sum(row['gain'] for row in rain):.0%})"
    )
    assert (
        stated in re.search("<tr><td>small</td><td>[a-z]+ .*?</tr>", section(page, "Predictors"))[0]
    )


def test_missing_values_are_counted(made):
    """Only rain of the month before the first is missing: half of the features in one of 24 months."""
    (row,) = missing_table(made.domain).rows
    assert row == ["rain", "2.1%", "rain_lag1", "4.2%"]


@pytest.mark.parametrize(
    ("change", "warned"),
    [
        ({}, False),
        ({"name": "root_zone_soil_moisture"}, True),
        ({"source": "GLDAS Noah 2.1"}, True),
        ({"difference": ("rain", "actual_evapotranspiration")}, True),
    ],
)
def test_predictors_that_may_be_the_target_itself_are_named(made, tmp_path, change, warned):
    first, *others = made.domain.predictors.predictors
    predictors = replace(made.domain.predictors, predictors=(replace(first, **change), *others))
    names = (change.get("name", "soil"), *made.domain.samples.names[1:])
    domain = replace(
        made.domain, predictors=predictors, samples=replace(made.domain.samples, names=names)
    )
    text = section(report(tmp_path, replace(made, domain=domain)), "Predictors")
    assert ("lets the target predict itself" in text) == warned
    assert (f"Check the source of {change.get('name', 'soil')} (" in text) == warned


def test_every_setting_is_stated(made):
    rows = {
        name: (given, used)
        for name, given, used in settings_table(OPTIONS, made.models.boosting).rows
    }
    assert rows["boosting: trees"] == ("25", "25")
    assert rows["blocking: block"] == ("0.75", None)
    assert rows["least_area"] == ("20000", None)
    assert rows["period"] == ("open, open", None)


def test_closure_and_seams_are_apart_from_skill(made, page):
    closure = section(page, "Closure: not skill")
    assert "0.9728 and RMSE 2.10 cm" in closure
    assert f"<td>{made.scores['seams']['after']:#.3g}</td>" in closure


def test_without_skill_the_coarse_field_is_recommended(small_world, tmp_path):
    """The target of every month is dealt out anew to the cells, so that no predictor tells anything."""
    rng = np.random.default_rng(0)
    months = np.nan_to_num(small_world.gwsa.values).reshape(24, -1)
    values = np.stack([rng.permutation(month) for month in months]).reshape(
        small_world.gwsa.values.shape
    )
    options = replace(OPTIONS, compare=False)
    gwsa = replace(small_world.gwsa, values=values.astype(np.float32))
    result = downscale(gwsa, small_world.predictors, [], Outputs(tmp_path / "maps"), options)
    assert "not supported, use the coarse field" in verdict(result)
    assert "not supported, use the coarse field" in report(tmp_path, result, options)


def test_a_region_too_small_to_be_measured_is_not_praised(made):
    back = made.backs["blocked"]
    nothing = replace(back, observed=np.full_like(back.observed, np.nan))
    assert "Too few" in verdict(replace(made, backs={"blocked": nothing}))


def test_borders_lie_between_cells_of_different_regions():
    numbers = np.array([[0, 0], [0, 1]])
    edges = {
        tuple(map(tuple, edge))
        for edge in _borders(numbers, Grid(70.0, 30.0, 1.0, 1.0, 2, 2)).tolist()
    }
    assert edges == {((71.0, 29.0), (72.0, 29.0)), ((71.0, 29.0), (71.0, 28.0))}
