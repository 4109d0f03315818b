"""Predictors that are refused: undeclared fill values, impossible values, wrong scales."""

import re
import shutil

import numpy as np
import pytest
import rasterio

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.predictors.catalogue import Predictor
from gwsa.gwsa_plugin.core.predictors.features import read_features
from gwsa.gwsa_plugin.core.predictors.limits import limits_for
from gwsa.tests.core.predictors.raster_files import FINE, Log, build_set, write_raster

MAY = np.array(["2004-05"], dtype="datetime64[M]")


def smooth(low, high):
    """A field from ``low`` to ``high``."""
    y, x = np.indices(FINE.shape)
    waves = np.sin(x / 4.0) + np.cos(y / 5.0)
    return low + (high - low) * (waves - waves.min()) / np.ptp(waves)


def with_fill(low, high, fill, count=20):
    values = smooth(low, high)
    values.flat[100 : 100 + count] = fill
    return values


def refusal(folder, *entries, **options):
    with pytest.raises(InputError) as found:
        build_set(folder, list(entries), **options)
    assert not (folder / "set").exists()
    return str(found.value)


@pytest.mark.usefixtures("gdal_backend")
@pytest.mark.parametrize(
    ("fill", "dtype", "low", "high"),
    [
        (-9999, "float32", 0, 300),
        (-9999, "int16", -40, 800),
        (-3000, "int16", -1999, 9990),
        (65535, "uint16", 0, 3000),
        (255, "uint8", 0, 70),
        (32767, "int16", -200, 9000),
        (-32768, "int16", 0, 1000),
        (1e20, "float32", 200, 300),
        (9.96921e36, "float32", -1, 1),
        (-3.4028235e38, "float32", 0, 5),
    ],
)
@pytest.mark.parametrize("monthly", [False, True], ids=["static", "monthly"])
def test_undeclared_fill_value_is_refused_by_name(tmp_path, fill, dtype, low, high, monthly):
    bands = [smooth(low, high)] * (12 if monthly else 1)
    bands[4 % len(bands)] = with_fill(low, high, fill)
    name = "p_2004.tif" if monthly else "p.tif"
    write_raster(tmp_path / name, bands, dtype=dtype, nodata=None)
    entry = {"name": "p", "files": "p_{YYYY}.tif" if monthly else "p.tif"}
    text = refusal(tmp_path, entry)
    band = "2004-05" if monthly else "1"
    found = re.match(
        rf"p \({name}\) has the value (\S+) \(20 values in band {band}\), a fill value", text
    )
    assert np.float32(found[1]) == np.float32(fill)
    declared = float(re.search(r'"nodata": (\S+) ', text)[1])
    fine = read_features(build_set(tmp_path, [{**entry, "nodata": declared}]), "fine", MAY)
    assert np.isnan(fine).sum() == 20 and np.nanmin(fine) >= low - 0.1


def test_values_are_looked_at_before_the_work(tmp_path, monkeypatch):
    """The first, the middle and the last band are checked before any raster is written."""
    write_raster(tmp_path / "p_2004.tif", [smooth(0, 300)] * 11 + [with_fill(0, 300, -9999)])
    monkeypatch.setattr("gwsa.gwsa_plugin.core.predictors.build._write_rasters", None)
    assert "2004-12" in refusal(tmp_path, {"name": "p", "files": "p_{YYYY}.tif"})


def test_a_single_pixel_in_a_band_between_the_samples_is_found(tmp_path):
    bands = [smooth(0, 300)] * 12
    bands[2] = with_fill(0, 300, -9999, count=1)
    write_raster(tmp_path / "rain_2004.tif", bands)
    text = refusal(tmp_path, {"name": "rain", "files": "rain_{YYYY}.tif"})
    assert "rain (rain_2004.tif) has the value -9999 (1 value in band 2004-03)" in text


@pytest.mark.parametrize(
    ("low", "high", "dtype"),
    [(-430, 8848, "int16"), (0, 255, "uint8"), (-99, 60, "float32"), (0, 65535, "uint16")],
)
def test_values_that_only_look_like_fill_values_pass(tmp_path, low, high, dtype):
    values = smooth(low, high)
    values.flat[:3] = low, high, high
    write_raster(tmp_path / "p.tif", [values], dtype=dtype, nodata=None)
    fine = read_features(build_set(tmp_path, [{"name": "p", "files": "p.tif"}]), "fine", MAY)
    assert np.nanmax(fine) == pytest.approx(high, abs=0.01 * (high - low))


