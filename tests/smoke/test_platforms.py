"""Simulated platforms: every stage with the libraries that QGIS has on Windows and on macOS.

Libraries are hidden from the real qgis_process of this machine. Nothing here runs on Windows or on
macOS. The sets of libraries are those of the recipes of the installers.
"""

import numpy as np
import pytest
import rasterio

from .stages import STAGES

pytestmark = pytest.mark.slow

OPTIONAL = frozenset({"rasterio", "affine", "numba", "llvmlite", "h5py", "dask", "distributed"})
# The stand-alone installer (MSI) of QGIS on Windows, with the optional libraries of OSGeo4W absent.
WINDOWS = OPTIONAL | {"xgboost"}
# The bundle of QGIS 3.44.4 and later.
MACOS = WINDOWS | {"scipy"}
# Only what no stage can do without.
NOTHING_OPTIONAL = WINDOWS | {"matplotlib", "jinja2"}
ROUNDED = "fillgaps"  # its results differ by rounding without numba
ALL_BUT_DOWNSCALE = [name for name in STAGES if name != "downscale"]


@pytest.fixture(scope="module")
def windows(chain, qgis_process, simulate, tmp_path_factory):
    """Folder with the outputs, and the run, of every stage but Downscale on Windows.

    The stages read the outputs of the complete chain, so that each one is compared by itself.
    """
    folder = tmp_path_factory.mktemp("windows")
    libraries = simulate(WINDOWS)
    runs = {
        name: qgis_process(
            "run",
            f"gwsa:{name}",
            python_path=libraries,
            **STAGES[name].parameters(chain.folder, folder),
        )
        for name in ALL_BUT_DOWNSCALE
    }
    return folder, runs


@pytest.mark.parametrize("stage", ALL_BUT_DOWNSCALE)
def test_stage_runs_with_the_libraries_of_windows(windows, stage):
    folder, runs = windows
    assert runs[stage].code == 0, runs[stage].errors
    assert not [line for line in runs[stage].errors if "Traceback" in line]
    for output in STAGES[stage].outputs.values():
        assert (folder / output).exists(), output


@pytest.mark.parametrize("stage", ALL_BUT_DOWNSCALE)
def test_rasters_are_those_with_all_libraries(windows, chain, stage):
    folder, _ = windows
    for output in STAGES[stage].outputs.values():
        for path in rasters(folder / output):
            other = chain.folder / path.relative_to(folder)
            if stage == ROUNDED:
                assert_nearly_equal(path, other)
            else:
                assert path.read_bytes() == other.read_bytes(), path


@pytest.mark.parametrize("stage", ["fillgaps", "gldasanomaly", "gwsabalance", "validatewells"])
def test_stage_without_report_runs_with_nothing_optional(
    chain, qgis_process, simulate, tmp_path, stage
):
    parameters = STAGES[stage].parameters(chain.folder, tmp_path)
    parameters.pop("REPORT", None)
    libraries = simulate(NOTHING_OPTIONAL)
    run = qgis_process("run", f"gwsa:{stage}", python_path=libraries, **parameters)
    assert run.code == 0, run.errors
    assert not [line for line in run.errors if "Traceback" in line]
    for name, output in STAGES[stage].outputs.items():
        assert (tmp_path / output).exists() == (name != "REPORT"), output


def rasters(path):
    """The GeoTIFFs and NetCDF files of an output, which is a file or a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return [file for file in files if file.suffix in (".tif", ".nc", ".nc4")]


def assert_nearly_equal(path, other):
    with rasterio.open(path) as one, rasterio.open(other) as two:
        assert one.tags().keys() == two.tags().keys()
        assert one.descriptions == two.descriptions
        np.testing.assert_allclose(one.read(), two.read(), rtol=0, atol=0.01)  # cm


@pytest.mark.parametrize(
    ("stage", "platform", "library"),
    [
        ("downscale", WINDOWS, "xgboost"),
        ("downscale", MACOS, "scipy"),
        ("importtwsa", MACOS, "scipy"),
        ("fillgaps", NOTHING_OPTIONAL, "matplotlib"),
        ("validatewells", NOTHING_OPTIONAL, "jinja2"),
    ],
)
def test_missing_library_is_one_sentence(
    chain, qgis_process, simulate, tmp_path, stage, platform, library
):
    parameters = STAGES[stage].parameters(chain.folder, tmp_path)
    run = qgis_process("run", f"gwsa:{stage}", python_path=simulate(platform), **parameters)
    assert run.code != 0
    assert len([line for line in run.errors if library in line]) == 1, run.errors
    assert not [line for line in run.errors if "Traceback" in line]
    assert list(tmp_path.iterdir()) == []
