"""Logins of servers that ask for one: from the environment or from QGIS."""

from __future__ import annotations

import os
from concurrent.futures import TimeoutError

from qgis.core import QgsApplication, QgsAuthMethodConfig

from ..gwsa_plugin.core.base.errors import InputError
from ..gwsa_plugin.core.fetching.logins import Secret, checked_token, secrets_of
from .main_thread import call_in_main_thread

EARTHDATA = "earthdata"
VARIABLE = "EARTHDATA_TOKEN"
USER, PASSWORD = "EARTHDATA_USERNAME", "EARTHDATA_PASSWORD"
# Method and name of an entry that is made for a token.
METHOD = "Basic"
TITLE = "NASA Earthdata token"
# QGIS may ask the user for the master password meanwhile.
PATIENCE_S = 300.0


def read_tokens(config_id: str) -> dict[str, Secret]:
    """Return the tokens, or the names and passwords, by the names of their logins.

    Parameters
    ----------
    config_id : str
        Entry of the authentication database of QGIS, of the method Basic, whose password is the
        token of NASA Earthdata, or whose name and password are those of the account. Without one
        they are those of the environment variables ``EARTHDATA_USERNAME`` and
        ``EARTHDATA_PASSWORD``, and the token is that of ``EARTHDATA_TOKEN``.

    Returns
    -------
    dict of str to Secret
        Empty if there is none.

    Raises
    ------
    InputError
        When the entry cannot be read or holds no password, or a token has characters that no token
        has.
    """
    if config_id:
        return secrets_of(*_stored_login(config_id))
    token, user, password = (
        os.environ.get(name, "").strip() for name in (VARIABLE, USER, PASSWORD)
    )
    account = secrets_of(user, password) if user else {}
    # The token of Earthdata is not certain to be accepted by the servers that give their own.
    return {**secrets_of("", token), **account, **({EARTHDATA: token} if token else {})}


def login_in_environment() -> str:
    """Return the environment variable that has a login; empty if none has."""
    return next((name for name in (VARIABLE, USER) if os.environ.get(name, "").strip()), "")


def _stored_login(config_id: str) -> tuple[str, str]:
    try:
        user, password = call_in_main_thread(lambda: _user_and_password(config_id), PATIENCE_S)
    except TimeoutError:
        raise InputError(
            f"QGIS did not open its authentication database for the entry {config_id} (LOGIN); "
            f"run it again, or set the environment variable {VARIABLE}."
        ) from None
    if not password:
        raise InputError(
            f"The entry {config_id} (LOGIN) of the authentication database holds no password, or "
            "the database was not opened; store the token as the password of an entry of the "
            "method Basic authentication."
        )
    return user, password


def _user_and_password(config_id: str) -> tuple[str, str]:
    """Both texts of an entry; empty if it cannot be read. Only for the main thread."""
    config = QgsAuthMethodConfig()
    manager = QgsApplication.authManager()
    if manager.isDisabled() or not manager.loadAuthenticationConfig(config_id, config, True):
        return "", ""
    return config.config("username").strip(), config.config("password").strip()


def store_token(token: str, config_id: str = "") -> str:
    """Store a token in the authentication database of QGIS, which encrypts it.

    Parameters
    ----------
    token : str
    config_id : str
        Entry that holds a token, which is replaced. Another one is kept, and an entry is added.

    Returns
    -------
    str
        The entry.

    Raises
    ------
    InputError
        When the text is no token, or the database is not opened.
    """
    token = checked_token(token)
    manager = QgsApplication.authManager()
    config = QgsAuthMethodConfig(METHOD)
    is_known = bool(config_id) and manager.loadAuthenticationConfig(config_id, config, True)
    # With a name, the password is that of an account.
    if not is_known or config.method() != METHOD or config.config("username"):
        config = QgsAuthMethodConfig(METHOD)
        config.setName(TITLE)
    config.setConfigMap({"realm": "", "username": "", "password": token})
    is_new = not config.id()
    store = manager.storeAuthenticationConfig if is_new else manager.updateAuthenticationConfig
    answer = store(config)
    # The Python function returns the entry beside whether it was stored in some versions of QGIS.
    if not (answer[0] if isinstance(answer, tuple) else answer):
        raise InputError(
            "QGIS did not open its authentication database, and the token was not stored; choose "
            f"it again, or set the environment variable {VARIABLE}."
        )
    return config.id()
