"""Labels of solutions: the month of the midpoint, or a free month beside it that is touched."""

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.grace.solution_months import (
    check_labels,
    label_solutions,
    missing_months,
    write_table,
)


def spans(*dates):
    """("2011-10-01", "2011-11-01"), ... with the end excluded."""
    return np.array(dates, dtype="datetime64[m]")


def months(solutions):
    return [str(solution.month) for solution in solutions]


def test_a_calendar_month_is_itself():
    assert months(
        label_solutions(spans(("2004-02-01", "2004-03-01"), ("2004-03-01", "2004-04-01")), "f")
    ) == [
        "2004-02",
        "2004-03",
    ]


def test_the_later_of_two_moves_forward():
    """October and November 2011, as in the record."""
    found = label_solutions(spans(("2011-10-01", "2011-11-01"), ("2011-10-16", "2011-11-16")), "f")
    assert months(found) == ["2011-10", "2011-11"]
    assert str(found[1].moved_from) == "2011-10"
    assert found[0].moved_from is None


def test_the_earlier_moves_back_where_the_later_cannot_move_forward():
    """December 2011 with its midpoint on 1 January 2012, and February taken."""
    found = label_solutions(
        spans(
            ("2011-12-18", "2012-01-16"), ("2012-01-02", "2012-02-01"), ("2012-02-01", "2012-03-01")
        ),
        "f",
    )
    assert months(found) == ["2011-12", "2012-01", "2012-02"]


def test_a_month_that_another_solution_has_is_not_free():
    taken = spans(
        ("2011-09-01", "2011-10-01"), ("2011-10-01", "2011-11-01"), ("2011-10-16", "2011-11-16"),
        ("2011-11-16", "2011-12-01"),
    )  # fmt: skip
    with pytest.raises(
        InputError, match=r"f.nc .* 2011-10, 2011-10-01\.\.2011-10-31 and 2011-10-16\.\.2011-11-15,"
    ):
        label_solutions(taken, "f.nc")


def test_a_span_that_ends_at_midnight_of_the_first_does_not_reach_that_month():
    with pytest.raises(InputError, match="neither reaches a free month"):
        label_solutions(spans(("2011-10-01", "2011-10-20"), ("2011-10-05", "2011-11-01")), "f.nc")


def test_three_solutions_of_a_month_are_refused_and_all_are_named():
    named = "2011-09-20..2011-10-14 and 2011-10-01..2011-10-31 and 2011-10-18..2011-11-09"
    with pytest.raises(
        InputError, match=f"f.nc has 3 solutions for 2011-10, {named}; keep one of them"
    ):
        label_solutions(
            spans(
                ("2011-09-20", "2011-10-15"),
                ("2011-10-01", "2011-11-01"),
                ("2011-10-18", "2011-11-10"),
            ),
            "f.nc",
        )


def test_a_free_month_goes_to_the_first_pair_that_needs_it():
    """Both pairs reach May, and neither has another month to go to."""
    crowded = spans(
        ("2011-04-05", "2011-04-25"), ("2011-04-15", "2011-05-10"), ("2011-05-22", "2011-06-20"),
        ("2011-06-10", "2011-06-28"),
    )  # fmt: skip
    with pytest.raises(InputError, match="two solutions for 2011-06"):
        label_solutions(crowded, "f.nc")


def test_the_order_of_the_file_does_not_matter():
    pair = spans(("2011-10-16", "2011-11-16"), ("2011-10-01", "2011-11-01"))
    assert months(label_solutions(pair, "f")) == ["2011-11", "2011-10"]


def test_a_span_that_ends_before_it_starts_is_refused():
    with pytest.raises(InputError, match="does not end after it starts"):
        label_solutions(spans(("2004-02-01", "2004-01-01")), "f.nc")


@st.composite
def records(draw):
    """Midpoints in order, as in all missions; spans of one to six weeks."""
    gaps = draw(st.lists(st.integers(8, 70), min_size=1, max_size=40))
    lengths = draw(st.lists(st.integers(7, 45), min_size=len(gaps), max_size=len(gaps)))
    middle = np.datetime64("2002-04-16", "m") + np.cumsum(gaps).astype("timedelta64[D]")
    half = np.array(lengths) * np.timedelta64(720, "m")
    return np.stack([middle - half, middle + half], axis=1)


