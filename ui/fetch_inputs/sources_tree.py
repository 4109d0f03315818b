"""Sources by subject, with their files once they are planned."""

from __future__ import annotations

from html import escape

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QLabel, QTreeWidget, QTreeWidgetItem

from ...gwsa_plugin.core.fetching.estimate import bytes_text
from ...gwsa_plugin.core.fetching.fetch import Outcome
from ...gwsa_plugin.core.fetching.logins import read_logins
from ...gwsa_plugin.core.fetching.plan import Plan
from ...gwsa_plugin.core.fetching.remote_file import RemoteFile
from ...gwsa_plugin.core.fetching.sources import (
    AQUIFERS,
    GLDAS,
    LAND_MASK,
    MASCONS,
    PREDICTORS,
    Source,
    read_sources,
)
from ...processing_provider.base import tr
from ...processing_provider.help_pages import page_url

SOURCE, LOGIN, PAGE, VERSION, RESOLUTION, LICENCE, FILES, SIZE, STATE = range(9)
HEADERS = (
    "Source", "Login", "About", "Version", "Resolution", "Licence", "Files", "Size", "State",
)  # fmt: skip
# Columns that are shown before and after the files are planned.
FACTS = (VERSION, RESOLUTION, LICENCE)
PLANNED = (FILES, SIZE, STATE)
SUBJECT_TITLES = {
    MASCONS: "Water storage: GRACE mascons, one product is enough",
    LAND_MASK: "Land mask of the mascons",
    GLDAS: "Soil moisture, snow and canopy water: GLDAS",
    PREDICTORS: "Predictors",
    AQUIFERS: "Aquifers",
}
# Width in pixels that the contents of a column get at most.
WIDEST = {VERSION: 120, RESOLUTION: 170, LICENCE: 100, STATE: 100}
SOURCE_WIDEST, PLANNED_SOURCE_WIDEST = 380, 440
FLAG = Qt.ItemFlag
CHECKED, UNCHECKED = Qt.CheckState.Checked, Qt.CheckState.Unchecked
# Of a file.
MISSING, PRESENT, NEWER, FETCHED, FAILED = "to fetch", "there", "newer version", "fetched", "failed"
ORDER = (FAILED, MISSING, NEWER, FETCHED, PRESENT)


