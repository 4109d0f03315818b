"""The places that the user has picked, and the reading of their series in the background."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject, pyqtSignal

from ...gwsa_plugin.core.base.errors import InputError
from ...gwsa_plugin.core.base.progress import Progress
from ...gwsa_plugin.core.results.place_series import (
    WELL,
    Place,
    Product,
    Series,
    place_name,
    series_at,
    series_over,
)
from ...processing_provider.base import tr
from ...processing_provider.polygon_layers import Polygon
from ..work import Work
from .picking import Spot
from .products import Loaded
from .wells import Well, read_well, well_of

MOST_PLACES = 8


class _Read(NamedTuple):
    """Series of a product at a spot, or why there are none."""

    spot: Spot
    key: str
    series: tuple[Series, ...]
    problem: str = ""


class Places(QObject):
    """Places with the series that have been read so far.

    Attributes
    ----------
    places : list of Place
    spots : list of Spot
        Where the places are, in the same order.
    """

    changed = pyqtSignal()
    problem = pyqtSignal(str)

    def __init__(self, parent: QObject | None = None):
        super().__init__(parent)
        self.places: list[Place] = []
        self.spots: list[Spot] = []
        self._works: list[Work] = []
        # Products as they were when they were read.
        self._read: dict[str, Product] = {}

    @property
    def is_busy(self) -> bool:
        """Whether series are being read."""
        return bool(self._works)

    def pick(self, spot: Spot, is_added: bool, loaded: Sequence[Loaded]) -> None:
        """Take a place instead of the others, or one more, and read its series.

        Parameters
        ----------
        spot : Spot
        is_added : bool
            Whether the others stay; beyond MOST_PLACES the first is dropped.
        loaded : sequence of Loaded
            Products to read.
        """
        if not is_added:
            self._stop()
            self.places, self.spots = [], []
        x, y = spot.point.x(), spot.point.y()
        self.places = [*self.places, Place(spot.name or place_name(x, y), x, y)][-MOST_PLACES:]
        self.spots = [*self.spots, spot][-MOST_PLACES:]
        self.changed.emit()
        self.read(loaded)

    def clear(self) -> None:
        """Forget all places."""
        self._stop()
        self.places, self.spots = [], []
        self.changed.emit()

    def forget(self, loaded: Sequence[Loaded]) -> None:
        """Forget the series of products that are not loaded any more or were opened again."""
        kept = {one.key for one in loaded if _is_same(one.product, self._read.get(one.key))}
        self._keep(lambda key: key == WELL or key in kept)

    def forget_wells(self) -> None:
        """Forget the series of wells, whose readings are in another table now."""
        self._keep(lambda key: key != WELL)

    def _keep(self, is_kept: Callable[[str], bool]) -> None:
        self._stop()
        self.places = [
            replace(
                place, series={key: found for key, found in place.series.items() if is_kept(key)}
            )
            for place in self.places
        ]
        self.changed.emit()

    def read(self, loaded: Sequence[Loaded]) -> None:
        """Read the series of products that places do not have yet.

        Parameters
        ----------
        loaded : sequence of Loaded
            In the order of reading; a well gets the zero of the first one.
        """
        self._stop()
        for spot, place in zip(self.spots, self.places):
            missing = [one for one in loaded if one.key not in place.series]
            wants_well = spot.feature is not None and WELL not in place.series
            if missing or wants_well:
                self._start(spot, place, missing, loaded)

    def _start(
        self, spot: Spot, place: Place, missing: Sequence[Loaded], loaded: Sequence[Loaded]
    ) -> None:
        well = self._well(spot, place)
        products = [(one.key, one.product) for one in missing]
        self._read.update(products)
        known = place.all_series([one.key for one in loaded])

        def read_all(found, progress):
            series = [*known]
            for key, product in products:
                read = _read_product(spot, key, product, progress)
                series += read.series
                found(read)
            if well is not None:
                found(_read_well(spot, well, series[0] if series else None, progress))

        work = Work(tr("GWSA: read series"), read_all)
        work.found.connect(self._take)
        work.failed.connect(self.problem)
        work.ended.connect(lambda: self._end(work))
        self._works.append(work)
        work.start()

    def _well(self, spot: Spot, place: Place) -> Well | None:
        if spot.feature is None or WELL in place.series or sip.isdeleted(spot.layer):
            return None
        try:
            return well_of(spot.layer, spot.feature, spot.point.x(), spot.point.y())
        except InputError as error:
            self.problem.emit(str(error))
            return None

    def _take(self, read: _Read) -> None:
        if read.spot in self.spots:
            index = self.spots.index(read.spot)
            self.places[index] = self.places[index].with_series(read.key, read.series)
            self.changed.emit()
            if read.problem:
                self.problem.emit(read.problem)

    def _end(self, work: Work) -> None:
        if work in self._works:
            self._works.remove(work)
            self.changed.emit()

    def _stop(self) -> None:
        works, self._works = self._works, []
        for work in works:
            work.stop()


def _is_same(product: Product, earlier: Product | None) -> bool:
    """Whether a product has been read as it is now."""
    if earlier is None or product.name != earlier.name:
        return False
    return product.maps is earlier.maps and product.sigma is earlier.sigma


def _read_product(spot: Spot, key: str, product: Product, progress: Progress) -> _Read:
    try:
        if spot.polygon is not None:
            polygon = Polygon(spot.name, spot.polygon, {}).aquifer
            series = series_over(product, polygon, progress)
        else:
            series = series_at(product, spot.point.x(), spot.point.y(), progress)
    except InputError as error:
        return _Read(spot, key, (), str(error))
    return _Read(spot, key, _described(series))


def _read_well(spot: Spot, well: Well, reference: Series | None, progress: Progress) -> _Read:
    try:
        return _Read(spot, WELL, _described([read_well(well, reference, progress)]))
    except InputError as error:
        return _Read(spot, WELL, (), str(error))


def _described(series: Sequence[Series]) -> tuple[Series, ...]:
    """Compute trends and amplitudes here and not where the window is drawn."""
    for one in series:
        _ = one.behaviour
    return tuple(series)
