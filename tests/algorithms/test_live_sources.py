"""The real servers of the sources, only with ``--live``: whether they answer as the tables state.

None was reached when this was written.
"""

import os

import pytest

from gwsa.gwsa_plugin.core.fetching.servers import VARIABLE
from gwsa.gwsa_plugin.core.fetching.sources import MASCONS, read_sources

REGION = {"EXTENT": "77,77.5,29,29.5 [EPSG:4326]", "START": "2015-01", "END": "2015-02"}


@pytest.fixture
def live(request):
    if not request.config.getoption("--live"):
        pytest.skip("the real servers are asked with --live only")
    assert VARIABLE not in os.environ


@pytest.mark.parametrize("name", read_sources())
def test_a_source_has_the_files_of_its_table(live, run, tmp_path, name):
    results = run("fetch", **REGION, SOURCES=[name], DRY_RUN=True, OUTPUT=tmp_path / "inputs")
    assert results["FILES"] > 0
    assert 0 < results["LEAST_BYTES"] <= results["MOST_BYTES"]


@pytest.mark.parametrize(
    "name", [name for name, source in read_sources().items() if source.subject != MASCONS]
)
def test_the_files_of_a_small_region_come(live, run, tmp_path, name):
    run("fetch", **REGION, SOURCES=[name], OUTPUT=tmp_path)
    assert (tmp_path / "inputs.json").exists()
