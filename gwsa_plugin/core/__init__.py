"""Scientific core of GWSA, which does not import QGIS."""
