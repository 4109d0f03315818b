"""Wells and aquifers of the sample world, with the flaws that such data have."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .land import Land
from .random_fields import generator

KM2_PER_WELL, FEWEST_WELLS = 1500.0, 40
CONFINED_SHARE, NO_YIELD_SHARE, TWICE_SHARE = 0.08, 0.05, 0.03
LEVEL_NOISE_M = 0.08
PLACEHOLDERS = (-999.0, 9999.0)
# Of the aquifers: name, centre as a share of the region's width and height, radius as a share of the smaller, parent.
AQUIFERS = (
    ("Northern Plain", 0.30, 0.70, 0.24, None),
    ("Eastern Basin", 0.72, 0.58, 0.22, None),
    ("Middle Terraces", 0.50, 0.60, 0.15, None),  # overlaps the two above
    ("Southern Sands", 0.62, 0.20, 0.16, None),
    ("Spring Valley", 0.88, 0.88, 0.04, "Eastern Basin"),  # too small for a model of its own
)


@dataclass(frozen=True)
class SampleWells:
    """One entry a well: its pixel in ``rows`` and ``columns`` of the 1 km grid, where it is in degrees, its true
    specific yield (storativity of a confined one), and whether it is confined."""

    rows: np.ndarray
    columns: np.ndarray
    longitudes: np.ndarray
    latitudes: np.ndarray
    specific_yield: np.ndarray
    confined: np.ndarray

    @property
    def names(self) -> list[str]:
        return [f"W{i:04d}" for i in range(1, self.rows.size + 1)]


def place_wells(land: Land, seed: int) -> SampleWells:
    """Wells on land, more of them where people farm."""
    rng = generator(seed, "wells")
    count = max(int(land.cell_land_area.sum() / KM2_PER_WELL), FEWEST_WELLS)
    weight = (land.mask * (0.15 + land.farmland)).ravel().astype(np.float64)
    rows, columns = np.unravel_index(
        rng.choice(weight.size, count, False, weight / weight.sum()), land.mask.shape
    )
    sand = land.drivers["sand"][rows, columns]
    confined = rng.random(count) < CONFINED_SHARE
    unconfined_yield = np.clip(
        0.04 + 0.0018 * sand * np.exp(0.25 * rng.standard_normal(count)), 0.03, 0.3
    )
    within_pixel = rng.uniform(-0.45, 0.45, (2, count))
    return SampleWells(
        rows, columns,
        land.grid.longitudes[columns] + within_pixel[0] * land.grid.dx,
        land.grid.latitudes[rows] + within_pixel[1] * land.grid.dy,
        np.where(confined, 10 ** rng.uniform(-4, -3, count), unconfined_yield),
        confined,
    )  # fmt: skip


def write_wells(
    folder: Path, wells: SampleWells, months: np.ndarray, gwsa: np.ndarray, seed: int
) -> None:
    """``wells.geojson`` and ``observations.csv`` in ``folder``. ``gwsa``: cm at the wells, shape (months, wells)."""
    rng = generator(seed, "well records")
    stated = wells.specific_yield * np.exp(0.1 * rng.standard_normal(wells.rows.size))
    unknown = ~wells.confined & (rng.random(wells.rows.size) < NO_YIELD_SHARE)
    features = []
    for i, name in enumerate(wells.names):
        yields = None if unknown[i] else round(float(stated[i]), 5 if wells.confined[i] else 3)
        properties = {"well": name, "confined": int(wells.confined[i]), "specific_yield": yields}
        features.append(_feature("Point", [wells.longitudes[i], wells.latitudes[i]], properties))
    twice = rng.random(len(features)) < TWICE_SHARE
    twice[0] = True
    features += [feature for feature, again in zip(list(features), twice) if again]
    _write_geojson(folder / "wells.geojson", "wells", features)
    with open(folder / "observations.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("well", "date", "depth_to_water"))
        for i, name in enumerate(wells.names):
            table.writerows((name, *row) for row in _record(months, gwsa[:, i], wells, i, rng))


def _record(months, gwsa, wells: SampleWells, i: int, rng) -> list[tuple[str, float]]:
    """Dates and depths to water (m) of one well: its sampling, its datum, its noise, its mistakes."""
    depth = _depth(gwsa, wells, i, rng)
    kept = _sampled(months, rng)
    rows = [
        (_day(month, rng), round(float(value), 2))
        for month, value in zip(months[kept], depth[kept])
    ]
    if rng.random() < 0.15:
        place = int(rng.integers(len(rows)))
        rows.insert(place, (rows[place][0], PLACEHOLDERS[int(rng.integers(2))]))
    if rng.random() < 0.1:
        place = int(rng.integers(len(rows)))
        rows[place] = (rows[place][0], -rows[place][1])
    if rng.random() < 0.15:
        place = int(rng.integers(len(rows)))
        rows.insert(place + 1, (rows[place][0], round(rows[place][1] + 0.03, 2)))
    return rows


def _depth(gwsa: np.ndarray, wells: SampleWells, i: int, rng) -> np.ndarray:
    """m below the well's own datum; a confined well shows pressure, which follows other things than storage nearby."""
    if wells.confined[i]:
        pressure = np.cumsum(rng.standard_normal(gwsa.size)) * 0.4
        rise = 0.03 * gwsa + pressure
    else:
        rise = gwsa / 100 / wells.specific_yield[i]
    return (
        rise.max() + rng.uniform(1.0, 15.0) - rise + LEVEL_NOISE_M * rng.standard_normal(gwsa.size)
    )


def _sampled(months: np.ndarray, rng) -> np.ndarray:
    """The places of the months that a well was read in: monthly or quarterly, for a time, with gaps."""
    first = int(rng.integers(0, months.size // 4)) if rng.random() < 0.35 else 0
    last = months.size - (int(rng.integers(0, months.size // 4)) if rng.random() < 0.35 else 0)
    kept = np.arange(first, last, 3 if rng.random() < 0.3 else 1)
    present = rng.random(kept.size) > 0.06
    if rng.random() < 0.3:
        gap = int(rng.integers(kept.size))
        present[gap : gap + 8] = False
    present[0] = True
    return kept[present]


def _day(month: np.datetime64, rng) -> str:
    return str(month.astype("datetime64[D]") + int(rng.integers(4, 25)))


def write_aquifers(path: Path, land: Land, seed: int) -> None:
    """Five polygons: two of them overlap, one is too small for a model of its own, and land is left over."""
    rng = generator(seed, "aquifers")
    west, south, east, north = land.grid.bounds
    width, height = east - west, north - south
    numbers = {name: i for i, (name, *_) in enumerate(AQUIFERS, start=1)}
    features = []
    for name, x, y, radius, parent in AQUIFERS:
        ring = _blob(west + x * width, south + y * height, radius * min(width, height), rng)
        properties = {
            "id": numbers[name], "name": name, "parent": numbers.get(parent),
            "specific_yield": round(float(rng.uniform(0.06, 0.2)), 3),
        }  # fmt: skip
        features.append(_feature("Polygon", [ring], properties))
    _write_geojson(path, "aquifers", features)


def _blob(x: float, y: float, radius: float, rng) -> list[list[float]]:
    """A closed ring of 72 points around (x, y), counter-clockwise."""
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
    """RFC 7946: longitude and latitude on WGS 84."""
    content = {"type": "FeatureCollection", "name": name, "features": features}
    path.write_text(json.dumps(content, indent=None) + "\n", encoding="utf-8")
