"""A run that is killed while it makes files from parts: the next one ends with the same bytes."""

import signal

import pytest

from gwsa.tests.core.fetching.conftest import Steps, client_of, final_files
from gwsa.tests.core.fetching.ways.conftest import TOKENS, fetch_all, order_of
from gwsa.tests.servers.hosts import appeears
from gwsa.tests.servers.loopback import Loopback
from gwsa.tests.servers.world import all_hosts

SOURCES = ("chelsa", "soilgrids", "copernicus_dem", "modis_lst")
ORDER = order_of(*SOURCES, end="2010-03")
MOMENTS = 20


@pytest.fixture(scope="module")
def server(predictor_world):
    """A server whose tasks are done at once, since the killed process waits as a real one does."""
    with pytest.MonkeyPatch.context() as patch, Loopback(all_hosts(predictor_world)) as found:
        patch.setattr(appeears, "PATIENCE", 0)
        yield found


@pytest.fixture(scope="module")
def undisturbed(server, start, tmp_path_factory):
    """Folder of a run that is not killed, and the number of its moments."""
    folder = tmp_path_factory.mktemp("undisturbed")
    counts = folder / "counts"
    assert start(ORDER, str(folder / "in"), server.address, 0, str(counts)) == 0
    return folder / "in", int(counts.read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("number", range(MOMENTS))
def test_a_killed_run_is_gone_on_with(number, server, start, undisturbed, tmp_path):
    expected, count = undisturbed
    folder = tmp_path / "in"
    kill_at = 1 + number * (count - 1) // MOMENTS
    exit_code = start(ORDER, str(folder), server.address, kill_at, str(tmp_path / "counts"))
    assert exit_code in (-signal.SIGKILL, 0)
    for path in final_files(folder):
        assert (folder / path).read_bytes() == (expected / path).read_bytes()
    steps = Steps()
    _, outcome = fetch_all(ORDER, folder, client_of(server, steps, TOKENS), steps)
    assert outcome.failed == [] and final_files(folder) == final_files(expected)
    for path in final_files(expected):
        assert (folder / path).read_bytes() == (expected / path).read_bytes()
    # Nothing but the list of tasks is left beside the files.
    left = [path.name for path in folder.rglob(".*")]
    assert left == [".modis_lst.tasks.json"]
