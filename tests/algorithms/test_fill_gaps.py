"""Tests of gwsa:fillgaps through the Processing registry."""

import json

import numpy as np
import pytest
import rasterio
from qgis.core import QgsApplication, QgsProcessingException, QgsRasterLayer

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.gapfill.methods import METHOD_NAMES, FillOptions

MONTHS = month_range("2002-04", "2020-12")
GAPS = np.isin(MONTHS, np.r_[month_range("2002-06", "2002-07"), month_range("2017-07", "2018-05")])


@pytest.fixture
def gappy(tmp_path):
    """Stack with a trend, a season and noise, and with a short and the long gap."""
    values = np.random.default_rng(0).normal(size=(MONTHS.size, 2, 2))
    values += np.linspace(0, -20, MONTHS.size)[:, None, None]
    values += 5 * np.cos(np.arange(MONTHS.size) * np.pi / 6)[:, None, None]
    values[GAPS] = np.nan
    path = tmp_path / "in" / "twsa.tif"
    stack = MonthlyStack.on_calendar(
        Grid(75.0, 30.0, 0.25, 0.25, 2, 2), MONTHS, values.astype("float32"), "TWSA"
    )
    write_stack(path, stack, {"GWSA_BASELINE": "2004-01..2009-12"})
    return path


def read(path):
    """Values, band descriptions, sources of the bands, and tags."""
    with rasterio.open(path) as source:
        sources = [source.tags(band)["GWSA_SOURCE"] for band in source.indexes]
        return source.read(), source.descriptions, sources, source.tags()


def test_outputs_have_names_tags_and_styles(run, gappy, tmp_path):
    out = tmp_path / "out"
    names = {
        "OUTPUT": "filled.tif",
        "SIGMA": "sigma.tif",
        "FLAGS": "flags.tif",
        "REPORT": "report.html",
    }
    outputs = run("fillgaps", INPUT=gappy, **{role: out / name for role, name in names.items()})
    assert outputs == {role: str(out / name) for role, name in names.items()}
    values, bands, sources, tags = read(out / "filled.tif")
    assert bands == tuple(map(str, MONTHS)) and np.isfinite(values).all()
    assert [source == "filled" for source in sources] == GAPS.tolist()
    assert tags["GWSA_VARIABLE"] == "TWSA" and tags["GWSA_BASELINE"] == "2004-01..2009-12"
    assert json.loads(tags["GWSA_PARAMETERS"])["method"] == FillOptions().method
    np.testing.assert_array_equal(values[~GAPS], read(gappy)[0][~GAPS])
    sigma = read(out / "sigma.tif")[0]
    flags, flag_bands, flag_sources, _ = read(out / "flags.tif")
    assert np.isnan(sigma[~GAPS]).all() and (sigma[GAPS] > 0).all()
    assert (flags == GAPS[:, None, None]).all()
    assert flag_bands == bands and flag_sources == sources
    assert "11 months" in (out / "report.html").read_text(encoding="utf-8")
    rasters = ("filled", "sigma", "flags")
    expected = {f"{name}.{ending}" for name in rasters for ending in ("qml", "run.json")}
    assert {path.name for path in out.iterdir()} == {*names.values(), *expected}
    for name in rasters:
        layer = QgsRasterLayer(str(out / f"{name}.tif"), name)
        assert layer.isValid() and "2017-07" in layer.bandName(int(np.flatnonzero(GAPS)[2]) + 1)


def test_defaults_and_methods_are_those_of_the_core(provider):
    algorithm = QgsApplication.processingRegistry().algorithmById("gwsa:fillgaps")
    defaults = {one.name().lower(): one.defaultValue() for one in algorithm.parameterDefinitions()}
    options = FillOptions()
    assert [defaults[name] for name in ("window", "components", "tolerance")] == [
        options.window,
        options.components,
        options.tolerance,
    ]
    assert list(METHOD_NAMES)[defaults["method"]] == options.method
    assert algorithm.parameterDefinition("METHOD").options() == list(METHOD_NAMES.values())


