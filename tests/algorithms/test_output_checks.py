"""Outputs that would replace an input or each other, or that cannot be written: before any work."""

import sys

import numpy as np
import pytest
from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingOutputLayerDefinition,
    QgsProject,
    QgsProperty,
    QgsRasterLayer,
)

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, write_stack
from gwsa.processing_provider.output_checks import check_outputs

MONTHS = month_range("2004-01", "2009-12")


@pytest.fixture
def stack(tmp_path):
    path = tmp_path / "twsa.tif"
    values = np.random.default_rng(1).normal(size=(MONTHS.size, 3, 3))
    write_stack(path, MonthlyStack.on_calendar(Grid(77, 31, 1, 1, 3, 3), MONTHS, values, "TWSA"))
    return path


@pytest.fixture
def refused(provider, tmp_path):
    """Function that checks the outputs of an algorithm; returns the message, and leaves no file."""

    def refused(name, **parameters):
        before = sorted(tmp_path.rglob("*"))
        given = {key: str(value) for key, value in parameters.items()}
        with pytest.raises(InputError) as error:
            check_outputs(provider.algorithm(name), given, QgsProcessingContext())
        assert sorted(tmp_path.rglob("*")) == before
        return str(error.value)

    return refused


def test_an_output_is_never_written_over_an_input(run, refused, stack, tmp_path):
    content = stack.read_bytes()
    link = tmp_path / "link.tif"
    link.symlink_to(stack)
    around = tmp_path / "sub" / ".." / "twsa.tif"
    (tmp_path / "sub").mkdir()
    for output in (stack, link, around):
        with pytest.raises(QgsProcessingException, match="is what is read as INPUT; choose"):
            run("fillgaps", INPUT=stack, METHOD=1, OUTPUT=output)
    assert stack.read_bytes() == content
    assert "read as TWSA" in refused("gwsabalance", TWSA=stack, OUTPUT="x.tif", SIGMA=link)
    assert "read as INPUT" in refused("gldasanomaly", INPUT=tmp_path, SMS=stack)
    table = tmp_path / "wells.csv"
    table.touch()
    assert "read as WELLS" in refused("validatewells", WELLS=table, OUTPUT=table)
    folder = tmp_path / "sub"
    assert "read as PREDICTORS" in refused("downscale", PREDICTORS=folder, OUTPUT=folder)
    assert "read as TWSA" in refused("fullchain", **{"TWSA": stack, "gwsabalance:GWSA": stack})


def test_an_input_layer_of_the_project_is_found(provider, stack):
    layer = QgsRasterLayer(str(stack), "my stack")
    context = QgsProcessingContext()
    project = QgsProject()
    project.addMapLayer(layer)
    context.setProject(project)
    output = QgsProcessingOutputLayerDefinition(QgsProperty.fromValue(str(stack)))
    for value in (layer, layer.id(), "my stack"):
        with pytest.raises(InputError, match="is what is read as INPUT"):
            check_outputs(
                provider.algorithm("fillgaps"), {"INPUT": value, "OUTPUT": output}, context
            )


def test_two_outputs_have_two_files(refused, tmp_path):
    names = {"OUTPUT": tmp_path / "a.tif", "SIGMA": tmp_path / "x" / ".." / "A.tif"}
    assert "OUTPUT and SIGMA are both written to" in refused("gwsabalance", **names)
    folder = tmp_path / "maps"
    assert "OUTPUT and MODELS" in refused("downscale", OUTPUT=folder, MODELS=folder)


@pytest.mark.parametrize("name", ["gwsa.nc", "gwsa.img", "gwsa", "gwsa.vrt"])
def test_a_raster_output_has_the_ending_of_a_geotiff(run, refused, stack, tmp_path, name):
    assert "end its name with .tif" in refused("gwsabalance", OUTPUT=tmp_path / name)
    with pytest.raises(QgsProcessingException):
        run("fillgaps", INPUT=stack, METHOD=1, OUTPUT=tmp_path / name)
    assert not (tmp_path / name).exists()


def test_other_outputs_have_the_ending_of_their_format(refused, tmp_path):
    assert "with .html" in refused("fillgaps", REPORT=tmp_path / "report.pdf")
    assert "with .csv" in refused("importtwsa", TABLE=tmp_path / "months.xlsx")
    assert "with .gpkg" in refused("validatewells", OUTPUT=tmp_path / "wells.html")


def test_an_output_that_cannot_be_written_is_refused(refused, tmp_path):
    file, folder = tmp_path / "file.tif", tmp_path / "folder.tif"
    file.touch()
    folder.mkdir()
    assert "is a folder" in refused("fillgaps", OUTPUT=folder)
    assert "is a file" in refused("downscale", OUTPUT=file)
    assert "is not a folder" in refused("fillgaps", OUTPUT=file / "out.tif")
    assert "too long" in refused("fillgaps", REPORT=tmp_path / f"{'a' * 300}.html")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="folders of Linux")
def test_places_of_the_system_are_refused(refused):
    for place in ("/proc/out", "/dev/full/out", "/proc/self/out"):
        assert "cannot be written" in refused("fillgaps", OUTPUT=f"{place}.tif")
        assert "cannot be written" in refused("fillgaps", REPORT=f"{place}.html")
        assert "cannot be written" in refused("validatewells", OUTPUT=f"{place}.gpkg")
        assert "cannot be written" in refused("downscale", OUTPUT=place)
        assert "cannot be written" in refused("fullchain", **{"downscale:REPORT": f"{place}.html"})


def test_good_outputs_pass_and_leave_nothing(provider, stack, tmp_path):
    outputs = {"OUTPUT": "new/filled.TIF", "SIGMA": "new/sigma.tif", "REPORT": "new/report.htm"}
    paths = {name: str(tmp_path / path) for name, path in outputs.items()}
    check_outputs(
        provider.algorithm("fillgaps"), {"INPUT": str(stack), **paths}, QgsProcessingContext()
    )
    for value in ("memory:", "TEMPORARY_OUTPUT", f"ogr:dbname='{tmp_path}/a.gpkg' table=\"t\""):
        check_outputs(
            provider.algorithm("validatewells"), {"OUTPUT": value}, QgsProcessingContext()
        )
    assert list(tmp_path.iterdir()) == [stack]


def test_temporary_rasters_are_geotiffs(provider):
    assert provider.defaultRasterFileExtension() == "tif"
