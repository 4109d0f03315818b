"""The variance that a footprint hides, on random fields whose covariance is known."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.downscaling.maps.unresolved_variance import (
    ObservedField,
    calibrate_on_wells,
    offset_ratio,
    unresolved_ratio,
    unresolved_variance,
)
from gwsa.gwsa_plugin.core.wells.comparison import USED, WellComparison
from gwsa.gwsa_plugin.core.wells.tables import Wells

GRID = Grid(0.0, 6.0, 0.25, 0.25, 48, 48)
CELL_KM = 27.8
MONTHS = 150


def _fields(length_km: float, rng) -> np.ndarray:
    """Random fields with covariance exp(-d / length) on ``GRID``, of unit variance."""
    size = 256
    wavenumber = 2 * np.pi * np.hypot(*np.meshgrid(*[np.fft.fftfreq(size, CELL_KM)] * 2))
    amplitude = (1 + (wavenumber * length_km) ** 2) ** -0.75
    amplitude *= size / np.sqrt((amplitude**2).sum())
    white = np.fft.fft2(rng.standard_normal((MONTHS, size, size)))
    return np.fft.ifft2(white * amplitude).real[:, :48, :48]


@pytest.mark.parametrize("length_km", [150.0, 400.0])
def test_variance_of_known_fields(length_km):
    blur = 250 / np.sqrt(8 * np.log(2))
    truth = 4 * _fields(length_km, np.random.default_rng(1))
    values = np.stack([gaussian_filter(field, blur / CELL_KM, mode="nearest") for field in truth])
    seen = ObservedField(values, GRID, width_km=250.0, tile_km=0.0, noise_cm=0.0)
    inner = (slice(None), slice(10, -10), slice(10, -10))
    expected = ((truth - values)[inner] ** 2).mean()
    # The model is for points; the fields are means over cells, whose variance is smaller.
    assert unresolved_variance(seen)[inner[1:]].mean() == pytest.approx(expected, rel=0.35)


def test_unresolved_ratio_falls_with_the_length_and_grows_with_the_blur():
    assert unresolved_ratio(100, 110) > unresolved_ratio(400, 110) > unresolved_ratio(400, 50) > 0
    assert unresolved_ratio(400, 1.0) < 0.01


def test_cells_with_a_larger_amplitude_hide_more():
    values = _fields(300.0, np.random.default_rng(2)) * np.linspace(1, 3, 48)
    variance = unresolved_variance(ObservedField(values, GRID, 250.0, 0.0, noise_cm=0.0))
    assert variance[:, -5:].mean() > 1.5 * variance[:, :5].mean() > 0


def test_offset_ratio_is_one_for_centred_series():
    values = np.random.default_rng(3).standard_normal((500, 4, 4))
    seen = ObservedField(values - values.mean(axis=0), GRID, 250.0, 0.0, noise_cm=0.0)
    assert offset_ratio(seen) == pytest.approx(1.0)
    shifted = ObservedField(seen.values + 1.0, GRID, 250.0, 0.0, noise_cm=0.0)
    assert offset_ratio(shifted) == pytest.approx(2.0, rel=0.01)


def _comparison(wells: int, factor: float, error: float) -> WellComparison:
    """Wells that follow a map up to a common factor, with normal errors of a known size, cm."""
    rng = np.random.default_rng(4)
    # Both change once a year, so that neither is taken for noise of the wells.
    field, errors = (
        np.repeat(size * rng.standard_normal((wells, 40)), 12, axis=1) for size in (8.0, error)
    )
    storage = factor * (field + errors)
    nothing = np.full(wells, np.nan)
    return WellComparison(
        wells=Wells.from_columns([str(i) for i in range(wells)], nothing, nothing),
        status=np.full(wells, USED),
        months=np.arange(480).astype("datetime64[M]"),
        storage=storage,
        fields={"fine": field},
        trend=nothing,
        field_trends={},
        p=nothing,
        q=nothing,
        agreement={},
        coarse_cell=np.zeros(wells, dtype=int),
        dropped_readings={},
    )


def test_calibration_finds_the_variance_of_errors_at_wells():
    known = np.full(100, 1.0)
    right, doubled = (
        calibrate_on_wells(_comparison(100, factor, 3.0), known, 2 * known, offset_ratio=1.0)
        for factor in (1.0, 2.0)
    )
    # The scatter of specific yields, 10 %, explains 0.01 (64 + 9) of the squared errors.
    assert 1 + 0.73 + 2 * right == pytest.approx(9.0, rel=0.1)
    assert doubled > right, "wrong yields are conservative"


def test_calibration_needs_wells():
    comparison = _comparison(10, factor=1.0, error=3.0)
    assert np.isnan(calibrate_on_wells(comparison, np.ones(10), np.ones(10), offset_ratio=1.0))
