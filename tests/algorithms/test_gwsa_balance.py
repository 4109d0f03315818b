"""gwsa:gwsabalance through the Processing registry."""

import json
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from qgis.core import QgsProcessingException

from gwsa.gwsa_plugin.core.balance.options import MODE_NAMES
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.files.stack import (
    FILLED,
    MISSING,
    OBSERVED,
    MonthlyStack,
    read_stack,
    write_stack,
)
from gwsa.gwsa_plugin.core.files.stack_tags import region_tag
from gwsa.gwsa_plugin.core.rasters.geotiff_tags import update_tags
from gwsa.gwsa_plugin.core.spatial.margin import MARGIN_KM

GRID = Grid(77.0, 31.0, 0.25, 0.25, 4, 4)
MONTHS = month_range("2004-01", "2010-03")
SOURCE = [MISSING, FILLED, *[OBSERVED] * (MONTHS.size - 2)]
LEVELS = {"TWSA": 10.0, "SMS": 4.0, "SWES": 2.0, "CWS": 1.0, "SWS": 0.5, "GLACIER": 0.25}
GLDAS = ("TWSA", "SMS", "SWES", "CWS")


def write_constant(path, value, grid=GRID, source=None):
    """Write a stack that is ``value`` in the last three months and 0 before.

    The file is named after the variable.
    """
    values = np.zeros((MONTHS.size, *grid.shape), dtype=np.float32)
    values[-3:] = value
    write_stack(path, MonthlyStack.on_calendar(grid, MONTHS, values, path.stem, source=source))
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


def world(tmp_path):
    """Files of a region with margin, whose stores sum to 3 cm in one cell and are 0 elsewhere.

    The tiles of TWSA are blocks of 2 x 2 cells.
    """
    grid = Grid(70.0, 40.0, 1.0, 1.0, 20, 20)
    inner = grid.subgrid(slice(8, 12), slice(8, 12))
    values = np.random.default_rng(1).normal(size=(MONTHS.size, 10, 10))
    values = values.repeat(2, axis=1).repeat(2, axis=2)
    store = np.zeros((MONTHS.size, *grid.shape))
    store[-1, 9, 9] = 1.0
    paths = {}
    fields = {"TWSA": values, "SMS": store, "SWES": 0.5 * store, "CWS": 1.5 * store}
    for name, field in fields.items():
        paths[name] = tmp_path / f"{name}.tif"
        stack = MonthlyStack.on_calendar(grid, MONTHS, field, name)
        tiles = np.arange(100, dtype=np.int32).reshape(10, 10).repeat(2, axis=0).repeat(2, axis=1)
        stack = replace(stack.tagged(**region_tag(inner)), tiles=tiles if name == "TWSA" else None)
        write_stack(paths[name], stack)
    return paths


def test_stores_are_at_the_footprint_by_default(run, tmp_path):
    files = world(tmp_path)
    output = {}
    for mode in (None, 0, 1):
        given = {} if mode is None else {"MODE": mode}
        output[mode] = tmp_path / f"{mode}.tif"
        run("gwsabalance", **files, **given, FOOTPRINT=250, OUTPUT=output[mode])
    stacks = {mode: read_stack(path) for mode, path in output.items()}
    assert output[None].read_bytes() == output[0].read_bytes()
    assert stacks[0].tags["GWSA_BALANCE_MODE"] == "footprint"
    assert stacks[1].tags["GWSA_BALANCE_MODE"] == "published"
    removed = {
        mode: read_stack(files["TWSA"]).anomaly().crop(stack.grid).values[-1] - stack.values[-1]
        for mode, stack in stacks.items()
    }
    # Sharp, the cell loses 3 cm. At the footprint, they are spread over the cells around.
    sharp = np.zeros((4, 4))
    sharp[1, 1] = 3
    np.testing.assert_allclose(removed[1], sharp, atol=1e-5)
    assert 0.05 < removed[0][1, 1] < 0.6
    assert removed[0][1, 1] == pytest.approx(removed[0][0, 0], abs=1e-5)
    with rasterio.open(output[0]) as source:
        parameters = json.loads(source.tags()["GWSA_PARAMETERS"])
        assert (parameters["MODE"], parameters["FOOTPRINT"]) == ("footprint", 250)
        assert source.tags()["GWSA_FOOTPRINT_KM"] == "250"
        assert source.tags()["GWSA_FOOTPRINT_SOURCE"] == "given"
        assert source.bounds == (78.0, 28.0, 82.0, 32.0)
    assert stacks[0].tiles is not None


