"""Small GLDAS files with the layout of the real ones, for the tests of the reader."""

import numpy as np
from osgeo import gdal

from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.gldas.land_storage import VARIABLES

LAT = 20.125 + 0.25 * np.arange(4)
LON = 70.125 + 0.25 * np.arange(5)


class Log(Progress):
    """Records log lines and is cancelled after ``stop_after`` queries."""

    def __init__(self, stop_after=np.inf):
        self.lines = []
        self.calls = 0
        self.stop_after = stop_after

    def info(self, text):
        self.lines.append(text)

    warn = info

    def is_cancelled(self):
        self.calls += 1
        return self.calls > self.stop_after


def file_name(month) -> str:
    return f"GLDAS_NOAH025_M.A{str(month).replace('-', '')}.021.nc4"


def write_granule(
    path,
    fields,
    *,
    lat=LAT,
    lon=LON,
    without=(),
    south_first=True,
    unit="kg m-2",
    title="GLDAS2.1 LIS",
    begin="",
):
    """Write one month; ``fields`` has the shape (variables, lat, lon), south first.

    RootMoist_inst is so large that a result that contains it by mistake is recognisable.
    """
    file = gdal.GetDriverByName("netCDF").CreateMultiDimensional(str(path), [], ["FORMAT=NC4"])
    root = file.GetRootGroup()
    _attribute(root, "title", title)
    float32 = gdal.ExtendedDataType.Create(gdal.GDT_Float32)
    float64 = gdal.ExtendedDataType.Create(gdal.GDT_Float64)
    sizes = {"time": 1, "lat": lat.size, "lon": lon.size}
    dimensions = [root.CreateDimension(name, "", "", size) for name, size in sizes.items()]
    time = root.CreateMDArray("time", dimensions[:1], float64)
    time.Write(np.zeros(1))
    _attribute(time, "units", " days since 2000-01-01 00:00:00")
    _attribute(time, "begin_date", begin)
    order = 1 if south_first else -1
    for dimension, values in zip(dimensions[1:], (lat[::order], lon)):
        root.CreateMDArray(dimension.GetName(), [dimension], float32).Write(values.astype("f4"))
    maps = dict(zip(VARIABLES, fields))
    for name, values in {**maps, "RootMoist_inst": np.full_like(fields[0], 1e6)}.items():
        if name not in without:
            array = root.CreateMDArray(name, dimensions, float32, ["COMPRESS=DEFLATE"])
            array.SetNoDataValueDouble(-9999)
            array.SetUnit(unit)
            array.Write(np.ascontiguousarray(values[None, ::order]))


def _attribute(owner, name, text):
    owner.CreateAttribute(name, [], gdal.ExtendedDataType.CreateString()).Write(text)
