"""Tests of gwsa:export: what QGIS reads of a dataset, and mistakes of the user."""

from __future__ import annotations

import json

import numpy as np
import pytest
from qgis.core import QgsPointXY, QgsProcessingException, QgsProcessingFeedback, QgsRasterLayer

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.results.export.export import NETCDF_CHOICES
from gwsa.gwsa_plugin.core.results.export.licences import LICENCES
from gwsa.processing_provider.export import LICENCE_LABELS, NETCDF_LABELS

GRID = Grid(76.0, 30.0, 0.125, 0.125, 6, 8)
MONTHS = month_range("2009-01", "2010-12")
TEXTS = {"TITLE": "Maps of a basin", "CREATORS": "Family, Given; Institute of Hydrology"}


def storage(months=MONTHS):
    month, row, column = np.ogrid[: months.size, : GRID.rows, : GRID.columns]
    return (month + row / 8 - column / 4).astype(np.float32)


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    """Folder with two yearly maps, a stack of both years, and its sigma."""
    folder = tmp_path_factory.mktemp("maps")
    stack = MonthlyStack.on_calendar(GRID, MONTHS, storage(), "GWSA")
    write_stack(folder / "gwsa.tif", stack)
    sigma = MonthlyStack.on_calendar(GRID, MONTHS, storage() * 0 + 2, "GWSA_SIGMA")
    write_stack(folder / "gwsa_sigma.tif", sigma)
    (folder / "gwsa_1km").mkdir()
    for year in ("2009", "2010"):
        first, last = (np.datetime64(f"{year}-{month}", "M") for month in ("01", "12"))
        part = stack.select(first, last)
        write_stack(folder / "gwsa_1km" / f"GWSA_{year}.tif", part)
    return folder


@pytest.fixture
def export(run, maps, tmp_path):
    def export(**parameters):
        given = {**TEXTS, "GWSA": maps / "gwsa_1km", "OUTPUT": tmp_path / "dataset", **parameters}
        return run("export", **given)

    return export


def test_qgis_opens_every_raster_and_gwsa_reads_its_months(export, tmp_path):
    outputs = export()
    folder = tmp_path / "dataset"
    assert outputs == {"OUTPUT": str(folder), "ITEM": str(folder / "item.json")}
    point = QgsPointXY(GRID.longitudes[3], GRID.latitudes[2])
    for year, first in (("2009", 0), ("2010", 12)):
        for path in (f"netcdf/GWSA_{year}.nc", f"cog/GWSA_{year}.tif"):
            layer = QgsRasterLayer(str(folder / path))
            assert layer.isValid() and layer.bandCount() == 12
            assert layer.crs().authid() == "EPSG:4326"
            value, found = layer.dataProvider().sample(point, 5)
            assert found and value == storage()[first + 4, 2, 3]
            months = YearlyMaps.from_files([folder / path]).months
            assert (months == MONTHS[first : first + 12]).all()
    record = json.loads((tmp_path / "dataset.run.json").read_text())
    assert record["stage"] == "export"
    # Paths of this computer are in that record alone.
    for path in ("README.md", "item.json", "CITATION.cff"):
        assert str(tmp_path) not in (folder / path).read_text(encoding="utf-8")


def test_layers_with_a_sigma_stack_in_one_netcdf_file(export, maps, tmp_path):
    export(
        GWSA=None, LAYERS=[str(maps / "gwsa.tif")], SIGMA=maps / "gwsa_sigma.tif",
        NETCDF=1, COG=False, START="2009-03", DOI="10.5072/example", LICENCE=1,
    )  # fmt: skip
    names = [path.name for path in sorted((tmp_path / "dataset").rglob("*")) if path.is_file()]
    assert names == [
        "CITATION.cff", "LICENSE", "README.md", "SHA256SUMS", "item.json",
        "GWSA_2009-03_2010-12.nc",
    ]  # fmt: skip
    path = tmp_path / "dataset" / "netcdf" / names[-1]
    for variable, value in (("gwsa", storage()[2, 0, 0]), ("gwsa_sigma", 2.0)):
        layer = QgsRasterLayer(f'NETCDF:"{path}":{variable}')
        assert layer.isValid() and layer.bandCount() == 22
        point = QgsPointXY(GRID.longitudes[0], GRID.latitudes[0])
        assert layer.dataProvider().sample(point, 1) == (value, True)
    assert "SPDX-License-Identifier: CC0-1.0" in (tmp_path / "dataset/LICENSE").read_text()


def test_layers_of_an_exported_netcdf_file_are_exported_again(export, maps, tmp_path):
    export(GWSA=None, LAYERS=[str(maps / "gwsa.tif")], SIGMA=maps / "gwsa_sigma.tif", NETCDF=1)
    path = tmp_path / "dataset/netcdf/GWSA_2009-01_2010-12.nc"
    export(
        GWSA=None,
        LAYERS=[QgsRasterLayer(f'NETCDF:"{path}":gwsa', "gwsa")],
        SIGMA=QgsRasterLayer(f'NETCDF:"{path}":gwsa_sigma', "sigma"),
        OUTPUT=tmp_path / "again",
    )
    cogs = [(tmp_path / name / "cog/GWSA_2010.tif") for name in ("dataset", "again")]
    stacks = [YearlyMaps.from_files([cog]) for cog in cogs]
    for month in MONTHS[12:]:
        np.testing.assert_array_equal(stacks[0].read(month), stacks[1].read(month))
    assert (tmp_path / "again/cog/sigma/GWSA_SIGMA_2009.tif").exists()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"TITLE": " "}, "TITLE"),
        ({"CREATORS": "Family, Given, Berg, Jan"}, "semicolons between them"),
        ({"DOI": "example"}, "DOI is “example”, which is no DOI"),
        ({"NETCDF": 2, "COG": False}, "No format is chosen"),
        ({"START": "2015-01"}, "no month in the period"),
        ({"GWSA": None}, "either as their folder"),
    ],
)
def test_mistakes_are_one_sentence_and_leave_nothing(export, tmp_path, parameters, message):
    with pytest.raises(QgsProcessingException, match=message):
        export(**parameters)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_other_files_is_refused(export, tmp_path):
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset" / "notes.txt").write_text("mine")
    with pytest.raises(QgsProcessingException, match=r"The folder dataset has notes\.txt"):
        export()
    assert (tmp_path / "dataset" / "notes.txt").read_text() == "mine"


def test_the_log_states_what_was_written(export):
    feedback = QgsProcessingFeedback(False)
    export(feedback=feedback)
    log = feedback.textLog()
    assert "No sigma was found beside the maps; the dataset has none." in log
    assert "dataset has 4 rasters of 2009-01..2010-12, their description and" in log


def test_labels_are_those_of_the_core():
    assert len(LICENCE_LABELS) == len(LICENCES)
    for label, licence in zip(LICENCE_LABELS, LICENCES):
        assert label.partition(":")[0].replace(" ", "-") == licence.identifier
    assert len(NETCDF_LABELS) == len(NETCDF_CHOICES)
