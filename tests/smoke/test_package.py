"""Content of the package gwsa.zip."""

import re
import zipfile
from pathlib import PurePosixPath

import pytest


@pytest.fixture(scope="module")
def names(package):
    with zipfile.ZipFile(package) as archive:
        return [PurePosixPath(name) for name in archive.namelist() if not name.endswith("/")]


def test_package_has_one_top_folder_and_the_files_required_by_the_plugin_repository(names):
    assert {name.parts[0] for name in names} == {"gwsa"}
    for required in ("metadata.txt", "__init__.py", "LICENSE", "README.md"):
        assert PurePosixPath("gwsa", required) in names


def test_package_contains_only_files_needed_at_run_time(names):
    top = {name.parts[1] for name in names if len(name.parts) > 2}
    assert top == {"gwsa_plugin", "processing_provider", "resources", "ui"}
    suffixes = {".py", ".txt", ".md", ".svg", ".qml", ".json", ".j2", ".model3", ".cff", ""}
    assert {name.suffix for name in names} <= suffixes


def test_package_is_small(package):
    assert package.stat().st_size < 2_000_000


def test_package_contains_every_icon_and_style_that_the_code_uses(package):
    with zipfile.ZipFile(package) as archive:
        names = archive.namelist()
        code = "".join(archive.read(name).decode() for name in names if name.endswith(".py"))
    files = {PurePosixPath(name).name for name in names}
    assert set(re.findall(r'"(\w+\.(?:svg|qml))"', code)) <= files
