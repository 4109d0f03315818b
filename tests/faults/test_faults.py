"""Disks that fail and processes that are killed, at a few operations of each stage.

All operations: python -m gwsa.tests.faults.sweep FOLDER.
"""

import shutil
import subprocess
import sys

import pytest

FAULTS = ("short", "kill")
linux = pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("cc"), reason="a library is built and preloaded"
)
# Stage -> number of its operations that fail, and of states of killed runs that are followed.
SAMPLE = {
    "predictors_again": 2,
    "drought_index": 2,
    "export": 2,
    "trend_map": 3,
    "aquifer_series": 2,
    "downscaling": 2,
    "fetch": 3,
    "gwsa:validatewells": 2,
}


@pytest.mark.slow
@linux
@pytest.mark.parametrize("stage", SAMPLE)
def test_a_run_that_ends_well_has_all_its_outputs_and_others_are_made_again(stage, tmp_path):
    if stage.startswith("gwsa:"):
        pytest.importorskip("qgis.core")
    found = sweep(tmp_path, stage, "--most", str(SAMPLE[stage]), "--faults", *FAULTS)
    assert f"{stage}: " in found and " 0 problems" in found


@pytest.mark.slow
@linux
@pytest.mark.parametrize("stage", ["export", "change_tags"])
def test_a_disk_that_fails_ends_no_run_with_a_crash(stage, tmp_path):
    """The library of NetCDF crashes where it cannot close a file, that of TIFF at a seek."""
    found = sweep(tmp_path, stage, "--alike", "1", "--faults", "eio")
    assert " refused after eio" in found and " 0 problems" in found


def sweep(folder, stage, *options):
    """Run the program ``sweep``, and return what it prints."""
    module = "gwsa.tests.faults.sweep"
    command = [sys.executable, "-W", "ignore", "-m", module, str(folder), "--stages", stage]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
