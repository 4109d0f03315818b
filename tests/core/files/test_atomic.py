import os
import subprocess
import sys
from pathlib import Path

import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.files.atomic import (
    atomic_file,
    atomic_folder,
    replace_text,
    require_consistent,
    scratch_folder,
)
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps


def write_file(path, text):
    with atomic_file(path) as part:
        part.write_text(text)


def write_folder(path, text):
    with atomic_folder(path) as folder:
        (folder / "file").write_text(text)


def test_file_appears_when_it_is_complete(tmp_path):
    path = tmp_path / "new folder" / "map.tif"
    with atomic_file(path) as part:
        assert part.suffix == ".tif"
        part.write_text("complete")
        assert not path.exists()
    assert path.read_text() == "complete"
    assert list(path.parent.iterdir()) == [path]


def test_failure_keeps_the_previous_file(tmp_path):
    path = tmp_path / "map.tif"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_file(path) as part:
        part.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_folder_gets_all_files_or_none(tmp_path):
    path = tmp_path / "gwsa_1km"
    with pytest.raises(KeyboardInterrupt), atomic_folder(path) as part:
        (part / "GWSA_2004.tif").write_text("half")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    with atomic_folder(path) as part:
        (part / "sigma").mkdir()
        (part / "sigma" / "GWSA_SIGMA_2004.tif").write_text("sigma")
        (part / "GWSA_2004.tif").write_text("complete")
    assert sorted(item.relative_to(path).as_posix() for item in path.rglob("*.tif")) == [
        "GWSA_2004.tif",
        "sigma/GWSA_SIGMA_2004.tif",
    ]


def test_folder_keeps_files_that_are_not_replaced(tmp_path):
    path = tmp_path / "gwsa_1km"
    path.mkdir()
    (path / "GWSA_2003.tif").write_text("other year")
    (path / "GWSA_2004.tif").write_text("old")
    with atomic_folder(path) as part:
        (part / "GWSA_2004.tif").write_text("new")
    assert (path / "GWSA_2003.tif").read_text() == "other year"
    assert (path / "GWSA_2004.tif").read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


DESCRIPTIONS = (".tif.aux.xml", ".tif.ovr", ".tif.msk", ".qml", ".qmd", ".run.json")


def describe(path):
    """Write all files that describe a raster, and two that are others' own."""
    path.parent.mkdir(exist_ok=True)
    path.write_text("old")
    for ending in (*DESCRIPTIONS, ".csv", "_2.tif.aux.xml"):
        path.with_name(path.stem + ending).write_text("old")


def test_what_describes_a_raster_is_removed_with_it(tmp_path):
    path = tmp_path / "map.tif"
    describe(path)
    with pytest.raises(RuntimeError), atomic_file(path) as part:
        part.write_text("half")
        raise RuntimeError
    assert (tmp_path / "map.tif.aux.xml").exists()
    with atomic_file(path) as part:
        part.write_text("new")
    names = {item.name: item.read_text() for item in tmp_path.iterdir()}
    assert names == {"map.tif": "new", "map.csv": "old", "map_2.tif.aux.xml": "old"}


def test_a_table_keeps_the_files_beside_it(tmp_path):
    """A raster and a table may have one stem."""
    describe(tmp_path / "map.tif")
    with atomic_file(tmp_path / "map.csv") as part:
        part.write_text("new")
    assert all((tmp_path / f"map{ending}").exists() for ending in DESCRIPTIONS)


def test_files_of_an_earlier_run_are_removed_from_a_folder(tmp_path):
    folder = tmp_path / "maps"
    for name in ("GWSA_2003.tif", "GWSA_2004.tif"):
        describe(folder / name)
    describe(folder / "sigma" / "GWSA_SIGMA_2003.tif")
    describe(folder / "mine.tif")
    with pytest.raises(RuntimeError), atomic_folder(folder, r"GWSA_\d{4}\.tif") as part:
        raise RuntimeError
    assert (folder / "GWSA_2003.tif").exists()
    pattern = r"GWSA_\d{4}\.tif|sigma/GWSA_SIGMA_\d{4}\.tif"
    with atomic_folder(folder, pattern) as part:
        (part / "GWSA_2004.tif").write_text("new")
    left = {item.name for item in folder.rglob("*") if item.is_file()}
    others = {f"{stem}{ending}" for stem in ("GWSA_2003", "GWSA_2004", "GWSA_SIGMA_2003")
              for ending in (".csv", "_2.tif.aux.xml")}  # fmt: skip
    own = {f"mine{ending}" for ending in (".tif", *DESCRIPTIONS, ".csv", "_2.tif.aux.xml")}
    assert left == {"GWSA_2004.tif", *others, *own}
    assert (folder / "GWSA_2004.tif").read_text() == "new"


