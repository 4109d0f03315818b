"""Skill for unseen footprints: held-out models against what GRACE observed there.

Models that were trained neither on a footprint (a block and its buffer, both at least as wide as
the footprint of GRACE) nor on the months predict the cells of the block in these months. The
prediction is observed as GRACE observes, by the blur of its footprint and the means over its tiles,
and is compared with the coarse GWSA of months with an observation. There are two competitors.

- Climatology: trend, seasons and red noise of the cell itself in its other months. It knows the
  place and not the months.
- Interpolation: values of GRACE in the same months outside the block and its buffer. It knows the
  months and not the place.

Where a competitor has a larger error than no anomaly at all, no anomaly takes its place: models
that predict nothing must not gain on it.

The models are also tested beside interpolation: the interpolated difference between GRACE and the
prediction outside the block is added to the prediction inside. This is what maps of the region do
between footprints, and it shows what the predictors add.

What is compared is each series, observed and estimated, less its own mean over the held-out months
of one part of the record. Models are trained on local contrasts and do not predict a level, so that
levels are not compared. The noise of GRACE is in all errors, so that gains are too small rather
than too large.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.sparse import csr_matrix

from ...base.months import calendar_year
from ...base.progress import SILENT, Progress
from ...compute.threads import run_all
from ...files.stack import OBSERVED
from ...gapfill.methods import MIN_OBSERVED, FillOptions, harmonic_red
from ...grace.footprint import Footprint
from ..domain import Domain
from ..folds import LEAST_FOOTPRINTS, Blocking, Blocks, footprint_blocks, make_blocks
from ..models.cross_validation import CrossValidation, HeldOut, mean_over_pixels
from .block_interpolation import interpolation_weights
from .gain import UNKNOWN, Gain, estimate_gain
from .validations import NOTHING_HELD_OUT

# Pixels of each sample that are predicted; the footprint averages over many cells.
PIXELS = 4
# Months of a part of the record that are needed to compare anomalies from their mean.
LEAST_MONTHS = 2
# Estimates, in the order of the sums of squared errors.
MODEL, WITH_INTERPOLATION, CLIMATOLOGY, INTERPOLATION, NO_ANOMALY = range(5)
ESTIMATES = ("model", "with_interpolation", "climatology", "interpolation", "no_anomaly")


@dataclass(frozen=True)
class UnseenFootprints:
    """Skill for unseen footprints.

    Parameters
    ----------
    gain_over_climatology : Gain
        Of the models over trend, seasons and red noise of the place itself.
    gain_over_interpolation : Gain
        Of the models over interpolation from outside the block and its buffer.
    gain_with_interpolation : Gain
        Of the models with the interpolated difference to GRACE over interpolation alone.
    rmse_cm : dict of str to float
        RMSE of each of ESTIMATES, cm.
    footprints : int
        Number of blocks with data that are compared.
    months : int
        Number of months that are compared.
    width_km : float
        Width of the footprint, km; NaN if unknown.
    untestable : str
        Why there is no figure and what this means, in sentences; empty if there is one.
    """

    gain_over_climatology: Gain = Gain()
    gain_over_interpolation: Gain = Gain()
    gain_with_interpolation: Gain = Gain()
    rmse_cm: dict[str, float] = field(default_factory=lambda: dict.fromkeys(ESTIMATES, UNKNOWN))
    footprints: int = 0
    months: int = 0
    width_km: float = UNKNOWN
    untestable: str = ""

    @property
    def has_gain(self) -> bool:
        """True if the estimate beside interpolation is better than interpolation, beyond chance."""
        return not self.untestable and self.gain_with_interpolation.lower > 0

    @property
    def has_loss(self) -> bool:
        """True if the estimate beside interpolation is worse than interpolation, beyond chance."""
        return not self.untestable and self.gain_with_interpolation.upper < 0

    @property
    def summary(self) -> str:
        """The result in sentences."""
        if self.untestable:
            return f"Skill for unseen footprints: untestable. {self.untestable}"
        return (
            f"Skill for unseen footprints, tested on {self.footprints} blocks at least as wide as "
            f"the footprint of GRACE ({self.width_km:.0f} km) in {self.months} months that the "
            f"models were not trained on: RMSE {self.rmse_cm['model']:.2f} cm. Gain over "
            f"climatology {self.gain_over_climatology.text}, over interpolation "
            f"{self.gain_over_interpolation.text}, beside interpolation "
            f"{self.gain_with_interpolation.text}."
        )

    def scores(self) -> dict:
        """Return the result as plain values for JSON; NaN where there is no figure."""
        gains = {
            "gain_over_climatology": self.gain_over_climatology,
            "gain_over_interpolation": self.gain_over_interpolation,
            "gain_with_interpolation": self.gain_with_interpolation,
        }
        return {
            **{name: gain.value for name, gain in gains.items()},
            **{f"{name}_interval": [gain.lower, gain.upper] for name, gain in gains.items()},
            **{f"rmse_{name}_cm": error for name, error in self.rmse_cm.items()},
            "footprints": self.footprints,
            "months": self.months,
            "footprint_km": self.width_km,
            "untestable": self.untestable,
        }


def validate_on_unseen_footprints(
    domain: Domain,
    validation: CrossValidation,
    blocking: Blocking,
    progress: Progress = SILENT,
) -> UnseenFootprints:
    """Compare held-out models and their competitors with GRACE in unseen footprints.

    Parameters
    ----------
    domain : Domain
        The study domain.
    validation : CrossValidation
        The blocked validation, whose splits are those of ``blocking``.
    blocking : Blocking
        Size of blocks and buffer.
    progress : Progress
        Receives the fraction done.

    Returns
    -------
    UnseenFootprints
        ``untestable`` when the width of the footprint is unknown, the region has fewer than four
        footprints or leaves none to train on outside a block and its buffer, or the record is too
        short.
    """
    width = domain.footprint_km
    if width is None:
        return UnseenFootprints(
            untestable="The width of the footprint of GRACE is unknown, so that it is unknown "
            "which cells are outside of it. These maps cannot be tested away from their own data: "
            "compute GWSA with the present version, or test the maps on wells."
        )
    if not validation.held_out:
        return UnseenFootprints(width_km=width, untestable=NOTHING_HELD_OUT)
    blocks = make_blocks(domain.gwsa.grid, domain.cells, blocking, footprint_km=width)
    comparison = _Comparison(domain, blocks)
    footprints = [] if blocks.narrow else comparison.footprints
    if len(footprints) < LEAST_FOOTPRINTS:
        return UnseenFootprints(width_km=width, untestable=_too_small(width))
    held_out = [held for held in validation.held_out if comparison.is_known(held)]
    if not held_out:
        return UnseenFootprints(width_km=width, untestable=_too_short())
    tasks = [partial(comparison.squared_errors, held) for held in held_out]
    errors = sum(run_all(tasks, progress))
    compared = errors[..., -1].sum(axis=1) > 0
    months = np.unique(np.concatenate([comparison.months(held) for held in held_out]))
    return _summarise(errors[compared], months.size, width)


def _too_small(width_km: float) -> str:
    return (
        f"The region is smaller than {LEAST_FOOTPRINTS} footprints of GRACE ({width_km:.0f} km "
        "wide), or leaves no footprint to train on outside a held-out one and its surroundings. "
        "The maps of it cannot be tested away from their own data: nothing shows whether the "
        "predictors explain groundwater storage here. Map a larger region to test them, or use "
        "the coarse field."
    )


def _too_short() -> str:
    return (
        f"Fewer than {MIN_OBSERVED} months were observed outside a held-out part of the record. "
        "The maps cannot be compared with the climatology of a place: map a longer period."
    )


def _summarise(errors: np.ndarray, months: int, width_km: float) -> UnseenFootprints:
    """The gains from the result of ``squared_errors`` for the blocks that are compared."""
    if len(errors) < LEAST_FOOTPRINTS:
        return UnseenFootprints(width_km=width_km, untestable=_too_small(width_km))
    squares = errors[..., :-1]
    total = squares.sum(axis=(0, 1))
    # The stronger of a competitor and no anomaly.
    climatology, interpolation = (
        min((competitor, NO_ANOMALY), key=lambda number: total[number])
        for competitor in (CLIMATOLOGY, INTERPOLATION)
    )
    rmse = np.sqrt(total / errors[..., -1].sum())
    return UnseenFootprints(
        gain_over_climatology=estimate_gain(squares[..., MODEL], squares[..., climatology]),
        gain_over_interpolation=estimate_gain(squares[..., MODEL], squares[..., interpolation]),
        gain_with_interpolation=estimate_gain(
            squares[..., WITH_INTERPOLATION], squares[..., INTERPOLATION]
        ),
        rmse_cm=dict(zip(ESTIMATES, rmse.tolist())),
        footprints=len(errors),
        months=months,
        width_km=width_km,
    )


class _Comparison:
    """Estimates and observations of the blocks of a domain."""

    def __init__(self, domain: Domain, blocks: Blocks):
        self._domain = domain
        self._width = domain.footprint_km or 0.0
        self._blocks = blocks
        samples = domain.samples
        self._numbers = np.unique(samples.month)
        count = samples.month.size // self._numbers.size
        # All months have samples in the same cells.
        self._cells = np.zeros(domain.cells.shape, dtype=bool)
        self._cells[samples.row[:count], samples.column[:count]] = True
        self._target = samples.target.reshape(self._numbers.size, count)
        # In a large region a block may have samples in a part of its cells only.
        self.footprints = footprint_blocks(
            domain.gwsa.grid, domain.cells, blocks.numbers, self._width
        )
        self._observed = np.array(
            [domain.source_of(month) == OBSERVED for month in domain.months], dtype=bool
        )
        self._climatologies: dict[bytes, np.ndarray] = {}
        self._interpolations: dict[int, csr_matrix] = {}

    def months(self, held: HeldOut) -> np.ndarray:
        """Observed months in the training set that a split holds out, as mapped months, int."""
        return self._numbers[(held.split.months & self._observed)[self._numbers]]

    def is_known(self, held: HeldOut) -> bool:
        """True if a split holds out enough months, and leaves enough for a climatology."""
        left = (self._observed & ~held.split.months).sum()
        return self.months(held).size >= LEAST_MONTHS and left >= MIN_OBSERVED

    def squared_errors(self, held: HeldOut, progress: Progress) -> np.ndarray:
        """Area-weighted squared errors, cm² km², summed over the cells of a footprint in a year.

        Shape (footprints, years, 6): those of each of ESTIMATES, and the sum of the weights.
        """
        months = self.months(held)
        years = calendar_year(self._domain.months)
        year = years[months] - years[0]
        result = np.zeros((len(self.footprints), years[-1] - years[0] + 1, len(ESTIMATES) + 1))
        # Fields of the sampled cells, shape (months, sampled cells).
        observed = self._target[np.isin(self._numbers, months)].astype(np.float64)
        model = self._predict(held, months)
        climatology = self._climatology(held, months)
        areas = self._domain.gwsa.grid.cell_areas()[self._cells]
        for number, block in enumerate(self.footprints):
            progress.stop_if_cancelled()
            inside = self._cells & (self._blocks.numbers == block)
            if not (inside & held.split.cells).any():
                continue
            here = inside[self._cells]
            interpolation = self._interpolation(block, inside)
            from_outside, difference = (
                (interpolation @ values.T).T for values in (observed, observed - model)
            )
            estimates = np.stack(
                [
                    model[:, here],
                    model[:, here] + difference,
                    climatology[:, here],
                    from_outside,
                    np.zeros(from_outside.shape),
                ]
            )
            errors = _centred(estimates) - _centred(observed[:, here])
            weights = areas[here]
            by_month = np.stack(
                [*(errors**2 @ weights), np.full(months.size, weights.sum())], axis=1
            )
            np.add.at(result[number], year, by_month)
        return result

    def _predict(self, held: HeldOut, months: np.ndarray) -> np.ndarray:
        """What GRACE would observe if the predictions were true: shape (months, sampled cells).

        A mapped cell without a sample has the prediction of the nearest cell with one.
        """
        where = np.isin(self._domain.samples.month, months)
        fields = np.full((months.size, *self._cells.shape), np.nan)
        fields[:, self._cells] = mean_over_pixels(self._domain, held.models, where, PIXELS).reshape(
            months.size, -1
        )
        rows, columns = self._nearest
        fields = np.where(self._domain.cells, fields[:, rows, columns], np.nan)
        seen = self._footprint.apply(fields)[:, self._cells]
        if held.observed_prior is not None:
            seen += held.observed_prior[months][:, self._cells[self._domain.cells]]
        return seen

    def _interpolation(self, block: int, inside: np.ndarray) -> csr_matrix:
        """Weights of all sampled cells for those of a block; 0 in the block and its buffer."""
        if block not in self._interpolations:
            outside = self._cells & ~self._blocks.excluded(inside)
            weights = interpolation_weights(self._domain.gwsa.grid, outside, inside)
            among = np.flatnonzero(outside[self._cells])
            self._interpolations[block] = csr_matrix(
                (weights.data, among[weights.indices], weights.indptr),
                (weights.shape[0], int(self._cells.sum())),
            )
        return self._interpolations[block]

    @cached_property
    def _nearest(self) -> np.ndarray:
        """Row and column of the sampled cell that is nearest to each cell."""
        return distance_transform_edt(~self._cells, return_distances=False, return_indices=True)

    @cached_property
    def _footprint(self) -> Footprint:
        gwsa = self._domain.gwsa
        return Footprint(gwsa.grid, self._domain.cells, self._width, gwsa.tiles)

    def _climatology(self, held: HeldOut, months: np.ndarray) -> np.ndarray:
        """Trend, seasons and red noise of each sampled cell: shape (months, sampled cells).

        They are fitted to observed months that the split does not hold out.
        """
        key = held.split.months.tobytes()
        if key not in self._climatologies:
            domain = self._domain
            mapped = np.flatnonzero(domain.used)
            missing = np.ones(domain.used.size, dtype=bool)
            missing[mapped[self._observed & ~held.split.months]] = False
            series = domain.gwsa.values[:, self._cells].T.astype(np.float64)
            filled = np.full(series.shape, np.nan)
            filled[:, missing] = harmonic_red(series, missing, FillOptions())
            self._climatologies[key] = filled[:, mapped[months]].T
        return self._climatologies[key]


def _centred(values: np.ndarray) -> np.ndarray:
    """Values less their mean over the months, the last axis but one."""
    return values - values.mean(axis=-2, keepdims=True)
