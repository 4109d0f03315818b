"""AppEEARS with the vegetation and the surface temperature of MODIS.

References
----------
AppEEARS API, https://appeears.earthdatacloud.nasa.gov/api/
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from pathlib import Path
from threading import Lock

import numpy as np

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.fetching.servers import DUMMY_LOGIN

from ..fields import field_on, geotiff, stored
from ..messages import NOT_THERE, Asked, Handler, Reply

HOSTS = ("appeears.earthdatacloud.nasa.gov",)
SESSION = "session-token-of-appeears"
# Layer -> predictor of the world, scale, offset, fill, type, pixel in degrees, days, and what the
# composites of a month differ by in stored steps.
LAYERS = {
    "_1_km_monthly_NDVI": ("ndvi", 0.0001, 0.0, -3000, "int16", 1 / 120, 31, 0),
    "Lai_500m": ("lai", 0.1, 0.0, 255, "uint8", 1 / 240, 8, 1),
    "LST_Day_1km": ("land_surface_temperature", 0.02, -273.15, 0, "uint16", 1 / 120, 8, 10),
}  # fmt: skip
# Questions before a task is done.
PATIENCE = 2


def handler(folder: Path, accepts_tokens: bool = True) -> Handler:
    """Return what answers with the vegetation of a sample world.

    ``accepts_tokens`` tells whether a token of Earthdata is accepted beside those of sessions.
    """
    tasks: dict[str, dict] = {}
    asked_for: dict[str, int] = {}
    lock = Lock()

    def reply(asked: Asked) -> Reply:
        parts = asked.path.strip("/").split("/")
        if parts[:1] != ["api"]:
            return NOT_THERE
        if parts[1:] == ["login"]:
            return _login(asked)
        if asked.token != SESSION and not (accepts_tokens and asked.token == DUMMY_LOGIN):
            return _json({"message": "The token is invalid or expired"}, 403)
        with lock:
            if parts[1:] == ["task"] and asked.method == "POST":
                task_id = f"task-{len(tasks) + 1}"
                tasks[task_id] = json.loads(asked.body)["params"]
                return _json({"task_id": task_id, "status": "pending"}, 202)
            if len(parts) < 3 or parts[2] not in tasks:
                return _json({"message": "not found"}, 404)
            if parts[1] == "task":
                asked_for[parts[2]] = asked_for.get(parts[2], 0) + 1
                done = asked_for[parts[2]] > PATIENCE
                return _json({"task_id": parts[2], "status": "done" if done else "processing"})
        files = _files(folder, tasks[parts[2]])
        if len(parts) == 3:
            return _json({"files": [_facts(name, content()) for name, content in files.items()]})
        return next(
            (Reply(200, {"Content-Type": "image/tiff"}, content())
             for name, content in files.items() if _file_id(name) == parts[3]),
            NOT_THERE,
        )  # fmt: skip

    return reply


def _login(asked: Asked) -> Reply:
    expected = b64encode(DUMMY_LOGIN.encode()).decode()
    if asked.method != "POST" or asked.headers.get("authorization") != f"Basic {expected}":
        return _json({"message": "Invalid username or password"}, 401)
    return _json({"token_type": "Bearer", "token": SESSION, "expiration": "2030-01-01T00:00:00Z"})


def _files(folder: Path, params: dict) -> dict:
    """Names of the files of a task -> what makes their content."""
    (dates,), (layer,) = params["dates"], params["layers"]
    first, last = (_day(dates[key]) for key in ("startDate", "endDate"))
    name, *_, days, _ = LAYERS[layer["layer"]]
    found = {}
    for number, feature in enumerate(params["geo"]["features"], start=1):
        ring = np.array(feature["geometry"]["coordinates"][0])
        for day in _composites(first, last, days):
            year = str(day)[:4]
            path = folder / "predictors" / f"{name}_{year}.tif"
            if path.is_file():
                stem = f"{layer['product']}_{layer['layer']}_doy{year}{_number(day):03d}"
                found[f"{stem}_aid{number:04d}.tif"] = _content(path, day, layer["layer"], ring)
                quality = f"{layer['product']}_Quality_doy{year}{_number(day):03d}"
                found[f"{quality}_aid{number:04d}.tif"] = lambda: b"II*\x00 quality"
    found["README.md"] = lambda: b"# AppEEARS"
    return found


def _content(path: Path, day: np.datetime64, layer: str, ring: np.ndarray):
    _, scale, offset, fill, dtype, pixel, days, step = LAYERS[layer]
    west, south = ring.min(axis=0)
    east, north = ring.max(axis=0)
    globe = Grid(-180.0, 90.0, pixel, pixel, round(180 / pixel), round(360 / pixel))
    grid = globe.subgrid(*globe.window((west, south, east, north)))

    def content() -> bytes:
        month = int(str(day)[5:7])
        numbers = stored(field_on(path, month, grid), scale, offset, fill, dtype)
        # The mean of the composites of a month is the value of the world.
        others = _composites(day.astype("datetime64[M]"), day.astype("datetime64[M]") + 1, days)
        own = [one for one in others if str(one)[:7] == str(day)[:7]]
        shift = step * (2 * own.index(day) - len(own) + 1)
        wide = numbers.astype("int64")
        numbers = np.where(numbers == fill, wide, wide + shift).astype(dtype)
        return geotiff(numbers, grid, fill)

    return content


def _composites(first, last, days: int) -> list[np.datetime64]:
    """First days of the composites: of each month, or of each eight days from 1 January on."""
    first, last = first.astype("datetime64[D]"), last.astype("datetime64[D]")
    every = np.arange(first, last + 1)
    if days > 8:
        return [day for day in every if str(day).endswith("-01")]
    return [day for day in every if (_number(day) - 1) % days == 0]


def _number(day: np.datetime64) -> int:
    return int((day - day.astype("datetime64[Y]").astype("datetime64[D]")).astype(int)) + 1


def _day(text: str) -> np.datetime64:
    month, day, year = re.fullmatch(r"(\d\d)-(\d\d)-(\d{4})", text).groups()
    return np.datetime64(f"{year}-{month}-{day}")


def _facts(name: str, content: bytes) -> dict:
    return {
        "sha256": hashlib.sha256(content).hexdigest(), "file_id": _file_id(name),
        "file_name": f"folder/{name}", "file_size": len(content),
        "file_type": name.rpartition(".")[2],
    }  # fmt: skip


def _file_id(name: str) -> str:
    return hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()


def _json(content: dict, status: int = 200) -> Reply:
    return Reply(status, {"Content-Type": "application/json"}, json.dumps(content).encode())
