"""Open the dialog of an algorithm, so that it can be run."""

from __future__ import annotations

# QGIS 3.22 does not keep the Python half of a dialog, and without it the button Run does nothing.
_open: set = set()


def open_dialog(algorithm: str, parameters: dict | None = None):
    """Open the Processing dialog of an algorithm without blocking the main window.

    Parameters
    ----------
    algorithm : str
        Identifier of the algorithm without the prefix ``gwsa:``.
    parameters : dict, optional
        Values that the dialog is filled in with.
    """
    from processing import createAlgorithmDialog

    dialog = createAlgorithmDialog(f"gwsa:{algorithm}", parameters or {})
    _open.add(dialog)
    dialog.destroyed.connect(lambda: _open.discard(dialog))
    dialog.show()
