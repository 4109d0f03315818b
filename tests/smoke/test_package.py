import re
import zipfile
from pathlib import PurePosixPath

import pytest


@pytest.fixture(scope="module")
def names(package):
    with zipfile.ZipFile(package) as archive:
        return [PurePosixPath(name) for name in archive.namelist() if not name.endswith("/")]


def test_it_has_one_top_folder_and_what_the_plugin_repository_asks_for(names):
    assert {name.parts[0] for name in names} == {"gwsa"}
    for required in ("metadata.txt", "__init__.py", "LICENSE", "README.md"):
        assert PurePosixPath("gwsa", required) in names


def test_it_holds_what_runs_and_nothing_else(names):
    top = {name.parts[1] for name in names if len(name.parts) > 2}
    assert top == {"gwsa_plugin", "processing_provider", "resources", "ui"}
    assert {name.suffix for name in names} <= {
        ".py",
        ".txt",
        ".md",
        ".svg",
        ".qml",
        ".json",
        ".j2",
        ".model3",
        "",
    }


def test_it_is_small(package):
    assert package.stat().st_size < 2_000_000


def test_every_icon_and_style_that_the_code_names_is_inside(package):
    with zipfile.ZipFile(package) as archive:
        held = {PurePosixPath(name).name for name in archive.namelist()}
        code = "".join(
            archive.read(name).decode() for name in archive.namelist() if name.endswith(".py")
        )
    assert set(re.findall(r'"(\w+\.(?:svg|qml))"', code)) <= held
