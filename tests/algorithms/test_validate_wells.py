"""Tests of gwsa:validatewells with layers and tables of several kinds."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
from qgis.core import (
    NULL,
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsVectorLayer,
)

from gwsa.benchmarks.rasters import describe_band, geotiff_profile
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import decimal_years, month_range
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, write_stack

COARSE = Grid(76.0, 30.0, 0.25, 0.25, 3, 4)
FACTOR = 5
MONTHS = month_range("2004-01", "2012-12")
N = 24


def storage(grid: Grid) -> np.ndarray:
    x, y = np.meshgrid(grid.longitudes, grid.latitudes)
    years = (decimal_years(MONTHS) - 2008)[:, None, None]
    trend = 2 * np.sin(20 * x) + np.cos(11 * y)
    return (trend * years + 4 * np.sin(2 * np.pi * years)).astype(np.float32)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Folder with the product, the coarse stack, and tables of wells that follow the product."""
    folder = tmp_path_factory.mktemp("wells")
    fine = COARSE.refine(FACTOR)
    values = storage(fine)
    (folder / "gwsa_1km").mkdir()
    for year in range(2004, 2013):
        with rasterio.open(
            folder / "gwsa_1km" / f"GWSA_{year}.tif", "w", **geotiff_profile(fine, 12)
        ) as target:
            for band in range(1, 13):
                i = 12 * (year - 2004) + band - 1
                target.write(values[i], band)
                describe_band(target, band, MONTHS[i], "observed")
    coarse = values.reshape(MONTHS.size, COARSE.rows, FACTOR, COARSE.columns, FACTOR).mean(
        axis=(2, 4)
    )
    write_stack(folder / "coarse.tif", MonthlyStack.on_calendar(COARSE, MONTHS, coarse, "GWSA"))
    write_tables(folder, fine, values)
    return folder


def write_tables(folder, fine, values):
    generator = np.random.default_rng(5)
    rows = generator.integers(fine.rows, size=N)
    columns = generator.integers(fine.columns, size=N)
    wells = ["well,lon,lat,specific_yield,confined"]
    readings = ["well,date,depth_to_water"]
    long = ["id,x,y,date,depth"]
    for i, (row, column) in enumerate(zip(rows, columns)):
        place = f"{fine.longitudes[column]:.6f},{fine.latitudes[row]:.6f}"
        wells.append(f"{i},{place},0.1,{int(i == 0)}")
        for month, value in zip(MONTHS, values[:, row, column]):
            readings.append(f"{i},{month}-15,{10 - value / 10:.4f}")
            long.append(f"{i},{place},{month}-15,{10 - value / 10:.4f}")
    readings.append("1,2005-06-20,-999")
    for name, lines in (("wells.csv", wells), ("observations.csv", readings), ("long.csv", long)):
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def validate(run, world):
    def validate(**parameters):
        given = {
            "GWSA": world / "gwsa_1km",
            "COARSE": world / "coarse.tif",
            "WELLS": world / "wells.csv",
            "OBSERVATIONS": world / "observations.csv",
            "OUTPUT": "memory:",
            **parameters,
        }
        return run("validatewells", **given)

    return validate


def features(layer) -> dict:
    """Features by the identifier of their well."""
    layer = layer if isinstance(layer, QgsVectorLayer) else QgsVectorLayer(str(layer), "out", "ogr")
    return {feature["well"]: feature for feature in layer.getFeatures()}


def point_layer(world, crs: str) -> QgsVectorLayer:
    """Memory layer of the wells as points, with integer identifiers."""
    layer = QgsVectorLayer(
        f"Point?crs={crs}&field=station:integer&field=sy:double", "points", "memory"
    )
    for line in (world / "wells.csv").read_text().splitlines()[1:]:
        well, longitude, latitude, *_ = line.split(",")
        feature = QgsFeature(layer.fields())
        feature.setAttributes([int(well), 0.1])
        feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(float(longitude), float(latitude))))
        layer.dataProvider().addFeature(feature)
    return layer


