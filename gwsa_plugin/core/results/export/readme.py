"""The README.md of an exported dataset."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ...base.months import name_runs, period_name
from ...files.stack import FILLED, MISSING, OBSERVED
from .citation import KEYWORDS
from .description import Description
from .product import GWSA, SIGMA, Product
from .stac_item import DataFile

INPUTS, PARAMETERS = "GWSA_INPUTS", "GWSA_PARAMETERS"
# Longer values of tags are in the files.
LONGEST = 300


def readme(
    description: Description,
    product: Product,
    files: Sequence[DataFile],
    texts: Mapping[str, tuple[str, str]],
    sources: Mapping[np.datetime64, str],
) -> str:
    """Return the text of README.md.

    Parameters
    ----------
    description : Description
    product : Product
    files : sequence of DataFile
        The rasters.
    texts : mapping of str to (str, str)
        Path of each other file, its title and its media type.
    sources : mapping of datetime64[M] to str
        OBSERVED, FILLED or MISSING for each month.
    """
    sections = (
        _introduction(description, product),
        _contents(files, texts),
        _variables(product),
        _months(sources),
        _reading(files),
        _statements(product),
        _provenance(product),
    )
    return "\n".join(line for section in sections for line in section)


def _introduction(description: Description, product: Product) -> Iterator[str]:
    yield f"# {description.title}"
    yield ""
    yield product.summary
    yield ""
    creators = "; ".join(
        one.full_name + (f" (https://orcid.org/{one.orcid})" if one.orcid else "")
        for one in description.creators
    )
    licence = description.licence
    yield f"- Creators: {creators}"
    yield f"- Licence: [{licence.name}]({licence.address}) ({licence.identifier})"
    if description.doi:
        yield f"- DOI: {description.doi_address}"
    yield f"- Cite as: {description.citation}"
    yield f"- Keywords: {', '.join(KEYWORDS)}"
    yield ""


def _contents(files: Sequence[DataFile], texts: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    yield "## Files"
    yield ""
    rows = [[f"`{file.path}`", file.title] for file in files]
    rows += [[f"`{path}`", title] for path, (title, _) in texts.items()]
    yield from _table(["File", "Content"], rows)
    yield "`sha256sum --check SHA256SUMS` checks that all files are complete."
    yield ""


def _variables(product: Product) -> Iterator[str]:
    grid = product.grid
    yield "## Variables"
    yield ""
    meanings = {
        GWSA: "Groundwater storage anomaly: mean of the month and of the cell",
        SIGMA: "Standard uncertainty of the anomaly of one cell in one month",
    }
    rows = [[f"`{one.name}`", meanings[one.name], "cm", "NaN"] for one in product.variables]
    flags = f"Source of the month: 0 {OBSERVED}, 1 {FILLED} in a gap of GRACE, 2 {MISSING}"
    rows.append(["`gwsa_source` (NetCDF), tag `GWSA_SOURCE` (GeoTIFF)", flags, "", ""])
    yield from _table(["Name", "Meaning", "Unit", "No value"], rows)
    yield "A centimetre is the height of the water alone, 0.01 m³ on a square metre of land."
    yield (
        f"Coordinates are longitude and latitude on WGS 84 (EPSG:4326). The first cell has its "
        f"north-west corner at {grid.west:.10g}°, {grid.north:.10g}°."
    )
    yield (
        "The errors of neighbouring cells and months are not independent: sigma of a mean over a "
        "region or a period is larger than that of independent errors."
        if product.sigma
        else "Sigma was not exported."
    )
    yield ""


def _months(sources: Mapping[np.datetime64, str]) -> Iterator[str]:
    yield "## Months"
    yield ""
    months = np.array(list(sources), dtype="datetime64[M]")
    found = np.array(list(sources.values()))
    yield f"Period: {period_name((months[0], months[-1]))}."
    yield ""
    for word, meaning in (
        (OBSERVED, "GRACE or GRACE-FO observed the month"),
        (FILLED, "a gap of GRACE was filled"),
        (MISSING, "there is no map"),
    ):
        chosen = months[found == word]
        yield f"- {word} ({meaning}): {name_runs(chosen)}"
    yield ""


def _reading(files: Sequence[DataFile]) -> Iterator[str]:
    yield "## How to read the files"
    yield ""
    cogs = [file.path for file in files if file.is_cog and "sigma" not in file.path]
    others = [file.path for file in files if not file.is_cog]
    if cogs:
        yield (
            f"- QGIS: drag `{cogs[-1]}` into the window. Band 1 is January, band 12 December. "
            "The Cloud-Optimised GeoTIFFs can be read over the network without a download."
        )
    if others:
        yield (
            f'- Python: `xarray.open_dataset("{others[-1]}")`. In QGIS choose the layer `gwsa` '
            "of the file; the bounds of its axes are no maps."
        )
    yield '- A STAC browser or `pystac.Item.from_file("item.json")` lists all files.'
    yield ""


def _statements(product: Product) -> Iterator[str]:
    """What the run states about the maps; nothing for maps of other programs."""
    shown = {
        key: text
        for key, text in product.tags.items()
        if key not in (INPUTS, PARAMETERS) and len(text) <= LONGEST
    }
    if shown:
        yield "## What the run states about the maps"
        yield ""
        yield from _table(["Tag", "Value"], [[f"`{key}`", shown[key]] for key in sorted(shown)])


def _provenance(product: Product) -> Iterator[str]:
    inputs = _parsed(product.tags.get(INPUTS))
    if inputs:
        yield "## Inputs of the run"
        yield ""
        rows = [
            [role, f"`{one.get('name', '')}`", f"`{one.get('sha256', '')}`"]
            for role, one in inputs.items()
            if isinstance(one, dict)
        ]
        yield from _table(["Role", "File or folder", "SHA-256"], rows)
    parameters = _parsed(product.tags.get(PARAMETERS))
    if parameters:
        yield "## Parameters of the run"
        yield ""
        rows = [[f"`{name}`", json.dumps(value)] for name, value in parameters.items()]
        yield from _table(["Parameter", "Value"], rows)


def _parsed(text: str | None) -> dict:
    """The object of a tag in JSON; empty for anything else."""
    try:
        content = json.loads(text or "{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(header) + " |"
    yield "|" + "---|" * len(header)
    for row in rows:
        yield "| " + " | ".join(_cell(text) for text in row) + " |"
    yield ""


def _cell(text: str) -> str:
    return " ".join(str(text).replace("|", "\\|").split())
