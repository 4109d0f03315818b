"""The report and the tables of a comparison, also where a score is not defined."""

import csv
import json

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.results.comparison import compare
from gwsa.gwsa_plugin.core.results.comparison_report import write_comparison_report
from gwsa.gwsa_plugin.core.results.comparison_scores import TREND
from gwsa.gwsa_plugin.core.results.comparison_summary import lead
from gwsa.gwsa_plugin.core.results.comparison_tables import as_record, write_scores, write_table
from gwsa.gwsa_plugin.core.results.comparison_wells import Improvement, Interval, WellScores
from gwsa.gwsa_plugin.core.stats.metrics import SeriesAgreement
from gwsa.tests.core.results.products import GRID, MONTHS, product, storage


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    first = product(folder, "first", storage(GRID))
    other = product(folder, "other", storage(GRID) * 1.5 + 2)
    return compare(first, other, paths={TREND: folder / "trend.tif"})


def well_scores(r, rivals=("the coarse field",)):
    agreement = {
        name: SeriesAgreement(np.asarray(r, float), np.ones(len(r)), np.ones(len(r)))
        for name in ("first", *rivals)
    }
    improvements = tuple(
        Improvement("first", rival, measure, Interval(0.7, 0.6, 0.8), Interval(0.01), 0)
        for rival in rivals
        for measure in ("r", "RMSE")
    )
    place = np.linspace(70, 74, len(r))
    return WellScores(
        tuple(agreement), place, place - 40, agreement, improvements, (), len(r), {}, 9, 250.0
    )


def test_the_first_lines_state_the_results(comparison):
    text = lead(comparison, well_scores([0.5] * 30))
    assert "first and other have a median r of 1.00" in text
    assert (
        "first has a higher r than the coarse field at 70 % of the wells (60 to 80 %) and a "
        "smaller RMSE at 70 % (60 to 80 %)." in text
    )


def test_a_report_names_the_independence_first(comparison, tmp_path):
    path = tmp_path / "report.html"
    write_comparison_report(path, comparison, "Agreement is no validation.", None)
    html = path.read_text(encoding="utf-8")
    assert html.index("Agreement is no validation.") < html.index("<section>")
    assert "complete common area" in html and "<h2>Wells</h2>" not in html
    assert html.count("data:image/png") == 2


def test_scores_that_are_not_defined_are_no_numbers(tmp_path):
    """A product that is constant in time has no r."""
    first = product(tmp_path, "first", storage(GRID))
    other = product(tmp_path, "other", np.full((MONTHS.size, *GRID.shape), 2.0))
    comparison = compare(first, other)
    path = tmp_path / "report.html"
    write_comparison_report(path, comparison, "", well_scores([np.nan] * 30))
    html = path.read_text(encoding="utf-8")
    assert "median r of not defined" in html and "nan" not in html.split("<section>")[0]
    record = as_record(comparison, "", None)
    assert record["maps"]["correlation"]["mean"] is None
    write_scores(tmp_path / "scores.json", record)
    assert json.loads((tmp_path / "scores.json").read_text())["maps"]["RMSE"]["mean"] > 1


def test_the_table_has_a_row_for_each_region(comparison, tmp_path):
    write_table(tmp_path / "regions.csv", comparison)
    with open(tmp_path / "regions.csv", newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["region"] == "complete common area" and row["area_km2"] == ""
    everywhere = comparison.regions[0]
    assert float(row["rmse_of_mean_cm"]) == pytest.approx(everywhere.rmse, rel=1e-5)
    difference = float(row["trend_first_cm_per_yr"]) - float(row["trend_other_cm_per_yr"])
    assert float(row["trend_difference_cm_per_yr"]) == pytest.approx(difference, abs=1e-4)
