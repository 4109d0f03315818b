"""A file that is made from several downloads, which are kept beside it until it is made."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ..base.progress import Progress
from ..files.atomic import scratch_folder
from ..files.provenance import sha256
from .client import Client
from .download import BY_CHECKSUM, BY_LENGTH, UNVERIFIED, Downloaded, Part, download
from .remote_file import RemoteFile

# From the best to the worst.
WAYS_TO_VERIFY = (BY_CHECKSUM, BY_LENGTH, UNVERIFIED)


def make_from_pieces(
    client: Client,
    file: RemoteFile,
    pieces: Sequence[RemoteFile],
    target: Path,
    make: Callable[[list[Path], Path], None],
    progress: Progress,
    arrived: Callable[[int], None],
) -> Downloaded:
    """Download the pieces of a file, from where an earlier run ended, and make the file of them.

    Parameters
    ----------
    client : Client
    file : RemoteFile
        What is made.
    pieces : sequence of RemoteFile
        Their paths are names without folders.
    target : Path
        Final name.
    make : callable
        Makes the file at its second argument from the pieces.
    progress : Progress
        Asked whether to stop.
    arrived : callable
        Told the number of bytes of each piece of each answer.

    Returns
    -------
    Downloaded
        Of the file that was made; it is verified as well as the worst of the pieces.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Part(target, file.url)
    folder = _folder_of_pieces(target)
    if finished := part.finished(target, progress):
        forget_pieces(target)
        return finished
    paths, verified = [], []
    for piece in pieces:
        progress.stop_if_cancelled()
        paths.append(folder / f".{piece.path}")
        verified.append(_fetch_piece(client, piece, paths[-1], progress, arrived).verified)
    worst = max(verified, key=WAYS_TO_VERIFY.index, default=UNVERIFIED)
    with scratch_folder(target) as scratch:
        made = scratch / target.name
        make(paths, made)
        downloaded = finish_made(part, made, target, worst, file.version, progress)
    forget_pieces(target)
    return downloaded


def forget_pieces(target: Path) -> None:
    """Remove the pieces of a file that is made."""
    shutil.rmtree(_folder_of_pieces(target), ignore_errors=True)


def _folder_of_pieces(target: Path) -> Path:
    return target.with_name(f".{target.name}.pieces")


def finish_made(
    part: Part, made: Path, target: Path, verified: str, version: str, progress: Progress
) -> Downloaded:
    """Give a file that was made from what came its final name."""
    downloaded = Downloaded(sha256(made, progress), made.stat().st_size, verified, version)
    part.publish(made, target, downloaded)
    return downloaded


def _fetch_piece(
    client: Client,
    piece: RemoteFile,
    path: Path,
    progress: Progress,
    arrived: Callable[[int], None],
) -> Downloaded:
    return download(client, replace(piece, path=path.name), path, progress, arrived)
