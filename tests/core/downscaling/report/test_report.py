"""The report has the numbers of the result and recommends the coarse field without skill."""

import re
import tracemalloc
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio

from gwsa.gwsa_plugin.core.base import tiles
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.downscaling.downscale import DownscaleOptions, Outputs, downscale
from gwsa.gwsa_plugin.core.downscaling.folds import Blocking
from gwsa.gwsa_plugin.core.downscaling.maps.map_job import MapOptions
from gwsa.gwsa_plugin.core.downscaling.models.trainer import ANOMALY
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting
from gwsa.gwsa_plugin.core.downscaling.options import PUBLISHED
from gwsa.gwsa_plugin.core.downscaling.report import charts
from gwsa.gwsa_plugin.core.downscaling.report.charts import (
    _borders,
    draw_applicability,
    draw_map,
    read_reduced,
)
from gwsa.gwsa_plugin.core.downscaling.report.report import (
    fraction_outside,
    verdict,
    write_downscale_report,
)
from gwsa.gwsa_plugin.core.downscaling.report.tables import (
    contributions,
    missing_table,
    settings_table,
)
from gwsa.gwsa_plugin.core.downscaling.skill.gain import Gain
from gwsa.gwsa_plugin.core.downscaling.skill.unseen_footprints import ESTIMATES, UnseenFootprints
from gwsa.gwsa_plugin.core.rasters.geotiff import Header, new_geotiff

pytestmark = pytest.mark.slow

OPTIONS = DownscaleOptions(
    method=PUBLISHED,
    validation="full",
    least_area=20_000,
    feather_km=10,
    stopping=False,
    boosting=Boosting(trees=25, depth=4, rate=0.2),
    blocking=Blocking(0.75, 0.25),
)
SECTIONS = (
    "The map",
    "Prior",
    "Held-out skill",
    "Where",
    "Where it is not reliable",
    "Predictors",
    "Settings",
    "Closure: not skill",
)
DATASET = "https://doi.org/10.12072/ncdc.hydrology.db7323.2026"
# A raster with so many pixels along a side has overviews; one float32 field of it has 81 MB.
LARGE_SIDE = 4500
LARGE_GRID = Grid(0.0, 60.0, 1 / 120, 1 / 120, LARGE_SIDE, LARGE_SIDE)
FACTOR = 30
BLOCK = 240
# Bytes that a figure may allocate, half of one field.
MOST_BYTES = 40_000_000


@pytest.fixture(scope="module")
def made(small_world, tmp_path_factory):
    """A result with sigma, a filled month and an area of applicability."""
    folder = tmp_path_factory.mktemp("reported")
    source = ("observed", "filled", *small_world.gwsa.source[2:])
    sigma = replace(small_world.gwsa, values=np.full_like(small_world.gwsa.values, 1.5))
    outputs = Outputs(folder / "maps", applicability=folder / "applicability.tif")
    return downscale(
        replace(small_world.gwsa, source=source),
        small_world.predictors,
        small_world.aquifers,
        outputs,
        OPTIONS,
        sigma,
    )


@pytest.fixture(scope="module")
def applicability(made):
    return made.years[0].parents[1] / "applicability.tif"


def report(folder, result, options=OPTIONS, applicability=None) -> str:
    write_downscale_report(folder / "report.html", result, options, applicability)
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(made, applicability, tmp_path_factory):
    return report(tmp_path_factory.mktemp("page"), made, applicability=applicability)


def with_fitted(result, **changes):
    """The result with other models or validations."""
    return replace(result, fitted=replace(result.fitted, **changes))


def section(page, title):
    return re.search(rf"<h2>{title}</h2>(.*?)</section>", page, re.DOTALL)[1]


def test_order_of_the_sections(page):
    assert tuple(re.findall(r"<h2>(.*?)</h2>", page)) == SECTIONS


def test_the_report_loads_no_other_file(page):
    assert len(re.findall('src="data:image/png', page)) == len(re.findall("src=", page)) == 4
    assert not re.search(r"<link|<script|<iframe|@import|url\(", page)
    assert page.count("http") == 1 and f'<a href="{DATASET}">' in page


def test_the_verdict_compares_with_both_interpolations(made, page):
    scores = made.fitted.reduced_resolution["blocked"].scores()
    lead = re.search('class="lead">(.*?)</p>', page)[1]
    gain = scores["gain_over_mean_preserving"]
    assert f"the RMSE is {scores['rmse_model_cm']:.2f} cm" in lead
    assert f"{gain:.0%} smaller than that of mean-preserving interpolation" in lead
    assert f"{scores['gain_over_bilinear']:.0%} smaller than that of bilinear" in lead
    assert lead.index("1 km detail: not testable") < lead.index("Skill for unseen footprints")
    assert lead.index("Skill for unseen footprints") < lead.index("reduced resolution")


