"""Skill for unseen footprints of models with and without signal, in worlds that are observed."""

from dataclasses import dataclass, replace
from functools import lru_cache
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.downscaling.domain import Domain
from gwsa.gwsa_plugin.core.downscaling.folds import Blocking, make_splits
from gwsa.gwsa_plugin.core.downscaling.models.cross_validation import CrossValidation, HeldOut
from gwsa.gwsa_plugin.core.downscaling.samples import Samples
from gwsa.gwsa_plugin.core.downscaling.skill import unseen_footprints
from gwsa.gwsa_plugin.core.downscaling.skill.unseen_footprints import (
    UnseenFootprints,
    validate_on_unseen_footprints,
)
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack
from gwsa.gwsa_plugin.core.grace.footprint import Footprint

MONTHS = month_range("2004-01", "2008-12")
WIDTH = 250.0
WAVE = np.cos(2 * np.pi * np.arange(MONTHS.size) / 12)[:, None, None]


@dataclass(frozen=True)
class Linear:
    """A model that is linear in the features."""

    weights: np.ndarray

    def predict_by_region(self, table, regions):
        return (table @ self.weights).astype(np.float32)


@lru_cache
def square(degrees):
    """A grid of cells of 1°, and its observation by GRACE."""
    grid = Grid(70.0, 36.0, 1.0, 1.0, degrees, degrees)
    return grid, Footprint(grid, np.ones(grid.shape, bool), WIDTH)


def fields(rng, count, shape):
    """Random fields of unit variance with a memory of some months, smooth over a few cells."""
    noise = gaussian_filter(rng.standard_normal((count, MONTHS.size, *shape)), (0, 0, 1.5, 1.5))
    noise /= noise.std()
    for month in range(1, MONTHS.size):
        noise[:, month] = 0.8 * noise[:, month - 1] + 0.6 * noise[:, month]
    return noise


def make_domain(signal, seed=0, degrees=12, width=f"{WIDTH:g}"):
    """A domain of which a part of the truth is a sum of two of three features.

    Returns the domain and the features as GRACE would observe them.
    """
    rng = np.random.default_rng(seed)
    grid, footprint = square(degrees)
    features = fields(rng, 3, grid.shape)
    features[0] += WAVE
    truth = signal * features[:2].sum(axis=0) + fields(rng, 1, grid.shape)[0]
    values = footprint.apply(truth) + 0.3 * rng.standard_normal(truth.shape)
    tags = {"GWSA_FOOTPRINT_KM": width} if width else {}
    gwsa = MonthlyStack(
        grid, MONTHS, values.astype(np.float32), ("observed",) * MONTHS.size, "GWSA", tags=tags
    )
    table = np.moveaxis(features, 0, -1).reshape(-1, 3).astype(np.float32)
    samples = Samples(
        *np.nonzero(np.ones(truth.shape)),
        gwsa.values.ravel(),
        table,
        np.repeat(table[:, None], 2, axis=1),
        ("a", "b", "c"),
    )
    domain = Domain(
        gwsa,
        np.ones(MONTHS.size, bool),
        None,
        SimpleNamespace(cells=np.zeros(grid.shape, int)),
        SimpleNamespace(cells=np.ones(grid.shape, bool)),
        samples,
        None,
    )
    observed = np.stack([footprint.apply(feature) for feature in features], axis=-1)
    return domain, observed.reshape(-1, 3)


def hold_out(domain, observed=None):
    """Held-out models that are fitted to what GRACE observes; without ``observed``, of zeros."""
    splits = make_splits(
        domain.gwsa.grid,
        domain.cells,
        MONTHS.size,
        Blocking(),
        footprint_km=domain.footprint_km,
    )
    held_out = []
    for split in splits:
        weights = np.zeros(3)
        if observed is not None:
            where = split.trained(domain.samples)
            weights = np.linalg.lstsq(observed[where], domain.samples.target[where], rcond=None)[0]
        held_out.append(HeldOut(split, Linear(weights)))
    return CrossValidation(held_out, None, None)


def validate(domain, validation) -> UnseenFootprints:
    return validate_on_unseen_footprints(domain, validation, Blocking())


def all_gains(result):
    return [
        result.gain_over_climatology,
        result.gain_over_interpolation,
        result.gain_with_interpolation,
    ]


def test_a_model_of_the_truth_has_a_gain_over_both_competitors():
    domain, observed = make_domain(signal=2.0)
    result = validate(domain, hold_out(domain, observed))
    assert not result.untestable
    assert result.months == MONTHS.size and 12 <= result.footprints <= 20
    for gain in all_gains(result):
        assert 0.2 < gain.lower < gain.value < gain.upper < 1
    assert result.rmse_cm["model"] < 0.7 * result.rmse_cm["climatology"]
    assert f"{100 * result.gain_over_climatology.value:+.0f} %" in result.summary


