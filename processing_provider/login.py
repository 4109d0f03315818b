"""Tokens for servers that ask for a login: from the environment or from QGIS."""

from __future__ import annotations

import os
from concurrent.futures import TimeoutError

from qgis.core import QgsApplication, QgsAuthMethodConfig

from ..gwsa_plugin.core.base.errors import InputError
from .main_thread import call_in_main_thread

EARTHDATA = "earthdata"
VARIABLE = "EARTHDATA_TOKEN"
# QGIS may ask the user for the master password meanwhile.
PATIENCE_S = 300.0


def read_tokens(config_id: str) -> dict[str, str]:
    """Return the tokens by the names of their logins.

    Parameters
    ----------
    config_id : str
        Entry of the authentication database of QGIS, of the method Basic, whose password is the
        token of NASA Earthdata. Without one the token is that of the environment variable
        ``EARTHDATA_TOKEN``.

    Returns
    -------
    dict of str to str
        Empty if there is no token.

    Raises
    ------
    InputError
        When the entry cannot be read or holds no token.
    """
    token = _stored_token(config_id) if config_id else os.environ.get(VARIABLE, "").strip()
    return {EARTHDATA: token} if token else {}


def _stored_token(config_id: str) -> str:
    try:
        token = call_in_main_thread(lambda: _password(config_id), PATIENCE_S)
    except TimeoutError:
        raise InputError(
            f"QGIS did not open its authentication database for the entry {config_id} (LOGIN); "
            f"run it again, or set the environment variable {VARIABLE}."
        ) from None
    if not token:
        raise InputError(
            f"The entry {config_id} (LOGIN) of the authentication database holds no password, or "
            "the database was not opened; store the token as the password of an entry of the "
            "method Basic authentication."
        )
    return token


def _password(config_id: str) -> str:
    """The password of an entry; empty if it cannot be read. Only for the main thread."""
    config = QgsAuthMethodConfig()
    manager = QgsApplication.authManager()
    if manager.isDisabled() or not manager.loadAuthenticationConfig(config_id, config, True):
        return ""
    return config.config("password").strip()
