"""Style of polygons with their net recharge."""

from __future__ import annotations

from qgis.core import QgsVectorLayer

from .vectors import Rule, rules, set_aliases, translucent_fill

# Blues of colorbrewer2.org.
RULES: tuple[Rule, ...] = (
    ("below 2 cm/yr", '"recharge_cm" < 2', "#eff3ff"),
    ("2 to 5 cm/yr", '"recharge_cm" >= 2 AND "recharge_cm" < 5', "#bdd7e7"),
    ("5 to 10 cm/yr", '"recharge_cm" >= 5 AND "recharge_cm" < 10', "#6baed6"),
    ("10 to 20 cm/yr", '"recharge_cm" >= 10 AND "recharge_cm" < 20', "#3182bd"),
    ("20 cm/yr and more", '"recharge_cm" >= 20', "#08519c"),
    ("no estimate", "ELSE", "#bdbdbd"),
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


def style_recharge(layer: QgsVectorLayer) -> None:
    """Colour polygons by their mean recharge."""
    layer.setName("Net recharge")
    layer.setRenderer(rules(RULES, translucent_fill))
    set_aliases(layer, ALIASES)
    layer.setMapTipTemplate(
        "<b>[% \"name\" %]</b><br>[% coalesce('Net recharge: ' || "
        'format_number("recharge_cm", 1) || \' cm/yr\', "status") %]'
        "[% coalesce('<br>90 % interval: ' || format_number(\"low_cm\", 1) || ' to ' || "
        "format_number(\"high_cm\", 1) || ' cm/yr', '') %]"
        "[% coalesce('<br>' || format_number(\"recharge_km3\", 2) || ' km³/yr, mean of ' || "
        "\"years\" || ' years', '') %]"
    )