def test_no_gain_is_claimed_without_signal():
    """Models are fitted to features that do not explain the truth, in 20 draws."""
    results = []
    for seed in range(20):
        domain, observed = make_domain(signal=0.0, seed=seed, degrees=9)
        results.append(validate(domain, hold_out(domain, observed)))
    lower = np.array([[gain.lower for gain in all_gains(result)] for result in results])
    assert ((lower > 0).sum(axis=0) <= 2).all()
    assert np.abs([result.gain_with_interpolation.value for result in results]).max() < 0.1


def test_a_model_of_zeros_has_no_gain():
    domain, _ = make_domain(signal=1.0)
    result = validate(domain, hold_out(domain))
    assert result.gain_with_interpolation == (0.0, 0.0, 0.0)
    assert result.gain_over_climatology.value <= 0 >= result.gain_over_interpolation.value
    assert result.rmse_cm["model"] == pytest.approx(result.rmse_cm["no_anomaly"])


def test_levels_are_not_compared():
    domain, observed = make_domain(signal=2.0)
    validation = hold_out(domain, observed)

    @dataclass(frozen=True)
    class Shifted(Linear):
        def predict_by_region(self, table, regions):
            return super().predict_by_region(table, regions) + 100

    shifted = [replace(held, models=Shifted(held.models.weights)) for held in validation.held_out]
    one, other = (
        validate(domain, given) for given in (validation, replace(validation, held_out=shifted))
    )
    for gain, same in zip(all_gains(one), all_gains(other)):
        assert gain == pytest.approx(same, abs=1e-4)


def test_the_held_out_values_of_a_block_are_used_for_its_score_only(monkeypatch):
    """No estimate of a block depends on what GRACE observed there in the held-out months."""
    domain, _ = make_domain(signal=1.0)
    monkeypatch.setattr(unseen_footprints, "LEAST_FOOTPRINTS", 1)
    seen = []
    centred = unseen_footprints._centred
    monkeypatch.setattr(
        unseen_footprints, "_centred", lambda field: seen.append(field) or centred(field)
    )
    for held in hold_out(domain).held_out:
        seen.clear()
        validate(domain, CrossValidation([held], None, None))
        if len(seen) == 2:
            # The split holds out one footprint.
            break
    where = held.split.held(domain.samples)
    values = domain.gwsa.values.copy()
    values[held.split.months] = 1e4
    changed = replace(
        domain,
        gwsa=replace(domain.gwsa, values=values),
        samples=replace(domain.samples, target=np.where(where, 1e4, domain.samples.target)),
    )
    validate(changed, CrossValidation([held], None, None))
    estimates, observed, estimates_changed, observed_changed = seen
    np.testing.assert_array_equal(estimates, estimates_changed)
    assert (observed_changed == 1e4).all() and (observed < 1e3).all()


def test_filled_months_are_not_compared():
    domain, observed = make_domain(signal=2.0)
    source = ("filled",) * 3 + ("observed",) * (MONTHS.size - 3)
    values = domain.gwsa.values.copy()
    values[:3] = 1e4
    filled = replace(domain, gwsa=replace(domain.gwsa, source=source, values=values))
    result = validate(filled, hold_out(domain, observed))
    assert result.months == MONTHS.size - 3
    assert max(result.rmse_cm.values()) < 10


def test_a_block_counts_by_its_land_and_not_by_its_samples():
    """In a large region, only some of the cells are in the training set."""
    domain, observed = make_domain(signal=2.0)
    drawn = np.random.default_rng(3).random(domain.cells.shape) < 0.3
    kept = domain.samples.at(drawn)
    samples = domain.samples
    few = Samples(
        *(getattr(samples, name)[kept] for name in ("month", "row", "column", "target")),
        samples.cells[kept],
        samples.pixels[kept],
        samples.names,
    )
    result = validate(replace(domain, samples=few), hold_out(domain, observed))
    assert not result.untestable and result.footprints >= 12
    assert result.gain_with_interpolation.lower > 0


@pytest.mark.parametrize("degrees", [2, 5])
def test_a_region_of_few_footprints_is_untestable(degrees):
    domain, observed = make_domain(signal=2.0, degrees=degrees)
    result = validate(domain, hold_out(domain, observed))
    assert "smaller than 4 footprints" in result.untestable
    assert "250 km" in result.untestable and result.untestable in result.summary
    assert np.isnan(all_gains(result)).all() and result.footprints == 0


def test_an_unknown_footprint_is_untestable():
    domain, observed = make_domain(signal=2.0, width="")
    result = validate(domain, hold_out(domain, observed))
    assert "unknown" in result.untestable and np.isnan(result.width_km)


def test_a_short_record_is_untestable():
    domain, observed = make_domain(signal=2.0)
    source = ("observed",) * 30 + ("filled",) * (MONTHS.size - 30)
    short = replace(domain, gwsa=replace(domain.gwsa, source=source))
    assert "months" in validate(short, hold_out(domain, observed)).untestable


def test_scores_are_plain_values():
    scores = UnseenFootprints(untestable="too small").scores()
    assert scores["untestable"] == "too small" and scores["footprints"] == 0
    assert np.isnan(scores["gain_over_climatology"])
    assert np.isnan(scores["gain_over_interpolation_interval"]).all()
    assert {"rmse_model_cm", "rmse_climatology_cm", "footprint_km"} <= set(scores)
