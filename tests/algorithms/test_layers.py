"""Layers of polygons and points as algorithms read them, and the layers that they write."""

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingContext,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingFeedback,
    QgsProcessingOutputLayerDefinition,
    QgsProject,
    QgsVectorLayer,
    QgsWkbTypes,
)

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.wells.tables import Wells
from gwsa.processing_provider import vector_output
from gwsa.processing_provider.downscale import REGION_FIELDS, Downscale
from gwsa.processing_provider.feedback import FeedbackProgress
from gwsa.processing_provider.layers import find_field, is_commented, open_layer, points
from gwsa.processing_provider.polygon_layers import read_polygons
from gwsa.processing_provider.vector_output import Place, write_features
from gwsa.processing_provider.well_layers import in_aquifers

WEST = "POLYGON((76 28,77 28,77 31,76 31,76 28))"
BOW_TIE = "POLYGON((76 28,78 30,78 28,76 30,76 28))"


def memory_layer(kind, features, crs="EPSG:4326"):
    """A layer in memory: WKT or None of each feature with its name."""
    layer = QgsVectorLayer(f"{kind}?crs={crs}&field=id:string", "given", "memory")
    for name, wkt in features:
        feature = QgsFeature(layer.fields())
        feature.setAttributes([name])
        if wkt:
            feature.setGeometry(QgsGeometry.fromWkt(wkt))
        layer.dataProvider().addFeature(feature)
    return layer


@pytest.fixture
def opened(provider):
    """Function that opens a value of AQUIFERS, in a context that stops at invalid geometries."""
    algorithm = Downscale()
    algorithm.initAlgorithm()
    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    context.setInvalidGeometryCheck(context.invalidGeometryCheck().__class__(2))

    given = []

    def opened(value):
        given.append(value)  # QGIS does not keep the layer of a source
        return open_layer(algorithm, {"AQUIFERS": value}, "AQUIFERS", context)

    return opened


@pytest.fixture
def polygons(opened):
    """Function that reads AQUIFERS and returns the polygons and the log."""

    def polygons(value, name_field="id"):
        feedback = QgsProcessingFeedback(False)
        read = read_polygons(opened(value), name_field, (), FeedbackProgress(feedback))
        return read, feedback.textLog()

    return polygons


def geojson(path, *geometries):
    features = ",".join(
        f'{{"type": "Feature", "properties": {{"id": "{number}"}}, "geometry": {geometry}}}'
        for number, geometry in enumerate(geometries)
    )
    path.write_text(f'{{"type": "FeatureCollection", "features": [{features}]}}')
    return str(path)


LINE_JSON = '{"type": "LineString", "coordinates": [[76, 28], [79, 31]]}'
WEST_JSON = '{"type": "Polygon", "coordinates": [[[76,28],[77,28],[77,31],[76,31],[76,28]]]}'
COLLECTION_JSON = f'{{"type": "GeometryCollection", "geometries": [{WEST_JSON}, {LINE_JSON}]}}'


