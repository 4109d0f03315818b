"""What happens to a layer when QGIS loads it after a run: its style, its name and its group."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qgis.core import (
    QgsLayerTreeGroup,
    QgsLayerTreeLayer,
    QgsLayerTreeNode,
    QgsMapLayer,
    QgsProcessingContext,
    QgsProcessingLayerPostProcessorInterface,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtXml import QDomDocument

from ...gwsa_plugin.core.files.atomic import replace_text

# Receives a layer that QGIS has loaded.
OnLoad = Callable[[QgsMapLayer], None]


class LayerGroup:
    """A group of the layer tree for the layers of one run, made when its first layer is loaded.

    Parameters
    ----------
    name : str
        Name of the group.
    """

    def __init__(self, name: str):
        self._name = name
        self._group: QgsLayerTreeGroup | None = None

    def show_newest(self, layer: QgsMapLayer) -> None:
        """Put a layer on top and hide the one that was there; the newest layer comes last."""
        for older in self._children():
            older.setItemVisibilityChecked(False)
            older.setExpanded(False)
        self._move(layer, 0, shown=True)

    def hide_below(self, layer: QgsMapLayer) -> None:
        """Put a layer at the bottom and hide it."""
        self._move(layer, len(self._children()), shown=False)

    def show_on_top(self, layer: QgsMapLayer) -> None:
        """Put a layer on top."""
        self._move(layer, 0, shown=True)

    def show_below(self, layer: QgsMapLayer) -> None:
        """Put a layer at the bottom."""
        self._move(layer, len(self._children()), shown=True)

    def _children(self) -> list:
        return self._group.children() if self._group else []

    def _move(self, layer: QgsMapLayer, place: int, shown: bool) -> None:
        node = layer.project().layerTreeRoot().findLayer(layer.id())
        parent = node.parent()
        if self._group is None:
            self._group = parent.insertGroup(0, self._name)
            # QGIS before 3.30 adds the next layers of the run above the group.
            QTimer.singleShot(0, self._put_above_rasters)
        moved = node.clone()
        moved.setItemVisibilityChecked(shown)
        moved.setExpanded(shown)
        self._group.insertChildNode(place, moved)
        parent.removeChildNode(node)

    def _put_above_rasters(self) -> None:
        """Move the group between the vector layers and the rasters of the run."""
        if sip.isdeleted(self._group):
            return
        parent = self._group.parent()
        rasters = (place for place, node in enumerate(parent.children()) if _is_raster(node))
        moved = self._group.clone()
        parent.insertChildNode(next(rasters, 0), moved)
        parent.removeChildNode(self._group)
        self._group = moved


def _is_raster(node: QgsLayerTreeNode) -> bool:
    return isinstance(node, QgsLayerTreeLayer) and isinstance(node.layer(), QgsRasterLayer)


class _PostProcessor(QgsProcessingLayerPostProcessorInterface):
    """Calls a function with the layer that QGIS has loaded."""

    def __init__(self, on_load: OnLoad):
        super().__init__()
        self._on_load = on_load

    def postProcessLayer(self, layer, context, feedback):
        self._on_load(layer)
        layer.triggerRepaint()


# QGIS does not keep a reference to a post-processor (QGIS #47533), and deletes it with the context.
# Each layer therefore needs one of its own.
_kept: list[_PostProcessor] = []


def _post_processor(on_load: OnLoad) -> _PostProcessor:
    _kept[:] = [one for one in _kept if not sip.isdeleted(one)]
    _kept.append(_PostProcessor(on_load))
    return _kept[-1]


def load(path: Path, name: str, context: QgsProcessingContext, on_load: OnLoad) -> None:
    """Have QGIS load a file that is not an output by itself, such as one of a folder.

    Parameters
    ----------
    path : Path
        A raster or vector file.
    name : str
        Name of the layer, which ``on_load`` may change.
    context : QgsProcessingContext
        Context of the run. Without a project, as under qgis_process, nothing is loaded.
    on_load : callable
        Styles and places the layer.
    """
    if context.project():
        details = context.LayerDetails(name, context.project())
        details.setPostProcessor(_post_processor(on_load))
        context.addLayerToLoadOnCompletion(str(path), details)


def when_loaded(layer_id: str, context: QgsProcessingContext, on_load: OnLoad) -> None:
    """Style and place an output if QGIS loads it after the run; the first call for a layer counts.

    Parameters
    ----------
    layer_id : str
        Identifier or file of the layer.
    context : QgsProcessingContext
        Context of the run.
    on_load : callable
        Styles and places the layer.
    """
    for loaded in context.layersToLoadOnCompletion():
        details = context.layerToLoadOnCompletionDetails(loaded)
        # Separators of folders may differ on Windows.
        if Path(loaded) == Path(layer_id) and not details.postProcessor():
            details.setPostProcessor(_post_processor(on_load))


def write_vector_style(layer_id: str, style: Callable[[QgsVectorLayer], None]) -> None:
    """Write a style beside the file of a vector layer; a layer in memory has none.

    Parameters
    ----------
    layer_id : str
        As returned by ``parameterAsSink``.
    style : callable
        Styles a vector layer.
    """
    path = Path(layer_id.partition("|")[0])
    if path.is_file():
        layer = QgsVectorLayer(layer_id, path.stem)
        style(layer)
        document = QDomDocument()
        layer.exportNamedStyle(document)
        replace_text(path.with_suffix(".qml"), document.toString(2))