def test_every_validation_has_its_row(made, page):
    skill = section(page, "Held-out skill")
    names = {
        "blocked": "blocked",
        "forward": "forward in time",
        "random": "random samples (optimistic",
    }
    for kind, name in names.items():
        scores = made.fitted.reduced_resolution[kind].scores()
        row = re.search(rf"<tr><td>{re.escape(name)}.*?</tr>", skill)[0]
        for key in (
            "rmse_model_cm",
            "rmse_unconserved_cm",
            "rmse_mean_preserving_cm",
            "rmse_bilinear_cm",
        ):
            assert f"<td>{scores[key]:#.3g}</td>" in row
        assert f"<td>{100 * scores['gain_over_mean_preserving']:+.0f} %</td>" in row
    assert f"shrinkage factor is {made.scores['held_out']['shrinkage']:.2f}" in skill
    assert f"NSE of held-out models is {made.scores['held_out']['contrast']['nse']:.2f}" in skill
    assert f"{made.scores['n_eff']:.1f} independent" in skill


def test_validations_that_were_not_made_are_left_out(made, tmp_path):
    blocked = with_fitted(
        made,
        validations={"blocked": made.fitted.validations["blocked"]},
        reduced_resolution={"blocked": made.fitted.reduced_resolution["blocked"]},
    )
    skill = section(report(tmp_path, blocked), "Held-out skill")
    assert "blocked" in skill and "orward" not in skill and "andom" not in skill


@pytest.fixture(scope="module")
def wide(made):
    """The result as it would be with a footprint of 250 km, tested on 9 blocks."""
    domain = replace(made.domain, gwsa=made.domain.gwsa.tagged(GWSA_FOOTPRINT_KM="250"))
    unseen = UnseenFootprints(
        gain_over_climatology=Gain(0.123, 0.04, 0.2),
        gain_over_interpolation=Gain(-0.05, -0.1, 0.01),
        gain_with_interpolation=Gain(0.02, -0.01, 0.05),
        rmse_cm=dict.fromkeys(ESTIMATES, 1.875),
        footprints=9,
        months=120,
        width_km=250.0,
    )
    unmeasured = dict.fromkeys(
        ("rmse_cm", "gain_over_mean_preserving", "gain_over_bilinear"), float("nan")
    )
    regions = [{**row, **unmeasured} for row in made.regions]
    result = with_fitted(made, unseen_footprints=unseen, reduced_resolution={})
    return replace(result, domain=domain, regions=regions)


def test_skill_for_unseen_footprints_is_stated(wide, tmp_path):
    skill = section(report(tmp_path, wide), "Held-out skill")
    assert "tested on 9 blocks" in skill and "(250 km)" in skill
    row = re.search("<tr><td>climatology</td>.*?</tr>", skill)[0]
    assert "<td>1.88</td><td>+12 % (90 % interval +4 to +20 %)</td>" in row


def test_an_untestable_region_has_no_table_of_unseen_footprints(page):
    skill = section(page, "Held-out skill")
    assert "Skill for unseen footprints: untestable." in skill
    assert "<td>climatology</td>" not in skill


def test_there_is_no_reduced_resolution_inside_a_footprint(wide, page, tmp_path):
    text = report(tmp_path, wide)
    skill, where = (section(text, title) for title in ("Held-out skill", "Where"))
    assert "from 0.5° to 0.25°, is not made: the footprint of GRACE is 250 km wide" in skill
    for part in (skill, where):
        assert "gain over mean-preserving" not in part and "gain over bilinear" not in part
    assert "<img" not in where and "<img" in section(page, "Where")
    assert "Held-out predictions before the correction" in skill
    assert re.search(r"<tr><td>random samples \(optimistic", skill)
    assert re.search("<tr><td>large</td>", where)


def test_the_score_before_the_correction_is_explained_for_the_target_anomaly(made, page, tmp_path):
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
    summer = made.fitted.reduced_resolution["blocked"].scores(
        np.isin(months.astype(int) % 12, [5, 6, 7])
    )
    assert (
        f"<td>JJA</td><td>{summer['samples']}</td><td>{summer['rmse_model_cm']:#.3g}</td>" in where
    )