class TestPolygons:
    def test_self_crossing_polygons_are_made_valid_in_every_run(self, polygons):
        for _ in range(3):
            read, log = polygons(memory_layer("Polygon", [("bow", BOW_TIE)]))
            assert read[0].shape.isGeosValid()
            assert read[0].shape.area() == pytest.approx(2.0)
            assert "1 that cross themselves made valid" in log

    def test_what_is_left_out_is_in_the_log(self, polygons):
        features = [("a", WEST), ("b", None), (None, WEST), ("d", "POLYGON((1 1,2 2,3 3,1 1))")]
        read, log = polygons(memory_layer("Polygon", features))
        assert [polygon.name for polygon in read] == ["a"]
        assert "1 polygons of given, named by the field id" in log
        assert "1 without geometry (feature 2)" in log
        assert "1 without a name (feature 3)" in log
        assert "1 without area (feature 4)" in log

    def test_without_a_field_features_are_numbered(self, polygons):
        read, _ = polygons(memory_layer("Polygon", [(None, None), ("a", WEST)]), None)
        assert [polygon.name for polygon in read] == ["2"]

    def test_the_polygons_of_collections_are_kept(self, polygons, tmp_path):
        path = geojson(tmp_path / "mixed.geojson", COLLECTION_JSON, WEST_JSON)
        read, _ = polygons(path)
        assert [polygon.shape.area() for polygon in read] == pytest.approx([3.0, 3.0])
        assert read[0].geojson["coordinates"] == [
            [[[76, 28], [77, 28], [77, 31], [76, 31], [76, 28]]]
        ]

    def test_curves_are_polygons(self, polygons):
        disc = "CURVEPOLYGON(CIRCULARSTRING(76 29.5,77.5 31,79 29.5,77.5 28,76 29.5))"
        read, _ = polygons(memory_layer("CurvePolygon", [("disc", disc)]))
        assert read[0].shape.area() == pytest.approx(np.pi * 1.5**2, rel=1e-3)

    @pytest.mark.parametrize(
        ("wkt", "bounds"),
        [
            ("POLYGON((177 -19,-178 -19,-178 -16,177 -16,177 -19))", (177, 182)),
            ("POLYGON((177 -19,182 -19,182 -16,177 -16,177 -19))", (177, 182)),
        ],
    )
    def test_polygons_across_180_are_continuous(self, polygons, wkt, bounds):
        read, log = polygons(memory_layer("Polygon", [("fiji", wkt)]))
        assert "1 across 180° east and west" in log
        box = read[0].shape.boundingBox()
        assert (box.xMinimum(), box.xMaximum()) == bounds
        assert read[0].shape.area() == pytest.approx(15)

    def test_a_polygon_around_a_pole_is_refused(self, polygons):
        cap = "POLYGON((0 -70,120 -70,-120 -70,0 -70))"
        with pytest.raises(InputError, match="Feature 1 of given goes around a pole"):
            polygons(memory_layer("Polygon", [("cap", cap)]))

    @pytest.mark.parametrize(
        ("kind", "wkt", "named"),
        [
            ("LineString", "LINESTRING(76 28,79 31)", "LineString"),
            ("Point", "POINT(76 28)", "Point"),
        ],
    )
    def test_lines_and_points_are_refused(self, polygons, kind, wkt, named):
        with pytest.raises(InputError, match=f"given has {named} geometries; give a layer of poly"):
            polygons(memory_layer(kind, [("x", wkt)]))

    def test_a_table_is_refused(self, polygons, tmp_path):
        path = tmp_path / "rdb.txt"
        path.write_text("# USGS\nid\tname\n5s\t5s\n1\ta\n")
        with pytest.raises(InputError, match="rdb.txt is a table; give a layer of polygons"):
            polygons(str(path))
        csv = tmp_path / "names.csv"
        csv.write_text("id,name\n1,a\n")
        with pytest.raises(InputError, match="names has no polygons .1 without geometry"):
            polygons(str(csv))

    def test_an_empty_layer_is_refused(self, polygons, tmp_path):
        with pytest.raises(
            InputError, match="empty has no polygons .it has no features.*selection"
        ):
            polygons(geojson(tmp_path / "empty.geojson"))

    def test_an_empty_selection_is_refused(self, polygons):
        layer = QgsProject.instance().addMapLayer(memory_layer("Polygon", [("a", WEST)]))
        selected = QgsProcessingFeatureSourceDefinition(layer.id(), True)
        with pytest.raises(InputError, match="given has no polygons .*selection"):
            polygons(selected)
        layer.selectAll()
        assert len(polygons(selected)[0]) == 1

    def test_a_layer_of_null_geometries_is_refused(self, polygons):
        with pytest.raises(InputError, match="no polygons .1 without geometry .feature 1"):
            polygons(memory_layer("Polygon", [("a", None)]))


