"""MP4 video from frames, by ffmpeg where it is installed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from math import ceil
from pathlib import Path

from qgis.PyQt.QtCore import QProcess

# Frames have these names, which ffmpeg reads as a sequence.
FRAME_NAME = "%05d.png"
# Some players do not show videos with fewer pictures per second; each frame is repeated.
LEAST_RATE = 20
PATIENCE_MS = 200


def find_ffmpeg() -> str | None:
    """Return the path of ffmpeg; None if it is not on the PATH."""
    return shutil.which("ffmpeg")


def write_video(
    path: Path, folder: Path, rate: float, on_frame: Callable[[int], bool]
) -> str | None:
    """Write an MP4 video.

    Parameters
    ----------
    path : Path
    folder : Path
        Folder with frames of even width and height, 00001.png and so on.
    rate : float
        Frames per second.
    on_frame : callable
        Receives the number of frames that are written, and returns whether to go on.

    Returns
    -------
    str or None
        What ffmpeg reports if it fails; empty if it was stopped. None if the video is complete.
    """
    process = QProcess()
    process.setProcessChannelMode(QProcess.ProcessChannelMode.MergedChannels)
    process.setWorkingDirectory(str(folder))
    process.start(find_ffmpeg() or "ffmpeg", video_arguments(path, rate))
    repeats = pictures_per_frame(rate)
    log = ""
    while process.state() != QProcess.ProcessState.NotRunning:
        process.waitForReadyRead(PATIENCE_MS)
        text = bytes(process.readAll()).decode("utf-8", "replace")
        log += text
        pictures = re.findall(r"^frame=(\d+)", text, re.MULTILINE)
        if not on_frame(int(pictures[-1]) // repeats if pictures else 0):
            process.kill()
            process.waitForFinished()
            return ""
    log += bytes(process.readAll()).decode("utf-8", "replace")
    is_good = process.exitStatus() == QProcess.ExitStatus.NormalExit and process.exitCode() == 0
    if is_good and path.is_file():
        return None
    lines = [line for line in log.splitlines() if line.strip() and "=" not in line.split()[0]]
    return lines[-1].strip() if lines else process.errorString()


def pictures_per_frame(rate: float) -> int:
    """Return how often each frame is repeated."""
    return ceil(LEAST_RATE / rate)


def video_arguments(path: Path, rate: float) -> list[str]:
    """Return the arguments of ffmpeg, which runs in the folder of the frames."""
    return [
        "-nostdin", "-y", "-loglevel", "error", "-progress", "pipe:1",
        "-framerate", f"{rate:g}", "-i", FRAME_NAME,
        "-r", f"{rate * pictures_per_frame(rate):g}",
        "-pix_fmt", "yuv420p", "-movflags", "+faststart", str(path),
    ]  # fmt: skip
