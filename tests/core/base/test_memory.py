"""The memory that is available to a process, and the refusal of what needs more."""

import sys

import pytest

from gwsa.gwsa_plugin.core.base import memory
from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.memory import available_memory, require_memory
from gwsa.gwsa_plugin.core.base.progress import SILENT, Progress

MEMINFO = "MemTotal:       24000000 kB\nMemFree:         100000 kB\nMemAvailable:    8000000 kB\n"
GROUP = "sys/fs/cgroup/job"


class Log(Progress):
    def __init__(self):
        self.text = ""

    def info(self, text):
        self.text += text


@pytest.fixture
def available(tmp_path, monkeypatch):
    """A function that writes files of a Linux system and returns the memory that is available."""
    monkeypatch.setattr(sys, "platform", "linux")

    def available(files: dict, groups: str = "0::/job\n"):
        for name, text in {"proc/self/cgroup": groups, **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return available_memory(tmp_path)

    return available


def test_the_machine_has_what_it_states(available):
    assert available({"proc/meminfo": MEMINFO}) == 8_000_000 * 1024


def test_a_control_group_leaves_its_limit_less_its_use(available):
    files = {
        "proc/meminfo": MEMINFO,
        f"{GROUP}/memory.max": "3000000000\n",
        f"{GROUP}/memory.current": "1000000000\n",
        f"{GROUP}/memory.stat": "anon 5\ninactive_file 400000000\n",
    }
    assert available(files) == 2_400_000_000


def test_a_control_group_without_a_limit_leaves_what_the_machine_has(available):
    files = {f"{GROUP}/memory.max": "max\n", f"{GROUP}/memory.current": "1000000000\n"}
    assert available({"proc/meminfo": MEMINFO, **files}) == 8_000_000 * 1024


def test_version_1_of_control_groups_has_other_names(available):
    folder = "sys/fs/cgroup/memory/job"
    files = {
        "proc/meminfo": MEMINFO,
        f"{folder}/memory.limit_in_bytes": "2000000000\n",
        f"{folder}/memory.usage_in_bytes": "500000000\n",
    }
    assert available(files, "5:memory:/job\n") == 1_500_000_000


def test_nothing_is_known_without_files_of_the_system(available):
    assert available({}) is None


def test_a_step_that_needs_more_is_refused_with_both_numbers(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 7.4e9)
    log = Log()
    with pytest.raises(InputError, match="^Filling needs about 12.0 GB .* 7.4 GB are available; "):
        require_memory(12e9, "Filling", log)
    assert log.text == "Filling needs about 12.0 GB of memory."


def test_small_needs_are_not_mentioned_and_unknown_memory_is_no_reason_to_refuse(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: None)
    require_memory(1e15, "Filling", SILENT)
    log = Log()
    require_memory(5e8, "Filling", log)
    assert log.text == ""
