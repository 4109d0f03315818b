"""All hosts of the loopback world."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from . import hosts
from .messages import Handler


def all_hosts(folder: Path) -> dict[str, Handler]:
    """Return the handlers of all modules of ``hosts``, for the files of a sample world.

    Each module has ``HOSTS``, the names of its hosts, and ``handler(folder)``.
    """
    found: dict[str, Handler] = {}
    for module in iter_modules(hosts.__path__):
        host = import_module(f"{hosts.__name__}.{module.name}")
        found.update(dict.fromkeys(host.HOSTS, host.handler(Path(folder))))
    return found
