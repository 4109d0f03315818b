#!/usr/bin/env bash
# Makes the virtual environment of the tests: usage test-venv.sh FOLDER.
# It sees the system's packages, QGIS's among them, and adds test tools only.
set -euo pipefail

venv=$1
requirements=$(dirname "$0")/test-requirements.txt
/usr/bin/python3 -m venv --clear --system-site-packages "$venv"

# A numpy or scipy from PyPI over Debian's would break QGIS's own GDAL bindings.
"$venv/bin/python" -c 'import numpy, scipy; print(f"numpy=={numpy.__version__}\nscipy=={scipy.__version__}")' \
    > "$venv/constraints.txt"
"$venv/bin/python" -m pip install --quiet --requirement "$requirements" --constraint "$venv/constraints.txt"
touch "$venv/ready"
