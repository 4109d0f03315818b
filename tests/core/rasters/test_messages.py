"""Messages to and from the child process."""

import io

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.rasters.messages import receive, send


def passed(message):
    stream = io.BytesIO()
    send(stream, message)
    send(stream, "next")
    stream.seek(0)
    received = receive(stream)
    assert receive(stream) == "next"
    return received


def test_arrays_arrive_in_their_places_with_their_types():
    sent = {
        "land": np.array([[True, False, True]]),
        "values": [np.arange(6.0).reshape(2, 3).T, np.zeros((0, 4), ">i2")],
        "number": np.float32(0.1).astype(float),
    }
    received = passed(sent)
    assert received["number"] == sent["number"]
    for one, other in zip([sent["land"], *sent["values"]], [received["land"], *received["values"]]):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_slices_and_numbers_of_numpy_arrive():
    assert passed([slice(np.int64(2), 5), np.int64(7), None]) == [slice(2, 5), 7, None]


def test_tags_named_like_arrays_and_slices_stay_text():
    tags = {"slice": "1", "array": "x"}
    assert passed(tags) == tags


@pytest.mark.parametrize("missing", [1, 30, 48])
def test_a_message_that_is_cut_off_is_an_error(missing):
    stream = io.BytesIO()
    send(stream, np.arange(6.0))
    with pytest.raises(EOFError):
        receive(io.BytesIO(stream.getvalue()[:-missing]))


def test_the_end_of_the_stream_is_an_error():
    with pytest.raises(EOFError):
        receive(io.BytesIO())