class SourcesTree(QTreeWidget):
    """Table of the sources with check boxes, and their files below them.

    Parameters
    ----------
    chosen : sequence of str
        Names of the sources that are ticked.
    parent : QWidget, optional
    """

    # Emitted when a source is ticked or unticked.
    changed = pyqtSignal()

    def __init__(self, chosen, parent=None):
        super().__init__(parent)
        self.setColumnCount(len(HEADERS))
        self.setHeaderLabels([tr(text) for text in HEADERS])
        self.setUniformRowHeights(True)
        self.setAllColumnsShowFocus(True)
        self._items: dict[str, QTreeWidgetItem] = {}
        self._files: dict[str, QTreeWidgetItem] = {}
        self._add_sources(chosen)
        self._show_columns(is_planned=False)
        self.itemChanged.connect(self._report_tick)

    @property
    def chosen(self) -> list[str]:
        """Names of the ticked sources."""
        return [name for name, item in self._items.items() if item.checkState(SOURCE) == CHECKED]

    def choose(self, names) -> None:
        """Tick these sources and no others."""
        for name, item in self._items.items():
            item.setCheckState(SOURCE, CHECKED if name in names else UNCHECKED)

    def set_editable(self, is_editable: bool) -> None:
        """Enable the check boxes."""
        self.blockSignals(True)
        for item in self._items.values():
            flags = item.flags() | FLAG.ItemIsUserCheckable
            item.setFlags(flags if is_editable else flags & ~FLAG.ItemIsUserCheckable)
        self.blockSignals(False)

    def forget_plan(self) -> None:
        """Remove the files."""
        self.blockSignals(True)
        for item in self._items.values():
            item.takeChildren()
            for column in (FILES, SIZE, STATE):
                item.setText(column, "")
                item.setToolTip(column, "")
        self._files = {}
        self._show_columns(is_planned=False)
        self.blockSignals(False)

    def show_plan(self, plan: Plan, reasons: dict[str, str]) -> None:
        """List the files of a plan, and why sources did not answer."""
        self.forget_plan()
        self.blockSignals(True)
        for state, files in (
            (MISSING, plan.missing),
            (NEWER, [file for _, file in plan.newer]),
            (PRESENT, plan.present),
        ):
            for file in files:
                self._add_file(file, state)
        self._show_sums()
        for name, reason in reasons.items():
            self._items[name].setText(STATE, tr("does not answer as it should"))
            self._items[name].setToolTip(STATE, _tip(reason))
        self._show_columns(is_planned=True)
        self.blockSignals(False)

    def show_outcome(self, outcome: Outcome) -> None:
        """Show which files came and which did not."""
        self.blockSignals(True)
        for file in outcome.fetched:
            self._files[file.path].setText(STATE, tr(FETCHED))
        for file, reason in outcome.failed:
            self._files[file.path].setText(STATE, tr(FAILED))
            self._files[file.path].setToolTip(STATE, _tip(reason))
        self._show_sums()
        self.blockSignals(False)

    def _add_sources(self, chosen) -> None:
        groups: dict[str, QTreeWidgetItem] = {}
        for source in read_sources().values():
            if source.subject not in groups:
                groups[source.subject] = self._add_group(source.subject)
            item = QTreeWidgetItem(groups[source.subject])
            self._items[source.name] = item
            self._fill(item, source)
            item.setCheckState(SOURCE, CHECKED if source.name in chosen else UNCHECKED)

    def _add_group(self, subject: str) -> QTreeWidgetItem:
        group = QTreeWidgetItem(self, [tr(SUBJECT_TITLES[subject])])
        group.setFirstColumnSpanned(True)
        group.setFlags(FLAG.ItemIsEnabled)
        font = group.font(SOURCE)
        font.setBold(True)
        group.setFont(SOURCE, font)
        group.setExpanded(True)
        return group

    def _fill(self, item: QTreeWidgetItem, source: Source) -> None:
        login = read_logins()[source.login].title if source.login else ""
        texts = {
            SOURCE: source.title,
            VERSION: source.version,
            RESOLUTION: source.resolution,
            LICENCE: source.licence,
            LOGIN: login.removeprefix("NASA ").removesuffix(" Login") or tr("none"),
        }
        for column, text in texts.items():
            item.setText(column, text)
            item.setToolTip(column, _tip(text))
        item.setToolTip(LOGIN, login)
        item.setToolTip(SOURCE, _tip(source.citation))
        own, page = page_url(f"sources/{source.name}"), escape(source.page)
        link = QLabel(f"<a href='{own}'>{tr('Help')}</a>  <a href='{page}'>{tr('Web')}</a>")
        link.setOpenExternalLinks(True)
        link.setToolTip(tr("What it is, and the page of the source"))
        link.setContentsMargins(4, 0, 4, 0)
        self.setItemWidget(item, PAGE, link)

    def _add_file(self, file: RemoteFile, state: str) -> None:
        item = QTreeWidgetItem(self._items[file.source], [file.name])
        item.setToolTip(SOURCE, file.path)
        item.setText(SIZE, bytes_text(*file.size))
        item.setText(STATE, tr(state))
        item.setData(STATE, Qt.ItemDataRole.UserRole, file.size)
        self._files[file.path] = item

    def _show_sums(self) -> None:
        """Show the numbers of files and their bytes for each source."""
        for item in self._items.values():
            files = [item.child(row) for row in range(item.childCount())]
            if not files:
                continue
            states = [file.text(STATE) for file in files]
            sizes = [file.data(STATE, Qt.ItemDataRole.UserRole) for file in files]
            item.setText(FILES, f"{len(files):,}")
            item.setText(SIZE, bytes_text(*map(sum, zip(*sizes))))
            counts = [(states.count(tr(state)), state) for state in ORDER]
            found = [(count, tr(state)) for count, state in counts if count]
            if len(found) == 1 and found[0][0] == len(files):
                item.setText(STATE, found[0][1])
            else:
                item.setText(STATE, ", ".join(f"{count:,} {state}" for count, state in found))

    def _show_columns(self, is_planned: bool) -> None:
        """Show the columns of a state as wide as their contents."""
        for column in FACTS:
            self.setColumnHidden(column, is_planned)
        for column in PLANNED:
            self.setColumnHidden(column, not is_planned)
        widest = {**WIDEST, SOURCE: PLANNED_SOURCE_WIDEST if is_planned else SOURCE_WIDEST}
        for column in range(len(HEADERS)):
            self.resizeColumnToContents(column)
            width = self.columnWidth(column) + 8
            self.setColumnWidth(column, min(width, widest.get(column, width)))

    def _report_tick(self, item: QTreeWidgetItem, column: int) -> None:
        if column == SOURCE and item in self._items.values():
            self.changed.emit()


def _tip(text: str) -> str:
    """A text as a tool tip that is broken into lines."""
    return f"<p>{escape(text)}</p>" if text else ""
