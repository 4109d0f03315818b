"""Algorithms as QGIS runs them: through the Processing registry."""

import pytest
from qgis.core import QgsApplication

from gwsa.processing_provider.provider import GwsaProvider


@pytest.fixture(scope="module")
def provider(qgis_processing):
    """The GWSA provider, registered as the plugin registers it."""
    provider = GwsaProvider()
    QgsApplication.processingRegistry().addProvider(provider)
    provider.refreshAlgorithms()
    yield provider
    QgsApplication.processingRegistry().removeProvider(provider)


@pytest.fixture
def run(provider):
    """``run("importtwsa", INPUT=..., OUTPUT=...)``: the outputs; raises QgsProcessingException as QGIS would."""
    import processing

    def run(algorithm: str, **parameters) -> dict:
        return processing.run(f"gwsa:{algorithm.removeprefix('gwsa:')}", _plain(parameters))

    return run


def _plain(parameters: dict) -> dict:
    """Paths as text, as Processing wants them."""
    return {
        name: str(value) if hasattr(value, "__fspath__") else value
        for name, value in parameters.items()
    }
