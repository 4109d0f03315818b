"""Tasks on a local Dask cluster give the bytes of a run in threads, also when workers die.

`make cluster-test` runs these tests. Starting and killing workers takes too long for every run.
"""

import os
import signal
import subprocess
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
    least_area=20_000, feather_km=10, validation="quick", stopping=False,
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
    """Tiles of 4 x 4 cells, nine in the small world; the value sets this tile size on a worker."""

    def make_small():
        from gwsa.gwsa_plugin.core.base import tiles

        tiles.LEAST_SIDE = 32

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles, "LEAST_SIDE", 32)
        yield make_small


@pytest.fixture(scope="module")
def run(small_world):
    """Function that downscales into a folder and returns the files."""

    def run(folder, **how):
        outputs = Outputs(folder / "maps", held_out=folder / "held_out")
        downscale(
            small_world.gwsa, small_world.predictors, small_world.aquifers, outputs, OPTIONS, **how
        )
        return contents(folder)

    return run


@pytest.fixture(scope="module")
def files_from_threads(run, small_tiles, tmp_path_factory):
    return run(tmp_path_factory.mktemp("threads"))


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


class Killing(Progress):
    """Kills a worker once a fraction of the run is done."""

    def __init__(self, local_cluster, fraction):
        self._local_cluster = local_cluster
        self._fraction = fraction
        self.killed = None

    def show(self, fraction):
        if fraction > self._fraction and not self.killed:
            self.killed = next(iter(self._local_cluster.workers.values())).pid
            os.kill(self.killed, signal.SIGKILL)


class CancelledByFile(Progress):
    """Cancelled once there is a file in the folder."""

    def __init__(self, folder):
        self._folder = folder

    def is_cancelled(self):
        return any(self._folder.iterdir())


class SharedDict(dict):
    """A dict that can be the first argument of tasks."""

    __hash__ = object.__hash__


def becomes_true(condition) -> bool:
    """Wait at most 30 s for the condition."""
    until = monotonic() + 30
    while not condition() and monotonic() < until:
        sleep(0.1)
    return condition()


def test_cluster_gives_the_bytes_of_threads(run, cluster, files_from_threads, tmp_path):
    assert run(tmp_path, run=cluster.run_all) == files_from_threads


@pytest.mark.parametrize("fraction", [0.45, 0.75])
def test_killed_worker_changes_no_bytes(
    run, cluster, files_from_threads, local_cluster, tmp_path, fraction
):
    progress = Killing(local_cluster, fraction)
    assert run(tmp_path, run=cluster.run_all, progress=progress) == files_from_threads
    assert progress.killed


def test_results_are_in_the_order_of_the_tasks(cluster):
    def letters(word, count, progress: Progress):
        return word[:count]

    tasks = [partial(letters, "abc", count) for count in range(4)]
    assert cluster.run_all(tasks) == run_all(tasks) == ["", "a", "ab", "abc"]
    assert cluster.run_all([]) == []


def test_shared_argument_is_sent_once(cluster):
    """It is not sent with each call: workers would lose what they have cached on it."""

    def count(shared, progress: Progress):
        shared["calls"] = shared.get("calls", 0) + 1
        return shared["calls"]

    shared = SharedDict()
    calls = [cluster.run_all([partial(count, shared)])[0] for _ in range(5)]
    assert max(calls) > 1


def test_cancellation_reaches_the_caller_and_the_tasks(cluster, tmp_path):
    def endless(folder, name, progress: Progress):
        try:
            while True:
                (folder / name).touch()
                progress.stop_if_cancelled()
        finally:
            (folder / f"{name} ended").touch()

    with pytest.raises(Cancelled):
        cluster.run_all(
            [partial(endless, tmp_path, name) for name in "abcd"], CancelledByFile(tmp_path)
        )
    begun = [path for path in tmp_path.iterdir() if len(path.name) == 1]
    assert 0 < len(begun) < 4
    assert becomes_true(
        lambda: all(path.with_name(f"{path.name} ended").exists() for path in begun)
    )


def test_failed_task_raises_its_error_and_cancels_the_others(cluster, tmp_path):
    def fail_or_wait(folder, name, progress: Progress):
        if name == "a":
            raise InputError("The file a.tif is empty; copy it again.")
        while True:
            progress.stop_if_cancelled()

    with pytest.raises(InputError, match="a.tif is empty"):
        cluster.run_all([partial(fail_or_wait, tmp_path, name) for name in "ab"])
    next_tasks = [partial(lambda shared, progress: shared, "next")] * 2
    assert cluster.run_all(next_tasks) == ["next"] * 2


def test_task_that_kills_workers_is_an_input_error(cluster, local_cluster, monkeypatch):
    def die(shared, progress: Progress):
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(local_cluster.scheduler, "allowed_failures", 0)
    with pytest.raises(InputError, match="died while they ran the same task .*more memory"):
        cluster.run_all([partial(die, "shared")])


def test_lost_scheduler_is_an_input_error():
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


def test_workers_with_other_versions_are_refused(local_cluster, cluster, monkeypatch):
    own = versions()
    monkeypatch.setattr(cluster_module, "versions", lambda: {**own, "numpy": "0.9"})
    refused = partial(pytest.raises, InputError, match="has numpy version .* this machine has 0.9")
    with refused(), Cluster(local_cluster.scheduler_address):
        pass
    # A worker that joined after the context was entered.
    with refused():
        cluster.run_all([partial(len, "shared")])


@pytest.fixture
def certificate(tmp_path):
    """Files of a key and of its certificate, which signs itself."""
    key, signed = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=127.0.0.1", "-keyout", str(key), "-out", str(signed)]
    try:
        subprocess.run([*command, *names], check=True, capture_output=True)
    except OSError:
        pytest.skip("no openssl")
    return key, signed


def test_a_cluster_with_tls_runs_tasks(certificate):
    dask = pytest.importorskip("dask")
    key, signed = map(str, certificate)
    roles = ("client", "scheduler", "worker")
    settings = {"distributed.comm.tls.ca-file": signed}
    settings.update({f"distributed.comm.tls.{role}.key": key for role in roles})
    settings.update({f"distributed.comm.tls.{role}.cert": signed for role in roles})
    with dask.config.set(settings), distributed.LocalCluster(
        n_workers=1, processes=False, dashboard_address=":0", host="tls://127.0.0.1",
        security=distributed.Security(require_encryption=True),
    ) as running:  # fmt: skip
        assert running.scheduler_address.startswith("tls://")
        with Cluster(running.scheduler_address) as cluster:
            assert cluster.run_all([partial(add, SharedDict(one=1), 2)]) == [3]
    with pytest.raises(InputError, match="needs a key and a certificate"):
        Cluster("tls://127.0.0.1:1")


def add(shared, number, progress):
    return shared["one"] + number


def test_cluster_without_workers_is_a_warning():
    warnings = []
    progress = Progress()
    progress.warn = warnings.append
    with (
        local(n_workers=0) as empty,
        task_runner(empty.scheduler_address, progress),
    ):
        assert "No worker has joined" in warnings[0]
