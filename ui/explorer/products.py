"""The products among the raster layers of the project, which are opened in the background."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Union

from qgis.core import QgsMapLayer, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from ...gwsa_plugin.core.base.errors import InputError
from ...gwsa_plugin.core.base.progress import Progress
from ...gwsa_plugin.core.base.units import cm_per
from ...gwsa_plugin.core.files.stack_files import VARIABLE_TAG
from ...gwsa_plugin.core.files.yearly_maps import (
    NAME,
    SIGMA_NAME,
    YearlyMaps,
    sigma_maps,
    yearly_files,
)
from ...gwsa_plugin.core.rasters.band_times import stated_months
from ...gwsa_plugin.core.rasters.geotiff import UNIT_TAG
from ...gwsa_plugin.core.rasters.reading import band_months, open_raster
from ...gwsa_plugin.core.results.place_series import Product, resolution_name
from ...processing_provider.base import layer_file, tr
from ...processing_provider.styles.rasters import SIGMA, RasterContents
from ..work import Work

# Words in the variables that are shown on request only: the terms of the balance, and fluxes.
ON_REQUEST = re.compile(
    r"\b(?:twsa?|sms|swes?|cws|sws)\b|precipitation|rain|evapo|runoff|recharge|snow|moisture",
    re.IGNORECASE,
)
# What differs between the files of one product: a year, or a year and a month.
_DATE = re.compile(r"(?:19|20)\d\d(?:[-_]?(?:0[1-9]|1[0-2]))?")


@dataclass(frozen=True, eq=False)
class Loaded:
    """A product of the project.

    Parameters
    ----------
    key : str
        Does not change while its layers are loaded.
    product : Product
    is_shown : bool
        Whether it is shown without being asked for.
    layers : dict of Path to list of str
        File -> ids of its layers.
    """

    key: str
    product: Product
    is_shown: bool
    layers: dict[Path, list[str]] = field(default_factory=dict)


# State of the files of a group -> products, and sentences on those that cannot be used.
Known = dict[tuple, list[Union[Loaded, str]]]


@dataclass(frozen=True, eq=False)
class _Group:
    """Layers whose files may be a product, by their names alone, and the CRS of one of them."""

    key: str
    layers: dict[Path, list[str]]
    crs: str = ""

    @property
    def is_yearly(self) -> bool:
        """Whether the files are the yearly maps of a folder."""
        return any(NAME.fullmatch(path.name) for path in self.layers)

    def paths(self) -> list[Path]:
        """Return the files, those of years that are not loaded included."""
        return yearly_files(next(iter(self.layers)).parent) if self.is_yearly else [*self.layers]


class Products(QObject):
    """Finds the products of the project again whenever its layers change.

    Attributes
    ----------
    loaded : list of Loaded
        In the order of the layers.
    problems : list of str
        A sentence for each group of monthly layers that cannot be used.
    """

    changed = pyqtSignal()

    def __init__(self, parent: QObject | None = None):
        super().__init__(parent)
        self.loaded: list[Loaded] = []
        self.problems: list[str] = []
        self._known: Known = {}
        self._work: Work | None = None
        # A run adds many layers one after the other.
        self._delay = QTimer(self, singleShot=True, interval=50)
        self._delay.timeout.connect(self.find)
        project = QgsProject.instance()
        self._signals = (project.layersAdded, project.layersRemoved, project.cleared)
        for signal in self._signals:
            signal.connect(self._start)
        self._start()

    def remove(self) -> None:
        """Stop looking at the project."""
        for signal in self._signals:
            signal.disconnect(self._start)
        self._delay.stop()
        self._stop()

    @property
    def is_busy(self) -> bool:
        """Whether products are being opened."""
        return self._work is not None or self._delay.isActive()

    def find(self) -> None:
        """Open what is new in the background."""
        self._stop()
        groups = _groups(QgsProject.instance().mapLayers().values())
        known = dict(self._known)

        def open_groups(found, progress):
            found(_open_groups(groups, known, progress))

        self._work = Work(tr("GWSA: open products"), open_groups)
        self._work.found.connect(self._take)
        self._work.start()

    def _start(self, *_) -> None:
        self._delay.start()

    def _stop(self) -> None:
        if self._work is not None:
            self._work.stop()
            self._work = None

    def _take(self, found: Known) -> None:
        self._work = None
        self._known = found
        opened = [one for group in found.values() for one in group]
        self.loaded = _with_sigma([one for one in opened if isinstance(one, Loaded)])
        self.problems = [one for one in opened if isinstance(one, str)]
        self.changed.emit()


def _groups(layers: Iterable[QgsMapLayer]) -> list[_Group]:
    """Group raster files by folder and name without dates; sigma of yearly maps is left out."""
    groups: dict[str, dict[Path, list[str]]] = {}
    references: dict[str, str] = {}
    for layer in layers:
        if isinstance(layer, QgsRasterLayer) and layer.providerType() == "gdal":
            path = layer_file(layer)
            if not SIGMA_NAME.fullmatch(path.name):
                key = str(path.parent / _DATE.sub("*", path.name))
                groups.setdefault(key, {}).setdefault(path, []).append(layer.id())
                references[key] = layer.crs().authid()
    return [_Group(key, layers, references[key]) for key, layers in groups.items()]


def _open_groups(groups: list[_Group], known: Known, progress: Progress) -> Known:
    """Open the groups that are not known yet."""
    found: Known = {}
    for number, group in enumerate(groups):
        progress.advance(number / len(groups))
        paths = group.paths()
        state = (group.key, group.crs, *((path, _time(path)) for path in paths))
        if state in known:
            found[state] = [
                replace(one, layers=group.layers) if isinstance(one, Loaded) else one
                for one in known[state]
            ]
        else:
            found[state] = _open(group, paths)
    return found


def _time(path: Path) -> float:
    """Time of the last change; 0 for a raster that is not a file."""
    try:
        return path.stat().st_mtime
    except (OSError, ValueError):
        return 0.0


def _open(group: _Group, paths: list[Path]) -> list[Loaded | str]:
    """Open the files of a group as one product, or each alone where they are several products."""
    if not _is_storage(paths[0]):
        return []
    try:
        return [_open_files(group, paths)]
    except InputError as error:
        if len(paths) == 1 or group.is_yearly:
            return [str(error)]
    found: list[Loaded | str] = []
    for path in paths:
        found += _open(_Group(str(path), {path: group.layers[path]}), [path])
    return found


def _is_storage(path: Path) -> bool:
    """Whether a raster has months, even wrong ones, and values that may be heights of water."""
    try:
        with open_raster(path) as source:
            unit = source.bands[0].unit or source.tags().get(UNIT_TAG) or ""
            is_flags = source.tags().get(VARIABLE_TAG) == "FLAGS"
            is_monthly = any(month is not None for month in stated_months(source, path.name))
            if not is_monthly:
                band_months(source, path)
    except InputError:
        return False
    return not is_flags and (not unit or cm_per(unit) is not None)


def _open_files(group: _Group, paths: list[Path]) -> Loaded:
    contents = RasterContents.from_file(paths[0])
    maps = YearlyMaps.from_files(paths)
    sigma = sigma_maps(paths[0].parent) if group.is_yearly else None
    name = f"{contents.variable_name}, {resolution_name(maps.grid)}"
    # Values without a stated unit are taken as cm, but may be anything.
    is_stated = bool(contents.unit) or contents.variable == "GWSA"
    product = Product(name, contents.variable, maps, sigma)
    words = contents.variable.replace("_", " ")
    is_shown = is_stated and not ON_REQUEST.search(words)
    return Loaded(group.key, product, is_shown, group.layers)


def _with_sigma(opened: list[Loaded]) -> list[Loaded]:
    """Give products the sigma stacks of their variable and grid, and each a name of its own."""
    sigmas = [one.product for one in opened if SIGMA.search(one.product.variable)]
    others = [one for one in opened if one.product not in sigmas]
    names = Counter(one.product.name for one in others)
    places = Counter(_place(one.product) for one in others)
    found = []
    for one in others:
        product = one.product
        if product.sigma is None:
            fitting = (sigma.maps for sigma in sigmas if _fits(sigma, product))
            product = replace(product, sigma=next(fitting, None))
        if names[product.name] > 1:
            place = _place(product, 1 if places[_place(product)] == 1 else 2)
            product = replace(product, name=f"{product.name} ({place})")
        found.append(replace(one, product=product))
    return sorted(
        found, key=lambda one: (not one.is_shown, one.product.is_coarse, one.product.name)
    )


def _place(product: Product, parts: int = 1) -> str:
    """The last parts of the path of a stack, or of the folder of yearly maps."""
    path, _ = next(iter(product.maps.bands.values()))
    place = path.parent if NAME.fullmatch(path.name) else path.with_suffix("")
    return Path(*place.parts[-parts:]).as_posix()


def _fits(sigma: Product, product: Product) -> bool:
    is_same = SIGMA.sub("", sigma.variable) == product.variable
    return is_same and sigma.maps.grid.same_as(product.maps.grid)
