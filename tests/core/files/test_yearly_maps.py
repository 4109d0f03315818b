import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps, require_own_folder, sigma_maps

GRID = Grid(70.0, 32.0, 1 / 120, 1 / 120, 6, 9)


RUN = {"GWSA_STAGE": "downscale", "GWSA_INPUTS": "one", "GWSA_PARAMETERS": "{}"}


def write_year(path, year, grid=GRID, tags=None):
    months = month_range(f"{year}-01", f"{year}-12")
    values = np.arange(12)[:, None, None] + 100.0 * (year - 2000) + np.zeros(grid.shape)
    write_stack(path, MonthlyStack.on_calendar(grid, months, values, "GWSA"), tags)
    return path


@pytest.fixture
def folder(tmp_path, gdal_backend):
    """Two yearly files and files that are not part of the product."""
    for year in (2005, 2004):
        write_year(tmp_path / f"GWSA_{year}.tif", year)
    for other in (
        "GWSA_SIGMA_2004.tif",
        "GWSA_2004.tif.aux.xml",
        "GWSA_2004_old.tif",
        "scores.json",
    ):
        (tmp_path / other).write_text("not the product")
    return tmp_path


def test_folder_gives_its_yearly_files_in_order(folder):
    product = YearlyMaps.in_folder(folder)
    assert (product.months == month_range("2004-01", "2005-12")).all()
    assert product.grid.same_as(GRID)


@pytest.mark.parametrize(("month", "value"), [("2004-01", 400), ("2004-12", 411), ("2005-03", 502)])
def test_month_is_read_from_its_file_and_band(folder, month, value):
    product = YearlyMaps.in_folder(folder)
    assert (product.read(month) == value).all()
    assert product.read(month, (slice(1, 3), slice(2, 7))).shape == (2, 5)


def test_window_is_read_at_its_rows_and_columns(tmp_path):
    values = np.arange(GRID.rows * GRID.columns, dtype=float).reshape(1, *GRID.shape)
    stack = MonthlyStack.on_calendar(GRID, ["2004-01"], values, "GWSA")
    write_stack(tmp_path / "GWSA_2004.tif", stack)
    window = slice(2, 5), slice(4, 6)
    np.testing.assert_array_equal(
        YearlyMaps.in_folder(tmp_path).read("2004-01", window), values[0][window]
    )


def test_empty_folder_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match=rf"{tmp_path.name} contains no GWSA_YYYY\.tif"):
        YearlyMaps.in_folder(tmp_path)


def test_files_with_different_grids_are_refused(folder):
    write_year(folder / "GWSA_2006.tif", 2006, Grid(71.0, 32.0, 1 / 120, 1 / 120, 6, 9))
    with pytest.raises(InputError, match=r"GWSA_2006\.tif has a different grid"):
        YearlyMaps.in_folder(folder)


def test_month_in_two_files_is_refused(folder):
    copy = folder / "GWSA_2004_old.tif"
    copy.write_bytes((folder / "GWSA_2004.tif").read_bytes())
    with pytest.raises(
        InputError, match=r"GWSA_2004_old\.tif and GWSA_2004\.tif both contain 2004-01"
    ):
        YearlyMaps.from_files([folder / "GWSA_2004.tif", copy])


def test_file_that_is_not_a_raster_is_refused_by_name(folder):
    (folder / "GWSA_2007.tif").write_text("not a raster")
    with pytest.raises(InputError, match=r"GWSA_2007\.tif cannot be opened"):
        YearlyMaps.in_folder(folder)


@pytest.mark.parametrize("tag", ["GWSA_INPUTS", "GWSA_PARAMETERS", "GWSA_VERSION"])
def test_maps_of_two_runs_are_refused_by_name(folder, tag):
    other = write_year(folder / "GWSA_2006.tif", 2006, tags={tag: "other"})
    with pytest.raises(InputError, match=r"GWSA_2006\.tif and GWSA_2004\.tif .* different runs"):
        YearlyMaps.in_folder(folder)
    with pytest.raises(InputError, match="give the files of one run"):
        YearlyMaps.from_files([folder / "GWSA_2004.tif", other])


def test_a_folder_is_own_when_it_has_maps_of_the_same_run_only(tmp_path, gdal_backend):
    require_own_folder(tmp_path / "absent", RUN)
    (tmp_path / "notes.txt").touch()
    require_own_folder(tmp_path, RUN)
    write_year(tmp_path / "GWSA_2004.tif", 2004, tags={**RUN, "GWSA_DETAIL": "untested"})
    require_own_folder(tmp_path, RUN)
    for other in ({**RUN, "GWSA_INPUTS": "two"}, {**RUN, "GWSA_PARAMETERS": "{1}"}, {}):
        with pytest.raises(InputError, match=r"GWSA_2004.tif of a run with other .* REPLACE"):
            require_own_folder(tmp_path, other)
    (tmp_path / "GWSA_2004.tif").write_text("damaged")
    with pytest.raises(InputError, match="REPLACE"):
        require_own_folder(tmp_path, RUN)


def test_sigma_of_another_run_is_refused(tmp_path):
    write_year(tmp_path / "GWSA_2004.tif", 2004, tags=RUN)
    path = tmp_path / "sigma" / "GWSA_SIGMA_2004.tif"
    write_year(path, 2004, tags=RUN)
    assert sigma_maps(tmp_path).months.size == 12
    write_year(path, 2004, tags={**RUN, "GWSA_INPUTS": "two"})
    with pytest.raises(InputError, match=r"GWSA_2004\.tif of one run and .* of another"):
        sigma_maps(tmp_path)
