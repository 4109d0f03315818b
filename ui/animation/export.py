"""Export of an animation: the frames one after the other, then the file that is made of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from qgis.core import QgsApplication, QgsMapRendererParallelJob, QgsTask
from qgis.PyQt.QtCore import QObject, pyqtSignal
from qgis.PyQt.QtGui import QImage

from ...gwsa_plugin.core.files.atomic import atomic_folder, publish, scratch_folder
from ...processing_provider.base import tr
from ..pictures import png
from .gif import write_gif
from .month_maps import MonthMaps
from .page import Page
from .video import FRAME_NAME, write_video

GIF, MP4, PNG = ".gif", ".mp4", ".png"
# Part of the work that is drawing, in per cent.
DRAWING = 85


@dataclass(frozen=True)
class Output:
    """What is written.

    Parameters
    ----------
    path : Path
        The GIF or MP4, by its ending; without one of them, the folder of the frames.
    rate : float
        Frames per second.
    frames : Path or None
        Folder of the frames; None if they are not kept.
    stem : str
        Beginning of the names of frames, which end in _YYYY-MM.png.
    """

    path: Path | None
    rate: float
    frames: Path | None
    stem: str

    @property
    def place(self) -> Path:
        """The file, or the folder of frames if they are all."""
        return self.path or self.frames


class AnimationExport(QObject):
    """Draws and writes an animation without blocking the window.

    Maps are rendered by QGIS in its threads, pages are painted and saved in another, and the file
    is made in a background task. Everything is in a temporary folder until it is complete.

    Parameters
    ----------
    maps : MonthMaps
    page : Page
    sources : dict
        Month, YYYY-MM -> observed, filled or missing.
    output : Output
    parent : QObject, optional
    """

    progressed = pyqtSignal(int)
    # Whether it was written, and otherwise why not; empty if it was cancelled.
    ended = pyqtSignal(bool, str)
    _saved = pyqtSignal(str)

    def __init__(self, maps: MonthMaps, page: Page, sources: dict, output: Output, parent=None):
        super().__init__(parent)
        self._maps = maps
        self._page = page
        self._sources = sources
        self._output = output
        self._number = 0
        self._job: QgsMapRendererParallelJob | None = None
        self._task: _WriteTask | None = None
        self._is_cancelled = False
        self._files = ExitStack()
        self._saving = ThreadPoolExecutor(1)
        self._saved.connect(self._continue)

    def start(self):
        """Begin with the first month."""
        try:
            self._folder = self._files.enter_context(scratch_folder(self._output.place))
        except OSError as error:
            self._end(False, not_written(self._output.place, error))
            return
        self._draw()

    def cancel(self):
        """Stop; ``ended`` follows."""
        self._is_cancelled = True
        if self._job:
            self._job.cancelWithoutBlocking()
        if self._task:
            self._task.cancel()

    def _draw(self):
        """Render the map of the next month."""
        self._job = QgsMapRendererParallelJob(self._maps.settings(self._month))
        self._job.finished.connect(self._save)
        self._job.start()

    def _save(self):
        """Paint the page around the map and save it, in another thread."""
        image = self._job.renderedImage()
        problems = [error.message for error in self._job.errors()]
        self._job = None
        if self._is_cancelled or problems:
            self._end(False, "" if self._is_cancelled else problems[0])
            return
        path = self._folder / (FRAME_NAME % (self._number + 1))
        self._saving.submit(self._paint, image, self._month, path)

    def _paint(self, image: QImage, month: str, path: Path):
        problem = ""
        try:
            frame = self._page.paint(image, month, self._sources.get(month, ""))
            path.write_bytes(png(frame))
        except OSError as error:
            problem = tr("The frames cannot be written ({}); is the disk full?").format(
                error.strerror or error
            )
        except Exception as error:  # would be lost in the thread
            problem = str(error)
        self._saved.emit(problem)

    def _continue(self, problem: str):
        """Go on with the next month, or write the file after the last."""
        if problem or self._is_cancelled:
            self._end(False, "" if self._is_cancelled else problem)
            return
        self._number += 1
        self._show_progress(DRAWING * self._number / len(self._page.months))
        if self._number < len(self._page.months):
            self._draw()
            return
        self._task = _WriteTask(self._folder, self._page.months, self._output)
        self._task.progressChanged.connect(
            lambda percent: self._show_progress(DRAWING + (100 - DRAWING) * percent / 100)
        )
        self._task.ended.connect(self._end)
        QgsApplication.taskManager().addTask(self._task)

    def _show_progress(self, percent: float):
        self.progressed.emit(int(percent))

    def _end(self, is_written: bool, problem: str):
        self._task = None
        self._maps = None
        self._saving.shutdown()
        self._files.close()
        self.ended.emit(is_written, problem)

    @property
    def _month(self) -> str:
        return self._page.months[self._number]


class _WriteTask(QgsTask):
    """Makes the GIF or MP4 and gives everything its final name."""

    ended = pyqtSignal(bool, str)

    def __init__(self, folder: Path, months: list[str], output: Output):
        super().__init__(tr("GWSA: write the animation"), QgsTask.Flag.CanCancel)
        self._folder = folder
        self._months = months
        self._output = output
        self._problem = ""

    def run(self):
        """Write; a mistake of the place is a sentence."""
        try:
            return self._write()
        except OSError as error:
            self._problem = not_written(self._output.place, error)
        except Exception as error:  # the dialog waits for the end
            self._problem = f"{type(error).__name__}: {error}"
        return False

    def finished(self, result):
        """Report in the main thread."""
        self.ended.emit(result, "" if self.isCanceled() else self._problem)

    def _write(self) -> bool:
        output = self._output
        film = self._folder / (output.path.name if output.path else "")
        if output.path and not self._make(film):
            return False
        if self.isCanceled():
            return False
        if output.frames:
            with atomic_folder(output.frames) as folder:
                for month, frame in zip(self._months, self._frames()):
                    frame.replace(folder / f"{output.stem}_{month}{PNG}")
        if output.path:
            publish(film, output.path)
        return True

    def _make(self, film: Path) -> bool:
        """Make the GIF or MP4; False if it was cancelled or failed."""
        if film.suffix == GIF:
            return write_gif(film, self._frames(), self._output.rate, self._go_on)
        problem = write_video(film, self._folder, self._output.rate, self._go_on)
        if problem:
            self._problem = tr("ffmpeg could not write the video: {}").format(problem)
        return problem is None

    def _frames(self) -> list[Path]:
        return [self._folder / (FRAME_NAME % (number + 1)) for number in range(len(self._months))]

    def _go_on(self, frames: int) -> bool:
        self.setProgress(100 * min(1, frames / len(self._months)))
        return not self.isCanceled()


def not_written(path: Path, error: OSError) -> str:
    """Return the sentence about a place that cannot be written to."""
    reason = error.strerror or str(error)
    return tr("{} cannot be written ({}); choose another name or folder.").format(path, reason)
