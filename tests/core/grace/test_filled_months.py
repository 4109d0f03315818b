"""Fields of months without a solution, and interpolated fields, are not observed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.months import month_range, name_runs
from gwsa.gwsa_plugin.core.grace.filled_months import WITHOUT_SOLUTION
from gwsa.gwsa_plugin.core.grace.solution_months import write_table
from gwsa.gwsa_plugin.core.grace.twsa import TwsaOptions, import_twsa
from gwsa.tests.core.grace.mascon_layouts import CSR, CSR_CROP, Log, write_mascons

RECORD = month_range("2002-01", "2018-12")
LINEAR = np.array(["2011-11", "2015-05"], dtype="M8[M]")
NOISE = np.random.default_rng(5).normal(size=(RECORD.size, 6, 8)) * 10
GAPS = np.union1d(WITHOUT_SOLUTION, LINEAR)
LISTED = ";".join(str(month) for month in WITHOUT_SOLUTION)


def monthly(path, values, months=RECORD, **attributes):
    """A file with a time at the start of each month and without time bounds."""
    layout = replace(
        CSR_CROP,
        longitudes=CSR_CROP.longitudes[:8],
        months=months,
        bounds=False,
        attributes=attributes,
        spans=np.repeat(
            (months.astype("M8[D]") - np.datetime64("2002-01-01")).astype("f4")[:, None], 2, axis=1
        ),
    )
    return write_mascons(path, layout, values)


def gaps_filled(method, gaps=GAPS):
    """Values of ``NOISE`` with other ones in the gaps."""
    values = NOISE.copy()
    days = RECORD.astype("M8[D]").astype(float)
    known = ~np.isin(RECORD, gaps)
    positions = np.arange(RECORD.size)
    for cell in np.ndindex(values.shape[1:]):
        series = (slice(None), *cell)
        if method == "by date":
            values[series] = np.interp(days, days[known], NOISE[known][series])
        elif method == "by number":
            values[series] = np.interp(positions, positions[known], NOISE[known][series])
        elif method == "last value":
            last = np.maximum.accumulate(np.where(known, positions, 0))
            values[series] = NOISE[last][series]
    return values


def test_months_without_a_solution_are_filled_and_the_log_names_them(tmp_path):
    """Whatever their values are."""
    log = Log()
    found = import_twsa(monthly(tmp_path / "f.nc", NOISE), progress=log)
    expected = np.union1d(WITHOUT_SOLUTION, RECORD[:3])
    np.testing.assert_array_equal(found.twsa.months_with_source("filled"), expected)
    assert found.twsa.source.count("observed") == RECORD.size - expected.size
    assert (
        "Read 204 months 2002-01..2018-12 from variable lwe_thickness in cm, 36 of them filled"
        in log
    )
    assert any(
        "marked as filled, because GRACE has no solution in them" in one
        and name_runs(expected) in one
        for one in log.warnings
    )
    assert sum(one.filled for one in found.solutions) == 36
    write_table(tmp_path / "months.csv", found.solutions)
    rows = (tmp_path / "months.csv").read_text().splitlines()
    assert sum("no solution: filled by others" in row for row in rows) == 36


def test_months_that_the_file_lists_as_missing_are_filled_and_not_in_the_baseline(tmp_path):
    values = NOISE.copy()
    month = np.datetime64("2005-03", "M")
    values[month == RECORD] = 1000.0
    path = monthly(tmp_path / "f.nc", values, **{**CSR, "months_missing": f"{LISTED};2005-03"})
    stack = import_twsa(path).twsa
    assert stack.source[list(stack.months).index(month)] == "filled"
    inside = (np.datetime64("2004-01") <= RECORD) & (np.datetime64("2009-12") >= RECORD)
    baseline = values[inside & (month != RECORD)].mean(axis=0)[::-1]
    np.testing.assert_allclose(stack.values[0], values[0][::-1] - baseline, atol=1e-4)


@pytest.mark.parametrize("method", ["by date", "by number", "last value"])
def test_interpolated_fields_are_filled(tmp_path, method):
    stack = import_twsa(monthly(tmp_path / "f.nc", gaps_filled(method))).twsa
    filled = stack.months_with_source("filled")
    assert name_runs(filled) == name_runs(np.union1d(GAPS, RECORD[:3]))


def test_the_first_of_two_equal_fields_is_the_filled_one_in_a_month_without_a_solution(tmp_path):
    values = NOISE.copy()
    june = np.flatnonzero(np.datetime64("2011-06") == RECORD)[0]
    values[june] = values[june + 1]
    stack = import_twsa(monthly(tmp_path / "f.nc", values)).twsa
    assert (stack.source[june], stack.source[june + 1]) == ("filled", "observed")


def test_observed_fields_stay_observed(tmp_path):
    known = ~np.isin(RECORD, WITHOUT_SOLUTION) & (np.datetime64("2002-04") <= RECORD)
    stack = import_twsa(monthly(tmp_path / "f.nc", NOISE[known], RECORD[known])).twsa
    assert not stack.months_with_source("filled").size
    np.testing.assert_array_equal(stack.months_with_source("missing"), WITHOUT_SOLUTION)


def test_one_series_for_all_cells_is_not_judged(tmp_path):
    """A trend is linear without being interpolated."""
    values = np.broadcast_to(np.arange(RECORD.size)[:, None, None], NOISE.shape)
    stack = import_twsa(monthly(tmp_path / "f.nc", values)).twsa
    assert len(stack.months_with_source("filled")) == 36


def test_empty_fields_are_no_solutions_and_lost_months_are_named(tmp_path):
    """A resample to calendar months leaves 2011-11 and 2015-05 without a value."""
    values = NOISE.copy()
    values[np.isin(RECORD, GAPS)] = np.nan
    log = Log()
    found = import_twsa(monthly(tmp_path / "f.nc", values), progress=log)
    np.testing.assert_array_equal(found.twsa.months_with_source("missing"), GAPS)
    assert len(found.solutions) == RECORD.size - GAPS.size
    assert any(
        "has no solution in 2011-11, 2015-05, though GRACE has one" in one for one in log.warnings
    )


def test_a_period_of_empty_fields_is_refused(tmp_path):
    values = NOISE.copy()
    values[np.datetime64("2016-01") <= RECORD] = np.nan
    period = (np.datetime64("2016-01", "M"), np.datetime64("2016-12", "M"))
    with pytest.raises(InputError, match="has only empty fields from 2016-01 to 2016-12"):
        import_twsa(monthly(tmp_path / "f.nc", values), TwsaOptions(period=period))


def test_the_months_of_bangladesh_that_its_makers_interpolated(real_data):
    path = real_data / "bangladesh/TWSA_M_2002_2017_BGD_025.nc4"
    log = Log()
    stack = import_twsa(path, TwsaOptions(unit="mm"), log).twsa
    inside = GAPS[np.datetime64("2017-05") >= GAPS]
    np.testing.assert_array_equal(stack.months_with_source("filled"), inside)
    assert "Read 182 months 2002-04..2017-05 from variable twsa in mm, 22 of them filled by" in log
