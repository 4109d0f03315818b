"""The shipped model gives the same results as its stages run one by one."""

import json

import numpy as np
import pytest
import rasterio

from .stages import MODEL

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(qgis_process, chain, tmp_path_factory):
    """Folder with the outputs of the model for the sample world."""
    folder = tmp_path_factory.mktemp("model")
    run = qgis_process("run", "gwsa:fullchain", **MODEL.parameters(chain.folder, folder))
    assert run.code == 0, run.errors
    return folder


def test_model_writes_all_outputs(model):
    for output in MODEL.outputs.values():
        assert (model / output).exists(), output


@pytest.mark.parametrize(
    "name", ["gwsa.tif", "gwsa_corrected.tif", "gwsa_1km/GWSA_2009.tif", "gwsa_1km/GWSA_2010.tif"]
)
def test_maps_are_those_of_the_stages(model, chain, name):
    with rasterio.open(model / name) as one, rasterio.open(chain.folder / name) as other:
        assert one.descriptions == other.descriptions
        np.testing.assert_array_equal(one.read(), other.read())


def test_scores_are_those_of_the_stages(model, chain):
    one, other = (
        json.loads((folder / "downscale.json").read_text()) for folder in (model, chain.folder)
    )
    assert one == other
