"""A catalogue or a predictor set names only files in its own folder."""

import json
from pathlib import Path

import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.predictors.catalogue import read_catalogue
from gwsa.gwsa_plugin.core.predictors.outside import is_outside, require_own_files
from gwsa.gwsa_plugin.core.predictors.predictor_set import PredictorSet

VRT = '<VRTDataset rasterXSize="1"><SimpleSource>{}</SimpleSource></VRTDataset>'
INSIDE = '<SourceFilename relativeToVRT="1">data/a.tif</SourceFilename>'
SECRETS = [
    '<SourceFilename relativeToVRT="1">../secret.tif</SourceFilename>',
    '<SourceFilename relativeToVRT="0">/home/user/secret.tif</SourceFilename>',
    "<SourceFilename>/vsicurl/http://host/a.tif</SourceFilename>",
    '<SourceFilename relativeToVRT="1">/vsicurl/http://host/a.tif</SourceFilename>',
    "<SourceFilename>http://host/a.tif</SourceFilename>",
    '<SourceFilename>NETCDF:"/home/user/secret.nc":x</SourceFilename>',
    "<SourceDataset>/etc/secret</SourceDataset>",
    "<SourceFilename>&lt;VRTDataset&gt;&lt;SourceFilename&gt;/etc/secret&lt;/SourceFilename&gt;"
    "&lt;/VRTDataset&gt;</SourceFilename>",
]


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "set"
    (folder / "data").mkdir(parents=True)
    (folder / "data/a.tif").write_bytes(b"II*\0")
    return folder


def catalogue(folder: Path, files: str, **more) -> Path:
    path = folder / "c.json"
    kind = "monthly" if "{YYYY}" in files else "static"
    entry = {"name": "rain", "kind": kind, "files": files}
    path.write_text(json.dumps({"format": 1, "predictors": [entry], **more}))
    return path


def check(path: Path) -> None:
    require_own_files(read_catalogue(path), path.name)


@pytest.mark.parametrize("name", ["a.tif", "data/a.tif", "./data/../a.tif", "r_{YYYY}_{MM}.tif"])
def test_files_inside_are_allowed(folder, name):
    check(catalogue(folder, name, land="data/a.tif"))
    assert not is_outside(str(folder / "a.tif"), folder)


@pytest.mark.parametrize(
    "name",
    ["../a.tif", "/etc/passwd", "data/../../a.tif", "/vsicurl/http://host/a.tif",
     "/vsizip/a.zip/a.tif", 'NETCDF:"a.nc":rain', "../r_{YYYY}.tif"],
)  # fmt: skip
def test_files_outside_are_refused_in_one_sentence(folder, name):
    match = r"^rain in c.json names .*, which is outside its folder; move it .* set OUTSIDE .*\.$"
    with pytest.raises(InputError, match=match):
        check(catalogue(folder, name))


def test_a_land_mask_outside_is_refused(folder):
    with pytest.raises(InputError, match='"land" in c.json names .*outside its folder'):
        check(catalogue(folder, "a.tif", land="../land.tif"))


@pytest.mark.parametrize("element", SECRETS)
@pytest.mark.parametrize("name", ["r.vrt", "r.tif"])
def test_a_virtual_raster_that_names_files_outside_is_refused(folder, element, name):
    (folder / name).write_text(VRT.format(INSIDE + element))
    with pytest.raises(InputError, match="which itself names .*, outside the folder"):
        check(catalogue(folder, name))
    (folder / "r_2009.tif").write_text(VRT.format(element))
    with pytest.raises(InputError, match="which itself names .*, outside the folder"):
        check(catalogue(folder, "r_{YYYY}.tif"))


def test_virtual_rasters_of_files_inside_are_allowed(folder):
    (folder / "inner.vrt").write_text(VRT.format(INSIDE))
    inner = '<SourceFilename relativeToVRT="1">inner.vrt</SourceFilename>'
    (folder / "r.vrt").write_text(VRT.format(inner))
    check(catalogue(folder, "r.vrt"))
    (folder / "inner.vrt").write_text(VRT.format(SECRETS[0]))
    with pytest.raises(InputError, match="itself names ../secret.tif"):
        check(catalogue(folder, "r.vrt"))


@pytest.mark.parametrize(
    "content", ["<GDAL_WMS><Service/></GDAL_WMS>", '{"stac_version": "1"}', "\ufeff <WCS_GDAL/>"]
)
def test_descriptions_of_servers_are_refused(folder, content):
    (folder / "r.xml").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="itself names a server"):
        check(catalogue(folder, "r.xml"))


def test_a_virtual_raster_of_itself_ends(folder):
    own = '<SourceFilename relativeToVRT="1">r.vrt</SourceFilename>'
    (folder / "r.vrt").write_text(VRT.format(own))
    with pytest.raises(InputError, match="too many others"):
        check(catalogue(folder, "r.vrt"))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (
            {"land": "../land.tif"},
            r'^"land" in predictors.json names ../land.tif, which is outside',
        ),
        ({"land": "/vsicurl/http://host/land.tif"}, "which is outside"),
        ({"files": "fine/../../a.tif"}, "rain in predictors.json names .* which is outside"),
        ({"vrt": SECRETS[1]}, "itself names /home/user/secret.tif"),
    ],
)
def test_a_predictor_set_names_only_its_own_files(folder, change, match):
    (folder / "fine").mkdir()
    entry = {"name": "rain", "files": change.pop("files", "fine/rain.tif")}
    element = change.pop("vrt", INSIDE)
    (folder / "fine/rain.tif").write_text(VRT.format(element))
    grid = {"west": 70, "north": 31, "dx": 0.1, "dy": 0.1, "rows": 2, "columns": 2, "factor": 2}
    content = {"format": 1, "grid": grid, "predictors": [entry], **change}
    (folder / "predictors.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=match):
        PredictorSet.open(folder)
