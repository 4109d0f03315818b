"""Write small NetCDF files in the layouts of TerraClimate and of ERA5-Land."""

import h5py
import numpy as np
from scipy.io import netcdf_file


def numbers_since(times, epoch, unit):
    """Times as numbers of a unit of numpy since a date."""
    elapsed = np.asarray(times).astype("datetime64[m]") - np.datetime64(epoch, "m")
    return elapsed / np.timedelta64(1, unit)


def write_classic(path, coordinates, variables):
    """Write NetCDF-3.

    ``coordinates`` is name -> (numbers, unit); ``variables`` is name -> (dimensions, values,
    attributes).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with netcdf_file(str(path), "w") as file:
        for name, (numbers, unit) in coordinates.items():
            file.createDimension(name, len(numbers))
            file.createVariable(name, "f8", (name,))[:] = numbers
            file.variables[name].units = unit
        for name, (dimensions, values, attributes) in variables.items():
            kind = {"int32": "i4", "int16": "i2"}.get(str(values.dtype), "f4")
            data = file.createVariable(name, kind, dimensions)
            if dimensions:
                data[:] = values
            for key, value in attributes.items():
                setattr(file.variables[name], key, value)
    return path


def write_hdf5(path, coordinates, variables):
    """Write NetCDF-4 with the parameters of ``write_classic``."""
    with h5py.File(path, "w") as file:
        for name, (numbers, unit) in coordinates.items():
            scale = file.create_dataset(name, data=np.asarray(numbers))
            scale.make_scale(name)
            scale.attrs["units"] = np.bytes_(unit)
        for name, (dimensions, values, attributes) in variables.items():
            chunks = (1, *values.shape[1:])
            data = file.create_dataset(name, data=values, chunks=chunks, compression="gzip")
            for place, dimension in enumerate(dimensions):
                data.dims[place].attach_scale(file[dimension])
            for key, value in attributes.items():
                data.attrs[key] = np.bytes_(value) if isinstance(value, str) else value
    return path


def coordinates(grid, times, order=("time", "lat", "lon"), time_unit="days since 1900-01-01"):
    """Coordinates of a grid: ``order`` are the names of time, latitude and longitude."""
    unit, epoch = time_unit.split(" since ")
    numbers = numbers_since(times, epoch, {"days": "D", "hours": "h", "seconds": "s"}[unit])
    time, latitude, longitude = order
    return {
        time: (numbers, time_unit),
        latitude: (grid.latitudes, "degrees_north"),
        longitude: (grid.longitudes, "degrees_east"),
    }
