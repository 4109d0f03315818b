"""Settings of a downscaling."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from ..spatial.aquifers import GRACE_FOOTPRINT_KM2
from .folds import Blocking
from .models.cross_validation import DIRECT
from .models.training import Boosting

# What is mapped: the prior, with trees on what it leaves where held-out footprints support them;
# trees trained on coarse GWSA directly, as in the published dataset; or interpolation.
FOOTPRINT = "footprint"
PUBLISHED = "published"
INTERPOLATION = "interpolation"
METHODS = (FOOTPRINT, PUBLISHED, INTERPOLATION)


@dataclass(frozen=True)
class DownscaleOptions:
    """Settings of a downscaling.

    Parameters
    ----------
    period : tuple
        First and last month; None for all months that GWSA and predictors share.
    least_area : float
        Land area from which an aquifer has a model of its own, km².
    feather_km, exact
        See ``MapOptions``.
    method : str
        FOOTPRINT, PUBLISHED or INTERPOLATION.
    target : str
        What models predict with the method PUBLISHED, see ``cross_validation``.
    compare : bool
        Also validate forward in time, and on random samples as most published validations do.
    stopping : bool
        Choose the number of trees by early stopping.
    search : int
        Number of other hyper-parameters that are tried besides the given ones.
    boosting : Boosting
        Hyper-parameters.
    blocking : Blocking
        Spatial blocks of the cross-validation.
    """

    period: tuple = (None, None)
    least_area: float = GRACE_FOOTPRINT_KM2
    feather_km: float = 25.0
    exact: bool = False
    method: str = FOOTPRINT
    target: str = DIRECT
    compare: bool = True
    stopping: bool = True
    search: int = 0
    boosting: Boosting = Boosting()
    blocking: Blocking = Blocking()

    def as_parameters(self) -> dict:
        """Return the settings as plain values for tags and records."""
        return {**asdict(self), "period": [str(month or "") for month in self.period]}
