"""Layers, imports and names, checked in the syntax trees.

ui imports from processing_provider, which imports from gwsa_plugin.core, never the other way round.
"""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "gwsa_plugin" / "core"
SHIPPED = ["__init__.py", "gwsa_plugin", "processing_provider", "ui"]
CORE_LIBRARIES = {
    "numpy", "scipy", "rasterio", "osgeo", "xgboost", "matplotlib", "jinja2", "numba",
    "llvmlite", "h5py", "dask",
}  # fmt: skip
ROOMS = (
    "base", "rasters", "files", "compute", "stats", "spatial",
    "grace", "gldas", "gapfill", "predictors", "wells", "balance",
    "sample_world", "downscaling", "results", "fetching", "stages", "chain",
)  # fmt: skip
DOWNSCALING_ROOMS = (
    "samples", "training_samples", "domain", "folds", "forest", "prior", "models", "skill", "maps",
    "options", "fitted_models", "downscale", "report",
)  # fmt: skip
GDAL = {"osgeo", "rasterio", "affine", "fiona"}
PICKLES = {"pickle", "dill", "joblib", "marshal", "shelve"}
LONGEST = 400  # lines: beyond it a file has more than one subject

BLOCK_QGIS = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("qgis", "PyQt5", "PyQt6"):
            raise ImportError(f"{name} is not for the core")

sys.meta_path.insert(0, Block())
sys.path.insert(0, sys.argv[1])
import importlib
for module in sys.argv[2:]:
    importlib.import_module(module)
"""


def sources(*places):
    """Every Python file under the places."""
    paths = [ROOT / place for place in places]
    return [
        file for path in paths for file in (sorted(path.rglob("*.py")) if path.is_dir() else [path])
    ]


def named(path):
    return path.relative_to(ROOT).as_posix()


def breaches(places, rule):
    """What ``rule`` finds in each file under the places where it finds something, by file."""
    return {named(path): found for path in sources(*places) if (found := rule(path))}


@cache
def text(path):
    return path.read_text(encoding="utf-8")


def tree(path):
    return ast.parse(text(path), filename=str(path))


@cache
def imports(path):
    """(module, names, level) of every import in a file, at whatever depth: level 0 is absolute."""
    found = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found += [(alias.name, [], 0) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.module or "", [alias.name for alias in node.names], node.level))
    return found


def absolute(path):
    """The top-level packages that a file imports."""
    return {module.partition(".")[0] for module, _, level in imports(path) if level == 0}


def reached(path):
    """The modules that the relative imports of a file name, as paths from the checkout's root."""
    for module, names, level in imports(path):
        if level:
            package = path.relative_to(ROOT).parts[:-level]
            target = "/".join([*package, *module.split(".")]).rstrip("/")
            if (ROOT / target).is_dir():
                yield from (f"{target}/{name}" for name in names)
            else:
                yield target


def test_the_core_imports_no_qgis():
    allowed = CORE_LIBRARIES | set(sys.stdlib_module_names)
    assert breaches([CORE], lambda path: absolute(path) - allowed) == {}


def test_the_core_imports_only_from_itself():
    def outside(path):
        return [target for target in reached(path) if not target.startswith("gwsa_plugin/core")]

    assert breaches([CORE], outside) == {}


def test_algorithms_do_not_import_the_desktop():
    def desktop(path):
        modules = {module for module, _, _ in imports(path)} | set(reached(path))
        return [name for name in modules if name.startswith(("ui", "qgis.gui", "qgis.utils"))]

    assert breaches(["gwsa_plugin/dependencies.py", "processing_provider"], desktop) == {}


def test_cores_are_counted_at_one_place():
    """A process may use fewer cores than the machine has, as also the default of a pool ignores."""
    counting = re.compile(r"cpu_count|sched_getaffinity|PoolExecutor\(\)")
    found = breaches(SHIPPED, lambda path: counting.findall(text(path)))
    assert set(found) == {"gwsa_plugin/core/base/cores.py"}


def test_only_the_raster_room_imports_gdal():
    def gdal(path):
        return path.parent != CORE / "rasters" and absolute(path) & GDAL

    assert breaches(["gwsa_plugin/core", "processing_provider", "ui"], gdal) == {}


def test_one_module_writes_geotiffs():
    def writers(path):
        calls = [ast.unparse(node) for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]
        return [call for call in calls if "GetDriverByName('GTiff')" in call]

    mentioning = [path for path in sources(CORE) if "GTiff" in text(path)]
    assert set(breaches(mentioning, writers)) == {"gwsa_plugin/core/rasters/geotiff.py"}