def test_tables_give_a_scored_layer_a_report_and_scores(validate, tmp_path):
    outputs = validate(
        OUTPUT=tmp_path / "wells.gpkg",
        REPORT=tmp_path / "report.html",
        SCORES=tmp_path / "scores.json",
    )
    layer = QgsVectorLayer(outputs["OUTPUT"], "out", "ogr")
    found = features(layer)
    assert len(found) == N and layer.crs().authid() == "EPSG:4326"
    assert found["0"]["status"] == "confined, without storativity"
    assert found["0"]["trend_well"] == NULL
    assert found["1"]["status"] == "used"
    assert found["1"]["trend_well"] == pytest.approx(found["1"]["trend_1km"], abs=0.01)
    assert found["1"]["months"] == 108 and found["1"]["first"] == "2004-01"
    assert layer.renderer().type() == "RuleRenderer"
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["n"] == N - 1 and scores["r2"] > 0.999 > scores["bilinear"]["r2"]
    assert scores["rmse_cm_per_yr"] < 0.01 < scores["coarse"]["rmse_cm_per_yr"]
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "placeholder" in report and "1 km detail: confirmed." in report
    assert scores["detail"]["verdict"] == "confirmed" and scores["detail"]["factor"] > 0.95
    record = json.loads((tmp_path / "report.run.json").read_text())
    assert record["results"]["detail"] == scores["detail"]


def test_empty_layers_of_qgis_process_are_no_layers(validate, world):
    """``--AQUIFERS=`` arrives as NULL."""
    layer = validate(AQUIFERS=NULL, OBSERVATIONS=NULL, WELLS=world / "long.csv", SPECIFIC_YIELD=0.1)
    assert len(features(layer["OUTPUT"])) == N


def test_layers_instead_of_the_folder(validate, world):
    layers = [str(path) for path in sorted((world / "gwsa_1km").glob("*.tif"))]
    found = features(validate(GWSA=None, LAYERS=layers)["OUTPUT"])
    assert found["3"]["trend_1km"] == pytest.approx(
        features(validate()["OUTPUT"])["3"]["trend_1km"]
    )


def test_one_long_table(validate, world):
    found = features(
        validate(WELLS=world / "long.csv", OBSERVATIONS=None, SPECIFIC_YIELD=0.1)["OUTPUT"]
    )
    assert len(found) == N
    assert found["5"]["trend_well"] == pytest.approx(found["5"]["trend_1km"], abs=0.01)


def test_points_in_another_crs_and_dates_as_dates(validate, world):
    import processing

    typed = QgsVectorLayer(
        f"file://{world / 'observations.csv'}?detectTypes=yes", "observations", "delimitedtext"
    )
    assert typed.fields().field("date").typeName() == "date"

    mercator = processing.run(
        "native:reprojectlayer",
        {"INPUT": point_layer(world, "EPSG:4326"), "TARGET_CRS": "EPSG:3857", "OUTPUT": "memory:"},
    )["OUTPUT"]
    found = features(validate(WELLS=mercator, OBSERVATIONS=typed)["OUTPUT"])
    assert found["7"]["trend_well"] == pytest.approx(found["7"]["trend_1km"], abs=0.01)


def test_elevations(validate, world):
    depth = features(validate()["OUTPUT"])["4"]["trend_well"]
    assert features(validate(VALUE=1)["OUTPUT"])["4"]["trend_well"] == pytest.approx(-depth)


def rename_levels(world, tmp_path, name, change):
    """The table of readings with another name and other values of its levels."""
    header, *rows = (world / "observations.csv").read_text().splitlines()
    column = header.split(",").index("depth_to_water")
    lines = [header.replace("depth_to_water", name)]
    for row in rows:
        cells = row.split(",")
        if cells[column] != "-999":
            cells[column] = f"{change(float(cells[column])):.4f}"
        lines.append(",".join(cells))
    path = tmp_path / f"{name}.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    ("name", "change", "kind"),
    [
        ("dtw_ft", lambda depth: depth / 0.3048, "depth to water in ft"),
        ("wte", lambda depth: 300 - depth, "water-level elevation in m"),
    ],
)
def test_unit_and_kind_of_readings_are_recognised(validate, world, tmp_path, name, change, kind):
    expected = features(validate()["OUTPUT"])["4"]["trend_well"]
    feedback = QgsProcessingFeedback(False)
    path = rename_levels(world, tmp_path, name, change)
    found = features(validate(feedback=feedback, OBSERVATIONS=path)["OUTPUT"])
    assert found["4"]["trend_well"] == pytest.approx(expected, abs=1e-3)
    assert f"readings 2004-01..2012-12 of {name}, {kind}" in feedback.textLog()


def test_elevations_read_as_depths_are_warned_of(validate, world):
    feedback = QgsProcessingFeedback(False)
    validate(feedback=feedback, VALUE=1)
    assert "Storage runs opposite to the coarse field" in feedback.textLog()
    plain = QgsProcessingFeedback(False)
    validate(feedback=plain)
    assert "opposite" not in plain.textLog()


