"""QGIS desktop with the packaged plugin on a virtual screen."""

import json
import subprocess
from pathlib import Path

import pytest

from .test_qgis_process import ALGORITHMS

CHAIN = "The whole chain (GRACE to 1 km GWSA)"
LOOK = Path(__file__).with_name("desktop_look.py")
PICTURES = Path(__file__).parents[2] / "build" / "pictures"


@pytest.fixture(scope="module")
def recorded(environment, tmp_path_factory):
    """Result of desktop_look.py in a running QGIS."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    found = tmp_path_factory.mktemp("desktop") / "recorded.json"
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


def test_plugin_loads_without_messages(recorded):
    assert recorded["messages"] == []
    assert "Traceback" not in recorded["stderr"]


def test_no_dialog_is_left_open(recorded):
    """Such as one about a Python error after another dialog was closed."""
    assert recorded["left_open"] == []


def test_the_toolbox_has_a_group_of_all_algorithms(recorded):
    assert len(recorded["toolbox"]) == len(ALGORITHMS)


def test_plugins_menu_has_an_entry_for_each_algorithm_and_help(recorded):
    assert recorded["menu_has_icon"]
    entries = [entry for entry in recorded["menu"] if entry]
    assert entries[:3] == [
        "Start here…", "Fetch inputs…", "The whole chain (GRACE to 1 km GWSA)…",
    ]  # fmt: skip
    assert {"Explorer", "Export animation…", "New print layout", "Predictors…"} < set(entries)
    assert entries[-2:] == ["Check installation…", "Help"]
    assert len(entries) == len(ALGORITHMS) + 8


def test_each_entry_opens_the_dialog_of_its_algorithm(recorded):
    titles = {dialog["title"] for dialog in recorded["dialogs"]}
    assert titles - set(recorded["toolbox"]) == {
        "Start here: a sample world", "Check installation of GWSA", "Predictors",
        "Export animation",
    }  # fmt: skip
    assert set(recorded["toolbox"]) < titles
    assert all(len(dialog["labels"]) >= 2 for dialog in recorded["dialogs"])


def test_dialogs_can_be_run(recorded):
    # The button Run of a dialog whose Python half is deleted does nothing.
    classes = {dialog["title"]: dialog["class"] for dialog in recorded["dialogs"]}
    assert classes["Predictors"] == "PredictorsDialog"
    assert classes["Fetch inputs"] == "FetchDialog"
    others = set(recorded["toolbox"]) - {"Fetch inputs"}
    assert {classes[title] for title in others} == {"AlgorithmDialog"}


def test_dialogs_ask_for_the_method_of_the_maps(recorded):
    labels = {dialog["title"]: dialog["labels"] for dialog in recorded["dialogs"]}
    assert "Method" in labels["Downscale to 1 km"]
    assert any("Method of the 1 km maps" in text for text in labels[CHAIN])
