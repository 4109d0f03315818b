"""Optional libraries that are there and cannot be imported, and PROJ of another program."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, write_stack

ERRORS = (
    "ImportError('DLL load failed')",
    "AttributeError('module numpy has no attribute long')",
    "SystemError('initialization of _internal failed')",
    "ValueError('numpy.dtype size changed')",
    "OSError('libgdal.so.36: cannot open shared object file')",
    "RuntimeError('no locator available')",
)
USES = """
from gwsa.gwsa_plugin.core.compute.dask_cluster import task_runner
from gwsa.gwsa_plugin.core.base.numba_modules import load_numba_module
from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.downscaling.forest.engine import Unsupported, _import_compiled
from gwsa.gwsa_plugin.core.rasters import hdf5
from gwsa.gwsa_plugin.core.rasters.backend import backend
assert load_numba_module("gapfill.ssa_numba") is None
assert backend().__name__.endswith("with_osgeo")
assert not hdf5.usable()
try:
    _import_compiled()
except Unsupported:
    pass
try:
    with task_runner("tcp://127.0.0.1:1", SILENT):
        pass
except InputError as error:
    assert "could not be loaded" in str(error)
print("done")
"""
READS = """
import sys
from pathlib import Path
from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.files.stack import read_stack, write_stack
from gwsa.gwsa_plugin.core.rasters import reading, with_osgeo, with_rasterio
reading.backend = lambda: {"rasterio": with_rasterio, "osgeo": with_osgeo}[sys.argv[2]]
try:
    write_stack(sys.argv[1] + ".copy.tif", read_stack(sys.argv[1]))
except InputError as error:
    print(error)
"""


def run(code, *arguments, **environment):
    """Run code in a Python of its own and return what it prints."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, **environment}, capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip


@pytest.mark.parametrize("error", ERRORS)
def test_a_broken_optional_library_is_as_good_as_none(tmp_path, error):
    for name in ("numba", "rasterio", "h5py", "dask"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"raise {error}\n")
    path = os.pathsep.join([str(tmp_path), *sys.path])
    assert run(USES, PYTHONPATH=path) == "done"


@pytest.mark.parametrize("backend", ["rasterio", "osgeo"])
def test_proj_of_another_program_is_named(tmp_path, backend):
    stack = MonthlyStack.on_calendar(
        Grid(70, 30, 1, 1, 3, 3), month_range("2004-01", "2004-02"), np.ones((2, 3, 3)), "TWSA"
    )
    write_stack(tmp_path / "a.tif", stack)
    (tmp_path / "proj").mkdir()
    folder = str(tmp_path / "proj")
    path = os.pathsep.join(sys.path)
    arguments = (tmp_path / "a.tif", backend)
    text = run(READS, *arguments, PYTHONPATH=path, PROJ_LIB=folder, PROJ_DATA=folder)
    assert text.startswith(f"PROJ cannot read its database in {folder}")
    assert "PROJ_DATA and PROJ_LIB" in text and text.endswith("start QGIS again.")
    assert not Path(f"{tmp_path}/a.tif.copy.tif").exists()
