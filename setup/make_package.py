"""Make the zip that QGIS installs: the plugin as of the last commit and its pages as HTML.

``python3 -m gwsa.setup.make_package dist/gwsa.zip``. `git archive` leaves out what .gitattributes
names, such as the Markdown of the pages.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

ROOT = Path(__file__).parents[1]
# Sphinx is a package of the system, which a virtual environment can shadow parts of.
SPHINX = ["/usr/bin/python3", "-m", "sphinx", "-q", "-E", "-W", "--keep-going"]
SUFFIXES = (".html", ".css", ".js", ".png", ".jpg")


def make_package(path: Path) -> None:
    """Write the zip.

    Parameters
    ----------
    path : Path
        The zip; a file of that name is replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        plugin = folder / "plugin.zip"
        archive(plugin, "HEAD", "gwsa/")
        pages = build_pages(plugin, folder)
        add_pages(plugin, pages)
        path.write_bytes(plugin.read_bytes())


def archive(path: Path, tree: str, prefix: str) -> None:
    """Write the files of a git tree to a zip, with ``prefix`` before their paths."""
    git = ["git", "-C", str(ROOT), "-c", f"safe.directory={ROOT}"]
    options = ["--format=zip", f"--prefix={prefix}", f"--output={path}"]
    subprocess.run([*git, "archive", *options, tree], check=True)


def build_pages(plugin: Path, folder: Path) -> Path:
    """Build the user's pages of the last commit and return their folder.

    Parameters
    ----------
    plugin : Path
        Zip of the plugin, whose metadata.txt the pages show.
    folder : Path
        Folder for all files.
    """
    # The tree docs has no .gitattributes that would leave its files out.
    archive(folder / "docs.zip", "HEAD:docs", "gwsa/docs/")
    for zipped in (plugin, folder / "docs.zip"):
        with ZipFile(zipped) as source:
            source.extractall(folder)
    pages = folder / "pages"
    options = ["-t", "user", "-d", str(folder / "doctrees")]
    subprocess.run([*SPHINX, *options, str(folder / "gwsa/docs"), str(pages)], check=True)
    return pages


def add_pages(plugin: Path, pages: Path) -> None:
    """Add the pages to the zip under gwsa/docs, with the date of its first file."""
    with ZipFile(plugin, "a", ZIP_DEFLATED) as target:
        date = target.infolist()[0].date_time
        for page in sorted(pages.rglob("*")):
            if page.suffix in SUFFIXES:
                name = f"gwsa/docs/{page.relative_to(pages).as_posix()}"
                entry = ZipInfo(name, date)
                entry.external_attr = 0o644 << 16
                target.writestr(entry, page.read_bytes(), ZIP_DEFLATED)


if __name__ == "__main__":
    make_package(Path(sys.argv[1]))
