"""Error messages without a usable cluster, and running tasks without one."""

import sys

import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.compute import dask_cluster as cluster_module
from gwsa.gwsa_plugin.core.compute.dask_cluster import Cluster, task_runner
from gwsa.gwsa_plugin.core.compute.threads import run_all
from gwsa.gwsa_plugin.core.files.checkpoint import require_folder


def test_absent_scheduler_is_refused(monkeypatch):
    pytest.importorskip("dask.distributed", reason="dask.distributed is not installed")
    monkeypatch.setattr(cluster_module, "CONNECT_SECONDS", 1)
    with pytest.raises(InputError, match="No Dask scheduler answers at tcp://127.0.0.1:1 "):
        Cluster("tcp://127.0.0.1:1")
    with pytest.raises(InputError, match="No Dask scheduler answers at nonsense"):
        Cluster("nonsense", unencrypted=True)


def test_missing_dask_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "dask.distributed", None)
    with pytest.raises(InputError, match="needs the Python library distributed"):
        Cluster("tcp://127.0.0.1:8786")


def test_folder_that_a_worker_does_not_see_is_named(tmp_path):
    with pytest.raises(InputError, match="cannot access the folder .*elsewhere"):
        require_folder(tmp_path, tmp_path / "elsewhere")


def test_without_a_scheduler_tasks_run_in_threads():
    with task_runner("") as run:
        assert run is run_all


@pytest.mark.parametrize(
    "address",
    ["tcp://192.168.1.4:8786", "10.0.0.2:8786", "tcp://cluster:8786", "tcp://[2001::1]:1"],
)
def test_a_remote_scheduler_without_encryption_is_refused(address):
    with pytest.raises(InputError, match="not encrypted, .* or allow it with UNENCRYPTED"):
        Cluster(address)


@pytest.mark.parametrize(
    "address",
    ["tls://10.0.0.2:8786", "tcp://127.0.0.1:8786", "localhost:1", "tcp://[::1]:1", "inproc://1/2"],
)
def test_an_encrypted_scheduler_and_one_on_this_machine_are_not(address):
    assert cluster_module.is_private(address)


def test_a_remote_scheduler_can_be_allowed(monkeypatch):
    monkeypatch.setattr(cluster_module, "_connect", lambda address: pytest.fail("connected"))
    with pytest.raises(pytest.fail.Exception, match="connected"):
        Cluster("tcp://192.168.1.4:8786", unencrypted=True)
