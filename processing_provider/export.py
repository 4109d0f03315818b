"""gwsa:export: monthly maps as a dataset for a data paper or a repository."""

from __future__ import annotations

from qgis.core import (
    QgsProcessingOutputFile,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

from .base import GwsaAlgorithm, tr
from .monthly_maps import add_maps, read_maps

# In the order of ``LICENCES`` and ``NETCDF_CHOICES`` of the core.
LICENCE_LABELS = [
    "CC BY 4.0: credit",
    "CC0 1.0: no conditions",
    "CC BY-SA 4.0: credit, same licence",
    "CC BY-NC 4.0: credit, not commercial",
    "ODC-By 1.0: credit (database)",
    "ODbL 1.0: credit, same licence (database)",
]
NETCDF_LABELS = ["one file for each year", "one file", "no NetCDF"]


class Export(GwsaAlgorithm):
    """Algorithm that writes maps as CF NetCDF and Cloud-Optimised GeoTIFF with their metadata."""

    ID = "export"
    NAME = "Export dataset"
    SHORT = "Writes CF NetCDF, COG, STAC item, citation, licence and checksums."
    GROUP = "results"
    HELP = (
        "Writes monthly maps and their sigma into one folder as data papers and repositories ask "
        "for: NetCDF by the CF conventions 1.8 with bounds of cells and months, sigma and the "
        "source of each month; Cloud-Optimised GeoTIFFs of each year with overviews; a STAC item; "
        "README.md, CITATION.cff, LICENSE and SHA256SUMS. Values are unchanged, in cm. Months in "
        "which no cell has a value are marked as missing. The folder appears when it is complete. "
        "It has no paths, times or names of this computer."
    )
    TAGS = ("NetCDF", "CF", "COG", "GeoTIFF", "STAC", "citation", "licence", "publish", "xarray")

    def initAlgorithm(self, config=None):
        add_maps(self)
        self.add(
            QgsProcessingParameterRasterLayer("SIGMA", tr("Sigma stack"), optional=True),
            "Stack of the sigma of the maps, on their grid. By default the files in the folder "
            "sigma beside the maps, where gwsa:downscale writes them.",
        )
        self.add_period("of the dataset")
        self._add_description()
        self.add(
            QgsProcessingParameterEnum("NETCDF", tr("NetCDF"), NETCDF_LABELS, defaultValue=0),
            "How the months are divided into NetCDF files.",
        )
        self.add(
            QgsProcessingParameterBoolean("COG", tr("Cloud-Optimised GeoTIFFs"), defaultValue=True),
            "Write a GeoTIFF with twelve bands for each year, with overviews, which is read over "
            "the network without a download.",
        )
        self.add(
            QgsProcessingParameterFolderDestination("OUTPUT", tr("Dataset")),
            "Folder of the dataset. It must be new, empty, or an earlier export, which is then "
            "replaced unless files in it were added or texts changed.",
        )
        self.addOutput(QgsProcessingOutputFile("ITEM", tr("STAC item")))

    def _add_description(self):
        self.add(
            QgsProcessingParameterString("TITLE", tr("Title")),
            "Title of the dataset, such as: Monthly groundwater storage anomalies of the Indus "
            "basin at 1 km, 2002-2024.",
        )
        self.add(
            QgsProcessingParameterString("CREATORS", tr("Creators")),
            "Persons as Family, Given and organisations without a comma, with semicolons between "
            "them and an optional ORCID in brackets: Family, Given (0000-0002-1825-0097); "
            "Institute of Hydrology.",
        )
        self.add(
            QgsProcessingParameterEnum("LICENCE", tr("Licence"), LICENCE_LABELS, defaultValue=0),
            "What others may do with the data. LICENSE names the licence and its address.",
        )
        self.add(
            QgsProcessingParameterString("DOI", tr("DOI of the dataset"), optional=True),
            "DOI that a repository has reserved for the dataset, such as 10.5072/example.",
        )

    def execute(self, parameters, context, progress):
        from ..gwsa_plugin.core.files.provenance import now
        from ..gwsa_plugin.core.results.export.description import Description
        from ..gwsa_plugin.core.results.export.export import (
            ITEM,
            NETCDF_CHOICES,
            Formats,
            export_maps,
        )
        from ..gwsa_plugin.core.results.export.licences import LICENCES

        started = now()
        description = Description.from_texts(
            self.parameterAsString(parameters, "TITLE", context),
            self.parameterAsString(parameters, "CREATORS", context),
            LICENCES[self.parameterAsEnum(parameters, "LICENCE", context)],
            self.parameterAsString(parameters, "DOI", context),
        )
        formats = Formats(
            NETCDF_CHOICES[self.parameterAsEnum(parameters, "NETCDF", context)],
            self.parameterAsBool(parameters, "COG", context),
        )
        product = self._product(parameters, context, progress)
        folder = self.output_path(parameters, "OUTPUT", context)
        export_maps(folder, product, description, formats, progress)
        # The record has paths of this computer and therefore is beside the dataset.
        record = folder.with_name(f"{folder.name}.run.json")
        settings = {"title": description.title, **vars(formats)}
        self.write_record(record, {}, settings, started)
        return {"OUTPUT": str(folder), "ITEM": str(folder / ITEM)}

    def _product(self, parameters, context, progress):
        """The maps and their sigma in the period."""
        from ..gwsa_plugin.core.files.yearly_maps import YearlyMaps
        from ..gwsa_plugin.core.results.export.product import find_sigma, select_product

        maps = read_maps(self, parameters, context)
        path = self.input_path(parameters, "SIGMA", context)
        sigma = YearlyMaps.from_files([path]) if path else find_sigma(maps)
        if sigma is None:
            progress.info("No sigma was found beside the maps; the dataset has none.")
        return select_product(maps, sigma, self.period(parameters, context))
