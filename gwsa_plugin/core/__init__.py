"""The science of GWSA: plain numpy, scipy, rasterio and xgboost, with no QGIS in it."""