def days_in(span, month):
    """The days of a month that a span covers, counted one by one."""
    days = np.arange(span[0].astype("datetime64[D]"), span[1].astype("datetime64[D]") + 1)
    return (
        (days.astype("datetime64[M]") == month) & (days.astype("datetime64[m]") < span[1])
    ).sum()


@given(records())
def test_labels_are_unique_in_order_and_within_their_spans(record):
    middles = (record[:, 0] + (record[:, 1] - record[:, 0]) // 2).astype("datetime64[M]")
    sharing = [np.flatnonzero(middles == month) for month in np.unique(middles)]
    try:
        labels = np.array([one.month for one in label_solutions(record, "f.nc")])
    except InputError as refusal:
        crowded = [pair for pair in sharing if pair.size > 1]
        assert crowded
        assert (
            "neither reaches a free month" in str(refusal) or max(pair.size for pair in crowded) > 2
        )
        if len(crowded) == 1 and crowded[0].size == 2:
            earlier, later = crowded[0]
            for place, month in ((later, middles[later] + 1), (earlier, middles[earlier] - 1)):
                assert month in middles or not days_in(record[place], month)
        return
    assert (np.diff(labels).astype(int) > 0).all()
    for span, label in zip(record, labels):
        assert days_in(span, label)
    for places in sharing:
        assert (labels[places] != middles[places]).sum() == places.size - 1


def record(*labels):
    starts = np.array(labels, dtype="datetime64[M]")
    return label_solutions(
        np.stack([starts.astype("datetime64[m]"), (starts + 1).astype("datetime64[m]")], axis=1),
        "f",
    )


def listed(*labels):
    return np.array(labels, dtype="datetime64[M]")


def test_missing_months_lie_between_the_first_and_the_last():
    assert [str(m) for m in missing_months(record("2002-04", "2002-05", "2002-08"))] == [
        "2002-06",
        "2002-07",
    ]


def test_the_list_of_the_mission_agrees_with_a_crop_and_may_have_repetitions():
    check_labels(
        record("2002-05", "2002-08"), listed("2002-06", "2002-07", "2002-07", "2017-02"), "f.nc"
    )


def test_labels_that_are_shifted_by_a_month_are_refused():
    with pytest.raises(
        InputError,
        match=r"a solution but listed as missing: 2002-06; no solution but not listed: 2002-08",
    ):
        check_labels(record("2002-05", "2002-06", "2002-09"), listed("2002-06", "2002-07"), "f.nc")


def test_a_month_without_a_solution_that_the_file_does_not_list_is_refused():
    with pytest.raises(InputError, match=r"no solution but not listed: 2002-06\.\.2002-07"):
        check_labels(record("2002-05", "2002-08"), listed("2003-06"), "f.nc")


def test_the_table_has_span_midpoint_month_and_note(tmp_path):
    found = label_solutions(spans(("2011-10-01", "2011-11-01"), ("2011-10-16", "2011-11-16")), "f")
    write_table(tmp_path / "months.csv", found)
    assert rows(tmp_path / "months.csv") == [
        {
            "start": "2011-10-01T00:00",
            "end": "2011-11-01T00:00",
            "days": "31",
            "midpoint": "2011-10-16T12:00",
            "month": "2011-10",
            "note": "",
        },
        {
            "start": "2011-10-16T00:00",
            "end": "2011-11-16T00:00",
            "days": "31",
            "midpoint": "2011-10-31T12:00",
            "month": "2011-11",
            "note": "moved from 2011-10, which another solution has",
        },
    ]


def test_the_table_marks_a_nominal_span(tmp_path):
    found = label_solutions(spans(("2011-10-01", "2011-11-01")), "f", stated=False)
    write_table(tmp_path / "months.csv", found)
    assert rows(tmp_path / "months.csv")[0]["note"] == "nominal span: the file states none"


def rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
