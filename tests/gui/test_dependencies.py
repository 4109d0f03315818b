"""Messages about libraries that are missing or cannot be loaded, on every platform."""

import sys
from pathlib import Path

import pytest

from gwsa.gwsa_plugin import dependencies, libraries, qgis_python
from gwsa.gwsa_plugin.core.base import interpreter
from gwsa.gwsa_plugin.dependencies import (
    Found,
    MissingLibrary,
    find,
    how_to_install,
    require,
    what_to_do,
)
from gwsa.gwsa_plugin.libraries import BY_NAME, LIBRARIES, PLATFORMS

XGBOOST_ERROR = """
XGBoost Library (libxgboost.dylib) could not be loaded.
Likely causes:
  * OpenMP runtime is not installed
    - libomp.dylib for Mac OSX
Error message(s): ["dlopen(/x/y.dylib): Library not loaded: @rpath/libomp.dylib\\\\n  Reason"]
"""


@pytest.fixture
def on(monkeypatch, profile):
    """Function that makes the plugin believe that it runs on a platform of the table."""

    def on(platform: str):
        monkeypatch.setattr(libraries, "_detect_platform", lambda: platform)

    return on


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Function that writes a module that comes first in the Python path."""
    monkeypatch.setattr(sys, "path", [str(tmp_path / "first"), *sys.path])

    def module(name: str, code: str) -> Path:
        monkeypatch.delitem(sys.modules, name, raising=False)
        path = tmp_path / "first" / name / "__init__.py"
        path.parent.mkdir(parents=True)
        path.write_text(code)
        return path.parent

    yield module
    for name in BY_NAME:
        loaded = sys.modules.get(name)
        if loaded is not None and str(tmp_path) in str(getattr(loaded, "__file__", "")):
            del sys.modules[name]


def missing(name: str) -> str:
    return f'raise ModuleNotFoundError("No module named {name!r}", name="{name}")'


def test_an_installed_library_is_found_with_its_version():
    import scipy

    assert find("scipy") == Found(scipy.__version__)
    require("scipy")


def test_all_missing_libraries_are_named_in_one_message(on, module):
    on("debian")
    for name in ("scipy", "xgboost"):
        module(name, missing(name))
    with pytest.raises(MissingLibrary) as error:
        require("scipy", "xgboost", "jinja2")
    assert str(error.value) == (
        "The Python libraries scipy and xgboost are not installed. Install with: "
        "sudo apt install python3-scipy python3-xgboost."
    )


@pytest.mark.parametrize(
    "error",
    [
        "ImportError('DLL load failed')",
        "ValueError('DLL load failed.')",
        "OSError('DLL load failed')",
        "RuntimeError('DLL load failed:\\n  cause')",
    ],
)
def test_a_library_that_cannot_be_loaded_is_one_sentence(on, module, error):
    on("msi")
    folder = module("xgboost", f"raise {error}")
    with pytest.raises(MissingLibrary) as raised:
        require("xgboost")
    text = str(raised.value)
    assert text.startswith(
        "The Python library xgboost is installed but cannot be loaded (DLL load failed"
    )
    assert text.endswith(", then restart QGIS.")
    assert "\n" not in text
    assert str(folder) in text or "pip uninstall" in text or "reinstall" in text


@pytest.mark.parametrize(
    ("platform", "command"),
    [
        ("macos", "brew install libomp"),
        ("msi", "winget install Microsoft.VCRedist.2015+.x64"),
        ("debian", "sudo apt install libgomp1"),
    ],
)
def test_xgboost_without_openmp_gets_the_command_of_the_platform(on, module, platform, command):
    on(platform)
    code = f"class XGBoostError(ValueError): pass\nraise XGBoostError({XGBOOST_ERROR!r})"
    module("xgboost", code)
    with pytest.raises(MissingLibrary) as raised:
        require("xgboost")
    assert "libomp.dylib" in str(raised.value)
    assert command in str(raised.value)


def test_a_library_without_one_that_it_needs_is_damaged_and_not_missing(on, module):
    on("debian")
    module("xgboost", missing("numpy"))
    assert find("xgboost").error == "No module named 'numpy'"


def test_a_damaged_library_of_the_profile_is_replaced_by_install(on, profile, monkeypatch):
    on("msi")
    folder = qgis_python.dependencies_folder() / "xgboost"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    monkeypatch.setattr(sys, "path", [str(folder.parent), *sys.path])
    monkeypatch.delitem(sys.modules, "xgboost", raising=False)
    assert "> Install, which replaces it" in what_to_do(BY_NAME["xgboost"], Found("3", "broken"))


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
def test_every_required_library_has_a_way_to_install_it_on_every_platform(on, platform, library):
    on(platform)
    text = what_to_do(library, Found())
    assert text
    if not library.optional:
        assert "Nothing" not in text
        assert how_to_install([library]).startswith("Install with: ")
    assert what_to_do(library, Found("1.0")) == ""


@pytest.mark.parametrize("platform", PLATFORMS)
def test_pip_never_touches_numpy_rasterio_or_what_depends_on_them(on, platform):
    on(platform)
    text = " ".join(what_to_do(library, Found()) for library in LIBRARIES)
    for command in text.split(" -m pip ")[1:]:
        assert "--no-deps" in command
        assert "--only-binary=:all:" in command
        assert not {"numpy", "rasterio", "h5py"} & set(command.split())


def test_commands_quote_paths_with_spaces(on, monkeypatch):
    on("macos")
    program = Path("/Applications/QGIS 3.44.app/Contents/MacOS/python3.12")
    monkeypatch.setattr(dependencies, "find_python", lambda: program)
    monkeypatch.setattr(dependencies, "python_home", lambda: program.parents[1] / "Frameworks")
    assert dependencies.pip("list") == (
        'PYTHONHOME="/Applications/QGIS 3.44.app/Contents/Frameworks" '
        '"/Applications/QGIS 3.44.app/Contents/MacOS/python3.12" -m pip list'
    )


@pytest.mark.parametrize(
    ("platform", "library", "program"),
    [
        ("win32", "apps/Python312/Lib/os.py", "apps/Python312/python.exe"),
        ("linux", "usr/lib/python{}/os.py", "usr/bin/python{}"),
        ("darwin", "Contents/MacOS/lib/python{}/os.py", "Contents/MacOS/bin/python3"),
        ("darwin", "Contents/Frameworks/lib/python{}/os.py", "Contents/MacOS/python{}"),
    ],
)
def test_python_is_found_beside_its_libraries(tmp_path, monkeypatch, platform, library, program):
    version = interpreter.python_version()
    expected = tmp_path / program.format(version)
    expected.parent.mkdir(parents=True)
    expected.touch()
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(interpreter.os, "__file__", str(tmp_path / library.format(version)))
    assert interpreter.find_python() == expected


def test_the_python_that_is_found_is_this_one():
    import subprocess

    code = "import sys; print(sys.version_info[:3])"
    command = [str(interpreter.find_python()), "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == str(sys.version_info[:3])


@pytest.mark.parametrize("name", ["scipy", "xgboost"])
def test_pinned_packages_have_hashes_and_exclude_no_platform(name):
    from packaging.markers import Marker

    text = BY_NAME[name].requirements.read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    markers = []
    for line in lines:
        requirement, marker = line.split(" --hash", 1)[0].split(";")
        assert "==" in requirement
        assert line.count("--hash=sha256:") >= 2
        markers.append(Marker(marker))
    for version in ("3.9", "3.10", "3.11", "3.12", "3.13"):
        for platform in ("win32", "darwin", "linux"):
            environment = {"python_version": version, "sys_platform": platform}
            assert sum(marker.evaluate(environment) for marker in markers) == 1
