"""The place of the layers of a run in the layer tree."""

import pytest
from qgis.core import QgsApplication, QgsProject, QgsRasterLayer, QgsVectorLayer

from gwsa.processing_provider.styles.loading import LayerGroup


@pytest.fixture
def add(qgis_new_project):
    """Function that adds a layer to the project as Processing does, on top."""

    def add(name, layer=None):
        layer = layer or QgsVectorLayer("Point", name, "memory")
        return QgsProject.instance().addMapLayer(layer)

    return add


def tree(node=None):
    """Names and visibility of the nodes below a node of the layer tree."""
    node = node or QgsProject.instance().layerTreeRoot()
    return [(child.name(), child.itemVisibilityChecked()) for child in node.children()]


def test_the_newest_year_is_on_top_and_alone_visible(add):
    group = LayerGroup("GWSA 1 km")
    for year in ("2010", "2011", "2012"):
        group.show_newest(add(year))
    group.hide_below(add("sigma"))
    root = QgsProject.instance().layerTreeRoot()
    assert tree() == [("GWSA 1 km", True)]
    assert tree(root.children()[0]) == [
        ("2012", True), ("2011", False), ("2010", False), ("sigma", False),
    ]  # fmt: skip


def test_the_group_lies_between_vector_layers_and_rasters(add):
    group = LayerGroup("GWSA 1 km")
    group.show_newest(add("2010"))
    add("coarse", QgsRasterLayer("", "coarse", "gdal"))
    add("wells")
    QgsApplication.processEvents()
    assert [name for name, _ in tree()] == ["wells", "GWSA 1 km", "coarse"]


def test_each_run_has_a_group_of_its_own(add):
    for year in ("2010", "2011"):
        LayerGroup("GWSA 1 km").show_newest(add(year))
    assert tree() == [("GWSA 1 km", True)] * 2
