"""Tests of gap filling of stacks: unchanged values, messages, flags and the report."""

import base64
import re
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base import memory
from gwsa.gwsa_plugin.core.base.errors import Cancelled, InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.files.stack import (
    FILLED,
    MISSING,
    OBSERVED,
    MonthlyStack,
)
from gwsa.gwsa_plugin.core.files.stack_tags import region_tag
from gwsa.gwsa_plugin.core.gapfill.artificial_gaps import LONG, SHORT
from gwsa.gwsa_plugin.core.gapfill.fill import (
    FLAG_FILLED,
    FLAG_MISSING,
    FLAG_OBSERVED,
    fill_gaps,
    write_flags,
)
from gwsa.gwsa_plugin.core.gapfill.methods import (
    AUTO,
    METHOD_NAMES,
    METHODS,
    FillOptions,
    fill_series,
)
from gwsa.gwsa_plugin.core.gapfill.report import write_fill_report
from gwsa.tests.core.gapfill.gaps import GRACE as GAPS
from gwsa.tests.core.gapfill.gaps import MONTHS

ANGLE = 2 * np.pi * np.arange(MONTHS.size) / 12


class Log(Progress):
    def __init__(self):
        self.infos = []
        self.warnings = []

    def info(self, text):
        self.infos.append(text)

    def warn(self, text):
        self.warnings.append(text)


def waves(rows=2, columns=3, noise=0.0):
    """Truth and a stack with the gaps of the missions.

    The truth is a trend with annual and semi-annual waves, scaled for each cell.
    """
    random = np.random.default_rng(0)
    size = random.uniform(1, 10, (rows, columns))
    curve = 0.05 * np.arange(MONTHS.size) + np.cos(ANGLE + 1) + 0.4 * np.sin(2 * ANGLE)
    truth = curve[:, None, None] * size + noise * random.normal(size=(MONTHS.size, rows, columns))
    return truth, stack_of(np.where(GAPS[:, None, None], np.nan, truth))


def stack_of(values, months=MONTHS):
    grid = Grid(75.0, 30.0, 0.25, 0.25, *values.shape[1:])
    return MonthlyStack.on_calendar(grid, months, values.astype(np.float32), "TWSA")


def test_every_method_has_a_name():
    assert [AUTO, *METHODS] == list(METHOD_NAMES)


@pytest.mark.slow
@pytest.mark.parametrize("method", [name for name in METHOD_NAMES if name != "ssa"])
def test_trend_and_seasons_are_recovered_exactly(method):
    truth, stack = waves()
    result = fill_gaps(stack, FillOptions(method))
    np.testing.assert_allclose(result.filled.values, truth, atol=1e-4)


def test_ssa_recovers_trend_and_seasons_closely():
    truth, stack = waves()
    result = fill_gaps(stack, FillOptions("ssa", window=24, components=4, tolerance=1e-3))
    assert np.abs(result.filled.values - truth)[GAPS].max() < 0.03 * np.abs(truth).max()


@pytest.mark.slow
@pytest.mark.parametrize("method", METHOD_NAMES)
def test_observed_values_are_unchanged_and_only_gaps_have_a_sigma(method):
    _, stack = waves(noise=1.0)
    result = fill_gaps(stack, FillOptions(method))
    np.testing.assert_array_equal(result.filled.values[~GAPS], stack.values[~GAPS])
    assert np.isfinite(result.filled.values).all()
    assert result.filled.source == tuple(FILLED if gap else OBSERVED for gap in GAPS)
    assert np.isnan(result.sigma.values[~GAPS]).all() and (result.sigma.values[GAPS] > 0).all()
    assert (result.flags[GAPS] == FLAG_FILLED).all()
    assert (result.flags[~GAPS] == FLAG_OBSERVED).all()
    assert result.filled.values.dtype == result.sigma.values.dtype == np.float32


@settings(max_examples=5, deadline=None)
@given(
    method=st.sampled_from(list(METHODS)), shift=st.floats(-1e3, 1e3), scale=st.floats(0.01, 100)
)
def test_fill_is_equivariant_to_shift_and_scale(method, shift, scale):
    series = waves(noise=1.0)[0].reshape(MONTHS.size, -1).T
    filled = fill_series(series, GAPS, FillOptions(method))
    changed = fill_series(scale * series + shift, GAPS, FillOptions(method))
    np.testing.assert_allclose(
        (changed - shift) / scale, filled, atol=1e-3 + 1e-6 * abs(shift) / scale
    )


