import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.files.stack import FILLED, MISSING, OBSERVED
from gwsa.gwsa_plugin.core.rasters.netcdf import open_netcdf
from gwsa.gwsa_plugin.core.results.export.netcdf_maps import new_maps, time_bounds
from gwsa.gwsa_plugin.core.results.export.product import opened


@pytest.fixture(scope="module")
def path(product, description, tmp_path_factory):
    """The first months of the product as a file."""
    path = tmp_path_factory.mktemp("netcdf") / "GWSA.nc"
    months = product.months_in(2004)
    with new_maps(path, product, months, description) as file:
        for variable in product.variables:
            with opened(variable) as reader:
                for tile in product.tiles():
                    file.write(variable.name, months, tile, reader.read(months, tile))
        file.write_sources(product.stated_sources())
    return path


def test_values_are_those_of_the_maps(path, product):
    months = product.months_in(2004)
    with open_netcdf(path) as file, product.maps.opened() as read:
        assert file.shape("gwsa") == (10, 250, 500)
        assert file.chunk("gwsa") == (1, 240, 240)
        np.testing.assert_array_equal(file.read("gwsa"), read(months))
    with open_netcdf(path) as file, product.sigma.opened() as read:
        np.testing.assert_array_equal(file.read("gwsa_sigma"), read(months))


def test_coordinates_are_the_middle_of_contiguous_bounds(path, product):
    grid = product.grid
    with open_netcdf(path) as file:
        for name, centres, step in (
            ("lat", grid.latitudes, -grid.dy),
            ("lon", grid.longitudes, grid.dx),
        ):
            bounds = file.read(f"{name}_bnds")
            np.testing.assert_allclose(file.read(name), centres, atol=1e-12)
            np.testing.assert_allclose(bounds.mean(axis=1), centres, atol=1e-12)
            np.testing.assert_array_equal(bounds[:-1, 1], bounds[1:, 0])
            np.testing.assert_allclose(np.diff(bounds, axis=1), step, atol=1e-12)
            assert file.text("bounds", name) == f"{name}_bnds"
        days = file.read("time_bnds")
        assert file.unit("time") == "days since 1970-01-01 00:00:00"
    first = np.datetime64("1970-01-01") + days[:, 0].astype("timedelta64[D]")
    assert (first == product.months_in(2004).astype("datetime64[D]")).all()
    assert (days[:-1, 1] == days[1:, 0]).all()


def test_bounds_of_months_know_leap_years():
    bounds = time_bounds(month_range("2004-01", "2004-03"))
    assert np.diff(bounds, axis=1).ravel().astype(int).tolist() == [31, 29, 31]


def test_flags_and_attributes_link_the_variables(path):
    with open_netcdf(path) as file:
        assert file.text("ancillary_variables", "gwsa") == "gwsa_sigma gwsa_source"
        assert file.text("grid_mapping", "gwsa") == "crs"
        assert file.unit("gwsa") == file.unit("gwsa_sigma") == "cm"
        assert file.text("flag_meanings", "gwsa_source") == "observed filled missing"
        assert file.read("gwsa_source").tolist() == [0, 2, 1, 1, 0, 0, 0, 0, 0, 0]
        assert file.text("comment", "gwsa_sigma") == "calibrated on 25 wells"
        assert file.text("GWSA_SOURCES", "gwsa").split()[:3] == [OBSERVED, MISSING, FILLED]
        for name in ("gwsa", "gwsa_sigma"):
            assert file.text("standard_name", name) == ""
        assert file.text("Conventions") == "CF-1.8"
        assert file.text("GWSA_DETAIL") == "untested"
        assert file.text("source").endswith("predictors of 1 km")
        assert file.text("creator_name") == "Given Family; Institute of Hydrology"
        assert file.text("id") == "10.5072/example"


def test_chunks_of_the_sea_are_left_out(path):
    h5py = pytest.importorskip("h5py", reason="h5py, which counts the chunks, is not installed")
    with h5py.File(path, "r") as file:
        # The first 245 of 500 columns are sea, and one of ten months is missing.
        assert file["gwsa"].id.get_num_chunks() == 9 * 2 * 2
        assert file["gwsa_source"].attrs["flag_values"].dtype == file["gwsa_source"].dtype
        assert file["gwsa"].compression == "gzip" and file["gwsa"].shuffle
