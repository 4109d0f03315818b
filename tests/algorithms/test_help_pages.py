"""The page that the Help button of each dialog opens."""

from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest
from qgis.core import QgsApplication

from gwsa.processing_provider import help_pages


def algorithms():
    return QgsApplication.processingRegistry().providerById("gwsa").algorithms()


@pytest.mark.parametrize("instance", [False, True], ids=["registered", "dialog"])
def test_every_algorithm_has_a_page(provider, instance):
    for algorithm in algorithms():
        address = (algorithm.create() if instance else algorithm).helpUrl()
        page = Path(unquote(urlparse(address).path))
        assert page.is_file(), algorithm.id()
        assert algorithm.name() in page.read_text(encoding="utf-8")


def test_every_algorithm_and_parameter_has_help(provider):
    names = {algorithm.name() for algorithm in algorithms()}
    assert {"fillgaps", "downscale", "fetchandmap", "fullchain"} <= names
    for algorithm in algorithms():
        assert algorithm.outputDefinitions(), algorithm.id()
        for parameter in algorithm.parameterDefinitions():
            where = f"{algorithm.id()}, {parameter.name()}"
            assert parameter.description() not in ("", parameter.name()), where
            assert parameter.help(), where


def test_the_html_page_is_preferred_to_the_markdown(tmp_path, monkeypatch):
    monkeypatch.setattr(help_pages, "ROOT", tmp_path / "my plugins")
    folder = tmp_path / "my plugins" / "docs"
    folder.mkdir(parents=True)
    assert help_pages.page_url("README") == ""
    (folder / "README.md").touch()
    assert help_pages.page_url("README").endswith("/my%20plugins/docs/README.md")
    (folder / "README.html").touch()
    assert help_pages.page_url("README").endswith("/my%20plugins/docs/README.html")
