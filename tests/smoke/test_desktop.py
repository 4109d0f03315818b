"""The real desktop with the packaged plugin, on a screen that nobody sees."""

import json
import subprocess
from pathlib import Path

import pytest

from .test_qgis_process import ALGORITHMS

LOOK = Path(__file__).with_name("desktop_look.py")
PICTURES = Path(__file__).parents[2] / "build" / "pictures"


@pytest.fixture(scope="module")
def seen(environment, tmp_path_factory):
    """What desktop_look.py finds in a running QGIS."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    found = tmp_path_factory.mktemp("desktop") / "seen.json"
    screen = ["xvfb-run", "--auto-servernum", "--server-args=-screen 0 1400x900x24"]
    qgis = [
        "qgis",
        "--nologo",
        "--noversioncheck",
        "--profiles-path",
        environment["QGIS_CUSTOM_CONFIG_PATH"],
    ]
    variables = {"GWSA_SEEN": str(found), "GWSA_PICTURES": str(PICTURES), "QT_QPA_PLATFORM": "xcb"}
    command = [*screen, *qgis, "--code", str(LOOK)]
    run = subprocess.run(
        command,
        env={**environment, **variables},
        timeout=120,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.exists(), run.stderr
    return {**json.loads(found.read_text()), "stderr": run.stderr}


def test_the_plugin_starts_without_complaint(seen):
    assert seen["messages"] == []
    assert "Traceback" not in seen["stderr"]


def test_the_toolbox_has_a_group_of_all_algorithms(seen):
    assert len(seen["toolbox"]) == len(ALGORITHMS)


def test_the_plugins_menu_has_an_entry_for_each_and_help(seen):
    assert seen["menu_has_icon"]
    entries = [entry for entry in seen["menu"] if entry]
    assert entries[0].startswith("The whole chain")
    assert entries[-1] == "Help"
    assert len(entries) == len(ALGORITHMS) + 1


def test_each_entry_opens_the_dialog_of_its_algorithm(seen):
    assert sorted(dialog["title"] for dialog in seen["dialogs"]) == sorted(seen["toolbox"])
    assert all(len(dialog["labels"]) > 2 for dialog in seen["dialogs"])
