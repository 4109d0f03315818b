"""Subsets of GLDAS have the cells of the region, and no others."""

from urllib.parse import unquote

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.fetching.http import NotThere
from gwsa.gwsa_plugin.core.fetching.remote_file import Wanted
from gwsa.gwsa_plugin.core.fetching.sources import read_sources
from gwsa.gwsa_plugin.core.fetching.ways.opendap_subsets import list_files
from gwsa.gwsa_plugin.core.gldas.granule import read_header
from gwsa.gwsa_plugin.core.rasters.netcdf import open_netcdf
from gwsa.tests.core.fetching.conftest import fetch_all, final_files, order_of

GLDAS = read_sources()["gldas_noah"]
MONTHS = month_range("2010-01", "2010-02")


def windows(client, *bounds):
    """First and last row and column that are asked for."""
    files = list_files(GLDAS, Wanted(bounds, MONTHS), client)
    constraint = unquote(files[0].url.partition("dap4.ce=")[2])
    terms = dict(term.split("[", 1) for term in constraint.split(";"))
    return [tuple(map(int, terms[name][:-1].split(":"))) for name in ("/lat", "/lon")]


@pytest.mark.parametrize(
    ("bounds", "rows", "columns"),
    [
        ((77.0, 29.0, 79.0, 31.0), (356, 363), (1028, 1035)),
        ((77.1, 29.1, 77.2, 29.2), (356, 356), (1028, 1028)),
        ((-180.0, -60.0, -179.0, -59.0), (0, 3), (0, 3)),
        ((179.0, 89.0, 180.0, 90.0), (596, 599), (1436, 1439)),
        ((-10.0, -90.0, 10.0, -59.5), (0, 1), (680, 759)),
        ((170.0, 0.0, 190.0, 10.0), (240, 279), (0, 1439)),
    ],
)
def test_the_window_has_the_cells_that_the_region_touches(bounds, rows, columns, archives, client):
    """Row 0 is centred on 59.875° south and column 0 on 179.875° west, in steps of 0.25°."""
    assert windows(client, *bounds) == [rows, columns]


def test_a_constraint_is_one_of_dap4(archives, client):
    file = list_files(GLDAS, Wanted((77.0, 29.0, 78.0, 30.0), MONTHS), client)[0]
    address, _, constraint = file.url.partition("?")
    assert address == (
        "https://opendap.earthdata.nasa.gov/collections/C1342986036-GES_DISC/granules/"
        "GLDAS_NOAH025_M.2.1%3AGLDAS_NOAH025_M.A201001.021.nc4.dap.nc4"
    )
    assert constraint.startswith("dap4.ce=/SoilMoi0_10cm_inst%5B0%5D%5B356:359%5D%5B1028:1031%5D;")
    assert constraint.endswith(";/lat%5B356:359%5D;/lon%5B1028:1031%5D;/time%5B0%5D")


def test_the_files_have_the_months_and_the_layout_of_gldas(archives, client, steps, tmp_path):
    fetch_all(order_of("gldas_noah"), tmp_path, client, steps)
    assert final_files(tmp_path) == [
        f"gldas/GLDAS_NOAH025_M.A20100{month}.021.nc4" for month in (1, 2, 3, 4)
    ]
    header = read_header(tmp_path / "gldas" / "GLDAS_NOAH025_M.A201003.021.nc4")
    # The region has 77 to 79 E, and the balance needs a margin around it.
    assert header.grid.west < 77 and header.grid.west + header.grid.columns * 0.25 > 79
    assert header.begin_date == "20100301"


def test_the_values_are_those_of_the_archive(archives, client, steps, small_world, tmp_path):
    fetch_all(order_of("gldas_noah"), tmp_path, client, steps)
    name = "gldas/GLDAS_NOAH025_M.A201002.021.nc4"
    with open_netcdf(tmp_path / name) as part, open_netcdf(small_world / name) as file:
        rows, columns = (
            np.searchsorted(file.read(axis), part.read(axis)) for axis in ("lat", "lon")
        )
        for variable in GLDAS.settings["variables"]:
            values = file.read(variable)[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            assert np.array_equal(part.read(variable), values, equal_nan=True)


def test_months_without_a_file_are_refused(archives, client):
    wanted = Wanted((77.0, 29.0, 78.0, 30.0), month_range("2030-01", "2030-02"))
    with pytest.raises(NotThere, match="GLDAS.*has no file for these months"):
        list_files(GLDAS, wanted, client)
