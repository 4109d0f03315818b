"""Dialog GWSA > Fetch inputs: what there is for a region, and downloading it."""

from __future__ import annotations

from contextlib import suppress

from qgis.core import Qgis, QgsApplication, QgsProcessingContext
from qgis.PyQt.QtCore import Qt, QUrl
from qgis.PyQt.QtGui import QDesktopServices
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QDialog,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QSplitter,
    QTextBrowser,
    QVBoxLayout,
)

from ...gwsa_plugin.core.base.errors import InputError
from ...gwsa_plugin.core.fetching.estimate import bytes_text
from ...gwsa_plugin.core.fetching.fetch import Outcome
from ...gwsa_plugin.core.fetching.plan import Plan
from ...gwsa_plugin.core.fetching.record import Record
from ...gwsa_plugin.core.fetching.sources import read_sources
from ...gwsa_plugin.dependencies import import_what_binds_to_a_thread
from ...processing_provider.base import tr
from ...processing_provider.fetch import DEFAULT_SOURCES
from ...processing_provider.help_pages import page_url
from ..dialogs import chain_outputs, open_dialog
from ..work import Work
from .login_box import LoginBox
from .place_and_time import PlaceAndTime
from .rate import Rate
from .runs import Fetched, Planned, fetch_work, plan_work
from .sources_tree import SourcesTree
from .texts import (
    NEEDED,
    TAKE,
    complete_text,
    linked,
    outcome_text,
    plan_text,
    remarks_text,
    unanswered_text,
    welcome_text,
)

TEXT_HEIGHT, BAR_WIDTH = 120, 320
# What happens to a run when the dialog is closed.
KEEP, STOP, BACK = "keep", "stop", "back"


