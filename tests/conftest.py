"""The checkout as the package ``gwsa``, whatever its folder is called: as QGIS imports the installed plugin."""

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def _import_checkout_as_gwsa():
    spec = importlib.util.spec_from_file_location("gwsa", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
    package = importlib.util.module_from_spec(spec)
    sys.modules["gwsa"] = package
    spec.loader.exec_module(package)


_import_checkout_as_gwsa()
