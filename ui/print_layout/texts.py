"""Texts of a print layout, as the tags of the maps and the layers state them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from qgis.core import QgsMapLayer

from ...processing_provider.base import tr
from ..monthly_products import MonthlyProduct, verdict_text

NOT_STATED = "The file of these maps does not state whether wells confirm their detail."
REMARKS = {
    "filled": "This month was filled; GRACE did not observe it.",
    "missing": "GRACE did not observe this month.",
}
PLUGIN = "Maps of the QGIS plugin GWSA"


def verdict_paragraph(product: MonthlyProduct, month: str) -> str:
    """Return how sure the detail is, what is mapped, and whether the month was observed.

    Parameters
    ----------
    product : MonthlyProduct
    month : str
        YYYY-MM.
    """
    verdict = verdict_text(product.tags)
    lines = [f"{verdict}." if verdict else tr(NOT_STATED)]
    reason = product.tags.get("GWSA_DETAIL_REASON")
    if reason:
        lines.append(f"{reason[:1].upper()}{reason[1:]}.")
    lines.append(product.tags.get("GWSA_EVIDENCE", ""))
    lines.append(tr(REMARKS.get(product.sources.get(month, ""), "")))
    return "\n".join(line for line in lines if line)


def source_line(tags: Mapping[str, str], layers: Iterable[QgsMapLayer]) -> str:
    """Return the sources of the maps and the attributions of other layers.

    Parameters
    ----------
    tags : mapping of str to str
        Tags of the maps.
    layers : iterable of QgsMapLayer
        All layers of the map.
    """
    parts = []
    if tags.get("GWSA_CENTRE"):
        parts.append(tr("Data: GRACE and GRACE-FO, mascons of {}").format(tags["GWSA_CENTRE"]))
    if tags.get("GWSA_BASELINE"):
        first, _, last = tags["GWSA_BASELINE"].partition("..")
        parts.append(tr("Anomalies from the mean of {} to {}").format(first, last))
    if tags.get("GWSA_VERSION"):
        parts.append(f"{tr(PLUGIN)} {tags['GWSA_VERSION']}")
    named = (layer.attribution() or "; ".join(layer.metadata().rights()) for layer in layers)
    parts += [text for text in dict.fromkeys(named) if text]
    return ". ".join(part.rstrip(".") for part in parts) + ("." if parts else "")
