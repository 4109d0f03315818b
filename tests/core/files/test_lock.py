"""Locks of outputs: who is refused, and whose lock is taken over."""

import json
import os
import platform
import re
import subprocess
import sys
import threading

import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.files import lock
from gwsa.gwsa_plugin.core.files.lock import locked

HOLD = """
import sys, time
from gwsa.gwsa_plugin.core.files.lock import locked
with locked(sys.argv[1]):
    print("ready", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that writes into the folder maps."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "maps")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def write_owner(folder, **owner):
    (folder / ".maps.lock").write_text(json.dumps(owner))


def test_nothing_is_left_of_a_lock(tmp_path):
    for _ in range(2):
        with locked(tmp_path / "new" / "maps", tmp_path / "map.tif"):
            assert len(list(tmp_path.rglob(".*.lock"))) == 2
        assert list(tmp_path.rglob(".*.lock")) == []


def test_folders_that_were_made_for_a_lock_are_removed_if_they_are_empty(tmp_path):
    with locked(tmp_path / "new" / "folder" / "one.tif"):
        assert (tmp_path / "new" / "folder").is_dir()
    assert not (tmp_path / "new").exists()
    with locked(tmp_path / "new" / "folder" / "one.tif"):
        (tmp_path / "new" / "folder" / "one.tif").write_text("written")
    assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == ["one.tif"]


def test_a_second_run_is_refused_with_the_owner(tmp_path, holder):
    sentence = (
        rf"{re.escape(str(tmp_path))}.maps is being written by process {holder.pid} on "
        rf"{re.escape(platform.node())} since 20..-..-.. ..:.. UTC; wait until that run ends"
    )
    with pytest.raises(InputError, match=sentence), locked(tmp_path / "maps"):
        pass
    assert (tmp_path / ".maps.lock").exists()
    with locked(tmp_path / "others"):
        pass


def test_a_second_run_of_this_process_is_refused(tmp_path):
    refused = []

    def run():
        try:
            with locked(tmp_path / "maps"):
                pass
        except InputError as error:
            refused.append(str(error))

    with locked(tmp_path / "maps"):
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    run()
    assert len(refused) == 1 and f"process {os.getpid()}" in refused[0]


def test_the_lock_of_a_killed_run_is_taken_over(tmp_path, holder):
    holder.kill()
    holder.wait()
    assert (tmp_path / ".maps.lock").exists()
    with locked(tmp_path / "maps"):
        assert json.loads((tmp_path / ".maps.lock").read_text())["process"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


def test_the_lock_of_another_machine_is_never_taken_over(tmp_path):
    write_owner(tmp_path, host="far", process=1, since="2020-01-01 00:00 UTC")
    sentence = r"by process 1 on far since 2020.*or delete \.maps\.lock beside it if it has ended"
    with pytest.raises(InputError, match=sentence), locked(tmp_path / "maps"):
        pass
    assert (tmp_path / ".maps.lock").exists()
    (tmp_path / ".maps.lock").unlink()
    with locked(tmp_path / "maps"):
        pass


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_a_lock_that_is_no_record_is_taken_over(tmp_path, text):
    (tmp_path / ".maps.lock").write_text(text)
    with locked(tmp_path / "maps"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has locks on all file systems")
def test_without_locks_of_the_system_the_process_is_looked_for(tmp_path, monkeypatch):
    def without_locks(*_):
        raise OSError("no locks here")

    monkeypatch.setattr(lock.fcntl, "flock", without_locks)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    write_owner(tmp_path, host=platform.node(), process=ended.pid, since="today")
    with (
        locked(tmp_path / "maps"),
        pytest.raises(InputError, match="delete"),
        locked(tmp_path / "maps"),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_failure_in_one_of_many_gives_back_the_others(tmp_path):
    write_owner(tmp_path, host="far", process=1, since="today")
    with pytest.raises(InputError), locked(tmp_path / "first", tmp_path / "maps"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [".maps.lock"]
