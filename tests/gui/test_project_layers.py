"""The layers of the project that a dialog proposes."""

from dataclasses import replace

import numpy as np
import pytest
from qgis.core import QgsProject, QgsRasterLayer

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, write_stack

VARIABLES = ("SMS", "SWES", "CWS", "TWSA", "SIGMA_TWSA", "GWSA")


@pytest.fixture
def layers(panels, tmp_path):
    """Variable -> layer of its stack, and of a year of GWSA on top of them."""
    months = month_range("2004-01", "2006-12")
    values = np.arange(months.size * 6, dtype=np.float32).reshape(-1, 2, 3)
    stack = MonthlyStack.on_calendar(Grid.covering((70, 20, 70.75, 20.5), 0.25), months, values, "")
    found = {}
    for variable in VARIABLES:
        found[variable] = add_layer(tmp_path / f"a_{variable}.tif", stack, variable)
    found["year"] = add_layer(tmp_path / "GWSA_2006.tif", stack.select(*months[[24, 35]]), "GWSA")
    return found


def add_layer(path, stack, variable):
    write_stack(path, replace(stack, variable=variable))
    layer = QgsRasterLayer(str(path), path.stem)
    QgsProject.instance().addMapLayer(layer)
    return layer


def proposed(algorithm, name):
    """The value of a parameter in a dialog that has just been opened."""
    from processing import createAlgorithmDialog

    dialog = createAlgorithmDialog(f"gwsa:{algorithm}")
    value = dialog.mainWidget().wrappers[name].parameterValue()
    dialog.close()
    return value


def test_each_box_of_the_balance_has_the_layer_of_its_variable(plugin, layers):
    for name in ("TWSA", "SMS", "SWES", "CWS", "SIGMA_TWSA"):
        assert proposed("gwsabalance", name) == layers[name].id(), name


def test_a_year_is_not_proposed_as_the_record(plugin, layers):
    assert proposed("downscale", "GWSA") == layers["GWSA"].id()


def test_the_topmost_of_two_layers_is_proposed(plugin, layers, tmp_path):
    filled = QgsRasterLayer(layers["TWSA"].source(), "filled")
    QgsProject.instance().addMapLayer(filled)
    assert proposed("gwsabalance", "TWSA") == filled.id()
