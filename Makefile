# GWSA. `make help` lists what there is to do.

# The system's Python is the one QGIS runs; another one earlier on PATH would be found by QGIS's children.
export PATH := /usr/bin:$(PATH)
export QT_QPA_PLATFORM ?= offscreen
# The checkout under the name of the installed plugin, so that scripts, tests and QGIS import the same package.
export PYTHONPATH := $(CURDIR)/build/import
# Without kept bytecode each of the many processes of the tests compiles the plugin and pytest's assertions again.
unexport PYTHONDONTWRITEBYTECODE

PYTHON := /usr/bin/python3
VENV := build/venv
BIN := $(VENV)/bin
CHECKERS := build/checkers
IMPORT := build/import/gwsa
# The parts of `make test` share the cores, for which threads of BLAS would only wait.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest
SPEED := not slow
MARKED = not cluster and $(SPEED)
PARTS := test-smoke test-core test-qgis test-faults
IN_PARTS := --jobs=2 --keep-going --output-sync=target
PROFILE ?= $(HOME)/.local/share/QGIS/QGIS3/profiles/default

.PHONY: help demo test test-slow test-core test-faults test-qgis test-smoke test-trixie checkers cluster-test fuzz bench bench-global lint model layout docs pictures package link packages

help:  ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: packages $(IMPORT)  ## Make a sample world, run the whole chain on it through qgis_process, show maps and scores
	$(PYTHON) -m gwsa.demo.run build/demo

test:  ## The tests that are not slow, two parts at a time
	$(MAKE) $(IN_PARTS) $(PARTS)

test-slow:  ## All other tests
	$(MAKE) $(IN_PARTS) SPEED=slow $(PARTS)

test-core: packages $(VENV)/ready $(IMPORT)  ## The tests of the core, without QGIS (SPEED=slow for the slow ones)
	$(PYTEST) -p no:pytest_qgis -m "$(MARKED)" tests/core

test-faults: packages $(VENV)/ready $(IMPORT)  ## The core on disks that fail, killed and with damaged files
	$(PYTEST) -p no:pytest_qgis -m "$(MARKED)" tests/faults

test-qgis: packages $(VENV)/ready $(IMPORT)  ## The tests of the algorithms and the desktop
	$(PYTEST) -m "$(MARKED)" tests/algorithms tests/gui

test-smoke: packages $(VENV)/ready $(IMPORT)  ## The tests of the packaged plugin in the real QGIS
	$(PYTEST) -m "$(MARKED)" tests/smoke

test-trixie:  ## All tests on QGIS 3.44, in a Debian 13 root that is made once (root or sudo)
	setup/trixie.sh make test test-slow VENV=/gwsa/venv

checkers: $(CHECKERS)/ready  ## Programs that check exported datasets (CF, STAC, citation); their tests are skipped without

cluster-test: packages $(VENV)/ready $(IMPORT) $(IMPORT)  ## The same maps from a Dask scheduler and two workers, of which one is killed midway
	$(PYTEST) -p no:pytest_qgis -m cluster tests/core
	$(PYTEST) -m cluster tests/algorithms
	$(PYTHON) -m gwsa.benchmarks.cluster_test build/cluster-test

fuzz: packages $(VENV)/ready $(IMPORT)  ## Read 10,000 damaged files with each reader (FILES=number, READERS=names); some minutes a reader
	$(BIN)/python -m gwsa.tests.faults.fuzz $(or $(FILES),10000) $(READERS)

bench: packages $(IMPORT)  ## Measure the skill of the chain on sample worlds (BENCHMARKS=names for some of them)
	$(PYTHON) -m gwsa.benchmarks.run build/bench $(BENCHMARKS)

bench-global: packages $(IMPORT)  ## Map one month of all land at 1 km and project the record (SIZE=0.5 for half the rows and columns)
	$(PYTHON) -m gwsa.benchmarks.global_month build/bench/global_month $(SIZE)

lint: packages $(VENV)/ready $(IMPORT)  ## Style, format, types, spelling, QGIS import rules, security scan
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/flake8 --select QGS1,QGS4 --extend-ignore QGS105 __init__.py gwsa_plugin processing_provider ui
	$(BIN)/bandit --recursive __init__.py gwsa_plugin processing_provider ui

model: packages $(IMPORT)  ## Make the shipped model again from the stages of gwsa_plugin/core/stages.py
	QT_HASH_SEED=0 $(PYTHON) -m gwsa.setup.make_model

layout: packages $(IMPORT)  ## Make the shipped template of print layouts again
	$(PYTHON) -m gwsa.setup.make_layout

docs: packages  ## The pages of docs/ as HTML in build/docs; warnings are errors
	$(PYTHON) -m sphinx -q -E -W --keep-going -d build/doctrees docs build/docs

pictures: packages $(VENV)/ready $(IMPORT)  ## Do the steps of the tutorial in QGIS and replace its pictures and that of the Explorer
	$(PYTEST) tests/smoke/test_tutorial.py
	cd docs/pictures && cp $(patsubst docs/%,../../build/%,$(wildcard docs/pictures/tutorial_*.png docs/pictures/explorer.png)) .

package: packages $(IMPORT)  ## dist/gwsa.zip of the last commit with its pages, for "Install from ZIP" in QGIS
	$(PYTHON) -m gwsa.setup.make_package dist/gwsa.zip

link:  ## Put this checkout into a QGIS profile (PROFILE=folder)
	mkdir -p "$(PROFILE)/python/plugins"
	ln -sfn "$(CURDIR)" "$(PROFILE)/python/plugins/gwsa"
	@echo "Restart QGIS and enable GWSA in the plugin manager."

packages:
	@setup/debian.sh

$(IMPORT):
	mkdir -p $(@D)
	ln -sfn ../.. $@

$(VENV)/ready: setup/test-requirements.txt setup/test-venv.sh | packages
	setup/test-venv.sh $(VENV)

$(CHECKERS)/ready: setup/checker-requirements.txt setup/checkers.sh | packages
	setup/checkers.sh $(CHECKERS)
