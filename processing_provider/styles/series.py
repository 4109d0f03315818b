"""Style of polygons with the trend of their storage, and its chart as map tip."""

from __future__ import annotations

from qgis.core import QgsVectorLayer

from .vectors import (
    FALLING,
    FASTER,
    NO_VALUE,
    RISING,
    Rule,
    ranges,
    rules,
    set_style,
    translucent_fill,
)

# A trend whose interval contains 0 is drawn in grey.
UNSURE = '"trend_cm_lower" <= 0 AND "trend_cm_upper" >= 0'
TREND = f'if({UNSURE}, NULL, "trend_cm")'
RULES: tuple[Rule, ...] = (
    *ranges(TREND, (-2, -1, 0, 1, 2), (*FALLING, *RISING), FASTER, "cm/yr"),
    ("not different from 0", UNSURE, NO_VALUE),
    ("no trend", "ELSE", "#f0f0f0"),
)
ALIASES = {
    "polygon": "Polygon",
    "area_km2": "Area (km²)",
    "covered_km2": "Area with values (km²)",
    "share": "Share of the area with values",
    "first": "First month",
    "last": "Last month",
    "months": "Months with values",
    "filled": "Filled months",
    "trend_cm": "Trend (cm/yr)",
    "trend_cm_lower": "Trend, lower 90 % limit (cm/yr)",
    "trend_cm_upper": "Trend, upper 90 % limit (cm/yr)",
    "trend_km3": "Trend (km³/yr)",
    "trend_km3_lower": "Trend, lower 90 % limit (km³/yr)",
    "trend_km3_upper": "Trend, upper 90 % limit (km³/yr)",
    "change_km3": "Change over the period (km³)",
    "change_km3_lower": "Change, lower 90 % limit (km³)",
    "change_km3_upper": "Change, upper 90 % limit (km³)",
    "p": "p-value of the trend (Hamed-Rao)",
    "amplitude_cm": "Annual amplitude (cm)",
    "peak_month": "Month of the annual maximum",
    "chart": "Chart",
}
NUMBER = "coalesce(format_number(\"{}\", 2), '?')"
TIP = (
    '<b>[% "polygon" %]</b>, [% "first" %] to [% "last" %]<br>'
    f"[% {NUMBER.format('trend_km3')} %] km³/yr "
    f"[[% {NUMBER.format('trend_km3_lower')} %], [% {NUMBER.format('trend_km3_upper')} %]]<br>"
    f"[% {NUMBER.format('change_km3')} %] km³ in all<br>"
    '<img src="[% "chart" %]">'
)


def style_series(layer: QgsVectorLayer) -> None:
    """Colour polygons by their trend; the map tip shows the series."""
    set_style(layer, "Polygons with trends", rules(RULES, translucent_fill), ALIASES, TIP)
