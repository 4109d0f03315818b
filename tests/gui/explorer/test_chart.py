"""What the chart shows and saves: values of the rasters, legend, mouse, tables and pictures."""

import csv

import numpy as np
import pytest
from qgis.PyQt.QtCore import QEvent, QPoint, QPointF, Qt
from qgis.PyQt.QtGui import QImage, QMouseEvent, QWheelEvent
from qgis.PyQt.QtSvg import QSvgRenderer
from qgis.PyQt.QtWidgets import QApplication, QFileDialog

from gwsa.gwsa_plugin.core.results.place_series import CELL, INTERPOLATED, PIXEL
from gwsa.tests.gui.explorer.dock_steps import (
    OTHER,
    PLACE,
    at_pixel,
    curve,
    pick,
    wait,
)
from gwsa.ui.pictures import png


def test_a_click_plots_the_values_of_the_rasters(dock, maps, sample_world):
    pick(dock, PLACE)
    fine = curve(dock, PIXEL)
    expected = [at_pixel(maps / f"GWSA_{year}.tif", PLACE) for year in (2010, 2011)]
    np.testing.assert_allclose(fine.values, np.concatenate(expected), atol=1e-6)
    assert np.isfinite(fine.values).all()
    np.testing.assert_allclose(fine.sigma, 2.0)
    cell = curve(dock, CELL)
    coarse = at_pixel(sample_world / "truth/GWSA.tif", PLACE)
    np.testing.assert_allclose(cell.values, coarse, atol=1e-6)
    assert np.isfinite(curve(dock, INTERPOLATED).values).any()
    assert not np.array_equal(curve(dock, INTERPOLATED).values, cell.values)


def test_the_legend_has_value_sigma_trend_and_amplitude(dock):
    pick(dock, PLACE)
    dock.go_to(np.datetime64("2011-03"))
    rows = dock.chart.legend(900).rows()
    fine = curve(dock, PIXEL)
    value = f"{fine.values[14]:.1f}".replace("-", "−")
    assert rows[0][1] == "2011-03 (cm)"
    assert rows[1][:2] == ("GWSA, 1 km  2010–2011", f"{value} ± 2.0")
    trend = fine.behaviour.trend
    assert rows[1][2].startswith(f"{trend.value:.2f}".replace("-", "−"))
    assert " to " in rows[1][2] and " to " in rows[1][3]


def test_the_mouse_reads_month_and_value(dock):
    pick(dock, PLACE)
    chart = dock.chart
    chart.resize(800, 500)
    chart.grab()
    month = np.datetime64("2010-08")
    scale = chart._scale
    position = QPoint(round(scale.x(month)), round(scale.area.center().y()))
    send(chart, QEvent.Type.MouseMove, position)
    assert chart.hovered == month
    heading, row, *_ = chart.legend(900).rows()
    value = f"{curve(dock, PIXEL).values[7]:.1f}".replace("-", "−")
    assert heading[1] == "2010-08 (cm)" and row[1] == f"{value} ± 2.0"
    send(chart, QEvent.Type.MouseButtonPress, position)
    assert dock.bar.month == month and chart.month == month
    chart.leaveEvent(None)
    assert chart.hovered is None


def test_the_wheel_shows_fewer_months_around_the_mouse(dock):
    pick(dock, PLACE)
    chart = dock.chart
    chart.resize(800, 500)
    chart.grab()
    everything, height = chart._scale.months, chart._scale.high - chart._scale.low
    month = np.datetime64("2010-06")
    for _ in range(40):
        position = QPointF(chart._scale.x(month), chart._scale.area.center().y())
        send(chart, QEvent.Type.MouseMove, position.toPoint())
        turn(chart, position, 120)
        chart.grab()
        assert abs((chart._scale.month_at(position.x()) - month).astype(int)) <= 1
    assert chart._scale.months == 12
    assert chart._scale.high - chart._scale.low < height
    for _ in range(40):
        turn(chart, chart._scale.area.center(), -120)
        chart.grab()
    assert chart._scale.months == everything


