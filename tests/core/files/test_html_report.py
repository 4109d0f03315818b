import base64
import io
import re

import numpy as np
import pytest
from matplotlib.figure import Figure

from gwsa.gwsa_plugin.core.base.errors import Cancelled
from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.files.html_report import Section, Table, draw, write_report


@pytest.fixture
def page(tmp_path):
    """HTML of a report with a figure and a table."""
    figure = Figure(figsize=(2, 1))
    figure.subplots().plot([0, 1], [1, 0])
    table = Table(
        "Scores", ["well", "trend"], [["<Ambala>", -12.3456], ["none", np.nan], ["empty", None]]
    )
    sections = [Section("Trends", ["One & only."], [draw(figure, "A falling line")], [table])]
    path = tmp_path / "report.html"
    write_report(path, "Validation", "It falls.", sections)
    return path.read_text(encoding="utf-8")


def test_report_needs_no_network_and_no_other_files(page):
    assert "data:image/png;base64," in page
    assert not re.search(r"""(src|href)=["'](?!data:)""", page)
    assert "<script" not in page


def test_lead_comes_first(page):
    assert page.index("It falls.") < page.index("Trends") < page.index("A falling line")


def test_names_from_files_are_escaped(page):
    assert "&lt;Ambala&gt;" in page
    assert "<Ambala>" not in page


def test_numbers_have_three_digits_and_missing_ones_are_dashes(page):
    assert "<td>-12.3</td>" in page
    assert "nan" not in page
    assert "None" not in page
    assert page.count("<td>–</td>") == 2


def test_links_are_escaped_addresses(tmp_path):
    write_report(
        tmp_path / "report.html",
        "All",
        "Good.",
        [Section("More", links={"Wells & trends": "wells.html"})],
    )
    assert '<a href="wells.html">Wells &amp; trends</a>' in (tmp_path / "report.html").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize("name", ["$W_1_$", "a$b$c", "$", "$$", r"$\\frac$", "US$ 5", "$x$ $y"])
def test_dollar_signs_in_names_are_no_formulas(name):
    images = []
    for parses in (None, False):
        figure = Figure()
        axes = figure.subplots()
        axes.plot([0, 1], label=name)
        axes.set(title=name, ylabel=name)
        texts = [axes.title, axes.yaxis.label, *axes.legend().get_texts()]
        if parses is None:
            images.append(draw(figure, "").image)
            continue
        for text in texts:
            text.set_parse_math(False)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=110, bbox_inches="tight")
        images.append(f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}")
    assert images[0] == images[1]


def test_a_cancelled_report_draws_no_more_sections_and_leaves_nothing(tmp_path):
    class AtSecond(Progress):
        def is_cancelled(self):
            return len(drawn) == 2

    drawn = []

    def sections():
        for title in ("first", "second", "third"):
            drawn.append(title)
            yield Section(title)

    with pytest.raises(Cancelled):
        write_report(tmp_path / "report.html", "Title", "Lead", sections(), AtSecond())
    assert drawn == ["first", "second"]
    assert not list(tmp_path.iterdir())