class TestCrs:
    METRES = "POLYGON((500000 3100000,600000 3100000,600000 3200000,500000 3100000))"

    def test_metres_in_a_layer_of_degrees(self, polygons):
        with pytest.raises(
            InputError, match="given has coordinates such as 500000, 3100000, .*4326"
        ):
            polygons(memory_layer("Polygon", [("x", self.METRES)]))

    def test_a_few_coordinates_off_the_globe_are_left_out(self, opened):
        features = [("a", "POINT(76 28)"), ("b", "POINT(-999 -999)"), ("c", "POINT(77 29)")]
        feedback = QgsProcessingFeedback(False)
        found = points(opened(memory_layer("Point", features)), FeedbackProgress(feedback))
        np.testing.assert_array_equal(found, [[76, np.nan, 77], [28, np.nan, 29]])
        assert "1 features of given are left out" in feedback.textLog()
        assert "the first is feature 2" in feedback.textLog()

    def test_degrees_in_a_layer_of_metres(self, polygons):
        with pytest.raises(InputError, match="such as 76, 28.* look like longitude.*EPSG:32643"):
            polygons(memory_layer("Polygon", [("x", WEST)], "EPSG:32643"))

    def test_no_crs(self, polygons):
        with pytest.raises(InputError, match="given has no coordinate reference system; assign"):
            polygons(memory_layer("Polygon", [("x", self.METRES)], ""))

    def test_metres_in_their_crs(self, polygons):
        read, _ = polygons(memory_layer("Polygon", [("x", self.METRES)], "EPSG:32643"))
        assert read[0].shape.boundingBox().xMinimum() == pytest.approx(75.0)


class TestFields:
    def test_a_field_that_does_not_exist(self, opened):
        with pytest.raises(InputError, match="given has no field “system” .ID_FIELD.; choose"):
            find_field(opened(memory_layer("Polygon", [("a", WEST)])), "system", "ID_FIELD")

    def test_upper_and_lower_case_are_equal(self, opened):
        layer = opened(memory_layer("Polygon", [("a", WEST)]))
        assert find_field(layer, "ID", "ID_FIELD") == "id"

    def test_a_layer_that_cannot_be_opened(self, opened, tmp_path):
        with pytest.raises(InputError, match="absent.gpkg .AQUIFERS. cannot be opened"):
            opened(str(tmp_path / "absent.gpkg"))


def test_wells_on_both_sides_of_180_belong_to_one_aquifer(opened):
    fiji = "POLYGON((177 -19,-178 -19,-178 -16,177 -16,177 -19))"
    wells = Wells.from_columns("abcd", [178, -179, 181, 0], -17.0)
    found = in_aquifers(
        wells,
        opened(memory_layer("Polygon", [("Fiji", fiji)])),
        {"AQUIFER_FIELD": "id", "AQUIFER_YIELD_FIELD": ""},
        SILENT,
    )
    assert found.region.tolist() == ["Fiji", "Fiji", "Fiji", ""]


def test_an_aquifer_may_have_the_name_of_the_background(polygons, tmp_path):
    read, _ = polygons(memory_layer("Polygon", [("background", WEST)]))
    row = dict.fromkeys(REGION_FIELDS, 1.0)
    rows = [{**row, "number": number, "name": "background", "model": ""} for number in (0, 1)]
    algorithm = Downscale()
    algorithm.initAlgorithm()
    written = algorithm._write_regions(
        {"REGIONS": str(tmp_path / "r.gpkg")},
        QgsProcessingContext(),
        rows,
        {"background": (read[0], "")},
    )
    features = QgsVectorLayer(written, "r", "ogr").getFeatures()
    assert [feature.geometry().isEmpty() for feature in features] == [True, False]


def test_long_sources_of_databases_are_no_files():
    assert not is_commented("dbname='wells' table=" + 400 * "x")


def test_points_without_geometry_have_no_coordinates(opened):
    layer = opened(
        memory_layer("Point", [("a", "POINT(76 28)"), ("b", None), ("c", "POINT EMPTY")])
    )
    np.testing.assert_array_equal(
        points(layer, SILENT), [[76, np.nan, np.nan], [28, np.nan, np.nan]]
    )


def test_fields_and_geometries_of_other_features_are_refused(opened):
    """As a damaged GeoPackage gives them; they would be paired by their order."""
    given = memory_layer("Point", [("a", "POINT(76 28)"), ("b", "POINT(77 28)")])
    layer = opened(given)
    assert layer.columns(["id"], SILENT) == {"id": ["a", "b"]}
    assert points(layer, SILENT).shape == (2, 2)
    given.dataProvider().deleteFeatures([1])
    with pytest.raises(InputError, match="given is damaged: its fields and its geometries"):
        points(layer, SILENT)


