"""The security scan of `make lint` scans the plugin, and fails for what it must find."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FINDINGS = {
    "eval": "def f(text):\n    return eval(text)\n",
    "shell": "import subprocess\nsubprocess.run('ls ' + input(), shell=True)\n",
    "pickle": "import pickle\npickle.loads(b'')\n",
}


def scan(folder: Path) -> subprocess.CompletedProcess:
    """Run the line of the Makefile in a folder."""
    line = re.search(r"^\t\$\(BIN\)/bandit (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    command = [sys.executable, "-m", "bandit", *shlex.split(line[1])]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def plugin(tmp_path):
    """The places that are scanned, with a harmless module each."""
    pytest.importorskip("bandit")
    (tmp_path / "__init__.py").write_text("")
    for name in ("gwsa_plugin", "processing_provider", "ui"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "module.py").write_text("NUMBER = 1\n")
    return tmp_path


def test_the_scan_states_that_it_has_run(plugin):
    done = scan(plugin)
    assert done.returncode == 0
    assert "No issues identified" in done.stdout
    assert "Total lines of code: 3" in done.stdout


@pytest.mark.parametrize("place", ["__init__.py", "gwsa_plugin/core.py", "ui/dialog.py"])
@pytest.mark.parametrize("finding", FINDINGS)
def test_a_planted_finding_fails_it(plugin, place, finding):
    (plugin / place).write_text(FINDINGS[finding])
    assert scan(plugin).returncode == 1
