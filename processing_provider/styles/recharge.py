"""Style of polygons with their net recharge."""

from __future__ import annotations

from qgis.core import QgsVectorLayer

from .vectors import NO_VALUE, Rule, ranges, rules, set_style, translucent_fill

# Of colorbrewer2.org.
BLUES = ("#eff3ff", "#bdd7e7", "#6baed6", "#3182bd", "#08519c")
ENDS = ("below {}", "{} and more")
RULES: tuple[Rule, ...] = (
    *ranges('"recharge_cm"', (2, 5, 10, 20), BLUES, ENDS, "cm/yr"),
    ("no estimate", "ELSE", NO_VALUE),
)
ALIASES = {
    "name": "Polygon",
    "recharge_cm": "Mean net recharge (cm/yr)",
    "sigma_cm": "Its standard deviation (cm/yr)",
    "low_cm": "Lower limit of the 90 % interval (cm/yr)",
    "high_cm": "Upper limit of the 90 % interval (cm/yr)",
    "recharge_km3": "Mean net recharge (km³/yr)",
    "lowest_cm": "Recharge of the driest year (cm)",
    "highest_cm": "Recharge of the wettest year (cm)",
    "years": "Complete hydrological years",
    "filled_years": "Of these, with filled months",
    "constant_months": "Recession constant (months)",
    "least_rise_cm": "Smallest rise that counts (cm)",
    "area_km2": "Area (km²)",
    "covered_km2": "Area with values (km²)",
    "status": "Estimated, or why not",
}


TIP = (
    "<b>[% \"name\" %]</b><br>[% coalesce('Net recharge: ' || "
    'format_number("recharge_cm", 1) || \' cm/yr\', "status") %]'
    "[% coalesce('<br>90 % interval: ' || format_number(\"low_cm\", 1) || ' to ' || "
    "format_number(\"high_cm\", 1) || ' cm/yr', '') %]"
    "[% coalesce('<br>' || format_number(\"recharge_km3\", 2) || ' km³/yr, mean of ' || "
    "\"years\" || ' years', '') %]"
)


def style_recharge(layer: QgsVectorLayer) -> None:
    """Colour polygons by their mean recharge."""
    set_style(layer, "Net recharge", rules(RULES, translucent_fill), ALIASES, TIP)
