"""Maps of trends: known truth, blocks, q over all pixels, interruption."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.errors import Cancelled, InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import decimal_years, month_range
from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.rasters.reading import open_raster, read_bands
from gwsa.gwsa_plugin.core.results import trend_map
from gwsa.gwsa_plugin.core.results.trend_map import TrendMapOptions, write_trend_map
from gwsa.gwsa_plugin.core.stats.trend_fields import trend_fields
from gwsa.gwsa_plugin.core.stats.trends import benjamini_hochberg

GRID = Grid(70.0, 32.0, 0.25, 0.25, 20, 24)
MONTHS = month_range("2004-01", "2012-12")
TRUTH = np.linspace(-3, 3, GRID.columns)


def example(noise=0.5, seed=0):
    """Trends that rise from west to east, a wave with its peak in September, and ocean."""
    years = decimal_years(MONTHS)
    generator = np.random.default_rng(seed)
    wave = 6 * np.cos(2 * np.pi * (years - years[8]))
    values = (years - 2008)[:, None, None] * TRUTH + wave[:, None, None]
    values = values + noise * generator.standard_normal((MONTHS.size, *GRID.shape))
    values[:, 15:] = np.nan
    values[[30, 31, 60]] = np.nan
    return values.astype(np.float32)


def maps_of(path, values, grid=GRID):
    write_stack(path, MonthlyStack.on_calendar(grid, MONTHS, values, "GWSA"))
    return YearlyMaps.from_files([path])


def bands_of(path):
    with open_raster(path) as source:
        names = [band.description for band in source.bands]
        return dict(zip(names, read_bands(source)))


def test_trends_and_season_of_a_known_field(tmp_path):
    maps = maps_of(tmp_path / "a.tif", example())
    summary = write_trend_map(maps, tmp_path / "trend.tif", TrendMapOptions(find_breaks=True))
    bands = bands_of(tmp_path / "trend.tif")
    assert list(bands) == [
        "trend", "lower", "upper", "p", "q", "amplitude", "peak month", "break year",
        "change of trend",
    ]  # fmt: skip
    land = np.s_[:15]
    np.testing.assert_allclose(bands["trend"][land], np.tile(TRUTH, (15, 1)), atol=0.12)
    assert (bands["lower"][land] <= bands["trend"][land]).all()
    assert (bands["upper"][land] >= bands["trend"][land]).all()
    np.testing.assert_allclose(bands["amplitude"][land], 6, atol=0.4)
    np.testing.assert_allclose(bands["peak month"][land], 9, atol=0.1)
    assert np.abs(bands["change of trend"][land]).max() < 0.5
    assert summary.pixels == 15 * GRID.columns
    assert summary.significant == (bands["q"] <= 0.1).sum() > 0.9 * summary.pixels
    for field in bands.values():
        assert np.isnan(field[15:]).all()


def test_units_and_variable_are_stated(tmp_path):
    write_trend_map(maps_of(tmp_path / "a.tif", example()), tmp_path / "trend.tif")
    with open_raster(tmp_path / "trend.tif") as source:
        assert [band.unit for band in source.bands] == ["cm/yr"] * 3 + ["", "", "cm", ""]
        assert source.tags()["GWSA_VARIABLE"] == "trend"


def test_tiles_are_those_of_all_pixels_at_once(tmp_path, monkeypatch):
    values = example(noise=8)
    values[:50, 3, 4] = np.nan
    maps = maps_of(tmp_path / "a.tif", values)
    monkeypatch.setattr(trend_map, "SIDE", 16)
    monkeypatch.setattr(trend_map, "VALUES_READ", MONTHS.size * 16 * 3)
    monkeypatch.setattr(trend_map, "SERIES", 10)
    write_trend_map(maps, tmp_path / "trend.tif")
    bands = bands_of(tmp_path / "trend.tif")
    expected = trend_fields(MONTHS, values.reshape(MONTHS.size, -1))
    for name, field in zip(("trend", "lower", "upper", "p", "amplitude"), expected):
        np.testing.assert_allclose(bands[name].ravel(), field, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        bands["q"].ravel(), benjamini_hochberg(bands["p"].ravel()), rtol=1e-5
    )
    assert np.isfinite(bands["trend"][3, 4])


def test_the_period_is_kept(tmp_path):
    values = example(noise=0.1)
    values[60:] += 50
    options = TrendMapOptions(last=np.datetime64("2008-12"))
    summary = write_trend_map(maps_of(tmp_path / "a.tif", values), tmp_path / "t.tif", options)
    assert summary.months == 60
    np.testing.assert_allclose(bands_of(tmp_path / "t.tif")["trend"][0], TRUTH, atol=0.1)


def test_few_months_are_refused(tmp_path):
    maps = maps_of(tmp_path / "a.tif", example())
    options = TrendMapOptions(first=np.datetime64("2011-02"))
    with pytest.raises(InputError, match="23 months from 2011-02 to 2012-12"):
        write_trend_map(maps, tmp_path / "trend.tif", options)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tif"]


def test_maps_without_a_series_are_refused(tmp_path):
    values = np.full((MONTHS.size, *GRID.shape), np.nan)
    values[:20] = 1.0
    with pytest.raises(InputError, match="at least 24 months"):
        write_trend_map(maps_of(tmp_path / "a.tif", values), tmp_path / "trend.tif")
    assert not (tmp_path / "trend.tif").exists()


class StopAt(Progress):
    """A progress that is cancelled once a fraction is shown."""

    def __init__(self, fraction):
        self.fraction = fraction
        self.shown = 0.0

    def show(self, fraction):
        self.shown = fraction

    def is_cancelled(self):
        return self.shown >= self.fraction


def test_a_cancelled_run_is_continued_to_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(trend_map, "SIDE", 16)
    maps = maps_of(tmp_path / "a.tif", example(noise=5))
    write_trend_map(maps, tmp_path / "expected.tif")
    for fraction in (0.0, 0.92):
        with pytest.raises(Cancelled):
            write_trend_map(maps, tmp_path / "trend.tif", progress=StopAt(fraction))
        assert not (tmp_path / "trend.tif").exists()
    write_trend_map(maps, tmp_path / "trend.tif")
    assert (tmp_path / "trend.tif").read_bytes() == (tmp_path / "expected.tif").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a.tif",
        "expected.tif",
        "trend.tif",
    ]


KILLED = """
import sys
from pathlib import Path
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.results import trend_map
trend_map.SIDE = 16
trend_map.SERIES = 20
write = trend_map.write_trend_map
print("ready", flush=True)
write(YearlyMaps.from_files([Path(sys.argv[1])]), Path(sys.argv[2]))
print("done", flush=True)
"""


@pytest.mark.slow
def test_killed_runs_leave_nothing_and_are_repeated_to_the_same_bytes(tmp_path):
    maps_of(tmp_path / "a.tif", example(noise=5))
    arguments = [sys.executable, "-c", KILLED, str(tmp_path / "a.tif")]
    subprocess.run([*arguments, str(tmp_path / "expected.tif")], check=True, env=os.environ)
    with subprocess.Popen([*arguments, str(tmp_path / "b.tif")], stdout=subprocess.PIPE) as run:
        run.stdout.readline()
        started = time.perf_counter()
        run.wait()
        duration = time.perf_counter() - started
    for fraction in np.linspace(0.05, 0.95, 5):
        with subprocess.Popen([*arguments, str(tmp_path / "t.tif")], stdout=subprocess.PIPE) as run:
            run.stdout.readline()
            time.sleep(fraction * duration)
            run.send_signal(signal.SIGKILL)
    subprocess.run([*arguments, str(tmp_path / "t.tif")], check=True)
    assert (tmp_path / "t.tif").read_bytes() == (tmp_path / "expected.tif").read_bytes()
    names = {path.name for path in Path(tmp_path).iterdir()}
    assert names == {"a.tif", "b.tif", "expected.tif", "t.tif"}