@pytest.mark.parametrize("method", METHODS)
def test_values_in_missing_months_are_ignored(method):
    series = waves(noise=1.0)[0].reshape(MONTHS.size, -1).T
    garbage = np.where(GAPS, 1e5, series)
    np.testing.assert_array_equal(
        fill_series(series, GAPS, FillOptions(method)),
        fill_series(garbage, GAPS, FillOptions(method)),
    )


def test_identical_cells_get_identical_values():
    _, stack = waves(rows=4, columns=5, noise=1.0)
    stack.values[:, 2:, :] = stack.values[:, :2, :]
    result = fill_gaps(stack, FillOptions("ssa_residual"))
    for values in (result.filled.values, result.sigma.values):
        np.testing.assert_array_equal(values[:, 2:], values[:, :2])


@pytest.mark.slow
def test_the_margin_is_not_filled():
    """Only the series of the region are; one of them occurs in the margin as well."""
    _, stack = waves(rows=3, columns=4)
    values = stack.values.copy()
    values[:, 2, 0] = values[:, 0, 1]
    region = stack.grid.subgrid(slice(0, 2), slice(1, 3))
    tiles = np.arange(12, dtype=np.int32).reshape(3, 4)
    stack = replace(stack, values=values, tiles=tiles).tagged(**region_tag(region))
    log = Log()
    result = fill_gaps(stack, FillOptions("harmonic"), log)
    filled = np.isfinite(result.filled.values).all(axis=0)
    expected = np.zeros((3, 4), dtype=bool)
    expected[0:2, 1:3] = True
    expected[2, 0] = True
    np.testing.assert_array_equal(filled, expected)
    np.testing.assert_array_equal((result.flags == FLAG_FILLED).any(axis=0), expected)
    assert set(result.filled.source) == {OBSERVED, FILLED}
    inner = fill_gaps(stack.crop(region), FillOptions("harmonic"))
    np.testing.assert_array_equal(result.filled.crop(region).values, inner.filled.values)
    assert "The margin around the region is not filled." in log.infos
    for found in (result.filled, result.sigma):
        np.testing.assert_array_equal(found.tiles, tiles)
        assert found.region.same_as(region)


def test_ends_are_not_extrapolated_and_a_warning_is_given():
    _, stack = waves(noise=1.0)
    stack.values[:5] = stack.values[-3:] = np.nan
    stack = stack_of(stack.values)
    log = Log()
    result = fill_gaps(stack, progress=log)
    ends = np.r_[:5, MONTHS.size - 3 : MONTHS.size]
    assert np.isnan(result.filled.values[ends]).all() and (result.flags[ends] == FLAG_MISSING).all()
    assert [result.filled.source[end] for end in ends] == [MISSING] * 8
    assert any("2002-04..2002-08, 2020-10..2020-12 stay missing" in text for text in log.warnings)


@pytest.mark.slow
def test_cells_with_gaps_of_their_own():
    truth, stack = waves(rows=2, columns=3)
    stack.values[:, 0, 0] = np.nan  # sea
    stack.values[40:45, 0, 1] = np.nan  # a gap of its own
    stack.values[:100, 1, 0] = np.nan  # starts late
    stack.values[20:, 1, 1] = np.nan  # too short to fill
    log = Log()
    result = fill_gaps(stack_of(stack.values), progress=log)
    filled = result.filled.values
    assert np.isnan(filled[:, 0, 0]).all()
    np.testing.assert_allclose(filled[:, 0, 1], truth[:, 0, 1], atol=1e-4)
    assert np.isnan(filled[:100, 1, 0]).all()
    np.testing.assert_allclose(filled[100:, 1, 0], truth[100:, 1, 0], atol=1e-4)
    np.testing.assert_array_equal(filled[:, 1, 1], stack.values[:, 1, 1])
    assert result.filled.source[42] == OBSERVED and result.flags[42, 0, 1] == FLAG_FILLED
    assert "1 series have fewer than 24 observed months; their gaps stay missing." in log.warnings


@pytest.mark.slow
def test_months_filled_in_the_input_are_flagged_as_filled():
    _, stack = waves(noise=1.0)
    options = FillOptions("harmonic_red")
    once = fill_gaps(stack, options)
    twice = fill_gaps(once.filled, options)
    np.testing.assert_array_equal(twice.filled.values, once.filled.values)
    np.testing.assert_array_equal(twice.flags, once.flags)
    assert twice.calibration is None and twice.scores == ()