class FetchDialog(QDialog):
    """Asks what to fetch, plans it, and fetches it in the background.

    Parameters
    ----------
    iface : QgisInterface
        The application interface of QGIS.
    """

    def __init__(self, iface):
        super().__init__(iface.mainWindow())
        self.setWindowTitle(tr("Fetch inputs"))
        # Runs import libraries in threads that end.
        import_what_binds_to_a_thread()
        self._messages = iface.messageBar()
        self._work: Work | None = None
        self._plan: Plan | None = None
        self._reasons: dict[str, str] = {}
        self._outcome: Outcome | None = None
        self._inputs: dict = {}
        self._rate: Rate | None = None
        self._failure = ""
        self._was_stopped = False
        self._make_widgets(iface.mapCanvas())
        self._arrange()
        self._connect()
        self._forget_plan()

    def _make_widgets(self, canvas):
        self.form = PlaceAndTime(canvas, self)
        self.login = LoginBox(self)
        self.sources = SourcesTree(DEFAULT_SOURCES, self)
        self.text = QTextBrowser()
        self.text.setOpenLinks(False)
        self.replace_newer = QCheckBox(tr("Replace files that have a newer version"))
        self.bar = QProgressBar()
        self.stop_button = QPushButton(tr("Stop"))
        self.status = QLabel()
        # A long line does not widen the dialog.
        self.status.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.help_button = QPushButton(tr("Help"))
        self.plan_button = QPushButton(tr("Plan"))
        self.fetch_button = QPushButton()
        self.maps_button = QPushButton(tr("Make the maps…"))
        self.close_button = QPushButton(tr("Close"))
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)

    def _arrange(self):
        top = QHBoxLayout()
        top.addWidget(self.form, stretch=5)
        top.addWidget(self.login, stretch=4)
        middle = QSplitter(Qt.Orientation.Vertical)
        middle.addWidget(self.sources)
        middle.addWidget(self.text)
        middle.setStretchFactor(0, 1)
        middle.setSizes([300, TEXT_HEIGHT])
        self.bar.setFixedWidth(BAR_WIDTH)
        progress = QHBoxLayout()
        progress.addWidget(self.status, stretch=1)
        progress.addWidget(self.bar)
        progress.addWidget(self.stop_button)
        buttons = QHBoxLayout()
        buttons.addWidget(self.help_button)
        buttons.addStretch()
        buttons.addWidget(self.replace_newer)
        for button in (self.plan_button, self.fetch_button, self.maps_button, self.close_button):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.addLayout(top)
        layout.addWidget(middle, stretch=1)
        layout.addLayout(progress)
        layout.addLayout(buttons)
        self.resize(1080, 760)

    def _connect(self):
        self.form.changed.connect(self._forget_plan)
        self.form.drawing_ended.connect(self._step_aside)
        self.sources.changed.connect(self._forget_plan)
        self.login.changed.connect(self._show)
        self.replace_newer.toggled.connect(self._show)
        self.text.anchorClicked.connect(self._follow)
        self.stop_button.clicked.connect(self.stop)
        self.plan_button.clicked.connect(self.plan)
        self.fetch_button.clicked.connect(self.fetch)
        self.maps_button.clicked.connect(self.make_maps)
        self.help_button.clicked.connect(show_help)
        self.close_button.clicked.connect(self.reject)

    @property
    def is_running(self) -> bool:
        """Whether servers are asked or files are fetched."""
        return self._work is not None

    @property
    def _is_fetching(self) -> bool:
        return self._work is not None and self._rate is not None

    @property
    def _to_fetch(self) -> Plan | None:
        """The plan, with newer versions where they are wanted."""
        if self._plan and self.replace_newer.isChecked():
            return self._plan.with_newer()
        return self._plan

    def plan(self):
        """Ask the servers."""
        try:
            algorithm = QgsApplication.processingRegistry().createAlgorithmById("gwsa:fetch")
            parameters = {**self.form.parameters, "SOURCES": self.sources.chosen}
            order = algorithm.order(parameters, QgsProcessingContext())
            work = plan_work(order, self.form.place, self.login.secrets())
        except InputError as error:
            self._show_failure(str(error))
            return
        self._forget_plan()
        work.line.connect(self.status.setText)
        self._start(work)
        self.text.setHtml(tr("Asking the servers which files there are…"))

    def fetch(self):
        """Fetch the files of the plan."""
        try:
            work = fetch_work(self._to_fetch, self.form.place, self.login.secrets())
        except InputError as error:
            self._show_failure(str(error))
            return
        self._plan = self._to_fetch
        self._outcome = None
        self._failure = ""
        self._rate = Rate()
        work.progressChanged.connect(self._show_progress)
        self._start(work)
        self.text.setHtml(tr("Fetching. It can be stopped, and goes on later from there."))

    def make_maps(self):
        """Open the dialog of the chain, filled in with the files."""
        inputs = {name: str(path) for name, path in self._inputs.items()}
        results = chain_outputs(self.form.place / "results")
        open_dialog("fullchain", {**inputs, **self.form.parameters, **results})

    def stop(self):
        """Stop what runs; what came is kept."""
        if self._work:
            self.status.setText(tr("Stopping…"))
            self.stop_button.setEnabled(False)
            self._work.cancel()

    def end(self):
        """Stop what runs and forget it, before the dialog is deleted."""
        if self._work:
            for signal in (self._work.ended, self._work.progressChanged):
                with suppress(TypeError):  # nobody listens
                    signal.disconnect()
            self._work.stop()
            self._work = None

    def reject(self):
        """Close the dialog; while files are fetched, ask whether that goes on."""
        if self._is_fetching:
            answer = self.ask_about_run()
            if answer == BACK:
                return
            if answer == STOP:
                self.stop()
        elif self._work:
            self.stop()
        super().reject()

    def ask_about_run(self) -> str:
        """Ask whether fetching goes on without the dialog; return KEEP, STOP or BACK."""
        box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle(self.windowTitle())
        box.setText(tr("Files are being fetched. Go on in the background?"))
        box.setInformativeText(tr("What came is kept in both cases."))
        role = QMessageBox.ButtonRole
        keep = box.addButton(tr("Go on"), role.AcceptRole)
        stop = box.addButton(tr("Stop"), role.DestructiveRole)
        back = box.addButton(tr("Back"), role.RejectRole)
        box.setEscapeButton(back)
        box.exec()
        return {keep: KEEP, stop: STOP}.get(box.clickedButton(), BACK)

    def _start(self, work: Work):
        self._work = work
        self.bar.setValue(0)
        work.found.connect(self._take)
        work.failed.connect(self._show_failure)
        work.ended.connect(self._end)
        self._show()
        work.start()

    def _take(self, result: Planned | Fetched):
        """Show what the work has found so far."""
        if isinstance(result, Planned):
            self._plan, self._reasons, self._inputs = result
            self.sources.show_plan(self._plan, self._reasons)
            return
        if result.plan is not self._plan:
            self.sources.show_plan(result.plan, self._reasons)
        self._plan, self._outcome, self._inputs = result
        self._rate.add(self._outcome.bytes)
        self.sources.show_outcome(self._outcome)
        self._show_progress()

    def _show_failure(self, sentence: str):
        """Show why nothing could be planned or fetched."""
        self._failure = sentence
        self.text.setHtml(linked(sentence))

    def _end(self):
        """Show what came of the work."""
        work, self._work = self._work, None
        was_fetching, self._rate = self._rate is not None, None
        self._was_stopped = work.isCanceled()
        if was_fetching and self._outcome:
            self._plan = self._plan.after(self._outcome.fetched)
        self._show()
        if was_fetching and not self.isVisible():
            self._announce()

    def _announce(self):
        """Report the end of a run to a user who has closed the dialog."""
        failed = len(self._outcome.failed) if self._outcome else 0
        if self._failure or failed:
            text = self._failure or tr("{} files did not come.").format(failed)
            level = Qgis.MessageLevel.Warning
        elif self._was_stopped:
            return
        else:
            text, level = tr("All inputs are fetched."), Qgis.MessageLevel.Success
        item = self._messages.createMessage("GWSA", text)
        button = QPushButton(tr("Show"))
        button.clicked.connect(self._come_back)
        item.layout().addWidget(button)
        self._messages.pushWidget(item, level)

    def _forget_plan(self):
        """Remove a plan of other settings."""
        self._plan, self._outcome, self._reasons, self._inputs = None, None, {}, {}
        self._failure = ""
        self.sources.forget_plan()
        self._show()

    def _show(self):
        """Show the state in texts and buttons."""
        chosen = [read_sources()[name] for name in self.sources.chosen]
        self.login.set_needed(any(source.login for source in chosen))
        problem = self.form.problem or ("" if chosen else tr("Tick what to fetch."))
        is_idle = self._work is None
        self.form.setEnabled(is_idle)
        self.replace_newer.setEnabled(is_idle)
        self.login.setEnabled(is_idle and any(source.login for source in chosen))
        self.sources.set_editable(is_idle)
        self.replace_newer.setVisible(bool(self._plan and self._plan.newer))
        self.bar.setVisible(not is_idle)
        self.stop_button.setVisible(not is_idle)
        self.stop_button.setEnabled(not is_idle)
        self.plan_button.setEnabled(is_idle and not problem)
        to_fetch = self._to_fetch
        self.fetch_button.setEnabled(is_idle and bool(to_fetch and to_fetch.missing))
        self.fetch_button.setText(tr("Fetch what is missing") if self._outcome else tr("Fetch"))
        self.maps_button.setEnabled(is_idle and NEEDED.keys() <= self._inputs.keys())
        if is_idle:
            self.status.setText(problem)
            self.text.setHtml(self._summary())

    def _summary(self) -> str:
        if self._failure:
            return linked(self._failure)
        if self._plan is None:
            return welcome_text(self._record())
        plan = self._to_fetch
        if self._outcome and (self._outcome.failed or self._was_stopped):
            text = outcome_text(self._outcome, len(plan.missing), self._was_stopped)
        elif self._inputs and not plan.missing:
            text = complete_text(self.form.place, self._inputs, len(plan.present))
        else:
            text = plan_text(plan, self.login.is_there)
        return text + remarks_text(plan) + unanswered_text(self._reasons)

    def _record(self) -> Record | None:
        with suppress(InputError, OSError):
            return Record.read(self.form.place)
        return None

    def _show_progress(self, *_):
        """Show how much came, how fast, and the time left."""
        if not self._is_fetching or not self._work:
            return
        percent = self._work.progress()
        self.bar.setValue(int(percent))
        if self._outcome is None or self._work.isCanceled():
            return
        done = len(self._outcome.fetched) + len(self._outcome.failed)
        parts = [
            tr("{:,} of {:,} files").format(done, len(self._plan.missing)),
            tr("{} came").format(bytes_text(self._outcome.bytes)),
            f"{bytes_text(self._rate.bytes_per_s)}/s",
        ]
        if left := self._rate.time_left(percent / 100):
            parts.append(tr("about {} left").format(left))
        if self._outcome.awaited:
            parts.append(tr("{} are being made by a server").format(self._outcome.awaited))
        if self._outcome.failed:
            parts.append(tr("{} failed").format(len(self._outcome.failed)))
        self.status.setText(", ".join(parts))

    def _follow(self, link: QUrl):
        """Open a link, or fill the dialog in from the record of the folder."""
        record = self._record()
        if link.toString() != TAKE or record is None:
            QDesktopServices.openUrl(link)
            return
        self.form.set_region(*record.bounds)
        self.form.set_months(*record.period)
        self.sources.choose({entry.source for entry in record.entries.values()})

    def _step_aside(self, is_ended: bool):
        """Hide the dialog while a region is drawn on the map."""
        if is_ended:
            self._come_back()
        else:
            self.hide()
            self._messages.pushInfo("GWSA", tr("Drag a rectangle on the map around your region."))

    def _come_back(self):
        self.show()
        self.raise_()
        self.activateWindow()


def show_help() -> None:
    """Open the page on fetching in the default application."""
    QDesktopServices.openUrl(QUrl(page_url("stages/fetch")))
