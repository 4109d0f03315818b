"""Every stage through qgis_process; only downscaling can import xgboost."""

from dataclasses import replace

import pytest
import rasterio
from qgis.core import (
    QgsProcessingContext,
    QgsRasterLayer,
    QgsVectorLayer,
)

from gwsa.gwsa_plugin.core.base.months import parse_month
from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.chain import ChainInputs, ChainOptions, run_chain
from gwsa.gwsa_plugin.core.downscaling.options import METHODS, DownscaleOptions
from gwsa.gwsa_plugin.core.sample_world.world import PARTS, read_aquifers
from gwsa.gwsa_plugin.core.wells.quality_control import Rules
from gwsa.gwsa_plugin.core.wells.tables import Readings, Wells
from gwsa.processing_provider.validate_wells import ValidateWells

from .stages import SETTINGS, STAGES


@pytest.mark.parametrize("stage", STAGES)
def test_stage_succeeds_and_writes_all_outputs(chain, stage):
    run = chain.runs[stage]
    assert run.code == 0, run.errors
    for output in STAGES[stage].outputs.values():
        assert (chain.folder / output).exists(), output


def test_no_unfinished_file_is_left(chain):
    assert [path.name for path in chain.folder.rglob("*.part")] == []


@pytest.mark.parametrize(
    "name", ["twsa", "filled", "filled_sigma", "flags", "sms", "gwsa", "gwsa_1km/GWSA_2009"]
)
def test_gdal_reads_the_months(chain, name):
    with rasterio.open(chain.folder / f"{name}.tif") as source:
        months = source.descriptions
        assert source.crs.to_epsg() == 4326
    assert "2009-01" in months
    assert list(months) == sorted(months)


@pytest.mark.parametrize(
    ("name", "renderer"),
    [
        ("twsa.tif", "singlebandpseudocolor"),
        ("filled_sigma.tif", "singlebandpseudocolor"),
        ("flags.tif", "paletted"),
        ("land_water.tif", "singlebandpseudocolor"),
        ("gwsa.tif", "singlebandpseudocolor"),
        ("gwsa_corrected.tif", "singlebandpseudocolor"),
        ("gwsa_1km/GWSA_2009.tif", "singlebandpseudocolor"),
        ("regions.gpkg", "RuleRenderer"),
        ("wells.gpkg", "RuleRenderer"),
    ],
)
def test_qgis_applies_the_style(chain, name, renderer):
    path = chain.folder / name
    layer = QgsRasterLayer(str(path)) if path.suffix == ".tif" else QgsVectorLayer(str(path))
    assert layer.isValid()
    assert layer.renderer().type() == renderer
    assert layer.styleURI() == str(path.with_suffix(".qml"))
    assert path.with_suffix(".qml").exists()


def read_as_qgis_does(world) -> tuple[Wells, Readings]:
    """The wells of the sample world, with the specific yield of aquifers, and their readings."""
    parameters = {name: str(world / PARTS[name]) for name in ("WELLS", "OBSERVATIONS", "AQUIFERS")}
    parameters["AQUIFER_FIELD"] = SETTINGS["ID_FIELD"]
    records = ValidateWells().create().well_records(parameters, QgsProcessingContext(), SILENT)
    return records.wells, records.readings


@pytest.fixture(scope="module")
def python_chain(chain, tmp_path_factory):
    """The outputs of ``run_chain`` with the inputs and settings of the stages."""
    world = chain.folder / "world"
    aquifers = [
        replace(aquifer, name=str(number), parent="")
        for number, aquifer in enumerate(read_aquifers(world), start=1)
    ]
    wells, readings = read_as_qgis_does(world)
    inputs = ChainInputs(
        twsa=world / PARTS["TWSA"],
        gldas=world / PARTS["GLDAS"],
        catalogue=world / PARTS["CATALOGUE"],
        land_mask=world / PARTS["LAND_MASK"],
        aquifers=aquifers,
        wells=wells,
        readings=readings,
    )
    defaults = DownscaleOptions()
    options = ChainOptions(
        bounds=(76.0, 28.0, 78.0, 30.0),
        period=(parse_month(SETTINGS["START"], "START"), None),
        sigma_twsa_cm=float(SETTINGS["SIGMA_TWSA"]),
        downscaling=replace(
            defaults,
            method=METHODS[SETTINGS["METHOD"]],
            boosting=replace(defaults.boosting, trees=SETTINGS["TREES"]),
        ),
        wells=Rules(min_years=SETTINGS["MIN_YEARS"], min_months=SETTINGS["MIN_MONTHS"]),
    )
    return run_chain(inputs, tmp_path_factory.mktemp("python"), options, last="downscale")


@pytest.mark.slow
def test_the_chain_in_python_writes_the_same_rasters(chain, python_chain):
    folder = python_chain["importtwsa:OUTPUT"].parent
    files = [file.relative_to(folder) for file in sorted(folder.rglob("*.tif"))]
    assert {
        "gwsa.tif",
        "gwsa_corrected.tif",
        "gwsa_1km/GWSA_2010.tif",
        "gwsa_1km/sigma/GWSA_SIGMA_2010.tif",
    } <= {file.as_posix() for file in files}
    for file in files:
        assert (folder / file).read_bytes() == (chain.folder / file).read_bytes(), file
