"""Invalid input: exit code 1, one message with cause and remedy, and no output file."""

import json
import shutil

import pytest
import rasterio

from .stages import STAGES


@pytest.fixture
def refuse(qgis_process, chain, tmp_path):
    """Function that runs a stage with invalid input and returns the only error message."""

    def refuse(stage, python_path=None, **changed) -> str:
        outputs = tmp_path / "outputs"
        outputs.mkdir(exist_ok=True)
        parameters = {**STAGES[stage].parameters(chain.folder, outputs), **changed}
        given = {name: value for name, value in parameters.items() if value is not None}
        run = qgis_process("run", f"gwsa:{stage}", python_path=python_path, **given)
        assert run.code == 1
        assert len(run.errors) == 1, run.errors
        assert list(outputs.iterdir()) == []
        return run.errors[0]

    return refuse


def test_mascon_file_that_is_text(refuse, tmp_path):
    path = tmp_path / "grace.nc"
    path.write_text("header:\n")
    assert "grace.nc is not a readable NetCDF file" in refuse("importtwsa", INPUT=path)


def test_grace_grid_in_ascii_format(refuse, real_data):
    message = refuse(
        "importtwsa",
        INPUT=real_data / "grace/GRD-3_2002095-2002120_GRAC_UTCSR_BA01_0600_LND_v04.nc",
    )
    assert "LND_v04.nc is not a readable NetCDF file" in message


def test_gldas_file_without_snow(refuse, real_data, tmp_path):
    folder = tmp_path / "gldas"
    folder.mkdir()
    cut = real_data / "gldas/GLDAS_NOAH025_3H.A20160101.0300.021.nc4"
    shutil.copy(cut, folder / "GLDAS_NOAH025_M.A201601.021.nc4")
    assert "SWE" in refuse("gldasanomaly", INPUT=folder, EXTENT=None)


def test_missing_gldas_month(refuse, chain, tmp_path):
    folder = tmp_path / "gldas"
    shutil.copytree(chain.folder / "world/gldas", folder)
    (missing,) = folder.glob("*A200907*")
    missing.unlink()
    assert "2009-07" in refuse("gldasanomaly", INPUT=folder)


def test_inputs_that_do_not_overlap(refuse, chain, tmp_path):
    path = tmp_path / "elsewhere.tif"
    shutil.copy(chain.folder / "sms.tif", path)
    with rasterio.open(path, "r+") as target:
        target.transform = rasterio.Affine(0.25, 0, -60, 0, -0.25, 5)
    assert "has no cell in the region of its tag GWSA_REGION" in refuse("gwsabalance", SMS=path)
    with rasterio.open(path, "r+") as target:
        west, south, east, north = target.bounds
        target.update_tags(GWSA_REGION=f"{west} {south} {east} {north}")
    assert "do not overlap" in refuse("gwsabalance", SMS=path)


def test_catalogue_with_absent_files(refuse, chain, tmp_path):
    source = chain.folder / "world/predictors/catalogue.json"
    catalogue = json.loads(source.read_text())
    for predictor in catalogue["predictors"][:2]:
        predictor["files"] = f"absent_{predictor['name']}.tif"
    path = tmp_path / "catalogue.json"
    path.write_text(json.dumps(catalogue))
    message = refuse("buildpredictors", CATALOGUE=path)
    assert all(
        f"absent_{predictor['name']}.tif" in message for predictor in catalogue["predictors"][:2]
    )


def test_aquifers_without_a_reference_system(refuse, real_data):
    message = refuse(
        "downscale", AQUIFERS=real_data / "aquifers/central_valley/cvws.shp", ID_FIELD=None
    )
    assert "cvws" in message
    assert "coordinate reference system" in message


def test_wells_without_specific_yield(refuse, chain, tmp_path):
    wells = json.loads((chain.folder / "world/wells.geojson").read_text())
    for feature in wells["features"]:
        del feature["properties"]["specific_yield"]
    path = tmp_path / "wells.geojson"
    path.write_text(json.dumps(wells))
    assert "specific yield" in refuse("validatewells", WELLS=path, AQUIFERS="")


def test_missing_xgboost(refuse, without_xgboost):
    assert "sudo apt install python3-xgboost" in refuse("downscale", python_path=without_xgboost)