def turn(chart, position, delta):
    event = QWheelEvent(
        position,
        position,
        QPoint(),
        QPoint(0, delta),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(chart, event)


def send(widget, kind, position):
    left = Qt.MouseButton.LeftButton
    event = QMouseEvent(kind, position, left, left, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(widget, event)


def test_terms_are_shown_on_request(dock):
    pick(dock, PLACE)
    names = [one.series.name for one in dock.chart.curves]
    assert "TWSA, 0.25°" not in names
    action = next(one for one in dock.series_menu.actions() if one.text() == "TWSA, 0.25°")
    assert not action.isChecked()
    action.trigger()
    wait(dock)
    assert "TWSA, 0.25°" in [one.series.name for one in dock.chart.curves]
    action.trigger()
    assert [one.series.name for one in dock.chart.curves] == names


def test_the_csv_equals_the_plot(dock, tmp_path):
    pick(dock, PLACE)
    pick(dock, OTHER, is_added=True)
    dock.save(tmp_path / "series.csv")
    with (tmp_path / "series.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    expected = [
        (one.place[4:], one.series.name, str(month), value)
        for one in dock.chart.curves
        for month, value in zip(one.series.months, one.series.values)
        if np.isfinite(value)
    ]
    assert [(row["place"], row["series"], row["month"]) for row in rows] == [
        one[:3] for one in expected
    ]
    np.testing.assert_allclose(
        [float(row["value_cm"]) for row in rows], [one[3] for one in expected], atol=6e-5
    )
    assert "saved" in dock.status.text().lower()


def test_the_table_is_copied(dock):
    pick(dock, PLACE)
    dock.copy()
    lines = QApplication.clipboard().text().splitlines()
    assert lines[0].startswith("month\t29.4567° N, 77.4321° E: GWSA, 1 km (cm)\t")
    row = next(line.split("\t") for line in lines if line.startswith("2010-03"))
    assert float(row[1]) == pytest.approx(curve(dock, PIXEL).values[2], abs=6e-5)


def test_pictures_are_saved(dock, tmp_path):
    pick(dock, PLACE)
    dock.save(tmp_path / "series.png")
    dock.save(tmp_path / "series.svg")
    image = QImage(str(tmp_path / "series.png"))
    assert image.width() == 1920
    colours = {image.pixelColor(x, 400).name() for x in range(0, 1920, 3)}
    assert "#ffffff" in colours and len(colours) > 3
    renderer = QSvgRenderer(str(tmp_path / "series.svg"))
    assert renderer.isValid() and renderer.viewBox().width() == 960
    assert "GWSA, 1 km" in (tmp_path / "series.svg").read_text(encoding="utf-8")


def test_a_file_that_cannot_be_written_is_a_sentence(dock, tmp_path):
    pick(dock, PLACE)
    (tmp_path / "file").write_text("")
    for ending in ("csv", "png"):
        dock.save(tmp_path / "file" / f"series.{ending}")
        assert f"series.{ending} is not saved: " in dock.status.text()


@pytest.mark.parametrize("ending", ["csv", "png", "svg"])
def test_a_file_of_which_the_end_is_lost_is_not_saved(dock, tmp_path, room_on_disk, ending):
    """Qt does not notice when it cannot write what is left at the end of a file."""
    pick(dock, PLACE)
    path = tmp_path / f"series.{ending}"
    dock.save(path)
    size = path.stat().st_size
    path.unlink()
    with room_on_disk(size - 100):
        dock.save(path)
    assert f"series.{ending} is not saved: " in dock.status.text()
    assert not path.exists()


def test_an_image_without_memory_is_an_error(qgis_app):
    with pytest.raises(OSError, match="cannot make a PNG"):
        png(QImage())


def test_a_name_without_its_ending_gets_it(dock, tmp_path, monkeypatch):
    pick(dock, PLACE)
    for given in ("picture", "picture.txt"):
        monkeypatch.setattr(
            QFileDialog,
            "getSaveFileName",
            lambda *_, given=given: (str(tmp_path / given), ""),
        )
        next(one for one in menu_of(dock) if "PNG" in one.text()).trigger()
        assert (tmp_path / f"{given}.png").is_file()


def menu_of(dock):
    return dock.save_button.menu().actions()
