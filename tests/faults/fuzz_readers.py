"""The readers that are fuzzed, and five undamaged files for each.

A reader may return, or raise InputError or OSError, for which each algorithm has one sentence.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.base.tiles import Tile
from gwsa.gwsa_plugin.core.fetching.record import Record
from gwsa.gwsa_plugin.core.fetching.tiff import blocks_of, header_of, read_layout, spans_of
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, read_stack, write_stack
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.gldas.granule import UnusableGranule, read_granule, read_header
from gwsa.gwsa_plugin.core.grace.twsa import TwsaOptions, import_twsa
from gwsa.gwsa_plugin.core.predictors.catalogue import Predictor, read_catalogue
from gwsa.gwsa_plugin.core.predictors.inputs import open_input
from gwsa.gwsa_plugin.core.predictors.predictor_set import PredictorSet
from gwsa.gwsa_plugin.core.rasters import hdf5
from gwsa.gwsa_plugin.core.rasters.raster import Raster
from gwsa.gwsa_plugin.core.rasters.reading import open_raster, read_bands
from gwsa.gwsa_plugin.core.wells.usgs_rdb import read_rdb
from gwsa.tests.core.gldas.gldas_layouts import LAT, LON, write_granule
from gwsa.tests.core.grace import mascon_layouts as mascons
from gwsa.tests.core.grace import test_gsfc_mascons as gsfc

GRID = Grid(70.0, 31.0, 0.25, 0.25, 4, 5)
FINE = GRID.refine(3)
MONTHS = month_range("2009-01", "2009-06")
RDB = "# U.S. Geological Survey\n#\nagency_cd\tsite_no\tlev_va\n5s\t15s\t12s\nUSGS\t41\t12.5\n"


@dataclass(frozen=True)
class Reader:
    """A reader, and what makes its files.

    Attributes
    ----------
    name : str
        Name of the file that it is given; some readers need the month in it.
    seeds : callable
        Writes undamaged files into a folder and returns them.
    read : callable
        Reads a file.
    in_child : bool
        Whether the plugin reads such files in a child.
    with_h5py : bool
        False for a run in which h5py is not installed.
    """

    name: str
    seeds: Callable[[Path], Sequence[Path]]
    read: Callable[[Path], object]
    in_child: bool = False
    with_h5py: bool = True

    def prepare(self) -> None:
        """Set up this process, which reads files of this reader only."""
        if not self.with_h5py:
            hdf5.trouble = lambda: "it is not installed"


def _layouts() -> list[mascons.Layout]:
    crop = mascons.CSR_CROP
    field = mascons.truth(crop.latitudes, crop.longitudes, crop.months)
    return [
        crop,
        replace(crop, attributes=mascons.CSR_V02, units="units"),
        replace(crop, attributes=mascons.JPL, chunks=(4, 3, 3)),
        replace(crop, attributes=mascons.GSFC, kind="f8", fill=-99999.0),
        replace(crop, extra={"uncertainty": np.abs(field), "mascon_ID": field[0]}),
    ]


def _mascon_files(folder: Path) -> list[Path]:
    return [mascons.write_mascons(folder / f"{n}.nc", one) for n, one in enumerate(_layouts())]


def _classic_files(folder: Path) -> list[Path]:
    return [mascons.write_classic(folder / f"{n}.nc", one) for n, one in enumerate(_layouts())]


def _gsfc_files(folder: Path) -> list[Path]:
    optional = ("uncertainty/leakage_trend", "uncertainty/noise_2sigma", "mascon/location")
    paths = [gsfc.write(folder / f"{n}.h5", [name]) for n, name in enumerate(optional)]
    single = {"solution/cmwe": gsfc.VALUES.astype("f4")}
    return [*paths, gsfc.write(folder / "3.h5"), gsfc.write(folder / "4.h5", **single)]


def _granules(folder: Path) -> list[Path]:
    rng = np.random.default_rng(1)
    choices: list[dict] = [
        {},
        {"south_first": False},
        {"begin": "20070701"},
        {"title": "GLDAS"},
        {},
    ]
    paths = []
    for number, options in enumerate(choices):
        fields = rng.uniform(10, 60, (6, LAT.size, LON.size)).astype("f4")
        paths.append(folder / f"{number}.nc4")
        write_granule(paths[-1], fields, **options)
    return paths


def _read_granule(path: Path) -> None:
    try:
        header = read_header(path)
        rows, columns = header.grid.shape
        read_granule(path, (slice(0, rows), slice(0, columns)), header)
    except UnusableGranule as error:
        raise InputError(str(error)) from None


def _stacks(folder: Path) -> list[Path]:
    rng = np.random.default_rng(2)
    paths = []
    for number in range(5):
        values = rng.normal(0, 10, (MONTHS.size, *GRID.shape)).astype("f4")
        values[number % 2 :: 3, 0] = np.nan
        stack = MonthlyStack.on_calendar(GRID, MONTHS + 12 * number, values, "GWSA")
        paths.append(folder / f"GWSA_{2009 + number}.tif")
        write_stack(paths[-1], stack)
    return paths


def _read_maps(path: Path) -> None:
    maps = YearlyMaps.from_files([path])
    for month in maps.months:
        maps.read(month)


def _read_raster(path: Path) -> None:
    with open_raster(path) as source:
        source.tags()
        _read_first_band(source)


def _read_predictor(path: Path) -> None:
    with open_input(path, Predictor("lwe_thickness", str(path), kind="monthly")) as source:
        _read_first_band(source)


def _read_first_band(source: Raster) -> None:
    rows, columns = source.shape
    read_bands(source, [1], (slice(0, min(rows, 500)), slice(0, min(columns, 500))))


def _catalogues(folder: Path) -> list[Path]:
    static = {"name": "slope", "kind": "static", "files": "slope.tif", "scale": 0.1, "unit": "deg"}
    rain = {"name": "rain", "kind": "monthly", "files": "rain_{YYYY}.tif", "lags": [0, 1, 3],
            "means": [12], "role": "precipitation", "nodata": -9999}  # fmt: skip
    cover = {"name": "cover", "files": "cover.tif", "classes": [1, 2], "aggregation": "fraction"}
    other = {"name": "et", "kind": "monthly", "files": "et.nc", "variable": "et", "group": "water"}
    difference = {"name": "net", "kind": "monthly", "difference": ["rain", "et"]}
    choices = [[static], [static, rain], [cover, rain], [rain, other, difference], [static, cover]]
    grid = {"west": 70.0, "north": 31.0, "dx": 0.25, "dy": 0.25, "rows": 12, "columns": 15}
    paths = []
    for number, entries in enumerate(choices):
        content = {"format": 1, "grid": {**grid, "factor": 3}, "land": "fine/land.tif",
                   "months": ["2009-01", "2009-06"], "predictors": entries}  # fmt: skip
        if number % 2:
            for entry in entries:
                if "files" in entry:
                    entry["files"] = f"fine/{entry['files']}"
        paths.append(folder / f"{number}.json")
        paths[-1].write_text(json.dumps(content, indent=2))
    (folder.parent / "fine").mkdir()
    land = MonthlyStack.on_calendar(FINE, MONTHS[:1], np.ones((1, *FINE.shape), "f4"), "GWSA")
    write_stack(folder.parent / "fine/land.tif", land)
    return paths


def _read_set(path: Path) -> None:
    found = PredictorSet.open(path.parent)
    for predictor in (item for item in found.predictors if item.files):
        found.path_of(predictor, "fine", found.months[0] if predictor.monthly else None)
    found.require(MONTHS)
    found.land(Tile(slice(0, 3), slice(0, 3)))


def _tables(folder: Path) -> list[Path]:
    paths = [folder / f"{number}.rdb" for number in range(5)]
    for number, path in enumerate(paths):
        path.write_text(RDB * (number + 1))
    return paths


def _read_remote(path: Path) -> None:
    content = path.read_bytes()

    def read(position: int, count: int) -> bytes:
        return content[position : position + count]

    layout = read_layout(read, path.name)
    window = blocks_of(layout, (70.2, 30.2, 70.6, 30.6), read)
    header_of(layout, window, spans_of([window]))


def _bands(folder: Path) -> list[Path]:
    paths = []
    for number in range(5):
        values = np.full((1, *FINE.shape), float(number), "f4")
        stack = MonthlyStack.on_calendar(FINE, MONTHS[:1], values, "GWSA")
        paths.append(folder / f"{number}.tif")
        write_stack(paths[-1], stack)
    return paths


def _records(folder: Path) -> list[Path]:
    paths = [folder / f"{number}.json" for number in range(5)]
    entry = {"path": "a.nc", "source": "csr", "release": "1", "url": "https://x/a.nc", "bytes": 3,
             "version": "", "sha256": "0" * 64, "verified": "length", "fetched": "2026-01-01",
             "region": [70, 30, 71, 31]}  # fmt: skip
    for number, path in enumerate(paths):
        path.write_text(json.dumps({"files": [entry] * number, "region": [], "period": []}))
    return paths


def _import(path: Path) -> None:
    import_twsa(path, TwsaOptions(land_mask=None, bounds=(70.5, 20.2, 71.5, 21.2)))


def _import_gsfc(path: Path) -> None:
    import_twsa(path, TwsaOptions(land_mask=None, bounds=(71.2, 10.6, 74, 12)))


CORE_READERS = {
    "mascons": Reader("m.nc", _mascon_files, _import, in_child=True),
    "mascons_without_h5py": Reader("m.nc", _mascon_files, _import, in_child=True, with_h5py=False),
    "mascons_classic": Reader("m.nc", _classic_files, _import),
    "mascons_gsfc": Reader("m.h5", _gsfc_files, _import_gsfc, in_child=True),
    "gldas": Reader("GLDAS_NOAH025_M.A200707.021.nc4", _granules, _read_granule, in_child=True),
    "gldas_without_h5py": Reader(
        "GLDAS_NOAH025_M.A200707.021.nc4", _granules, _read_granule, in_child=True, with_h5py=False
    ),
    "raster_netcdf": Reader("r.nc", _mascon_files, _read_raster, in_child=True),
    "raster_classic": Reader("r.nc", _classic_files, _read_raster, in_child=True),
    "predictor_netcdf": Reader("p.nc", _mascon_files, _read_predictor, in_child=True),
    "stack": Reader("GWSA_2009.tif", _stacks, read_stack),
    "yearly_maps": Reader("GWSA_2009.tif", _stacks, _read_maps),
    "remote_tiff": Reader("r.tif", _bands, _read_remote),
    "catalogue": Reader("c.json", _catalogues, read_catalogue),
    "predictor_set": Reader("predictors.json", _catalogues, _read_set),
    "fetch_record": Reader("inputs.json", _records, lambda path: Record.read(path.parent)),
    "wells_rdb": Reader("w.rdb", _tables, read_rdb),
}
