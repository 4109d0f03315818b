"""The login in the dialog Fetch inputs: what is missing, stored, and kept secret."""

import json
from pathlib import Path

import pytest
from qgis.core import QgsApplication, QgsAuthMethodConfig
from qgis.PyQt.QtWidgets import QInputDialog, QLabel

from gwsa.tests.servers.faults import NOT_APPROVED_403, Fault

from .steps import (
    GLDAS,
    MONTHS,
    TOKEN,
    click,
    fetch,
    plan,
    shown,
    state,
)


def test_a_missing_approval_is_one_sentence_with_its_page(dialog, server):
    server.faults.append(Fault(GLDAS, kind=NOT_APPROVED_403))
    plan(dialog)
    fetch(dialog)
    assert f"GLDAS Noah 2.1, {MONTHS} files:" in shown(dialog)
    assert "has not approved the application" in shown(dialog)
    assert 'href="https://urs.earthdata.nasa.gov/approve_app' in dialog.text.toHtml()
    assert state(dialog, "csr_mascons") == "fetched"


def test_without_a_token_the_other_files_come(dialog, server, monkeypatch):
    monkeypatch.delenv("EARTHDATA_TOKEN")
    dialog.sources.changed.emit()
    assert "There is no login yet" in dialog.login.state.text()
    plan(dialog)
    assert "there is no login yet" in shown(dialog)
    fetch(dialog)
    assert "none was found" in shown(dialog)
    assert state(dialog, "csr_mascons") == "fetched"
    assert state(dialog, "gldas_noah") == "failed"


def test_the_token_is_in_no_text_file_or_setting(dialog, server, folder):
    plan(dialog)
    fetch(dialog)
    texts = [one.text() for one in dialog.findChildren(QLabel)]
    texts += [shown(dialog), dialog.status.text(), json.dumps(dialog.form.parameters)]
    assert not any(TOKEN in text for text in texts)
    for place in (folder, Path(QgsApplication.qgisSettingsDirPath())):
        for path in place.rglob("*"):
            assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path


def test_a_pasted_token_is_stored_in_qgis(dialog, server, monkeypatch):
    manager = QgsApplication.authManager()
    if manager.isDisabled() or not manager.setMasterPassword("only-for-tests", True):
        pytest.skip("the authentication database of QGIS cannot be opened here")
    monkeypatch.delenv("EARTHDATA_TOKEN")
    monkeypatch.setattr(QInputDialog, "getText", lambda *_: (f" {TOKEN}\n", True))
    click(dialog, dialog.login.paste)
    entry = dialog.login.entry.configId()
    assert entry and "The login of this entry is used" in dialog.login.state.text()
    config = QgsAuthMethodConfig()
    assert manager.loadAuthenticationConfig(entry, config, True)
    assert config.config("password") == TOKEN
    # A new token takes the place of an expired one.
    monkeypatch.setattr(QInputDialog, "getText", lambda *_: ("another", True))
    click(dialog, dialog.login.paste)
    assert dialog.login.entry.configId() == entry
    assert manager.loadAuthenticationConfig(entry, config, True)
    assert config.config("password") == "another"
    # The account of another entry is kept.
    config.setConfigMap({"realm": "", "username": "me", "password": "mine"})
    manager.updateAuthenticationConfig(config)
    click(dialog, dialog.login.paste)
    assert dialog.login.entry.configId() != entry
    assert manager.loadAuthenticationConfig(entry, config, True)
    assert config.config("password") == "mine"
    for one in (entry, dialog.login.entry.configId()):
        manager.removeAuthenticationConfig(one)
