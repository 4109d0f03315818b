"""A large file goes through the memory in pieces."""

import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.fetching.client import Client
from gwsa.gwsa_plugin.core.fetching.download import download
from gwsa.gwsa_plugin.core.fetching.remote_file import NETCDF, TEXT, RemoteFile
from gwsa.gwsa_plugin.core.fetching.servers import Servers
from gwsa.gwsa_plugin.core.rasters.netcdf_writer import new_netcdf
from gwsa.tests.servers.client import PlainTransport
from gwsa.tests.servers.loopback import Loopback
from gwsa.tests.servers.messages import Reply

HOST = "data.example.org"
MEGABYTE = 1 << 20
LARGE = 200
MOST_GROWTH = 20


def write_netcdf(path: Path, megabytes: int) -> None:
    """Write a file of maps of a megabyte each."""
    rng = np.random.default_rng(1)
    with new_netcdf(path, {}) as file:
        for name, size in (("time", megabytes), ("lat", 512), ("lon", 512)):
            file.dimension(name, size)
        file.variable("lwe_thickness", "time lat lon", "f4", {})
        for month in range(megabytes):
            file.write("lwe_thickness", rng.random((1, 512, 512), "f4"), (month, 0, 0))


def write_text(path: Path, megabytes: int) -> None:
    with open(path, "wb") as stream:
        for _ in range(megabytes):
            stream.write(b"0123456789abcde\n" * (MEGABYTE // 16))


def growth(address: str, form: str, folder: str, result) -> None:
    """Fetch a small file and then a large one; put the growth of the peak of memory, MB."""
    import resource

    client = Client(PlainTransport(), Servers(address), {}, SILENT)
    peaks = []
    for name in ("small", "large"):
        file = RemoteFile("source", f"https://{HOST}/{name}", name, form, (1, 10**9))
        download(client, file, Path(folder) / name, SILENT)
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    result.put(peaks[1] - peaks[0])


@pytest.mark.slow
@pytest.mark.parametrize(("form", "write"), [(NETCDF, write_netcdf), (TEXT, write_text)])
def test_the_memory_does_not_grow_with_the_file(form, write, tmp_path):
    pytest.importorskip("resource")
    for name, megabytes in (("small", 4), ("large", LARGE)):
        write(tmp_path / name, megabytes)
    context = multiprocessing.get_context("spawn")
    result = context.Queue()
    handler = {HOST: lambda asked: Reply(200, {}, tmp_path / asked.path.strip("/"))}
    with Loopback(handler) as server:
        arguments = (server.address, form, str(tmp_path / "in"), result)
        process = context.Process(target=growth, args=arguments)
        process.start()
        grown = result.get(timeout=120)
        process.join()
    assert (tmp_path / "in" / "large").stat().st_size >= LARGE * MEGABYTE
    assert grown < MOST_GROWTH, f"{grown:.1f} MB"
