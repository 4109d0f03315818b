"""gwsa:makecatalogue through the Processing registry."""

import shutil

import numpy as np
import pytest
from qgis.core import QgsProcessingException, QgsProcessingFeedback, QgsRasterLayer

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.predictors.catalogue import read_catalogue
from gwsa.tests.core.predictors.netcdf_files import coordinates, write_classic


@pytest.fixture
def rasters(sample_world, tmp_path):
    """A copy of a few predictors of the sample world, and its land mask."""
    folder = tmp_path / "rasters"
    folder.mkdir()
    names = ("elevation", "land", "precipitation_2009", "precipitation_2010")
    for name in names:
        shutil.copy(sample_world / "predictors" / f"{name}.tif", folder)
    return folder


def test_catalogue_of_a_folder(run, rasters, tmp_path):
    outputs = run("makecatalogue", FOLDER=rasters, OUTPUT=tmp_path / "catalogue.json")
    assert outputs["COUNT"] == 2
    catalogue = read_catalogue(outputs["OUTPUT"])
    assert {item.name: item.files for item in catalogue.predictors} == {
        "elevation": "rasters/elevation.tif",
        "precipitation": "rasters/precipitation_{YYYY}.tif",
    }
    assert catalogue.land == tmp_path / "rasters" / "land.tif"


def test_catalogue_of_layers(run, rasters, tmp_path):
    layer = QgsRasterLayer(str(rasters / "precipitation_2009.tif"))
    paths = [layer, str(rasters / "elevation.tif")]
    mask = rasters / "land.tif"
    outputs = run("makecatalogue", INPUT=paths, LAND_MASK=mask, OUTPUT=rasters / "list.json")
    catalogue = read_catalogue(outputs["OUTPUT"])
    assert [item.name for item in catalogue.predictors] == ["precipitation", "elevation"]
    assert catalogue.land == mask


@pytest.mark.parametrize("given", ["folder", "layer"])
def test_variables_of_netcdf_files(run, tmp_path, given):
    months = np.arange("2004-01", "2005-01", dtype="datetime64[M]")
    grid = Grid(76.0, 30.0, 0.5, 0.5, 4, 4)
    values = np.ones((12, 4, 4), np.float32)
    variables = {name: (("time", "lat", "lon"), values, {"units": "mm"}) for name in ("ppt", "aet")}
    path = write_classic(tmp_path / "in" / "t_2004.nc", coordinates(grid, months), variables)
    layer = QgsRasterLayer(f'NETCDF:"{path}":ppt', "ppt")
    assert layer.isValid()
    inputs = {"FOLDER": path.parent} if given == "folder" else {"INPUT": [layer]}
    outputs = run("makecatalogue", OUTPUT=tmp_path / "catalogue.json", **inputs)
    predictors = {item.name: item for item in read_catalogue(outputs["OUTPUT"]).predictors}
    assert set(predictors) == {"aet", "ppt", "water_surplus"}
    assert predictors["ppt"].variable == "ppt" and predictors["ppt"].files == "in/t_2004.nc"


def test_build_predictors_reads_the_catalogue(run, sample_world, tmp_path):
    made = run(
        "makecatalogue", FOLDER=sample_world / "predictors", OUTPUT=tmp_path / "catalogue.json"
    )
    outputs = run(
        "buildpredictors",
        CATALOGUE=made["OUTPUT"],
        OUTSIDE=True,
        GRID=sample_world / "truth" / "GWSA.tif",
        START="2010-01",
        END="2010-02",
        FACTOR=5,
        OUTPUT=tmp_path / "set",
    )
    assert read_catalogue(tmp_path / "set" / "predictors.json").predictors
    assert outputs["OUTPUT"] == str(tmp_path / "set")


def test_files_that_cannot_be_used_are_left_out_with_a_reason(provider, rasters, tmp_path):
    import processing

    (rasters / "broken.tif").write_text("no raster")
    feedback = QgsProcessingFeedback()
    parameters = {"FOLDER": str(rasters), "OUTPUT": str(tmp_path / "catalogue.json")}
    outputs = processing.run("gwsa:makecatalogue", parameters, feedback=feedback)
    assert outputs["COUNT"] == 2
    log = feedback.textLog()
    assert "broken is left out: rasters/broken.tif cannot be opened as a raster" in log
    assert "precipitation: one file per year, 2009-01 to 2010-12, mm" in log


@pytest.mark.parametrize("choice", ["nothing", "empty folder", "only broken"])
def test_no_raster_is_one_sentence(run, tmp_path, choice):
    parameters = {}
    if choice != "nothing":
        parameters["FOLDER"] = tmp_path
    if choice == "only broken":
        (tmp_path / "broken.tif").write_text("no raster")
    with pytest.raises(QgsProcessingException, match=r"[Nn]o raster"):
        run("makecatalogue", OUTPUT=tmp_path / "catalogue.json", **parameters)
    assert not (tmp_path / "catalogue.json").exists()
