"""The steps of docs/tutorial.md in the real desktop, with the values of its tables."""

import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "tutorial.md"
EXPLORER = ROOT / "docs" / "explorer.md"
STEPS = Path(__file__).with_name("tutorial_steps.py")
PICTURES = ROOT / "build" / "pictures"


def dialogs(folder):
    """Menu entry -> label -> value, as in the tables of the tutorial, with files in ``folder``."""
    found = {}
    for section in re.split(r"^## ", TUTORIAL.read_text(encoding="utf-8"), flags=re.M):
        entry = re.search(r"Open \*Plugins > GWSA > (.+?)…\*, set", section)
        if entry:
            rows = re.findall(r"^\| (.+?) \| (.+?) \|$", section, flags=re.M)
            values = {label: text for label, text in rows if label != "box"}
            found[entry[1]] = {
                label: text.replace("gwsa_tutorial", str(folder)) for label, text in values.items()
            }
    return found


@pytest.fixture(scope="module")
def folder():
    """An empty folder with the name that the pictures show."""
    folder = Path(tempfile.gettempdir(), "gwsa_tutorial")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def recorded(environment, folder, tmp_path_factory):
    """Result of tutorial_steps.py in a running QGIS."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    place = tmp_path_factory.mktemp("steps")
    steps = {
        "dialogs": dialogs(folder),
        "map": str(folder / "gwsa_1km" / "GWSA_2010.tif"),
        "wells": str(folder / "world" / "wells.geojson"),
        "predictors": str(folder / "world" / "predictors"),
    }
    (place / "steps.json").write_text(json.dumps(steps))
    variables = {
        "GWSA_STEPS": str(place / "steps.json"),
        "GWSA_SEEN": str(place / "seen.json"),
        "GWSA_PICTURES": str(PICTURES),
        "QT_QPA_PLATFORM": "xcb",
    }
    screen = ["xvfb-run", "--auto-servernum", "--server-args=-screen 0 1400x900x24"]
    profiles = ["--profiles-path", environment["QGIS_CUSTOM_CONFIG_PATH"]]
    qgis = ["qgis", "--nologo", "--noversioncheck", *profiles, "--code", str(STEPS)]
    run = subprocess.run(
        [*screen, *qgis],
        env={**environment, **variables},
        timeout=1800,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (place / "seen.json").exists(), run.stderr
    return json.loads((place / "seen.json").read_text())


def test_the_steps_lead_to_the_map(recorded, folder):
    assert "error" not in recorded, recorded["error"]
    assert recorded["map"] == {"renderer": "singlebandpseudocolor", "bands": 12}
    for output in ("gwsa_1km/GWSA_2010.tif", "gwsa_1km/sigma", "downscale.html", "series.csv"):
        assert (folder / output).exists(), output


def test_a_well_is_explored_beside_the_maps(recorded):
    assert {"pixel", "coarse cell", "interpolated", "well"} <= set(recorded["explorer"])


def test_the_predictors_of_the_world_are_recognised(recorded):
    assert len(recorded["predictors"]) == 20
    assert not any(recorded["predictors"].values())


def test_the_steps_take_less_than_ten_minutes(recorded):
    assert sum(recorded["seconds"].values()) < 600


def test_the_pictures_of_the_tutorial_and_the_explorer_are_made_by_the_steps(recorded):
    pages = [page.read_text(encoding="utf-8") for page in (TUTORIAL, EXPLORER)]
    pictures = re.findall(r"\(pictures/(.+?)\)", "".join(pages))
    assert "explorer.png" in pictures
    for name in pictures:
        assert (PICTURES / name).exists(), name
        assert (TUTORIAL.parent / "pictures" / name).exists(), name
