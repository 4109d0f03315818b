"""Export animation: frames, GIF and video of monthly maps, and their text."""

import stat
import time

import numpy as np
import pytest
from PIL import Image
from qgis.core import QgsProject
from qgis.PyQt import sip
from qgis.PyQt.QtGui import QColor, QImage, QPainter
from qgis.PyQt.QtWidgets import QApplication, QMessageBox

from gwsa.processing_provider.styles.months import month_of_renderer
from gwsa.ui.animation import destination, page
from gwsa.ui.animation import export as export_module
from gwsa.ui.animation.colour_scale import colour_scale
from gwsa.ui.animation.dialog import AnimationDialog
from gwsa.ui.animation.export import GIF, MP4, PNG
from gwsa.ui.animation.video import find_ffmpeg
from gwsa.ui.monthly_products import NO_MAPS

from .maps import FILLED_MONTH, VERDICT_TEXT, add_yearly_maps, show_maps, value_of

SIZE = (400, 320)
MONTHS = [f"{year}-{month:02d}" for year in (2014, 2015) for month in range(1, 13)]


def wait_until(condition) -> None:
    end = time.monotonic() + 120
    while not condition():
        QApplication.processEvents()
        time.sleep(0.005)
        assert time.monotonic() < end


@pytest.fixture
def layers(qgis_new_project, tmp_path):
    return add_yearly_maps(tmp_path)


@pytest.fixture
def open_dialog(qgis_processing, qgis_iface):
    opened = []

    def open_one() -> AnimationDialog:
        dialog = AnimationDialog(qgis_iface)
        opened.append(dialog)
        dialog.sizes.setCurrentIndex(dialog.sizes.count() - 1)
        dialog.width_box.setValue(SIZE[0])
        dialog.height_box.setValue(SIZE[1])
        return dialog

    yield open_one
    for dialog in opened:
        dialog.reject()
        dialog.deleteLater()


@pytest.fixture
def dialog(layers, qgis_iface, open_dialog):
    show_maps(qgis_iface.mapCanvas(), layers[0])
    return open_dialog()


def choose(dialog, ending, path, first="2014-01", last="2015-12", rate=4) -> None:
    dialog.destination.format.setCurrentIndex(dialog.destination.format.findData(ending))
    dialog.first.setCurrentIndex(dialog.first.findData(first))
    dialog.last.setCurrentIndex(dialog.last.findData(last))
    dialog.rate.setValue(rate)
    dialog.destination.file.setFilePath(str(path))


def export(dialog) -> None:
    dialog.export_button.click()
    wait_until(lambda: dialog._export is None)


def is_written(dialog) -> bool:
    return dialog.text.text().startswith("Written")


def colour_at(image: QImage) -> QColor:
    """The colour in the middle of the map of a frame."""
    centre = page.map_rect(image.size()).center().toPoint()
    return image.pixelColor(centre)


def test_there_is_a_frame_for_each_month_in_the_colours_of_its_values(dialog, layers, tmp_path):
    choose(dialog, PNG, tmp_path / "frames", "2014-03", "2015-10")
    export(dialog)
    assert "Written" in dialog.text.text()
    months = MONTHS[2:-2]
    frames = sorted((tmp_path / "frames").iterdir())
    assert [frame.name for frame in frames] == [f"frames_{month}.png" for month in months]
    scale = colour_scale(layers[1].renderer())
    colours = []
    for month, frame in zip(months, frames):
        image = QImage(str(frame))
        assert (image.width(), image.height()) == SIZE
        colours.append(colour_at(image))
        expected = scale.colour(value_of(month))
        for one in ("red", "green", "blue"):
            assert abs(getattr(colours[-1], one)() - getattr(expected, one)()) <= 3, month
    assert len({colour.name() for colour in colours}) == len(months)


def test_the_map_of_the_user_stays_as_it_is(dialog, layers, tmp_path):
    before = [month_of_renderer(layer) for layer in layers]
    root = QgsProject.instance().layerTreeRoot()
    visible = root.checkedLayers()
    choose(dialog, PNG, tmp_path / "frames", "2014-11", "2015-02")
    export(dialog)
    assert [month_of_renderer(layer) for layer in layers] == before
    assert root.checkedLayers() == visible == [layers[1]]


@pytest.mark.parametrize("rate", (3, 4))
def test_the_gif_has_the_frames_and_the_time(dialog, tmp_path, rate):
    choose(dialog, GIF, tmp_path / "maps", rate=rate)
    dialog.destination.frames.setChecked(True)
    assert dialog.length.text() == f"24 months, {24 / rate:g} s"
    export(dialog)
    with Image.open(tmp_path / "maps.gif") as film:
        assert film.n_frames == 24 and film.size == SIZE
        assert film.info["loop"] == 0
        duration = 0
        for number, frame in enumerate(sorted((tmp_path / "maps_frames").iterdir())):
            film.seek(number)
            duration += film.info["duration"]
            with Image.open(frame) as picture:
                shown = np.asarray(film.convert("RGB"), dtype=int)
                difference = np.abs(shown - np.asarray(picture.convert("RGB"), dtype=int))
            assert np.percentile(difference, 99) <= 8
    assert duration == pytest.approx(1000 * 24 / rate, abs=10)


