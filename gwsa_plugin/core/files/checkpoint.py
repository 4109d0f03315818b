"""Work that outlives an interruption: a hidden folder beside the output, taken up again by the same run."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path

from ..base.progress import Progress

DIGITS = 16  # of a fingerprint: enough to tell runs apart


@contextmanager
def resumable_folder(path, fingerprint: str, progress: Progress):
    """Yield a folder in ``.NAME.unfinished`` beside ``path``; it is removed on success and kept on failure.

    What an earlier run left there is kept if that run had the same ``fingerprint``, else it is cleared away. The folder
    has the name of it, so that a worker that still is at an earlier run does not write into this one.
    """
    path = Path(path).absolute()
    folder = path.with_name(f".{path.name}.unfinished")
    own = folder / fingerprint[:DIGITS]
    if not own.is_dir():
        shutil.rmtree(folder, ignore_errors=True)
        own.mkdir(parents=True)
    else:
        progress.info(f"An earlier run was interrupted; what it left in {folder.name} is used.")
    try:
        yield own
    except BaseException:
        progress.info(
            f"What is done is kept in {folder.name}: the same run goes on from there. Or delete the folder."
        )
        raise
    shutil.rmtree(folder, ignore_errors=True)
