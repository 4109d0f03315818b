"""Each thread uses the memory of a name again, for arrays of any shape and type."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from gwsa.gwsa_plugin.core.base.thread_arrays import thread_array


def test_memory_of_a_name_is_used_again_and_grows():
    first = thread_array("one", (3, 5), np.float32)
    assert first.shape == (3, 5) and first.dtype == np.float32 and first.flags.writeable
    smaller = thread_array("one", (4,), np.int16)
    assert smaller.shape == (4,) and smaller.dtype == np.int16
    assert np.shares_memory(first, smaller)
    larger = thread_array("one", (100,), np.float64)
    assert larger.shape == (100,) and not np.shares_memory(first, larger)
    assert np.shares_memory(larger, thread_array("one", (3, 5), np.float32))
    assert thread_array("one", (0, 7), np.uint8).shape == (0, 7)


def test_names_and_threads_have_their_own_memory():
    one, other = thread_array("one", (10,), np.uint8), thread_array("other", (10,), np.uint8)
    assert not np.shares_memory(one, other)
    with ThreadPoolExecutor(1) as threads:
        theirs = threads.submit(thread_array, "one", (10,), np.uint8).result()
    assert not np.shares_memory(one, theirs)
