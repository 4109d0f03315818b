"""The readers of layers and tables, which QGIS reads in its own process."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from osgeo import ogr, osr

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.tests.faults.fuzz_readers import Reader

BOXES = {"alpha": (70.0, 28.0), "beta": (71.5, 29.0), "gamma, lower": (70.5, 31.0)}
WELLS = "well,lon,lat,specific_yield,confined\n" + "".join(
    f"W{number},{70 + number / 4},{28 + number / 5},0.1,0\n" for number in range(8)
)
READINGS = "well,date,depth_to_water\n" + "".join(
    f"W{number % 8},2005-{number % 12 + 1:02d}-15,{10 + number / 7:.3f}\n" for number in range(80)
)


@dataclass(frozen=True)
class LayerReader(Reader):
    """A reader in QGIS."""

    def prepare(self) -> None:
        from gwsa.setup.start_qgis import start_qgis

        start_qgis()


def _polygons(driver: str, suffix: str, folder: Path) -> list[Path]:
    """Polygons in one file each: simple, with holes, in metres, several of a name, without one."""
    paths = []
    for number in range(5):
        paths.append(folder / f"{number}.{suffix}")
        file = ogr.GetDriverByName(driver).CreateDataSource(str(paths[-1]))
        system = osr.SpatialReference()
        system.ImportFromEPSG(4326)
        system.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
        layer = file.CreateLayer("aquifers", system, ogr.wkbMultiPolygon)
        for name, kind in (("aquifer", ogr.OFTString), ("specific_yield", ogr.OFTReal)):
            layer.CreateField(ogr.FieldDefn(name, kind))
        for name, (west, south) in list(BOXES.items()) * (1 + number % 2):
            feature = ogr.Feature(layer.GetLayerDefn())
            feature["aquifer"] = None if number == 2 and name == "beta" else name
            feature["specific_yield"] = 0.1 * (number + 1)
            feature.SetGeometry(ogr.CreateGeometryFromWkt(_box(west, south, number > 2)))
            layer.CreateFeature(feature)
        del feature, layer, file
    return paths


def _box(west: float, south: float, with_hole: bool) -> str:
    rings = [_ring(west, south, 2.0)]
    if with_hole:
        rings.append(_ring(west + 0.5, south + 0.5, 0.5))
    return f"MULTIPOLYGON((({'),('.join(rings)})))"


def _ring(west: float, south: float, side: float) -> str:
    corners = ((0, 0), (side, 0), (side, side), (0, side), (0, 0))
    return ", ".join(f"{west + x} {south + y}" for x, y in corners)


def _geopackages(folder: Path) -> list[Path]:
    return _polygons("GPKG", "gpkg", folder)


def _geojson(folder: Path) -> list[Path]:
    return _polygons("GeoJSON", "geojson", folder)


def _texts(content: str, folder: Path) -> list[Path]:
    """Tables with commas, semicolons, tabs, a byte order mark and an empty field."""
    head, rest = content.split("\n", 1)
    contents = (
        content.encode(),
        content.replace(",", ";").encode(),
        content.replace(",", "\t").encode(),
        content.encode("utf-8-sig"),
        f"{head},note\n{rest}".encode(),
    )
    paths = [folder / f"{number}.csv" for number in range(len(contents))]
    for path, text in zip(paths, contents):
        path.write_bytes(text)
    return paths


def _wells(folder: Path) -> list[Path]:
    (folder.parent / "readings.csv").write_text(READINGS)
    return _texts(WELLS, folder)


def _readings(folder: Path) -> list[Path]:
    (folder.parent / "wells.csv").write_text(WELLS)
    return _texts(READINGS, folder)


def _in_qgis(read: Callable[[Path], object], path: Path) -> None:
    """Read a copy of a new name: QGIS keeps files open, and reads what it has of them."""
    from qgis.core import QgsProcessingException

    _in_qgis.number += 1
    copy = path.with_name(f"{_in_qgis.number}-{path.name}")
    shutil.copy(path, copy)
    try:
        read(copy)
    except QgsProcessingException as error:
        raise InputError(str(error)) from None
    finally:
        for left in path.parent.glob(f"{copy.name}*"):
            left.unlink()


_in_qgis.number = 0


def _read_polygons(path: Path) -> None:
    from qgis.core import QgsProcessingContext

    from gwsa.processing_provider.aquifer_series import AquiferSeries
    from gwsa.processing_provider.polygon_maps import read_outlines

    algorithm = AquiferSeries()
    algorithm.initAlgorithm({})
    given = {"AQUIFERS": str(path), "ID_FIELD": "aquifer"}
    for outline in read_outlines(algorithm, given, QgsProcessingContext(), SILENT):
        _ = outline.aquifer


def _read_wells(path: Path) -> None:
    _read_records(path, path.with_name("readings.csv"))


def _read_readings(path: Path) -> None:
    _read_records(path.with_name("wells.csv"), path)


def _read_records(wells: Path, readings: Path) -> None:
    from qgis.core import QgsProcessingContext

    from gwsa.processing_provider.validate_wells import ValidateWells

    algorithm = ValidateWells()
    algorithm.initAlgorithm({})
    given = {"WELLS": str(wells), "OBSERVATIONS": str(readings)}
    algorithm.well_records(given, QgsProcessingContext(), SILENT)


LAYER_READERS = {
    "polygons_geopackage": LayerReader("p.gpkg", _geopackages, partial(_in_qgis, _read_polygons)),
    "polygons_geojson": LayerReader("p.geojson", _geojson, partial(_in_qgis, _read_polygons)),
    "wells_csv": LayerReader("w.csv", _wells, partial(_in_qgis, _read_wells)),
    "readings_csv": LayerReader("r.csv", _readings, partial(_in_qgis, _read_readings)),
}
