"""Claims of the maps against the truth: the gain that wells confirm, on 24 sample worlds."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.chain import run_chain
from gwsa.gwsa_plugin.core.downscaling.downscale import Outputs, downscale
from gwsa.gwsa_plugin.core.files.stack import read_stack
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.predictors.predictor_set import PredictorSet
from gwsa.gwsa_plugin.core.sample_world.world import WorldOptions, read_aquifers
from gwsa.gwsa_plugin.core.wells.detail import (
    CONFIRMED,
    REFUTED,
    UNTESTED,
    DetailTest,
    detail_gain,
)
from gwsa.gwsa_plugin.core.wells.sampling import at_pixels, bilinear
from gwsa.gwsa_plugin.core.wells.validate import validate_wells

from .footprint_widths import SeenWorld, chain_arguments, seen_worlds
from .result import score_result
from .worlds import QUICK, read_wells

REGION = (74.0, 26.0, 79.0, 31.0)
PERIOD = {"start": "2012-01", "end": "2015-12"}
WORLDS = tuple(
    WorldOptions(REGION, **PERIOD, seed=seed, case=case)
    for case, seeds in (("default", (1, 2, 3, 4)), ("no_signal", (5, 6)))
    for seed in seeds
)
# Width of the footprint -> size of the tiles, km; from one cell without tiles to GRACE.
WIDTHS = {28.0: 0.0, 80.0: 40.0, 150.0: 70.0, 250.0: 111.0}
# Distance of the pixels that are compared with the truth.
PIXEL_STEP = 7
# A larger true gain should be found where the inputs allow it.
LARGE_GAIN = 0.05


class Claim(NamedTuple):
    """The gain of the detail at wells, and the true gains.

    ``true_gain`` is that of the same quantity, at the places of the wells; ``map_gain`` is that of
    all pixels. Wells are denser on farmland.
    """

    name: str
    signal: bool
    test: DetailTest
    true_gain: float
    map_gain: float
    evidence: str

    @property
    def holds(self) -> bool:
        """Whether the interval contains the true gain; an untested map has none."""
        return self.test.lower <= self.true_gain <= self.test.upper


def measure_honesty(folder: Path) -> dict:
    """Count how often the interval of the claimed gain contains the true one.

    Parameters
    ----------
    folder : Path
        Folder of the benchmark.
    """
    claims = []
    for world in WORLDS:
        predictors = None
        for seen in seen_worlds(folder / "world", world, WIDTHS):
            last = "buildpredictors" if predictors is None else "gwsabalance"
            outputs = run_chain(*chain_arguments(seen, folder / "chain"), last=last)
            predictors = PredictorSet.open(folder / "chain" / "predictors")
            claims.append(_claim(seen, outputs["gwsabalance:OUTPUT"], predictors, folder / "run"))
            print(_line(claims[-1]), flush=True)
    return _summary(claims)


def _claim(seen: SeenWorld, coarse: Path, predictors: PredictorSet, folder: Path) -> Claim:
    """Downscale one world and test its detail."""
    gwsa = read_stack(coarse, "GWSA")
    outputs = Outputs(folder / "maps", corrected=folder / "corrected.tif")
    aquifers = read_aquifers(seen.source)
    wells = read_wells(seen.source)
    verdict = downscale(gwsa, predictors, aquifers, outputs, QUICK, wells=wells).verdict
    fields = (YearlyMaps.in_folder(outputs.maps), YearlyMaps.from_files([folder / "corrected.tif"]))
    compared = validate_wells(wells.wells, wells.readings, *fields, wells.rules)
    at_wells = np.stack([compared.wells.longitude, compared.wells.latitude])[:, compared.used]
    truth = YearlyMaps.in_folder(seen.source / "truth" / "gwsa_1km")
    name = f"seed {seen.options.seed}, {seen.options.observation.footprint_km:.0f} km"
    signal = seen.options.case == "default"
    evidence = verdict.evidence.verdict if verdict.evidence else UNTESTED
    return Claim(
        name,
        signal,
        verdict.detail,
        true_gain(truth, *fields, at_wells),
        true_gain(truth, *fields, _every_few_pixels(fields[0].grid)),
        evidence,
    )


def _every_few_pixels(grid: Grid) -> np.ndarray:
    """Longitude and latitude of some pixels of a grid, shape (2, pixels)."""
    axes = np.meshgrid(grid.longitudes[::PIXEL_STEP], grid.latitudes[::PIXEL_STEP])
    return np.stack([axis.ravel() for axis in axes])


def true_gain(truth: YearlyMaps, maps: YearlyMaps, coarse: YearlyMaps, places: np.ndarray) -> float:
    """Compute the gain of maps over bilinear interpolation against the truth.

    Parameters
    ----------
    truth, maps, coarse : YearlyMaps
        The truth, the 1 km maps and the stack that they were made from.
    places : numpy.ndarray, shape (2, places)
        Longitude and latitude.

    Returns
    -------
    float
        As ``detail_gain``, over all months.
    """
    longitude, latitude = places
    months = np.intersect1d(np.intersect1d(maps.months, truth.months), coarse.months)
    where = (longitude, latitude, months)
    true, fine = (at_pixels(field, *where).T.astype(float) for field in (truth, maps))
    interpolated = bilinear(coarse, *where).T
    known = np.isfinite(true) & np.isfinite(fine) & np.isfinite(interpolated)
    mapped = known.any(axis=0)
    complete = known[:, mapped].all(axis=1)
    return detail_gain(*(field[complete][:, mapped] for field in (true, fine, interpolated)))


def _summary(claims: list[Claim]) -> dict:
    """Count the claims of each kind."""
    tested = [claim for claim in claims if claim.test.verdict != UNTESTED]
    large = [claim for claim in tested if claim.signal and claim.true_gain > LARGE_GAIN]
    values = {
        "without signal, refuted": _count(c.evidence == REFUTED for c in claims if not c.signal),
        "with signal, refuted": _count(c.evidence == REFUTED for c in claims if c.signal),
        "with signal, confirmed": _count(c.evidence == CONFIRMED for c in claims if c.signal),
        "untested": float(len(claims) - len(tested)),
        "intervals that hold the true gain of the map": _count(
            claim.test.lower <= claim.map_gain <= claim.test.upper for claim in tested
        ),
        "without signal, gain claimed": _count(c.test.lower > 0 for c in claims if not c.signal),
        "true gain above 5 % and tested": float(len(large)),
        "of these, gain claimed": _count(claim.test.lower > 0 for claim in large),
    }
    for claim in claims:
        values |= {
            f"{claim.name}: claimed gain (%)": 100 * claim.test.gain,
            f"{claim.name}: lower limit (%)": 100 * claim.test.lower,
            f"{claim.name}: upper limit (%)": 100 * claim.test.upper,
            f"{claim.name}: true gain at wells (%)": 100 * claim.true_gain,
            f"{claim.name}: true gain of the map (%)": 100 * claim.map_gain,
        }
    held = _count(claim.holds for claim in claims)
    return score_result(values, held, 20.0, "worlds", "at least 20 of 24 intervals that hold")


def _count(conditions) -> float:
    return float(sum(map(bool, conditions)))


def _line(claim: Claim) -> str:
    test = claim.test
    interval = f"{test.gain:+.1%} [{test.lower:+.1%}, {test.upper:+.1%}]"
    kind = "signal" if claim.signal else "no signal"
    return (
        f"{claim.name}, {kind}: {claim.evidence}; wells: {test.verdict} {interval}, "
        f"true at wells {claim.true_gain:+.1%}, of the map {claim.map_gain:+.1%}"
    )
