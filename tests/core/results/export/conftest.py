"""Maps of two years with gaps, sea and a known value in each cell, and where checkers are."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.files.stack import FILLED, MISSING, OBSERVED, MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.results.export.description import Description
from gwsa.gwsa_plugin.core.results.export.licences import LICENCES
from gwsa.gwsa_plugin.core.results.export.product import find_sigma, select_product

ROOT = Path(__file__).parents[4]
# Made by `make checkers`.
CHECKERS = ROOT / "build" / "checkers" / "bin"
# More than one chunk of 240 in each direction, with a remainder.
GRID = Grid(70.0, 32.0, 1 / 120, 1 / 120, 250, 500)
MONTHS = month_range("2004-01", "2005-12")
SOURCES = (MISSING, MISSING, OBSERVED, MISSING, FILLED, FILLED, *[OBSERVED] * 18)
SEA_COLUMNS = 245
RUN = {
    "GWSA_STAGE": "downscale",
    "GWSA_VERSION": "0.1.0",
    "GWSA_INPUTS": '{"GWSA": {"name": "gwsa.tif", "sha256": "00ff"}}',
    "GWSA_PARAMETERS": '{"method": "footprint", "seed": 1}',
    "GWSA_BASELINE": "2004-01..2009-12",
    "GWSA_DETAIL": "untested",
}


def known_values() -> np.ndarray:
    """GWSA in cm, shape (months, rows, columns): multiples of 1/128 that differ everywhere."""
    month, row, column = np.ogrid[: MONTHS.size, : GRID.rows, : GRID.columns]
    values = ((row * 977 + column * 331 + month * 53) % 9973 - 4000) / 128
    values[:, :, :SEA_COLUMNS] = np.nan
    values[[source == MISSING for source in SOURCES]] = np.nan
    return values.astype(np.float32)


def write_year(folder: Path, year: int, values: np.ndarray, sources, tags=RUN) -> None:
    months = month_range(f"{year}-01", f"{year}-12")
    stack = MonthlyStack(GRID, months, values, tuple(sources), "GWSA", "cm")
    write_stack(folder / f"GWSA_{year}.tif", stack, tags)
    sigma = MonthlyStack(
        GRID, months, np.abs(values) / 4 + np.float32(1), tuple(sources), "GWSA_SIGMA", "cm"
    )
    path = folder / "sigma" / f"GWSA_SIGMA_{year}.tif"
    write_stack(path, sigma, {**tags, "GWSA_SIGMA": "calibrated on 25 wells"})


@pytest.fixture(scope="session")
def maps_folder(tmp_path_factory) -> Path:
    """Folder of two yearly maps and their sigma."""
    folder = tmp_path_factory.mktemp("maps")
    values = known_values()
    for number, year in enumerate((2004, 2005)):
        part = slice(12 * number, 12 * number + 12)
        write_year(folder, year, values[part], SOURCES[part])
    return folder


@pytest.fixture(scope="session")
def product(maps_folder):
    """The maps and their sigma as a product."""
    maps = YearlyMaps.in_folder(maps_folder)
    return select_product(maps, find_sigma(maps))


@pytest.fixture(scope="session")
def description() -> Description:
    return Description.from_texts(
        "Groundwater storage of the Müller basin: “1 km”",
        "Family, Given (0000-0002-1825-0097); Institute of Hydrology",
        LICENCES[0],
        "10.5072/example",
    )


@pytest.fixture
def checker():
    """Function that runs a program of `make checkers` and returns its text; skips without it."""

    def run(program: str, *arguments) -> str:
        path = CHECKERS / program
        if not path.exists():
            pytest.skip(f"{program} is not in build/checkers; make checkers installs it")
        done = subprocess.run(
            [path, *map(str, arguments)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run
