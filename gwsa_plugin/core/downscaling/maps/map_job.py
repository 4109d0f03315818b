"""The job of making maps: inputs, models and options, all that a worker needs.

A worker may be a thread of this process or another machine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ...base.tiles import Tile
from ...predictors.catalogue import Predictor
from ...predictors.predictor_set import CONTENTS, PredictorSet
from ...spatial.aquifers import Regions
from ...spatial.mass_conservation import MassConservation
from ..domain import Domain
from ..models.region_models import RegionModels
from ..prior.fields import PriorJob
from .encoding import ENCODINGS, ROUNDED, Encoding

# Version of the checkpoints of maps: a run does not continue from those of another one.
CHECKPOINTS = 2


@dataclass(frozen=True, eq=False)
class ModelUse:
    """Models, and the cells and months that they predict.

    Parameters
    ----------
    models : RegionModels
        The models.
    cells : numpy.ndarray of bool
        Cells that they predict, coarse shape.
    months : numpy.ndarray of bool, shape (months,)
        Mapped months that they predict.
    prior : int, optional
        Number of the prior that is added.
    """

    models: RegionModels
    cells: np.ndarray
    months: np.ndarray
    prior: int | None = None


@dataclass(frozen=True)
class MapOptions:
    """Options of the maps.

    Parameters
    ----------
    feather_km : float
        Half-width of the belt along aquifer borders in which models are blended, km.
    encoding : str
        One of ``ENCODINGS``.
    tags : dict
        Tags of every file.
    """

    feather_km: float = 25.0
    encoding: str = ROUNDED
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def storage(self) -> Encoding:
        """How values are stored."""
        return ENCODINGS[self.encoding]

    @property
    def creation(self) -> dict:
        """Creation options of the GeoTIFFs. Blocks without values are left out."""
        return {**self.storage.options, "sparse_ok": True}

    def with_tags(self, tags: dict[str, str]) -> MapOptions:
        """Return the options with more tags."""
        return replace(self, tags={**self.tags, **tags})


@dataclass(frozen=True, eq=False)
class MapJob:
    """Inputs, models and options of the maps.

    Parameters
    ----------
    predictors : PredictorSet
        The predictors.
    regions : Regions
        The aquifer regions, between whose models predictions are blended.
    conservation : MassConservation
        The mass-conserving correction; its ``cells`` are mapped.
    months : numpy.ndarray of datetime64[M]
        The mapped months.
    sources : tuple of str
        Source of GWSA in each month: observed or filled.
    target : sequence of numpy.ndarray
        Coarse GWSA in each month, cm, coarse shape.
    products : dict of str to list of ModelUse
        Models of each product. Together they predict every cell and month once.
    options : MapOptions
        Blending, encoding and tags.
    prior : PriorJob, optional
        The priors of the uses.
    lines : Path, optional
        Folder of the levels and trends of the priors, see ``fit_lines``.
    """

    predictors: PredictorSet
    regions: Regions
    conservation: MassConservation
    months: np.ndarray
    sources: tuple[str, ...]
    target: Sequence[np.ndarray]
    products: dict[str, list[ModelUse]]
    options: MapOptions
    prior: PriorJob | None = None
    lines: Path | None = None

    @property
    def tiles(self) -> list[Tile]:
        """The tiles of the coarse grid that hold mapped cells."""
        return self.conservation.tiles

    @property
    def has_trees(self) -> bool:
        """Whether any model predicts with trees."""
        return any(use.models.shrinkage for uses in self.products.values() for use in uses)

    @property
    def features(self) -> tuple[Predictor, ...]:
        """Predictors of the trees; none if no model predicts with trees."""
        return self.predictors.predictors if self.has_trees else ()

    @property
    def terms(self) -> tuple[Predictor, ...]:
        """Terms of the priors; none without a prior."""
        return self.prior.drivers.predictors if self.prior else ()

    @classmethod
    def from_domain(
        cls, domain: Domain, products: dict[str, list[ModelUse]], options: MapOptions
    ) -> MapJob:
        """Map all months of a study domain.

        Parameters
        ----------
        domain : Domain
            The study domain. The tags of its GWSA are added to those of ``options``.
        products, options
            As ``MapJob``.
        """
        return cls(
            domain.predictors,
            domain.regions,
            domain.conservation,
            domain.months,
            sources=tuple(domain.source_of(month) for month in domain.months),
            target=domain.target,
            products=products,
            options=replace(options, tags={**domain.gwsa.tags, **options.tags}),
        )

    def fingerprint(self) -> str:
        """Return a digest that is the same for two jobs that make the same files."""
        options = [CHECKPOINTS, self.options.feather_km, self.options.encoding, self.options.tags]
        digest = hashlib.sha256(json.dumps(options).encode())
        digest.update((self.predictors.folder / CONTENTS).read_bytes())
        digest.update(json.dumps([aquifer.geometry for aquifer in self.regions.aquifers]).encode())
        arrays = [self.months.astype(np.int64), self.conservation.cells, *self.target]
        for name, uses in self.products.items():
            digest.update(name.encode())
            for use in uses:
                digest.update(f"{use.models.shrinkage!r} {use.models.contrast_slope!r}".encode())
                for number, booster in use.models.boosters.items():
                    digest.update(b"%d" % number + booster.save_raw("ubj"))
                arrays += [use.models.pooled, use.cells, use.months]
                if self.prior and use.prior is not None:
                    record = self.prior.priors[use.prior].as_record()
                    digest.update(json.dumps(record).encode())
        for array in arrays:
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()
