"""The number of processor cores that this process may use."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

from .control_groups import control_groups, read_text


def usable_cores(system: Path = Path("/")) -> int:
    """Return the number of cores that this process may use, which the machine may exceed.

    A batch system or a container restricts a process to some of the cores (its affinity), or to
    the computing time of some cores (the quota of its control group).

    Parameters
    ----------
    system : Path
        Folder that holds ``proc`` and ``sys``.

    Returns
    -------
    int
        The smaller one of both, quotas rounded up; at least 1.

    References
    ----------
    Linux kernel documentation, Control Group v2, ``cpu.max``, and CFS Bandwidth Control,
    ``cpu.cfs_quota_us``.
    """
    return max(1, min([_cores_by_affinity(), *_quotas(system)]))


def _cores_by_affinity() -> int:
    if hasattr(os, "process_cpu_count"):  # Python 3.13
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quotas(system: Path) -> Iterator[int]:
    """Quotas of the control groups of this process and of all that contain them, in cores."""
    for folder in control_groups("cpu", system):
        yield from _quota(folder)


def _quota(folder: Path) -> Iterator[int]:
    """The quota of a control group; none where it is unlimited, ``max`` or -1."""
    values = (
        read_text(folder / "cpu.max")
        or read_text(folder / "cpu.cfs_quota_us") + read_text(folder / "cpu.cfs_period_us")
    ).split()
    if len(values) == 2 and all(value.isdigit() and int(value) for value in values):
        quota, period = map(int, values)
        yield math.ceil(quota / period)
