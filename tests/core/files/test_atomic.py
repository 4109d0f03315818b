import pytest

from gwsa.gwsa_plugin.core.files.atomic import atomic_file, atomic_folder


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