@pytest.mark.parametrize("method", range(len(METHOD_NAMES)))
def test_selected_method_is_used(run, gappy, tmp_path, method):
    run(
        "fillgaps",
        INPUT=gappy,
        METHOD=method,
        OUTPUT=tmp_path / "filled.tif",
        SIGMA=None,
        FLAGS=None,
    )
    values, _, _, tags = read(tmp_path / "filled.tif")
    assert json.loads(tags["GWSA_PARAMETERS"])["method"] == list(METHOD_NAMES)[method]
    assert np.isfinite(values).all()


def test_two_runs_write_the_same_bytes(run, gappy, tmp_path):
    for name in ("one", "two"):
        out = tmp_path / name
        run(
            "fillgaps",
            INPUT=gappy,
            OUTPUT=out / "filled.tif",
            SIGMA=out / "sigma.tif",
            FLAGS=out / "flags.tif",
        )
    for name in ("filled.tif", "sigma.tif", "flags.tif"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_too_short_record_is_refused_without_outputs(run, tmp_path):
    path = tmp_path / "short.tif"
    values = np.ones((20, 2, 2), dtype="float32")
    values[7] = np.nan
    write_stack(
        path,
        MonthlyStack.on_calendar(Grid(75.0, 30.0, 0.25, 0.25, 2, 2), MONTHS[:20], values, "TWSA"),
    )
    with pytest.raises(
        QgsProcessingException,
        match="at most 19 observed months in a cell and gap filling needs 24",
    ):
        run("fillgaps", INPUT=path, OUTPUT=tmp_path / "out" / "filled.tif")
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


@pytest.fixture
def folder(gappy, tmp_path):
    """The observed months of the stack in one GeoTIFF each, which names the month in its name."""
    path = tmp_path / "months"
    path.mkdir()
    with rasterio.open(gappy) as source:
        profile = {**source.profile, "count": 1}
        for number in np.flatnonzero(~GAPS):
            name = f"twsa_{str(MONTHS[number]).replace('-', '_')}.tif"
            with rasterio.open(path / name, "w", **profile) as target:
                target.write(source.read([int(number) + 1]))
    return path


def test_a_folder_of_months_is_filled_as_its_stack(run, gappy, folder, tmp_path):
    one = run("fillgaps", INPUT=gappy, METHOD=1, OUTPUT=tmp_path / "one.tif")["OUTPUT"]
    other = run("fillgaps", FOLDER=folder, METHOD=1, OUTPUT=tmp_path / "other.tif")["OUTPUT"]
    for found, expected in zip(read(other)[:3], read(one)[:3]):
        np.testing.assert_array_equal(found, expected)
    assert read(other)[3]["GWSA_VARIABLE"] == "TWSA"


def test_either_a_stack_or_a_folder_is_needed(run, gappy, folder, tmp_path):
    for given in ({}, {"INPUT": gappy, "FOLDER": folder}):
        with pytest.raises(QgsProcessingException, match="either a monthly stack"):
            run("fillgaps", **given, OUTPUT=tmp_path / "o.tif")
    with pytest.raises(QgsProcessingException, match="is not a folder"):
        run("fillgaps", FOLDER=gappy, OUTPUT=tmp_path / "o.tif")


def test_flags_and_sigma_have_no_gaps_to_fill(run, gappy, tmp_path):
    paths = {name: tmp_path / f"{name}.tif" for name in ("OUTPUT", "SIGMA", "FLAGS")}
    outputs = run("fillgaps", INPUT=gappy, METHOD=1, **paths)
    for name, variable in (("SIGMA", "TWSA_SIGMA"), ("FLAGS", "FLAGS")):
        with pytest.raises(QgsProcessingException, match=f"holds {variable}, which has no gaps"):
            run("fillgaps", INPUT=outputs[name], METHOD=1, OUTPUT=tmp_path / "o.tif")
