"""Provider and menu of the plugin."""

import pytest
from qgis.core import Qgis, QgsApplication
from qgis.PyQt.QtWidgets import QDialog

from gwsa import classFactory
from gwsa.gwsa_plugin.core.stages import NAMES
from gwsa.gwsa_plugin.dependencies import MissingLibrary
from gwsa.ui import menu


def registered():
    return QgsApplication.processingRegistry().providerById("gwsa")


def test_provider_has_a_name_an_icon_and_algorithms(plugin):
    provider = registered()
    assert provider.name() == "GWSA"
    assert not provider.icon().isNull()
    assert provider.algorithms()


def test_every_algorithm_has_an_icon_a_name_and_help(plugin):
    for algorithm in registered().algorithms():
        assert not algorithm.icon().isNull()
        assert algorithm.shortHelpString()
        assert algorithm.displayName()


OTHER_ENTRIES = [
    "Start here", "Fetch inputs", "Edit the chain in the Modeler", "Explorer", "Export animation",
    "New print layout", "Predictors", "Check installation", "Help",
]  # fmt: skip


def entries(plugins_menu):
    """The entries of the submenu by their text."""
    (entry,) = plugins_menu.actions()
    return {action.text().rstrip("…"): action for action in entry.menu().actions() if action.text()}


def test_the_menu_has_an_entry_for_each_algorithm(plugin, plugins_menu):
    (entry,) = plugins_menu.actions()
    assert entry.text() == "GWSA"
    assert not entry.icon().isNull()
    names = {algorithm.displayName() for algorithm in registered().algorithms()}
    assert set(entries(plugins_menu)) == {*names, *OTHER_ENTRIES}


def test_menu_entries_open_the_dialog_of_their_algorithm(plugin, plugins_menu, monkeypatch):
    opened = []
    monkeypatch.setattr(
        "processing.createAlgorithmDialog",
        lambda algorithm, parameters: opened.append(algorithm) or QDialog(),
    )
    for text, action in entries(plugins_menu).items():
        if text not in OTHER_ENTRIES:
            action.trigger()
    expected = {algorithm.id() for algorithm in registered().algorithms()} - {"gwsa:fetch"}
    assert sorted(opened) == sorted(expected)


def test_fetch_inputs_opens_its_own_dialog(plugin, plugins_menu, qgis_iface):
    action = entries(plugins_menu)["Fetch inputs"]
    assert list(entries(plugins_menu)).index("Fetch inputs") == 1
    action.trigger()
    (dialog,) = qgis_iface.mainWindow().findChildren(QDialog)
    assert dialog.isVisible() and dialog.windowTitle() == "Fetch inputs"
    dialog.close()


@pytest.fixture
def predictors_action(plugin, plugins_menu):
    (entry,) = plugins_menu.actions()
    return next(action for action in entry.menu().actions() if action.text() == "Predictors…")


def test_predictors_opens_its_dialog(predictors_action, qgis_iface):
    predictors_action.trigger()
    (dialog,) = qgis_iface.mainWindow().findChildren(QDialog)
    assert dialog.isVisible() and dialog.windowTitle() == "Predictors"
    dialog.close()


def test_missing_library_is_a_message(predictors_action, qgis_iface, monkeypatch):
    def fail(*libraries):
        raise MissingLibrary("rasterio is required.")

    monkeypatch.setattr(menu, "require", fail)
    predictors_action.trigger()
    assert not qgis_iface.mainWindow().findChildren(QDialog)
    messages = qgis_iface.messageBar().get_messages(Qgis.MessageLevel.Warning)
    assert messages == ["GWSA:rasterio is required."]


def test_edit_the_chain_opens_a_copy_in_the_modeler(plugin, plugins_menu, monkeypatch):
    # The simulated desktop has no size of icons.
    monkeypatch.setattr("processing.modeler.ModelerDialog.iface", None)
    from processing.modeler.ModelerDialog import ModelerDialog

    before = len(ModelerDialog.dlgs)
    entries(plugins_menu)["Edit the chain in the Modeler"].trigger()
    assert len(ModelerDialog.dlgs) == before + 1
    modeler = ModelerDialog.dlgs.pop()
    model = modeler.model()
    assert model.displayName() == "The whole chain (GRACE to 1 km GWSA), copy"
    assert model.sourceFilePath() == ""
    assert set(NAMES) < set(model.childAlgorithms())
    assert model.validate() == (True, [])
    modeler.hide()


def test_groups_are_in_the_order_of_the_work(plugin):
    groups = {}
    for algorithm in registered().algorithms():
        groups.setdefault(algorithm.group(), set()).add(algorithm.name())
    assert sorted(groups) == [
        "", "1 Inputs", "2 Storage", "3 Downscaling", "4 Results", "Sample data",
    ]  # fmt: skip
    assert groups[""] == {"fullchain", "fetchandmap"}


def test_every_algorithm_has_a_short_description_and_an_icon_of_its_own(plugin):
    algorithms = registered().algorithms()
    texts = [algorithm.shortDescription() for algorithm in algorithms]
    assert all(text.endswith(".") and len(text) < 80 for text in texts)
    icons = {pixels(algorithm.icon()) for algorithm in algorithms}
    assert len(icons) == len(algorithms)


def pixels(icon) -> bytes:
    image = icon.pixmap(16, 16).toImage()
    return bytes(image.constBits().asarray(image.sizeInBytes()))


def test_numbers_with_a_default_are_not_optional(plugin):
    for algorithm in registered().algorithms():
        for one in algorithm.parameterDefinitions():
            if one.type() in ("number", "boolean", "enum") and one.defaultValue() is not None:
                assert not one.flags() & one.Flag.FlagOptional, f"{algorithm.name()} {one.name()}"


def test_months_are_in_front_and_behind_the_region_or_the_inputs(plugin):
    for algorithm in registered().algorithms():
        names = [one.name() for one in algorithm.parameterDefinitions()]
        if "START" not in names:
            continue
        place = names.index("START")
        assert names[place + 1] == "END", algorithm.name()
        if "EXTENT" in names:
            assert names[place - 1] == "EXTENT", algorithm.name()
        for name in ("START", "END"):
            one = algorithm.parameterDefinition(name)
            assert not one.flags() & one.Flag.FlagAdvanced, algorithm.name()


def test_unload_removes_provider_and_menu(plugin, plugins_menu):
    plugin.unload()
    assert registered() is None
    assert plugins_menu.actions() == []


def test_plugin_loads_without_desktop(qgis_processing):
    plugin = classFactory(None)
    plugin.initProcessing()
    assert registered() is not None
    plugin.unload()
