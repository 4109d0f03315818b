"""The 1 km maps as a group of layers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .loading import LayerGroup, load, when_loaded
from .rasters import style_raster, write_styles


def load_maps(
    name: str, years: Sequence[Path], sigma: Sequence[Path], applicability: Path | None, context
) -> None:
    """Load the maps: the newest year visible; the others, sigma and applicability off.

    Parameters
    ----------
    name : str
        Name of the group.
    years, sigma : sequence of Path
        Yearly maps and their standard deviations.
    applicability : Path or None
        Raster that Processing loads itself, if it is wanted.
    context : QgsProcessingContext
        Context of the run.
    """
    write_styles(years)
    write_styles(sigma)
    group = LayerGroup(name)

    def show(layer):
        style_raster(layer)
        group.show_newest(layer)

    def hide(layer):
        style_raster(layer)
        group.hide_below(layer)

    for path in years:
        load(path, path.stem, context, show)
    for path in sigma:
        load(path, path.stem, context, hide)
    if applicability:
        when_loaded(str(applicability), context, hide)