def test_without_the_frames_the_gif_is_alone(dialog, tmp_path):
    choose(dialog, GIF, tmp_path / "out" / "maps.gif", "2014-01", "2014-02")
    export(dialog)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["maps.gif"]


def test_a_frame_names_its_month_the_maps_and_the_verdict(dialog, tmp_path, monkeypatch):
    texts = []

    class Recorder(QPainter):
        def drawText(self, *given):
            texts.append(given[-1])
            super().drawText(*given)

    monkeypatch.setattr(page, "QPainter", Recorder)
    dialog._stop_preview()
    dialog.width_box.setValue(1600)
    choose(dialog, PNG, tmp_path / "frames", "2014-05", "2014-07")
    export(dialog)
    starts = [number for number, text in enumerate(texts) if text.endswith(" 2014")]
    assert [texts[number] for number in starts] == ["May 2014", "June 2014", "July 2014"]
    remarks = [texts[number + 1] == "filled, not observed by GRACE" for number in starts]
    assert remarks == [month == FILLED_MONTH for month in ("2014-05", "2014-06", "2014-07")]
    assert "Groundwater storage anomaly (GWSA)" in texts and VERDICT_TEXT in texts
    assert "cm" in texts and "0" in texts and "no value" in texts
    assert any(text.endswith("km") for text in texts)


@pytest.mark.parametrize("at", ("drawing", "writing"))
def test_cancel_leaves_no_file(dialog, tmp_path, at, monkeypatch):
    choose(dialog, GIF, tmp_path / "out" / "maps.gif")
    dialog.destination.frames.setChecked(True)
    dialog.show()
    dialog.export_button.click()
    if at == "writing":
        wait_until(lambda: dialog._export._task)
    else:
        wait_until(lambda: dialog.bar.value() > 10)
    dialog.reject()
    assert dialog.isVisible()
    wait_until(lambda: dialog._export is None)
    assert list((tmp_path / "out").iterdir()) == []
    assert dialog.text.text() == "Cancelled; nothing was written."
    assert dialog.export_button.isEnabled()


def test_a_place_that_cannot_be_written_is_one_sentence(dialog, tmp_path):
    (tmp_path / "file").write_text("")
    choose(dialog, GIF, tmp_path / "file" / "maps.gif", "2014-01", "2014-02")
    export(dialog)
    assert dialog.text.text().endswith("choose another name or folder.")


def test_a_disk_that_becomes_full_is_one_sentence(dialog, tmp_path, room_on_disk):
    choose(dialog, PNG, tmp_path / "frames", "2014-01", "2014-02")
    export(dialog)
    frame = min(tmp_path.rglob("*.png"), key=lambda path: path.stat().st_size)
    choose(dialog, GIF, tmp_path / "maps.gif", "2014-01", "2014-02")
    with room_on_disk(frame.stat().st_size - 100):
        export(dialog)
    assert dialog.text.text().endswith("cannot be written (File too large); is the disk full?")
    assert not (tmp_path / "maps.gif").exists()


def test_a_file_is_replaced_only_if_the_user_agrees(dialog, tmp_path, monkeypatch):
    path = tmp_path / "maps.gif"
    path.write_text("mine")
    choose(dialog, GIF, path, "2014-01", "2014-02")
    answers = iter((QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes))
    monkeypatch.setattr(QMessageBox, "question", lambda *_: next(answers))
    dialog.export_button.click()
    assert dialog._export is None and path.read_text() == "mine"
    export(dialog)
    assert path.read_bytes().startswith(b"GIF89a")


def test_without_libraries_there_are_frames_and_a_sentence(layers, open_dialog, monkeypatch):
    monkeypatch.setattr(destination, "has_pillow", lambda: False)
    monkeypatch.setattr(destination, "find_ffmpeg", lambda: None)
    dialog = open_dialog()
    assert [
        dialog.destination.format.itemData(row) for row in range(dialog.destination.format.count())
    ] == [PNG]
    assert dialog.destination.missing.text().splitlines() == list(destination.NO_LIBRARY.values())


def test_without_maps_there_is_a_sentence(qgis_new_project, open_dialog, tmp_path):
    dialog = open_dialog()
    assert dialog.text.text() == NO_MAPS and not dialog.export_button.isEnabled()
    add_yearly_maps(tmp_path)
    wait_until(lambda: dialog.text.text() == "")
    assert dialog.export_button.isEnabled()
    assert dialog.maps.currentText() == "GWSA, 2014-01 to 2015-12"
    QgsProject.instance().removeAllMapLayers()
    assert dialog.text.text() == NO_MAPS and not dialog.export_button.isEnabled()


