"""Numbers, choices, switches and files of a run, read once and before any work.

QGIS reads a number that it does not understand as 0 or as the default, and any text as true. It
opens files itself: some damaged rasters crash it, it waits for pipes, and of a file that is no
raster it reports that there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from os import path as os_path
from pathlib import Path

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFile,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProperty,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QVariant

from ..gwsa_plugin.core.base.errors import InputError

SWITCHES = {"true": True, "1": True, "false": False, "0": False}


def read_values(
    algorithm: QgsProcessingAlgorithm, parameters: Mapping, context: QgsProcessingContext
) -> dict:
    """Return the parameters with Python values for numbers, choices and switches.

    Parameters
    ----------
    algorithm : QgsProcessingAlgorithm
        Defines the parameters; a model too.
    parameters : mapping
        As in ``processAlgorithm``.
    context : QgsProcessingContext
        Evaluates values that are expressions.

    Returns
    -------
    dict
        All parameters; None for a number, choice or switch that is empty.

    Raises
    ------
    InputError
        For a value that is not a finite number in the range of the parameter, one of the choices,
        or true or false; for a pipe or a device, and for a file that is not a raster.
    """
    values = dict(parameters)
    for definition in algorithm.parameterDefinitions():
        name = definition.name()
        if definition.type() in _FILES:
            _try_files(definition, values.get(name))
        if name in values and definition.type() in _READERS:
            value = _evaluate(values[name], context)
            empty = value is None or value == "" and _is_optional(definition)
            values[name] = None if empty else _READERS[definition.type()](definition, value)
    return values


def _evaluate(value, context: QgsProcessingContext):
    """The value of an expression, and None for NULL."""
    if isinstance(value, QgsProperty):
        value, understood = value.value(context.expressionContext())
        value = value if understood else ""
    return None if isinstance(value, QVariant) and value.isNull() else value


def _is_optional(definition: QgsProcessingParameterDefinition) -> bool:
    return bool(definition.flags() & QgsProcessingParameterDefinition.Flag.FlagOptional)


def _label(definition: QgsProcessingParameterDefinition, value) -> str:
    return f"{definition.name()} ({definition.description()}) is “{value}”"


def _number(definition: QgsProcessingParameterNumber, value) -> int | float:
    is_integer = definition.dataType() == QgsProcessingParameterNumber.Type.Integer
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not isfinite(number) or is_integer and not number.is_integer():
        kind, example = ("whole number", "12") if is_integer else ("number", "2.5")
        raise InputError(
            f"{_label(definition, value)}, which is not a {kind}; write one like {example}, with "
            "digits and a decimal point only."
        )
    least, most = definition.minimum(), definition.maximum()
    if not least <= number <= most:
        bounds = [f"at least {least:g}"] if abs(least) < 1e9 else []
        bounds += [f"at most {most:g}"] if abs(most) < 1e9 else []
        raise InputError(f"{_label(definition, value)}; it must be {' and '.join(bounds)}.")
    return int(number) if is_integer else number


def _choice(definition: QgsProcessingParameterEnum, value) -> int | list[str]:
    choices = definition.options()
    if definition.usesStaticStrings():
        return _names(definition, value)
    text = str(value).strip()
    if isinstance(value, bool) or text not in map(str, range(len(choices))):
        numbered = ", ".join(f"{number}: {choice}" for number, choice in enumerate(choices))
        raise InputError(f"{_label(definition, value)}; give the number of a choice ({numbered}).")
    return int(text)


def _names(definition: QgsProcessingParameterEnum, value) -> list[str]:
    """The names of choices, given as a list or with commas between them."""
    given = value if isinstance(value, (list, tuple)) else str(value).split(",")
    names = [str(name).strip() for name in given]
    choices = definition.options()
    for name in names:
        if name not in choices:
            raise InputError(
                f"{_label(definition, value)}, but “{name}” is not one of the choices: "
                f"{', '.join(choices)}."
            )
    return names


def _switch(definition: QgsProcessingParameterBoolean, value) -> bool:
    text = str(value).strip().lower()
    if text not in SWITCHES:
        raise InputError(f"{_label(definition, value)}; give true or false.")
    return SWITCHES[text]


def _try_files(definition: QgsProcessingParameterDefinition, given) -> None:
    """Refuse files that cannot be read and that QGIS would wait for, or crash at."""
    from ..gwsa_plugin.core.rasters.in_child import is_risky
    from ..gwsa_plugin.core.rasters.reading import open_raster

    for value in given if isinstance(given, (list, tuple)) else [given]:
        if not isinstance(value, str) or not value:
            continue
        # Path.exists raises an error for other texts, which may be long.
        if os_path.exists(value) and not (os_path.isfile(value) or os_path.isdir(value)):  # noqa: PTH110, PTH112, PTH113
            raise InputError(
                f"{_label(definition, value)}, which is a pipe or a device; give a file."
            )
        is_raster = definition.type() in _RASTERS
        if is_raster and (os_path.isfile(value) or is_risky(Path(value))):  # noqa: PTH113
            open_raster(Path(value)).close()


def unreadable_layer(algorithm: QgsProcessingAlgorithm, parameters: Mapping) -> str:
    """Return a sentence on a file that QGIS cannot open as a layer, and calls not found.

    Parameters
    ----------
    algorithm : QgsProcessingAlgorithm
    parameters : mapping
        As in ``processAlgorithm``.
    """
    for definition in algorithm.parameterDefinitions():
        given = parameters.get(definition.name())
        is_layer = definition.type() == QgsProcessingParameterFeatureSource.typeName()
        if not (is_layer and isinstance(given, str) and os_path.isfile(given)):  # noqa: PTH113
            continue
        if not QgsVectorLayer(given, "layer", "ogr").isValid():
            return (
                f"{Path(given).name} ({definition.name()}) cannot be opened as a layer or table; "
                "it is damaged, or of a kind that QGIS does not read."
            )
    return ""


_RASTERS = (
    QgsProcessingParameterRasterLayer.typeName(),
    QgsProcessingParameterMultipleLayers.typeName(),
)
_FILES = (
    *_RASTERS,
    QgsProcessingParameterFile.typeName(),
    QgsProcessingParameterFeatureSource.typeName(),
)
_READERS = {
    QgsProcessingParameterNumber.typeName(): _number,
    QgsProcessingParameterEnum.typeName(): _choice,
    QgsProcessingParameterBoolean.typeName(): _switch,
}
