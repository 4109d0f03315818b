"""Which layers of a project belong together as monthly maps, and what their tags state."""

import numpy as np
import pytest
from qgis.core import QgsProject, QgsRasterLayer

from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, write_stack
from gwsa.processing_provider.styles.months import period_of_month
from gwsa.ui.monthly_products import monthly_products, product_of, verdict_text

from .maps import FILLED_MONTH, GRID, VERDICT, VERDICT_TEXT, add_yearly_maps

MONTHS = np.arange("2014-03", "2014-09", dtype="datetime64[M]")


def add_stack(folder, variable) -> QgsRasterLayer:
    values = np.ones((MONTHS.size, *GRID.shape), dtype="float32")
    path = folder / f"{variable}.tif"
    write_stack(path, MonthlyStack.on_calendar(GRID, MONTHS, values, variable))
    layer = QgsRasterLayer(str(path), variable)
    QgsProject.instance().addMapLayer(layer)
    return layer


@pytest.fixture
def project(qgis_new_project, tmp_path):
    """Yearly maps, and above them a stack of TWSA."""
    yearly = add_yearly_maps(tmp_path)
    return yearly, add_stack(tmp_path, "TWSA")


def test_yearly_layers_are_one_product_and_gwsa_is_first(project):
    yearly, twsa = project
    gwsa, other = monthly_products()
    assert gwsa.name == "GWSA, 2014-01 to 2015-12" and len(gwsa.months) == 24
    assert gwsa.newest == yearly[1]
    assert [month for month, word in gwsa.sources.items() if word == "filled"] == [FILLED_MONTH]
    assert other.name == "TWSA, 2014-03 to 2014-08" and other.newest == twsa


def test_the_product_of_a_layer_or_the_first(project):
    yearly, twsa = project
    assert product_of(twsa).variable == "TWSA"
    assert product_of(yearly[0]).variable == "GWSA"
    assert product_of(None).variable == "GWSA"


def test_a_year_that_is_loaded_twice_is_a_product_of_its_own(project):
    yearly, _ = project
    QgsProject.instance().addMapLayer(yearly[0].clone())
    months = sorted(len(one.months) for one in monthly_products() if one.variable == "GWSA")
    assert months == [12, 24]


def test_layers_without_months_are_no_products(qgis_new_project, tmp_path):
    layer = add_stack(tmp_path, "TWSA")
    QgsProject.instance().removeAllMapLayers()
    assert monthly_products() == [] and product_of(None) is None
    del layer


@pytest.mark.parametrize(
    ("tags", "text"),
    [
        ({}, ""),
        ({"GWSA_DETAIL": "untested"}, "1 km detail untested"),
        (VERDICT, VERDICT_TEXT),
    ],
)
def test_the_verdict_of_the_tags(tags, text):
    assert verdict_text(tags) == text


def test_the_period_of_a_month():
    period = period_of_month("2015-12")
    assert period.begin().toString("yyyy-MM-dd") == "2015-12-01"
    assert period.end().toString("yyyy-MM-dd") == "2016-01-01"
    assert period.includeBeginning() and not period.includeEnd()
