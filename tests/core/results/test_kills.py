"""A killed run leaves nothing incomplete, and the next one gives the same bytes and clears up."""

import os
import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
@pytest.mark.parametrize(
    "stage",
    ["drought_index", "recharge", "comparison", "export", "trend_map", "aquifer_series"],
)
def test_a_killed_run_is_made_again(stage, tmp_path):
    script = "gwsa.tests.core.results.killed_stages"
    command = [sys.executable, "-W", "ignore", "-m", script, stage, str(tmp_path), "5"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"{stage}: 5 kills" in done.stdout
