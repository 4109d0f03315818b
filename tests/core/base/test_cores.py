"""The cores that a process may use: its affinity, and the quotas of its control groups."""

import os
import shutil
import subprocess
import sys

import pytest

from gwsa.gwsa_plugin.core.base import cores
from gwsa.gwsa_plugin.core.base.cores import usable_cores

COUNT_THREADS = """
import threading, time
from gwsa.gwsa_plugin.core.compute.threads import run_all


def task(progress):
    print(threading.current_thread().name)
    time.sleep(0.05)


run_all([task] * 4)
"""


@pytest.fixture
def system(tmp_path, monkeypatch):
    """A function that writes control groups, from their files, of a machine of 128 cores."""
    monkeypatch.setattr(cores, "_cores_by_affinity", lambda: 128)

    def write(groups: str, files: dict):
        for name, text in {"proc/self/cgroup": groups, **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


def version_1(group, quota, period=100_000, tree="cpu,cpuacct"):
    folder = f"sys/fs/cgroup/{tree}/{group}"
    return {
        f"{folder}/cpu.cfs_quota_us": f"{quota}\n",
        f"{folder}/cpu.cfs_period_us": f"{period}\n",
    }


@pytest.mark.parametrize(
    "quota, expected",
    [
        ("400000 100000\n", 4),
        ("150000 100000\n", 2),
        ("1000 100000\n", 1),
        ("max 100000\n", 128),
        ("99900000 100000\n", 128),
        ("", 128),
    ],
)
def test_a_quota_of_version_2_limits_the_cores(system, quota, expected):
    folder = system("0::/job/step\n", {"sys/fs/cgroup/job/step/cpu.max": quota})
    assert usable_cores(folder) == expected


def test_the_quota_of_an_outer_group_counts(system):
    files = {"job/step/cpu.max": "max 100000\n", "job/cpu.max": "300000 100000\n"}
    files = {f"sys/fs/cgroup/{name}": text for name, text in files.items()}
    assert usable_cores(system("0::/job/step\n", files)) == 3


def test_the_quota_of_a_container_is_found_at_the_mount(system):
    """The container mounts its own group as the root, and the path is that outside of it."""
    assert usable_cores(system("0::/../host\n", {"sys/fs/cgroup/cpu.max": "200000 100000"})) == 2


@pytest.mark.parametrize("quota, expected", [(250_000, 3), (-1, 128)])
@pytest.mark.parametrize("tree", ["cpu", "cpu,cpuacct"])
def test_a_quota_of_version_1_limits_the_cores(system, tree, quota, expected):
    groups = f"12:memory:/job\n4:{tree}:/job/step\n0::/\n"
    assert usable_cores(system(groups, version_1("job", quota, tree=tree))) == expected


def test_controllers_of_other_resources_do_not_count(system):
    groups = "4:cpuset:/job\n3:cpuacct:/job\n"
    files = {
        **version_1("job", 100_000, tree="cpuset"),
        **version_1("job", 100_000, tree="cpuacct"),
    }
    assert usable_cores(system(groups, files)) == 128


def test_a_system_without_control_groups_has_the_cores_of_the_affinity(tmp_path, monkeypatch):
    monkeypatch.setattr(cores, "_cores_by_affinity", lambda: 6)
    assert usable_cores(tmp_path) == 6


@pytest.mark.parametrize(
    "missing", [[], ["process_cpu_count"], ["process_cpu_count", "sched_getaffinity"]]
)
def test_the_affinity_is_found_with_any_python(monkeypatch, missing):
    monkeypatch.setattr(os, "process_cpu_count", lambda: 5, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 3, 4}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    for name in missing:
        monkeypatch.delattr(os, name)
    assert cores._cores_by_affinity() == [5, 3, 7][len(missing)]


@pytest.mark.skipif(not shutil.which("taskset"), reason="taskset is a program of Linux")
def test_a_process_of_one_core_runs_one_thread():
    command = ["taskset", "-c", str(min(os.sched_getaffinity(0))), sys.executable, "-c"]
    child = subprocess.run([*command, COUNT_THREADS], check=True, capture_output=True, text=True)
    assert len({*child.stdout.split()}) == 1
