"""Outputs of a run, checked before any work: where they are written, and that no input is lost."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from os import path as os_path
from pathlib import Path

from qgis.core import (
    QgsMapLayer,
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterRasterDestination,
    QgsProcessingUtils,
    QgsProperty,
    QgsProviderRegistry,
    QgsVectorFileWriter,
)

from ..gwsa_plugin.core.base.errors import InputError
from ..gwsa_plugin.core.files.atomic import scratch_folder

RASTER = QgsProcessingParameterRasterDestination.typeName()
VECTOR = QgsProcessingParameterFeatureSink.typeName()
FILE = QgsProcessingParameterFileDestination.typeName()
FOLDER = QgsProcessingParameterFolderDestination.typeName()
GEOTIFF_ENDINGS = ("tif", "tiff")
# Outputs of these are not files: layers in memory and tables of databases.
NO_FILE = re.compile(r"memory:|[A-Za-z]\w+:\S*\w+=", re.ASCII)


def check_outputs(
    algorithm: QgsProcessingAlgorithm, parameters: Mapping, context: QgsProcessingContext
) -> list[Path]:
    """Check all outputs of a run, and return those that have files or folders of their own.

    Parameters
    ----------
    algorithm : QgsProcessingAlgorithm
        Defines the parameters; a model too.
    parameters : mapping
        As in ``processAlgorithm``.
    context : QgsProcessingContext
        Finds input layers by their names.

    Raises
    ------
    InputError
        When an output would replace an input or another output, cannot be written to its folder,
        or has the ending of another format.
    """
    inputs = _inputs(algorithm, parameters, context)
    written: dict[str, str] = {}
    places: list[Path] = []
    for definition in algorithm.destinationParameterDefinitions():
        name = definition.name()
        path = destination_file(parameters.get(name), context)
        if path is None:
            continue
        _check_ending(definition, path)
        try:
            _check_place(definition.type() == FOLDER, path)
        except OSError as error:
            raise InputError(
                f"{name} ({path}) cannot be written ({error.strerror or error}); choose another "
                "name or folder."
            ) from None
        _check_inputs(definition, path, inputs)
        if definition.type() == VECTOR:
            # QGIS makes no folder for a layer.
            path.parent.mkdir(parents=True, exist_ok=True)
        # Names that differ only in case are one file on Windows and macOS.
        places.append(path)
        other = written.setdefault(os_path.realpath(path).casefold(), name)
        if other != name:
            raise InputError(
                f"{other} and {name} are both written to {path}; give each a name of its own."
            )
    return places


def destination_file(value, context: QgsProcessingContext) -> Path | None:
    """Return the file or folder that an output is written to.

    Parameters
    ----------
    value
        Value of the parameter.
    context : QgsProcessingContext
        Evaluates expressions.

    Returns
    -------
    Path or None
        None for no output, a temporary one, a layer in memory, and a table of a database.
    """
    text = _text(value, context)
    if text in ("", QgsProcessing.TEMPORARY_OUTPUT) or NO_FILE.match(text):
        return None
    return Path(text.partition("|")[0])


def _text(value, context: QgsProcessingContext) -> str:
    """The file or name that a value of a parameter stands for; empty for none."""
    if isinstance(value, QgsProcessingOutputLayerDefinition):
        value = value.sink
    if isinstance(value, QgsProcessingFeatureSourceDefinition):
        value = value.source
    if isinstance(value, QgsProperty):
        value, _ = value.valueAsString(context.expressionContext(), "")
    return value if isinstance(value, str) else ""


def _inputs(
    algorithm: QgsProcessingAlgorithm, parameters: Mapping, context: QgsProcessingContext
) -> list[tuple[str, Path]]:
    """Each existing file and folder that is read, with the name of its parameter."""
    inputs = []
    for definition in algorithm.parameterDefinitions():
        given = parameters.get(definition.name())
        if not definition.isDestination():
            for value in given if isinstance(given, (list, tuple)) else [given]:
                path = _input_file(value, context)
                # Path.exists raises an error for other texts, which may be long.
                if path and os_path.exists(path):  # noqa: PTH110
                    inputs.append((definition.name(), Path(path)))
    return inputs


def _input_file(value, context: QgsProcessingContext) -> str:
    """The file of a layer, of the name of a layer of the project, or of a path."""
    text = _text(value, context)
    layer = value if isinstance(value, QgsMapLayer) else None
    if text and context.project():
        layer = QgsProcessingUtils.mapLayerFromString(text, context, False)
    if layer is None:
        return text.partition("|")[0]
    parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
    return parts.get("path") or ""


def _check_inputs(
    definition: QgsProcessingParameterDefinition, path: Path, inputs: list[tuple[str, Path]]
) -> None:
    """Raise InputError for an output that replaces an input or a raster in a folder of inputs."""
    if not path.exists():
        return
    for name, source in inputs:
        if source.samefile(path):
            raise InputError(
                f"{definition.name()} ({path}) is what is read as {name}; choose another name."
            )
        parents = Path(os_path.realpath(path)).parents
        if definition.type() == RASTER and Path(os_path.realpath(source)) in parents:
            raise InputError(
                f"{definition.name()} ({path}) is a file in the folder that is read as {name}; "
                "choose another folder."
            )


def _check_ending(definition: QgsProcessingParameterDefinition, path: Path) -> None:
    """Raise InputError for the ending of another format than the one that is written."""
    ending = path.suffix[1:].lower()
    if definition.type() == VECTOR and ending:
        if QgsVectorFileWriter.driverForExtension(ending):
            return
        expected = ["gpkg"]
    else:
        expected = list(_endings(definition))
    if expected and ending not in expected:
        raise InputError(
            f"{definition.name()} ({path.name}) has not the ending of its format; end its name "
            f"with .{expected[0]}."
        )


def _endings(definition: QgsProcessingParameterDefinition) -> Iterator[str]:
    """The endings of the format of an output; none for a folder and a vector layer."""
    if definition.type() == RASTER:
        yield from GEOTIFF_ENDINGS
    if definition.type() == FILE:
        for ending in re.findall(r"\*\.(\w+)", definition.fileFilter()):
            yield ending
            if ending == "html":
                yield "htm"


def _check_place(is_folder: bool, path: Path) -> None:
    """Raise OSError when a file or folder cannot be written."""
    path = path.absolute()
    if path.exists() and path.is_dir() != is_folder:
        raise OSError("it is a file" if is_folder else "it is a folder")
    if path.exists() and not is_folder:
        # A file that another program has open cannot be replaced on Windows.
        path.open("r+b").close()
    folder = next((folder for folder in path.parents if folder.exists()), None)
    if folder is None:
        raise OSError(f"there is no {path.anchor}")
    if not folder.is_dir():
        raise OSError(f"{folder} is not a folder")
    with scratch_folder(folder / path.name):
        pass
    if path.is_dir():
        with scratch_folder(path / path.name):
            pass
