"""Tests of gwsa:recharge through the Processing registry."""

import csv

import pytest
from qgis.core import QgsApplication, QgsProcessingException, QgsVectorLayer

from gwsa.gwsa_plugin.core.results.recharge import RechargeOptions

from .storage_maps import write_storage


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return write_storage(tmp_path_factory.mktemp("storage"))


def features(path):
    layer = QgsVectorLayer(path, "recharge", "ogr")
    assert layer.isValid()
    return {feature["name"]: feature for feature in layer.getFeatures()}


def test_layer_table_and_report(run, paths, tmp_path):
    outputs = run(
        "recharge",
        GWSA=paths["maps"],
        AQUIFERS=paths["aquifers"],
        ID_FIELD="aquifer",
        FIRST_MONTH=6,
        OUTPUT=tmp_path / "recharge.gpkg",
        TABLE=tmp_path / "years.csv",
        REPORT=tmp_path / "report.html",
    )
    found = features(outputs["OUTPUT"])
    assert set(found) == {"west", "east"}
    # Eight years of 15 and 6 cm and one without.
    assert found["west"]["recharge_cm"] == pytest.approx(15 * 8 / 9, rel=0.04)
    assert found["east"]["recharge_cm"] == pytest.approx(6 * 8 / 9, rel=0.04)
    assert found["west"]["low_cm"] < found["west"]["recharge_cm"] < found["west"]["high_cm"]
    assert found["west"]["years"] == 9 and found["west"]["filled_years"] == 1
    assert found["east"].geometry().boundingBox().width() == pytest.approx(2)
    with open(tmp_path / "years.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    dry = [row for row in rows if row["first"] == "2012-06"]
    assert [float(row["recharge_cm"]) for row in dry] == pytest.approx([0, 0], abs=0.5)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert html.count("<img") == 2 and "lower bound" in html
    assert (tmp_path / "report.run.json").is_file()


def test_sigma_of_a_stack_widens_the_interval(run, paths, tmp_path):
    widths = []
    for sigma in (None, paths["sigma"]):
        outputs = run(
            "recharge",
            LAYERS=[str(paths["stack"])],
            AQUIFERS=paths["aquifers"],
            ID_FIELD="aquifer",
            SIGMA=sigma,
            OUTPUT=tmp_path / f"{sigma is None}.gpkg",
            TABLE=None,
            REPORT=None,
        )
        widths.append(features(outputs["OUTPUT"])["west"]["sigma_cm"])
    assert 0 < widths[0] < widths[1]


def test_defaults_are_those_of_the_core(provider):
    algorithm = QgsApplication.processingRegistry().algorithmById("gwsa:recharge")
    defaults = {one.name(): one.defaultValue() for one in algorithm.parameterDefinitions()}
    options = RechargeOptions()
    assert defaults["FIRST_MONTH"] == options.first_month
    assert defaults["LEAST_RISE"] == options.least_rise


def test_smallest_rise_is_used(run, paths, tmp_path):
    outputs = run(
        "recharge",
        GWSA=paths["maps"],
        AQUIFERS=paths["aquifers"],
        ID_FIELD="aquifer",
        LEAST_RISE=8,
        OUTPUT=tmp_path / "recharge.gpkg",
        TABLE=None,
        REPORT=None,
    )
    found = features(outputs["OUTPUT"])
    # All rises of the east are smaller.
    assert found["west"]["recharge_cm"] > 10
    assert found["east"]["status"] != "estimated"
    assert found["east"]["least_rise_cm"] == 8


def test_mistakes_are_refused(run, paths, tmp_path):
    given = {"OUTPUT": tmp_path / "r.gpkg", "TABLE": None, "REPORT": None}
    with pytest.raises(QgsProcessingException, match="either as their folder"):
        run("recharge", AQUIFERS=paths["aquifers"], **given)
    with pytest.raises(QgsProcessingException, match="FIRST_MONTH"):
        run("recharge", AQUIFERS=paths["aquifers"], GWSA=paths["maps"], FIRST_MONTH=13, **given)
    assert not (tmp_path / "r.gpkg").exists()
