"""Fixtures that run algorithms through the Processing registry of QGIS."""

import pytest
from qgis.core import QgsApplication

from gwsa.processing_provider.provider import GwsaProvider


@pytest.fixture(scope="module")
def provider(qgis_processing):
    """The GWSA provider, registered as by the plugin."""
    provider = GwsaProvider()
    QgsApplication.processingRegistry().addProvider(provider)
    provider.refreshAlgorithms()
    yield provider
    QgsApplication.processingRegistry().removeProvider(provider)


@pytest.fixture
def run(provider):
    """Function that runs an algorithm, ``run("importtwsa", INPUT=..., OUTPUT=...)``.

    It returns the outputs and raises QgsProcessingException when the algorithm fails.
    """
    import processing

    def run(algorithm: str, feedback=None, **parameters) -> dict:
        name = f"gwsa:{algorithm.removeprefix('gwsa:')}"
        return processing.run(name, _paths_as_text(parameters), feedback=feedback)

    return run


def _paths_as_text(parameters: dict) -> dict:
    """Replace paths by text, which Processing requires."""
    return {
        name: str(value) if hasattr(value, "__fspath__") else value
        for name, value in parameters.items()
    }
