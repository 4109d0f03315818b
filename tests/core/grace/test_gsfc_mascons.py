"""GSFC's HDF5 of mascons in the layout of the real file, with known values."""

from __future__ import annotations

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.grace.regional_mean import regional_mean
from gwsa.gwsa_plugin.core.grace.twsa import TwsaOptions, import_twsa
from gwsa.gwsa_plugin.core.rasters import hdf5
from gwsa.tests.core.grace.mascon_layouts import Log

h5py = pytest.importorskip("h5py")
pytestmark = pytest.mark.skipif(not hdf5.usable(), reason="no h5py that shares GDAL's HDF5")

MONTHS = month_range("2004-01", "2010-06")
# Bands of one degree; mascons of 1, 1.25 and 1.5 degrees across 0 and 180 degrees.
LATITUDES = np.array([10.5, 11.5, 12.5])
WIDTHS = np.array([1.0, 1.25, 1.5])
COUNTS = np.array([360, 288, 240])
FIRST_DAYS = (MONTHS.astype("M8[D]") - np.datetime64("2001-12-31")).astype(float)
LAST_DAYS = ((MONTHS + 1).astype("M8[D]") - np.datetime64("2001-12-31")).astype(float) - 1
LATITUDE = np.repeat(LATITUDES, COUNTS)
WIDTH = np.repeat(WIDTHS, COUNTS)
LONGITUDE = np.concatenate([(np.arange(n) * w) % 360 for n, w in zip(COUNTS, WIDTHS)])
NUMBER = np.arange(LATITUDE.size)
VALUES = np.random.default_rng(1).normal(size=(NUMBER.size, MONTHS.size)) * 10
NOISE = np.abs(np.random.default_rng(2).normal(size=VALUES.shape)) + 1
LEAKAGE = np.abs(np.random.default_rng(3).normal(size=(NUMBER.size, 1))) + 1
LAND = np.where(NUMBER % 5 == 0, 90, 80)

SMALL_REGION = TwsaOptions(bounds=(71, 10, 72, 11), margin_km=0)


def write(path, without=(), **change):
    middle = (FIRST_DAYS + LAST_DAYS) / 2
    dates = np.datetime64("2001-12-31") + middle.astype(int)
    years = dates.astype("M8[Y]")
    days = (dates - years.astype("M8[D]")).astype(int) + 1
    content = {
        "mascon/lat_center": LATITUDE[None],
        "mascon/lat_span": np.ones_like(LATITUDE)[None],
        "mascon/lon_center": LONGITUDE[None],
        "mascon/lon_span": WIDTH[None],
        "mascon/location": LAND[None],
        "solution/cmwe": VALUES,
        "uncertainty/noise_2sigma": NOISE,
        "uncertainty/leakage_2sigma": LEAKAGE,
        "uncertainty/leakage_trend": LEAKAGE,
        "time/ref_days_first": FIRST_DAYS[None],
        "time/ref_days_middle": middle.astype(int)[None],
        "time/ref_days_last": LAST_DAYS[None],
        "time/yyyy_doy_yrplot_middle": np.stack(
            [years.astype(int) + 1970, days, years.astype(int)]
        ),
        **change,
    }
    with h5py.File(path, "w") as file:
        for name, values in content.items():
            if name not in without:
                file[name] = values
        file["solution"].attrs["Version"] = "RL06 v2.0"
    return path


def mascon_at(latitude, longitude):
    """The mascon of a place, found one by one."""
    across = np.abs((longitude - LONGITUDE + 180) % 360 - 180) < WIDTH / 2
    found = NUMBER[(np.abs(latitude - LATITUDE) < 0.5) & across]
    assert found.size == 1
    return found[0]


def mascons_of(grid):
    return np.array(
        [[mascon_at(lat, lon + 1e-7) for lon in grid.longitudes] for lat in grid.latitudes]
    )