def test_a_period_that_ends_before_it_begins_is_refused(dialog, tmp_path):
    choose(dialog, PNG, tmp_path / "frames", "2015-02", "2015-01")
    assert dialog.text.text() == "The last month is before the first."
    assert not dialog.export_button.isEnabled()


def test_a_name_with_a_dot_is_kept_and_an_empty_one_is_refused(dialog, tmp_path):
    dialog.destination.file.setFilePath(str(tmp_path / "maps_v1.2"))
    assert dialog.destination.output(4).path == tmp_path / "maps_v1.2.gif"
    dialog.destination.file.setFilePath("")
    assert dialog.text.text() == destination.NO_FILE
    assert not dialog.export_button.isEnabled()


def test_frames_of_other_months_are_kept(dialog, tmp_path):
    choose(dialog, PNG, tmp_path / "frames", "2014-01", "2014-01")
    export(dialog)
    choose(dialog, PNG, tmp_path / "frames", "2014-02", "2014-02")
    export(dialog)
    names = sorted(path.name for path in (tmp_path / "frames").iterdir())
    assert names == ["frames_2014-01.png", "frames_2014-02.png"]


def test_an_unexpected_error_is_shown(dialog, tmp_path, monkeypatch):
    def fail(*given):
        raise ValueError("broken")

    monkeypatch.setattr(export_module, "write_gif", fail)
    choose(dialog, GIF, tmp_path / "maps", "2014-01", "2014-01")
    export(dialog)
    assert dialog.text.text() == "ValueError: broken"


def test_the_preview_shows_the_month_of_the_slider(dialog, layers):
    dialog.show()
    dialog.slider.setValue(20)
    wait_until(lambda: not dialog._rest.isActive() and not dialog.preview.is_drawing)
    expected = colour_scale(layers[1].renderer()).colour(value_of(MONTHS[20]))
    assert abs(colour_at(dialog.preview.frame).red() - expected.red()) <= 3


def test_a_dialog_may_be_deleted_while_its_preview_is_drawn(dialog, qgis_iface):
    other = AnimationDialog(qgis_iface)
    other._draw_preview()
    assert other.preview.is_drawing
    sip.delete(other)
    for _ in range(100):
        QApplication.processEvents()
        time.sleep(0.005)


FFMPEG = """#!/bin/sh
for last; do :; done
printf 'frame=48\\nprogress=continue\\n'
ls > "$last"
echo "$*" > "$(dirname "$0")/arguments"
"""


def install_ffmpeg(folder, monkeypatch, text) -> None:
    """Put a program of that name on the PATH."""
    program = folder / "bin" / "ffmpeg"
    program.parent.mkdir()
    program.write_text(text)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


def test_ffmpeg_makes_the_video_of_the_frames(layers, open_dialog, tmp_path, monkeypatch):
    install_ffmpeg(tmp_path, monkeypatch, FFMPEG)
    dialog = open_dialog()
    choose(dialog, MP4, tmp_path / "maps", "2014-01", "2014-03")
    export(dialog)
    assert is_written(dialog), dialog.text.text()
    frames = (tmp_path / "maps.mp4").read_text().split()
    assert frames[:3] == ["00001.png", "00002.png", "00003.png"]
    arguments = (tmp_path / "bin" / "arguments").read_text()
    assert "-framerate 4 -i %05d.png -r 20" in arguments


def test_the_reason_of_ffmpeg_is_shown(layers, open_dialog, tmp_path, monkeypatch):
    text = "#!/bin/sh\necho 'frame=0'\necho 'No space left on device'\nexit 1\n"
    install_ffmpeg(tmp_path, monkeypatch, text)
    dialog = open_dialog()
    choose(dialog, MP4, tmp_path / "maps", "2014-01", "2014-02")
    export(dialog)
    assert dialog.text.text() == "ffmpeg could not write the video: No space left on device"
    assert not (tmp_path / "maps.mp4").exists()


def test_cancel_ends_ffmpeg(layers, open_dialog, tmp_path, monkeypatch):
    install_ffmpeg(tmp_path, monkeypatch, "#!/bin/sh\nexec sleep 60\n")
    dialog = open_dialog()
    choose(dialog, MP4, tmp_path / "maps", "2014-01", "2014-02")
    dialog.export_button.click()
    wait_until(lambda: dialog._export._task)
    begin = time.monotonic()
    dialog.reject()
    wait_until(lambda: dialog._export is None)
    assert time.monotonic() - begin < 20
    assert not (tmp_path / "maps.mp4").exists()


@pytest.mark.skipif(find_ffmpeg() is None, reason="ffmpeg is not installed")
def test_the_video_is_an_mp4(dialog, tmp_path):
    choose(dialog, MP4, tmp_path / "maps", "2014-01", "2014-06")
    export(dialog)
    assert (tmp_path / "maps.mp4").read_bytes()[4:8] == b"ftyp"
