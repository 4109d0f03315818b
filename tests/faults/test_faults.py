"""Disks that fail and processes that are killed, at a few operations of each stage.

All operations: python -m gwsa.tests.faults.sweep FOLDER.
"""

import shutil
import subprocess
import sys

import pytest

FAULTS = ("short", "kill")
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
@pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("cc"), reason="a library is built and preloaded"
)
@pytest.mark.parametrize("stage", SAMPLE)
def test_a_run_that_ends_well_has_all_its_outputs_and_others_are_made_again(stage, tmp_path):
    if stage.startswith("gwsa:"):
        pytest.importorskip("qgis.core")
    module = "gwsa.tests.faults.sweep"
    command = [sys.executable, "-W", "ignore", "-m", module, str(tmp_path), "--stages", stage]
    command += ["--most", str(SAMPLE[stage]), "--faults", *FAULTS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{stage}: " in done.stdout and " 0 problems" in done.stdout
