"""The files of a sample world as the archives hold them, under the archives' names."""

from __future__ import annotations

from pathlib import Path

# Collections of CMR.
JPL = "C3195527175-POCLOUD"
GLDAS = "C1342986036-GES_DISC"
# Names of the newest files, which change with every month of the real products.
JPL_NAME = "GRCTellus.JPL.200204_202012.GLO.RL06.3M.MSCNv04CRI.nc"
GSFC_NAME = "gsfc.glb_.200204_202012_rl06v2.0_obp-ice6gd_halfdegree.nc"


def mascons(folder: Path, name: str) -> Path:
    """Return the file of a centre; that of CSR stands for it where the world has none."""
    own = folder / "grace" / name
    found = sorted((folder / "grace").glob("CSR*Mascons_all-corrections.nc"))
    return own if own.is_file() or not found else found[0]


def gldas_files(folder: Path) -> list[Path]:
    """Return the monthly files of GLDAS in the order of their months."""
    return sorted((folder / "gldas").glob("GLDAS_NOAH025_M.A*.021.nc4"))
