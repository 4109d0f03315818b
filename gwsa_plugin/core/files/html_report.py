"""Self-contained HTML reports: text, tables and figures in one file that needs no network."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.progress import SILENT, Progress
from .atomic import atomic_file
from .provenance import plugin_version

if TYPE_CHECKING:
    import matplotlib.figure

TEMPLATE = Path(__file__).parents[3] / "resources" / "report.html.j2"


@dataclass
class Table:
    """A table of a report.

    Parameters
    ----------
    caption : str
    header : list of str
        Column titles.
    rows : list of list
        Cells of each row, shown as by ``cell_text``.
    """

    caption: str
    header: list[str]
    rows: list[list]


@dataclass
class Figure:
    """A figure of a report; ``image`` is a data URI as made by ``draw``."""

    caption: str
    image: str


@dataclass
class Section:
    """A section of a report: paragraphs, figures, tables and links, in this order.

    Parameters
    ----------
    title : str
    paragraphs : list of str
        Plain text.
    figures : list of Figure
    tables : list of Table
    links : dict
        Text -> address, relative to the report.
    """

    title: str
    paragraphs: list[str] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)


def draw(figure: matplotlib.figure.Figure, caption: str, dpi: int = 110) -> Figure:
    """Render a matplotlib figure for a report.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Made without pyplot, whose global state is not safe in QGIS.
    caption : str
    dpi : int
        Resolution, dots per inch.

    Returns
    -------
    Figure
        With the image as a PNG.
    """
    from matplotlib.text import Text

    # Names of wells and files can have dollar signs, which matplotlib takes for formulas.
    for text in figure.findobj(Text):
        text.set_text(text.get_text().replace("$", r"\$"))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, bbox_inches="tight")
    return Figure(caption, "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode())


def write_report(
    path: str | Path,
    title: str,
    lead: str,
    sections: Iterable[Section],
    progress: Progress = SILENT,
) -> None:
    """Write a report atomically.

    Parameters
    ----------
    path : str or Path
        HTML file.
    title : str
    lead : str
        The main result in one or two sentences, shown first.
    sections : iterable of Section
        May draw each only when it is asked for.
    progress : Progress, optional
        Checked for cancellation before and after each section.
    """
    progress.stop_if_cancelled()
    drawn = []
    for section in sections:
        progress.stop_if_cancelled()
        drawn.append(section)
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(
        loader=FileSystemLoader(TEMPLATE.parent), autoescape=True, trim_blocks=True
    )
    environment.filters["cell"] = cell_text
    html = environment.get_template(TEMPLATE.name).render(
        title=title, lead=lead, sections=drawn, version=plugin_version()
    )
    with atomic_file(path) as part:
        part.write_text(html, encoding="utf-8")


def cell_text(value) -> str:
    """Format a table cell: floats with three significant digits, None and NaN as a dash."""
    if value is None or value != value:
        return "–"
    return f"{value:#.3g}".rstrip(".") if isinstance(value, float) else str(value)
