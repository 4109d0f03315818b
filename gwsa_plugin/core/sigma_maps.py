"""Sigma of the 1 km maps: what the coarse field's sigma and the unexplained local contrast add up to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio

from .maps import Mapping
from .months import month_range, year_of
from .progress import Progress
from .scene import Scene
from .stack import MISSING, UNIT, MonthlyStack, creation, describe_band


def write_sigma(
    scene: Scene, sigma: MonthlyStack, unexplained: dict[int, float], folder: Path, mapping: Mapping, progress: Progress
) -> None:
    """``GWSA_SIGMA_YYYY.tif`` in ``folder``: cm, twelve bands, NaN where the coarse sigma is unknown.

    sigma² = (bilinear coarse sigma)² + (``unexplained``: region number -> root mean square of the local contrast that
    held-out models miss, cm)². The contrast is measured between coarse cells and the pixels inside one differ too, so
    the total is a lower bound and tagged so.
    """
    folder.mkdir()
    sigma = sigma.on(scene.gwsa.grid)
    within = np.zeros(len(scene.regions.names))
    within[list(unexplained)] = list(unexplained.values())
    variance = np.square(within)[scene.regions.pixels]
    years = np.unique(year_of(scene.months))
    for done, year in enumerate(years):
        profile = creation(
            scene.predictors.grid, 12, blockxsize=512, blockysize=512, sparse_ok=True, **mapping.encoding
        )
        with rasterio.open(folder / f"GWSA_SIGMA_{year}.tif", "w", **profile) as target:
            target.update_tags(**mapping.tags, GWSA_VARIABLE="GWSA sigma", GWSA_UNIT=UNIT, GWSA_SIGMA="lower bound")
            target.units = (UNIT,) * 12
            for band, month in enumerate(month_range(f"{year}-01", f"{year}-12"), start=1):
                progress.advance((done + band / 12) / len(years))
                known = month in scene.months and month in sigma.months
                describe_band(target, band, month, scene.source_of(month) if known else MISSING)
                if known:
                    coarse = scene.conservation.bilinear(sigma.values[sigma.months == month][0])
                    target.write(np.sqrt(coarse**2 + variance).astype(np.float32), band)
