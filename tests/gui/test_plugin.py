"""Provider and menu of the plugin."""

from qgis.core import QgsApplication

from gwsa import classFactory


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


def test_the_menu_has_an_entry_for_each_algorithm(plugin, plugins_menu):
    (entry,) = plugins_menu.actions()
    assert entry.text() == "GWSA"
    assert not entry.icon().isNull()
    entries = [action.text().rstrip("…") for action in entry.menu().actions() if action.text()]
    stages = [
        algorithm.displayName()
        for algorithm in registered().algorithms()
        if algorithm.name() != "fullchain"
    ]
    assert sorted(entries) == sorted(["The whole chain", *stages, "Help"])


def test_menu_entries_open_the_dialog_of_their_algorithm(plugin, plugins_menu, monkeypatch):
    opened = []
    monkeypatch.setattr(
        "processing.createAlgorithmDialog",
        lambda algorithm: opened.append(algorithm) or FakeDialog(),
    )
    (entry,) = plugins_menu.actions()
    for action in entry.menu().actions():
        if action.text().endswith("…"):
            action.trigger()
    assert sorted(opened) == sorted(algorithm.id() for algorithm in registered().algorithms())


class FakeDialog:
    """Dialog that is not shown."""

    def show(self):
        pass


def test_unload_removes_provider_and_menu(plugin, plugins_menu):
    plugin.unload()
    assert registered() is None
    assert plugins_menu.actions() == []


def test_plugin_loads_without_desktop(qgis_processing):
    plugin = classFactory(None)
    plugin.initProcessing()
    assert registered() is not None
    plugin.unload()
