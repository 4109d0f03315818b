"""The dialog Check installation, with a real pip and a folder of wheels as its only source."""

import base64
import hashlib
import sys
import time
import zipfile
from pathlib import Path

import pytest
from qgis.PyQt.QtWidgets import QApplication

from gwsa.gwsa_plugin import installation, libraries
from gwsa.gwsa_plugin.qgis_python import dependencies_folder
from gwsa.ui import check_installation
from gwsa.ui.check_installation import CheckInstallation, failure_message
from gwsa.ui.child_processes import proxy_address

CODE = b"__version__ = '3.2.0'\n"


@pytest.fixture
def wheel(tmp_path) -> Path:
    """A wheel of xgboost-cpu that contains one line of Python."""
    path = tmp_path / "wheels" / "xgboost_cpu-3.2.0-py3-none-any.whl"
    path.parent.mkdir()
    info = "xgboost_cpu-3.2.0.dist-info"
    files = {
        "xgboost/__init__.py": CODE,
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: xgboost-cpu\nVersion: 3.2.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    hashes = {name: hashlib.sha256(content).digest() for name, content in files.items()}
    record = [
        f"{name},sha256={base64.urlsafe_b64encode(digest).decode().rstrip('=')},{len(files[name])}"
        for name, digest in hashes.items()
    ]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,\n"]).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def pinned(tmp_path, monkeypatch, wheel):
    """Function that pins the wheel by a hash and makes its folder the only source of pip."""
    folder = tmp_path / "requirements"
    folder.mkdir()
    monkeypatch.setattr(libraries, "REQUIREMENTS", folder)
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    # Settings of a user that contradict --target.
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("PIP_REQUIRE_VIRTUALENV", "1")

    def pinned(digest: str) -> None:
        line = f"xgboost-cpu==3.2.0 --hash=sha256:{digest}\n"
        (folder / "xgboost.txt").write_text(line)

    return pinned


@pytest.fixture
def without_xgboost(tmp_path, monkeypatch):
    """The Python path with links to the libraries of the system, but not to xgboost."""
    folder = tmp_path / "libraries"
    folder.mkdir()
    system = Path("/usr/lib/python3/dist-packages")
    for entry in system.iterdir():
        if not entry.name.startswith("xgboost"):
            (folder / entry.name).symlink_to(entry)
    path = [str(folder) if entry == str(system) else entry for entry in sys.path]
    monkeypatch.setattr(sys, "path", path)
    monkeypatch.delitem(sys.modules, "xgboost", raising=False)
    yield
    sys.modules.pop("xgboost", None)


@pytest.fixture
def open_dialog(profile, pinned, without_xgboost, wheel):
    """Function that opens the dialog and waits until it has tried the libraries."""
    pinned(hashlib.sha256(wheel.read_bytes()).hexdigest())
    dialogs = []

    def open_dialog() -> CheckInstallation:
        dialogs.append(CheckInstallation())
        wait(dialogs[0])
        return dialogs[0]

    yield open_dialog
    for dialog in dialogs:
        dialog.close()


@pytest.fixture
def dialog(open_dialog, monkeypatch):
    """The dialog with two of the libraries, since each is tried in a process of its own."""
    monkeypatch.setattr(check_installation, "LIBRARIES", libraries.LIBRARIES[:2])
    return open_dialog()


def wait(dialog: CheckInstallation) -> None:
    end = time.monotonic() + 120
    while not dialog.is_idle():
        QApplication.processEvents()
        time.sleep(0.01)
        assert time.monotonic() < end


def row(dialog: CheckInstallation, name: str) -> list[str]:
    number = [library.name for library in libraries.LIBRARIES].index(name)
    return [dialog.table.item(number, column).text() for column in range(4)]


def test_the_table_states_what_is_missing_and_what_to_do(open_dialog):
    dialog = open_dialog()
    assert row(dialog, "scipy")[2][0].isdigit()
    assert row(dialog, "scipy")[3] == ""
    assert row(dialog, "xgboost")[1:3] == ["Downscale to 1 km", "not installed"]
    assert row(dialog, "xgboost")[3].startswith("Choose Install")
    assert dialog.status.text() == "Missing or damaged: xgboost (Downscale to 1 km)."
    assert dialog.install_button.isEnabled()
    assert not dialog.remove_button.isEnabled()
    assert not dependencies_folder().exists()


def test_copy_copies_the_table(dialog):
    dialog.copy_button.click()
    text = QApplication.clipboard().text()
    assert "xgboost | Downscale to 1 km | not installed | Choose Install" in text
    assert text.startswith("QGIS 3.")


@pytest.mark.slow
def test_install_and_remove(dialog):
    dialog.install_button.click()
    wait(dialog)
    folder = dependencies_folder()
    assert "Successfully installed xgboost-cpu-3.2.0" in dialog.log.toPlainText()
    assert (folder / "xgboost" / "__init__.py").read_bytes() == CODE
    assert row(dialog, "xgboost")[2:] == ["3.2.0", ""]
    assert dialog.status.text() == "All required libraries are installed."
    assert not dialog.install_button.isEnabled()

    import xgboost

    assert Path(xgboost.__file__).parent == folder / "xgboost"

    (folder / "other.py").write_text("")
    dialog.remove_button.click()
    wait(dialog)
    assert [path.name for path in folder.iterdir()] == ["other.py"]
    assert row(dialog, "xgboost")[2] == "not installed"
    assert not dialog.remove_button.isEnabled()


def test_a_package_with_another_hash_is_not_installed(dialog, pinned):
    pinned("0" * 64)
    dialog.install_button.click()
    wait(dialog)
    assert dialog.status.text().startswith("Nothing was installed: ")
    assert "HASHES" in dialog.log.toPlainText()
    assert not (dependencies_folder() / "xgboost").exists()
    assert dialog.install_button.isEnabled()


def test_packages_of_others_are_not_removed(dialog, profile, wheel):
    folder = dependencies_folder()
    folder.mkdir(parents=True)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    assert installation.installed() == []
    installation.remove_installed()
    assert (folder / "xgboost" / "__init__.py").exists()


def test_a_damaged_library_does_not_end_qgis(dialog, tmp_path):
    crash = Path(sys.path[sys.path.index(str(tmp_path / "libraries"))]) / "xgboost"
    crash.mkdir()
    (crash / "__init__.py").write_text("import os; os.abort()")
    dialog.check()
    wait(dialog)
    assert "it ends Python when it is imported" in row(dialog, "xgboost")[2]


def test_the_dialog_can_be_closed_while_libraries_are_tried(dialog, capfd):
    dialog.check()
    dialog.reject()
    dialog.deleteLater()
    end = time.monotonic() + 1
    while time.monotonic() < end:
        QApplication.processEvents()
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("log", "message"),
    [
        ("/usr/bin/python3.11: No module named pip", "has no pip. Install it with: "),
        ("Looking\nERROR: No matching distribution found for x", "installed: No matching distri"),
        ("", "Nothing was installed: pip did not end"),
    ],
)
def test_a_failed_installation_is_one_sentence(profile, log, message):
    assert message in failure_message(log)


def test_the_proxy_of_qgis_is_used_where_the_environment_has_none(qgis_app, monkeypatch):
    from qgis.core import QgsNetworkAccessManager
    from qgis.PyQt.QtNetwork import QNetworkProxy

    manager = QgsNetworkAccessManager.instance()
    before = manager.fallbackProxy()
    proxy = QNetworkProxy(QNetworkProxy.ProxyType.HttpProxy, "proxy.example.org", 3128, "me", "pw")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    try:
        manager.setFallbackProxyAndExcludes(proxy, [], [])
        assert proxy_address() == "http://me:pw@proxy.example.org:3128"
    finally:
        manager.setFallbackProxyAndExcludes(before, [], [])
    assert installation.pip_variables("http://p:1")["HTTPS_PROXY"] == "http://p:1"
    monkeypatch.setenv("https_proxy", "http://mine:2")
    assert "HTTPS_PROXY" not in installation.pip_variables("http://p:1")
