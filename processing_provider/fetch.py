"""gwsa:fetch: download the inputs of all stages for a region and a period."""

from __future__ import annotations

import os
from pathlib import Path

from qgis.core import (
    QgsProcessingOutputFile,
    QgsProcessingOutputFolder,
    QgsProcessingOutputNumber,
    QgsProcessingOutputVectorLayer,
    QgsProcessingParameterAuthConfig,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterString,
)
from qgis.PyQt.QtCore import QCoreApplication

from ..gwsa_plugin.core.base.errors import InputError
from ..gwsa_plugin.core.fetching.logins import Secret
from ..gwsa_plugin.core.fetching.sources import read_sources
from .base import GwsaAlgorithm, tr
from .login import read_tokens
from .main_thread import is_main_thread
from .network import QgisTransport

# Without an account of their own beside that of Earthdata.
DEFAULT_SOURCES = ("csr_mascons", "csr_land_mask", "gldas_noah", "terraclimate", "soilgrids")


class Fetch(GwsaAlgorithm):
    """Fetches mascons, GLDAS and predictors of a region, and writes their record and catalogue."""

    ID = "fetch"
    NAME = "Fetch inputs"
    SHORT = "Downloads mascons, GLDAS and predictors of a region from their archives."
    GROUP = "inputs"
    HELP = (
        "Downloads the inputs of all stages for a region and a period: GRACE mascons with their "
        "land mask, GLDAS with the margin and the earlier months that the balance needs, and "
        "predictors with the months before the first one that their means need. The files have "
        "the layouts that the stages read. inputs.json names the source, version, DOI, licence, "
        "citation, checksum and date of each file, and catalogue.json is the catalogue for Build "
        "predictors. What is there and has its checksum is not fetched again, so run it again "
        "after a break, or with a later last month. The files of NASA need an Earthdata token. "
        "The dialog Fetch inputs of the menu GWSA shows files, bytes and logins before anything "
        "is fetched; here, DRY_RUN does."
    )
    TAGS = ("download", "Earthdata", "CSR", "JPL", "GSFC", "GLDAS", "TerraClimate", "MODIS")

    def initAlgorithm(self, config=None):
        self.add(
            QgsProcessingParameterExtent("EXTENT", tr("Region")),
            "Region of the 1 km maps: an extent, or a layer whose extent is taken.",
        )
        self.add(
            QgsProcessingParameterString("START", tr("First month (YYYY-MM)")),
            "First month of the maps. Months before it are fetched where means need them.",
        )
        self.add(
            QgsProcessingParameterString("END", tr("Last month (YYYY-MM)")),
            "Last month of the maps.",
        )
        names = list(read_sources())
        self.add(
            QgsProcessingParameterEnum(
                "SOURCES",
                tr("Sources"),
                names,
                allowMultiple=True,
                defaultValue=[name for name in DEFAULT_SOURCES if name in names],
                usesStaticStrings=True,
            ),
            "What is fetched. The page of this algorithm describes each source.",
        )
        self.add(
            QgsProcessingParameterAuthConfig("LOGIN", tr("Earthdata login"), optional=True),
            "Entry of the authentication database of QGIS with the method Basic authentication, "
            "whose password is the Earthdata token, or whose name and password are those of the "
            "Earthdata account, which MODIS needs. By default the token is that of the "
            "environment variable EARTHDATA_TOKEN. It is sent to servers of Earthdata only, and "
            "written nowhere.",
        )
        self.add(
            QgsProcessingParameterBoolean(
                "UPDATE", tr("Replace files of which there is a newer version"), defaultValue=False
            ),
            "By default the log names them, and they are kept.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterBoolean(
                "DRY_RUN", tr("List files, bytes and logins only"), defaultValue=False
            ),
            "Ask the servers which files there are, write the list to the log, and fetch nothing.",
        )
        self.add(
            QgsProcessingParameterFolderDestination("OUTPUT", tr("Inputs")),
            "Folder of the files, their record inputs.json and the catalogue.",
        )
        for output in (
            QgsProcessingOutputFile("TWSA", tr("Mascon file")),
            QgsProcessingOutputFile("LAND_MASK", tr("Land mask of the mascons")),
            QgsProcessingOutputFolder("GLDAS", tr("GLDAS folder")),
            QgsProcessingOutputFile("CATALOGUE", tr("Predictor catalogue")),
            QgsProcessingOutputVectorLayer("AQUIFERS", tr("Aquifers")),
            QgsProcessingOutputNumber("FILES", tr("Number of files that were missing")),
            QgsProcessingOutputNumber("LEAST_BYTES", tr("Least number of bytes that were missing")),
            QgsProcessingOutputNumber("MOST_BYTES", tr("Most bytes that were missing")),
        ):
            self.addOutput(output)

    def prepareAlgorithm(self, parameters, context, feedback):
        # QGIS prepares in the main thread, in which alone its authentication may ask the user.
        self._tokens: dict[str, Secret] = {}
        self._login_error: InputError | None = None
        try:
            self._tokens = read_tokens(self.parameterAsString(parameters, "LOGIN", context))
        except InputError as error:
            self._login_error = error
        return True

    def execute(self, parameters, context, progress):
        from ..gwsa_plugin.core.fetching.outputs import log_plan
        from ..gwsa_plugin.core.fetching.plan import make_plan

        if self._login_error:
            raise self._login_error
        order = self.order(parameters, context)
        folder = self.output_path(parameters, "OUTPUT", context)
        client = make_client(self._tokens, progress)
        plan = make_plan(order, folder, client, progress.part(0, 0.1))
        log_plan(plan, progress)
        least, most = plan.bytes
        results = {"FILES": len(plan.missing), "LEAST_BYTES": least, "MOST_BYTES": most}
        if self.parameterAsBool(parameters, "DRY_RUN", context):
            return {"OUTPUT": str(folder), **results}
        client.require_logins(plan.logins)
        outcome, found = fetch_files(plan, folder, client, progress.part(0.1, 1))
        outcome.require_all()
        return {
            "OUTPUT": str(folder),
            **{name: str(path) for name, path in found.items()},
            **results,
        }

    def order(self, parameters, context):
        """Return what the parameters ask for.

        Returns
        -------
        Order

        Raises
        ------
        InputError
            When region, period or sources are missing or wrong.
        """
        from ..gwsa_plugin.core.fetching.plan import Order

        bounds = self.region(parameters, context)
        start, end = self.period(parameters, context)
        for name, value in (("EXTENT", bounds), ("START", start), ("END", end)):
            if value is None:
                raise InputError(f"{name} is empty; give it, because it decides what is fetched.")
        names = self.parameterAsEnumStrings(parameters, "SOURCES", context)
        if not names:
            raise InputError("SOURCES is empty; choose what to fetch.")
        update = self.parameterAsBool(parameters, "UPDATE", context)
        return Order(tuple(names), bounds, start, end, update)