def test_class_codes_are_no_values(tmp_path):
    codes = np.where(smooth(0, 1) > 0.5, 255, 7)
    write_raster(tmp_path / "p.tif", [codes], dtype="uint8", nodata=None)
    built = build_set(tmp_path, [{"name": "p", "files": "p.tif", "classes": [7, 255]}])
    assert read_features(built, "fine", MAY)[0, 1].sum() == (codes == 255).sum()


@pytest.mark.parametrize(
    ("name", "unit", "low", "high", "named"),
    [
        ("ndvi", "1", 1000, 8000, 1000),
        ("rain", "mm", -80, 300, -80),
        ("temperature", "degree_Celsius", 250, 310, 250),
        ("tas", "K", -10, 30, -10),
        ("elevation", "m", 0, 20000, 20000),
        ("slope", "degree", 0, 200, 200),
        ("sand", "%", 10, 900, 900),
        ("root_zone_soil_moisture", "m3 m-3", 5, 50, 5),
        ("lai", "m2 m-2", 0, 69, 69),
    ],
)
def test_values_out_of_the_range_of_a_variable_are_refused(tmp_path, name, unit, low, high, named):
    write_raster(tmp_path / "p.tif", [smooth(low, high)])
    text = refusal(tmp_path, {"name": name, "files": "p.tif", "unit": unit})
    assert text.startswith(f"{name} (p.tif) has the value {named}")
    assert "correct its unit, scale or nodata value" in text


def test_ranges_follow_role_name_and_unit():
    def ends(name, unit="", role=""):
        limits = limits_for(Predictor(name, "x.tif", "monthly", unit=unit, role=role))
        return limits.least, limits.most

    assert ends("chirps", "mm", "precipitation") == ends("ppt") == ends("CHELSA_pr")
    assert ends("temperature_anomaly", "K") == ends("twi", "1") == ends("slope_std")
    assert ends("temp_seasonality") == ends("twi")
    assert ends("ndvi_mod13")[1] < 2 < ends("land_surface_temperature")[1]
    assert ends("lst", "K")[0] > 0 > ends("lst", "°C")[0]


def test_depths_of_the_sea_pass_and_a_fill_value_among_them_does_not(tmp_path):
    entry = {"name": "elevation", "files": "e.tif", "unit": "m"}
    values = smooth(-6000, 4000)
    write_raster(tmp_path / "e.tif", [values])
    found = read_features(build_set(tmp_path, [entry]), "fine", MAY)[0, 0]
    np.testing.assert_allclose(found, values, atol=0.2)
    shutil.rmtree(tmp_path / "set")
    write_raster(tmp_path / "e.tif", [with_fill(-6000, 4000, -9999)])
    assert "has the value -9999 (20 values in band 1), a fill value" in refusal(tmp_path, entry)


SCALED = {"dtype": "int16", "nodata": -3000}


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_scale_in_some_files_of_a_series_only_is_refused(tmp_path, dtype):
    bands = [np.rint(smooth(1000, 8000))] * 12
    write_raster(tmp_path / "p_2004.tif", bands, scale=1e-4, **SCALED)
    write_raster(tmp_path / "p_2005.tif", bands, **{**SCALED, "dtype": dtype})
    entry = {"name": "p", "files": "p_{YYYY}.tif"}
    text = refusal(tmp_path, entry)
    assert "Band 1 of p_2004.tif states the scale 0.0001 and the offset 0" in text
    assert "band 1 of p_2005.tif 1 and 0," in text
    assert '"scale": 0.0001 and "offset": 0' in text
    built = build_set(tmp_path, [{**entry, "scale": 1e-4, "offset": 0}])
    ends = read_features(built, "fine", ["2004-05", "2005-05"])[:, 0]
    np.testing.assert_allclose(ends[0], ends[1], atol=1e-5)
    assert ends[0].max() == pytest.approx(0.8, abs=1e-4)


def test_offset_in_some_files_only_is_refused(tmp_path):
    bands = [smooth(2700, 3000)] * 12
    write_raster(tmp_path / "p_2004.tif", bands, scale=0.1, offset=-273.15, **SCALED)
    write_raster(tmp_path / "p_2005.tif", bands, scale=0.1, **SCALED)
    text = refusal(tmp_path, {"name": "p", "files": "p_{YYYY}.tif"})
    assert "scale 0.1 and the offset -273.15" in text and "p_2005.tif 0.1 and 0," in text


