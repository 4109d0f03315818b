"""Memory that this process can still take, and the refusal of runs that need more."""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from .control_groups import control_groups, read_text
from .errors import InputError
from .progress import Progress

GB = 1e9
# Runs that need less are not mentioned.
SMALL = 1e9


def require_memory(needed: float, subject: str, progress: Progress) -> None:
    """Log the memory that the next step needs, and refuse one that needs more than there is.

    Parameters
    ----------
    needed : float
        Estimate of the bytes that it takes in addition to those that the process has.
    subject : str
        Begins the sentences, for example ``"Filling 40,000 series of 240 months"``.
    progress : Progress

    Raises
    ------
    InputError
        When less memory is available. Nothing is refused where that is not known.
    """
    if needed >= SMALL:
        progress.info(f"{subject} needs about {needed / GB:.1f} GB of memory.")
    available = available_memory()
    if available is not None and needed > available:
        raise InputError(
            f"{subject} needs about {needed / GB:.1f} GB of memory, and {available / GB:.1f} GB "
            "are available; choose a smaller region or a shorter period, or close other programs."
        )


def available_memory(system: Path = Path("/")) -> float | None:
    """Return the bytes that this process can still take without swapping; None if not known.

    A batch system or a container can limit a process to less than the machine has.

    Parameters
    ----------
    system : Path
        Folder that holds ``proc`` and ``sys``.

    References
    ----------
    Linux kernel documentation, /proc/meminfo, Control Group v2, ``memory.max``, and memory
    controller of version 1; Microsoft, GlobalMemoryStatusEx.
    """
    if sys.platform == "win32":
        return _available_in_windows()
    found = re.search(r"MemAvailable:\s+(\d+) kB", read_text(system / "proc/meminfo"))
    amounts = [*([int(found[1]) * 1024.0] if found else []), *_left_in_groups(system)]
    return min(amounts) if amounts else None


def _left_in_groups(system: Path) -> Iterator[float]:
    """What each control group leaves: its limit less its use, of which cached files count not."""
    for folder in control_groups("memory", system):
        for limit, use in (
            ("memory.max", "memory.current"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes"),
        ):
            most, used = (read_text(folder / name).strip() for name in (limit, use))
            if most.isdigit() and used.isdigit():
                cached = re.search(
                    r"^(?:total_)?inactive_file (\d+)$", read_text(folder / "memory.stat"), re.M
                )
                yield max(int(most) - int(used) + (int(cached[1]) if cached else 0), 0.0)


class _MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX of Windows."""

    _fields_ = [
        ("length", ctypes.c_uint32),
        ("load", ctypes.c_uint32),
        *((f"amount_{number}", ctypes.c_uint64) for number in range(7)),
    ]


def _available_in_windows() -> float | None:
    status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
    if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):  # type: ignore
        return None
    # Total and free physical memory are the first two amounts.
    return float(status.amount_1)