def test_window_is_limited_to_half_of_a_short_record():
    _, stack = waves(noise=1.0)
    short = stack.select(np.datetime64("2016-01"), np.datetime64("2019-12"))
    log = Log()
    result = fill_gaps(short, FillOptions("ssa_residual", window=30), log)
    assert np.isfinite(result.filled.values).all()
    assert (result.sigma.values[np.array(short.source) == MISSING] > 0).all()
    assert result.options.window == 24
    assert any("window of 24 months" in text for text in log.warnings)


def test_too_short_record_is_refused():
    _, stack = waves()
    with pytest.raises(
        InputError, match="at most 18 observed months in a cell and gap filling needs 24"
    ):
        fill_gaps(stack.select(np.datetime64("2003-01"), np.datetime64("2004-07")))


def test_stack_without_values_is_refused():
    with pytest.raises(InputError, match="has no values"):
        fill_gaps(stack_of(np.full((60, 2, 2), np.nan), MONTHS[:60]))


@pytest.mark.parametrize("wrong", [{"window": 1}, {"components": 0}, {"tolerance": 0.0}])
def test_options_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match="SSA cannot run with"):
        fill_gaps(waves()[1], FillOptions("ssa", **wrong))


def test_gap_filling_can_be_cancelled():
    class Stop(Progress):
        def is_cancelled(self):
            return True

    with pytest.raises(Cancelled):
        fill_gaps(waves()[1], progress=Stop())


@pytest.mark.slow
def test_flags_are_written_as_a_raster(tmp_path):
    _, stack = waves(noise=1.0)
    stack.values[:2] = np.nan
    result = fill_gaps(stack_of(stack.values), FillOptions("harmonic_red"))
    write_flags(tmp_path / "flags.tif", result, {})
    with rasterio.open(tmp_path / "flags.tif") as source:
        assert source.descriptions == tuple(map(str, MONTHS))
        assert source.dtypes[0] == "uint8" and source.nodata == FLAG_MISSING
        np.testing.assert_array_equal(source.read(), result.flags)
        sources = [source.tags(band)["GWSA_SOURCE"] for band in (1, 3, 5, 15)]
        assert sources == [MISSING, MISSING, OBSERVED, FILLED]


@pytest.mark.slow
def test_report_has_scores_sigma_and_months(tmp_path):
    pytest.importorskip("matplotlib")
    pytest.importorskip("jinja2")
    result = fill_gaps(waves(noise=2.0)[1])
    write_fill_report(tmp_path / "report.html", result)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "33 months are filled" in html and "2017-07..2018-05" in html
    assert "blocks of 11 months" in html and "Trend and seasons (reference)" in html
    assert "Selected methods" in html and "Errors in artificial gaps" in html
    pictures = [
        base64.b64decode(text) for text in re.findall(r"data:image/png;base64,([^\"]+)", html)
    ]
    assert len(pictures) == 3 and all(picture.startswith(b"\x89PNG") for picture in pictures)


def test_report_of_a_stack_without_gaps(tmp_path):
    pytest.importorskip("matplotlib")
    pytest.importorskip("jinja2")
    write_fill_report(tmp_path / "report.html", fill_gaps(stack_of(waves()[0])))
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "There are no artificial gaps" in html


@pytest.mark.slow
def test_choice_is_kept_for_every_filled_cell_and_logged():
    _, stack = waves(noise=1.0)
    stack.values[:, 0, 0] = np.nan
    log = Log()
    result = fill_gaps(stack_of(stack.values), progress=log)
    assert list(result.chosen) == [LONG, SHORT]
    for options in result.chosen.values():
        cells = options[result.cells]
        assert cells[0, 0] is None
        assert sum(chosen is not None for chosen in cells.flat) == 5
    assert any(text.startswith("Chosen for long gaps: ") for text in log.infos)
    assert fill_gaps(stack_of(stack.values), FillOptions("harmonic")).chosen == {}


def test_a_stack_that_cannot_be_filled_in_memory_is_refused(monkeypatch):
    _, stack = waves()
    monkeypatch.setattr(memory, "available_memory", lambda: 2.0 * stack.values.nbytes)
    with pytest.raises(InputError, match="^Filling 7 different series of .* choose a smaller"):
        fill_gaps(stack, FillOptions("harmonic"))
