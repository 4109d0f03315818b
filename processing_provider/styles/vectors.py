"""Styles of vector layers: colours, names and units of fields, and map tips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qgis.core import (
    QgsFeatureRenderer,
    QgsFillSymbol,
    QgsMarkerSymbol,
    QgsRuleBasedRenderer,
    QgsSingleSymbolRenderer,
    QgsSymbol,
    QgsVectorLayer,
)

# Label of a class, condition and colour.
Rule = tuple[str, str, str]
# BrBG as for rasters: falling storage is brown, rising storage is blue-green. colorbrewer2.org
FALLING = ("#8c510a", "#bf812d", "#dfc27d")
RISING = ("#80cdc1", "#35978f", "#01665e")
NO_VALUE = "#bdbdbd"


def ranges(
    value: str, limits: Sequence[float], colours: Sequence[str], ends: tuple[str, str], unit: str
) -> tuple[Rule, ...]:
    """Make the classes between limits, which belong to the class above them.

    Parameters
    ----------
    value : str
        Expression of the value.
    limits : sequence of float, length n
    colours : sequence of str, length n + 1
    ends : (str, str)
        Labels of the first and the last class; {} is the first and the last limit without its sign.
    unit : str
        Unit in the labels of the others.
    """
    conditions = [
        f"{value} < {limits[0]:g}",
        *(f"{value} >= {low:g} AND {value} < {high:g}" for low, high in zip(limits, limits[1:])),
        f"{value} >= {limits[-1]:g}",
    ]
    labels = [
        ends[0].format(f"{abs(limits[0]):g} {unit}"),
        *(f"{low:g} to {high:g} {unit}" for low, high in zip(limits, limits[1:])),
        ends[1].format(f"{abs(limits[-1]):g} {unit}"),
    ]
    return tuple(zip(labels, conditions, colours))


FASTER = ("falls faster than {}", "rises faster than {}")
TREND_RULES: tuple[Rule, ...] = (
    *ranges(
        "trend_well", (-4, -2, -0.5, 0.5, 2, 4), (*FALLING, "#f5f5f5", *RISING), FASTER, "cm/yr"
    ),
    ("left out", "ELSE", NO_VALUE),
)
GAIN = '"gain_over_mean_preserving"'
# PuOr: losses are orange, gains purple.
GAIN_RULES: tuple[Rule, ...] = (
    ("worse by more than 10 %", f"{GAIN} < -0.1", "#b35806"),
    ("worse by 2 to 10 %", f"{GAIN} >= -0.1 AND {GAIN} < -0.02", "#f1a340"),
    ("no difference (up to 2 %)", f"{GAIN} >= -0.02 AND {GAIN} <= 0.02", "#f7f7f7"),
    ("better by 2 to 10 %", f"{GAIN} > 0.02 AND {GAIN} <= 0.1", "#998ec3"),
    ("better by more than 10 %", f"{GAIN} > 0.1", "#542788"),
    ("not tested", "ELSE", NO_VALUE),
)
FIELDS = {"1km": "1 km map", "bilinear": "interpolated field", "coarse": "coarse field"}
WELL_ALIASES = {
    "well": "Well",
    "status": "Used, or why it was left out",
    "aquifer": "Aquifer",
    "storage": "Specific yield or storativity",
    "months": "Months with readings",
    "first": "First month",
    "last": "Last month",
    "trend_well": "Trend of the well (cm/yr)",
    "p_well": "p-value of the trend",
    "q_well": "p-value adjusted for the number of wells",
    **{f"trend_{name}": f"Trend of the {label} (cm/yr)" for name, label in FIELDS.items()},
    **{f"r_{name}": f"Correlation with the {label}" for name, label in FIELDS.items()},
    **{f"rmse_{name}": f"RMSE of the {label} (cm)" for name, label in FIELDS.items()},
    **{f"kge_{name}": f"KGE of the {label}" for name, label in FIELDS.items()},
}
REGION_ALIASES = {
    "name": "Region",
    "cells": "Coarse cells",
    "area_km2": "Land area (km²)",
    "n_eff": "Independent GRACE values",
    "model": "Model that serves it",
    "contrast_nse": "Held-out NSE of the local contrast",
    "contrast_rmse_cm": "Held-out RMSE of the local contrast (cm)",
    "rmse_cm": "Held-out RMSE (cm)",
    "gain_over_mean_preserving": "Held-out gain over mean-preserving interpolation (fraction)",
    "gain_over_bilinear": "Held-out gain over bilinear interpolation (fraction)",
}
SAMPLE_WELL_ALIASES = {
    "well": "Well",
    "specific_yield": "Specific yield (fraction)",
    "confined": "Confined",
    "storativity": "Storativity (fraction)",
}
AQUIFER_ALIASES = {
    "id": "Identifier",
    "name": "Aquifer",
    "parent": "Identifier of the larger system",
    "specific_yield": "Specific yield (fraction)",
}
# Field -> its row in the chart of a map tip.
BARS = {"trend_well": "well"} | {f"trend_{name}": label for name, label in FIELDS.items()}
# Pixels of a bar per cm/yr, and its greatest length.
BAR_SCALE = 12
BAR_LENGTH = 120


def style_wells(layer: QgsVectorLayer) -> None:
    """Colour wells by their trend; the map tip compares it with the trends of the fields."""
    name = " ".join(["Wells with scores", *_period(layer)])
    set_style(layer, name, rules(TREND_RULES, _marker), WELL_ALIASES, _well_tip())


def style_regions(layer: QgsVectorLayer) -> None:
    """Colour regions by their held-out gain over mean-preserving interpolation."""
    tip = (
        '<b>[% "name" %]</b><br>Gain over mean-preserving interpolation: '
        "[% coalesce(format_number(100 * \"gain_over_mean_preserving\", 1) || ' %', 'not tested') "
        '%]<br>Independent GRACE values: [% format_number("n_eff", 1) %]'
    )
    renderer = rules(GAIN_RULES, translucent_fill)
    set_style(layer, "Regions and their skill", renderer, REGION_ALIASES, tip)


def style_aquifers(layer: QgsVectorLayer) -> None:
    """Draw outlines of aquifers that let a map below show through."""
    renderer = QgsSingleSymbolRenderer(_outline())
    set_style(layer, layer.name(), renderer, AQUIFER_ALIASES, '<b>[% "name" %]</b>')


def style_sample_wells(layer: QgsVectorLayer) -> None:
    """Draw the wells of a sample world, the confined ones as open circles."""
    kinds = (("confined", '"confined"', "#ffffff"), ("unconfined", "ELSE", "#0072b2"))
    tip = '<b>[% "well" %]</b><br>Specific yield: [% coalesce("specific_yield", \'not stated\') %]'
    set_style(layer, layer.name(), rules(kinds, _marker), SAMPLE_WELL_ALIASES, tip)


def set_style(
    layer: QgsVectorLayer,
    name: str,
    renderer: QgsFeatureRenderer,
    aliases: Mapping[str, str],
    tip: str,
) -> None:
    """Set the name, the symbols, the names of the fields with their units, and the map tip."""
    layer.setName(name)
    layer.setRenderer(renderer)
    set_aliases(layer, aliases)
    layer.setMapTipTemplate(tip)


def _period(layer: QgsVectorLayer) -> list[str]:
    """Return the words of the first and the last month of all wells; none without wells."""
    indexes = [layer.fields().lookupField(name) for name in ("first", "last")]
    months = sorted(month for index in indexes for month in layer.uniqueValues(index) if month)
    return [months[0], "to", months[-1]] if months else []


def rules(rules: Sequence[Rule], symbol) -> QgsRuleBasedRenderer:
    """Make a class for each rule, with a symbol of its colour."""
    root = QgsRuleBasedRenderer.Rule(None)
    for label, condition, colour in rules:
        root.appendChild(
            QgsRuleBasedRenderer.Rule(symbol(colour), filterExp=condition, label=label)
        )
    return QgsRuleBasedRenderer(root)


def _marker(colour: str) -> QgsSymbol:
    return QgsMarkerSymbol.createSimple(
        {
            "name": "circle",
            "color": colour,
            "outline_color": "#505050",
            "outline_width": "0.2",
            "size": "2.4",
        }
    )


def translucent_fill(colour: str) -> QgsSymbol:
    symbol = QgsFillSymbol.createSimple(
        {"color": colour, "outline_color": "#404040", "outline_width": "0.4"}
    )
    symbol.setOpacity(0.6)
    return symbol


def _outline() -> QgsSymbol:
    return QgsFillSymbol.createSimple(
        {"style": "no", "outline_color": "#404040", "outline_width": "0.5"}
    )


def set_aliases(layer: QgsVectorLayer, aliases: Mapping[str, str]) -> None:
    """Show fields with names in words and with their units."""
    for field, alias in aliases.items():
        index = layer.fields().lookupField(field)
        if index >= 0:
            layer.setFieldAlias(index, alias)


def _well_tip() -> str:
    """Name and scores of a well, and bars of the trends.

    The bars are cells of a table, because QGIS without WebKit shows no vector graphics in map tips.
    """
    bars = "".join(_bar(field, label) for field, label in BARS.items())
    return (
        '<b>[% "well" %]</b> [% "aquifer" %]<br>[% "first" %] to [% "last" %], '
        f'[% "status" %]<br>Trends in cm/yr:<table cellspacing="1">{bars}</table>'
        "Correlation with the 1 km map: [% coalesce(format_number(\"r_1km\", 2), 'none') %]"
    )


def _bar(field: str, label: str) -> str:
    """A row of a table: label, number and bar, brown for falling and blue-green for rising."""
    number = f"[% coalesce(format_number(\"{field}\", 2), 'none') %]"
    width = f'[% round(min({BAR_LENGTH}, {BAR_SCALE} * abs(coalesce("{field}", 0)))) %]'
    colour = f"[% if(\"{field}\" < 0, '#bf812d', '#35978f') %]"
    bar = f'<table cellspacing="0"><tr><td width="{width}" bgcolor="{colour}"></td></tr></table>'
    return f'<tr><td>{label}</td><td align="right">{number}</td><td>{bar}</td></tr>'
