"""From a region to 1 km maps: the inputs come from servers of this machine, in the real QGIS."""

import json

import numpy as np
import pytest
import rasterio

from gwsa.gwsa_plugin.core.fetching.servers import DUMMY_LOGIN, VARIABLE
from gwsa.tests.servers.faults import UNAUTHORIZED, Fault
from gwsa.tests.servers.loopback import Loopback
from gwsa.tests.servers.world import all_hosts

from .stages import BOX, SETTINGS, WORLD, Stage
from .test_platforms import WINDOWS

pytestmark = pytest.mark.slow

TOKEN = "secret-token-of-a-user"
SOURCES = "csr_mascons,csr_land_mask,gldas_noah,terraclimate,copernicus_dem"
ORDER = {"EXTENT": BOX, "START": "2009-01", "END": "2010-12", "SOURCES": SOURCES}
FETCH_AND_MAP = Stage(
    {name: WORLD[name] for name in ("AQUIFERS", "WELLS", "OBSERVATIONS")},
    {
        "fetch:INPUTS": "inputs",
        "gwsabalance:GWSA": "gwsa.tif",
        "downscale:MAPS": "gwsa_1km",
        "downscale:CORRECTED": "gwsa_corrected.tif",
        "downscale:REPORT": "downscale.html",
        "validatewells:WELLS": "wells.gpkg",
    },
    {**SETTINGS, **ORDER},
)


@pytest.fixture(scope="module")
def server(chain):
    with Loopback(all_hosts(chain.folder / "world")) as loopback:
        yield loopback


@pytest.fixture(scope="module")
def variables(server):
    """Environment variables with which QGIS asks the servers of this machine."""
    return {VARIABLE: server.address, "EARTHDATA_TOKEN": TOKEN}


@pytest.fixture(scope="module")
def mapped(qgis_process, variables, chain, tmp_path_factory):
    """Folder of the outputs of the model, and its run."""
    folder = tmp_path_factory.mktemp("fetch_and_map")
    parameters = FETCH_AND_MAP.parameters(chain.folder, folder)
    run = qgis_process("run", "gwsa:fetchandmap", variables=variables, **parameters)
    assert run.code == 0, run.errors
    return folder, run


def test_all_outputs_are_there(mapped):
    folder, _ = mapped
    for output in FETCH_AND_MAP.outputs.values():
        assert (folder / output).exists(), output


def test_the_balance_is_that_of_the_files_of_the_world(mapped, chain):
    paths = (mapped[0] / "gwsa.tif", chain.folder / "gwsa.tif")
    with rasterio.open(paths[0]) as one, rasterio.open(paths[1]) as other:
        # GLDAS is fetched until the last map only, and the width of the footprint is fitted to the
        # months that there are: 252 instead of 238 km. The field has some 3 cm.
        months = set(one.descriptions) & set(other.descriptions)
        assert {"2002-04", "2004-01", "2010-12"} <= months
        for month in months:
            bands = [source.read(source.descriptions.index(month) + 1) for source in (one, other)]
            np.testing.assert_allclose(*bands, atol=0.3)


def test_the_maps_preserve_the_coarse_field(mapped):
    folder, _ = mapped
    with rasterio.open(folder / "gwsa_corrected.tif") as source:
        month = source.descriptions.index("2010-07") + 1
        coarse = source.read(month)
    with rasterio.open(folder / "gwsa_1km" / "GWSA_2010.tif") as source:
        fine = source.read(source.descriptions.index("2010-07") + 1)
    blocks = fine.reshape(coarse.shape[0], 30, coarse.shape[1], 30)
    complete = np.isfinite(blocks).all(axis=(1, 3)) & np.isfinite(coarse)
    assert complete.any()
    # Maps are rounded to 1/128 cm.
    np.testing.assert_allclose(blocks.mean(axis=(1, 3))[complete], coarse[complete], atol=0.02)


def test_the_record_names_every_source(mapped):
    record = json.loads((mapped[0] / "inputs" / "inputs.json").read_text())
    assert set(record["sources"]) == set(SOURCES.split(","))
    assert all(source["citation"] and source["licence"] for source in record["sources"].values())
    assert all(len(entry["sha256"]) == 64 for entry in record["files"])


def test_no_token_is_in_a_file_or_in_the_log(mapped):
    folder, run = mapped
    texts = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    texts += [json.dumps(run.json).encode(), "\n".join(run.errors).encode()]
    for secret in (TOKEN, DUMMY_LOGIN):
        assert not any(secret.encode() in text for text in texts)


def test_fetching_again_asks_for_no_file(mapped, qgis_process, server, variables):
    before = len(server.log)
    run = qgis_process(
        "run", "gwsa:fetch", variables=variables, **ORDER, OUTPUT=mapped[0] / "inputs"
    )
    assert run.code == 0, run.errors
    assert run.json["results"]["FILES"] == 0
    hosts = {visit.asked.host for visit in server.log[before:] if visit.sent > 1_000_000}
    assert not hosts


def test_fetch_runs_with_the_libraries_of_windows(qgis_process, simulate, variables, tmp_path):
    run = qgis_process(
        "run", "gwsa:fetch", python_path=simulate(WINDOWS), variables=variables,
        **{**ORDER, "END": "2009-03"}, OUTPUT=tmp_path,
    )  # fmt: skip
    assert run.code == 0, run.errors
    assert not [line for line in run.errors if "Traceback" in line]
    assert (tmp_path / "catalogue.json").exists()


def test_a_refused_token_ends_with_one_sentence(qgis_process, server, variables, tmp_path):
    server.faults.append(Fault("opendap.earthdata.nasa.gov", kind=UNAUTHORIZED))
    run = qgis_process(
        "run", "gwsa:fetch", variables=variables, **{**ORDER, "SOURCES": "gldas_noah"},
        OUTPUT=tmp_path,
    )  # fmt: skip
    server.faults.clear()
    assert run.code != 0
    assert any("does not accept the token" in line for line in run.errors)
    assert not [line for line in run.errors if "Traceback" in line]
    assert not list(tmp_path.glob("gldas/*.nc4"))
