"""The complete export: its files, that they are read again, and what independent checkers find."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from osgeo import gdal

from gwsa.gwsa_plugin.core.base.errors import Cancelled, InputError
from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.files.stack import MISSING, OBSERVED, MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.results.export import export as module
from gwsa.gwsa_plugin.core.results.export.export import (
    NO_NETCDF,
    SINGLE,
    Formats,
    export_maps,
)
from gwsa.gwsa_plugin.core.results.export.product import find_sigma, select_product

from .conftest import GRID, known_values


@pytest.fixture(scope="module")
def dataset(product, description, tmp_path_factory):
    """Folder with all formats, by year."""
    folder = tmp_path_factory.mktemp("export") / "dataset"
    export_maps(folder, product, description, Formats())
    return folder


@pytest.fixture(scope="module")
def single(product, description, tmp_path_factory):
    """Folder with one NetCDF file of GWSA alone."""
    folder = tmp_path_factory.mktemp("export") / "single"
    export_maps(folder, select_product(product.maps), description, Formats(SINGLE, cog=False))
    return folder


def test_folder_has_all_files_and_nothing_else(dataset):
    names = {path.relative_to(dataset).as_posix() for path in dataset.rglob("*") if path.is_file()}
    assert names == {
        "README.md", "CITATION.cff", "LICENSE", "SHA256SUMS", "item.json",
        "netcdf/GWSA_2004.nc", "netcdf/GWSA_2005.nc", "cog/GWSA_2004.tif", "cog/GWSA_2005.tif",
        "cog/sigma/GWSA_SIGMA_2004.tif", "cog/sigma/GWSA_SIGMA_2005.tif",
    }  # fmt: skip
    assert [path.name for path in dataset.parent.iterdir()] == ["dataset"]


def test_checksums_and_item_agree_with_the_files(dataset):
    lines = (dataset / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    digests = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert len(digests) == 10
    for name, digest in digests.items():
        assert hashlib.sha256((dataset / name).read_bytes()).hexdigest() == digest
    item = json.loads((dataset / "item.json").read_text(encoding="utf-8"))
    assert set(item["assets"]) == set(digests) - {"item.json"}
    for name, asset in item["assets"].items():
        assert asset["file:checksum"] == f"1220{digests[name]}"
        assert asset["file:size"] == (dataset / name).stat().st_size


def test_geotiffs_are_read_again_with_values_sources_and_run(dataset, product, gdal_backend):
    maps = YearlyMaps.in_folder(dataset / "cog")
    again = select_product(maps, find_sigma(maps))
    assert again.grid.same_as(product.grid)
    assert again.stated_sources() == product.stated_sources()
    assert again.tags == {**product.tags, "GWSA_UNIT": "cm"}
    for one, other in zip(again.variables, product.variables):
        with one.maps.opened() as read, other.maps.opened() as expected:
            np.testing.assert_array_equal(read(product.months), expected(product.months))


@pytest.mark.parametrize("variable", ["gwsa", "gwsa_sigma"])
def test_netcdf_is_read_again_with_values_sources_and_run(dataset, product, variable, gdal_backend):
    names = [f'NETCDF:"{dataset}/netcdf/GWSA_{year}.nc":{variable}' for year in (2004, 2005)]
    maps = YearlyMaps.from_files(names)
    original = product.maps if variable == "gwsa" else product.sigma
    sources = product.stated_sources()
    assert maps.grid.same_as(GRID) and (maps.months == product.months).all()
    assert maps.source == tuple(sources[month] for month in maps.months)
    for tag in ("GWSA_INPUTS", "GWSA_VARIABLE", "GWSA_BASELINE"):
        assert maps.tags()[tag] == original.tags()[tag]
    with maps.opened() as read, original.opened() as expected:
        np.testing.assert_array_equal(read(product.months), expected(product.months))


def test_one_file_of_one_variable_is_read_by_its_path(single, product):
    maps = YearlyMaps.from_files([single / "netcdf" / "GWSA_2004-03_2005-12.nc"])
    with maps.opened() as read:
        np.testing.assert_array_equal(read(product.months), known_values()[2:])
    assert maps.source == tuple(product.stated_sources().values())


def test_same_bytes_whatever_the_size_of_the_cache(dataset, product, description, tmp_path):
    before = gdal.GetCacheMax()
    gdal.SetCacheMax(1 << 20)
    try:
        export_maps(tmp_path / "again", product, description, Formats())
    finally:
        gdal.SetCacheMax(before)
    sums = [(folder / "SHA256SUMS").read_text() for folder in (dataset, tmp_path / "again")]
    assert sums[0] == sums[1]


def test_an_empty_month_that_is_stated_as_observed_becomes_missing(description, tmp_path):
    values = np.ones((12, *GRID.shape), dtype=np.float32)
    values[4] = np.nan
    months = np.arange("2004-01", "2005-01", dtype="datetime64[M]")
    stack = MonthlyStack(GRID, months, values, (OBSERVED,) * 12, "GWSA", "cm")
    write_stack(tmp_path / "GWSA_2004.tif", stack)
    warnings = []

    class Log(Progress):
        def warn(self, text):
            warnings.append(text)

    product = select_product(YearlyMaps.in_folder(tmp_path))
    export_maps(tmp_path / "out", product, description, Formats(), Log())
    assert warnings == [
        "The maps of 2004-05 have no value in any cell; they are exported as missing months."
    ]
    assert YearlyMaps.in_folder(tmp_path / "out" / "cog").source[4] == MISSING
    assert "- missing (there is no map): 2004-05\n" in (tmp_path / "out" / "README.md").read_text()


def test_no_format_is_refused(product, description, tmp_path):
    with pytest.raises(InputError, match="No format is chosen"):
        export_maps(tmp_path / "out", product, description, Formats(NO_NETCDF, cog=False))


def test_a_gdal_without_netcdf_is_named(product, description, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "can_write_netcdf", lambda: False)
    with pytest.raises(InputError, match="has no netCDF driver"):
        export_maps(tmp_path / "out", product, description, Formats())
    export_maps(tmp_path / "out", product, description, Formats(NO_NETCDF))
    assert not list((tmp_path / "out").rglob("*.nc"))


@pytest.mark.parametrize("at", [0.0, 0.3, 0.6, 0.97])
def test_cancelling_leaves_nothing(product, description, tmp_path, at):
    class Cancelling(Progress):
        done = 0.0

        def show(self, fraction):
            self.done = max(self.done, fraction)

        def is_cancelled(self):
            return self.done >= at

    with pytest.raises(Cancelled):
        export_maps(tmp_path / "out", product, description, Formats(), Cancelling())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("formats", [Formats(cog=False), Formats(NO_NETCDF)], ids=["nc", "tif"])
@pytest.mark.parametrize("size", [20_000, 200_000])
def test_a_full_disk_leaves_nothing(
    product, description, tmp_path, room_on_disk, gdal_habit, formats, size
):
    with room_on_disk(size), pytest.raises(OSError, match=r"GWSA_2004.* cannot be written"):
        export_maps(tmp_path / "out", product, description, formats)
    assert list(tmp_path.iterdir()) == []


def test_readme_states_months_files_inputs_and_verdict(dataset):
    text = (dataset / "README.md").read_text(encoding="utf-8")
    for line in (
        "# Groundwater storage of the Müller basin: “1 km”",
        "- filled (a gap of GRACE was filled): 2004-05..2004-06",
        "- missing (there is no map): 2004-04",
        "| `cog/GWSA_2005.tif` | GWSA, 2005 |",
        "| GWSA | `gwsa.tif` | `00ff` |",
        '| `method` | "footprint" |',
        "| `GWSA_DETAIL` | untested |",
        "| `GWSA_SIGMA` | calibrated on 25 wells |",
    ):
        assert f"{line}\n" in text, line


def test_geotiffs_are_cloud_optimised(dataset):
    validator = pytest.importorskip(
        "osgeo_utils.samples.validate_cloud_optimized_geotiff",
        reason="GDAL's programs in Python (osgeo_utils) are not installed",
    )
    for path in sorted(dataset.rglob("*.tif")):
        warnings, errors, _ = validator.validate(str(path), full_check=True)
        assert (warnings, errors) == ([], [])
        file = gdal.Open(str(path))
        assert file.GetMetadataItem("LAYOUT", "IMAGE_STRUCTURE") == "COG"
        overviews = file.GetRasterBand(3).GetOverview(0).ReadAsArray()
        assert overviews.shape == (125, 250)
        assert np.isfinite(overviews[:, 123:]).all() and np.isnan(overviews[:, :122]).all()


def test_checker_finds_nothing_against_cf_1_8(dataset, single, checker):
    for path in sorted([*dataset.rglob("*.nc"), *single.rglob("*.nc")]):
        text = checker("compliance-checker", "--test", "cf:1.8", "--criteria", "strict", path)
        assert "All tests passed!" in text, text


CITATION = """
import json, sys, importlib.util, jsonschema, pathlib, yaml
package = pathlib.Path(importlib.util.find_spec("cffconvert").origin).parent
schema = package / "schemas" / "1.2.0" / "schema.json"
content = yaml.load(pathlib.Path(sys.argv[1]).read_text(), yaml.BaseLoader)
jsonschema.validate(content, json.loads(schema.read_text()))
print(len(content["authors"]), "authors")
"""


def test_citation_file_fits_its_schema(dataset, checker):
    assert checker("python", "-c", CITATION, dataset / "CITATION.cff") == "2 authors\n"


STAC = """
import sys, pystac
from pystac.extensions.file import FileExtension
from pystac.extensions.projection import ProjectionExtension
item = pystac.Item.from_file(sys.argv[1])
core = {**item.to_dict(transform_hrefs=False), "stac_extensions": []}
# The schemas of the core are part of pystac; those of extensions would be downloaded.
print(pystac.validation.validate_dict(core))
for asset in item.assets.values():
    assert FileExtension.ext(asset).checksum.startswith("1220")
assert ProjectionExtension.ext(item).code == "EPSG:4326"
"""


def test_item_fits_the_schema_of_stac(dataset, checker):
    assert "v1.1.0/item-spec" in checker("python", "-c", STAC, dataset / "item.json")


XARRAY = """
import sys, numpy, xarray
years = [xarray.open_dataset(path) for path in sys.argv[1:]]
data = xarray.concat(years, "time", data_vars="minimal")
print(data.gwsa.sizes, str(data.time.values[0])[:10], float(data.gwsa.isel(time=0)[7, 300]))
print(data.gwsa.attrs["ancillary_variables"], data.gwsa_source.values.tolist())
"""


def test_xarray_reads_the_years_as_one(dataset, checker):
    text = checker("python", "-c", XARRAY, *sorted((dataset / "netcdf").iterdir()))
    assert "'time': 22, 'lat': 250, 'lon': 500" in text
    assert f"2004-03-16 {float(known_values()[2, 7, 300])}" in text
    assert "gwsa_sigma gwsa_source [0, 2, 1, 1, 0," in text
