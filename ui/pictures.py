"""Pictures as bytes, which Python writes.

Qt does not notice when what is left at the end of a file that it writes is lost.
"""

from __future__ import annotations

from collections.abc import Callable

from qgis.PyQt.QtCore import QBuffer, QByteArray, QIODevice, QRectF, QSize
from qgis.PyQt.QtGui import QImage, QPainter
from qgis.PyQt.QtSvg import QSvgGenerator


def png(image: QImage) -> bytes:
    """Return an image as PNG.

    Raises
    ------
    OSError
        When Qt cannot encode it, for example because the image took too much memory.
    """
    content, buffer = _buffer()
    if not image.save(buffer, "PNG"):
        raise OSError("Qt cannot make a PNG of the picture")
    return bytes(content)


def svg(size: QSize, title: str, draw: Callable[[QPainter], None]) -> bytes:
    """Return a drawing as SVG.

    Parameters
    ----------
    size : QSize
        In points.
    title : str
    draw : callable
        Is given a painter, whose unit is a point.
    """
    content, buffer = _buffer()
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(size)
    generator.setViewBox(QRectF(0, 0, size.width(), size.height()))
    generator.setTitle(title)
    painter = QPainter(generator)
    draw(painter)
    painter.end()
    return bytes(content)


def _buffer() -> tuple[QByteArray, QBuffer]:
    """Memory, and a device that writes to it."""
    content = QByteArray()
    buffer = QBuffer(content)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    return content, buffer
