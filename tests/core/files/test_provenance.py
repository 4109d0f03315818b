import hashlib
import json
import re
from datetime import datetime
from pathlib import Path

from gwsa.gwsa_plugin.core.files.provenance import (
    now,
    plugin_version,
    provenance,
    sha256,
    write_run,
)


def test_digest_of_a_file_is_that_of_its_bytes(tmp_path):
    path = tmp_path / "large.bin"
    path.write_bytes(b"gwsa" * 600_000)  # more than one block
    assert sha256(path) == hashlib.sha256(b"gwsa" * 600_000).hexdigest()


def test_digest_of_a_folder_ignores_its_path_and_run_records(tmp_path):
    for name in ("one", "other"):
        (tmp_path / name / "fine").mkdir(parents=True)
        (tmp_path / name / "fine" / "ndvi.tif").write_text("ndvi")
        (tmp_path / name / "run.json").write_text(f"this run was in {name}")
    one, other = tmp_path / "one", tmp_path / "other"
    (other / "fine" / "ndvi.tif.aux.xml").write_text("statistics that a viewer left")
    assert sha256(one) == sha256(other)
    (other / "fine" / "ndvi.tif").rename(other / "fine" / "evi.tif")
    assert sha256(one) != sha256(other)


def test_digest_of_several_files_ignores_their_order(tmp_path):
    paths = [tmp_path / name for name in ("A200401.nc4", "A200402.nc4")]
    for path in paths:
        path.write_text(path.name)
    assert sha256(paths) == sha256(paths[::-1]) == sha256(tmp_path) != sha256(paths[:1])
    assert (
        "A200401.nc4 and 1 more" in provenance("gldasanomaly", {"INPUT": paths}, {})["GWSA_INPUTS"]
    )


def test_files_of_the_same_name_in_two_folders_both_count(tmp_path):
    paths = [tmp_path / year / "rain.tif" for year in ("2004", "2005")]
    for path in paths:
        path.parent.mkdir()
        path.write_text(path.parent.name)
    before = sha256(paths)
    paths[0].write_text("changed")
    assert sha256(paths) != before


def test_tags_depend_only_on_bytes_and_parameters(tmp_path):
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "twsa.tif").write_text("same")
    here, there = (
        provenance(
            "fillgaps", {"INPUT": tmp_path / folder / "twsa.tif", "MASK": None}, {"window": 24}
        )
        for folder in ("here", "there")
    )
    assert here == there
    assert str(tmp_path) not in json.dumps(here)
    assert json.loads(here["GWSA_INPUTS"])["INPUT"]["name"] == "twsa.tif"
    assert "MASK" not in json.loads(here["GWSA_INPUTS"])
    assert here != provenance("fillgaps", {"INPUT": tmp_path / "here" / "twsa.tif"}, {"window": 36})
    (tmp_path / "here" / "twsa.tif").write_text("changed")
    assert here != provenance("fillgaps", {"INPUT": tmp_path / "here" / "twsa.tif"}, {"window": 24})


def test_run_record_has_paths_times_and_versions(tmp_path):
    path, started = tmp_path / "twsa.run.json", now()
    write_run(
        path,
        "importtwsa",
        {"INPUT": tmp_path / "grace.nc", "MASK": None},
        {"end": "2020-12"},
        started,
        {"detail": "untested"},
    )
    record = json.loads(path.read_text())
    assert record["inputs"] == {"INPUT": str(tmp_path / "grace.nc")}
    assert record["parameters"] == {"end": "2020-12"}
    assert datetime.fromisoformat(record["started"]) <= datetime.fromisoformat(record["finished"])
    assert record["libraries"]["numpy"] and record["libraries"]["GDAL"]
    assert record["results"] == {"detail": "untested"}


def test_run_record_does_not_name_the_home_folder(tmp_path, monkeypatch):
    home = tmp_path / "somebody"
    monkeypatch.setattr(Path, "home", lambda: home)
    inputs = {"INPUT": home / "a/b.tif", "LAYERS": [home / "c.tif", "/data/d.tif"]}
    settings = {"mask": home / "m.tif", "title": f"maps of {home}", "other": f"{home}2/x.tif"}
    path = tmp_path / "x.run.json"
    write_run(path, "fillgaps", inputs, settings, now(), {"file": str(home / "o.tif")})
    record = json.loads(path.read_text())
    assert record["inputs"] == {"INPUT": "~/a/b.tif", "LAYERS": ["~/c.tif", "/data/d.tif"]}
    assert record["parameters"]["mask"] == "~/m.tif"
    assert record["parameters"]["title"] == "maps of ~"
    assert record["parameters"]["other"] == f"{home}2/x.tif"
    assert record["results"] == {"file": "~/o.tif"}


def test_plugin_version_has_three_numbers():
    assert re.fullmatch(r"\d+\.\d+\.\d+", plugin_version())