def test_regions_without_gain_are_named(made, tmp_path):
    rows = [
        {**row, "gain_over_mean_preserving": gain}
        for row, gain in zip(made.regions, (0.2, -0.03, np.nan))
    ]
    where = section(report(tmp_path, replace(made, regions=rows)), "Where")
    assert "use the coarse field there: large." in where
    assert "Too small to be measured one scale up: small." in where


def test_the_area_of_applicability_is_stated(made, applicability, page):
    text = section(page, "Where it is not reliable")
    with rasterio.open(applicability) as source:
        inside = source.read(2)
        threshold = float(source.tags()["GWSA_DI_THRESHOLD"])
    land = np.isfinite(inside)
    areas = made.domain.predictors.grid.cell_areas()
    outside = np.average(1 - inside[land], weights=areas[land])
    assert f"{outside:.1%} of the land is outside" in text
    assert f"exceeds {threshold:.3g}:" in text
    assert "lower bound" in text
    assert "(1 of 24): 2009-02." in text
    assert "Models are trained and scored on them" in text


def test_the_area_outside_does_not_depend_on_the_tiles(made, applicability, monkeypatch):
    with rasterio.open(applicability) as source:
        inside = source.read(2)
    area = made.domain.predictors.grid.row_areas()
    total = np.nansum(inside, axis=1, dtype=np.float64) @ area
    outside = 1 - total / (np.isfinite(inside).sum(axis=1) @ area)
    assert fraction_outside(made.domain, applicability) == pytest.approx(outside, rel=1e-12)
    monkeypatch.setattr(tiles, "tile_side", lambda factor: 5)
    assert len(made.domain.tiles) == 9
    assert fraction_outside(made.domain, applicability) == pytest.approx(outside, rel=1e-12)


def test_missing_sigma_and_applicability_are_stated(made, tmp_path):
    text = section(report(tmp_path, replace(made, sigma=[])), "Where it is not reliable")
    assert "was not computed" in text
    assert "no maps of sigma" in text
    assert "<img" not in text


