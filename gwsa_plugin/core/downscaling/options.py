"""Settings of a downscaling, and where its results are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ..files.yearly_maps import require_own_folder
from ..spatial.aquifers import GRACE_FOOTPRINT_KM2
from .folds import Blocking
from .maps.encoding import ROUNDED
from .models.trainer import DIRECT
from .models.training import Boosting
from .skill.validations import QUICK

# What is mapped: the prior, with trees on what it leaves where held-out footprints support them;
# trees trained on coarse GWSA directly, as in the published dataset; or interpolation.
FOOTPRINT = "footprint"
PUBLISHED = "published"
INTERPOLATION = "interpolation"
METHODS = (FOOTPRINT, PUBLISHED, INTERPOLATION)
# Products: maps of the models of all samples, and maps of held-out models.
MAPS = "maps"
HELD_OUT = "held_out"


@dataclass(frozen=True)
class DownscaleOptions:
    """Settings of a downscaling.

    Parameters
    ----------
    period : tuple
        First and last month; None for all months that GWSA and predictors share.
    least_area : float
        Land area from which an aquifer has a model of its own, km².
    feather_km, encoding
        See ``MapOptions``.
    method : str
        FOOTPRINT, PUBLISHED or INTERPOLATION.
    target : str
        What models predict with the method PUBLISHED, see ``cross_validation``.
    validation : str
        How much is held out: QUICK, FULL or NONE, see ``make_validations``.
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
    encoding: str = ROUNDED
    method: str = FOOTPRINT
    target: str = DIRECT
    validation: str = QUICK
    stopping: bool = True
    search: int = 0
    boosting: Boosting = Boosting()
    blocking: Blocking = Blocking()

    def as_parameters(self) -> dict:
        """Return the settings as plain values for tags and records."""
        return {**asdict(self), "period": [str(month or "") for month in self.period]}


@dataclass(frozen=True)
class Outputs:
    """Where results are written; None for a result that is not wanted.

    Parameters
    ----------
    maps : Path
        Folder of the maps.
    models : Path, optional
        Folder of the models.
    held_out : Path, optional
        Folder of the maps of held-out models; needs a validation.
    applicability : Path, optional
        GeoTIFF of the area of applicability; needs a validation.
    explanation : Path, optional
        CSV table of SHAP contributions and gain.
    corrected : Path, optional
        Coarse GWSA after leakage correction, see ``leakage``.
    corrected_sigma : Path, optional
        Its sigma; written when the sigma of the coarse GWSA is given.
    replaces : bool
        True if maps of another run in the folders are removed; otherwise they are refused.
    """

    maps: Path
    models: Path | None = None
    held_out: Path | None = None
    applicability: Path | None = None
    explanation: Path | None = None
    corrected: Path | None = None
    corrected_sigma: Path | None = None
    replaces: bool = False

    @property
    def folders(self) -> dict[str, Path]:
        """The folder of each product of yearly maps that is wanted."""
        products = {MAPS: self.maps, HELD_OUT: self.held_out}
        return {name: folder for name, folder in products.items() if folder}

    def require_own_folders(self, tags: Mapping[str, str]) -> None:
        """Check that the folders of maps have none of another run, unless these are replaced.

        Parameters
        ----------
        tags : mapping of str to str
            Tags of the new maps.

        Raises
        ------
        InputError
            When a folder has maps of another run.
        """
        for folder in () if self.replaces else self.folders.values():
            require_own_folder(folder, tags)
