"""A run that is killed at any moment: the next one ends with the same files."""

import re
import signal

import pytest

from gwsa.tests.core.fetching.conftest import Steps, client_of, fetch_all, final_files, order_of
from gwsa.tests.servers import faults as kinds
from gwsa.tests.servers.faults import Fault
from gwsa.tests.servers.loopback import Loopback
from gwsa.tests.servers.small_world import write_small_world
from gwsa.tests.servers.world import all_hosts

SOURCES = ("csr_mascons", "csr_land_mask", "jpl_mascons", "gsfc_mascons", "gldas_noah")
MOMENTS = 20


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server that sends files slowly enough for pieces to be small."""
    world = write_small_world(tmp_path_factory.mktemp("world"))
    with Loopback(all_hosts(world)) as found:
        found.faults.append(Fault("", r"\.nc", kinds.DRIP, detail=0.0005))
        yield found


@pytest.fixture(scope="module")
def undisturbed(server, start, tmp_path_factory):
    """Folder of a run that is not killed, and the number of its moments."""
    folder = tmp_path_factory.mktemp("undisturbed")
    counts = folder / "counts"
    assert start(order_of(*SOURCES), str(folder / "in"), server.address, 0, str(counts)) == 0
    return folder / "in", int(counts.read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("number", range(MOMENTS))
def test_a_killed_run_is_gone_on_with(number, server, start, undisturbed, tmp_path):
    expected, count = undisturbed
    folder, order = tmp_path / "in", order_of(*SOURCES)
    kill_at = 1 + number * count // MOMENTS
    exit_code = start(order, str(folder), server.address, kill_at, str(tmp_path / "counts"))
    # Pieces are larger on a busy machine, so that a run can end before the last of the moments.
    assert exit_code == -signal.SIGKILL or (exit_code == 0 and number > MOMENTS // 2)
    server.wait_until_idle()
    published = final_files(folder)
    for path in published:
        assert (folder / path).read_bytes() == (expected / path).read_bytes()
    kept = {
        path.name[1:-5]: path.stat().st_size
        for path in folder.rglob(".*.part")
        if path.is_file() and path.stat().st_size
    }
    server.log.clear()
    steps = Steps()
    outcome = fetch_all(order, folder, client_of(server, steps), steps)
    assert outcome.failed == [] and final_files(folder) == final_files(expected)
    for path in final_files(expected):
        assert (folder / path).read_bytes() == (expected / path).read_bytes()
    assert not list(folder.rglob(".*")), "nothing is left beside the files"
    for path in final_files(expected):
        check_requests(server, path, path in published, kept, (expected / path).stat().st_size)


def check_requests(server, path, published, kept, size):
    """Nothing that was kept is asked for again where the server knows ranges.

    The service of GLDAS states no length, so that a part of it can never be known to be complete.
    """
    name = path.rpartition("/")[2]
    visits = [
        visit
        for visit in server.visits(re.escape(name) + r"(\?|\.dap|$)")
        if visit.status in (200, 206)
    ]
    ranges = not name.startswith("GLDAS")
    if published or (ranges and kept.get(name) == size):
        assert visits == []
    elif ranges:
        (visit,) = visits
        start = kept.get(name, 0)
        assert visit.headers.get("range") == (f"bytes={start}-" if start else None)


@pytest.mark.slow
def test_the_run_after_a_complete_one_fetches_nothing(server, undisturbed):
    folder, _ = undisturbed
    steps = Steps()
    assert fetch_all(order_of(*SOURCES), folder, client_of(server, steps), steps).fetched == []
