import errno
import hashlib
import os

import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.results.export.folder import (
    digest_files,
    new_folder,
    read_checksums,
    write_checksums,
)


def write_export(path, text="one"):
    with new_folder(path) as folder:
        (folder / "cog").mkdir()
        (folder / "cog" / "GWSA_2004.tif").write_text(text)
        (folder / "README.md").write_text(text)
        write_checksums(folder, digest_files(folder, SILENT))


def test_checksums_are_those_of_the_files(tmp_path):
    write_export(tmp_path / "data")
    digest = hashlib.sha256(b"one").hexdigest()
    found = read_checksums(tmp_path / "data")
    assert found == {"README.md": digest, "cog/GWSA_2004.tif": digest}
    assert (tmp_path / "data" / "SHA256SUMS").read_bytes().count(b"\n") == 2


def test_folder_appears_when_it_is_complete(tmp_path):
    path = tmp_path / "data"
    with new_folder(path) as folder:
        assert not path.exists() and folder.is_relative_to(tmp_path)
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(RuntimeError), new_folder(tmp_path / "other"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == [path]


def test_an_earlier_export_and_an_empty_folder_are_replaced(tmp_path):
    path = tmp_path / "data"
    path.mkdir()
    write_export(path)
    # Statistics and styles of QGIS do not count.
    (path / "cog" / "GWSA_2004.tif.aux.xml").write_text("statistics")
    (path / "cog" / "GWSA_2004.qml").write_text("style")
    write_export(path, "two")
    assert (path / "README.md").read_text() == "two"
    assert sorted(file.name for file in (path / "cog").iterdir()) == ["GWSA_2004.tif"]
    assert list(tmp_path.iterdir()) == [path]


def test_files_that_do_not_reach_the_disk_are_not_published(tmp_path, monkeypatch):
    """A write that fails after the call, as on a network drive, shows when it is waited for."""
    path = tmp_path / "data"
    write_export(path)

    def fail(file):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output"):
        write_export(path, "two")
    assert (path / "README.md").read_text() == "one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_keeps_the_earlier_export(tmp_path):
    path = tmp_path / "data"
    write_export(path)
    with pytest.raises(KeyboardInterrupt), new_folder(path) as folder:
        (folder / "half").touch()
        raise KeyboardInterrupt
    assert (path / "README.md").read_text() == "one"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("notes.txt", "mine", "The folder data has notes.txt, which is no file of an earlier"),
        ("README.md", "mine", "has README.md, which was changed after the export"),
    ],
)
def test_files_of_the_user_are_kept(tmp_path, name, text, message):
    path = tmp_path / "data"
    write_export(path)
    (path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        write_export(path)
    assert (path / name).read_text() == text


def test_a_folder_without_checksums_is_kept(tmp_path):
    (tmp_path / "SHA256SUMS").write_text("notes\n")
    with pytest.raises(InputError, match=r"has SHA256SUMS, which is no file of an earlier export"):
        write_export(tmp_path)


def test_an_export_that_a_killed_run_had_set_aside_is_put_back(tmp_path):
    path = tmp_path / "data"
    write_export(path)
    scratch = tmp_path / ".data-abcdefgh.part"
    (scratch / "new").mkdir(parents=True)
    (scratch / "owner").write_text("")
    path.rename(scratch / "new" / "earlier")
    with pytest.raises(RuntimeError), new_folder(path):
        raise RuntimeError
    assert (path / "README.md").read_text() == "one"
    assert list(tmp_path.iterdir()) == [path]