def test_aquifers_give_specific_yield_and_names(validate, world):
    aquifers = QgsVectorLayer(
        "Polygon?crs=EPSG:4326&field=id:string&field=sy:double", "aquifers", "memory"
    )
    for name, west, east, sy in (("wide", 76, 77, 0.2), ("small", 76.5, 77, 0.1)):
        feature = QgsFeature(aquifers.fields())
        feature.setAttributes([name, sy])
        feature.setGeometry(
            QgsGeometry.fromWkt(f"POLYGON(({west} 29,{east} 29,{east} 30,{west} 30,{west} 29))")
        )
        aquifers.dataProvider().addFeature(feature)
    found = features(
        validate(WELLS=world / "long.csv", OBSERVATIONS=None, AQUIFERS=aquifers)["OUTPUT"]
    )
    assert {feature["aquifer"] for feature in found.values()} == {"wide", "small"}
    for feature in found.values():
        factor = 1 if feature["aquifer"] == "small" else 2
        assert feature["trend_well"] == pytest.approx(factor * feature["trend_1km"], abs=0.02)
        assert (feature["aquifer"] == "small") == (feature.geometry().asPoint().x() > 76.5)


def write_readings(world, path, line, header="well,date,depth_to_water"):
    """Write the readings in another way; ``line`` makes the text of (well, date, depth)."""
    rows = (row.split(",") for row in (world / "observations.csv").read_text().splitlines()[1:])
    path.write_text("\n".join([header, *(line(*row) for row in rows)]) + "\n", encoding="utf-8")
    return path


