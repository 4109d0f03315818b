"""Fit of everything that predicts: the prior, the trees on what it leaves, and their validation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ..balance.options import PUBLISHED as PUBLISHED_BALANCE
from ..base.progress import Progress
from ..compute.threads import run_all
from .domain import Domain
from .folds import make_blocks
from .models.cross_validation import (
    CrossValidation,
    HeldOut,
    train_and_validate,
    validate_without_trees,
)
from .models.early_stopping import Tuning
from .models.region_models import RegionModels
from .models.trainer import ANOMALY, TrainingOptions
from .options import FOOTPRINT, INTERPOLATION, DownscaleOptions
from .prior.fitted_prior import FittedPrior, fit_prior
from .skill.reduced_resolution import (
    ReducedResolution,
    is_resolved,
    validate_at_reduced_resolution,
)
from .skill.unseen_footprints import UnseenFootprints, validate_on_unseen_footprints
from .skill.unseen_years import UnseenYears, validate_in_unseen_years
from .skill.validations import BLOCKED, NONE, make_validations


@dataclass(frozen=True, eq=False)
class FittedModels:
    """The prior, the trees and their validation.

    Parameters
    ----------
    domain : Domain
        The study domain, with the features of the training set where trees were trained.
    options : TrainingOptions
        How trees were trained.
    prior : FittedPrior or None
        None with other methods than FOOTPRINT, and where there are no drivers.
    unseen_years : UnseenYears
        Skill of the prior in unseen years.
    models : RegionModels
        The trees.
    validations : dict of str to CrossValidation
        Held-out predictions of prior and trees for each kind of validation.
    unseen_footprints : UnseenFootprints
        Skill for unseen footprints.
    reduced_resolution : dict of str to ReducedResolution
        Reduced-resolution validation of each kind; empty if GRACE does not resolve the cells.
    """

    domain: Domain
    options: TrainingOptions
    prior: FittedPrior | None
    unseen_years: UnseenYears
    models: RegionModels
    validations: dict[str, CrossValidation]
    unseen_footprints: UnseenFootprints
    reduced_resolution: dict[str, ReducedResolution]


def fit_models(
    domain: Domain,
    options: DownscaleOptions,
    progress: Progress,
    run: Callable[..., list] = run_all,
) -> FittedModels:
    """Fit prior and trees, validate them and log the result.

    Parameters
    ----------
    domain : Domain
        The study domain.
    options : DownscaleOptions
        Settings.
    progress : Progress
        Receives log lines and the fraction done.
    run : callable
        Runs the trainings and returns their results, as ``run_all`` does.
    """
    prior = None
    unseen_years = UnseenYears()
    if options.method == FOOTPRINT:
        prior = _fit_prior(domain, options, progress.part(0.0, 0.2).timed("The prior"))
    if prior:
        unseen_years = validate_in_unseen_years(prior, progress.part(0.2, 0.25))
        progress.info(unseen_years.summary)
    splits = make_validations(domain, options.blocking, options.validation, progress)
    training = _training_options(domain, options, prior)
    refuted = prior is not None and not unseen_years.passed
    if refuted or not _are_trees_mapped(options, prior):
        models, validations = validate_without_trees(domain, splits, training)
    else:
        domain = domain.with_features(progress.part(0.25, 0.3).timed("Reading of samples"))
        left = _without_prior(domain, prior) if prior else domain
        timed = progress.part(0.3, 0.9).timed("Training")
        models, validations = train_and_validate(left, splits, training, timed, run)
    if prior:
        validations = {name: _add_prior(domain, prior, one) for name, one in validations.items()}
    unseen_footprints = validate_on_unseen_footprints(
        domain, validations[BLOCKED], options.blocking, progress.part(0.9, 0.95)
    )
    if prior and models.shrinkage and not unseen_footprints.has_gain:
        models = replace(models, shrinkage=0.0)
        validations = {name: _remove_trees(domain, one) for name, one in validations.items()}
        unseen_footprints = validate_on_unseen_footprints(
            domain, validations[BLOCKED], options.blocking, progress.part(0.95, 1.0)
        )
    _report_trees(models, progress)
    progress.info(unseen_footprints.summary)
    reduced_resolution = {}
    if is_resolved(domain) and splits[BLOCKED]:
        reduced_resolution = {
            kind: validate_at_reduced_resolution(domain, validation)
            for kind, validation in validations.items()
        }
    return FittedModels(
        domain,
        training,
        prior,
        unseen_years,
        models,
        validations,
        unseen_footprints,
        reduced_resolution,
    )


def _fit_prior(domain: Domain, options: DownscaleOptions, progress: Progress) -> FittedPrior | None:
    """Fit the prior and log it, or why there is none."""
    sharp = domain.gwsa.tags.get("GWSA_BALANCE_MODE") == PUBLISHED_BALANCE
    prior = None if sharp else fit_prior(domain, options.blocking, progress)
    if prior:
        progress.info(prior.summary)
        return prior
    missing = "no predictors have the roles precipitation and actual_evapotranspiration"
    if sharp:
        missing = "the balance of the MODE published is not at the footprint of GRACE"
    elif domain.footprint_km is None:
        missing = "the width of the footprint of GRACE is unknown"
    progress.warn(
        f"There is no prior, because {missing}. Trees are trained on coarse GWSA directly, as with "
        'the method "published".'
    )
    return None


def _training_options(
    domain: Domain, options: DownscaleOptions, prior: FittedPrior | None
) -> TrainingOptions:
    """How the trees are trained.

    On what a prior leaves, they learn no trend unless GRACE resolves the cells: nothing inside a
    footprint shows where a trend comes from.
    """
    tuning = None
    if options.stopping or options.search:
        # Within the training cells of a split there is no room for blocks as wide as the footprint.
        blocks = make_blocks(domain.gwsa.grid, domain.cells, options.blocking)
        tuning = Tuning(blocks.numbers, blocks.buffer_rows, options.search)
    return TrainingOptions(
        boosting=options.boosting,
        pooled=domain.regions.pooled(options.least_area),
        target=ANOMALY if prior and not is_resolved(domain) else options.target,
        tuning=tuning,
    )


def _without_prior(domain: Domain, prior: FittedPrior) -> Domain:
    """The domain with GWSA less the prior as GRACE would observe it as the target of the trees."""
    seen = prior.through_footprint(prior.prior)
    left = domain.samples.target - _at_samples(domain, seen)
    return replace(domain, samples=replace(domain.samples, target=left.astype(np.float32)))


def _at_samples(domain: Domain, values: np.ndarray) -> np.ndarray:
    """Values of shape (months, cells) at the samples."""
    number = np.full(domain.cells.shape, -1)
    number[domain.cells] = np.arange(domain.cells.sum())
    return values[domain.samples.month, domain.samples.at(number)]


def _are_trees_mapped(options: DownscaleOptions, prior: FittedPrior | None) -> bool:
    """False where nothing but the truth could show whether trees help.

    With the prior, trees are mapped where held-out footprints determine their shrinkage factor.
    """
    if options.method == INTERPOLATION:
        return False
    return prior is None or not (prior.blocks.narrow or options.validation == NONE)


def _add_prior(domain: Domain, prior: FittedPrior, validation: CrossValidation) -> CrossValidation:
    """Add the prior that is fitted without the held-out data of each split."""
    detail = validation.detail.copy()
    held_out: list[HeldOut] = []
    for held in validation.held_out:
        refitted = prior.without(held.split)
        seen = prior.through_footprint(refitted)
        where = held.split.held(domain.samples)
        detail[where] += _at_samples(domain, seen)[where]
        held_out.append(replace(held, prior=refitted, observed_prior=seen))
    return replace(validation, held_out=held_out, detail=detail)


def _remove_trees(domain: Domain, validation: CrossValidation) -> CrossValidation:
    """The validation with the held-out priors alone."""
    detail = validation.detail.copy()
    held_out: list[HeldOut] = []
    for held in validation.held_out:
        where = held.split.held(domain.samples)
        if held.observed_prior is not None:
            detail[where] = _at_samples(domain, held.observed_prior)[where]
        held_out.append(replace(held, models=replace(held.models, shrinkage=0.0)))
    return replace(validation, held_out=held_out, detail=detail, level=0.0 * validation.level)


def _report_trees(models: RegionModels, progress: Progress) -> None:
    """Log how the trees are scaled and evaluated."""
    if not models.shrinkage:
        progress.info("Trees are not mapped.")
        return
    progress.info(
        f"The shrinkage factor of the predicted local contrast is {models.shrinkage:.2f}, "
        f"estimated on held-out cells. Its contrast slope, estimated one scale up, is "
        f"{models.contrast_slope:.2f}. The model of all cells has {models.boosting.trees} trees of "
        f"depth {models.boosting.depth}."
    )
    for remark in sorted(models.remarks):
        progress.info(remark)