def test_gain_factors_are_refused_at_the_footprint(run, tmp_path):
    files = world(tmp_path)
    twsa = read_stack(files["TWSA"]).tagged(GWSA_GAIN_FACTORS="applied")
    write_stack(files["TWSA"], twsa)
    with pytest.raises(QgsProcessingException, match="gain factors"):
        run("gwsabalance", **files, FOOTPRINT=250, OUTPUT=tmp_path / "out" / "gwsa.tif")
    assert not (tmp_path / "out").exists()
    run("gwsabalance", **files, FOOTPRINT=250, MODE=1, OUTPUT=tmp_path / "out" / "gwsa.tif")


def test_parameters_of_the_footprint_in_the_dialog(provider):
    algorithm = provider.algorithm("gwsabalance")
    mode, footprint = (algorithm.parameterDefinition(name) for name in ("MODE", "FOOTPRINT"))
    assert mode.defaultValue() == 0 and len(mode.options()) == len(MODE_NAMES)
    assert footprint.defaultValue() is None
    assert footprint.flags() & footprint.Flag.FlagOptional
    for name in ("importtwsa", "gldasanomaly"):
        margin = provider.algorithm(name).parameterDefinition("MARGIN")
        assert margin.defaultValue() == MARGIN_KM
        assert not margin.flags() & margin.Flag.FlagOptional
        assert margin.flags() & margin.Flag.FlagAdvanced


def test_variances_are_added_and_a_lower_bound_is_tagged(run, stacks, tmp_path):
    sigma = tmp_path / "out" / "sigma.tif"
    given = {name: stacks[name] for name in GLDAS}
    known = {
        "SIGMA_TWSA": write_constant(tmp_path / "SIGMA_TWSA.tif", 3.0),
        "SIGMA_FILL": write_constant(tmp_path / "TWSA_SIGMA.tif", 9.0),
        "SIGMA_SMS": 4.0,
        "SIGMA_SWES": 0.0,
    }
    run("gwsabalance", **given, **known, OUTPUT=tmp_path / "gwsa.tif", SIGMA=sigma)
    with rasterio.open(sigma) as source:
        np.testing.assert_allclose(source.read(MONTHS.size), 5.0, rtol=1e-6)
        assert source.tags()["GWSA_SIGMA"] == "lower bound"
        assert source.tags()["GWSA_SIGMA_WITHOUT"] == "CWS"
    assert sigma.with_suffix(".qml").exists()


def test_sigma_without_any_known_term_is_refused_before_the_balance(
    run, stacks, tmp_path, monkeypatch
):
    monkeypatch.setattr("gwsa.gwsa_plugin.core.balance.modes.balance", None)
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
        QgsProcessingException,
        match=r"^OUTPUT \(.*gwsa.tif\) cannot be written \(.* a folder\); choose another .*\.$",
    ):
        run("gwsabalance", **{name: stacks[name] for name in GLDAS}, OUTPUT=output)


def test_inputs_that_do_not_overlap_are_listed(run, stacks, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    stacks["SMS"] = write_constant(
        tmp_path / "elsewhere" / "SMS.tif", 1.0, Grid(10.0, 31.0, 0.25, 0.25, 4, 4)
    )
    with pytest.raises(
        QgsProcessingException, match=r"TWSA \(TWSA.tif\) and SMS \(SMS.tif\).*do not overlap"
    ):
        run("gwsabalance", **stacks, OUTPUT=tmp_path / "out" / "gwsa.tif")
    assert not (tmp_path / "out").exists()


def test_a_stack_of_another_variable_is_refused(run, stacks, tmp_path):
    """QGIS preselects the current layer in every box."""
    same = dict.fromkeys(GLDAS, stacks["TWSA"])
    with pytest.raises(QgsProcessingException, match="TWSA.tif contains TWSA .* SMS needs SMS"):
        run("gwsabalance", **same, OUTPUT=tmp_path / "out" / "gwsa.tif")
    assert not (tmp_path / "out").exists()


def test_a_stack_without_the_tag_of_its_variable_is_used(run, stacks, tmp_path):
    update_tags(stacks["SMS"], {"GWSA_VARIABLE": None})
    run("gwsabalance", **{name: stacks[name] for name in GLDAS}, OUTPUT=tmp_path / "gwsa.tif")


def test_one_file_for_two_terms_is_refused(run, stacks, tmp_path):
    """Also without a tag of its variable."""
    for name in GLDAS:
        update_tags(stacks[name], {"GWSA_VARIABLE": None})
    given = {name: stacks[name] for name in GLDAS}
    for one, other in (("SMS", "TWSA"), ("CWS", "SWES")):
        with pytest.raises(QgsProcessingException, match=f"is given as {other} and as {one}"):
            run("gwsabalance", **{**given, one: given[other]}, OUTPUT=tmp_path / "o.tif")
