import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.results.export.citation import citation_file
from gwsa.gwsa_plugin.core.results.export.description import Creator, Description
from gwsa.gwsa_plugin.core.results.export.licences import LICENCES, licence_text


def describe(title="Maps", creators="Family, Given", doi=""):
    return Description.from_texts(title, creators, LICENCES[0], doi)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Family, Given", [Creator("Family", "Given")]),
        ("Institute of Hydrology", [Creator("Institute of Hydrology")]),
        (
            "  Family ,  Given  (0000-0002-1825-0097) ;; van der Name, Other;",
            [Creator("Family", "Given", "0000-0002-1825-0097"), Creator("van der Name", "Other")],
        ),
        (
            "Family, Given (https://orcid.org/0000-0002-1694-233x)",
            [Creator("Family", "Given", "0000-0002-1694-233X")],
        ),
        ("Water Survey (Delhi)", [Creator("Water Survey (Delhi)")]),
    ],
)
def test_creators(text, expected):
    assert list(describe(creators=text).creators) == expected


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("title", "  ", "TITLE is empty"),
        ("creators", " ; ", "CREATORS is empty"),
        ("creators", "Family, Given, Berg, Jan", "semicolons between them"),
        ("creators", "Family,", "Family, Given"),
        ("creators", "Family, Given (0000-0002-1825-0098)", "0000-0002-1825-0098, whose last"),
        ("doi", "doi.org/example", "which is no DOI"),
    ],
)
def test_mistakes_are_named(field, text, message):
    with pytest.raises(InputError, match=message):
        describe(**{field: text})


@pytest.mark.parametrize(
    "doi", ["10.5072/example", "https://doi.org/10.5072/example", " doi:10.5072/example"]
)
def test_doi_in_its_usual_forms(doi):
    assert describe(doi=doi).doi == "10.5072/example"
    assert describe(doi=doi).doi_address == "https://doi.org/10.5072/example"


def test_citation_has_names_title_and_address():
    assert describe(doi="10.5072/example").citation == (
        "Family, Given: Maps [data set]. https://doi.org/10.5072/example"
    )
    assert describe(title="Ärea 2: µ").identifier == "rea-2"
    assert describe(title="水").identifier == "gwsa"


@given(st.text(min_size=1), st.text(st.characters(exclude_categories=["C", "Z"])))
def test_citation_file_is_the_same_texts_in_yaml(title, abstract):
    yaml = pytest.importorskip("yaml", reason="PyYAML, which pre-commit brings, is not installed")
    try:
        description = describe(title, "Family, Given (0000-0002-1825-0097); Water: “Survey” # 1")
    except InputError:
        assert not any(one.isprintable() and one.strip() for one in title)
        return
    content = yaml.safe_load(citation_file(description, abstract))
    assert content["title"] == description.title
    assert content["abstract"] == abstract
    assert content["authors"] == [
        {
            "family-names": "Family",
            "given-names": "Given",
            "orcid": "https://orcid.org/0000-0002-1825-0097",
        },
        {"name": "Water: “Survey” # 1"},
    ]


@pytest.mark.parametrize("licence", LICENCES, ids=lambda one: one.identifier)
def test_licence_file_names_licence_address_and_creators(licence):
    text = licence_text(licence, "Maps", "Family, Given")
    assert f"SPDX-License-Identifier: {licence.identifier}\n" in text
    assert licence.address in text and licence.address.startswith("https://")
    assert text.startswith("Maps\nCopyright: Family, Given\n")
