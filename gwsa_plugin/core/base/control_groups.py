"""The control groups of Linux that this process belongs to, which limit cores and memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


def control_groups(controller: str, system: Path = Path("/")) -> Iterator[Path]:
    """Yield the folders of the control groups of this process and of all that contain them.

    Parameters
    ----------
    controller : str
        Name of a controller of version 1, such as ``cpu`` or ``memory``.
    system : Path
        Folder that holds ``proc`` and ``sys``.

    References
    ----------
    Linux kernel documentation, Control Group v2, and Control Groups version 1.
    """
    for line in read_text(system / "proc/self/cgroup").splitlines():
        _, controllers, group = line.split(":", 2)
        # Version 2 has one tree without names of controllers, version 1 a tree for each of them.
        if not controllers or controller in controllers.split(","):
            inside = Path(group.lstrip("/"))
            for path in (inside, *inside.parents):
                yield system / "sys/fs/cgroup" / controllers / path


def read_text(path: Path) -> str:
    """Return the text of a file of the system, empty where there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
