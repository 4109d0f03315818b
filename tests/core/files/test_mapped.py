"""Arrays in files: a full disk must refuse them when they are made, not when they are filled."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.files import mapped
from gwsa.gwsa_plugin.core.files.mapped import mapped_array


def test_all_values_are_on_the_disk_before_they_are_written(tmp_path, monkeypatch):
    """A page that a full disk has no room for ends the process with SIGBUS."""
    monkeypatch.setattr(mapped, "BLOCK", 1000)
    array = mapped_array(tmp_path / "a", (3, 70, 50))
    assert array.shape == (3, 70, 50) and np.isnan(array).all()
    status = (tmp_path / "a").stat()
    assert status.st_size == array.nbytes
    assert getattr(status, "st_blocks", np.inf) * 512 >= array.nbytes
    array[2, 69, 49] = 1.0
    array.flush()
    assert np.fromfile(tmp_path / "a", np.float32)[-1] == 1.0


def test_a_disk_that_refuses_is_an_error(tmp_path, monkeypatch):
    def fail(path):
        raise OSError("No space left on device")

    monkeypatch.setattr(mapped, "sync", fail)
    with pytest.raises(OSError, match="No space"):
        mapped_array(tmp_path / "a", (2, 2))
