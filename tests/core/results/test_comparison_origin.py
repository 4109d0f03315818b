"""What tags show of the independence of two products."""

import json

import pytest

from gwsa.gwsa_plugin.core.results.comparison_origin import (
    NO_VALIDATION,
    UNKNOWN,
    Origin,
    independence,
)


def made(name, digest, stage="downscale", centre="", **inputs):
    """A product with the digests of its inputs by their roles."""
    stated = {role: {"name": f"{one}.tif", "sha256": one} for role, one in inputs.items()}
    tags = {"GWSA_STAGE": stage, "GWSA_INPUTS": json.dumps(stated)}
    if centre:
        tags["GWSA_CENTRE"] = centre
    return Origin(name, tags, frozenset([digest]))


def foreign(name, **tags):
    return Origin(name, tags, frozenset([name]))


def test_a_product_that_was_made_from_the_other():
    maps, coarse = made("maps", "m", GWSA="c"), made("coarse", "c", "gwsabalance", TWSA="t")
    for pair in ((maps, coarse), (coarse, maps)):
        text = independence(*pair)
        assert text.startswith("maps was made from coarse") and "validate neither" in text


def test_products_from_one_file():
    text = independence(made("one", "1", GWSA="c"), made("two", "2", GWSA="c"))
    assert "made from the same c.tif" in text and NO_VALIDATION in text


def test_equal_predictors_are_no_common_origin():
    text = independence(
        made("one", "1", "other", PREDICTORS="p"), made("two", "2", "other", PREDICTORS="p")
    )
    assert text == UNKNOWN


def test_two_products_of_grace():
    text = independence(made("one", "1", centre="CSR"), made("two", "2", centre="JPL"))
    assert "contain observations of GRACE (CSR and JPL)" in text and NO_VALIDATION in text


def test_a_netcdf_file_that_names_grace():
    g3p = foreign("g3p", title="Global Gravity-based Groundwater Product from GRACE/GRACE-FO")
    text = independence(made("maps", "m", centre="CSR"), g3p)
    assert text.startswith("The tags of both products name GRACE (CSR).") and NO_VALIDATION in text


def test_the_same_file():
    assert "the same file" in independence(made("one", "1"), made("two", "1"))


@pytest.mark.parametrize("text", ["not JSON", "[]", '{"GWSA": "c"}', '{"GWSA": {}}'])
def test_tags_of_others_are_no_obstacle(text):
    assert independence(foreign("a", GWSA_INPUTS=text), foreign("b")) == UNKNOWN
