"""Work that outlives an interruption: a hidden folder beside the output, taken up again by the same run."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path

from .progress import Progress

FINGERPRINT = "run.txt"


@contextmanager
def unfinished_folder(path, fingerprint: str, progress: Progress):
    """Yield the folder ``.NAME.unfinished`` beside ``path``; it is removed on success and kept on failure.

    What an earlier run left there is kept if that run had the same ``fingerprint``, else it is cleared away.
    """
    path = Path(path)
    folder = path.with_name(f".{path.name}.unfinished")
    stated = folder / FINGERPRINT
    if not stated.is_file() or stated.read_text(encoding="utf-8") != fingerprint:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        stated.write_text(fingerprint, encoding="utf-8")
    else:
        progress.say(f"An earlier run was interrupted; what it left in {folder.name} is used.")
    try:
        yield folder
    except BaseException:
        progress.say(f"What is done is kept in {folder.name}: the same run goes on from there. Or delete the folder.")
        raise
    shutil.rmtree(folder, ignore_errors=True)
