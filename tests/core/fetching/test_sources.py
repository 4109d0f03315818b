"""The table of sources, and a page of the documentation for each."""

import re
from pathlib import Path

import pytest

from gwsa.gwsa_plugin.core.fetching.logins import read_logins
from gwsa.gwsa_plugin.core.fetching.plan import way_of
from gwsa.gwsa_plugin.core.fetching.politeness import read_limits
from gwsa.gwsa_plugin.core.fetching.sources import PREDICTORS, SUBJECTS, read_sources
from gwsa.gwsa_plugin.core.predictors.catalogue import read_catalogue
from gwsa.gwsa_plugin.core.predictors.recognise import SHIPPED

DOCS = Path(__file__).parents[3] / "docs"
SOURCES = read_sources()
each = pytest.mark.parametrize("source", SOURCES.values(), ids=list(SOURCES))


@each
def test_the_facts_of_a_source_are_there(source):
    assert source.subject in SUBJECTS and callable(way_of(source).list_files)
    assert source.page.startswith("https://") and source.version and source.citation
    assert not source.doi or re.fullmatch(r"10\.\d{4,}/\S+", source.doi)
    # An SPDX identifier, or a sentence with the address of the terms.
    assert re.fullmatch(r"CC0?-[\w.-]+", source.licence) or "https://" in source.licence
    assert not source.login or source.login in read_logins()
    assert bool(source.predictors) == (source.subject == PREDICTORS)


@each
def test_a_page_describes_it(source):
    page = (DOCS / "sources" / f"{source.name}.md").read_text(encoding="utf-8")
    flat = " ".join(page.split())
    facts = (source.title, source.version, source.doi, source.licence, source.page)
    for fact in (*facts, source.resolution, source.citation):
        assert fact in flat, fact
    assert "Not checked" in page and f"`{source.name}`" in page
    assert f"sources/{source.name}.md" in (DOCS / "sources.md").read_text(encoding="utf-8")


def test_each_page_describes_a_source():
    assert {path.stem for path in (DOCS / "sources").glob("*.md")} == set(SOURCES)


def test_predictors_are_those_of_the_shipped_catalogue():
    shipped = {item.name: item for item in read_catalogue(SHIPPED).predictors}
    own = [item for source in SOURCES.values() for item in source.predictors]
    assert len({item.name for item in own}) == len(own)
    for item in own:
        usual = shipped[item.name]
        for key in ("group", "unit", "kind", "role", "lags", "means"):
            assert getattr(item, key) == getattr(usual, key), (item.name, key)


def test_the_limits_name_hosts_of_sources():
    text = "".join(
        path.read_text(encoding="utf-8")
        for path in (Path(__file__).parents[3] / "resources" / "sources").rglob("*.json")
        if path.name != "limits.json"
    )
    for host, limit in read_limits().items():
        assert host == "other" or host in text or host == "cmr.earthdata.nasa.gov", host
        assert limit.at_once >= 1
