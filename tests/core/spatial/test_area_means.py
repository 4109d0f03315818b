"""Means by area equal weighted by area, with numba and without, as those of GDAL are."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base.affine import Affine
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.rasters.crs import LONLAT
from gwsa.gwsa_plugin.core.rasters.raster import AVERAGE
from gwsa.gwsa_plugin.core.rasters.warping import resample
from gwsa.gwsa_plugin.core.spatial import area_means as subject
from gwsa.gwsa_plugin.core.spatial.area_means import area_means
from gwsa.gwsa_plugin.core.spatial.warp import Geometry

BLOCK = Grid(70.0, 30.0, 0.1, 0.08, 9, 11)
PROGRAMS = {
    "numpy": lambda: patch.object(subject, "_kernels", lambda: None),
    "numba": lambda: patch.object(subject, "_kernels", subject._kernels),
}
programs = pytest.mark.parametrize("program", PROGRAMS)


@st.composite
def rasters(draw):
    """A raster that covers the block or a part of it, north-up or south-up, with holes."""
    dx, dy = (draw(st.floats(0.011, 0.049)) for _ in range(2))
    west = 70.0 + draw(st.floats(-0.2, 0.4))
    north = 30.0 + draw(st.floats(-0.4, 0.2))
    rows, columns = draw(st.integers(1, 80)), draw(st.integers(1, 80))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = random.normal(5, 2, (rows, columns)).astype(np.float32)
    values[random.random(values.shape) < draw(st.sampled_from([0, 0.3, 0.95]))] = np.nan
    transform = Affine(dx, 0, west, 0, -dy, north)
    if draw(st.booleans()):
        transform = transform._replace(e=dy, f=north - rows * dy)
    return values, transform


def overlaps(edges, size):
    """The length of each source pixel in each target pixel, in source pixels."""
    begin, end = np.minimum(edges[:-1], edges[1:]), np.maximum(edges[:-1], edges[1:])
    pixels = np.arange(size)
    return np.clip(np.minimum(end[:, None], pixels + 1) - np.maximum(begin[:, None], pixels), 0, 1)


def shares_of_block(transform, shape):
    south = BLOCK.north - BLOCK.dy * np.arange(BLOCK.rows + 1)
    east = BLOCK.west + BLOCK.dx * np.arange(BLOCK.columns + 1)
    rows = overlaps((south - transform.f) / transform.e, shape[0])
    return rows, overlaps((east - transform.c) / transform.a, shape[1])


@programs
@settings(max_examples=60, deadline=None)
@given(rasters())
def test_every_mean_is_weighted_by_the_area_in_the_pixel(program, raster):
    values, transform = raster
    rows, columns = shares_of_block(transform, values.shape)
    known = np.isfinite(values)
    area = rows @ known @ columns.T
    with np.errstate(invalid="ignore"):
        expected = rows @ np.where(known, values, 0.0).astype(float) @ columns.T / area
    with PROGRAMS[program]():
        means = area_means(values, transform, BLOCK)
    clear = area > 1e-6
    np.testing.assert_allclose(means[clear], expected[clear], rtol=1e-6, atol=1e-6)
    assert np.isnan(means[area == 0]).all()


@settings(max_examples=60, deadline=None)
@given(rasters())
def test_inside_the_raster_the_means_are_those_of_gdal(raster):
    """At the edges of a raster, GDAL does not weight pixels by the area that they cover."""
    values, transform = raster
    rows, columns = shares_of_block(transform, values.shape)
    full_rows = np.isclose(rows.sum(axis=1), BLOCK.dy / abs(transform.e))
    full_columns = np.isclose(columns.sum(axis=1), BLOCK.dx / transform.a)
    inside = np.outer(full_rows, full_columns)
    means = area_means(values, transform, BLOCK)
    expected = resample(values, Geometry(LONLAT, transform, values.shape), BLOCK, AVERAGE)
    np.testing.assert_allclose(means[inside], expected[inside], rtol=4e-7, atol=2e-6)


@programs
def test_parts_of_pixels_count_by_their_area(program):
    """The first pixel has 1 of 2.5 source columns of 0, 1 of 1 and a half of 2."""
    values = np.tile(np.arange(5, dtype=np.float32), (4, 1))
    block = Grid(0.0, 1.0, 0.25, 0.25, 1, 2)
    with PROGRAMS[program]():
        means = area_means(values, Affine(0.1, 0, 0.0, 0, -0.1, 1.0), block)
    np.testing.assert_allclose(means, [[2 / 2.5, (1 + 3 + 4) / 2.5]], rtol=1e-6)


@programs
def test_aligned_pixels_are_not_mixed_by_rounding(program):
    values = np.repeat(np.arange(90, dtype=np.float32), 3)[None].repeat(6, axis=0)
    block = Grid(0.1, 0.2, 0.1, 0.1, 2, 90)
    transform = Affine(0.1 / 3, 0, 0.1, 0, -0.1 / 3, 0.2)
    with PROGRAMS[program]():
        means = area_means(values, transform, block)
    np.testing.assert_array_equal(means, np.tile(np.arange(90, dtype=np.float32), (2, 1)))
