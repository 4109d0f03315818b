"""Tags that stages pass on."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, read_stack, write_stack
from gwsa.gwsa_plugin.core.files.stack_tags import footprint_km, region_bounds, region_tag

GRID = Grid(-20.25, 10.5, 0.25, 0.25, 4, 6)


def test_the_region_is_read_as_it_was_written():
    assert region_bounds(region_tag(GRID), "twsa.tif") == pytest.approx(GRID.bounds)
    assert region_bounds({}, "twsa.tif") is None


def test_the_width_is_a_number():
    assert footprint_km({"GWSA_FOOTPRINT_KM": "250.5"}, "gwsa.tif") == 250.5
    assert footprint_km({}, "gwsa.tif") is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("GWSA_REGION", "70, 20, 80, 30"),
        ("GWSA_REGION", "70 20 80"),
        ("GWSA_REGION", "80 20 70 30"),
        ("GWSA_REGION", "70 20 nan 30"),
        ("GWSA_FOOTPRINT_KM", "wide"),
        ("GWSA_FOOTPRINT_KM", "250 300"),
        ("GWSA_FOOTPRINT_KM", "0"),
        ("GWSA_FOOTPRINT_KM", "-250"),
        ("GWSA_FOOTPRINT_KM", "inf"),
    ],
)
def test_a_tag_that_cannot_be_read_is_an_error_with_the_name_of_the_file(name, text, tmp_path):
    months = month_range("2004-01", "2004-02")
    stack = MonthlyStack.on_calendar(GRID, months, np.ones((2, *GRID.shape)), "TWSA")
    path = tmp_path / "twsa.tif"
    write_stack(path, stack.tagged(**{name: text}))
    with pytest.raises(InputError, match=rf"twsa.tif has the tag {name}="):
        read_stack(path)
