"""Monthly maps of the project: layers whose bands are months, yearly ones of a folder as one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from qgis.core import QgsMapLayer, QgsProject, QgsRasterLayer

from ..gwsa_plugin.core.base.errors import InputError
from ..processing_provider.styles.months import bands_by_month
from ..processing_provider.styles.rasters import RasterContents

GWSA = "GWSA"
GWSA_IN_WORDS = "groundwater storage anomaly"


@dataclass
class MonthlyProduct:
    """Monthly maps of one variable: a stack, or the yearly layers of a folder.

    Parameters
    ----------
    label : str
        Variable, as layers are named.
    variable, unit : str
        Variable and unit of the values; the unit may be empty.
    layers : dict
        Month, YYYY-MM -> layer that has it.
    sources : dict
        Month, YYYY-MM -> observed, filled or missing.
    tags : mapping
        Tags of the first file.
    """

    label: str
    variable: str
    unit: str
    layers: dict[str, QgsRasterLayer] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def months(self) -> list[str]:
        """All months in order, YYYY-MM."""
        return sorted(self.layers)

    @property
    def name(self) -> str:
        """Label and period."""
        return f"{self.label}, {self.months[0]} to {self.months[-1]}"

    @property
    def title(self) -> str:
        """What is mapped, for people who do not know the abbreviation."""
        text = self.label.replace(GWSA, f"{GWSA_IN_WORDS} (GWSA)")
        return text[:1].upper() + text[1:]

    @property
    def newest(self) -> QgsRasterLayer:
        """The layer of the last month."""
        return self.layers[self.months[-1]]

    def has_any(self, months: Iterable[str]) -> bool:
        """Whether any of the months, YYYY-MM, is in it."""
        return not self.layers.keys().isdisjoint(months)

    @property
    def verdict(self) -> str:
        """Whether the 1 km detail is right, as the tags state it; empty if they do not."""
        return verdict_text(self.tags)


def verdict_text(tags: Mapping[str, str]) -> str:
    """Return the verdict on the 1 km detail in the tags of yearly maps, with its gain.

    Parameters
    ----------
    tags : mapping of str to str
        As the downscaling writes them.

    Returns
    -------
    str
        For example "1 km detail refuted: gain at 120 wells -4.0 % (90 % interval -6.2 to -2.1 %)";
        empty without a verdict.
    """
    verdict = tags.get("GWSA_DETAIL")
    if not verdict:
        return ""
    text = f"1 km detail {verdict}"
    numbers = [tags.get(f"GWSA_DETAIL_{name}", "") for name in ("GAIN", "INTERVAL", "WELLS")]
    if not all(numbers):
        return text
    gain, interval, wells = numbers
    gain, lower, upper = (f"{100 * float(one):+.1f}" for one in (gain, *interval.split()))
    return f"{text}: gain at {wells} wells {gain} % (90 % interval {lower} to {upper} %)"


def monthly_products() -> list[MonthlyProduct]:
    """Find the monthly maps among the layers of the project, the topmost first, GWSA before others.

    Yearly layers belong together if their files are in one folder and have one variable. Layers
    that are not files are left out, because their tags cannot be read.
    """
    products: dict[tuple, MonthlyProduct] = {}
    for layer in QgsProject.instance().layerTreeRoot().layerOrder():
        months = bands_by_month(layer)
        try:
            contents = RasterContents.from_file(Path(layer.source())) if months else None
        except InputError:
            continue
        if contents:
            _add(products, layer, months, contents)
    return sorted(products.values(), key=lambda product: product.variable != GWSA)


def product_of(layer: QgsMapLayer | None) -> MonthlyProduct | None:
    """Return the product that a layer belongs to; without such a layer, the first of the project.

    Parameters
    ----------
    layer : QgsMapLayer or None
        For example the active layer.
    """
    products = monthly_products()
    own = (one for one in products if layer and layer in one.layers.values())
    return next(own, products[0] if products else None)


def _add(products: dict, layer: QgsRasterLayer, months: dict, contents: RasterContents) -> None:
    path = Path(layer.source())
    place = path.parent if contents.is_year else path
    keys = ((str(place), contents.variable, contents.unit, copy) for copy in count())
    # A file may be loaded twice.
    key = next(one for one in keys if one not in products or not products[one].has_any(months))
    label = contents.variable_name
    product = products.setdefault(key, MonthlyProduct(label, contents.variable, contents.unit))
    product.layers.update(dict.fromkeys(months, layer))
    product.sources.update(zip(months, contents.sources))
    product.tags = product.tags or contents.tags
