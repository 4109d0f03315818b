"""The raster room: the only folder that imports GDAL, through its own binding or through rasterio.

Rasters are read, resampled and rasterised by one of two backends with the same interface. Files are
written, NetCDF is read and coordinates are transformed by GDAL's own binding, which every QGIS has.
"""
