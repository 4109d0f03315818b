"""The login of Earthdata: how to get a token, and where it is kept."""

from __future__ import annotations

from qgis.core import QgsApplication
from qgis.gui import QgsAuthConfigSelect
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import (
    QGroupBox,
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
)

from ...gwsa_plugin.core.base.errors import InputError
from ...gwsa_plugin.core.fetching.logins import Secret, read_logins
from ...processing_provider.base import tr
from ...processing_provider.help_pages import page_url
from ...processing_provider.login import (
    EARTHDATA,
    VARIABLE,
    login_in_environment,
    read_tokens,
    store_token,
)

STEPS = (
    "Files of NASA need a free account (<a href='{guide}'>all steps</a>)."
    "<ol style='margin-left:-20px'>"
    "<li><a href='{account}'>Make an account</a> of Earthdata Login.</li>"
    "<li><a href='{approvals}'>Approve the archive</a> NASA GESDISC DATA ARCHIVE, once.</li>"
    "<li><a href='{tokens}'>Generate a token</a>, valid for 60 days, and paste it here. MODIS "
    "needs name and password of the account instead: add an entry.</li></ol>"
)
DISABLED = (
    "The authentication database of QGIS is disabled. Set the environment variable {} to the "
    "token before QGIS starts."
)


class LoginBox(QGroupBox):
    """Asks for the entry of QGIS's authentication database that holds the login.

    The login itself is neither shown nor kept here.

    Parameters
    ----------
    parent : QWidget, optional
    """

    # Emitted when another entry is chosen.
    changed = pyqtSignal()

    def __init__(self, parent=None):
        self.login = read_logins()[EARTHDATA]
        super().__init__(self.login.title, parent)
        self._is_needed = True
        pages = {name: getattr(self.login, name) for name in ("account", "approvals", "tokens")}
        text = tr(STEPS).format(guide=page_url("account"), **pages)
        self.steps = QLabel(text, wordWrap=True, openExternalLinks=True)
        self.entry = QgsAuthConfigSelect(self)
        self.paste = QPushButton(tr("Paste a token…"))
        self.paste.setAutoDefault(False)
        self.paste.setToolTip(
            tr("Stores the token in the authentication database of QGIS, encrypted")
        )
        self.state = QLabel(wordWrap=True)
        # It would grow with the box.
        self.entry.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout()
        row.addWidget(self.entry, stretch=1)
        row.addWidget(self.paste)
        layout = QVBoxLayout(self)
        layout.addWidget(self.steps)
        layout.addLayout(row)
        layout.addWidget(self.state)
        layout.addStretch()
        self._is_disabled = QgsApplication.authManager().isDisabled()
        for widget in (self.entry, self.paste):
            widget.setVisible(not self._is_disabled)
        self.entry.selectedConfigIdChanged.connect(self._show_state)
        self.entry.selectedConfigIdChanged.connect(self.changed)
        self.paste.clicked.connect(self._ask)
        self._show_state()

    @property
    def is_there(self) -> bool:
        """Whether there is a place that a login is read from."""
        return bool(self.entry.configId() or login_in_environment())

    def secrets(self) -> dict[str, Secret]:
        """Return the tokens or accounts by the names of their logins.

        Raises
        ------
        InputError
            When the entry cannot be read.
        """
        return read_tokens(self.entry.configId()) if self._is_needed else {}

    def set_needed(self, is_needed: bool) -> None:
        """Enable the box if a chosen source needs the login."""
        self._is_needed = is_needed
        self.setEnabled(is_needed)
        self._show_state()

    def _ask(self):
        token, is_given = QInputDialog.getText(
            self,
            self.login.title,
            tr("Token, as the page of Earthdata Login shows it:"),
            QLineEdit.EchoMode.Password,
        )
        if not is_given or not token.strip():
            return
        try:
            self.entry.setConfigId(store_token(token.strip(), self.entry.configId()))
        except InputError as error:
            self.state.setText(str(error))

    def _show_state(self):
        if not self._is_needed:
            text = tr("None of the ticked sources needs it.")
        elif self.entry.configId():
            text = tr("The login of this entry is used.")
        elif variable := login_in_environment():
            text = tr("The login of the environment variable {} is used.").format(variable)
        elif self._is_disabled:
            text = tr(DISABLED).format(VARIABLE)
        else:
            text = tr("There is no login yet.")
        self.state.setText(text)
