"""Sizes and times as text, and the part of a run that is done."""

import pytest

from gwsa.gwsa_plugin.core.fetching.estimate import (
    Arrivals,
    bytes_text,
    duration_s,
    duration_text,
)
from gwsa.gwsa_plugin.core.fetching.remote_file import NETCDF, RemoteFile


def file_of(name, least, most=None):
    size = (least, least if most is None else most)
    return RemoteFile("source", f"https://example.org/{name}", name, NETCDF, size)


@pytest.mark.parametrize(
    ("least", "most", "text"),
    [
        (0, None, "0 bytes"),
        (999, None, "999 bytes"),
        (39_491, None, "39 kB"),
        (2_000_000, None, "2 MB"),
        (2_140_000, None, "2.1 MB"),
        (107_123_456, None, "107 MB"),
        (8_000_000, 20_000_000, "8 to 20 MB"),
        (8_000, 1_200_000_000, "8 kB to 1.2 GB"),
        (107_000_001, 107_000_002, "107 MB"),
    ],
)
def test_bytes_have_the_unit_that_fits(least, most, text):
    assert bytes_text(least, most) == text


def test_the_time_counts_bytes_and_answers():
    # 4 MB at 2 MB/s, and two answers of 2 s, four at once.
    files = [file_of("a", 1_000_000, 3_000_000), file_of("b", 2_000_000)]
    assert duration_s(files) == pytest.approx(2 + 2 * 2 / 4)
    assert duration_text(files) == ("About 3 seconds at 2 MB/s and 2 s for each answer, 4 at once.")


def test_the_fraction_grows_to_one_whatever_came():
    large, small = file_of("large", 10_000_000, 30_000_000), file_of("small", 0)
    arrivals = Arrivals([large, small])
    assert arrivals.fraction == 0
    arrivals.add(large, 10_000_000)
    half = arrivals.fraction
    assert half == pytest.approx(5 / 11)
    # More than was expected is not more than the file.
    arrivals.add(large, 90_000_000)
    assert half < arrivals.fraction < 1
    # A file that is done counts as done, also if less came than was expected, or nothing.
    arrivals.settle(small)
    arrivals.settle(large)
    assert arrivals.fraction == 1
    assert arrivals.bytes == 100_000_000


def test_nothing_to_fetch_is_done():
    assert Arrivals([]).fraction == 1
