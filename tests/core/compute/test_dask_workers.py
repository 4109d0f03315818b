"""Tiles on the workers of a Dask cluster on this machine: the bytes of a local run, whatever dies on the way.

`make cluster-test` runs these: workers that are killed and started anew are too slow and too moody for every test run.
"""

import os
import signal
from functools import partial
from time import monotonic, sleep

import pytest

from gwsa.gwsa_plugin.core.base import tiles
from gwsa.gwsa_plugin.core.base.errors import Cancelled, InputError
from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.compute import dask_cluster as cluster_module
from gwsa.gwsa_plugin.core.compute.dask_cluster import Cluster, task_runner, versions
from gwsa.gwsa_plugin.core.compute.threads import run_all
from gwsa.gwsa_plugin.core.downscaling.downscale import DownscaleOptions, Outputs, downscale
from gwsa.gwsa_plugin.core.downscaling.folds import Blocking
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting

distributed = pytest.importorskip("dask.distributed", reason="dask.distributed is not installed")
pytestmark = pytest.mark.cluster

OPTIONS = DownscaleOptions(
    least_area=20_000, feather_km=10, compare=False, stopping=False,
    boosting=Boosting(trees=20, depth=4, rate=0.15), blocking=Blocking(0.75, 0.25),
)  # fmt: skip


@pytest.fixture(scope="module")
def local_cluster():
    with local(n_workers=2) as running:
        yield running


def local(n_workers: int):
    return distributed.LocalCluster(
        n_workers=n_workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=":0",
    )


@pytest.fixture
def cluster(local_cluster, small_tiles):
    with (
        Cluster(local_cluster.scheduler_address) as cluster,
        distributed.Client(local_cluster) as client,
    ):
        client.register_worker_callbacks(small_tiles)
        yield cluster


@pytest.fixture(scope="module")
def small_tiles():
    """Tiles of 5 x 5 cells, of which the small world has nine; returned is what makes them so elsewhere."""

    def make_small():
        from gwsa.gwsa_plugin.core.base import tiles

        tiles.tile_side = lambda factor: 5

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles, "side_of", lambda factor: 5)
        yield make_small


@pytest.fixture(scope="module")
def run(small_world):
    """Downscale into a folder; the files that came of it."""

    def run(folder, **how):
        outputs = Outputs(folder / "maps", held_out=folder / "held_out")
        downscale(
            small_world.gwsa, small_world.predictors, small_world.aquifers, outputs, OPTIONS, **how
        )
        return contents(folder)

    return run


@pytest.fixture(scope="module")
def here(run, small_tiles, tmp_path_factory):
    return run(tmp_path_factory.mktemp("here"))


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


class Killing(Progress):
    """Kills a worker when a share is done."""

    def __init__(self, local_cluster, share):
        self._local_cluster, self._share, self.killed = local_cluster, share, None

    def show(self, fraction):
        if fraction > self._share and not self.killed:
            self.killed = next(iter(self._local_cluster.workers.values())).pid
            os.kill(self.killed, signal.SIGKILL)


class WhenBegun(Progress):
    """Asks to stop when there is a file in the folder."""

    def __init__(self, folder):
        self._folder = folder

    def is_cancelled(self):
        return any(self._folder.iterdir())


class Shared(dict):
    __hash__ = object.__hash__


def soon(happens) -> bool:
    until = monotonic() + 30
    while not happens() and monotonic() < until:
        sleep(0.1)
    return happens()


def test_the_same_bytes_as_here(run, cluster, here, tmp_path):
    assert run(tmp_path, run=cluster.run_all) == here


@pytest.mark.parametrize("share", [0.45, 0.75])
def test_a_worker_may_die(run, cluster, here, local_cluster, tmp_path, share):
    progress = Killing(local_cluster, share)
    assert run(tmp_path, run=cluster.run_all, progress=progress) == here
    assert progress.killed


def test_results_are_in_the_order_of_the_tasks(cluster):
    def letters(word, count, progress: Progress):
        return word[:count]

    tasks = [partial(letters, "abc", count) for count in range(4)]
    assert cluster.run_all(tasks) == run_all(tasks) == ["", "a", "ab", "abc"]
    assert cluster.run_all([]) == []


def test_what_tasks_share_is_sent_once(cluster):
    """Not once for each call: what workers have made of it would be lost."""

    def count(shared, progress: Progress):
        shared["calls"] = shared.get("calls", 0) + 1
        return shared["calls"]

    shared = Shared()
    calls = [cluster.run_all([partial(count, shared)])[0] for _ in range(5)]
    assert max(calls) > 1


def test_a_stop_reaches_the_user_and_the_tasks(cluster, tmp_path):
    def endless(folder, name, progress: Progress):
        try:
            while True:
                (folder / name).touch()
                progress.stop_if_cancelled()
        finally:
            (folder / f"{name} ended").touch()

    with pytest.raises(Cancelled):
        cluster.run_all([partial(endless, tmp_path, name) for name in "abcd"], WhenBegun(tmp_path))
    begun = [path for path in tmp_path.iterdir() if len(path.name) == 1]
    assert 0 < len(begun) < 4
    assert soon(lambda: all(path.with_name(f"{path.name} ended").exists() for path in begun))


def test_a_failure_is_that_of_the_task_and_stops_the_others(cluster, tmp_path):
    def fail_or_wait(folder, name, progress: Progress):
        if name == "a":
            raise InputError("The file a.tif is empty; copy it again.")
        while True:
            progress.stop_if_cancelled()

    with pytest.raises(InputError, match="a.tif is empty"):
        cluster.run_all([partial(fail_or_wait, tmp_path, name) for name in "ab"])
    assert (
        cluster.run_all([partial(lambda shared, progress: shared, "free again")] * 2)
        == ["free again"] * 2
    )


def test_a_task_that_workers_die_of_is_one_sentence(cluster, local_cluster, monkeypatch):
    def die(shared, progress: Progress):
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(local_cluster.scheduler, "allowed_failures", 0)
    with pytest.raises(InputError, match="died of the same task .*give each more memory"):
        cluster.run_all([partial(die, "shared")])


def test_a_lost_scheduler_is_one_sentence():
    def wait(shared, progress: Progress):
        while True:
            progress.stop_if_cancelled()

    class Closing(Progress):
        def show(self, fraction):
            running.close()

    with (
        local(n_workers=1) as running,
        Cluster(running.scheduler_address) as cluster,
        pytest.raises(InputError, match="was lost"),
    ):
        cluster.run_all([partial(wait, "shared")], Closing())


def test_workers_with_other_libraries_are_refused(local_cluster, cluster, monkeypatch):
    own = versions()
    monkeypatch.setattr(cluster_module, "versions", lambda: {**own, "numpy": "0.9"})
    refused = partial(pytest.raises, InputError, match="has numpy .* where this machine has 0.9")
    with refused(), Cluster(local_cluster.scheduler_address):
        pass
    with refused():  # as a worker would be that joined since
        cluster.run_all([partial(len, "shared")])


def test_a_cluster_without_workers_is_told():
    said = []
    progress = Progress()
    progress.warn = said.append
    with (
        local(n_workers=0) as empty,
        task_runner(empty.scheduler_address, progress),
    ):
        assert "No worker has joined" in said[0]
