"""Table of the predictors of a catalogue, whose cells can be edited."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from pathlib import Path

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QTableWidget,
    QTableWidgetItem,
)

from ..gwsa_plugin.core.predictors.catalogue import MONTHLY, ROLES, STATIC, Predictor
from ..gwsa_plugin.core.predictors.paths import absolute_path, relative_path
from ..gwsa_plugin.core.predictors.predictor_facts import Facts, read_facts
from ..gwsa_plugin.core.predictors.recognise import Recognised
from ..processing_provider.base import tr

NAME, FILES, KIND, MONTHS, UNIT, SCALE, OFFSET, ROLE, LAGS, MEANS = range(10)
HEADERS = (
    "Name", "Files", "Kind", "Months", "Unit", "Scale", "Offset", "Role", "Lags", "Means",
)  # fmt: skip
# Field of a predictor that each text column edits.
TEXTS = {NAME: "name", UNIT: "unit"}
NUMBERS = {SCALE: "scale", OFFSET: "offset"}
CHOICES = {KIND: (STATIC, MONTHLY), ROLE: ("", *ROLES)}
# Width in pixels that the contents of a column get at most.
WIDEST = {NAME: 180, FILES: 230, MONTHS: 190, UNIT: 110, LAGS: 90, MEANS: 90}
# Readable on the backgrounds of light and of dark themes.
RED = QColor("#d1242f")


class PredictorsTable(QTableWidget):
    """Table with one predictor a row. A row with a problem is red and states it.

    Parameters
    ----------
    parent : QWidget
    """

    # Emitted when rows are added, edited or removed.
    edited = pyqtSignal()

    def __init__(self, parent=None):
        super().__init__(0, len(HEADERS), parent)
        self.items: list[Recognised] = []
        # Files are shown relative to it.
        self.folder = Path()
        self.setHorizontalHeaderLabels([tr(text) for text in HEADERS])
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.cellChanged.connect(self._read_cell)

    @property
    def predictors(self) -> list[Predictor]:
        """The predictors in the order of the rows."""
        return [item.predictor for item in self.items]

    @property
    def selected_rows(self) -> list[int]:
        """Numbers of the selected rows, ascending."""
        return sorted(index.row() for index in self.selectionModel().selectedRows())

    def set_items(self, items: list[Recognised]) -> None:
        """Replace all rows."""
        self.items = list(items)
        self.folder = _common_folder(self.predictors)
        self.setRowCount(len(items))
        for row in range(len(items)):
            self._write_row(row)
        self.resizeColumnsToContents()
        for column, width in WIDEST.items():
            self.setColumnWidth(column, min(width, self.columnWidth(column)))
        self.edited.emit()

    def set_predictor(self, row: int, predictor: Predictor) -> None:
        """Replace the predictor of a row; files are read again if they or the kind changed."""
        before, facts = self.items[row].predictor, self.items[row].facts
        if (before.files, before.kind) != (predictor.files, predictor.kind):
            facts = read_facts(predictor)
        self.items[row] = Recognised(predictor, facts)
        self._write_row(row)
        self.edited.emit()

    def _write_row(self, row: int) -> None:
        self.blockSignals(True)
        predictor, facts = self.items[row].predictor, self.items[row].facts
        texts = {
            NAME: predictor.name,
            FILES: self._files_text(predictor),
            MONTHS: facts.problem or _months_text(facts),
            UNIT: predictor.unit,
            SCALE: _number_text(predictor.scale, facts.scale) if predictor.files else "",
            OFFSET: _number_text(predictor.offset, facts.offset) if predictor.files else "",
            LAGS: _list_text(predictor.lags) if predictor.monthly else "",
            MEANS: _list_text(predictor.means),
        }
        for column, text in texts.items():
            self._write_cell(row, column, text)
        self._write_choice(row, KIND, predictor.kind, bool(predictor.files))
        self._write_choice(row, ROLE, predictor.role, predictor.may_have_role)
        self.blockSignals(False)

    def _write_cell(self, row: int, column: int, text: str) -> None:
        if self.item(row, column) is None:
            self.setItem(row, column, QTableWidgetItem())
        cell = self.item(row, column)
        item = self.items[row]
        needs_files = column in (FILES, *NUMBERS)
        is_editable = bool(item.predictor.files) if needs_files else column in TEXTS
        flags = cell.flags() | Qt.ItemFlag.ItemIsEditable
        cell.setFlags(flags if is_editable else flags & ~Qt.ItemFlag.ItemIsEditable)
        is_red = item.facts.problem and column in (NAME, FILES, MONTHS)
        cell.setData(Qt.ItemDataRole.ForegroundRole, RED if is_red else None)
        cell.setToolTip(item.facts.problem or item.predictor.files if column == FILES else text)
        cell.setText(text)

    def _write_choice(self, row: int, column: int, value: str, is_enabled: bool) -> None:
        choices = self.cellWidget(row, column)
        if choices is None:
            choices = QComboBox()
            choices.addItems(CHOICES[column])
            # The row of a combo box changes when rows above it are removed.
            choices.activated.connect(lambda _: self._read_choice(choices, column))
            self.setCellWidget(row, column, choices)
        choices.setCurrentText(value)
        choices.setEnabled(is_enabled)

    def _files_text(self, predictor: Predictor) -> str:
        if predictor.difference:
            return " - ".join(predictor.difference)
        return relative_path(predictor.files, self.folder)

    def _read_choice(self, choices: QComboBox, column: int) -> None:
        row = self.indexAt(choices.pos()).row()
        predictor = self.items[row].predictor
        if column == ROLE:
            predictor = replace(predictor, role=choices.currentText())
        else:
            predictor = with_kind(predictor, choices.currentText())
        self.set_predictor(row, predictor)

    def _read_cell(self, row: int, column: int) -> None:
        text = self.item(row, column).text().strip()
        predictor = self.items[row].predictor
        if column == FILES and text:
            predictor = replace(predictor, files=absolute_path(self.folder / text).as_posix())
        elif column in TEXTS:
            field = TEXTS[column]
            predictor = replace(predictor, **{field: text or getattr(predictor, field)})
        elif column in NUMBERS:
            predictor = replace(predictor, **{NUMBERS[column]: _number(text)})
        self.set_predictor(row, predictor)


def with_kind(predictor: Predictor, kind: str) -> Predictor:
    """Return a predictor of another kind; a static one has no lags, means and role."""
    if kind == MONTHLY:
        return replace(predictor, kind=kind)
    return replace(predictor, kind=kind, lags=(0,), means=(), role="")


def _common_folder(predictors: list[Predictor]) -> Path:
    """The folder that contains the files of all predictors."""
    folders = [str(Path(item.files).parent) for item in predictors if item.files]
    try:
        return Path(os.path.commonpath(folders))
    except ValueError:
        # There are no files, or they are on several drives.
        return Path()


def _months_text(facts: Facts) -> str:
    if not facts.months.size:
        return tr(facts.layout)
    return tr("{} to {}").format(facts.months[0], facts.months[-1])


def _number_text(own: float | None, stated: float) -> str:
    """The number of the predictor, or else the one that its files state."""
    return f"{stated if own is None else own:.12g}"


def _number(text: str) -> float | None:
    """The number in a cell; None, which means that of the files, for anything else."""
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _list_text(numbers) -> str:
    return ", ".join(map(str, numbers))
