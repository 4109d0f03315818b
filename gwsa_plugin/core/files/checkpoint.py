"""Checkpoints: intermediate results that let an interrupted run continue where it stopped."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..base.errors import InputError
from ..base.progress import Progress

# Characters of a fingerprint in the folder name, enough to distinguish runs.
DIGITS = 16


@contextmanager
def resumable_folder(path: str | Path, fingerprint: str, progress: Progress) -> Iterator[Path]:
    """Provide a folder for checkpoints that is removed on success and kept on failure.

    Parameters
    ----------
    path : str or Path
        Output of the run; the folder ``.NAME.unfinished`` beside it holds the checkpoints.
    fingerprint : str
        Digest of all that the results depend on. Checkpoints of a run with another fingerprint are
        deleted.
    progress : Progress
        Its log states whether checkpoints are reused or kept.

    Yields
    ------
    Path
        Folder inside ``.NAME.unfinished``. It is named after the fingerprint, so that a worker that
        is still busy with an earlier run does not write into it.
    """
    path = Path(path).absolute()
    folder = path.with_name(f".{path.name}.unfinished")
    own = folder / fingerprint[:DIGITS]
    if own.is_dir():
        progress.info(
            f"An earlier run was interrupted; this run continues from its results in {folder.name}."
        )
    else:
        shutil.rmtree(folder, ignore_errors=True)
        own.mkdir(parents=True)
    try:
        yield own
    except BaseException:
        progress.info(
            f"The results so far are kept in {folder.name}: the same run continues from them. "
            "Delete the folder if you do not need them."
        )
        raise
    shutil.rmtree(folder, ignore_errors=True)


def require_folder(*folders: Path) -> None:
    """Check that this machine can access the folders.

    Raises
    ------
    InputError
        When it cannot access one of them.
    """
    for folder in folders:
        if not folder.is_dir():
            raise InputError(
                f"{platform.node()} cannot access the folder {folder}; every machine that works on "
                "the maps needs it under this path."
            )
