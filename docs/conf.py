"""Settings of Sphinx for the pages of this folder, which are also readable as Markdown.

``sphinx-build -t user`` makes the pages for users only, which are part of the plugin.
"""

import posixpath
import re
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).parents[1]
METADATA = ConfigParser(interpolation=None)
METADATA.read(ROOT / "metadata.txt", encoding="utf-8")
DEVELOPERS = "For developers:"

project = "GWSA"
version = METADATA["general"]["version"]
release = version
author = METADATA["general"]["author"]
project_copyright = author
extensions = ["myst_parser"]
root_doc = "README"
# `tags` is provided by Sphinx.
for_users = tags.has("user")  # noqa: F821
exclude_patterns = ["developers"] if for_users else []
myst_heading_anchors = 4
html_theme = "alabaster"
html_theme_options = {"description": METADATA["general"]["description"], "page_width": "1080px"}
html_title = f"GWSA {version}"
html_copy_source = False
html_show_sourcelink = False
html_use_index = False


def setup(app):
    """Register ``prepare``, which Sphinx calls for each page."""
    app.connect("source-read", prepare)


def prepare(app, page: str, source: list) -> None:
    """Adapt the Markdown of a page to Sphinx.

    The links of the front page and of the table of sources become tables of contents, and links to
    files outside this folder lead to the repository.
    """
    text = source[0]
    if page == root_doc:
        text = add_contents(text.partition(DEVELOPERS)[0] if for_users else text)
    elif page == "sources":
        text = add_contents(text, "sources/")
    source[0] = re.sub(r"\]\((\.\./[^)]*)\)", lambda link: f"]({link_target(page, link[1])})", text)


def add_contents(text: str, folder: str = "") -> str:
    """Append a table of contents with the pages in a folder that the text links to."""
    pages = dict.fromkeys(re.findall(rf"\]\(({folder}[\w/]+)\.md\)", text))
    return "\n".join([text, "```{toctree}", ":hidden:", "", *pages, "```", ""])


def link_target(page: str, link: str) -> str:
    """Return a link of a page, as an address in the repository if it leaves this folder."""
    path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), link))
    if path.startswith("docs/"):
        return link
    return f"{METADATA['general']['repository']}/{path}"
