"""gwsa:importtwsa through the Processing registry, with the real files."""

import csv
import json

import numpy as np
import pytest
import rasterio
from qgis.core import QgsProcessingException, QgsRasterLayer

from gwsa.gwsa_plugin.core.files.stack import read_stack


@pytest.fixture
def twsa(real_data):
    return real_data / "grace/DERIVED_CSR_SH_G300_TWSA_nwindia_0.25deg.nc"


@pytest.fixture
def mask(real_data):
    return real_data / "grace/CSR_GRACE_GRACE-FO_RL06_Mascons_v02_LandMask.nc"


def test_real_record_is_written_as_stacks_and_month_table(run, twsa, mask, tmp_path):
    outputs = run(
        "importtwsa",
        INPUT=twsa,
        LAND_MASK=mask,
        EXTENT="72,77,27,32 [EPSG:4326]",
        START="2016-01",
        END="2019-12",
        SIGMA_TWSA=2,
        MARGIN=0,
        OUTPUT=tmp_path / "twsa.tif",
        SIGMA=tmp_path / "sigma.tif",
        TABLE=tmp_path / "months.csv",
    )
    assert set(outputs) == {"OUTPUT", "SIGMA", "TABLE"}
    with rasterio.open(tmp_path / "twsa.tif") as source:
        assert source.descriptions[0] == "2016-01"
        assert source.count == 48
        assert source.shape == (20, 20)
        assert tuple(source.bounds) == (72, 27, 77, 32)
        assert set(source.units) == {"cm"}
        assert source.tags(source.descriptions.index("2017-08") + 1)["GWSA_SOURCE"] == "missing"
        tags = source.tags()
    assert tags["GWSA_VARIABLE"] == "TWSA"
    assert tags["GWSA_BASELINE"] == "2004-01..2009-12"
    assert "/" not in tags["GWSA_INPUTS"]
    assert json.loads((tmp_path / "twsa.run.json").read_text())["parameters"]["sigma_cm"] == 2
    with open(tmp_path / "months.csv", newline="", encoding="utf-8") as file:
        moved = [row["month"] for row in csv.DictReader(file) if row["note"]]
    assert moved == ["2011-11", "2015-05"]
    layer = QgsRasterLayer(outputs["OUTPUT"], "twsa")
    assert layer.isValid()
    assert "2016-01" in layer.bandName(1)


def test_month_table_is_written_next_to_the_stack_by_default(run, twsa, tmp_path):
    outputs = run("importtwsa", INPUT=twsa, END="2005-12", OUTPUT=tmp_path / "twsa.tif")
    assert outputs["TABLE"] == str(tmp_path / "twsa.months.csv")
    with open(tmp_path / "twsa.months.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["start", "end", "days", "midpoint", "month", "note"]
    assert len(rows) == 231
    assert rows[0]["month"] == "2002-04"
    assert "REGION_MEAN" not in outputs


def test_regional_mean_has_a_sigma_if_one_is_given(run, twsa, tmp_path):
    outputs = run(
        "importtwsa",
        INPUT=twsa,
        EXTENT="72,77,27,32 [EPSG:4326]",
        START="2010-12",
        END="2011-02",
        SIGMA_TWSA=2,
        OUTPUT=tmp_path / "twsa.tif",
        REGION_MEAN=tmp_path / "mean.csv",
    )
    with open(outputs["REGION_MEAN"], newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["month"] for row in rows] == ["2010-12", "2011-01", "2011-02"]
    assert rows[1] == {"month": "2011-01", "twsa_cm": "", "sigma_cm": "", "sigma_upper_cm": ""}
    assert [row["sigma_upper_cm"] for row in rows[::2]] == ["2.0000", "2.0000"]
    # The mean is that of the region; the stack has a margin around it.
    stack = read_stack(tmp_path / "twsa.tif")
    assert stack.region.bounds == (72, 27, 77, 32)
    assert stack.grid.rows > 20 and stack.grid.columns > 20
    values = stack.crop(stack.region).values[0]
    latitudes = np.linspace(31.875, 27.125, 20)
    mean = np.average(values.mean(axis=1), weights=np.cos(np.radians(latitudes)))
    assert float(rows[0]["twsa_cm"]) == pytest.approx(mean, abs=1e-3)


def test_two_runs_write_the_same_bytes(run, twsa, tmp_path):
    for name in ("one", "two"):
        run(
            "importtwsa",
            INPUT=twsa,
            END="2005-12",
            OUTPUT=tmp_path / name / "twsa.tif",
            TABLE=tmp_path / f"{name}.csv",
        )
    one, two = ((tmp_path / name / "twsa.tif").read_bytes() for name in ("one", "two"))
    assert one == two


def test_without_a_sigma_there_is_no_sigma_output(run, twsa, tmp_path):
    outputs = run(
        "importtwsa", INPUT=twsa, OUTPUT=tmp_path / "twsa.tif", SIGMA=tmp_path / "sigma.tif"
    )
    assert "SIGMA" not in outputs
    assert not (tmp_path / "sigma.tif").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"INPUT": "grace/GRD-3_2002095-2002120_GRAC_UTCSR_BA01_0600_LND_v04.nc"},
            "not a readable NetCDF file",
        ),
        ({"START": "January"}, "START is “January”; write it as YYYY-MM"),
        ({"EXTENT": "10,11,20,21 [EPSG:4326]"}, "holds nothing in the region"),
    ],
)
def test_invalid_input_is_refused_and_no_file_is_written(
    run, real_data, twsa, tmp_path, change, message
):
    if "INPUT" in change:
        change = {"INPUT": real_data / change["INPUT"]}
    parameters = {
        "INPUT": twsa,
        "OUTPUT": tmp_path / "out" / "twsa.tif",
        "TABLE": tmp_path / "out" / "months.csv",
    }
    with pytest.raises(QgsProcessingException, match=message):
        run("importtwsa", **{**parameters, **change})
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_a_variable_without_a_unit_is_read_with_the_unit_that_is_given(run, real_data, tmp_path):
    path = real_data / "bangladesh/TWSA_M_2002_2017_BGD_025.nc4"
    with pytest.raises(QgsProcessingException, match="twsa in .* has no unit; give it in UNIT"):
        run("importtwsa", INPUT=path, OUTPUT=tmp_path / "twsa.tif")
    run("importtwsa", INPUT=path, VARIABLE="TWSA", UNIT="mm", OUTPUT=tmp_path / "twsa.tif")
    stack = read_stack(tmp_path / "twsa.tif")
    assert stack.months_with_source("filled").size == 22
    assert 10 < np.nanstd(stack.values) < 30
