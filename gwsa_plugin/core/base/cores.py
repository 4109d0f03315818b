"""The number of processor cores that this process may use."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path


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
    for line in _read(system / "proc/self/cgroup").splitlines():
        _, controllers, group = line.split(":", 2)
        # Version 2 has one tree without names of controllers, version 1 a tree for each of them.
        if not controllers or "cpu" in controllers.split(","):
            inside = Path(group.lstrip("/"))
            for path in (inside, *inside.parents):
                yield from _quota(system / "sys/fs/cgroup" / controllers / path)


def _quota(folder: Path) -> Iterator[int]:
    """The quota of a control group; none where it is unlimited, ``max`` or -1."""
    values = (
        _read(folder / "cpu.max")
        or _read(folder / "cpu.cfs_quota_us") + _read(folder / "cpu.cfs_period_us")
    ).split()
    if len(values) == 2 and all(value.isdigit() and int(value) for value in values):
        quota, period = map(int, values)
        yield math.ceil(quota / period)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
