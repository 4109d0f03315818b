"""Tasks of NASA's AppEEARS: made once, kept on disk, and asked for until they are done.

References
----------
AppEEARS API, https://appeears.earthdatacloud.nasa.gov/api/ (task, bundle)
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ..base.grid import Bounds
from ..files.atomic import atomic_file
from .client import Client
from .http import NotReady, NotThere, Refused, Request
from .logins import read_logins
from .regions import between_180, region_key

API = "https://appeears.earthdatacloud.nasa.gov/api"
LOGIN = "appeears"
DONE = "done"
UNDER_WAY = ("pending", "queued", "processing")


@dataclass(frozen=True)
class Task:
    """A task on the server.

    Attributes
    ----------
    task_id : str
    product, layer : str
        What it is about.
    region : str
        Bounds as in ``region_key``.
    first, last : str
        Its first and last month, YYYY-MM.
    """

    task_id: str
    product: str
    layer: str
    region: str
    first: str
    last: str

    def has(self, product: str, layer: str, region: str, month: str) -> bool:
        """Return True if the task has a month of a layer in a region."""
        own = (self.product, self.layer, self.region)
        return own == (product, layer, region) and self.first <= month <= self.last


class TaskFile:
    """The tasks of one source, in a file beside its data.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path):
        self._path = path

    def read(self) -> list[Task]:
        """Return the tasks, the newest first."""
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
            return [Task(**item) for item in content]
        except (OSError, ValueError, TypeError):
            return []

    def write(self, tasks: list[Task]) -> None:
        """Keep the tasks."""
        with atomic_file(self._path) as part:
            content = json.dumps([vars(task) for task in tasks], indent=2)
            part.write_text(content, encoding="utf-8")


def submit(client: Client, product: str, layer: str, bounds: Bounds, months: np.ndarray) -> Task:
    """Make a task for all months from the first to the last of ``months``.

    Raises
    ------
    Refused
        When the server does not accept it.
    """
    first, last = months[0], months[-1]
    end = np.datetime64(last + 1, "D") - 1
    body = {
        "task_type": "area",
        "task_name": f"gwsa {product} {layer} {first} {last}",
        "params": {
            "dates": [{"startDate": _american(first), "endDate": _american(end)}],
            "layers": [{"product": product, "layer": layer}],
            "output": {"format": {"type": "geotiff"}, "projection": "geographic"},
            "geo": {
                "type": "FeatureCollection",
                "features": [_feature(box) for box in between_180(bounds)],
            },
        },
    }
    request = Request(
        f"{API}/task",
        {"Content-Type": "application/json"},
        "POST",
        json.dumps(body).encode("utf-8"),
    )
    answer = _ask(client, request)
    try:
        task_id = str(answer["task_id"])
    except (KeyError, TypeError):
        raise _unexpected() from None
    return Task(task_id, product, layer, region_key(bounds), str(first), str(last))


@dataclass
class _State:
    """What the server last answered about a task."""

    lock: Any = field(default_factory=Lock)
    ask_at: float = 0.0
    files: list[dict] | None = None


# Client -> task -> its state in this run.
_states: WeakKeyDictionary[Client, dict[str, _State]] = WeakKeyDictionary()
_states_lock = Lock()


def files_of(client: Client, task: Task, every_s: float) -> list[dict]:
    """Return the files of a task; the server is asked at most once in ``every_s`` seconds.

    Returns
    -------
    list of dict
        ``file_id``, ``file_name``, ``file_size`` and ``sha256`` of each.

    Raises
    ------
    NotReady
        When the task is not done.
    NotThere
        When it failed, or the server no longer has it.
    """
    with _states_lock:
        state = _states.setdefault(client, {}).setdefault(task.task_id, _State())
    with state.lock:
        if state.files is None:
            left = state.ask_at - monotonic()
            if left > 0:
                raise NotReady(_waits(task), left)
            status = _ask(client, Request(f"{API}/task/{task.task_id}")).get("status")
            if status in UNDER_WAY:
                state.ask_at = monotonic() + every_s
                raise NotReady(_waits(task), every_s)
            if status != DONE:
                raise NotThere(f"AppEEARS could not finish the task {task.task_id} ({status}).")
            files = _ask(client, Request(f"{API}/bundle/{task.task_id}")).get("files")
            if not isinstance(files, list):
                raise _unexpected()
            state.files = files
        return state.files


def _ask(client: Client, request: Request) -> dict:
    _, body = client.read(request, read_logins()[LOGIN])
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise _unexpected()
    return answer


def _unexpected() -> Refused:
    return Refused("AppEEARS does not answer as its documentation states; run it again later.")


def _waits(task: Task) -> str:
    return f"AppEEARS prepares {task.product} {task.layer} (task {task.task_id})"


def _american(day: np.datetime64) -> str:
    """A day as MM-DD-YYYY."""
    year, month, number = str(np.datetime64(day, "D")).split("-")
    return f"{month}-{number}-{year}"


def _feature(box: Bounds) -> dict:
    west, south, east, north = box
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "properties": {}, "geometry": geometry}
