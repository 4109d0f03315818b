"""Self-contained HTML reports: text, tables and matplotlib figures in one file that opens with no network."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from pathlib import Path

from .atomic import atomic_file
from .provenance import plugin_version

TEMPLATE = Path(__file__).parents[3] / "resources" / "report.html.j2"


@dataclass
class Table:
    """``rows`` of cells under ``header``; floats are shown with three significant digits, None and NaN as a dash."""

    caption: str
    header: list[str]
    rows: list[list]


@dataclass
class Figure:
    """``image`` is a data URI from ``draw``."""

    caption: str
    image: str


@dataclass
class Section:
    """Paragraphs, then figures, tables and links (text -> address) under one heading."""

    title: str
    paragraphs: list[str] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)


def draw(figure, caption: str, dpi: int = 110) -> Figure:
    """A matplotlib Figure (made without pyplot: ``matplotlib.figure.Figure``) as a Figure of the report."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, bbox_inches="tight")
    return Figure(caption, "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode())


def write_report(path, title: str, lead: str, sections: list[Section]) -> None:
    """Write the report, whole or not at all. ``lead`` is the answer in a sentence or two, shown first."""
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(
        loader=FileSystemLoader(TEMPLATE.parent), autoescape=True, trim_blocks=True
    )
    environment.filters["cell"] = cell_text
    html = environment.get_template(TEMPLATE.name).render(
        title=title, lead=lead, sections=sections, version=plugin_version()
    )
    with atomic_file(path) as part:
        part.write_text(html, encoding="utf-8")


def cell_text(value) -> str:
    """A cell of a table as it is shown."""
    if value is None or value != value:
        return "–"
    return f"{value:#.3g}".rstrip(".") if isinstance(value, float) else str(value)
