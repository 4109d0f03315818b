"""No damaged file ends a reader, keeps it, or leads to anything but a result or one sentence.

A part of ``make fuzz``: some two seconds for each reader.
"""

import os

import pytest

if not hasattr(os, "fork"):
    pytest.skip("workers are forked", allow_module_level=True)

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.tests.faults.fuzz import READ, READERS, REFUSED, damaged, fuzz
from gwsa.tests.faults.fuzz_layers import LAYER_READERS
from gwsa.tests.faults.fuzz_readers import Reader

pytest.importorskip("h5py")


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_damaged_files_are_read_or_refused(name, tmp_path):
    if name in LAYER_READERS:
        pytest.importorskip("qgis.core")
    counts = fuzz(name, 400, tmp_path, seconds=2).counts
    assert set(counts) <= {READ, REFUSED}, f"see the files in {tmp_path}"
    assert counts


def test_damage_follows_from_its_number():
    content = bytes(range(256)) * 20
    assert [damaged(content, n) for n in range(20)] == [damaged(content, n) for n in range(20)]
    assert len({damaged(content, n) for n in range(20)}) > 15


@pytest.mark.parametrize(
    ("behave", "finding"),
    [
        (lambda path: None, READ),
        (lambda path: (_ for _ in ()).throw(InputError("x")), REFUSED),
        (lambda path: [][0], "IndexError in test_fuzz.py"),
        (lambda path: os.kill(os.getpid(), 9), "crash, signal 9"),
    ],
    ids=["returns", "refuses", "raises", "crashes"],
)
def test_each_behaviour_is_recorded(tmp_path, monkeypatch, behave, finding):
    def seeds(folder):
        (folder / "seed").write_bytes(bytes(100))
        return [folder / "seed"]

    monkeypatch.setitem(READERS, "own", Reader("own.bin", seeds, behave))
    counts = fuzz("own", 3, tmp_path).counts
    assert sum(counts.values()) == 3
    assert all(found.startswith(finding) for found in counts)


def test_a_reader_that_does_not_return_is_found(tmp_path, monkeypatch):
    import time

    from gwsa.tests.faults import fuzz as module

    def seeds(folder):
        (folder / "seed").write_bytes(bytes(100))
        return [folder / "seed"]

    monkeypatch.setattr(module, "SILENT_SECONDS", 0.3)
    monkeypatch.setitem(READERS, "own", Reader("own.bin", seeds, lambda path: time.sleep(60)))
    assert fuzz("own", 1, tmp_path).counts == {"hang": 1}


def _reads_here(path):
    from gwsa.gwsa_plugin.core.rasters import netcdf

    return bool(netcdf.trouble())


@pytest.mark.parametrize(
    ("behave", "finding"),
    [
        (lambda path: os.kill(os.getpid(), 9) if _reads_here(path) else None, READ),
        (lambda path: [][0] if _reads_here(path) else None, READ),
        (lambda path: None if _reads_here(path) else [][0], "IndexError in test_fuzz.py"),
    ],
    ids=["crashes here", "raises here", "raises in children"],
)
def test_what_counts_is_how_the_plugin_reads_a_file(tmp_path, monkeypatch, behave, finding):
    def seeds(folder):
        (folder / "seed").write_bytes(bytes(100))
        return [folder / "seed"]

    monkeypatch.setitem(READERS, "own", Reader("own.bin", seeds, behave, in_child=True))
    counts = fuzz("own", 3, tmp_path).counts
    assert sum(counts.values()) == 3
    assert any(found.startswith(finding) for found in counts)
    assert counts[READ] >= 2
