#!/usr/bin/env bash
# Makes the virtual environment of the programs that check exported datasets: usage checkers.sh FOLDER.
# It is apart from the tests: its netCDF4 brings an HDF5 library that ends QGIS.
set -euo pipefail

venv=$1
/usr/bin/python3 -m venv --clear "$venv"
"$venv/bin/python" -m pip install --quiet --requirement "$(dirname "$0")/checker-requirements.txt"
# For its schema of CITATION.cff. It asks for a jsonschema that is too old for pystac.
"$venv/bin/python" -m pip install --quiet --no-deps 'cffconvert==2.0.0'
touch "$venv/ready"