def test_geometries_without_any_fields_are_refused(opened):
    """A damaged GeoPackage can give no feature when its fields are read."""
    given = memory_layer("Point", [("a", "POINT(76 28)")])
    layer = opened(given)
    (feature,) = given.getFeatures()
    given.dataProvider().deleteFeatures([feature.id()])
    assert layer.columns(["id"], SILENT) == {"id": []}
    given.dataProvider().addFeatures([feature])
    with pytest.raises(InputError, match="given is damaged: its fields and its geometries"):
        points(layer, SILENT)


class TestOutput:
    @pytest.fixture
    def write(self, provider):
        """Function that writes names with points to a destination."""
        algorithm = Downscale()
        algorithm.initAlgorithm()
        context = QgsProcessingContext()

        def write(destination, names):
            point = QgsGeometry.fromPointXY(QgsPointXY(76, 28))
            place = Place(algorithm, {"REGIONS": str(destination)}, "REGIONS", context)
            rows = [([name], point) for name in names]
            return write_features(place, {"name": "string"}, QgsWkbTypes.Type.Point, rows)

        return write

    @pytest.mark.parametrize("ending", ["gpkg", "geojson", "csv"])
    def test_long_names_are_written(self, write, tmp_path, ending):
        names = ["a", "x" * 300]
        written = QgsVectorLayer(write(tmp_path / f"out.{ending}", names), "out", "ogr")
        assert [feature["name"] for feature in written.getFeatures()] == names

    def test_numbers_that_are_not_known_are_null(self, provider, tmp_path):
        algorithm = Downscale()
        algorithm.initAlgorithm()
        path = tmp_path / "out.geojson"
        place = Place(algorithm, {"REGIONS": str(path)}, "REGIONS", QgsProcessingContext())
        write_features(place, {"x": "double"}, QgsWkbTypes.Type.Point, [([np.nan], None)])
        assert '"x": null' in path.read_text()

    @pytest.mark.parametrize("ending", ["gpkg", "shp", "geojson"])
    @pytest.mark.parametrize("room", [500, 20_000, 110_000])
    def test_an_earlier_file_is_kept_when_the_disk_is_full(
        self, write, tmp_path, room_on_disk, ending, room
    ):
        path = tmp_path / f"out.{ending}"
        write(path, ["earlier"])
        before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
        expected = pytest.raises(InputError, match=r"out\.\w+ could not be written completely")
        with room_on_disk(room), expected:
            write(path, [f"{number:01000}" for number in range(2000)])
        assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before

    @pytest.mark.parametrize("ending", ["gpkg", "shp", "geojson", "csv", "fgb", "kml", "sqlite"])
    def test_a_failure_that_qgis_does_not_see_ends_the_run(
        self, write, tmp_path, monkeypatch, ending
    ):
        path = tmp_path / f"out.{ending}"
        write(path, ["earlier"])
        before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
        write_layer = vector_output._write

        def fail_at_the_end(*given):
            layer = write_layer(*given)
            gdal.Error(gdal.CE_Failure, 1, "PRAGMA user_version failed: database or disk is full")
            return layer

        monkeypatch.setattr(vector_output, "_write", fail_at_the_end)
        with pytest.raises(InputError, match=r"out\.\w+ could not be written completely"):
            write(path, ["a"])
        assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before

    def test_a_layer_that_is_loaded_has_its_final_file(self, provider, tmp_path):
        algorithm = Downscale()
        algorithm.initAlgorithm()
        context, project = QgsProcessingContext(), QgsProject()
        value = QgsProcessingOutputLayerDefinition(str(tmp_path / "out.gpkg"), project)
        place = Place(algorithm, {"REGIONS": value}, "REGIONS", context)
        written = write_features(place, {"x": "double"}, QgsWkbTypes.Type.Point, [([1.0], None)])
        assert written.partition("|")[0] == str(tmp_path / "out.gpkg")
        assert list(context.layersToLoadOnCompletion()) == [written]

    def test_nothing_is_opened_before_all_features_are_known(self, write, tmp_path):
        def names():
            yield "a"
            raise KeyError("broken")

        with pytest.raises(KeyError):
            write(tmp_path / "out.gpkg", names())
        assert list(tmp_path.iterdir()) == []