@pytest.mark.parametrize("bounds", [(-3, 10, 4, 13), (176, 10, 183, 13), (71.2, 10.6, 74, 12)])
def test_each_cell_has_the_series_of_its_mascon(tmp_path, bounds):
    log = Log()
    path = write(tmp_path / "gsfc.h5")
    found = import_twsa(path, TwsaOptions(bounds=bounds, margin_km=0), log)
    mascons = mascons_of(found.twsa.grid)
    land = LAND[mascons] == 80
    inside = (np.datetime64("2004-01") <= MONTHS) & (np.datetime64("2009-12") >= MONTHS)
    anomalies = (VALUES - VALUES[:, inside].mean(axis=1)[:, None]).T[:, mascons]
    np.testing.assert_allclose(found.twsa.values[:, land], anomalies[:, land], atol=1e-4)
    assert np.isnan(found.twsa.values[:, ~land]).all()
    np.testing.assert_array_equal(found.twsa.tiles, np.where(land, mascons + 1, -1))
    sigma = np.sqrt((NOISE / 2) ** 2 + (LEAKAGE / 2) ** 2).T[:, mascons]
    np.testing.assert_allclose(found.sigma.values[:, land], sigma[:, land], rtol=1e-5)
    assert found.twsa.tags["GWSA_CENTRE"] == "GSFC"
    assert found.twsa.tags["GWSA_RELEASE"] == "RL06 v2.0"
    assert "Read 78 months 2004-01..2010-06 from variable lwe_thickness in cm" in log


def test_spans_are_those_of_the_file(tmp_path):
    found = import_twsa(write(tmp_path / "gsfc.h5"), SMALL_REGION).solutions
    assert [one.month for one in found] == list(MONTHS)
    assert str(found[1]) == "2004-02-01..2004-02-29" and found[1].stated


def test_the_mean_of_a_region_counts_each_mascon_once(tmp_path):
    options = TwsaOptions(bounds=(0.5, 10, 3.5, 11), margin_km=0)
    found = import_twsa(write(tmp_path / "gsfc.h5"), options)
    regional = regional_mean(found.twsa, found.sigma, found.mascons)
    assert regional.mascons == 3


@pytest.mark.parametrize("leakage", [LEAKAGE.ravel(), LEAKAGE.T, LEAKAGE + 0 * VALUES])
def test_leakage_may_have_any_shape(tmp_path, leakage):
    path = write(tmp_path / "gsfc.h5", **{"uncertainty/leakage_2sigma": leakage})
    found = import_twsa(path, SMALL_REGION)
    mascon = mascon_at(10.9, 71.1)
    sigma = np.hypot(NOISE[mascon], LEAKAGE[mascon]) / 2
    np.testing.assert_allclose(found.sigma.values[:, 0, 0], sigma, rtol=1e-5)


def test_times_without_reference_days_are_nominal(tmp_path):
    path = write(tmp_path / "gsfc.h5", ["time/ref_days_first", "time/ref_days_last"])
    found = import_twsa(path, SMALL_REGION).solutions
    assert [one.month for one in found] == list(MONTHS)
    assert not found[0].stated


@pytest.mark.parametrize("name", ["mascon/lat_span", "time/yyyy_doy_yrplot_middle"])
def test_a_file_without_a_part_is_refused(tmp_path, name):
    path = write(tmp_path / "gsfc.h5", [name, "time/ref_days_middle"])
    with pytest.raises(
        InputError, match=f"looks like GSFC's HDF5 file of mascons but has no .*{name}"
    ):
        import_twsa(path)


def test_parts_that_do_not_fit_are_refused(tmp_path):
    path = write(tmp_path / "gsfc.h5", **{"solution/cmwe": VALUES[:, :-1]})
    with pytest.raises(InputError, match=r"solution/cmwe in gsfc.h5 has the shape \(888, 77\)"):
        import_twsa(path)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("time/ref_days_first", FIRST_DAYS[None, :-1]),
        ("time/yyyy_doy_yrplot_middle", FIRST_DAYS[None]),
        ("time/yyyy_doy_yrplot_middle", FIRST_DAYS),
    ],
)
def test_times_that_do_not_fit_are_refused(tmp_path, name, values):
    path = write(tmp_path / "gsfc.h5", **{name: values})
    with pytest.raises(InputError, match=f"times of gsfc.h5 do not have one .*{name}"):
        import_twsa(path)


def test_without_h5py_the_message_names_it(tmp_path, monkeypatch):
    monkeypatch.setattr(hdf5, "trouble", lambda: "it is not installed")
    with pytest.raises(
        InputError, match="needs h5py, and h5py cannot be used: it is not installed"
    ):
        import_twsa(write(tmp_path / "gsfc.h5"))