class TestKindsOfTables:
    @pytest.fixture
    def trend(self, validate):
        """Function that returns the trend of a well and the log."""

        def trend(**parameters):
            feedback = QgsProcessingFeedback(False)
            found = features(validate(feedback=feedback, **parameters)["OUTPUT"])
            return found["4"]["trend_well"], feedback.textLog()

        return trend

    @pytest.fixture
    def expected(self, trend):
        return trend()[0]

    def test_the_log_states_what_was_read_and_left_out(self, trend, world, tmp_path):
        odd = {"2005-03-15": "31.02.2005", "2005-04-15": ""}
        path = write_readings(
            world,
            tmp_path / "o.csv",
            lambda well, day, depth: (
                f"{well},{odd.get(day, day)},{'dry' if day[:4] == '2006' else depth}"
            ),
        )
        _, log = trend(OBSERVATIONS=path)
        assert f"{N} wells of wells (field well)." in log
        dated = N * 106 + 1 - N * 12
        assert (
            f"{dated:,} readings 2004-01..2012-12 of o, depth to water in m, from its field "
            f"depth_to_water; {2 * N} without a date (“31.02.2005”) left out; {12 * N} without a "
            "number (“dry”) left out."
        ) in log

    def test_wells_without_geometry_are_counted(self, trend, world):
        layer = point_layer(world, "EPSG:4326")
        layer.dataProvider().changeGeometryValues({1: QgsGeometry()})
        log = trend(WELLS=layer)[1]
        assert f"{N} wells of points (field station); 1 of {N} rows have no coordinates." in log

    def test_readings_of_other_wells_are_described(self, trend, world, tmp_path):
        path = write_readings(
            world,
            tmp_path / "o.csv",
            lambda well, *row: ",".join([f"0{well}" if well == "7" else well, *row]),
        )
        log = trend(OBSERVATIONS=path)[1]
        assert "1 wells of readings are not listed (“07”), and 1 listed wells have no" in log
        assert "zeros at the beginning are missing in one table" in log

    def test_one_column_for_each_month(self, trend, expected, world, tmp_path):
        header, *rows = (world / "observations.csv").read_text().splitlines()
        depths = {}
        for well, day, depth in (row.split(",") for row in rows[:-1]):
            depths.setdefault(well, {})[day[:7]] = depth
        months = [str(month) for month in MONTHS]
        lines = [
            f"{well}," + ",".join(row[month] for month in months) for well, row in depths.items()
        ]
        path = tmp_path / "wide.csv"
        path.write_text("\n".join(["well," + ",".join(months), *lines]) + "\n")
        found, log = trend(OBSERVATIONS=path)
        assert found == pytest.approx(expected)
        assert "from its table of 108 months" in log

    def test_one_row_for_each_year(self, trend, expected, world, tmp_path):
        rows = [row.split(",") for row in (world / "observations.csv").read_text().splitlines()]
        depths = {}
        for well, day, depth in rows[1:-1]:
            depths.setdefault((well, day[:4]), []).append(depth)
        names = [f"{month.item():%b}" for month in MONTHS[:12]]
        lines = [",".join([*key, *row]) for key, row in depths.items()]
        path = tmp_path / "years.csv"
        path.write_text("\n".join([",".join(["well", "Year", *names]), *lines]) + "\n")
        found, log = trend(OBSERVATIONS=path)
        assert found == pytest.approx(expected)
        assert "from its table of months by Year" in log

    @pytest.mark.parametrize("name", ["levels.tsv", "levels.txt", "gwlevels"])
    def test_tables_of_the_usgs(self, trend, expected, world, tmp_path, name):
        path = write_readings(
            world,
            tmp_path / name,
            lambda well, day, depth: f"USGS\t{well}\t{day}\t{float(depth) / 0.3048:.6f}",
            "# USGS\n# more\nagency_cd\tsite_no\tlev_dt\tlev_va\n5s\t15s\t10d\t12s",
        )
        found, log = trend(OBSERVATIONS=path)
        assert found == pytest.approx(expected, abs=1e-3)
        assert f"of {name}, depth to water in ft, from its field lev_va" in log

    def test_wells_of_the_usgs(self, trend, expected, world, tmp_path):
        header = "# USGS\nsite_no\tdec_lat_va\tdec_long_va\tsy\n15s\t16s\t16s\t5s"
        rows = (row.split(",") for row in (world / "wells.csv").read_text().splitlines()[1:])
        lines = [
            f"{well}\t{latitude}\t{longitude}\t{sy}" for well, longitude, latitude, sy, _ in rows
        ]
        path = tmp_path / "sites.txt"
        path.write_text("\n".join([header, *lines]) + "\n")
        found, log = trend(WELLS=path)
        assert found == pytest.approx(expected)
        assert f"{N} wells of sites.txt (field site_no)." in log

    def test_a_loaded_table_of_the_usgs(self, trend, expected, world, tmp_path):
        path = write_readings(
            world,
            tmp_path / "levels.csv",
            lambda well, day, depth: f"{well}\t{day}\t{depth}",
            "# USGS\nsite_no\tlev_dt\tdtw\n15s\t10d\t12s",
        )
        found, log = trend(OBSERVATIONS=QgsVectorLayer(str(path), "levels", "ogr"))
        assert found == pytest.approx(expected)

    def test_comments_before_the_header_are_named(self, validate, world, tmp_path):
        path = tmp_path / "o.csv"
        path.write_text("# my wells\n" + (world / "observations.csv").read_text())
        with pytest.raises(
            QgsProcessingException, match="o.csv has lines with # before its header"
        ):
            validate(OBSERVATIONS=path)

    def test_degrees_and_minutes(self, trend, expected, world, tmp_path):
        def minutes(text, letter):
            degrees, part = divmod(float(text), 1)
            return f"{degrees:.0f}°{60 * part:.6f}'{letter}"

        lines = ["well,lon,lat,specific_yield"]
        for row in (world / "wells.csv").read_text().splitlines()[1:]:
            well, longitude, latitude, sy, _ = row.split(",")
            lines.append(f"{well},{minutes(longitude, 'E')},{minutes(latitude, 'N')},{sy}")
        path = tmp_path / "wells.csv"
        path.write_text("\n".join([*lines, "x,unknown,29,0.1"]) + "\n", encoding="utf-8")
        found, log = trend(WELLS=path)
        assert found == pytest.approx(expected)
        assert "1 values of lon of wells are no degrees (“unknown”)" in log
        assert "1 of 25 rows have no coordinates" in log

    def test_a_layer_without_features(self, validate, tmp_path):
        path = tmp_path / "none.csv"
        path.write_text("well,lon,lat\n")
        with pytest.raises(QgsProcessingException, match="none has no wells; check its filter"):
            validate(WELLS=path)

    def test_coordinates_in_the_output_without_geometry(self, validate, world, tmp_path):
        validate(OUTPUT=tmp_path / "out.csv")
        header, first, *_ = (tmp_path / "out.csv").read_text().splitlines()
        row = dict(zip(header.split(","), first.split(",")))
        given = (world / "wells.csv").read_text().splitlines()[1].split(",")
        assert float(row["longitude"]) == pytest.approx(float(given[1]))
        assert float(row["latitude"]) == pytest.approx(float(given[2]))


