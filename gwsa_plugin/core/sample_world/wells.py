"""Wells and aquifers of the sample world.

The well records contain errors that are common in real data: placeholders, wrong signs, duplicate
entries, gaps, and wells without a specific yield.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .land import Land
from .random_fields import generator

KM2_PER_WELL = 1500.0
MIN_WELLS = 40
CONFINED_FRACTION = 0.08
NO_YIELD_FRACTION = 0.05
DUPLICATE_FRACTION = 0.03
LEVEL_NOISE_M = 0.08
PLACEHOLDERS = (-999.0, 9999.0)
# Name; centre as fractions of the region's width and height; radius as a fraction of the smaller
# of both; parent aquifer.
AQUIFERS = (
    ("Northern Plain", 0.30, 0.70, 0.24, None),
    ("Eastern Basin", 0.72, 0.58, 0.22, None),
    # Overlaps the two above.
    ("Middle Terraces", 0.50, 0.60, 0.15, None),
    ("Southern Sands", 0.62, 0.20, 0.16, None),
    # Too small for a model of its own.
    ("Spring Valley", 0.88, 0.88, 0.04, "Eastern Basin"),
)


@dataclass(frozen=True)
class SampleWells:
    """Position and aquifer properties of the wells, one array element per well.

    Parameters
    ----------
    rows, columns : ndarray of int
        Pixel of the 1 km grid.
    longitudes, latitudes : ndarray
        Position, degrees.
    specific_yield : ndarray
        True specific yield; storativity for confined wells.
    confined : ndarray of bool
        True for wells in a confined aquifer.
    """

    rows: np.ndarray
    columns: np.ndarray
    longitudes: np.ndarray
    latitudes: np.ndarray
    specific_yield: np.ndarray
    confined: np.ndarray

    @property
    def names(self) -> list[str]:
        """Identifiers of the wells, W0001 and so on."""
        return [f"W{i:04d}" for i in range(1, self.rows.size + 1)]


def place_wells(land: Land, seed: int) -> SampleWells:
    """Place wells on land, more densely on farmland.

    Parameters
    ----------
    land : Land
        The land of the sample world.
    seed : int
        Seed of the world.

    Returns
    -------
    SampleWells
    """
    rng = generator(seed, "wells")
    count = max(int(land.cell_land_area.sum() / KM2_PER_WELL), MIN_WELLS)
    weight = (land.mask * (0.15 + land.farmland)).ravel().astype(np.float64)
    pixels = rng.choice(weight.size, count, replace=False, p=weight / weight.sum())
    rows, columns = np.unravel_index(pixels, land.mask.shape)
    sand = land.drivers["sand"][rows, columns]
    confined = rng.random(count) < CONFINED_FRACTION
    scatter = np.exp(0.25 * rng.standard_normal(count))
    unconfined_yield = np.clip(0.04 + 0.0018 * sand * scatter, 0.03, 0.3)
    within_pixel = rng.uniform(-0.45, 0.45, (2, count))
    storativity = 10 ** rng.uniform(-4, -3, count)
    return SampleWells(
        rows=rows,
        columns=columns,
        longitudes=land.grid.longitudes[columns] + within_pixel[0] * land.grid.dx,
        latitudes=land.grid.latitudes[rows] + within_pixel[1] * land.grid.dy,
        specific_yield=np.where(confined, storativity, unconfined_yield),
        confined=confined,
    )


def write_wells(
    folder: Path,
    wells: SampleWells,
    months: np.ndarray,
    gwsa: np.ndarray,
    seed: int,
    yield_factor: float = 1.0,
) -> None:
    """Write ``wells.geojson`` and ``observations.csv``.

    Parameters
    ----------
    folder : Path
        Folder of the two files.
    wells : SampleWells
        The wells.
    months : ndarray of datetime64[M], shape (months,)
        Months of the 1 km truth.
    gwsa : ndarray, shape (months, wells)
        True GWSA at the wells, cm.
    seed : int
        Seed of the world.
    yield_factor : float
        Factor by which all stated specific yields err.
    """
    # All records share one random stream, so the order of the draws is fixed.
    rng = generator(seed, "well records")
    scatter = np.exp(0.1 * rng.standard_normal(wells.rows.size))
    stated_yield = yield_factor * wells.specific_yield * scatter
    unknown = ~wells.confined & (rng.random(wells.rows.size) < NO_YIELD_FRACTION)
    features = []
    for i, name in enumerate(wells.names):
        digits = 5 if wells.confined[i] else 3
        specific_yield = None if unknown[i] else round(float(stated_yield[i]), digits)
        properties = {
            "well": name,
            "confined": int(wells.confined[i]),
            "specific_yield": specific_yield,
        }
        features.append(_feature("Point", [wells.longitudes[i], wells.latitudes[i]], properties))
    # The first well and a few others are listed twice.
    duplicated = rng.random(len(features)) < DUPLICATE_FRACTION
    duplicated[0] = True
    features += [feature for feature, again in zip(list(features), duplicated) if again]
    _write_geojson(folder / "wells.geojson", "wells", features)
    with open(folder / "observations.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("well", "date", "depth_to_water"))
        for i, name in enumerate(wells.names):
            table.writerows((name, *row) for row in _record(months, gwsa[:, i], wells, i, rng))


def _record(
    months: np.ndarray, gwsa: np.ndarray, wells: SampleWells, i: int, rng: np.random.Generator
) -> list[tuple[str, float]]:
    """Dates and depths to water (m) of well ``i``, with noise and errors.

    ``gwsa`` is the true GWSA at this well, cm, shape (months,).
    """
    depth = _depth_to_water(gwsa, wells, i, rng)
    observed = _observed_months(months.size, rng)
    rows = [
        (_day(month, rng), round(float(value), 2))
        for month, value in zip(months[observed], depth[observed])
    ]
    # A placeholder on the date of another entry.
    if rng.random() < 0.15:
        entry = int(rng.integers(len(rows)))
        rows.insert(entry, (rows[entry][0], PLACEHOLDERS[int(rng.integers(2))]))
    # A wrong sign.
    if rng.random() < 0.1:
        entry = int(rng.integers(len(rows)))
        rows[entry] = (rows[entry][0], -rows[entry][1])
    # A second measurement on the same day.
    if rng.random() < 0.15:
        entry = int(rng.integers(len(rows)))
        rows.insert(entry + 1, (rows[entry][0], round(rows[entry][1] + 0.03, 2)))
    return rows


def _depth_to_water(
    gwsa: np.ndarray, wells: SampleWells, i: int, rng: np.random.Generator
) -> np.ndarray:
    """Depth below the datum of well ``i`` in m, shape (months,).

    The head in a confined well is mostly a random walk, independent of the storage at its pixel.
    """
    if wells.confined[i]:
        pressure = np.cumsum(rng.standard_normal(gwsa.size)) * 0.4
        rise = 0.03 * gwsa + pressure
    else:
        rise = gwsa / 100 / wells.specific_yield[i]
    datum = rise.max() + rng.uniform(1.0, 15.0)
    return datum - rise + LEVEL_NOISE_M * rng.standard_normal(gwsa.size)


def _observed_months(count: int, rng: np.random.Generator) -> np.ndarray:
    """Indices of the months with a measurement: monthly or quarterly, for some years, with gaps."""
    first = int(rng.integers(0, count // 4)) if rng.random() < 0.35 else 0
    last = count - (int(rng.integers(0, count // 4)) if rng.random() < 0.35 else 0)
    visited = np.arange(first, last, 3 if rng.random() < 0.3 else 1)
    present = rng.random(visited.size) > 0.06
    if rng.random() < 0.3:
        gap = int(rng.integers(visited.size))
        present[gap : gap + 8] = False
    present[0] = True
    return visited[present]


def _day(month: np.datetime64, rng: np.random.Generator) -> str:
    """Random day of a month, YYYY-MM-DD."""
    return str(month.astype("datetime64[D]") + int(rng.integers(4, 25)))


def write_aquifers(path: Path, land: Land, seed: int) -> None:
    """Write five aquifer polygons.

    Two of them overlap, one is too small for a model of its own, and some land is in no aquifer.

    Parameters
    ----------
    path : Path
        The GeoJSON file to write.
    land : Land
        The land of the sample world.
    seed : int
        Seed of the world.
    """
    rng = generator(seed, "aquifers")
    west, south, east, north = land.grid.bounds
    width = east - west
    height = north - south
    numbers = {name: i for i, (name, *_) in enumerate(AQUIFERS, start=1)}
    features = []
    for name, x, y, radius, parent in AQUIFERS:
        ring = _outline(west + x * width, south + y * height, radius * min(width, height), rng)
        properties = {
            "id": numbers[name],
            "name": name,
            "parent": None if parent is None else numbers[parent],
            "specific_yield": round(float(rng.uniform(0.06, 0.2)), 3),
        }
        features.append(_feature("Polygon", [ring], properties))
    _write_geojson(path, "aquifers", features)


def _outline(x: float, y: float, radius: float, rng: np.random.Generator) -> list[list[float]]:
    """Irregular closed ring of 72 points around (x, y), counter-clockwise."""
    angle = np.linspace(0, 2 * np.pi, 73)
    wave = sum(0.12 / k * np.cos(k * angle + rng.uniform(0, 2 * np.pi)) for k in range(2, 6))
    reach = radius * (1 + wave)
    ring = [
        [round(x + r * np.cos(a), 5), round(y + r * np.sin(a), 5)] for r, a in zip(reach, angle)
    ]
    ring[-1] = ring[0]
    return ring


def _feature(kind: str, coordinates, properties: dict) -> dict:
    if kind == "Point":
        coordinates = [round(float(value), 6) for value in coordinates]
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": kind, "coordinates": coordinates},
    }


def _write_geojson(path: Path, name: str, features: list[dict]) -> None:
    """Write GeoJSON (RFC 7946) with longitudes and latitudes on WGS 84."""
    content = {"type": "FeatureCollection", "name": name, "features": features}
    path.write_text(json.dumps(content, indent=None) + "\n", encoding="utf-8")