def make_client(secrets, progress):
    """Return a client that asks through the network of QGIS.

    Parameters
    ----------
    secrets : dict of str to Secret
        What the user has for each login.
    progress : Progress

    Returns
    -------
    Client
    """
    from ..gwsa_plugin.core.fetching.client import Client
    from ..gwsa_plugin.core.fetching.servers import Servers

    return Client(QgisTransport(), Servers.from_environment(os.environ), secrets, progress)


def fetch_files(plan, folder: Path, client, progress, watch=lambda outcome: None):
    """Fetch the missing files of a plan into a folder that the caller has locked.

    The parameters and errors are those of ``fetching.fetch.fetch``.

    Returns
    -------
    (Outcome, dict of str to Path)
        What came, and the inputs of the chain; no inputs where a file failed.
    """
    from ..gwsa_plugin.core.fetching.fetch import fetch
    from ..gwsa_plugin.core.fetching.outputs import finish

    def keep_going(outcome) -> None:
        _process_events()
        watch(outcome)

    outcome = fetch(plan, folder, client, progress, keep_going)
    return outcome, {} if outcome.failed else finish(plan, outcome.record, progress)


def _process_events() -> None:
    """Let QGIS handle what the network asks of the main thread."""
    if is_main_thread():
        QCoreApplication.processEvents()