def test_a_text_is_replaced_in_one_step(tmp_path):
    path = tmp_path / "record.json"
    for text in ("first", "Grundwasser über"):
        replace_text(path, text)
        assert path.read_text(encoding="utf-8") == text
        assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_text_that_cannot_be_written_leaves_the_earlier_one(tmp_path):
    path = tmp_path / "record.json"
    replace_text(path, "first")
    with pytest.raises(UnicodeEncodeError):
        replace_text(path, "\ud800")
    assert path.read_text(encoding="utf-8") == "first"


HOLD = """
import sys, time
from gwsa.gwsa_plugin.core.files.atomic import scratch_folder
from pathlib import Path
with scratch_folder(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that is writing map.tif."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "map.tif")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def parts(folder):
    return [path.name for path in folder.iterdir() if path.name.endswith(".part")]


def test_the_scratch_folder_of_a_killed_process_is_removed(tmp_path, holder):
    holder.kill()
    holder.wait()
    assert len(parts(tmp_path)) == 1
    with atomic_file(tmp_path / "other.tif") as part:
        part.write_text("another file")
    assert len(parts(tmp_path)) == 1
    with atomic_file(tmp_path / "map.tif") as part:
        assert len(parts(tmp_path)) == 1 and part.parent.is_relative_to(tmp_path)
        part.write_text("complete")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["map.tif", "other.tif"]


def test_the_scratch_folder_of_a_running_process_is_kept(tmp_path, holder):
    for _ in range(2):
        with atomic_file(tmp_path / "map.tif") as part:
            part.write_text("complete")
        (kept,) = parts(tmp_path)
        assert [file.read_text() for file in (tmp_path / kept).rglob("half")] == ["half"]
    assert holder.poll() is None


def test_two_threads_write_into_folders_of_their_own(tmp_path):
    with scratch_folder(tmp_path / "map.tif") as one, scratch_folder(tmp_path / "map.qml") as other:
        assert one != other and one.is_dir() and other.is_dir()
    assert parts(tmp_path) == []


def test_a_folder_of_two_runs_is_refused_until_the_next_run(tmp_path, monkeypatch):
    """A rename fails after the first of two files has its name."""
    folder = tmp_path / "maps"
    folder.mkdir()
    (folder / "a.tif").write_text("old")
    (folder / "b.tif").write_text("old")
    require_consistent(folder)
    rename = Path.replace

    def fail_at_b(self, target):
        if target == folder / "b.tif":
            raise OSError("broken")
        return rename(self, target)

    def write_both():
        with atomic_folder(folder) as part:
            (part / "a.tif").write_text("new")
            (part / "b.tif").write_text("new")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="broken"):
        patch.setattr(Path, "replace", fail_at_b)
        write_both()
    assert (folder / "a.tif").read_text() != (folder / "b.tif").read_text()
    with pytest.raises(InputError, match="maps has files of two runs"):
        require_consistent(folder)
    with pytest.raises(InputError, match="run it again, or choose another folder"):
        YearlyMaps.in_folder(folder)
    write_both()
    require_consistent(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["a.tif", "b.tif"]


@pytest.mark.parametrize("write", [write_file, write_folder, replace_text])
def test_an_error_of_a_full_disk_names_the_output(tmp_path, room_on_disk, write):
    with room_on_disk(100), pytest.raises(OSError, match="large") as found:
        write(tmp_path / "output", "long" * 100)
    assert found.value.filename == str(tmp_path / "output")
    assert list(tmp_path.iterdir()) == []


def test_a_text_that_cannot_be_written_leaves_nothing_beside_it(tmp_path):
    with pytest.raises(UnicodeEncodeError):
        replace_text(tmp_path / "record.json", "\ud800")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
@pytest.mark.parametrize(("mask", "file", "folder"), [(0o022, 0o644, 0o755), (0o002, 0o664, 0o775)])
def test_outputs_have_the_permissions_that_the_user_has_chosen(tmp_path, mask, file, folder):
    before = os.umask(mask)
    try:
        with atomic_file(tmp_path / "new/a.txt") as part:
            part.write_text("a")
        with atomic_folder(tmp_path / "set") as place:
            (place / "fine").mkdir()
            (place / "fine/b.txt").write_text("b")
    finally:
        os.umask(before)
    for name in ("new/a.txt", "set/fine/b.txt"):
        assert (tmp_path / name).stat().st_mode & 0o777 == file
    for name in ("new", "set", "set/fine"):
        assert (tmp_path / name).stat().st_mode & 0o777 == folder


def test_a_temporary_folder_that_could_not_be_removed_is_not_published(tmp_path):
    with atomic_folder(tmp_path / "set") as folder:
        left = folder / "fine" / ".a-abcdefgh.part"
        left.mkdir(parents=True)
        for file in (left / "owner", folder / "fine" / "a.tif"):
            file.touch()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files == [tmp_path / "set" / "fine" / "a.tif"]
