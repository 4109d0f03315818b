"""Show dialogs that do not block the main window."""

from __future__ import annotations

from pathlib import Path

from ..processing_provider.full_chain import copy_of_model

# PyQt deletes the Python half of a dialog with the Python half of its parent, which QGIS does not
# keep for its main window. Without it, the button Run of an algorithm does nothing.
_shown: set = set()


def show_dialog(dialog) -> None:
    """Show a dialog and keep it until it is destroyed.

    Parameters
    ----------
    dialog : QDialog
    """
    _shown.add(dialog)
    dialog.destroyed.connect(lambda: _shown.discard(dialog))
    dialog.show()


def open_dialog(algorithm: str, parameters: dict | None = None) -> None:
    """Show the Processing dialog of an algorithm.

    Parameters
    ----------
    algorithm : str
        Identifier of the algorithm without the prefix ``gwsa:``.
    parameters : dict, optional
        Values that the dialog is filled in with.
    """
    from processing import createAlgorithmDialog

    show_dialog(createAlgorithmDialog(f"gwsa:{algorithm}", parameters or {}))


def chain_outputs(folder: Path) -> dict:
    """Return the outputs of gwsa:fullchain in a folder as parameters.

    Parameters
    ----------
    folder : Path
        Folder of the results.
    """
    return {
        "gwsabalance:GWSA": str(folder / "gwsa.tif"),
        "downscale:MAPS": str(folder / "gwsa_1km"),
        "downscale:REGIONS": str(folder / "regions.gpkg"),
        "downscale:REPORT": str(folder / "downscale.html"),
        "validatewells:WELLS": str(folder / "wells.gpkg"),
        "validatewells:REPORT": str(folder / "wells.html"),
    }


def edit_chain() -> None:
    """Open a copy of the chain in the Graphical Modeler."""
    from processing.modeler.ModelerDialog import ModelerDialog

    ModelerDialog.create(copy_of_model()).show()
