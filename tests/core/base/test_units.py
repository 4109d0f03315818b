"""Every unit of water storage that is read, converted to centimetres."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.units import CM_PER_UNIT, cm_per, in_centimetres

KG_PER_M2 = ["kg m-2", "kg m^-2", "kg m**-2", "kg/m2", "kg/m^2", "kg/m**2"]
FACTORS = {"cm": 1.0, "mm": 0.1, "m": 100.0, **dict.fromkeys(KG_PER_M2, 0.1)}


def test_these_are_all_the_units():
    assert set(FACTORS) == set(CM_PER_UNIT)


@pytest.mark.parametrize(("unit", "factor"), FACTORS.items())
def test_each_unit_in_any_case_and_with_spaces_around_it(unit, factor):
    values = np.array([-2.0, 0.0, np.nan, 50.0], dtype=np.float32)
    for written in (unit, unit.upper(), f" {unit} "):
        assert cm_per(written) == factor
        converted, now = in_centimetres(values, written)
        assert now == "cm" and converted.dtype == np.float32
        np.testing.assert_allclose(converted, factor * values, rtol=1e-6)


def test_values_in_an_unknown_unit_are_unchanged():
    values = np.array([1.0, np.nan], dtype=np.float32)
    assert cm_per("percent") is None
    assert in_centimetres(values, "Percent") == (values, "Percent")
