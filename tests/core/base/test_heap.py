"""Memory that was freed goes back to the system."""

import subprocess
import sys

import pytest

SCRIPT = """
from gwsa.gwsa_plugin.core.base.heap import trimmed_heap

def memory():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

with trimmed_heap():
    # Small objects, the last of which keeps the heap from shrinking by itself.
    objects = [bytes(60_000) for _ in range(3000)]
    held = objects[-1]
    del objects
    before = memory()
assert before - memory() > 100e6, (before, memory())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps the memory")
def test_freed_memory_is_returned():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
