"""Products of matrices have the same bits for any number of threads that BLAS is given."""

import os
import subprocess
import sys

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.blas import blas_libraries, one_blas_thread

PROGRAM = """
import sys
import numpy as np
from gwsa.gwsa_plugin.core.base.blas import one_blas_thread
values = np.random.default_rng(0).standard_normal((225, 1600))
weights = np.random.default_rng(1).standard_normal((400, 1600))
with one_blas_thread():
    sys.stdout.buffer.write((values @ weights.T).tobytes())
"""
needs_library = pytest.mark.skipif(not blas_libraries(), reason="threads of BLAS cannot be set")


@needs_library
def test_products_are_the_same_with_four_threads():
    products = []
    for threads in "14":
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
        command = [sys.executable, "-W", "ignore", "-c", PROGRAM]
        done = subprocess.run(command, env=environment, capture_output=True, check=True)
        products.append(done.stdout)
    assert np.isfinite(np.frombuffer(products[0])).sum() == 225 * 400
    assert products[0] == products[1]


@needs_library
def test_the_number_is_restored_when_the_last_run_ends():
    libraries = blas_libraries()
    before = [library.get() for library in libraries]
    for library in libraries:
        library.set(2)
    try:
        first, second = one_blas_thread(), one_blas_thread()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert {library.get() for library in libraries} == {1}
        second.__exit__(None, None, None)
        assert {library.get() for library in libraries} == {2}
        with pytest.raises(ZeroDivisionError), one_blas_thread():
            raise ZeroDivisionError
        assert {library.get() for library in libraries} == {2}
    finally:
        for library, count in zip(libraries, before):
            library.set(count)