class TestMistakes:
    def test_wells_without_specific_yield(self, validate, world, tmp_path):
        with pytest.raises(
            QgsProcessingException, match=f"None of the {N} wells has a specific yield"
        ):
            validate(
                WELLS=world / "long.csv",
                OBSERVATIONS=None,
                OUTPUT=tmp_path / "wells.gpkg",
                REPORT=tmp_path / "r.html",
            )
        assert list(tmp_path.iterdir()) == []

    def test_points_without_crs(self, validate, world):
        with pytest.raises(
            QgsProcessingException, match="points has no coordinate reference system"
        ):
            validate(WELLS=point_layer(world, ""))

    def test_polygons_as_wells(self, validate):
        shapes = QgsVectorLayer("Polygon?crs=EPSG:4326&field=well:string", "shapes", "memory")
        with pytest.raises(QgsProcessingException, match="shapes has Polygon geometries"):
            validate(WELLS=shapes)

    def test_an_output_that_would_replace_an_input(self, validate, world, tmp_path):
        path = tmp_path / "wells.csv"
        path.write_text((world / "wells.csv").read_text())
        with pytest.raises(QgsProcessingException, match="is what is read as WELLS; choose"):
            validate(WELLS=path, OUTPUT=path)
        assert path.read_text() == (world / "wells.csv").read_text()

    def test_an_output_that_cannot_be_written_is_refused_before_the_work(
        self, validate, world, tmp_path
    ):
        (tmp_path / "file").write_text("")
        feedback = QgsProcessingFeedback(False)
        with pytest.raises(
            QgsProcessingException, match="cannot be written .*file is not a folder"
        ):
            validate(OUTPUT=tmp_path / "file" / "wells.gpkg", feedback=feedback)
        assert "wells of wells" not in feedback.textLog()

    def test_the_folder_of_the_output_is_created(self, validate, tmp_path):
        validate(OUTPUT=tmp_path / "new" / "wells.gpkg")
        assert (tmp_path / "new" / "wells.gpkg").is_file()

    def test_both_folder_and_layers(self, validate, world):
        with pytest.raises(QgsProcessingException, match="either as their folder"):
            validate(LAYERS=[str(world / "gwsa_1km" / "GWSA_2004.tif")])

    def test_no_readings(self, validate):
        with pytest.raises(
            QgsProcessingException,
            match="wells has no field of dates among well, lon.*OBSERVATIONS",
        ):
            validate(OBSERVATIONS=None)

    def test_a_field_that_does_not_exist(self, validate):
        with pytest.raises(
            QgsProcessingException, match="wells has no field “porosity” .YIELD_FIELD."
        ):
            validate(YIELD_FIELD="porosity")

    def test_no_field_with_a_usual_name(self, validate, world, tmp_path):
        (tmp_path / "odd.csv").write_text("nom,jour,niveau\n1,2004-01-01,3\n")
        with pytest.raises(
            QgsProcessingException,
            match="odd has none of the fields well, .*READING_WELL_FIELD: nom, jour, niveau",
        ):
            validate(OBSERVATIONS=tmp_path / "odd.csv", DATE_FIELD="jour")

    def test_coordinates_that_are_metres(self, validate, world, tmp_path):
        (tmp_path / "utm.csv").write_text("well,x,y,sy\n1,500000,3300000,0.1\n")
        with pytest.raises(QgsProcessingException, match="x and y of utm are not in degrees"):
            validate(WELLS=tmp_path / "utm.csv")

    def test_coordinates_that_are_exchanged(self, validate, tmp_path):
        (tmp_path / "us.csv").write_text("well,x,y,sy\n1,36.5,-119.8,0.1\n")
        with pytest.raises(QgsProcessingException, match="x and y of us seem to be exchanged"):
            validate(WELLS=tmp_path / "us.csv")

    def test_wells_elsewhere(self, validate, world, tmp_path):
        (tmp_path / "away.csv").write_text("well,x,y,sy\n1,10,50,0.1\n")
        with pytest.raises(
            QgsProcessingException, match="None of the 1 wells can be used .1 outside"
        ):
            validate(WELLS=tmp_path / "away.csv")


def test_cancel(provider, world):
    import processing

    feedback = QgsProcessingFeedback()
    feedback.cancel()
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        processing.run(
            "gwsa:validatewells",
            {
                "GWSA": str(world / "gwsa_1km"),
                "COARSE": str(world / "coarse.tif"),
                "WELLS": str(world / "wells.csv"),
                "OBSERVATIONS": str(world / "observations.csv"),
                "OUTPUT": "memory:",
            },
            feedback=feedback,
        )
