"""gwsa:gwsabalance through the Processing registry."""

import json

import numpy as np
import pytest
import rasterio
from qgis.core import QgsProcessingException

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.files.stack import FILLED, MISSING, OBSERVED, MonthlyStack, write_stack

GRID = Grid(77.0, 31.0, 0.25, 0.25, 4, 4)
MONTHS = month_range("2004-01", "2010-03")
SOURCE = [MISSING, FILLED, *[OBSERVED] * (MONTHS.size - 2)]
LEVELS = {"TWSA": 10.0, "SMS": 4.0, "SWES": 2.0, "CWS": 1.0, "SWS": 0.5, "GLACIER": 0.25}
GLDAS = ("TWSA", "SMS", "SWES", "CWS")


def write_constant(path, value, grid=GRID, source=None):
    """Write a stack that is ``value`` in the last three months and 0 before."""
    values = np.zeros((MONTHS.size, *grid.shape), dtype=np.float32)
    values[-3:] = value
    write_stack(path, MonthlyStack.on_calendar(grid, MONTHS, values, "made", source=source))
    return path


@pytest.fixture
def stacks(tmp_path):
    """Files of constant stacks by name, with the values of ``LEVELS``.

    The first month of TWSA is missing and the second one is filled.
    """
    files = {
        name: write_constant(tmp_path / f"{name}.tif", level) for name, level in LEVELS.items()
    }
    values = np.zeros((MONTHS.size, *GRID.shape), dtype=np.float32)
    values[0] = np.nan
    values[-3:] = LEVELS["TWSA"]
    twsa = MonthlyStack.on_calendar(GRID, MONTHS, values, "TWSA", source=SOURCE)
    write_stack(files["TWSA"], twsa, {"GWSA_BASELINE": "2004-01..2009-12"})
    return files


@pytest.mark.parametrize(
    ("more", "level"), [((), 3.0), (("SWS",), 2.5), (("SWS", "GLACIER"), 2.25)]
)
def test_storages_are_subtracted_and_sources_are_kept(run, stacks, tmp_path, more, level):
    output = tmp_path / "out" / "gwsa.tif"
    run("gwsabalance", **{name: stacks[name] for name in (*GLDAS, *more)}, OUTPUT=output)
    with rasterio.open(output) as source:
        assert source.descriptions == tuple(map(str, MONTHS))
        sources = [source.tags(band)["GWSA_SOURCE"] for band in (1, 2, 3)]
        assert sources == [MISSING, FILLED, OBSERVED]
        assert source.tags()["GWSA_VARIABLE"] == "GWSA"
        np.testing.assert_allclose(source.read(MONTHS.size), level, atol=1e-5)
    assert {path.name for path in output.parent.iterdir()} == {
        "gwsa.tif",
        "gwsa.qml",
        "gwsa.run.json",
    }


def test_variances_are_added_and_a_lower_bound_is_tagged(run, stacks, tmp_path):
    sigma = tmp_path / "out" / "sigma.tif"
    given = {name: stacks[name] for name in GLDAS}
    known = {
        "SIGMA_TWSA": write_constant(tmp_path / "s.tif", 3.0),
        "SIGMA_FILL": write_constant(tmp_path / "f.tif", 9.0),
        "SIGMA_SMS": 4.0,
        "SIGMA_SWES": 0.0,
    }
    run("gwsabalance", **given, **known, OUTPUT=tmp_path / "gwsa.tif", SIGMA=sigma)
    with rasterio.open(sigma) as source:
        np.testing.assert_allclose(source.read(MONTHS.size), 5.0, rtol=1e-6)
        assert source.tags()["GWSA_SIGMA"] == "lower bound"
        assert source.tags()["GWSA_SIGMA_WITHOUT"] == "CWS"
    assert sigma.with_suffix(".qml").exists()


def test_surface_water_is_filtered_before_it_is_subtracted(run, stacks, tmp_path):
    """The lake is one cell. The filter is much wider than the grid, so the result is uniform."""
    lake = np.zeros((MONTHS.size, *GRID.shape), dtype=np.float32)
    lake[-1, 1, 2] = 16.0
    write_stack(tmp_path / "lake.tif", MonthlyStack.on_calendar(GRID, MONTHS, lake, "lake"))
    given = {**{name: stacks[name] for name in GLDAS}, "SWS": tmp_path / "lake.tif"}
    run("gwsabalance", **given, SWS_RADIUS=2000, OUTPUT=tmp_path / "gwsa.tif")
    with rasterio.open(tmp_path / "gwsa.tif") as source:
        np.testing.assert_allclose(source.read(MONTHS.size), 3.0 - 1.0, atol=0.02)
        assert json.loads(source.tags()["GWSA_PARAMETERS"])["SWS_RADIUS"] == 2000


def test_sigma_without_any_known_term_is_refused(run, stacks, tmp_path):
    with pytest.raises(QgsProcessingException, match="SIGMA cannot be computed"):
        run(
            "gwsabalance",
            **stacks,
            OUTPUT=tmp_path / "out" / "gwsa.tif",
            SIGMA=tmp_path / "out" / "sigma.tif",
        )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("obstacle", ["out", "out/gwsa.tif/a folder"])
def test_unwritable_output_is_reported_in_one_sentence(run, stacks, tmp_path, obstacle):
    """The output folder is a file, or the output file is a folder."""
    (tmp_path / obstacle).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / obstacle).touch()
    output = tmp_path / "out" / "gwsa.tif"
    with pytest.raises(
        QgsProcessingException, match=r"/out.* cannot be .*; check that its folder .* file open\.$"
    ):
        run("gwsabalance", **{name: stacks[name] for name in GLDAS}, OUTPUT=output)


def test_inputs_that_do_not_overlap_are_listed(run, stacks, tmp_path):
    stacks["SMS"] = write_constant(
        tmp_path / "elsewhere.tif", 1.0, Grid(10.0, 31.0, 0.25, 0.25, 4, 4)
    )
    with pytest.raises(
        QgsProcessingException, match=r"TWSA \(TWSA.tif\) and SMS \(elsewhere.tif\).*do not overlap"
    ):
        run("gwsabalance", **stacks, OUTPUT=tmp_path / "out" / "gwsa.tif")
    assert not (tmp_path / "out").exists()
