"""Every error of a run is one sentence with its true cause."""

import errno
import gc
import weakref

import pytest
from qgis.core import QgsProcessingContext, QgsProcessingException, QgsProcessingFeedback

from gwsa.gwsa_plugin.core.base.errors import Cancelled, InputError
from gwsa.gwsa_plugin.core.rasters.gdal_errors import RasterError
from gwsa.gwsa_plugin.dependencies import MissingLibrary
from gwsa.processing_provider.error_messages import error_message
from gwsa.processing_provider.sample_data import SampleData

CASES = {
    "Name it.": InputError("Name it."),
    "Install it.": MissingLibrary("Install it."),
    "Cancelled": Cancelled(),
    "memory of this machine": MemoryError(),
    "/x/a.tif cannot be read or written .* disk is not full": OSError(
        errno.ENOSPC, "No space left", "/x/a.tif"
    ),
    "a.tif cannot be written: .* disk is not full": RasterError("a.tif cannot be written: x"),
    "^b.nc cannot be written: HDF error; check": RasterError(
        "b.nc cannot be written: HDF error .\nat (./netcdf.cpp,567)\n"
    ),
    "^a.tif cannot be read; .* damaged or cut off": RasterError("a.tif cannot be read: x. y: z"),
    r"libgdal.so.36: cannot open; a library that QGIS loads reports this": OSError(
        "libgdal.so.36: cannot open"
    ),
    r"library cannot be loaded \(DLL load failed\); see": ImportError("DLL load failed"),
    r"unexpected error .*\(KeyError: 'x', in test_error_messages.py, line \d+\)": KeyError("x"),
}


@pytest.mark.parametrize(("sentence", "error"), CASES.items())
def test_a_run_ends_with_one_sentence(provider, monkeypatch, sentence, error):
    algorithm = provider.algorithm("sampledata").create()

    def fail(*_):
        raise error

    monkeypatch.setattr(algorithm, "execute", fail)
    with pytest.raises(QgsProcessingException, match=sentence) as raised:
        algorithm.processAlgorithm({}, QgsProcessingContext(), QgsProcessingFeedback())
    assert str(raised.value).endswith(".")


@pytest.mark.parametrize(
    "error", [OSError("libgdal.so.36: cannot open"), RasterError("a cannot be read")]
)
def test_what_is_no_full_disk_is_not_called_one(error):
    assert "disk" not in error_message(error)


class Values:
    """Stands in for the arrays of a run."""


def test_a_refused_run_keeps_nothing_in_memory(run, monkeypatch, tmp_path):
    """QGIS keeps every QgsProcessingException."""
    left = []

    def execute(self, parameters, context, progress):
        values = Values()
        left.append(weakref.ref(values))
        raise InputError("The values are wrong; correct them.")

    monkeypatch.setattr(SampleData, "execute", execute)
    for _ in range(3):
        with pytest.raises(QgsProcessingException, match="The values are wrong; correct them"):
            run("sampledata", EXTENT="70,71,20,21 [EPSG:4326]", OUTPUT=tmp_path)
    gc.collect()
    assert [values() for values in left] == [None] * 3
