"""Style and name of a raster, made from the file: one band, a range from its values, its months.

The style is written beside the file, where QGIS finds it when it opens the file by hand. Layers
that Processing loads read the same file, because Processing itself ignores it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from pathlib import Path

import numpy as np
from qgis.core import (
    QgsColorRampLegendNodeSettings,
    QgsColorRampShader,
    QgsGradientColorRamp,
    QgsGradientStop,
    QgsLayerMetadata,
    QgsPalettedRasterRenderer,
    QgsRasterLayer,
    QgsRasterRenderer,
    QgsRasterShader,
    QgsSingleBandPseudoColorRenderer,
)
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtXml import QDomDocument, QDomElement

from ...gwsa_plugin.core.base.months import find_month
from ...gwsa_plugin.core.base.units import is_dimensionless
from ...gwsa_plugin.core.files.atomic import replace_text
from ...gwsa_plugin.core.files.stack_tags import COMPARED_TAG, LEAKAGE_TAG
from .months import set_period

# All palettes are distinguishable with any colour vision deficiency: colorbrewer2.org.
# Brown to blue-green (BrBG): less water to more water.
DIVERGING = (
    "#543005", "#8c510a", "#bf812d", "#dfc27d", "#f6e8c3", "#f5f5f5",
    "#c7eae5", "#80cdc1", "#35978f", "#01665e", "#003c30",
)  # fmt: skip
# Purples, for standard deviations and other values above 0.
SEQUENTIAL = ("#fcfbfd", "#dadaeb", "#9e9ac8", "#6a51a3", "#3f007d")
# Orange to purple (PuOr): outside to inside the area of applicability, negative to positive r.
APPLICABILITY = ("#b35806", "#f1a340", "#f7f7f7", "#998ec3", "#542788")
# Drought index: upper bounds of its classes after McKee et al. (1993), labels and colours (BrBG).
DROUGHT_INDEX = "GGDI"
DROUGHT_CLASSES = (
    (-2.0, "-2 and less: extreme drought", "#543005"),
    (-1.5, "-2 to -1.5: severe drought", "#8c510a"),
    (-1.0, "-1.5 to -1: moderate drought", "#bf812d"),
    (-0.5, "-1 to -0.5", "#dfc27d"),
    (0.5, "-0.5 to 0.5: near normal", "#f5f5f5"),
    (1.0, "0.5 to 1", "#c7eae5"),
    (1.5, "1 to 1.5: moderately wet", "#80cdc1"),
    (2.0, "1.5 to 2: very wet", "#35978f"),
    (float("inf"), "more than 2: extremely wet", "#01665e"),
)
# Variable of trend maps, whose bands are different quantities.
TREND = "trend"
# Variables of differences, whose colours are symmetric about 0 also where all have one sign.
DIFFERENCES = ("bias", "trend difference")
FLAGS = {0: ("observed", "#2b83ba"), 1: ("filled", "#fdae61")}
# Word of the variables of standard deviations.
SIGMA = re.compile("[ _]?sigma_?", re.IGNORECASE)
# Values that are read of a file, and kept of a band, to compute a range.
MAX_VALUES_OF_FILE = 5_000_000
MAX_VALUES_OF_BAND = 100_000
# Bands are read together up to this number of values: each call of rasterio looks at all bands.
VALUES_AT_ONCE = 1_000_000
# Least bound of a range, for values that are 0 up to rounding.
LEAST_BOUND = 1e-3
# Bounds of a range are these numbers times a power of ten.
ROUND_NUMBERS = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)


@dataclass(frozen=True)
class RasterContents:
    """What the tags and the bands of a raster state.

    Parameters
    ----------
    variable, unit : str
        Variable and unit; the unit may be empty.
    months : tuple of datetime64[M] or None
        Month of each band, None for a band without one.
    sources : tuple of str
        Of each band: observed, filled or missing; observed where the file does not state it.
    tags : mapping of str to str
        Tags of the file.
    """

    variable: str
    unit: str
    months: tuple[np.datetime64 | None, ...]
    sources: tuple[str, ...]
    tags: Mapping[str, str]

    @classmethod
    def from_file(cls, path: Path) -> RasterContents:
        """Read the tags of a raster."""
        from ...gwsa_plugin.core.files.stack import OBSERVED
        from ...gwsa_plugin.core.rasters.geotiff import SOURCE_TAG, UNIT_TAG
        from ...gwsa_plugin.core.rasters.reading import open_raster

        with open_raster(path) as source:
            tags = source.tags()
            unit = (source.bands[0].unit or tags.get(UNIT_TAG) or "").strip()
            bands = range(1, len(source.bands) + 1)
            sources = tuple(source.tags(band).get(SOURCE_TAG, OBSERVED) for band in bands)
            months = tuple(find_month(band.description) for band in source.bands)
        return cls(
            variable=tags.get("GWSA_VARIABLE") or path.stem.rpartition("_")[0] or path.stem,
            unit="" if is_dimensionless(unit) else unit,
            months=months,
            sources=sources,
            tags=tags,
        )

    @property
    def is_sigma(self) -> bool:
        """Whether the values are standard deviations."""
        return bool(SIGMA.search(self.variable))

    @property
    def is_monthly(self) -> bool:
        """Whether each band is a month."""
        return all(month is not None for month in self.months)

    @property
    def is_year(self) -> bool:
        """Whether the bands are the twelve months of a calendar year."""
        return (
            self.is_monthly
            and len(self.months) == 12
            and str(self.months[0]).endswith("-01")
            and self.months[-1] == self.months[0] + 11
        )

    @property
    def name(self) -> str:
        """Name of the layer: variable and period."""
        words = [self.variable_name]
        if self.is_year:
            words.append(str(self.months[0])[:4])
        elif self.is_monthly:
            words.append(" to ".join(dict.fromkeys([str(self.months[0]), str(self.months[-1])])))
        return " ".join(words)

    @property
    def has_filled_months(self) -> bool:
        """Whether a month was filled."""
        from ...gwsa_plugin.core.files.stack import FILLED

        return FILLED in self.sources

    @property
    def variable_name(self) -> str:
        """Name of the variable for layers and titles."""
        if self.variable == "FLAGS":
            return "Observed or filled"
        label = SIGMA.sub("", self.variable)
        if LEAKAGE_TAG in self.tags and not self.is_year:
            label = f"leakage-corrected {label}"
        if self.has_filled_months and label == "TWSA":
            label = "gap-filled TWSA"
        label = f"sigma of {label}" if self.is_sigma else label
        if COMPARED_TAG in self.tags:
            label = f"{label}: {self.tags[COMPARED_TAG]}"
        return label[:1].upper() + label[1:]


def write_styles(paths: Iterable[Path]) -> None:
    """Write a style beside each raster; all of one call have one range, so that they compare.

    Parameters
    ----------
    paths : iterable of Path
        Rasters of one variable.
    """
    contents_of = {path: RasterContents.from_file(path) for path in paths}
    samples = {path: _sample(path, contents) for path, contents in contents_of.items()}
    # Exact zeros are masked ocean or cells that never have snow.
    values = np.concatenate([np.empty(0), *(sample[sample != 0] for _, sample in samples.values())])
    limits = np.percentile(values, (2, 98)) if values.size else (0, 1)
    for path, (newest, _) in samples.items():
        contents = contents_of[path]
        renderer = _renderer(contents, newest, limits)
        replace_text(path.with_suffix(".qml"), _qml(renderer, contents))


def style_raster(layer: QgsRasterLayer) -> None:
    """Give a layer the style beside its file, and the name of its variable and period."""
    path = Path(layer.source())
    layer.loadNamedStyle(str(path.with_suffix(".qml")))
    set_period(layer)
    layer.setName(RasterContents.from_file(path).name)


def rounded_up(value: float) -> float:
    """Return the next round number above a positive value."""
    power = 10.0 ** floor(log10(value))
    factor = next(number for number in ROUND_NUMBERS if value <= number * power * (1 + 1e-9))
    return float(f"{factor * power:.6g}")


def _sample(path: Path, contents: RasterContents) -> tuple[int, np.ndarray]:
    """Return the number of the last band with values, and a sample of the values of the bands.

    A trend map is shown by its first band alone.
    """
    from ...gwsa_plugin.core.rasters.reading import open_raster, read_bands

    with open_raster(path) as source:
        count = 1 if contents.variable == TREND else len(source.bands)
        newest = count
        while newest > 1 and not np.isfinite(read_bands(source, [newest])).any():
            newest -= 1
        rows, columns = source.shape
        step = ceil(count * rows * columns / MAX_VALUES_OF_FILE)
        bands = list(range(newest, 0, -step))
        at_once = max(1, VALUES_AT_ONCE // (rows * columns))
        parts = [bands[start : start + at_once] for start in range(0, len(bands), at_once)]
        fields = [_thinned(field) for part in parts for field in read_bands(source, part)]
        return newest, np.concatenate(fields)


def _thinned(values: np.ndarray) -> np.ndarray:
    """Return at most MAX_VALUES_OF_BAND of the finite values."""
    values = values[np.isfinite(values)]
    return values[:: max(1, ceil(values.size / MAX_VALUES_OF_BAND))]


def _renderer(contents: RasterContents, band: int, limits: Sequence[float]) -> QgsRasterRenderer:
    """How a band is drawn; ``limits`` are the percentiles 2 and 98 of the values."""
    if contents.variable == "FLAGS":
        classes = [
            QgsPalettedRasterRenderer.Class(value, QColor(colour), label)
            for value, (label, colour) in FLAGS.items()
        ]
        return QgsPalettedRasterRenderer(None, band, classes)
    if contents.variable == "area of applicability":
        # Its second band is the fraction of seasons in which a pixel is inside the area.
        return _ramp_renderer(2, (0, 1), APPLICABILITY, "")
    if contents.variable == DROUGHT_INDEX:
        return _drought_renderer(band)
    if contents.variable.startswith("correlation"):
        return _ramp_renderer(band, (-1, 1), APPLICABILITY, "")
    low, high = limits
    unit = f" {contents.unit}" if contents.unit else ""
    if contents.is_sigma or (low >= 0 and contents.variable not in DIFFERENCES):
        return _ramp_renderer(band, (0, rounded_up(high)), SEQUENTIAL, unit)
    bound = rounded_up(max(-low, high, LEAST_BOUND))
    return _ramp_renderer(band, (-bound, bound), DIVERGING, unit)


def _ramp_renderer(
    band: int, bounds: tuple[float, float], colours: Sequence[str], suffix: str
) -> QgsSingleBandPseudoColorRenderer:
    """Colours at equal steps between two bounds, with continuous legend.

    Parameters
    ----------
    band : int
        Number of the band, from 1.
    bounds : (float, float)
        Values of the first and the last colour.
    colours : sequence of str
        Colours as #rrggbb.
    suffix : str
        Follows the numbers of the legend.
    """
    low, high = bounds
    fractions = np.linspace(0, 1, len(colours))
    stops = [
        QgsGradientStop(float(fraction), QColor(colour))
        for fraction, colour in zip(fractions, colours)
    ]
    ramp = QgsGradientColorRamp(stops[0].color, stops[-1].color, False, stops[1:-1])
    function = QgsColorRampShader(low, high, ramp, QgsColorRampShader.Type.Interpolated)
    function.setColorRampItemList(
        [
            QgsColorRampShader.ColorRampItem(value, stop.color, f"{value:.4g}{suffix}")
            for stop in stops
            for value in [low + stop.offset * (high - low)]
        ]
    )
    legend = QgsColorRampLegendNodeSettings()
    legend.setSuffix(suffix)
    function.setLegendSettings(legend)
    shader = QgsRasterShader(low, high)
    shader.setRasterShaderFunction(function)
    renderer = QgsSingleBandPseudoColorRenderer(None, band, shader)
    renderer.setClassificationMin(low)
    renderer.setClassificationMax(high)
    return renderer


def _drought_renderer(band: int) -> QgsSingleBandPseudoColorRenderer:
    """Colours of the classes of drought, the same for all maps."""
    low, high = -3.0, 3.0
    function = QgsColorRampShader(low, high, None, QgsColorRampShader.Type.Discrete)
    function.setColorRampItemList(
        [
            QgsColorRampShader.ColorRampItem(bound, QColor(colour), label)
            for bound, label, colour in DROUGHT_CLASSES
        ]
    )
    shader = QgsRasterShader(low, high)
    shader.setRasterShaderFunction(function)
    renderer = QgsSingleBandPseudoColorRenderer(None, band, shader)
    renderer.setClassificationMin(low)
    renderer.setClassificationMax(high)
    return renderer


def title_file(path: Path, title: str) -> None:
    """Write the title of a raster into a file beside it, which QGIS reads when it adds the layer.

    Parameters
    ----------
    path : Path
        The raster.
    title : str
    """
    metadata = QgsLayerMetadata()
    metadata.setTitle(title)
    document = QDomDocument("qgis")
    root = document.createElement("qgis")
    document.appendChild(root)
    metadata.writeMetadataXml(root, document)
    replace_text(path.with_suffix(".qmd"), document.toString(2))


def _qml(renderer: QgsRasterRenderer, contents: RasterContents) -> str:
    document = QDomDocument("qgis")
    root = _append(document, document, "qgis", version="3.22.0")
    root.setAttribute("styleCategories", "Symbology|Temporal")
    if contents.is_monthly:
        _append_months(document, root, contents.months)
    renderer.writeXml(document, _append(document, root, "pipe"))
    return document.toString(2)


def _append_months(document: QDomDocument, root: QDomElement, months: Sequence) -> None:
    """Give each band its month, as QGIS 3.38 and later animate it; earlier versions ignore it.

    Mode 3 is Qgis::RasterTemporalMode::FixedRangePerBand.
    """
    temporal = _append(document, root, "temporal", mode=3, fetchMode=0, enabled=1, bandNumber=1)
    ranges = _append(document, temporal, "ranges")
    for band, month in enumerate(months, start=1):
        _append(
            document,
            ranges,
            "range",
            band=band,
            begin=f"{month}-01T00:00:00",
            end=f"{month + 1}-01T00:00:00",
            includeBeginning=1,
            includeEnd=0,
        )


def _append(document: QDomDocument, parent, name: str, **attributes) -> QDomElement:
    element = document.createElement(name)
    for key, value in attributes.items():
        element.setAttribute(key, str(value))
    parent.appendChild(element)
    return element
