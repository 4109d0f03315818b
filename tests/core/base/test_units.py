"""Every unit of water storage that is read, converted to centimetres."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.units import (
    CM_PER_UNIT,
    cm_per,
    in_centimetres,
    is_dimensionless,
)

SPELLINGS = {
    1.0: ["cm", "centimeters", "centimetre", "cm EWH", "cm LWE", "cm of water", "cm (EWH)",
          "cm_ewh", "cm liquid water equivalent thickness"],
    0.1: ["mm", "millimeters", "Millimetre", "mm w.e.", "mm w.eq.", "mm we", "mm H2O", "mm SWE",
          "kg m-2", "kg m^-2", "kg m**-2", "kg/m2", "kg/m^2", "kg/m**2", "kg m⁻²", "kg/m²",
          "kg  m-2", "kgm-2", "kg.m-2", "mm water equivalent"],
    100.0: ["m", "meters", "metre", "m of water equivalent", "m w.e."],
}  # fmt: skip
UNITS = [(unit, factor) for factor, units in SPELLINGS.items() for unit in units]


@pytest.mark.parametrize(("unit", "factor"), UNITS)
def test_each_unit_in_any_case_and_with_spaces_around_it(unit, factor):
    values = np.array([-2.0, 0.0, np.nan, 50.0], dtype=np.float32)
    for written in (unit, unit.upper(), f" {unit} "):
        assert cm_per(written) == factor
        converted = in_centimetres(values, written, "x.tif")
        assert converted.dtype == np.float32
        np.testing.assert_allclose(converted, factor * values, rtol=1e-6)


def test_the_spellings_have_the_factors_of_the_table():
    assert set(SPELLINGS) == set(CM_PER_UNIT.values())


@pytest.mark.parametrize(
    "unit",
    ["inches", "in", "ft", "furlong", "percent", "%", "km3", "Gt", "K", "1", "", "m3", "m3/m3",
     "mm/day", "kg m-2 s-1", "cm/yr", "water", "EWH", "km", "um"],
)  # fmt: skip
def test_other_units_are_refused_with_those_that_are_known(unit):
    assert cm_per(unit) is None
    with pytest.raises(InputError, match=r"^x\.tif is in .*cm, mm, m or kg m-2"):
        in_centimetres(np.ones(2, np.float32), unit, "x.tif")


@pytest.mark.parametrize("unit", ["1", "-", "unitless", "Dimensionless", " fraction "])
def test_spellings_of_no_unit(unit):
    assert is_dimensionless(unit)
    assert not any(is_dimensionless(known) for known, _ in UNITS)
