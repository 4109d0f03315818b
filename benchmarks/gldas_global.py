"""225 global months of GLDAS: anomalies from files to files, compared with decompression alone.

Usage: python3 -m gwsa.benchmarks.run FOLDER gldas_global
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import rasterio
from scipy.ndimage import zoom

from gwsa.gwsa_plugin.core.base.cores import usable_cores
from gwsa.gwsa_plugin.core.base.months import in_baseline, month_range
from gwsa.gwsa_plugin.core.gldas.anomalies import TOTAL, gldas_anomalies
from gwsa.gwsa_plugin.core.gldas.land_storage import LAYERS, VARIABLES
from gwsa.gwsa_plugin.core.rasters.decompress import decompress, libdeflate
from gwsa.gwsa_plugin.core.sample_world.gldas_files import file_name

GRANULE = Path("../shared/data/gldas/GLDAS_NOAH025_3H.A20150101.0000.021.nc4")
MONTHS = month_range("2002-04", "2020-12")
# Months with different content, repeated to the full length. Not a multiple of 12, so that the same
# calendar month differs between years.
DIFFERENT = 25
# Further variables of the files, which must not be used.
OTHERS = ("RootMoist_inst", "Evap_tavg")
SHAPE = (600, 1440)
FILL = np.float32(-9999)
ROUNDS = 3


def measure_gldas(folder: Path, granule: Path = GRANULE) -> dict:
    """Measure the seconds from monthly files to four written stacks, and check the written values.

    The times are medians of ``ROUNDS`` rounds. In each round all contenders run in turn, each in a
    process of its own. ``ratio`` should be at least 2/3. The peer decompresses with zlib, and the
    plugin with libdeflate where it is installed, so the peer is also measured with libdeflate.

    Parameters
    ----------
    folder : Path
        Folder for the files, which is deleted at the end.
    granule : Path
        An official file from which the fields are made, if it exists.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "files").mkdir(parents=True)
    try:
        fields = make_files(folder / "files", granule)
        rounds = [[_run_in_process(name, folder) for name in CONTENDERS] for _ in range(ROUNDS)]
        peer, peer_like_ours, ours = (
            sorted(runs, key=lambda run: run["s"])[ROUNDS // 2] for runs in zip(*rounds)
        )
        equal = _equals_truth(folder, fields)
    finally:
        shutil.rmtree(folder)
    return {
        "values": {
            "months": MONTHS.size,
            "threads": usable_cores(),
            "peak_memory_gb": ours["peak_gb"],
            "read_s": ours["read_s"],
            "write_s": ours["s"] - ours["read_s"],
            "libdeflate": float(libdeflate() is not None),
            "peer_with_the_inflater_of_ours_s": peer_like_ours["s"],
            "ratio_with_the_inflater_of_ours": peer_like_ours["s"] / ours["s"],
        },
        "ours": ours["s"],
        "peer": peer["s"],
        "ratio": peer["s"] / ours["s"],
        "equal": equal,
        "unit": "s",
        "peer_name": "decompressing the six variables (zlib) in as many threads",
    }


def make_files(folder: Path, granule: Path) -> list[dict[str, np.ndarray]]:
    """Write 225 monthly files.

    Returns
    -------
    list of dict of str to ndarray
        The fields of the first ``DIFFERENT`` months, which repeat; rows from the south, FILL off
        the land.
    """
    base = base_fields(granule)
    random = np.random.default_rng(1)
    fields = [_perturb(base, number, random) for number in range(DIFFERENT)]
    for number, maps in enumerate(fields):
        first, *others = (folder / file_name(month) for month in MONTHS[number::DIFFERENT])
        write_file(first, maps)
        for path in others:
            shutil.copyfile(first, path)
    return fields


def base_fields(granule: Path) -> dict[str, np.ndarray]:
    """Return the fields of the official granule, or random ones on a quarter of the globe."""
    if granule.is_file():
        with h5py.File(granule) as file:
            return {name: file[name][0] for name in VARIABLES}
    random = np.random.default_rng(0)
    land = zoom(random.normal(size=(20, 48)), 30, order=1) > 0.45
    return {
        name: np.where(land, random.uniform(5, 300, SHAPE), FILL).astype(np.float32)
        for name in VARIABLES
    }


def _perturb(base: dict[str, np.ndarray], month: int, random) -> dict[str, np.ndarray]:
    """Multiply the fields by a season and smooth noise, which changes all digits of the values."""
    season = 1 + 0.1 * np.sin(2 * np.pi * month / 12)
    weather = season + zoom(random.normal(0, 0.05, (20, 48)), 30, order=1)
    return {
        name: np.where(values == FILL, FILL, values * weather).astype(np.float32)
        for name, values in base.items()
    }


def write_file(path: Path, maps: dict[str, np.ndarray]) -> None:
    """Write a file with the layout of the official granule: one shuffled DEFLATE chunk per map."""
    with h5py.File(path, "w") as file:
        file.attrs["title"] = "GLDAS2.1 LIS land surface model output"
        file.attrs["source"] = "Noah_v3.3"
        file["lat"] = np.linspace(-59.875, 89.875, SHAPE[0], dtype=np.float32)
        file["lon"] = np.linspace(-179.875, 179.875, SHAPE[1], dtype=np.float32)
        for name, values in {**maps, **dict.fromkeys(OTHERS, maps["SWE_inst"])}.items():
            options = {
                "chunks": (1, *SHAPE),
                "compression": "gzip",
                "compression_opts": 4,
                "shuffle": True,
            }
            array = file.create_dataset(name, data=values[None], fillvalue=FILL, **options)
            array.attrs["_FillValue"] = FILL
            array.attrs["units"] = "kg m-2"


def _run_in_process(contender: str, folder: Path) -> dict:
    command = [sys.executable, "-m", "gwsa.benchmarks.gldas_global", contender, str(folder)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def run_ours(folder: Path) -> dict:
    """Do the work of gwsa:gldasanomaly, except for the digests of its inputs."""
    started = time.perf_counter()
    water = gldas_anomalies(folder / "files")
    read = time.perf_counter()
    water.write({name: folder / f"{name}.tif" for name in (*LAYERS, TOTAL)})
    return {"s": time.perf_counter() - started, "read_s": read - started, "peak_gb": _peak_gb()}


def run_peer(decompress_chunk: Callable[[bytes], object], folder: Path) -> dict:
    """Read every chunk of the six variables and decompress it to float32 values."""
    started = time.perf_counter()
    with ThreadPoolExecutor(usable_cores()) as pool:
        for _ in pool.map(
            partial(_decompress_file, decompress_chunk), sorted((folder / "files").iterdir())
        ):
            pass
    return {"s": time.perf_counter() - started, "peak_gb": _peak_gb()}


def _decompress_file(decompress_chunk: Callable[[bytes], object], path: Path) -> None:
    with h5py.File(path) as file:
        chunks = [file[name].id.read_direct_chunk((0, 0, 0))[1] for name in VARIABLES]
    for chunk in chunks:
        decompress_chunk(chunk)


def _decompress_with_zlib(chunk: bytes) -> None:
    planes = np.frombuffer(zlib.decompress(chunk), dtype=np.uint8).reshape(4, -1)
    values = np.empty(SHAPE[0] * SHAPE[1], dtype="<u4")
    values[:] = planes[3]
    for plane in planes[2::-1]:
        values <<= 8
        values |= plane


def _decompress_like_ours(chunk: bytes) -> None:
    if libdeflate() is None:
        _decompress_with_zlib(chunk)
    else:
        decompress(chunk, SHAPE[0] * SHAPE[1], shuffled=True)


def _peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def _equals_truth(folder: Path, fields: list[dict[str, np.ndarray]]) -> bool:
    """Check the written values against anomalies computed in float64, within 1e-3 cm."""
    field_index = np.arange(MONTHS.size) % DIFFERENT
    weights = np.bincount(field_index[in_baseline(MONTHS)], minlength=DIFFERENT)
    ice = np.any([maps["SWE_inst"] > 2000 for maps in fields], axis=0)
    total = np.zeros((DIFFERENT, *SHAPE))
    for name, layers in LAYERS.items():
        storage = np.array(
            [
                sum(np.where(maps[layer] == FILL, np.nan, maps[layer]) for layer in layers)
                for maps in fields
            ]
        )
        storage[:, ice] = np.nan
        anomaly = (storage - np.average(storage, axis=0, weights=weights))[:, ::-1] / 10
        total += anomaly
        if not _file_equals(folder / f"{name}.tif", anomaly, field_index):
            return False
    return _file_equals(folder / f"{TOTAL}.tif", total, field_index)


def _file_equals(path: Path, expected: np.ndarray, field_index: np.ndarray) -> bool:
    with rasterio.open(path) as source:
        return all(
            np.allclose(source.read(band), expected[i], rtol=0, atol=1e-3, equal_nan=True)
            for band, i in enumerate(field_index, start=1)
        )


CONTENDERS = {
    "peer": partial(run_peer, _decompress_with_zlib),
    "peer_like_ours": partial(run_peer, _decompress_like_ours),
    "ours": run_ours,
}

if __name__ == "__main__":
    print(json.dumps(CONTENDERS[sys.argv[1]](Path(sys.argv[2]))))
