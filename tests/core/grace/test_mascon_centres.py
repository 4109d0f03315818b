"""The four products in the layouts of their centres: recognised by their content and read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.grace.regional_mean import regional_mean
from gwsa.gwsa_plugin.core.grace.twsa import TwsaOptions, import_twsa
from gwsa.gwsa_plugin.core.sample_world.grace_files import solved_months, time_bounds
from gwsa.tests.core.grace.mascon_layouts import (
    CSR,
    CSR_CROP,
    CSR_V02,
    GSFC,
    JPL,
    RECORD,
    Layout,
    Log,
    expected,
    jpl_mascons,
    truth,
    write_classic,
    write_mascons,
    write_mask,
)

HALF_DEGREE = Layout(
    np.arange(70.25, 76, 0.5),
    np.arange(20.25, 25, 0.5),
    units="units",
    clock=("f8", CSR_CROP.clock[1]),
)


@pytest.mark.parametrize(
    ("attributes", "centre", "release"),
    [
        (CSR, "CSR", "RL06.3"),
        (CSR_V02, "CSR", "RL06Mv2"),
        (JPL, "JPL", "RL06.3Mv04"),
        # The RL06v2.0 file still states this release.
        (GSFC, "GSFC", "RL06 v1.0"),
    ],
    ids=["CSR RL06.3", "CSR v02", "JPL", "GSFC"],
)
def test_centre_and_release_are_those_of_the_attributes(tmp_path, attributes, centre, release):
    log = Log()
    found = import_twsa(
        write_mascons(tmp_path / "JPL_CSR_GSFC.nc", replace(CSR_CROP, attributes=attributes)),
        progress=log,
    )
    assert f"JPL_CSR_GSFC.nc: {centre} {release} (“{attributes['title']}”)." in log
    assert found.twsa.tags["GWSA_CENTRE"] == centre
    assert found.twsa.tags["GWSA_RELEASE"] == release


# JPL: half a degree, uncertainty, gain factors, mascon numbers and a land mask in the file


@pytest.fixture(scope="module")
def jpl(tmp_path_factory):
    """Global, 0-360; uncertainty per 3 degree mascon, gain factors on land only."""
    latitudes = np.arange(-89.75, 90, 0.5)
    longitudes = np.arange(0.25, 360, 0.5)
    months = month_range("2004-01", "2004-06")
    values = np.broadcast_to(truth(latitudes, longitudes, RECORD)[:6], (6, 360, 720)).copy()
    mascon = jpl_mascons(latitudes, longitudes)
    land = (latitudes[:, None] > 10) & (longitudes < 60)
    gain = np.where(land, 1.5, -99999.0)
    uncertainty = np.broadcast_to(mascon % 7 + 1, values.shape)
    extra = {
        "uncertainty": uncertainty,
        "scale_factor": gain,
        "mascon_ID": mascon,
        "land_mask": land,
    }
    layout = Layout(
        longitudes,
        latitudes,
        months,
        None,
        JPL,
        "units",
        fill=-99999.0,
        chunks=(6, 90, 180),
        extra=extra,
    )
    return write_mascons(tmp_path_factory.mktemp("jpl") / "anything.nc", layout, values)


def test_mask_sigma_and_mascons_of_jpl_are_read(jpl):
    found = import_twsa(jpl, TwsaOptions(bounds=(-3, 8, 6, 14), margin_km=0))
    grid = found.twsa.grid
    assert grid.shape == (24, 36)
    land = (grid.latitudes[:, None] > 10) & (grid.longitudes > 0)
    np.testing.assert_array_equal(np.isfinite(found.twsa.values[0]), land)
    mascon = jpl_mascons(grid.latitudes, grid.longitudes)
    np.testing.assert_array_equal(found.mascons, mascon)
    np.testing.assert_array_equal(found.sigma.values[0], np.where(land, mascon % 7 + 1, np.nan))
    assert found.sigma.variable == "SIGMA_TWSA"
    # The tiles are the mascons of the file on land.
    np.testing.assert_array_equal(found.twsa.tiles, np.where(land, mascon, -1))


def test_the_sigma_of_a_jpl_region_counts_each_mascon_once(jpl):
    """Three mascons in a row, 12° to 15° N, count as three values and not as 432 cells."""
    found = import_twsa(jpl, TwsaOptions(bounds=(3, 12, 12, 15), margin_km=0))
    regional = regional_mean(found.twsa, found.sigma, found.mascons)
    sigma = jpl_mascons(np.array([13.0]), np.array([4.0, 7.0, 10.0])) % 7 + 1
    assert regional.mascons == 3
    np.testing.assert_allclose(regional.sigma, np.sqrt((sigma**2).sum()) / 3, rtol=1e-6)
    np.testing.assert_allclose(regional.upper_sigma, sigma.mean(), rtol=1e-6)


def test_gain_factors_scale_value_and_sigma(jpl):
    plain = import_twsa(jpl, TwsaOptions(bounds=(0, 12, 3, 14)))
    scaled = import_twsa(jpl, TwsaOptions(bounds=(0, 12, 3, 14), gain_factors=True))
    np.testing.assert_allclose(scaled.twsa.values, 1.5 * plain.twsa.values, atol=1e-5)
    np.testing.assert_allclose(scaled.sigma.values, 1.5 * plain.sigma.values, rtol=1e-6)
    assert "GWSA_GAIN_FACTORS" in scaled.twsa.tags and "GWSA_GAIN_FACTORS" not in plain.twsa.tags


def test_land_without_a_gain_factor_is_counted(jpl, tmp_path):
    mask = write_mask(tmp_path / "mask.nc", lambda lat, lon: (lat > 9) & (lon > 0))
    log = Log()
    options = TwsaOptions(bounds=(0, 8, 3, 14), land_mask=mask, gain_factors=True, margin_km=0)
    assert np.isfinite(import_twsa(jpl, options, log).twsa.values[0]).sum() == 16 * 12
    assert "48 land cells have no gain factor" in log


def test_gain_factors_that_a_file_does_not_have_are_refused(tmp_path):
    write_mascons(tmp_path / "f.nc", CSR_CROP)
    with pytest.raises(InputError, match="f.nc has no scale_factor"):
        import_twsa(tmp_path / "f.nc", TwsaOptions(gain_factors=True))


# GSFC: NetCDF-3 in double precision, without fill value and list of missing months. A solution ends
# with its last day.


def test_gsfc_is_read_with_its_mask_and_without_sigma(tmp_path):
    land = HALF_DEGREE.latitudes[:, None] + 0 * HALF_DEGREE.longitudes > 22
    layout = replace(HALF_DEGREE, attributes=GSFC, kind="f8", extra={"land_mask": land})
    log = Log()
    found = import_twsa(write_classic(tmp_path / "f.nc", layout), TwsaOptions(cell=0.5), log)
    np.testing.assert_array_equal(np.isfinite(found.twsa.values[0]), land[::-1])
    np.testing.assert_allclose(
        found.twsa.values[:, land[::-1]], expected(found.twsa)[:, land[::-1]], atol=2e-5
    )
    assert found.sigma is None
    assert found.mascons is None
    assert (
        "f.nc lists no missing months, so the month labels cannot be checked against that list."
        in log.warnings
    )


def test_a_last_day_that_is_part_of_the_solution_is_counted(tmp_path):
    """Ends on the last day, as in GSFC's file, give the solutions of ends on the day after."""
    bounds = time_bounds()
    months = solved_months()
    values = np.zeros((months.size, HALF_DEGREE.latitudes.size, HALF_DEGREE.longitudes.size))
    layout = replace(HALF_DEGREE, months=months, spans=bounds - (0, 1), attributes=GSFC)
    found = import_twsa(write_classic(tmp_path / "f.nc", layout, values)).solutions
    np.testing.assert_array_equal([one.month for one in found], months)
    assert str(found[0]) == "2002-04-05..2002-04-30"
    assert [one.days for one in found] == list(bounds[:, 1] - bounds[:, 0])


def test_gsfc_has_two_solutions_about_november_2018(tmp_path):
    """22 October to 9 November, with its midpoint in October, and 10 to 30 November."""
    months = np.append(
        month_range("2004-01", "2009-12"), np.array(["2018-10", "2018-11"], dtype="M8[M]")
    )
    layout = replace(HALF_DEGREE, months=months, attributes=GSFC)
    spans = layout.days - (0, 1)
    spans[-2:] = [[6138, 6156], [6157, 6177]]
    found = import_twsa(write_classic(tmp_path / "f.nc", replace(layout, spans=spans))).solutions
    assert [f"{one} {one.month}" for one in found[-2:]] == [
        "2018-10-22..2018-11-09 2018-10",
        "2018-11-10..2018-11-30 2018-11",
    ]
