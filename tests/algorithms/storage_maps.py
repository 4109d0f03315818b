"""Maps with pulses of recharge and a drought, and polygons on them, for tests of results."""

import json
from pathlib import Path

import numpy as np

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import calendar_month, month_range
from gwsa.gwsa_plugin.core.files.stack import FILLED, OBSERVED, MonthlyStack, write_stack

MONTHS = month_range("2005-01", "2014-12")
GRID = Grid(70.0, 30.0, 0.5, 0.5, 4, 8)
FILLED_MONTHS = month_range("2009-03", "2009-04")
DRY_YEAR = month_range("2012-06", "2013-05")


def write_storage(folder: Path) -> dict[str, Path]:
    """Write a stack, its sigma, yearly maps and polygons; return their paths.

    Each September recharges 15 cm in the west and 6 cm in the east, apart from ``DRY_YEAR``.
    """
    kept = np.exp(-1 / 5)
    rng = np.random.default_rng(8)
    fields = []
    for amount in (15.0, 6.0):
        storage = [0.0]
        for month in MONTHS[1:]:
            wet = calendar_month(month) == 9 and month not in DRY_YEAR
            storage.append(-10 + (storage[-1] + 10) * kept + wet * amount * kept**0.5)
        fields.append(np.array(storage))
    values = np.repeat(np.stack(fields, axis=1)[:, None], 4, axis=1).repeat(4, axis=2)
    values = values + 0.05 * rng.normal(size=(MONTHS.size, 1, 1))
    source = [FILLED if month in FILLED_MONTHS else OBSERVED for month in MONTHS]
    stack = MonthlyStack.on_calendar(GRID, MONTHS, values, "GWSA", source=source)
    sigma = MonthlyStack.on_calendar(GRID, MONTHS, np.full_like(values, 0.4), "GWSA_SIGMA")
    paths = {
        "stack": folder / "gwsa.tif",
        "sigma": folder / "gwsa_sigma.tif",
        "maps": folder / "maps",
        "aquifers": folder / "aquifers.geojson",
    }
    write_stack(paths["stack"], stack)
    write_stack(paths["sigma"], sigma)
    for year in range(2005, 2015):
        period = (np.datetime64(f"{year}-01", "M"), np.datetime64(f"{year}-12", "M"))
        write_stack(paths["maps"] / f"GWSA_{year}.tif", stack.select(*period))
        write_stack(paths["maps"] / "sigma" / f"GWSA_SIGMA_{year}.tif", sigma.select(*period))
    features = [
        _feature("west", 70.0, 72.0),
        _feature("east", 72.0, 73.0),
        # The same aquifer in two features.
        _feature("east", 73.0, 74.0),
    ]
    collection = {"type": "FeatureCollection", "features": features}
    paths["aquifers"].write_text(json.dumps(collection), encoding="utf-8")
    return paths


def _feature(name: str, west: float, east: float) -> dict:
    ring = [[west, 28.0], [east, 28.0], [east, 30.0], [west, 30.0], [west, 28.0]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "properties": {"aquifer": name}, "geometry": geometry}