def make_large(path, names):
    """A large sparse raster with overviews; ``names`` are its bands. Returns the written rows."""
    rng = np.random.default_rng(0)
    encoding = {**MapOptions().storage.options, "sparse_ok": True}
    fields = rng.random((len(names), BLOCK, LARGE_SIDE), dtype=np.float32)
    fields[:, 5:7, 100:300] = np.nan
    with new_geotiff(path, Header(LARGE_GRID, names, "cm", {}), BLOCK, encoding) as target:
        for band, field in enumerate(fields, start=1):
            target.write(band, field, (BLOCK, 0))
        target.add_overviews(SILENT)
    return fields


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A large month and area of applicability of which 240 rows are land."""
    folder = tmp_path_factory.mktemp("large")
    month = make_large(folder / "GWSA_2015.tif", ("2015-01",))
    applicable = make_large(folder / "applicability.tif", ("dissimilarity", "share applicable"))
    side = LARGE_SIDE // FACTOR
    cells = np.zeros((side, side), dtype=bool)
    cells[8:16] = True
    domain = SimpleNamespace(
        gwsa=SimpleNamespace(grid=LARGE_GRID.coarsen(FACTOR)),
        predictors=SimpleNamespace(grid=LARGE_GRID, factor=FACTOR),
        months=np.array(["2015-01"], dtype="datetime64[M]"),
        target=[np.linspace(-1, 1, side * side).reshape(side, side)],
        cells=cells,
        tiles=tiles.split_into_tiles(cells, FACTOR),
    )
    years = [folder / "GWSA_2015.tif"]
    result = SimpleNamespace(domain=domain, years=years, sigma=years)
    return SimpleNamespace(
        result=result, path=folder / "applicability.tif", month=month[0], applicable=applicable[1]
    )


def peak_bytes(work, *given):
    """Most bytes that Python and NumPy have allocated at a time."""
    tracemalloc.start()
    try:
        work(*given)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_no_large_raster_is_read_completely(large, monkeypatch):
    domain = large.result.domain
    # Rendering is slow while allocations are traced.
    monkeypatch.setattr(charts, "draw", lambda chart, caption: None)
    assert peak_bytes(draw_map, large.result) < MOST_BYTES
    assert peak_bytes(draw_applicability, domain, large.path) < MOST_BYTES
    assert peak_bytes(fraction_outside, domain, large.path) < MOST_BYTES


def test_a_large_raster_is_drawn_from_means_over_its_pixels(large):
    reduced = read_reduced(large.result.years[0], 1)
    assert reduced.shape == (LARGE_SIDE // 5, LARGE_SIDE // 5)
    rows = slice(BLOCK // 5, 2 * BLOCK // 5)
    blocks = large.month.reshape(BLOCK // 5, 5, LARGE_SIDE // 5, 5)
    np.testing.assert_allclose(reduced[rows], np.nanmean(blocks, axis=(1, 3)), atol=0.011)
    assert np.isnan(np.delete(reduced, np.arange(rows.start, rows.stop), axis=0)).all()


def test_the_area_outside_of_a_large_raster(large):
    inside = np.nansum(large.applicable, axis=1, dtype=np.float64)
    land = np.isfinite(large.applicable).sum(axis=1)
    area = LARGE_GRID.row_areas()[BLOCK : 2 * BLOCK]
    expected = 1 - inside @ area / (land @ area)
    assert fraction_outside(large.result.domain, large.path) == pytest.approx(expected, abs=1e-4)


def test_a_small_raster_is_drawn_as_it_is(made):
    with rasterio.open(made.years[0]) as source:
        assert np.array_equal(read_reduced(made.years[0], 5), source.read(5), equal_nan=True)


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
    rain = [
        row for row in made.explanation if row["region"] == "small" and row["predictor"] == "rain"
    ]
    shap = sum(row["shap_cm"] for row in rain)
    gain = sum(row["gain"] for row in rain)
    row = re.search("<tr><td>small</td><td>[a-z]+ .*?</tr>", section(page, "Predictors"))[0]
    assert f"rain {shap:.2f} ({gain:.0%})" in row


def test_missing_values_are_counted(made):
    """Only the lagged rain of the first month is missing: one of two features in 1 of 24 months."""
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
def test_predictors_that_may_be_part_of_the_target_are_named(made, tmp_path, change, warned):
    first, *others = made.domain.predictors.predictors
    predictors = replace(made.domain.predictors, predictors=(replace(first, **change), *others))
    names = (change.get("name", "soil"), *made.domain.samples.names[1:])
    domain = replace(
        made.domain, predictors=predictors, samples=replace(made.domain.samples, names=names)
    )
    text = section(report(tmp_path, replace(made, domain=domain)), "Predictors")
    assert ("the target is predicted from itself" in text) == warned
    assert (f"Check the source of {change.get('name', 'soil')} (" in text) == warned


def test_all_settings_are_stated(made):
    rows = {
        name: (given, used)
        for name, given, used in settings_table(OPTIONS, made.fitted.models.boosting).rows
    }
    assert rows["boosting: trees"] == ("25", "25")
    assert rows["blocking: block"] == ("0.75", None)
    assert rows["least_area"] == ("20000", None)
    assert rows["period"] == ("open, open", None)


def test_closure_and_seams_are_separate_from_skill(made, page):
    closure = section(page, "Closure: not skill")
    assert "0.9728 and RMSE 2.10 cm" in closure
    assert f"<td>{made.scores['seams']['after']:#.3g}</td>" in closure


def test_without_skill_the_coarse_field_is_recommended(small_world, tmp_path):
    """The target of each month is shuffled over the cells, so that no predictor explains it."""
    rng = np.random.default_rng(0)
    months = np.nan_to_num(small_world.gwsa.values).reshape(24, -1)
    values = np.stack([rng.permutation(month) for month in months]).reshape(
        small_world.gwsa.values.shape
    )
    gwsa = replace(small_world.gwsa, values=values.astype(np.float32))
    options = replace(OPTIONS, validation="quick")
    result = downscale(gwsa, small_world.predictors, [], Outputs(tmp_path / "maps"), options)
    advice = "not supported, use the coarse field"
    if result.verdict.interpolated:  # The shrinkage factor is 0, not just small.
        advice = "Mapped is the mean-preserving interpolation."
    assert advice in verdict(result)
    assert advice in report(tmp_path, result, options)


def test_a_region_too_small_to_be_measured_has_no_verdict_of_skill(made):
    blocked = made.fitted.reduced_resolution["blocked"]
    empty = replace(blocked, observed=np.full_like(blocked.observed, np.nan))
    assert "Too few" in verdict(with_fitted(made, reduced_resolution={"blocked": empty}))


def test_borders_lie_between_cells_of_different_regions():
    numbers = np.array([[0, 0], [0, 1]])
    edges = {
        tuple(map(tuple, edge))
        for edge in _borders(numbers, Grid(70.0, 30.0, 1.0, 1.0, 2, 2)).tolist()
    }
    assert edges == {((71.0, 29.0), (72.0, 29.0)), ((71.0, 29.0), (71.0, 28.0))}
