"""Checkpoints of an interrupted run: complete ones are used, and damaged ones are made again."""

import os

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.progress import SILENT, Progress
from gwsa.gwsa_plugin.core.files.checkpoint import resumable_folder, save_checkpoint, seal


class Log(Progress):
    def __init__(self):
        self.text = ""

    def info(self, text):
        self.text += text + "\n"


@pytest.fixture
def interrupted(tmp_path):
    """The output of a run that saved three checkpoints and a raster before it was interrupted."""
    with pytest.raises(KeyboardInterrupt), resumable_folder(tmp_path / "maps", "a", SILENT) as own:
        (own / "tiles").mkdir()
        for number in range(3):
            save_checkpoint(
                own / "tiles" / f"{number}.npy", lambda file, n=number: np.save(file, np.full(9, n))
            )
        (own / "map.tif").write_bytes(bytes(1000))
        seal(own / "map.tif")
        raise KeyboardInterrupt
    return tmp_path / "maps"


def continued(path):
    """The checkpoints that the next run finds, and its log."""
    log = Log()
    with resumable_folder(path, "a", log) as own:
        files = [file for file in own.rglob("*") if file.is_file()]
        found = {file.name for file in files if not file.name.endswith(".seal")}
    assert list(path.parent.iterdir()) == []
    return found, log.text


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_complete_checkpoints_are_used(interrupted):
    found, log = continued(interrupted)
    assert found == {"0.npy", "1.npy", "2.npy", "map.tif"}
    assert "continues from its results" in log and "made again" not in log


@pytest.mark.parametrize(
    "damage", [cut, flip, lambda path: path.with_name(path.name + ".seal").unlink()]
)
@pytest.mark.parametrize("name", ["tiles/1.npy", "map.tif"])
def test_a_damaged_checkpoint_is_removed_and_the_log_states_it(interrupted, damage, name):
    (own,) = interrupted.with_name(".maps.unfinished").iterdir()
    damage(own / name)
    found, log = continued(interrupted)
    assert found == {"0.npy", "1.npy", "2.npy", "map.tif"} - {(own / name).name}
    assert "1 of the results in .maps.unfinished are not complete, and are made again." in log


def test_an_array_of_which_the_end_is_lost_is_no_checkpoint(tmp_path, room_on_disk):
    """numpy does not notice when what is left in the buffer of a plain file cannot be written."""
    with room_on_disk(150), pytest.raises(OSError, match="large") as found:
        save_checkpoint(tmp_path / "0.npy", lambda file: np.save(file, np.zeros(9)))
    assert found.value.filename == str(tmp_path / "0.npy")
    assert not (tmp_path / "0.npy").exists()


def test_what_was_being_written_is_removed_without_a_word(interrupted):
    (own,) = interrupted.with_name(".maps.unfinished").iterdir()
    (own / "tiles" / "3.npy.0123.part").write_bytes(b"half")
    found, log = continued(interrupted)
    assert "3.npy.0123.part" not in found and "made again" not in log


def test_a_second_run_is_refused_at_once(tmp_path):
    with resumable_folder(tmp_path / "maps", "a", SILENT) as own:
        with (
            pytest.raises(InputError, match="is being written by process"),
            resumable_folder(tmp_path / "maps", "b", SILENT),
        ):
            pass
        assert own.is_dir()


def test_a_run_without_checkpoints_leaves_no_folder(tmp_path):
    log = Log()
    with pytest.raises(InputError), resumable_folder(tmp_path / "maps", "a", log) as own:
        (own / "tiles").mkdir()
        raise InputError("GWSA_2009.tif is damaged.")
    assert list(tmp_path.iterdir()) == [] and log.text == ""
