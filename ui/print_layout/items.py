"""Identifiers of the items of the template, by which they are filled in."""

from ...processing_provider.base import RESOURCES

TEMPLATE = RESOURCES / "layouts" / "gwsa.qpt"
TITLE = "gwsa_title"
MONTH = "gwsa_month"
RULE = "gwsa_rule"
MAP = "gwsa_map"
SCALE_BAR = "gwsa_scale_bar"
LEGEND_TITLE = "gwsa_legend_title"
LEGEND = "gwsa_legend"
NO_VALUE = "gwsa_no_value"
VERDICT_TITLE = "gwsa_verdict_title"
VERDICT = "gwsa_verdict"
SERIES_TITLE = "gwsa_series_title"
SERIES = "gwsa_series"
SERIES_TEXT = "gwsa_series_text"
SOURCE = "gwsa_source"
