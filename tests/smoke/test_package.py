"""Content of the package gwsa.zip."""

import posixpath
import re
import zipfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]


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
    assert top == {"docs", "gwsa_plugin", "processing_provider", "resources", "ui"}
    code = {".py", ".txt", ".md", ".svg", ".qml", ".qpt", ".json", ".j2", ".model3", ".cff", ""}
    pages = {".html", ".css", ".js", ".png"}
    for name in names:
        assert name.suffix in (pages if name.parts[1] == "docs" else code), name


def test_package_contains_the_pages_for_users_as_html(names):
    folder = ROOT / "docs"
    pages = {page.relative_to(folder) for page in folder.rglob("*.md")}
    packaged = {
        PurePosixPath("gwsa", "docs", page.with_suffix(".html"))
        for page in pages
        if page.parts[0] != "developers"
    }
    assert packaged <= set(names)
    assert not any("developers" in name.parts for name in names)


def test_links_of_the_pages_lead_to_packaged_files(package):
    with zipfile.ZipFile(package) as archive:
        names = set(archive.namelist())
        pages = {name: archive.read(name).decode() for name in names if name.endswith(".html")}
    for name, text in pages.items():
        for link in re.findall(r'(?:href|src)="([^":#?]+)[#?"]', text):
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), link))
            assert target in names, f"{name} -> {link}"


def test_package_is_small(package):
    assert package.stat().st_size < 4_000_000


def test_package_contains_every_icon_and_style_that_the_code_uses(package):
    with zipfile.ZipFile(package) as archive:
        names = archive.namelist()
        code = "".join(archive.read(name).decode() for name in names if name.endswith(".py"))
    files = {PurePosixPath(name).name for name in names}
    assert set(re.findall(r'"(\w+\.(?:svg|qml))"', code)) <= files
