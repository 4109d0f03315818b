import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.base.tiles import Tile
from gwsa.gwsa_plugin.core.files.stack import FILLED, MISSING, MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.results.export import product as module
from gwsa.gwsa_plugin.core.results.export.product import (
    SIGMA,
    Variable,
    find_sigma,
    opened,
    select_product,
)

SMALL = Grid(70.0, 32.0, 0.5, 0.5, 4, 6)


def stack_file(path, first, last, variable="GWSA", grid=SMALL, value=1.0, tags=None):
    months = month_range(first, last)
    values = np.full((months.size, *grid.shape), value)
    write_stack(path, MonthlyStack.on_calendar(grid, months, values, variable), tags)
    return YearlyMaps.from_files([path])


def test_months_run_from_the_first_to_the_last_map(product):
    assert (product.months == month_range("2004-03", "2005-12")).all()
    sources = product.stated_sources()
    assert sources[np.datetime64("2004-04")] == MISSING
    assert sources[np.datetime64("2004-05")] == FILLED
    assert product.years == [2004, 2005] and product.months_in(2004).size == 10


def test_period_limits_the_months(product):
    period = np.datetime64("2004-04"), np.datetime64("2005-02")
    months = select_product(product.maps, None, period).months
    assert (months == month_range("2004-05", "2005-02")).all()
    with pytest.raises(InputError, match=r"they have 2004-03, 2004-05\.\.2005-12.*START, END"):
        select_product(product.maps, None, (np.datetime64("2011-01"), None))


def test_sigma_of_the_same_run_is_found_beside_the_maps(maps_folder, tmp_path):
    maps = YearlyMaps.in_folder(maps_folder)
    assert (find_sigma(maps).months == maps.months).all()
    stack_file(tmp_path / "GWSA_2004.tif", "2004-01", "2004-12")
    assert find_sigma(YearlyMaps.in_folder(tmp_path)) is None
    sigma = tmp_path / "sigma" / "GWSA_SIGMA_2004.tif"
    stack_file(sigma, "2004-01", "2004-12", "GWSA_SIGMA", tags={"GWSA_INPUTS": "other"})
    with pytest.raises(InputError, match="of one run and sigma.GWSA_SIGMA_2004.tif of another"):
        find_sigma(YearlyMaps.in_folder(tmp_path))


def test_what_does_not_belong_together_is_refused(tmp_path):
    maps = stack_file(tmp_path / "a.tif", "2004-01", "2004-12")
    other = Grid(71.0, 32.0, 0.5, 0.5, 4, 6)
    sigma = stack_file(tmp_path / "b.tif", "2004-01", "2004-12", "GWSA_SIGMA", other)
    with pytest.raises(InputError, match="different grid"):
        select_product(maps, sigma)
    late = stack_file(tmp_path / "c.tif", "2009-01", "2009-12", "GWSA_SIGMA")
    with pytest.raises(InputError, match="none of the months of the maps"):
        select_product(maps, late)
    twsa = stack_file(tmp_path / "d.tif", "2004-01", "2004-12", "TWSA")
    with pytest.raises(InputError, match=r"d\.tif contains TWSA .* must be GWSA"):
        select_product(twsa)
    with pytest.raises(InputError, match=r"a\.tif contains GWSA .* must be GWSA_SIGMA"):
        select_product(maps, maps)


def test_absent_months_are_read_as_nan(tmp_path):
    maps = stack_file(tmp_path / "a.tif", "2004-03", "2004-04", value=2.5)
    with opened(Variable("gwsa", maps)) as reader:
        values = reader.read(month_range("2004-01", "2004-04"), Tile.full(SMALL.shape))
    assert np.isnan(values[:2]).all() and (values[2:] == 2.5).all()


def test_negative_sigma_is_refused(tmp_path):
    sigma = stack_file(tmp_path / "s.tif", "2004-01", "2004-02", "GWSA_SIGMA", value=-1.5)
    with (
        opened(Variable(SIGMA, sigma)) as reader,
        pytest.raises(InputError, match=r"s\.tif .*-1\.5"),
    ):
        reader.read(sigma.months, Tile.full(SMALL.shape))


def test_tiles_cover_a_global_grid_with_little_memory(product, monkeypatch):
    globe = Grid(-180.0, 90.0, 1 / 120, 1 / 120, 21600, 43200)
    monkeypatch.setattr(type(product), "grid", globe)
    tiles = product.tiles()
    assert sum(tile.shape[0] * tile.shape[1] for tile in tiles) == globe.rows * globe.columns
    assert all(start % module.CHUNK == 0 for tile in tiles for start in tile.corner)


def test_summary_states_period_grid_baseline_and_sigma(product):
    assert product.summary == (
        "Monthly groundwater storage anomalies (GWSA) in cm of equivalent water height, "
        "2004-03..2005-12. The grid has 250 x 500 cells of 0.00833333° x 0.00833333° and covers "
        "70, 29.9167, 74.1667, 32 (west, south, east, north in degrees). Anomalies are relative "
        "to the mean of 2004-01..2009-12. The standard uncertainty (sigma) of each cell and month "
        "is given."
    )