def test_only_one_backend_imports_rasterio():
    users = breaches([CORE], lambda path: "rasterio" in absolute(path))
    rasters = "gwsa_plugin/core/rasters"
    assert set(users) == {f"{rasters}/backend.py", f"{rasters}/with_rasterio.py"}


def test_the_plugin_imports_itself_relatively():
    own = {"gwsa", "gwsa_plugin", "processing_provider", "ui"}
    assert breaches(SHIPPED, lambda path: absolute(path) & own) == {}


def test_qt_comes_through_qgis():
    bindings = {"PyQt5", "PyQt6", "PySide2", "PySide6"}
    assert breaches(SHIPPED, lambda path: absolute(path) & bindings) == {}


def test_nothing_is_pickled_evaluated_or_given_to_a_shell():
    def unsafe(path):
        calls = [node for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]
        lines = [
            f"line {call.lineno}"
            for call in calls
            if getattr(call.func, "id", "") in ("eval", "exec")
            or any(word.arg == "shell" for word in call.keywords)
        ]
        return lines + sorted(absolute(path) & PICKLES)

    assert breaches(SHIPPED, unsafe) == {}


def test_a_file_has_one_subject():
    def too_long(path):
        return max(len(text(path).splitlines()) - LONGEST, 0)

    assert breaches(SHIPPED, too_long) == {}


def test_the_plugin_package_imports_nothing():
    assert [
        node
        for node in tree(ROOT / "__init__.py").body
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ] == []


def layer(parts, order):
    """The number of the first of ``parts`` in ``order``."""
    return order.index(parts[0].removesuffix(".py"))


@pytest.mark.parametrize(
    ("place", "order"),
    [("gwsa_plugin/core", ROOMS), ("gwsa_plugin/core/downscaling", DOWNSCALING_ROOMS)],
)
def test_a_folder_imports_only_from_folders_named_before_it(place, order):
    upwards = []
    for path in sources(place):
        own = path.relative_to(ROOT / place).parts
        if own == ("__init__.py",):
            continue
        for target in reached(path):
            if target.startswith(f"{place}/"):
                other = target.removeprefix(f"{place}/").split("/")
                if layer(other, order) > layer(own, order):
                    upwards.append(f"{named(path)} -> {target}")
    assert upwards == []


def test_no_module_imports_itself_through_others():
    links = {
        named(path): [there for target in reached(path) for there in modules(target)]
        for path in sources(*SHIPPED)
    }
    assert circle(links) == []


def modules(target):
    """The files that an import of ``target`` runs."""
    return [file for file in (f"{target}.py", f"{target}/__init__.py") if (ROOT / file).is_file()]


def circle(links):
    """The names along a circle in ``links`` (name -> names), or an empty list."""
    done, path = set(), []

    def visit(name):
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        path.append(name)
        found = next(filter(None, map(visit, links.get(name, []))), [])
        path.pop()
        done.add(name)
        return found

    return next(filter(None, map(visit, links)), [])


def test_the_tests_of_the_core_have_its_folders():
    tests = ROOT / "tests" / "core"
    folders = {path.relative_to(tests) for path in tests.rglob("test_*.py")}
    missing = {
        folder.parent.as_posix() for folder in folders if not (CORE / folder.parent).is_dir()
    }
    assert missing == set()


def test_the_core_imports_where_there_is_no_qgis(tmp_path):
    (tmp_path / "gwsa").symlink_to(ROOT)
    files = [
        path.relative_to(ROOT) for path in sources("gwsa_plugin/core") if path.stem != "__init__"
    ]
    modules = [".".join(["gwsa", *file.with_suffix("").parts]) for file in files]
    command = [sys.executable, "-c", BLOCK_QGIS, str(tmp_path), *modules]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


FORBIDDEN = {"say", "said", "tell", "told", "taught", "whole", "hidden", "scene", "steepness"}


def defined_names(path):
    """Names that a file defines: functions, classes, parameters, variables and attributes."""
    for node in ast.walk(tree(path)):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def test_names_are_terms_of_the_field():
    def unfit(path):
        return sorted(
            name
            for name in set(defined_names(path))
            if FORBIDDEN & set(name.lower().strip("_").split("_"))
            or name.lstrip("_").startswith(("of_", "OF_"))
        )

    assert breaches([*SHIPPED, "demo", "benchmarks", "tests"], unfit) == {}


def test_the_package_has_the_version_of_the_plugin():
    metadata, project, citation = (
        (ROOT / name).read_text(encoding="utf-8")
        for name in ("metadata.txt", "pyproject.toml", "CITATION.cff")
    )
    version = re.search(r"^version=(.+)$", metadata, re.M)[1]
    assert f'version = "{version}"' in project
    assert f"version: {version}\n" in citation