def test_scale_of_some_bands_of_a_file_only_is_refused(tmp_path):
    path = write_raster(tmp_path / "p_2004.tif", [smooth(1000, 8000)] * 12, **SCALED)
    with rasterio.open(path, "r+") as target:
        target.scales = [1e-4] + [1.0] * 11
    text = refusal(tmp_path, {"name": "p", "files": "p_{YYYY}.tif"})
    assert "Band 1 of p_2004.tif states the scale 0.0001" in text
    assert "band 2 of p_2004.tif 1 and 0" in text


def test_files_of_other_scales_and_of_values_are_one_series(tmp_path):
    """Each year of TerraClimate has a scale of its own; floats beside integers are values."""
    values = smooth(0.1, 0.8)
    for year, scale in ((2003, 1e-4), (2004, 2e-4)):
        write_raster(tmp_path / f"p_{year}.tif", [values / scale] * 12, scale=scale, **SCALED)
    write_raster(tmp_path / "p_2005.tif", [values] * 12)
    built = build_set(tmp_path, [{"name": "p", "files": "p_{YYYY}.tif"}])
    fine = read_features(built, "fine", ["2003-05", "2004-05", "2005-05"])[:, 0]
    np.testing.assert_allclose(fine, np.stack([values] * 3), atol=3e-4)


@pytest.mark.parametrize("stated_by", ["file", "catalogue"])
def test_values_that_a_scale_would_make_tiny_are_refused(tmp_path, stated_by):
    in_file = stated_by == "file"
    write_raster(tmp_path / "q.tif", [smooth(0.1, 0.8)], scale=1e-4 if in_file else None)
    entry = {"name": "q", "files": "q.tif", **({} if in_file else {"scale": 1e-4})}
    text = refusal(tmp_path, entry)
    assert "q (q.tif) stores fractions up to 0.8" in text and '"scale": 1' in text
    fine = read_features(build_set(tmp_path, [{**entry, "scale": 1}]), "fine", MAY)
    assert fine.max() == pytest.approx(0.8, abs=1e-4)


def test_a_small_scale_of_large_fractions_converts_units(tmp_path):
    write_raster(tmp_path / "vpd.tif", [smooth(300.5, 2500.25)])
    built = build_set(tmp_path, [{"name": "vpd", "files": "vpd.tif", "scale": 0.001}])
    assert read_features(built, "fine", MAY).max() == pytest.approx(2.50025, abs=1e-3)


def test_one_line_of_the_log_about_each_predictor(tmp_path):
    write_raster(tmp_path / "e.tif", [smooth(0, 500)])
    for year in (2004, 2005):
        write_raster(tmp_path / f"p_{year}.tif", [smooth(1, 9)] * 12, scale=0.1, **SCALED)
    log = Log()
    entries = [
        {"name": "e", "files": "e.tif", "unit": "m"},
        {"name": "p", "files": "p_{YYYY}.tif", "unit": "mm"},
    ]
    build_set(tmp_path, entries, progress=log)
    assert log.line("e: ") == "e: from e.tif in m, cells of 4.6 km."
    assert log.line("p: ") == (
        "p: 24 months 2004-01..2005-12 from 2 files in mm, stored number x 0.1 + 0, "
        "cells of 4.6 km, twelve unnamed bands taken as January to December."
    )


def test_predictor_wider_than_a_coarse_cell_is_warned_of(tmp_path):
    wide = FINE.coarsen(12)
    write_raster(tmp_path / "wide.tif", [np.arange(4.0).reshape(2, 2)[:, [0, 1, 1]] + 5], wide)
    write_raster(tmp_path / "e.tif", [smooth(0, 500)])
    log = Log()
    entries = [{"name": name, "files": f"{name}.tif"} for name in ("wide", "e")]
    build_set(tmp_path, entries, progress=log)
    (warning,) = log.warnings
    assert "cells of wide (0.5°) are wider than a coarse cell (0.25°)" in warning


def test_months_of_a_static_predictor_are_refused(tmp_path):
    names = [f"2004-{number:02}" for number in range(1, 13)]
    write_raster(tmp_path / "p.tif", [smooth(1, 9)] * 12, names=names)
    text = refusal(tmp_path, {"name": "p", "files": "p.tif"})
    assert text.startswith("p.tif has 12 months, and p is static") and '"kind": "monthly"' in text


def test_first_of_several_bands_is_stated(tmp_path):
    write_raster(tmp_path / "p.tif", [smooth(1, 9)] * 6)
    log = Log()
    build_set(tmp_path, [{"name": "p", "files": "p.tif"}], progress=log)
    assert log.line("p: ") == "p: from p.tif, cells of 4.6 km, the first of 6 bands."
